/* SPDX-License-Identifier: MIT
 *
 * rank: the best trials so far, in a heap with the worst of them on top, so that a trial that is not among them costs
 * one comparison. Order: the goal's score, better first; then trials whose score is NaN; then failed ones; ties by
 * trial number. The order is total, so which trials are kept does not depend on the order of arrival.
 */
#ifndef SHEAF_SWEEP_RANK_H
#define SHEAF_SWEEP_RANK_H

#include "sweep/tally.h"

#include <stdbool.h>
#include <stdint.h>

enum rank_class { RANK_SCORED, RANK_NAN, RANK_FAILED };

struct rank_entry {
    uint64_t trial;
    double key; /* smaller is better; counts for RANK_SCORED only */
    uint64_t n_failed, n;
    uint32_t class; /* enum rank_class */
    double *values; /* 4 x n_scores: scores, std, min, max */
};

struct rank {
    struct rank_entry *heap, *sorted;
    uint64_t n, cap, best; /* kept, allocated, wanted */
    uint32_t n_scores;
    double limit; /* a scored trial with a larger key is not among the best; infinity while there is room */
};

/* An empty rank of at most `best` trials; cannot fail. */
void rank_init(struct rank *r, uint32_t n_scores, uint64_t best);
void rank_finish(struct rank *r);

/* Does a trial that is not failed, with this key (it may be NaN), belong to the best so far? */
bool rank_wants_slow(const struct rank *r, uint32_t class, double key, uint64_t trial);

static inline bool rank_wants(const struct rank *r, double key, uint64_t trial)
{
    if (key > r->limit)
        return false;
    return rank_wants_slow(r, key == key ? RANK_SCORED : RANK_NAN, key, trial);
}

/* Takes the trial in if it belongs to the best. 0 or SHEAF_ENOMEM. */
int rank_add(struct rank *r, const struct trial_result *result, double key);

/* The best, best first: r->n entries that hold until the next rank_add. */
const struct rank_entry *rank_sorted(struct rank *r);

#endif
