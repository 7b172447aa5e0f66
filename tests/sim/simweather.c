/* SPDX-License-Identifier: MIT
 *
 * simweather: what a seed stands for: how bad the network is, which sweeps there are, what their tasks do and return.
 */
#include "tests/sim/sim.h"

#include <math.h>
#include <stdio.h>

/* ---- tasks: what they return depends on their sweep and position only ---- */

bool task_share(const struct sim *s, const struct vsweep *v, uint64_t position, uint64_t salt, double p)
{
    return (double)(hash_of(position * 31 + salt, s->seed * 7 + v->index) >> 11) * 0x1.0p-53 < p;
}

uint8_t task_status_of(const struct sim *s, const struct vsweep *v, uint64_t position)
{
    if (task_share(s, v, position / v->plan.splits, 6, v->skipped))
        return TASK_SKIPPED;
    bool fails = task_share(s, v, position, 1, v->poison) || task_share(s, v, position, 2, v->fails) ||
                 task_share(s, v, position, 7, v->stuck);
    return fails ? TASK_FAILED : TASK_DONE;
}

double task_score_of(const struct vsweep *v, uint64_t position)
{
    return (double)(hash_of(position, 77 + v->index) >> 11) * 0x1.0p-53;
}

/* ---- the weather ---- */

void weather_choose(struct sim *s)
{
    struct rng *r = &s->rng;
    bool faults = !rng_chance(r, 0.1);
    s->weather = (struct weather){.workers = (uint32_t)rng_between(r, 1, 4),
                                  .slots = (uint32_t)rng_between(r, 1, 3),
                                  .sweeps = rng_chance(r, 0.6) ? 1 : (uint32_t)rng_between(r, 2, SIM_SWEEPS),
                                  .drop = faults ? 0.05 * rng_unit(r) : 0,
                                  .duplicate = faults ? 0.02 * rng_unit(r) : 0,
                                  .reorder = faults ? 0.1 * rng_unit(r) : 0,
                                  .delay_ns = rng_between(r, 20000, 2000000),
                                  .delay_spread_ns = rng_between(r, 0, 5000000),
                                  .faults_until = faults ? rng_between(r, 1, 60) * NS_PER_S : 0,
                                  .mean_between_faults = rng_between(r, 200, 8000) * NS_PER_MS,
                                  .disk_error = rng_chance(r, 0.3) ? 0.02 * rng_unit(r) : 0,
                                  .deeds = rng_chance(r, 0.5) ? 0.2 * rng_unit(r) : 0,
                                  .mixed = rng_chance(r, 0.1)};
    s->weather.local = s->weather.workers == 1 && rng_chance(r, 0.5);
}

/* ---- sweeps ---- */

static void choose_sweep(struct sim *s, struct vsweep *v, uint32_t index)
{
    struct rng *r = &s->rng;
    uint64_t trials = (uint64_t)rng_between(r, 1, 150 / s->weather.sweeps);
    *v = (struct vsweep){.index = index,
                         .flaky = 0.05 * rng_unit(r),
                         .poison = 0.02 * rng_unit(r),
                         .fails = 0.05 * rng_unit(r),
                         .stuck = rng_chance(r, 0.15) ? 0.01 * rng_unit(r) : 0,
                         .skipped = rng_chance(r, 0.3) ? rng_unit(r) : 0,
                         .task_ns = rng_between(r, 10000, 200000000),
                         .task_tail = 0.03 * rng_unit(r),
                         .opens = !rng_chance(r, 0.05)};
    if (v->stuck > 0)
        v->task_tail = 0; /* no task that ends is to run into task_seconds, also when its slot is stopped for a while */
    snprintf(v->name, sizeof(v->name), "sim%u", index);
    v->part_trials = trials > 1 && rng_chance(r, 0.3) ? (uint64_t)rng_between(r, 1, (int64_t)trials - 1) : 0;
    v->plan = (struct plan){.trials = trials,
                            .splits = (uint64_t)rng_between(r, 1, 4),
                            .keep_best = rng_chance(r, 0.25) ? 5 : 0,
                            .verify_ppm = rng_chance(r, 0.2) ? 100000 : 0,
                            .limits = {.attempts = SIM_ATTEMPTS,
                                       .task_seconds = v->stuck > 0 ? SIM_TASK_SECONDS : 0,
                                       .failures = rng_chance(r, 0.1) ? (uint64_t)rng_between(r, 1, 8) : 0}};
}

void sweep_fill(struct vsweep *v)
{
    static const uint8_t digest[HASH_BYTES] = {1};
    static const char *where[] = {"x < 2"};
    struct plan *p = &v->plan;
    struct plan_value from = {.f = 0, .text = ""}, to = {.f = 1, .text = ""};
    v->value = (struct plan_value){.text = ""};
    v->param = (struct plan_param){.name = "x", .type = 2, .def = v->value, .min = 1, .max = 0, .unit = "", .help = ""};
    v->score = (struct plan_score){.name = "score", .unit = "", .help = ""};
    v->goal = (struct plan_goal){.score = 0, .maximize = true};
    v->axis = (struct plan_axis){.name = "x",
                                 .kind = AXIS_FLOAT,
                                 .from = from,
                                 .to = to,
                                 .step = v->value,
                                 .count = v->part_trials ? 1 : p->trials};
    p->version = PLAN_VERSION;
    p->name = v->name;
    p->source = "";
    p->method = v->part_trials ? METHOD_RANDOM : METHOD_GRID;
    p->seed = v->index; /* the identity does not see the name */
    p->axes = &v->axis;
    p->n_axes = 1;
    p->keys = 1;
    p->goals = &v->goal;
    p->n_goals = 1;
    p->where = where;
    p->n_where = v->skipped > 0;
    p->plugin = (struct plan_plugin){.path = "/sim.so",
                                     .digest = {digest, HASH_BYTES},
                                     .name = "sim",
                                     .version = "1",
                                     .summary = "",
                                     .identity = "",
                                     .config = "{}",
                                     .params = &v->param,
                                     .n_params = 1,
                                     .scores = &v->score,
                                     .n_scores = 1,
                                     .threads = 1,
                                     .abi_major = 1};
    p->split = (struct plan_split){.stratify = "", .row_axis = ""};
    if (p->splits > 1)
        p->split =
            (struct plan_split){.kind = SPLIT_K_FOLD, .k = p->splits, .n_rows = 100, .stratify = "", .row_axis = "row"};
    v->total = plan_tasks(p);
    SHEAF_ASSERT(plan_encode(p, &v->whole) == 0 && plan_identity(p, v->identity) == 0);
}

/* What a plain loop computes. */
static void expect(const struct sim *s, struct vsweep *v, uint8_t digest[HASH_BYTES])
{
    struct tally *t = tally_create(&v->plan, 10);
    v->failing = 0;
    for (uint64_t i = 0; i < plan_tasks(&v->plan); i++) {
        uint8_t status = task_status_of(s, v, i);
        double score = status == TASK_DONE ? task_score_of(v, i) : NAN;
        v->failing += status == TASK_FAILED;
        SHEAF_ASSERT(t && tally_add(t, i, 1, &status, &score) == 0);
    }
    SHEAF_ASSERT(tally_digest(t, digest));
    tally_destroy(t);
}

void sweeps_make(struct sim *s)
{
    for (uint32_t i = 0; i < s->weather.sweeps; i++) {
        struct vsweep *v = &s->sweeps[i];
        choose_sweep(s, v, i);
        sweep_fill(v);
        uint64_t trials = v->plan.trials;
        if (v->part_trials) {
            v->plan.trials = v->part_trials;
            SHEAF_ASSERT(plan_encode(&v->plan, &v->part) == 0);
            expect(s, v, v->part_expected);
            v->plan.trials = trials;
        }
        expect(s, v, v->expected);
        SHEAF_ASSERT(v->total <= SIM_TASKS);
    }
}

void sweeps_free(struct sim *s)
{
    for (uint32_t i = 0; i < s->weather.sweeps; i++) {
        buf_finish(&s->sweeps[i].whole);
        buf_finish(&s->sweeps[i].part);
    }
}
