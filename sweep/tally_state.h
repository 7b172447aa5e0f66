/* SPDX-License-Identifier: MIT
 *
 * tally_state: the inside of a tally, for tally.c and tally_save.c alone.
 */
#ifndef SHEAF_SWEEP_TALLY_STATE_H
#define SHEAF_SWEEP_TALLY_STATE_H

#include "sweep/digest.h"
#include "sweep/rank.h"
#include "sweep/reduce.h"
#include "sweep/tally.h"
#include "sweep/u64map.h"

/* A trial some of whose cells are missing. */
struct open_trial {
    uint64_t have;   /* cells there */
    uint8_t *status; /* of each cell, 0 = missing; behind the cells */
    double cells[];  /* cells x n_scores */
};

struct tally {
    const struct plan *plan;
    struct reduce_shape shape;
    uint64_t cells; /* of a trial: keys x splits */
    struct plan_goal goal;
    struct tally_counts counts;
    struct digest digest;
    struct rank rank;
    struct u64map open; /* trial -> struct open_trial */
    double *scratch, *values;
};

/* The open trial of that number, made if need be; NULL when out of memory. */
struct open_trial *tally_open_trial(struct tally *t, uint64_t trial);

/* A goal's score as the ranking's key: smaller is better. */
double tally_key(const struct tally *t, double score);

#endif
