/* SPDX-License-Identifier: MIT
 *
 * alloc_fixture: memory that runs out at a chosen allocation, for tests that are linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc: all of these in our own code come here.
 */
#ifndef SHEAF_COMMON_ALLOC_FIXTURE_H
#define SHEAF_COMMON_ALLOC_FIXTURE_H

#include <stdbool.h>

/* The n-th allocation from now on fails (1 = the next), and only that one; 0 = none. */
void alloc_fail_at(unsigned n);

/* Whether it has failed. */
bool alloc_has_failed(void);

/* Whether an allocation that somebody asks about here (a library's own allocator) is the one to fail. Counts it. */
bool alloc_fails(void);

/* Only inside of the code under test do allocations count, and fail. Fixtures say so as `memory`. */
void alloc_inside(bool inside);

#endif
