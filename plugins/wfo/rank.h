/* SPDX-License-Identifier: MIT
 *
 * rank: average ranks, and the choice of the best few. Ties are decided by position, so the outcome never
 * depends on how a sort works.
 */
#ifndef WFO_RANK_H
#define WFO_RANK_H

#include <stdint.h>

/* A value and where it stands. */
struct ranked {
    double value;
    uint64_t at;
};

/* Ranks from 1 of x[0 .. n), none of them NaN; equal values share the mean of their ranks. order and spare have room for n. */
void rank_average(const double *x, uint64_t n, struct ranked *order, struct ranked *spare, double *rank);

/* The `most` largest values among those in `set` (equal ones: the lower position first) as a set; returns how many
 * there are. `guess` changes nothing but the speed: positions that are likely among them, tried first. heap has room for
 * `most`. chosen: `words` words, written, not guess. */
uint64_t rank_best(const double *value, const uint64_t *set, const uint64_t *guess, uint64_t words, uint64_t most,
                   struct ranked *heap, uint64_t *chosen);

#endif
