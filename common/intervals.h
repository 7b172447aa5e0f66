/* SPDX-License-Identifier: MIT
 *
 * intervals: a set of 64-bit positions as sorted, disjoint, non-adjacent half-open ranges. The done-set, the
 * pending set and the frontier of a sweep are such sets: 10^9 tasks cost as much as they have holes.
 */
#ifndef SHEAF_COMMON_INTERVALS_H
#define SHEAF_COMMON_INTERVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
    uint64_t from, to; /* [from, to), from < to */
};

struct intervals {
    struct interval *at;
    size_t n, cap;
    uint64_t count; /* positions in the set */
};

void intervals_finish(struct intervals *s);

/* Adds or removes [from, to); an empty range changes nothing. 0, or SHEAF_ENOMEM and then unchanged. */
int intervals_add(struct intervals *s, uint64_t from, uint64_t to);
int intervals_remove(struct intervals *s, uint64_t from, uint64_t to);

/* Adds or removes all of other. 0, or SHEAF_ENOMEM with a part done. */
int intervals_add_all(struct intervals *s, const struct intervals *other);
int intervals_remove_all(struct intervals *s, const struct intervals *other);

bool intervals_has(const struct intervals *s, uint64_t pos);
bool intervals_has_all(const struct intervals *s, uint64_t from, uint64_t to);

/* Positions of [from, to) that are in the set. */
uint64_t intervals_count_in(const struct intervals *s, uint64_t from, uint64_t to);

/* The first piece of [from, to) that is in the set / that is not; false when there is none. */
bool intervals_next_in(const struct intervals *s, uint64_t from, uint64_t to, struct interval *out);
bool intervals_next_gap(const struct intervals *s, uint64_t from, uint64_t to, struct interval *out);

#endif
