/* SPDX-License-Identifier: MIT
 *
 * Tests of sweepplan, sweepaxis and sweepdata: what right sweep files become, and that every example of
 * docs/sweep-file.md is one.
 */
#include "sweep/sweepfile.h"

#include "common/fsutil.h"
#include "sweep/sweepfile_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "plugin: wfo\ndata: d\n"
#define GOAL "goal: {maximize: sharpe}\n"

struct fixture {
    struct arena arena;
    struct plan plan;
};

static int plan_of(struct fixture *x, const char *yaml, const struct sweep_overrides *o, struct diag *d)
{
    struct sweepfile *f = sweepfile_parse("s.yaml", yaml, strlen(yaml), o, d);
    if (f == NULL)
        return SHEAF_EINVAL;
    arena_init(&x->arena, 0);
    int err = sweepfile_plan(f, &fixture_plugin, fixture_sources(DATA_KEYED, "/abs/d"), &x->arena, &x->plan, d);
    sweepfile_destroy(f); /* the plan must not need it */
    if (err != 0)
        arena_finish(&x->arena);
    return err;
}

static void make_with(struct fixture *x, const char *yaml, const struct sweep_overrides *o)
{
    struct diag d = {{0}};
    if (plan_of(x, yaml, o, &d) != 0)
        fail_msg("refused: %s", d.text);
}

static void make(struct fixture *x, const char *yaml)
{
    make_with(x, yaml, NULL);
}

/* A plan that the wire carries: what decodes again has passed all of plan_decode's checks. */
static void assert_decodes(const struct plan *p)
{
    struct buf bytes = {0};
    struct arena arena;
    struct plan back;
    struct diag d = {{0}};
    arena_init(&arena, 0);
    assert_int_equal(plan_encode(p, &bytes), 0);
    if (plan_decode(bytes.data, bytes.len, &arena, &back, &d) != 0)
        fail_msg("does not decode: %s", d.text);
    assert_int_equal(back.trials, p->trials);
    buf_finish(&bytes);
    arena_finish(&arena);
}

static void a_minimal_file_gets_every_default(void **state)
{
    (void)state;
    struct fixture x;
    make(&x, HEAD "params: {top_n: 3}\n" GOAL);
    const struct plan *p = &x.plan;
    assert_int_equal(p->version, PLAN_VERSION);
    assert_string_equal(p->name, "");
    assert_int_equal(p->source[0], '/');
    assert_int_equal(p->n_data, 1);
    assert_string_equal(p->data[0].path, "/abs/d");
    assert_int_equal(p->data[0].digest.len, HASH_BYTES);
    assert_int_equal(((const uint8_t *)p->data[0].digest.data)[1], 2);
    assert_int_equal(p->method, METHOD_GRID);
    assert_true(p->seed == 0 && p->trials == 1 && p->keys == 1 && p->splits == 1);
    assert_int_equal(p->split.kind, SPLIT_NONE);
    assert_int_equal(p->split.n_rows, 1398);
    assert_string_equal(p->split.row_axis, "day");
    assert_true(p->reduce_split == REDUCE_MEAN && p->reduce_key == REDUCE_MEAN);
    assert_true(p->n_goals == 1 && p->goals[0].score == 0 && p->goals[0].maximize);
    assert_true(p->limits.attempts == 3 && p->limits.failures == 0 && p->limits.memory_mb == 0);
    assert_true(p->limits.task_seconds <= 0);
    assert_true(p->keep_best == 0 && p->verify_ppm == 0 && p->n_where == 0);
    assert_decodes(p);
    arena_finish(&x.arena);
}

static void every_field_reaches_the_plan(void **state)
{
    (void)state;
    struct fixture x;
    make(&x, "name: \"2024 a\"\n" HEAD "params: {top_n: [5, 2]}\nsearch: {seed: 7}\nwhere: [top_n > 2, top_n < 9]\n"
             "split: {walk_forward: {train: 252, test: 63, step: 21, gap: 5, anchored: true}}\n"
             "reduce: {split: median, key: sum}\ngoal: [{minimize: turnover}, {maximize: sharpe}]\n"
             "limits: {task_seconds: 0.5, memory_mb: 1024, attempts: 2, failures: 100}\nkeep: {best: 1000}\n");
    const struct plan *p = &x.plan;
    assert_string_equal(p->name, "2024 a");
    assert_int_equal(p->seed, 7);
    assert_true(p->n_where == 2 && strcmp(p->where[1], "top_n < 9") == 0);
    const struct plan_split *s = &p->split;
    assert_true(s->train == 252 && s->test == 63 && s->step == 21 && s->gap == 5 && s->anchored);
    assert_int_equal(p->splits, (1398 - 320) / 21 + 1);
    assert_true(p->reduce_split == REDUCE_MEDIAN && p->reduce_key == REDUCE_SUM);
    assert_true(p->n_goals == 2 && p->goals[0].score == 2 && !p->goals[0].maximize && p->goals[1].maximize);
    assert_true(p->limits.task_seconds > 0.4 && p->limits.task_seconds < 0.6);
    assert_true(p->limits.memory_mb == 1024 && p->limits.attempts == 2 && p->limits.failures == 100);
    assert_int_equal(p->keep_best, 1000);
    assert_decodes(p);
    arena_finish(&x.arena);
}

static void walk_forward_steps_by_test_unless_told(void **state)
{
    (void)state;
    struct fixture x;
    make(&x, HEAD "params: {top_n: 3}\nsplit: {walk_forward: {train: 252, test: 63}}\n" GOAL);
    assert_true(x.plan.split.step == 63 && x.plan.split.gap == 0 && !x.plan.split.anchored);
    assert_int_equal(x.plan.splits, 18);
    arena_finish(&x.arena);
}

static void k_fold_may_shuffle_and_stratify(void **state)
{
    (void)state;
    struct fixture x;
    make(&x, HEAD "params: {top_n: 3}\nsplit: {k_fold: {k: 5, shuffle: true, stratify: regime}}\n" GOAL);
    assert_true(x.plan.split.kind == SPLIT_K_FOLD && x.plan.split.k == 5 && x.plan.split.shuffle);
    assert_string_equal(x.plan.split.stratify, "regime");
    assert_int_equal(x.plan.splits, 5);
    assert_decodes(&x.plan);
    arena_finish(&x.arena);
}

/* One parameter beside top_n; kind, values or points, and trials. */
static const struct {
    const char *param, *search;
    uint32_t kind, n_values;
    uint64_t count;
    bool log;
} axis_cases[] = {
    {"lookback: 20", "", AXIS_CONST, 1, 1, false},
    {"lookback: [20, 0x10, 0o17, +5]", "", AXIS_CHOICES, 4, 4, false},
    {"lookback: {from: 20, to: 250, step: 10}", "", AXIS_INT, 0, 24, false},
    {"lookback: {from: 20, to: 29, step: 10}", "", AXIS_INT, 0, 1, false},
    {"lookback: {from: 1, to: 5}", "", AXIS_INT, 0, 5, false},
    {"lookback: {from: -3, to: 3, count: 3}", "", AXIS_INT, 0, 3, false},
    {"lookback: {from: 1, to: 100, count: 7}", "", AXIS_CHOICES, 7, 7, false},
    {"lookback: {from: 1, to: 4, count: 9}", "", AXIS_CHOICES, 4, 4, false},
    {"lookback: {from: 7, to: 7}", "", AXIS_CONST, 1, 1, false},
    {"lookback: {from: 1, to: 1000, scale: log, count: 4}", "", AXIS_LOG_INT, 0, 4, true},
    {"alpha: 1", "", AXIS_CONST, 1, 1, false},
    {"alpha: [0, 1e-4, .5, 1]", "", AXIS_CHOICES, 4, 4, false},
    {"alpha: {from: 0, to: 1, step: 0.1}", "", AXIS_FLOAT_STEP, 0, 11, false},
    {"alpha: {from: 0, to: 0.3, step: 0.1}", "", AXIS_FLOAT_STEP, 0, 4, false},
    {"alpha: {from: 0, to: 1, step: 0.3}", "", AXIS_FLOAT_STEP, 0, 4, false},
    {"shift: {from: 0, to: 10, step: 2}", "", AXIS_FLOAT_STEP, 0, 6, false},
    {"alpha: {from: 0, to: 1, count: 5}", "", AXIS_FLOAT, 0, 5, false},
    {"alpha: {from: 1e-4, to: 1, scale: log, count: 5}", "", AXIS_FLOAT, 0, 5, true},
    {"alpha: {from: 0.5, to: 0.5, count: 1}", "", AXIS_CONST, 1, 1, false},
    {"weighting: [ic, equal]", "", AXIS_CHOICES, 2, 2, false},
    {"verbose: [true, FALSE]", "", AXIS_CHOICES, 2, 2, false},
    {"label: [a, \"5\"]", "", AXIS_CHOICES, 2, 2, false},
    {"alpha: {from: 1e-4, to: 1, scale: log}", "search: {method: random, trials: 9}\n", AXIS_FLOAT, 0, 0, true},
    {"alpha: {from: 0, to: 1}", "search: {method: random, trials: 9}\n", AXIS_FLOAT, 0, 0, false},
    {"alpha: {from: 0, to: 1, step: 0.25}", "search: {method: random, trials: 9}\n", AXIS_FLOAT_STEP, 0, 5, false},
    {"lookback: {from: 2, to: 9}", "search: {method: random, trials: 9}\n", AXIS_INT, 0, 8, false},
    {"lookback: {from: 2, to: 900, scale: log}", "search: {method: random, trials: 9}\n", AXIS_LOG_INT, 0, 0, true},
};

static void values_and_ranges_become_axes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof axis_cases / sizeof axis_cases[0]; i++) {
        char yaml[512];
        struct fixture x;
        snprintf(yaml, sizeof yaml, HEAD GOAL "%sparams:\n  top_n: [1, 2]\n  %s\n", axis_cases[i].search,
                 axis_cases[i].param);
        make(&x, yaml);
        const struct plan_axis *a = &x.plan.axes[1];
        bool same = x.plan.n_axes == 2 && a->kind == axis_cases[i].kind && a->n_values == axis_cases[i].n_values &&
                    a->count == axis_cases[i].count && a->log == axis_cases[i].log;
        if (!same)
            fail_msg("%s: kind %u, %u values, count %llu", axis_cases[i].param, a->kind, a->n_values,
                     (unsigned long long)a->count);
        uint64_t trials = x.plan.method == METHOD_RANDOM ? 9 : 2 * axis_cases[i].count;
        assert_int_equal(x.plan.trials, trials);
        assert_decodes(&x.plan);
        arena_finish(&x.arena);
    }
}

static void values_keep_their_type(void **state)
{
    (void)state;
    struct fixture x;
    make(&x, HEAD GOAL "params: {top_n: 3, shift: [2, -1.5, 1e300], weighting: ic, verbose: true, label: hé}\n");
    const struct plan_axis *a = x.plan.axes;
    assert_true(a[0].values[0].i == 3 && a[0].param == 0);
    assert_true(a[1].values[0].f > 1.9 && a[1].values[0].i == 2);
    assert_true(a[1].values[1].i == -1 && a[1].values[2].i == 0);
    assert_true(a[2].values[0].i == 1 && strcmp(a[2].values[0].text, "ic") == 0);
    assert_true(a[3].values[0].i == 1 && strcmp(a[3].values[0].text, "") == 0);
    assert_string_equal(a[4].values[0].text, "hé");
    arena_finish(&x.arena);
}

static void rounded_points_are_equally_spaced(void **state)
{
    (void)state;
    static const int64_t expected[] = {1, 18, 34, 51, 67, 84, 100}; /* 1 + k * 16.5, halves up */
    struct fixture x;
    make(&x, HEAD GOAL "params: {top_n: 1, lookback: {from: 1, to: 100, count: 7}}\n");
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(x.plan.axes[1].values[i].i, expected[i]);
    arena_finish(&x.arena);
}

static void grids_of_nearly_2_63_trials_are_planned(void **state)
{
    (void)state;
    struct fixture x;
    make(&x,
         HEAD GOAL "where: top_n > 499\nparams:\n  top_n: {from: 1, to: 500}\n  lookback: {from: 1, to: 1000000000}\n"
                   "  n_factors: {from: 1, to: 18000000}\n");
    assert_true(x.plan.trials == (uint64_t)9e18);
    assert_decodes(&x.plan);
    arena_finish(&x.arena);
}

static void options_change_the_plan(void **state)
{
    (void)state;
    const char *set[] = {"params.top_n=[1, 2, 3, 4]", "limits.attempts=1", "search.method=grid"};
    struct sweep_overrides o = {set, 3, "11", "3", "1%", false, 0};
    struct fixture x;
    make_with(&x, HEAD "params: {top_n: 3}\n" GOAL, &o);
    assert_true(x.plan.trials == 3 && x.plan.axes[0].count == 4);
    assert_int_equal(x.plan.seed, 11);
    assert_int_equal(x.plan.limits.attempts, 1);
    assert_int_equal(x.plan.verify_ppm, 10000);
    arena_finish(&x.arena);
}

static void running_out_of_memory_is_an_error_of_its_own(void **state)
{
    (void)state;
    const char *yaml = HEAD GOAL "params: {top_n: [1, 2], label: [a, b], alpha: 1}\nwhere: [top_n > 1, alpha > 0]\n";
    struct diag d = {{0}};
    struct sweepfile *f = sweepfile_parse("s.yaml", yaml, strlen(yaml), NULL, &d);
    assert_non_null(f);
    int err = SHEAF_ENOMEM;
    unsigned refusals = 0;
    for (size_t limit = 1; err != 0; limit += 16, refusals++) {
        struct arena arena;
        struct plan plan;
        arena_init(&arena, limit);
        err = sweepfile_plan(f, &fixture_plugin, fixture_sources(DATA_GOOD, ""), &arena, &plan, &d);
        assert_true(err == 0 || (err == SHEAF_ENOMEM && strstr(d.text, "out of memory") != NULL));
        arena_finish(&arena);
    }
    assert_true(refusals > 2);
    sweepfile_destroy(f);
}

static void random_limits_and_seeds_hold(void **state)
{
    (void)state;
    struct sweep_overrides o = {.limit = "100"};
    struct fixture x;
    make_with(&x, HEAD GOAL "params: {top_n: {from: 1, to: 5}}\nsearch: {method: random, trials: 50, seed: 3}\n", &o);
    assert_true(x.plan.method == METHOD_RANDOM && x.plan.trials == 50 && x.plan.seed == 3);
    arena_finish(&x.arena);
}

/* Plans a sweep over trials.csv in a folder of its own; "" or the line of the refusal, without the folder. */
static const char *plan_of_list(struct fixture *x, const char *yaml, const char *csv, const struct sweep_overrides *o)
{
    static struct diag d;
    char dir[] = "/tmp/sweepplan_test.XXXXXX", file[64], list[64];
    d.text[0] = '\0';
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/s.yaml", dir);
    snprintf(list, sizeof list, "%s/trials.csv", dir);
    assert_int_equal(file_write_atomic(list, csv, strlen(csv), &d), 0);
    struct sweepfile *f = sweepfile_parse(file, yaml, strlen(yaml), o, &d);
    if (f == NULL)
        fail_msg("%s", d.text);
    arena_init(&x->arena, 0);
    if (sweepfile_plan(f, &fixture_plugin, fixture_sources(DATA_GOOD, ""), &x->arena, &x->plan, &d) != 0)
        arena_finish(&x->arena);
    sweepfile_destroy(f);
    assert_int_equal(dir_remove(dir), 0);
    bool here = strncmp(d.text, dir, strlen(dir)) == 0;
    return here ? d.text + strlen(dir) + 1 : d.text;
}

#define LIST HEAD GOAL "search: {method: list, file: trials.csv}\n"

static void a_list_is_read_beside_the_sweep_file(void **state)
{
    (void)state;
    struct fixture x;
    assert_string_equal(plan_of_list(&x, LIST "params: {alpha: 0.5}\nwhere: top_n > 1\n", "top_n\n3\n1\n3\n", NULL),
                        "");
    assert_true(x.plan.method == METHOD_LIST && x.plan.trials == 3 && x.plan.n_axes == 2);
    assert_true(x.plan.axes[0].kind == AXIS_LIST && x.plan.axes[1].kind == AXIS_CONST);
    assert_decodes(&x.plan);
    arena_finish(&x.arena);
}

static void a_list_may_be_cut(void **state)
{
    (void)state;
    struct fixture x;
    const char *set[] = {"search.trials=3"};
    struct sweep_overrides o = {.set = set, .n_set = 1, .limit = "2"};
    assert_string_equal(plan_of_list(&x, LIST, "top_n\n3\n1\n5\n7\n", &o), "");
    assert_true(x.plan.trials == 2 && x.plan.axes[0].n_values == 3 && x.plan.axes[0].codes.len == 8);
    assert_decodes(&x.plan);
    arena_finish(&x.arena);
}

static void lists_that_do_not_fit_their_sweep_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *csv, *line;
    } wrong[] = {
        {LIST "params: {top_n: 3}\n", "top_n\n3\n",
         "s.yaml:5:10: params.top_n is a column of trials.csv too; remove one"},
        {LIST "params: {alpha: [0, 1]}\n", "top_n\n3\n",
         "s.yaml:5:17: params.alpha has several values, but search: list takes them from trials.csv; give one value "
         "here"},
        {LIST "params: {alpha: 1}\n", "cost_bps\n3\n",
         "s.yaml:5:9: wfo needs the parameter top_n; add it to params: a whole number from 1 to 500"},
        {LIST, "top_n\n501\n", "trials.csv:2:1: top_n is 501; wfo takes a whole number from 1 to 500"},
        {LIST "where: top_n > 5\n", "top_n\n3\n1\n",
         "s.yaml:5:8: where excludes every trial (2 in all); loosen it or change the params"},
        {HEAD GOAL "search: {method: list, file: trials.csv, trials: 3}\n", "top_n\n3\n1\n",
         "s.yaml:4:50: search.trials is 3, but trials.csv has 2; give at most that many"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fixture x;
        assert_string_equal(plan_of_list(&x, wrong[i].yaml, wrong[i].csv, NULL), wrong[i].line);
    }
}

/* An example of the docs may leave out what its paragraph is not about. */
static void check_example(const char *text)
{
    static const char *const fields[] = {"plugin: wfo\n", "data: d\n", "params: {top_n: 3}\n", GOAL};
    char yaml[8192] = "";
    for (size_t i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(fields[i], " "), fields[i]);
        if (strstr(text, name) == NULL)
            strcat(yaml, fields[i]);
    }
    assert_true(strlen(text) < sizeof yaml - strlen(yaml));
    strcat(yaml, text);
    struct fixture x;
    struct diag d = {{0}};
    if (plan_of(&x, yaml, NULL, &d) != 0)
        fail_msg("%s\n---\n%s", d.text, yaml);
    assert_decodes(&x.plan);
    arena_finish(&x.arena);
}

static void every_example_of_the_docs_is_a_sweep(void **state)
{
    (void)state;
    struct buf doc = {0};
    struct diag d;
    assert_int_equal(file_read(SHEAF_SOURCE_DIR "/docs/sweep-file.md", 1 << 20, &doc, &d), 0);
    assert_int_equal(buf_append(&doc, "", 1), 0);
    unsigned n = 0;
    for (const char *at = (const char *)doc.data; (at = strstr(at, "```yaml\n")) != NULL; n++) {
        at += strlen("```yaml\n");
        const char *end = strstr(at, "```");
        assert_non_null(end);
        char *text = strndup(at, (size_t)(end - at));
        assert_non_null(text);
        check_example(text);
        free(text);
        at = end + 3;
    }
    assert_true(n >= 10);
    buf_finish(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minimal_file_gets_every_default),
        cmocka_unit_test(every_field_reaches_the_plan),
        cmocka_unit_test(walk_forward_steps_by_test_unless_told),
        cmocka_unit_test(k_fold_may_shuffle_and_stratify),
        cmocka_unit_test(values_and_ranges_become_axes),
        cmocka_unit_test(values_keep_their_type),
        cmocka_unit_test(rounded_points_are_equally_spaced),
        cmocka_unit_test(grids_of_nearly_2_63_trials_are_planned),
        cmocka_unit_test(options_change_the_plan),
        cmocka_unit_test(running_out_of_memory_is_an_error_of_its_own),
        cmocka_unit_test(random_limits_and_seeds_hold),
        cmocka_unit_test(a_list_is_read_beside_the_sweep_file),
        cmocka_unit_test(a_list_may_be_cut),
        cmocka_unit_test(lists_that_do_not_fit_their_sweep_are_refused),
        cmocka_unit_test(every_example_of_the_docs_is_a_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
