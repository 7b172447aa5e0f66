/* SPDX-License-Identifier: MIT
 *
 * tables: what every task of a walk-forward sweep would otherwise compute again: the rank correlation of each factor with
 * the next day's returns, and each factor's z-scores. Pure functions of the two arrays, built once per machine into one
 * block of memory that all slots share. Arithmetic: sums run left to right in ascending index, nothing is fused.
 */
#ifndef WFO_TABLES_H
#define WFO_TABLES_H

#include "sheaf/plugin.h"

/* The two arrays: factors [days][assets][factors], returns [days][assets], C order. */
struct market {
    const double *factors, *returns;
    uint64_t days, assets, kinds; /* kinds: number of factors */
    uint64_t words;               /* 64-bit words of a set of assets */
};

/* Where the tables lie in the shared block. */
struct tables {
    const double *ic;       /* [days][kinds]; NaN where it is not defined */
    const uint64_t *finite; /* [days][kinds][words]: assets whose factor is finite */
    const double *z;        /* [days][kinds][assets]; NULL when the cube is too large to keep twice */
};

/* Memory that building needs, for markets of this size. NULL when there is none. Free with tables_work_destroy. */
struct tables_work;
struct tables_work *tables_work_create(const struct market *m);
void tables_work_destroy(struct tables_work *w);

/* Bytes of the block; 0 when that is no number. */
uint64_t tables_size(const struct market *m);

/* Fills a zeroed block of tables_size bytes. */
void tables_build(const struct market *m, struct tables_work *w, void *block);

/* The tables of a built block. */
struct tables tables_of(const struct market *m, const void *block);

/* z-scores of factor k on day t over the assets where it is finite; 0 where it is not, or where all are equal. `finite`
 * gets the set of those assets, or is NULL. */
void tables_z_row(const struct market *m, uint64_t t, uint64_t k, double *z, uint64_t *finite);

#endif
