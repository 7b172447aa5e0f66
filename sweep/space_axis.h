/* SPDX-License-Identifier: MIT
 *
 * space_axis: one parameter of the index space, compiled: from a digit of a grid, a code of a list or a block of
 * random bits to a value.
 */
#ifndef SHEAF_SWEEP_SPACE_AXIS_H
#define SHEAF_SWEEP_SPACE_AXIS_H

#include "sheaf/plugin.h"
#include "sweep/philox.h"
#include "sweep/plan.h"

struct space_axis {
    const struct plan_axis *plan;
    const struct plan_param *param;
    uint64_t size;             /* values in a grid or in the table; 0 for a continuous range of a random search */
    struct sheaf_value *table; /* all values, or NULL where they are computed; owned */
    double log_from, log_to;   /* logarithms of the ends of a log range */
};

/* Compiles an axis for a search method. 0, or SHEAF_EINVAL, SHEAF_ENOMEM with a line in d. space_axis_finish in any case. */
int space_axis_init(struct space_axis *a, const struct plan *p, const struct plan_axis *axis, struct diag *d);
void space_axis_finish(struct space_axis *a);

/* Value number k < size. */
void space_axis_at(const struct space_axis *a, uint64_t k, struct sheaf_value *out);

/* The value that a block of random bits stands for. */
void space_axis_draw(const struct space_axis *a, struct philox_block bits, struct sheaf_value *out);

/* The value that a plan stores for a parameter (a choice, a default) as the plugin sees it. 0 or SHEAF_EINVAL. */
int space_value(const struct plan_param *param, const struct plan_value *v, struct sheaf_value *out, struct diag *d);

#endif
