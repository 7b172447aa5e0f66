/* SPDX-License-Identifier: MIT
 *
 * plan_fixture: a plan put together by hand.
 */
#include "sweep/plan_fixture.h"

#include "sheaf/plugin.h"

static struct plan_plugin plugin_of(struct plan_fixture *f)
{
    f->digest[0] = 1;
    f->param = (struct plan_param){
        .name = "x", .type = SHEAF_FLOAT, .def = {.text = ""}, .min = 1, .max = 0, .unit = "", .help = ""};
    f->score = (struct plan_score){.name = "score", .unit = "", .help = ""};
    f->group_value = (struct plan_score){.name = "value", .unit = "", .help = ""};
    return (struct plan_plugin){.path = "/fixture.so",
                                .digest = {f->digest, HASH_BYTES},
                                .name = "fixture",
                                .version = "1",
                                .summary = "",
                                .identity = "",
                                .config = "{}",
                                .params = &f->param,
                                .n_params = 1,
                                .scores = &f->score,
                                .n_scores = 1,
                                .group_values = &f->group_value,
                                .n_group_values = 1,
                                .threads = 1,
                                .abi_major = 1};
}

void plan_fixture_init(struct plan_fixture *f, uint64_t trials, uint64_t splits)
{
    *f = (struct plan_fixture){.goal = {.score = 0, .maximize = true}};
    f->axis = (struct plan_axis){.name = "x",
                                 .param = 0,
                                 .kind = AXIS_FLOAT,
                                 .from = {.f = 0, .text = ""},
                                 .to = {.f = 1, .text = ""},
                                 .step = {.text = ""},
                                 .count = trials};
    f->plan = (struct plan){.version = PLAN_VERSION,
                            .name = "fixture",
                            .source = "",
                            .plugin = plugin_of(f),
                            .method = METHOD_GRID,
                            .axes = &f->axis,
                            .n_axes = 1,
                            .trials = trials,
                            .keys = 1,
                            .splits = splits,
                            .split = {.stratify = "", .row_axis = ""},
                            .goals = &f->goal,
                            .n_goals = 1,
                            .limits = {.attempts = 3}};
    if (splits > 1)
        f->plan.split =
            (struct plan_split){.kind = SPLIT_K_FOLD, .k = splits, .n_rows = 100, .stratify = "", .row_axis = "row"};
}
