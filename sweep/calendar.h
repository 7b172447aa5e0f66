/* SPDX-License-Identifier: MIT
 *
 * calendar: splits of keys that have different rows. Windows and folds are cut in one calendar, a list of days that all keys
 * share; here the days of a split become the rows that a key has on them, by way of the column that its rows are ordered by. A day
 * of the calendar on which a key has no row gives none, one on which it has several gives them all.
 */
#ifndef SHEAF_SWEEP_CALENDAR_H
#define SHEAF_SWEEP_CALENDAR_H

#include "common/arena.h"
#include "common/err.h"
#include "data/dataset.h"
#include "sheaf/plugin.h"
#include "sweep/plan.h"

struct calendar;

/* May a calendar have elements of that type? Integers and days may. */
bool calendar_type(uint32_t dtype);

/* The arrays that a plan's split names, when it has a calendar: days and the order column; false when ds lacks them or they are none. */
bool calendar_arrays(const struct plan_split *s, const struct dataset *ds, const struct dataset_array **days,
                     const struct dataset_array **order);

/* Finds the first key whose rows do not fit: they descend, or lie between the first day and the last but on none of them. Both
 * arrays are of the same discrete type, the days ascend. Returns the number of keys when all fit. *row: which row of the key. */
uint64_t calendar_misfit(const struct dataset *ds, const struct dataset_array *days, const struct dataset_array *order,
                         uint64_t *row);

/* Makes one for a plan whose split has a calendar. Memory comes from `arena`, which, with ds, must outlive it. NULL with a line in d. */
struct calendar *calendar_create(const struct plan_split *s, const struct dataset *ds, struct arena *arena,
                                 struct diag *d);

/* What follows is about this key of the dataset. */
void calendar_enter(struct calendar *c, uint64_t key);

/* The key's rows on those days, which are positions in the calendar, counted from the key's first row: two results at a time
 * (which = 0 or 1), each good until the next call for the same one. */
struct sheaf_rows calendar_rows(struct calendar *c, const struct sheaf_rows *days, int which);

#endif
