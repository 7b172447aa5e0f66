/* SPDX-License-Identifier: MIT
 *
 * mem: the one place where common/ gets memory, so that a test can make it run out.
 */
#ifndef SHEAF_COMMON_MEM_H
#define SHEAF_COMMON_MEM_H

#include <stddef.h>

/* realloc, or what a test put in its place (before any other thread runs). Free with free(). */
extern void *(*mem_realloc)(void *p, size_t size);

/* For a process that moves megabytes from one short-lived buffer to the next: what is freed stays with it, since faulting the same
 * pages in again costs more than copying what goes into them. Without effect where the allocator has no such setting. */
void mem_keep_freed(void);

/* Gives what is free back to the system, all the same: after an hour of need. */
void mem_give_back(void);

#endif
