/* SPDX-License-Identifier: MIT
 *
 * sweepplan: the parts of sweepfile_plan, each of which fills its share of a plan from a checked tree, the
 * plugin's descriptor and the dataset. Internal to sweep/.
 */
#ifndef SHEAF_SWEEP_SWEEPPLAN_H
#define SHEAF_SWEEP_SWEEPPLAN_H

#include "sweep/sources.h"
#include "sweep/sweepfile_impl.h"

struct planner {
    const struct sweepfile *f;
    const struct plan_plugin *plugin;
    const struct sources *all;
    const struct dataset *ds; /* the first of them; NULL = the sweep has none */
    struct arena *arena;      /* of the plan */
    struct plan *out;
    const struct dataset_array *rows; /* the first array with a row axis; NULL = none */
    struct diag *d;
};

/* "out of memory" into d; returns SHEAF_ENOMEM. */
int sweepplan_no_memory(const struct planner *p);

/* method, seed, axes, trials (without --limit). Each: 0, SHEAF_ENOMEM or SHEAF_EINVAL with a line in d. */
int sweepaxis_resolve(struct planner *p);

/* Datasets along the trials of an earlier sweep: their axes, which come first, and their parameters, behind the plugin's own. The
 * method is known, and axes has room for them (sweepcarry_axes). */
int sweepcarry_resolve(struct planner *p);

/* What is wrong with them whatever is in them: what they are called, and the method. */
int sweepcarry_check(struct planner *p);

/* How many axes that may become. */
uint32_t sweepcarry_axes(const struct sources *all);

/* The axis of keys: key_axis and keys. */
int sweepkeys_resolve(struct planner *p);

/* The same for `keys: {files: n}`. */
int sweepfiles_resolve(struct planner *p, const struct ynode *n);

/* split.on: the calendar that n names, into split.on, order and n_rows. Rows are known. */
int sweepcalendar_resolve(struct planner *p, const struct ynode *n);

/* Checks the dataset's arrays against the plugin's; then split and splits. */
int sweepdata_resolve(struct planner *p);

/* The output file and folder: first what they are called, then, when all else in the plan is there, what the file looks like. */
int sweepoutput_names(struct planner *p);
int sweepoutput_resolve(struct planner *p);

#endif
