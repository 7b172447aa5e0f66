/* SPDX-License-Identifier: MIT
 *
 * sweepfile_fixture: a plugin's descriptor and datasets without files, for tests of sweep files.
 */
#ifndef SHEAF_SWEEP_SWEEPFILE_FIXTURE_H
#define SHEAF_SWEEP_SWEEPFILE_FIXTURE_H

#include "data/dataset.h"
#include "sweep/plan.h"
#include "sweep/sources.h"

/* A plugin "wfo" with a parameter of every type, two required arrays and one optional, three scores. */
extern const struct plan_plugin fixture_plugin;

enum fixture_data {
    DATA_GOOD,       /* factors 1398 x 43 x 18, returns 1398 x 43, regime 1398, names 43 */
    DATA_NONE,       /* no dataset at all */
    DATA_NO_RETURNS, /* factors only */
    DATA_FLOAT32,    /* returns are float32 */
    DATA_RANK,       /* returns have three axes */
    DATA_ROWS,       /* returns have 1397 rows */
    DATA_KEYED,      /* as DATA_GOOD, factors and returns partitioned by symbol: 3 keys of 466 rows */
    DATA_UNEVEN,     /* the same with 466, 467 and 465 rows */
    DATA_HALF_KEYED, /* factors partitioned, returns not */
    DATA_KEYLESS,    /* partitioned, but there are no keys */
};

/* Static; NULL for DATA_NONE. */
const struct dataset *fixture_dataset(enum fixture_data which);

/* The same as the sweep's only dataset, until the next call. */
const struct sources *fixture_sources(enum fixture_data which, const char *path);

#endif
