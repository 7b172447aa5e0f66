/* SPDX-License-Identifier: MIT
 *
 * plan_fixture: a small valid plan for tests of what carries plans about: a grid over one parameter, one score to be
 * maximised, k-fold splits. Tests bend `plan` before they encode it.
 */
#ifndef SHEAF_SWEEP_PLAN_FIXTURE_H
#define SHEAF_SWEEP_PLAN_FIXTURE_H

#include "sweep/plan.h"

struct plan_fixture {
    struct plan plan;
    struct plan_axis axis;
    struct plan_param param;
    struct plan_score score, group_value;
    struct plan_goal goal;
    uint8_t digest[HASH_BYTES];
};

/* f must stay where it is: the plan points into it. */
void plan_fixture_init(struct plan_fixture *f, uint64_t trials, uint64_t splits);

#endif
