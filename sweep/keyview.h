/* SPDX-License-Identifier: MIT
 *
 * keyview: the arrays of a plugin as its tasks see them: whole, or cut to the rows of one key. Nothing is copied: a cut
 * view begins at the key's first row. Going to another key costs a few loads an array, so consecutive tasks of one
 * key cost nothing.
 */
#ifndef SHEAF_SWEEP_KEYVIEW_H
#define SHEAF_SWEEP_KEYVIEW_H

#include "data/dataset.h"
#include "sheaf/plugin.h"
#include "sweep/plan.h"

struct keyview {
    const struct dataset *ds;          /* NULL = none */
    const struct sheaf_view **whole;   /* one an array of the plugin, in its order; NULL = absent and optional */
    const struct sheaf_view **views;   /* the same, but partitioned arrays cut to the key entered last */
    struct sheaf_view *cut;            /* those */
    const struct dataset_array **from; /* and what each of them is cut from */
    struct sheaf_view *folded;         /* what `whole` points to: with as many axes as the plugin asks for */
    uint32_t n_cut;
};

/* Finds the plugin's arrays in ds (NULL = none). Cuts none of them yet: views are as whole. Memory comes from `arena`, which,
 * with ds, must outlive it. keyed: the sweep has keys that are partitions of ds. 0 or SHEAF_ENOMEM. */
int keyview_init(struct keyview *v, const struct plan_plugin *plugin, const struct dataset *ds, bool keyed,
                 struct arena *arena);

/* Cuts the views to the rows of a key of the dataset. */
void keyview_enter(struct keyview *v, uint64_t key);

#endif
