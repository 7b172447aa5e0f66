/* SPDX-License-Identifier: MIT
 *
 * reduce: many numbers to one, and a trial's cells to its scores. Sums run from left to right from 0; std is
 * the population's; NaN propagates through every kind, median, min and max included.
 */
#ifndef SHEAF_SWEEP_REDUCE_H
#define SHEAF_SWEEP_REDUCE_H

#include "sweep/plan.h"
#include "sweep/tally.h"

/* One of n >= 1 numbers. May reorder x. An even median is the mean of the middle two. */
double reduce_values(uint32_t kind, double *x, uint64_t n);

/* What a trial's cells are: keys x splits x n_scores float64 in index order, at any alignment. */
struct reduce_shape {
    uint64_t keys, splits;
    uint32_t n_scores;
    uint32_t by_split, by_key; /* enum plan_reduce */
};

struct reduce_shape reduce_shape_of(const struct plan *p);

/* How many float64 of scratch the functions below need; 0 when that many cannot be counted. */
uint64_t reduce_scratch(const struct reduce_shape *s);

/* One score of a trial all of whose cells are done: over splits, then over keys. */
double reduce_score(const struct reduce_shape *s, const void *cells, uint32_t score, double *scratch);

/* The whole reduction of a trial. status: of each cell, NULL = all done. A skipped cell is left out; if all are, so is the trial.
 * values: 4 x n_scores float64 that out will point to: scores, std, min, max. */
void reduce_trial(const struct reduce_shape *s, const uint8_t *status, const void *cells, double *scratch,
                  double *values, struct trial_result *out);

/* Is a trial a single cell, and every reduction one that takes a lone number as it is? */
bool reduce_is_plain(const struct reduce_shape *s);

/* reduce_trial, where reduce_is_plain, of a cell that is done. */
void reduce_plain(const struct reduce_shape *s, const void *cell, double *values, struct trial_result *out);

#endif
