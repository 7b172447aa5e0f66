/* SPDX-License-Identifier: MIT
 *
 * mem: the replaceable allocator of common/.
 */
#include "common/mem.h"

#include <stdlib.h>

void *(*mem_realloc)(void *p, size_t size) = realloc;
