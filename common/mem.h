/* SPDX-License-Identifier: MIT
 *
 * mem: the one place where common/ gets memory, so that a test can make it run out.
 */
#ifndef SHEAF_COMMON_MEM_H
#define SHEAF_COMMON_MEM_H

#include <stddef.h>

/* realloc, or what a test put in its place (before any other thread runs). Free with free(). */
extern void *(*mem_realloc)(void *p, size_t size);

#endif
