/* SPDX-License-Identifier: MIT
 *
 * keyview: the arrays of a plugin as its tasks see them: whole, or cut to the rows of one key. Nothing is copied: a cut
 * view begins at the key's first row. Going to another key costs a few loads an array, so consecutive tasks of one
 * key cost nothing. Arrays that are taken along the trials of an earlier sweep are moved in the same way, whole ones, too.
 */
#ifndef SHEAF_SWEEP_KEYVIEW_H
#define SHEAF_SWEEP_KEYVIEW_H

#include "data/dataset.h"
#include "sheaf/plugin.h"
#include "sweep/plan.h"
#include "sweep/sources.h"

struct keyview {
    const struct dataset *ds;          /* the first; NULL = none */
    const struct sheaf_view **whole;   /* one an array of the plugin, in its order; NULL = absent and optional */
    const struct sheaf_view **views;   /* the same, but partitioned arrays cut to the key entered last */
    struct sheaf_view *cut;            /* those */
    const struct dataset_array **from; /* and what each of them is cut from */
    struct sheaf_view *folded;         /* what `whole` points to: with as many axes as the plugin asks for */
    uint32_t n_cut;
    struct keyview_moved *moved; /* those along trials */
    uint32_t n_moved;
};

/* An array along trials. */
struct keyview_moved {
    struct sheaf_view *view; /* in `folded` */
    const char *first;       /* where trial 0 begins */
    int64_t step;
    uint32_t source;
};

/* Finds the plugin's arrays in the datasets. Cuts none of them yet: views are as whole, and of trial 0. Memory comes from `arena`,
 * which, with the datasets, must outlive it. keyed: the sweep has keys that are partitions of the first. 0 or SHEAF_ENOMEM. */
int keyview_init(struct keyview *v, const struct plan_plugin *plugin, const struct sources *all, bool keyed,
                 struct arena *arena);

/* Moves the arrays of a source (its position) to what that trial has filled. */
void keyview_go_along(struct keyview *v, uint32_t source, uint64_t trial);

/* Cuts the views to the rows of a key of the dataset. */
void keyview_enter(struct keyview *v, uint64_t key);

#endif
