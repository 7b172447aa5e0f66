/* SPDX-License-Identifier: MIT
 *
 * sources: the datasets of a sweep as its tasks see them. The first one has the keys and the days of a calendar; the
 * others add arrays. One that an earlier sweep has made (sweep/output.h) may be taken along its trials: then each of its output
 * arrays is seen as one trial has filled it, without the axis of trials, and which one says the task.
 */
#ifndef SHEAF_SWEEP_SOURCES_H
#define SHEAF_SWEEP_SOURCES_H

#include "data/dataset.h"
#include "sweep/plan.h"

/* In an output file: bool [trials], false where `where` left the trial out. */
#define SOURCES_TRIALS "trials.run"

struct source {
    const struct dataset *ds;
    const char *path;             /* absolute */
    const char *along;            /* what its trials are called in this sweep; NULL = it is seen whole */
    bool made;                    /* by an earlier stage */
    uint64_t trials;              /* along: so many; set by sources_add */
    struct dataset_array *arrays; /* along: as tasks see them, those of trial 0; set by sources_add */
};

/* All zero: none. */
struct sources {
    struct source at[PLAN_MAX_DATA];
    uint32_t n;
};

/* One dataset, seen whole; NULL = none. */
struct sources sources_one(const struct dataset *ds, const char *path);

/* Adds one more; at most PLAN_MAX_DATA. What `s` points to must outlive it. 0; SHEAF_EINVAL when it is to be taken along trials that
 * it does not have, SHEAF_ENOMEM; with a line in d. */
int sources_add(struct sources *all, const struct source *s, struct arena *arena, struct diag *d);

/* The first dataset; NULL = none. */
const struct dataset *sources_first(const struct sources *all);

/* The array of that name as tasks see it, NULL = none; *which (may be NULL): the dataset that has it, the first one of several. */
const struct dataset_array *sources_find(const struct sources *all, const char *name, uint32_t *which);

/* Do two datasets have an array of that name? What outputs tell of their trials and keys does not count: then it is the first one's. */
bool sources_clash(const struct sources *all, const char *name);

/* All of them, one dataset after the other. */
uint32_t sources_count(const struct sources *all);
const struct dataset_array *sources_at(const struct sources *all, uint32_t i);

/* How many bytes after one trial the next one begins, of an array (in the dataset's order) of a source; 0 = the array is the same for
 * all trials. */
int64_t sources_step(const struct source *s, uint32_t array);

/* The position of an array that sources_find or sources_at gave in its dataset. */
uint32_t sources_position(const struct source *s, const struct dataset_array *a);

#endif
