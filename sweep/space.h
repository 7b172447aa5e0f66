/* SPDX-License-Identifier: MIT
 *
 * space: the index space. A pure function of (plan, trial index) to parameter values, the same bits on every
 * machine: mixed radix for grids, Philox4x32-10 for random, a table for lists; no libm (sweep/detmath.h).
 */
#ifndef SHEAF_SWEEP_SPACE_H
#define SHEAF_SWEEP_SPACE_H

#include "sheaf/plugin.h"
#include "sweep/plan.h"

struct space;

#define SPACE_REDRAWS 1000u /* of a random trial that `where` excludes */

/* How many values an axis has in a grid: its factor in the number of trials. `count` for points, but AXIS_LOG_INT drops
 * equal neighbours; 1 for a constant; 0 for an int range of more than 2^63 - 1 values or a log int of more than 2^20 points. */
uint64_t space_axis_size(const struct plan_axis *a);

/* Compiles the plan's axes and constraints. The plan must outlive the space. NULL on failure, with a line in d.
 * One space serves one thread. */
struct space *space_create(const struct plan *p, struct diag *d);
void space_destroy(struct space *s);

/* The values of one trial in the descriptor's order (p->plugin.n_params of them; parameters that the sweep does not
 * give take their default). Returns true when the trial is to be run, false when `where` excludes it (grid and list:
 * the trial counts as skipped; random: after SPACE_REDRAWS). Consecutive trials are cheap: a grid counts on like an odometer.
 * The values point into the space and hold until the next call. */
bool space_trial(struct space *s, uint64_t trial, const struct sheaf_value **values);

/* The seed of a task: Philox of (sweep seed, index), nothing else. */
uint64_t space_task_seed(uint64_t seed, uint64_t index);

/* index = (trial * keys + key) * splits + split, and back. */
struct cell {
    uint64_t trial, key, split;
};
struct cell space_cell(const struct plan *p, uint64_t index);

/* The order in which positions run through the cells. ORDER_TRIAL: a position is an index. ORDER_KEY: all trials of a key come one after
 * the other, position = (key * trials + trial) * splits + split. */
uint64_t space_index(const struct plan *p, uint64_t position);

/* The position of an index: the other way round. */
uint64_t space_position(const struct plan *p, uint64_t index);

/* The end of the stretch from position `from` on, at most `to`, in which each position's index is one more than that of the one
 * before. */
uint64_t space_stretch(const struct plan *p, uint64_t from, uint64_t to);

#endif
