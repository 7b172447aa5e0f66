/* SPDX-License-Identifier: MIT
 *
 * scale_heap: the memory that the broker of sim_scale holds: every allocation made while its code runs, and what it frees. The
 * linker sends all allocations of the program here (-Wl,--wrap).
 */
#ifndef SHEAF_TESTS_SCALE_HEAP_H
#define SHEAF_TESTS_SCALE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Whether what follows is the broker's. Returns what it was before. */
bool heap_inside(bool inside);

size_t heap_now(void);
size_t heap_peak(void);

#endif
