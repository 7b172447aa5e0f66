/* SPDX-License-Identifier: MIT
 *
 * groupsum: rows of numbers summed by the name of their group. A slot sums what one task emits; whoever reads the results sums the
 * rows of a trial's tasks in index order. Every sum runs from left to right from 0, in the order of the calls. Holds one
 * row a group, not one a call.
 */
#ifndef SHEAF_SWEEP_GROUPSUM_H
#define SHEAF_SWEEP_GROUPSUM_H

#include "data/dict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A group has a name of at most so many bytes; a task at most so many groups, and so many bytes of names and sums. */
#define GROUPSUM_NAME_BYTES 65535u
#define GROUPSUM_TASK_GROUPS 65536u
#define GROUPSUM_TASK_BYTES ((size_t)16 << 20)

/* Zero it and set n_values. */
struct groupsum {
    struct dict names;
    double *sums; /* n_values for each name, in the order in which the names came */
    uint32_t cap; /* names that sums has room for */
    uint32_t n_values;
};

/* A group; `name` and `sums` live until the next change. */
struct groupsum_row {
    const char *name;
    const double *sums;
};

/* Adds a row of n_values little-endian float64 (any alignment) to the group with this name of len bytes without NUL. 0, or
 * SHEAF_ENOMEM or SHEAF_ELIMIT, then nothing was added. */
int groupsum_add(struct groupsum *g, const char *name, size_t len, const void *values);

/* What a task emits: values of n_values doubles. drop: it is only looked at whether the call is right. NULL, or why it is refused. */
const char *groupsum_emit(struct groupsum *g, const char *group, const double *values, bool drop);

/* How many groups there are, and how many bytes their names (with a NUL each) and sums have. */
uint32_t groupsum_count(const struct groupsum *g);
size_t groupsum_bytes(const struct groupsum *g);

/* How much memory they take, with what finds them; not what is set aside for more. */
size_t groupsum_held(const struct groupsum *g);

/* Group i < count in the order in which the names first came. */
struct groupsum_row groupsum_at(const struct groupsum *g, uint32_t i);

/* Every group in bytewise order of the names, in memory that the caller frees; NULL when there is none or out of memory. */
struct groupsum_row *groupsum_sorted(const struct groupsum *g);

/* Empties it; memory is kept unless it is much. */
void groupsum_clear(struct groupsum *g);

/* Frees it; it is empty and usable again. */
void groupsum_finish(struct groupsum *g);

#endif
