/* SPDX-License-Identifier: MIT
 *
 * sweepfile_impl: what a sweep file is inside; for sweepfile.c and those who resolve it into a plan.
 */
#ifndef SHEAF_SWEEP_SWEEPFILE_IMPL_H
#define SHEAF_SWEEP_SWEEPFILE_IMPL_H

#include "sweep/sweepfile.h"
#include "sweep/yamltree.h"

struct sweepfile {
    struct arena *arena; /* of everything below */
    struct arena own;
    const char *path;     /* as the user named it */
    const char *dir;      /* its folder, "." when the path has none */
    const char *absolute; /* for the plan */
    const char *config;   /* JSON */
    struct ynode *whole;  /* the file; with stages */
    struct ynode *root;   /* the sweep, checked against the schema */
    bool overwrite;       /* --overwrite */
    uint64_t limit;       /* --limit, 0 = none */
    uint64_t verify_ppm;  /* --verify */
};

/* The field's place, or the start of the file when it is absent. */
const struct place *sweepfile_at(const struct sweepfile *f, const char *field);

/* The place of entry i of `data`, that of `data` when there is none. */
const struct place *sweepfile_data_at(const struct sweepfile *f, uint32_t i);

#endif
