/* SPDX-License-Identifier: MIT
 *
 * rank: the best trials so far. A trial that is not among them costs one comparison; one that is waits in a pool of four times
 * as many, which is cut down to the best by selection when it is full: a few ns a trial even when each beats the last (a
 * heap took 60). Order: the goal's score, better first; then trials whose score is NaN; then failed ones; ties by
 * trial number. The order is total, so which trials are kept does not depend on the order of arrival.
 */
#ifndef SHEAF_SWEEP_RANK_H
#define SHEAF_SWEEP_RANK_H

#include "sweep/tally.h"

#include <math.h>
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
    struct rank_entry *pool;
    uint64_t n, cap, best; /* in the pool; its size; wanted */
    uint64_t n_values;     /* entries of the pool that have had memory for values, from the front */
    uint32_t n_scores;
    double limit; /* a scored trial with a larger key is not among the best; infinity while that is not known */
};

/* An empty rank of at most `best` trials; cannot fail. */
void rank_init(struct rank *r, uint32_t n_scores, uint64_t best);
void rank_finish(struct rank *r);

/* May a trial that is not failed, with this key (it may be NaN), belong to the best so far? */
static inline bool rank_wants(const struct rank *r, double key)
{
    return !(key > r->limit) && !(key != key && r->limit < (double)INFINITY);
}

/* Takes the trial in if it belongs to the best. Its scores, std, min and max lie one after another, as reduce_trial leaves
 * them. 0 or SHEAF_ENOMEM. */
int rank_add(struct rank *r, const struct trial_result *result, double key);

/* The best, best first: r->n entries (no more than r->best) that hold until the next rank_add. */
const struct rank_entry *rank_sorted(struct rank *r);

#endif
