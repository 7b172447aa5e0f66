/* SPDX-License-Identifier: MIT
 *
 * space_dump: makes sweeps up, decodes some of their trials with sweep/space.h and prints both as JSON lines, numbers
 * exact. tests/ref/space_ref.py decodes the same trials in Python, from docs/index-space.md alone, and compares. Also
 * permutations, task seeds and splits.
 */
#include "sweep/permute.h"
#include "sweep/philox.h"
#include "sweep/space.h"
#include "sweep/split.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PLANS 120u
#define ROWS 24u

static const char *const choices[] = {"equal", "ic", "vol", "rank"};
static struct plan_param params[] = {
    {.name = "a", .type = SHEAF_INT, .def.i = 3},
    {.name = "b", .type = SHEAF_FLOAT, .def.f = 0.1},
    {.name = "c", .type = SHEAF_FLOAT, .def.f = -1.5},
    {.name = "d", .type = SHEAF_CHOICE, .def.text = "ic", .n_choices = 4},
    {.name = "e", .type = SHEAF_INT, .def.i = 7},
};
#define N_PARAMS 5u

/* Where the choices of this program come from: a stream that no sweep uses. */
static uint64_t pick(uint64_t n)
{
    static uint64_t number;
    return philox_below(philox_draw(20260101, number++, 0xffffffffu, 0), n);
}

static double pick_unit(void)
{
    return (double)pick((uint64_t)1 << 40) / (double)((uint64_t)1 << 40);
}

static struct plan_axis int_axis(void)
{
    struct plan_axis a = {.name = "a", .param = 0, .kind = AXIS_INT};
    a.from.i = (int64_t)pick(2000) - 1000;
    a.to.i = a.from.i + (int64_t)pick(pick(2) ? 20 : 20000);
    a.step.i = 1 + (int64_t)pick(3);
    return a;
}

static struct plan_axis float_axis(void)
{
    struct plan_axis a = {.name = "b", .param = 1, .kind = AXIS_FLOAT, .log = pick(2)};
    a.from.f = a.log ? 1e-6 + pick_unit() : pick_unit() * 20 - 10;
    a.to.f = a.from.f + pick_unit() * (pick(2) ? 1 : 1e6);
    a.count = 1 + pick(pick(2) ? 9 : 9000);
    return a;
}

static struct plan_axis step_axis(void)
{
    struct plan_axis a = {.name = "c", .param = 2, .kind = AXIS_FLOAT_STEP, .count = 1 + pick(50)};
    a.from.f = pick_unit() - 0.5;
    a.step.f = 0.01 + pick_unit();
    a.to.f = a.from.f + (double)(a.count - 1) * a.step.f;
    return a;
}

static struct plan_axis choice_axis(void)
{
    static struct plan_value values[3];
    struct plan_axis a = {.name = "d", .param = 3, .kind = AXIS_CHOICES, .values = values};
    a.count = a.n_values = 1 + (uint32_t)pick(3);
    for (uint32_t i = 0; i < a.n_values; i++)
        values[i].text = choices[pick(4)];
    return a;
}

static struct plan_axis log_int_axis(void)
{
    struct plan_axis a = {.name = "e", .param = 4, .kind = AXIS_LOG_INT, .count = 1 + pick(40)};
    a.from.i = 1 + (int64_t)pick(30);
    a.to.i = a.from.i + (int64_t)pick(pick(2) ? 30 : 1000000);
    return a;
}

static void make_plan(struct plan *p, struct plan_axis axes[N_PARAMS])
{
    static struct plan_axis (*const make[])(void) = {int_axis, float_axis, step_axis, choice_axis, log_int_axis};
    static const char *where[] = {"a > 0 and b < 0.5 or c > 0 or d == 'ic'"};
    *p = (struct plan){.plugin = {.params = params, .n_params = N_PARAMS}, .axes = axes, .keys = 1, .splits = 1};
    p->method = pick(2) ? METHOD_GRID : METHOD_RANDOM;
    p->seed = pick(UINT64_MAX);
    p->where = where;
    p->n_where = pick(3) == 0;
    p->trials = 1;
    for (uint64_t i = 0, first = pick(N_PARAMS); i < N_PARAMS; i++)
        if (pick(4) > 0) {
            struct plan_axis a = make[(first + i) % N_PARAMS]();
            p->trials *= space_axis_size(&a);
            axes[p->n_axes++] = a;
        }
    if (p->method == METHOD_RANDOM)
        p->trials = UINT64_C(1) << pick(50);
}

static void print_axis(const struct plan_axis *a)
{
    static const char *const kinds[] = {"const", "choices", "int", "float", "float_step", "log_int"};
    printf("{\"param\": %u, \"kind\": \"%s\", \"count\": %" PRIu64 ", \"log\": %s, \"ints\": [%" PRId64 ", %" PRId64
           ", %" PRId64 "], \"floats\": [\"%a\", \"%a\", \"%a\"], \"values\": [",
           a->param, kinds[a->kind], a->count, a->log ? "true" : "false", a->from.i, a->to.i, a->step.i, a->from.f,
           a->to.f, a->step.f);
    for (uint32_t i = 0; i < a->n_values; i++)
        printf("%s\"%s\"", i ? ", " : "", a->values[i].text);
    printf("]}");
}

static void print_row(struct space *s, uint64_t trial)
{
    const struct sheaf_value *v;
    bool allowed = space_trial(s, trial, &v);
    printf("{\"trial\": %" PRIu64 ", \"allowed\": %s, \"values\": [\"%" PRId64 "\", \"%a\", \"%a\", \"%s\", \"%" PRId64
           "\"]}\n",
           trial, allowed ? "true" : "false", v[0].i, v[1].f, v[2].f, v[3].text, v[4].i);
}

static int dump_plan(void)
{
    struct plan p;
    struct plan_axis axes[N_PARAMS];
    struct diag d;
    make_plan(&p, axes);
    printf("{\"what\": \"plan\", \"method\": \"%s\", \"seed\": %" PRIu64 ", \"trials\": %" PRIu64
           ", \"rows\": %u, \"where\": \"%s\", \"axes\": [",
           p.method == METHOD_GRID ? "grid" : "random", p.seed, p.trials, ROWS, p.n_where ? p.where[0] : "");
    for (uint32_t i = 0; i < p.n_axes; i++) {
        printf("%s", i ? ", " : "");
        print_axis(&p.axes[i]);
    }
    printf("]}\n");
    struct space *s = space_create(&p, &d);
    if (!s) {
        fprintf(stderr, "%s\n", d.text);
        return 1;
    }
    uint64_t trial = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        trial = i % 3 == 0 ? pick(p.trials) : (trial + 1) % p.trials;
        print_row(s, trial);
    }
    space_destroy(s);
    return 0;
}

static void dump_permutation(void)
{
    uint64_t n = 1 + pick(pick(2) ? 100 : UINT64_MAX), seed = pick(UINT64_MAX), which = pick(3), i = pick(n);
    struct permute p;
    permute_init(&p, n, seed, which);
    printf("{\"what\": \"permute\", \"n\": %" PRIu64 ", \"seed\": %" PRIu64 ", \"which\": %" PRIu64 ", \"at\": %" PRIu64
           ", \"to\": %" PRIu64 "}\n",
           n, seed, which, i, permute_at(&p, i));
}

static void dump_seed(void)
{
    uint64_t seed = pick(UINT64_MAX), index = pick((uint64_t)1 << 63);
    printf("{\"what\": \"seed\", \"seed\": %" PRIu64 ", \"index\": %" PRIu64 ", \"is\": %" PRIu64 "}\n", seed, index,
           space_task_seed(seed, index));
}

static int dump_folds(void)
{
    static uint8_t labels[200];
    struct plan p = {.seed = pick(UINT64_MAX)};
    p.split = (struct plan_split){.kind = SPLIT_K_FOLD, .n_rows = 20 + pick(180), .shuffle = true};
    p.splits = p.split.k = 2 + pick(6);
    p.split.stratify = pick(2) ? "y" : "";
    for (uint64_t r = 0; r < p.split.n_rows; r++)
        labels[r] = (uint8_t)pick(4);
    struct sheaf_view view = {
        .dtype = SHEAF_DT_U8, .rank = 1, .shape = {p.split.n_rows}, .strides = {1}, .data = labels};
    struct splitter *s = splitter_create(&p, &view, NULL);
    if (!s)
        return 1;
    struct sheaf_rows train, test;
    uint64_t split = pick(p.splits);
    splitter_rows(s, split, &train, &test);
    printf("{\"what\": \"folds\", \"seed\": %" PRIu64 ", \"k\": %" PRIu64 ", \"split\": %" PRIu64 ", \"labels\": [",
           p.seed, p.splits, split);
    for (uint64_t r = 0; r < p.split.n_rows; r++)
        printf("%s%d", r ? ", " : "", p.split.stratify[0] ? labels[r] : 0);
    printf("], \"test\": [");
    for (uint64_t i = 0; i < test.n; i++)
        printf("%s%" PRId64, i ? ", " : "", test.list[i]);
    printf("]}\n");
    splitter_destroy(s);
    return 0;
}

int main(void)
{
    const char *texts[4];
    for (int i = 0; i < 4; i++)
        texts[i] = choices[i];
    params[3].choices = texts;
    int failed = 0;
    for (uint32_t i = 0; i < PLANS; i++) {
        failed |= dump_plan();
        failed |= dump_folds();
        dump_permutation();
        dump_seed();
    }
    return failed;
}
