/* SPDX-License-Identifier: MIT
 *
 * mem_fail: for tests: memory that runs out at a chosen allocation.
 */
#ifndef SHEAF_COMMON_MEM_FAIL_H
#define SHEAF_COMMON_MEM_FAIL_H

#include "common/mem.h"

#include <stdlib.h>

static unsigned mem_left;

static inline void *mem_fail_realloc(void *p, size_t size)
{
    if (mem_left == 0)
        return NULL;
    mem_left--;
    return realloc(p, size);
}

/* The next n allocations succeed and all later ones fail, until mem_fail_end. */
static inline void mem_fail_after(unsigned n)
{
    mem_left = n;
    mem_realloc = mem_fail_realloc;
}

static inline void mem_fail_end(void)
{
    mem_realloc = realloc;
}

#endif
