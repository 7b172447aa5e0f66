/* SPDX-License-Identifier: MIT
 *
 * mem: the replaceable allocator of common/, and how much of its memory a process keeps.
 */
#include "common/mem.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define MAP_BYTES (4 << 20)   /* larger pieces are mapped and unmapped one by one */
#define KEEP_BYTES (16 << 20) /* freed at the end of a heap, and kept */

void *(*mem_realloc)(void *p, size_t size) = realloc;

void mem_keep_freed(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, MAP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
#endif
}

void mem_give_back(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
