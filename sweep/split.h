/* SPDX-License-Identifier: MIT
 *
 * split: train and test rows of split s, a pure function of the plan (and, for a stratified k-fold, of one array).
 *
 * walk_forward: reference/wfo.py windows(): for s = 0, step, 2 step ... while s + train + gap + test <= n_rows:
 * a = s (0 if anchored), b = s + train, c = b + gap, d = c + test; train [a, b), test [c, d).
 * k_fold: contiguous folds, the first n % k one longer; shuffled: rows permuted by the sweep's seed, then dealt; stratified: each
 * class dealt in turn, so that the folds' class counts differ by one at most. Row lists are ascending.
 */
#ifndef SHEAF_SWEEP_SPLIT_H
#define SHEAF_SWEEP_SPLIT_H

#include "sheaf/plugin.h"
#include "sweep/plan.h"

struct splitter;

/* How many whole windows or folds fit: 0 when none does. */
uint64_t split_count(const struct plan_split *s);

/* strata: the array that `stratify` names, or NULL. Plan (and the array, during this call) must outlive. NULL with a
 * line in d on failure. The rows handed out point into the splitter. */
struct splitter *splitter_create(const struct plan *p, const struct sheaf_view *strata, struct diag *d);
void splitter_destroy(struct splitter *s);

/* Train and test of split number `split` < plan->splits. */
void splitter_rows(struct splitter *s, uint64_t split, struct sheaf_rows *train, struct sheaf_rows *test);

#endif
