/* SPDX-License-Identifier: MIT
 *
 * Tests of plan: bytes and back, what decoding refuses, what the identity sees and what it does not.
 */
#include "sweep/keynames.h"
#include "sweep/plan.h"

#include "sheaf/plugin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *choices[] = {"equal", "ic"};
static const char *wheres[] = {"top_n < 5"};
static const uint8_t digest[HASH_BYTES] = {1, 2, 3};

/* A plan in one piece of memory, so that tests can bend one member. */
struct fixture {
    struct plan_param params[3];
    struct plan_score scores[2];
    struct plan_array arrays[1];
    struct plan_axis axes[3];
    struct plan_value numbers[4], texts[2];
    struct plan_goal goals[1];
    struct plan_data data[1];
    uint8_t codes[3][16];
    struct plan plan;
};

static void fill_plugin(struct fixture *f)
{
    f->params[0] = (struct plan_param){.name = "top_n", .type = SHEAF_INT, .required = true, .min = 1, .max = 9};
    f->params[1] = (struct plan_param){
        .name = "weighting", .type = SHEAF_CHOICE, .def = {.text = "ic"}, .min = 1, .choices = choices, .n_choices = 2};
    f->params[2] = (struct plan_param){.name = "alpha", .type = SHEAF_FLOAT, .def = {.f = 0.5}, .unit = "bps"};
    f->arrays[0] = (struct plan_array){.name = "close", .dtype = SHEAF_DT_F64, .rank = 2, .row_axis = "day"};
    f->scores[0] = (struct plan_score){"sharpe", "", "the ratio"};
    f->scores[1] = (struct plan_score){"turnover", "1/day", ""};
    f->plan.plugin = (struct plan_plugin){.path = "/plugins/wfo.so",
                                          .digest = {digest, sizeof(digest)},
                                          .name = "wfo",
                                          .config = "{}",
                                          .params = f->params,
                                          .n_params = 3,
                                          .arrays = f->arrays,
                                          .n_arrays = 1,
                                          .scores = f->scores,
                                          .n_scores = 2,
                                          .abi_major = 1};
}

static void fill_grid(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    fill_plugin(f);
    for (int i = 0; i < 4; i++)
        f->numbers[i] = (struct plan_value){.i = i + 1, .f = i + 1};
    f->texts[0].text = "equal";
    f->texts[1].text = "ic";
    f->axes[0] = (struct plan_axis){
        .name = "top_n", .param = 0, .kind = AXIS_CHOICES, .values = f->numbers, .n_values = 4, .count = 4};
    f->axes[1] = (struct plan_axis){
        .name = "weighting", .param = 1, .kind = AXIS_CHOICES, .values = f->texts, .n_values = 2, .count = 2};
    f->axes[2] = (struct plan_axis){
        .name = "alpha", .param = 2, .kind = AXIS_FLOAT, .from.f = 1e-4, .to.f = 1, .count = 3, .log = true};
    f->goals[0] = (struct plan_goal){.score = 0, .maximize = true};
    struct plan *p = &f->plan;
    p->version = PLAN_VERSION;
    p->name = "etf";
    p->source = "/home/me/etf.yaml";
    f->data[0] = (struct plan_data){.path = "/home/me/etf.sheaf", .along = ""};
    p->data = f->data;
    p->n_data = 1;
    p->method = METHOD_GRID;
    p->seed = 18446744073709551615u;
    p->axes = f->axes;
    p->n_axes = 3;
    p->where = wheres;
    p->n_where = 1;
    p->trials = 24;
    p->keys = 1;
    p->splits = 5;
    p->split = (struct plan_split){.kind = SPLIT_WALK_FORWARD, .train = 10, .test = 5, .step = 5, .n_rows = 37};
    p->reduce_split = REDUCE_MEDIAN;
    p->goals = f->goals;
    p->n_goals = 1;
    p->limits = (struct plan_limits){.attempts = 3, .task_seconds = 1.5};
    p->keep_best = 7;
}

/* Turns the grid into a list of `trials` trials that count up. */
static void fill_list(struct fixture *f, uint64_t trials)
{
    fill_grid(f);
    for (int a = 0; a < 3; a++) {
        f->axes[a].kind = AXIS_LIST;
        f->axes[a].values = a == 1 ? f->texts : f->numbers;
        f->axes[a].n_values = a == 1 ? 2 : 4;
        for (uint64_t t = 0; t < trials; t++)
            f->codes[a][4 * t] = (uint8_t)(t % f->axes[a].n_values);
        f->axes[a].codes = (struct slice){f->codes[a], (size_t)trials * 4};
    }
    f->plan.method = METHOD_LIST;
    f->plan.trials = trials;
}

static int round_trip(const struct plan *p, struct arena *arena, struct buf *bytes, struct plan *out, struct diag *d)
{
    bytes->len = 0;
    assert_int_equal(plan_encode(p, bytes), SHEAF_OK);
    return plan_decode(bytes->data, bytes->len, arena, out, d);
}

static void decodes_what_was_encoded(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    struct arena arena;
    arena_init(&arena, 0);
    struct buf bytes = {0}, again = {0};
    struct plan p;
    struct diag d = {""};
    assert_int_equal(round_trip(&f.plan, &arena, &bytes, &p, &d), SHEAF_OK);
    assert_string_equal(p.plugin.params[1].choices[1], "ic");
    assert_string_equal(p.plugin.params[0].unit, "");
    assert_string_equal(p.axes[1].values[0].text, "equal");
    assert_true(p.axes[2].log && p.axes[2].from.f == 1e-4);
    assert_true(p.seed == UINT64_MAX && p.split.n_rows == 37 && p.goals[0].maximize);
    assert_memory_equal(p.plugin.digest.data, digest, HASH_BYTES);
    assert_int_equal(plan_tasks(&p), 120);
    assert_int_equal(plan_encode(&p, &again), SHEAF_OK);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    buf_finish(&bytes);
    buf_finish(&again);
    arena_finish(&arena);
}

static void refuse(struct fixture *f, const char *why, int rc)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct buf bytes = {0};
    struct plan p;
    struct diag d = {""};
    assert_int_equal(round_trip(&f->plan, &arena, &bytes, &p, &d), rc);
    if (!strstr(d.text, why))
        fail_msg("'%s' does not say '%s'", d.text, why);
    buf_finish(&bytes);
    arena_finish(&arena);
}

static void refuses_counts_that_overflow(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    f.plan.splits = 0;
    refuse(&f, "without tasks", SHEAF_EINVAL);
    fill_grid(&f);
    f.plan.keys = (uint64_t)1 << 62;
    refuse(&f, "2^63", SHEAF_ELIMIT);
    fill_grid(&f);
    f.plan.trials = f.plan.keys = f.plan.splits = UINT64_MAX;
    refuse(&f, "2^63", SHEAF_ELIMIT);
}

static void accept(struct fixture *f)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct buf bytes = {0};
    struct plan p;
    struct diag d = {""};
    assert_int_equal(round_trip(&f->plan, &arena, &bytes, &p, &d), SHEAF_OK);
    buf_finish(&bytes);
    arena_finish(&arena);
}

/* A peer's plan need not have come out of a sweep file. */
static void refuses_limits_beyond_those_of_a_sweep_file(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    struct plan_limits good = {PLAN_MAX_TASK_SECONDS, PLAN_MAX_MEMORY_MB, PLAN_MAX_ATTEMPTS, 0};
    f.plan.limits = good;
    f.plan.keep_best = PLAN_MAX_BEST;
    accept(&f);
    f.plan.limits.task_seconds = 1.001 * PLAN_MAX_TASK_SECONDS;
    refuse(&f, "task_seconds is out of range", SHEAF_EINVAL);
    f.plan.limits.task_seconds = NAN;
    refuse(&f, "task_seconds is out of range", SHEAF_EINVAL);
    f.plan.limits = good;
    f.plan.limits.memory_mb++;
    refuse(&f, "memory_mb is out of range", SHEAF_EINVAL);
    f.plan.limits = good;
    f.plan.limits.attempts++;
    refuse(&f, "attempts is out of range", SHEAF_EINVAL);
    f.plan.limits.attempts = 0;
    refuse(&f, "attempts is out of range", SHEAF_EINVAL);
    f.plan.limits = good;
    f.plan.keep_best++;
    refuse(&f, "keep.best is out of range", SHEAF_EINVAL);
}

/* The broker holds the cells of a trial that is not complete. */
static void refuses_trials_that_do_not_fit_into_memory(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    f.plan.trials = 120;
    f.plan.splits = 1;
    f.plan.key_axis.kind = KEYS_RANGE;
    f.plan.keys = PLAN_MAX_TRIAL_BYTES / (1 + sizeof(double) * f.plan.plugin.n_scores);
    accept(&f);
    f.plan.keys++;
    refuse(&f, "over 1024 MiB; give fewer keys or splits", SHEAF_ELIMIT);
}

static void refuses_keys_that_cannot_be(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    f.plan.keys = 2;
    refuse(&f, "keys of no kind", SHEAF_EINVAL);
    f.plan.key_axis = (struct plan_key_axis){.kind = KEYS_RANGE, .from = INT64_MAX - 1};
    accept(&f);
    f.plan.key_axis.from++;
    refuse(&f, "keys are too large", SHEAF_EINVAL);
    f.plan.key_axis.from = INT64_MIN;
    accept(&f);
    f.plan.key_axis = (struct plan_key_axis){.kind = KEYS_COLUMN, .column = "symbol", .names = {"A\0B", 4}};
    accept(&f);
    f.plan.key_axis.names.len = 3;
    refuse(&f, "name without an end", SHEAF_EINVAL);
    f.plan.key_axis.names.len = 2;
    refuse(&f, "as many names of keys as keys", SHEAF_EINVAL);
    f.plan.key_axis = (struct plan_key_axis){.kind = KEYS_FILES, .names = {"a\0b", 4}, .digest = {digest, 31}};
    refuse(&f, "not 32 bytes", SHEAF_EINVAL);
    f.plan.key_axis.digest.len = HASH_BYTES;
    accept(&f);
    f.plan.key_axis.kind = KEYS_RANGE;
    refuse(&f, "as many names of keys as keys", SHEAF_EINVAL);
}

static void order_of_keys_is_bounded(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    f.plan.order = ORDER_KEY;
    refuse(&f, "order: key with keep: best", SHEAF_EINVAL);
    f.plan.keep_best = 0;
    f.plan.key_axis.kind = KEYS_RANGE;
    f.plan.keys = 7;
    accept(&f);
    f.plan.splits = 1;
    uint64_t task = 2 * (1 + 8 * f.plan.plugin.n_scores);
    f.plan.keys = (PLAN_MAX_TRIAL_BYTES - 24 * 128) / (24 * task);
    accept(&f);
    f.plan.keys++;
    refuse(&f, "too many tasks for order: key", SHEAF_EINVAL);
    f.plan.order = ORDER_TRIAL;
    accept(&f);
}

static void keys_are_found_by_their_number(void **state)
{
    (void)state;
    char names[2000], space[KEYNAMES_NUMBER], want[8];
    struct plan p = {.keys = 100, .key_axis = {.kind = KEYS_COLUMN, .names = {names, 0}}};
    struct keynames k;
    for (int i = 0; i < 100; i++)
        p.key_axis.names.len += (size_t)snprintf(names + p.key_axis.names.len, 8, "%.*s%d", i % 3, "xy", i * 7) + 1;
    assert_int_equal(keynames_init(&k, &p), 0);
    for (int i = 99; i >= 0; i--) {
        snprintf(want, sizeof want, "%.*s%d", i % 3, "xy", i * 7);
        assert_string_equal(keynames_text(&k, (uint64_t)i, space), want);
    }
    keynames_finish(&k);
    p.key_axis = (struct plan_key_axis){.kind = KEYS_RANGE, .from = INT64_MIN};
    assert_int_equal(keynames_init(&k, &p), 0);
    assert_string_equal(keynames_text(&k, 99, space), "-9223372036854775709");
    p.key_axis.kind = KEYS_NONE;
    assert_string_equal(keynames_text(&k, 0, space), "0");
    keynames_finish(&k);
}

static void refuses_positions_out_of_range(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    f.axes[1].param = 3;
    refuse(&f, "'weighting': the plugin has no such parameter", SHEAF_EINVAL);
    fill_grid(&f);
    f.axes[1].param = 0;
    refuse(&f, "given twice", SHEAF_EINVAL);
    fill_grid(&f);
    f.goals[0].score = 2;
    refuse(&f, "no score", SHEAF_EINVAL);
    fill_grid(&f);
    f.plan.n_goals = 0;
    refuse(&f, "no goal", SHEAF_EINVAL);
    fill_grid(&f);
    f.plan.plugin.digest.len = 31;
    refuse(&f, "32 bytes", SHEAF_EINVAL);
    fill_grid(&f);
    f.plan.version = PLAN_VERSION + 1;
    refuse(&f, "the plan has version 4", SHEAF_EVERSION);
}

static void identity(const struct fixture *f, uint8_t out[HASH_BYTES])
{
    assert_int_equal(plan_identity(&f->plan, out), SHEAF_OK);
}

static void fill_files(struct fixture *f)
{
    fill_grid(f);
    f->plan.plugin.files = "texts";
    f->plan.output_dir = "/out";
    f->plan.keep_best = 0;
}

static void a_folder_of_files_is_checked_and_known(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t without[HASH_BYTES], with[HASH_BYTES], other[HASH_BYTES];
    fill_files(&f);
    f.plan.output_dir = "out";
    refuse(&f, "a folder of files that cannot be", SHEAF_EINVAL);
    fill_files(&f);
    f.plan.plugin.files = "";
    refuse(&f, "a folder of files that cannot be", SHEAF_EINVAL);
    fill_files(&f);
    f.plan.keep_best = 3;
    refuse(&f, "a folder of files that cannot be", SHEAF_EINVAL);
    fill_files(&f);
    identity(&f, with);
    f.plan.method = METHOD_RANDOM;
    identity(&f, other);
    f.plan.trials++; /* it cannot grow */
    identity(&f, without);
    assert_memory_not_equal(other, without, HASH_BYTES);
    fill_files(&f);
    f.plan.output_dir = "";
    identity(&f, without);
    assert_memory_not_equal(with, without, HASH_BYTES);
}

/* top_n becomes the number of a trial of an earlier sweep, alpha what that had. */
static void fill_along(struct fixture *f)
{
    fill_grid(f);
    for (int i = 0; i < 4; i++) {
        f->numbers[i].i = i;
        f->codes[2][4 * i] = (uint8_t)(i % 2);
    }
    struct plan_axis alpha = {.name = "alpha",
                              .param = 2,
                              .kind = AXIS_CARRIED,
                              .values = f->numbers,
                              .n_values = 2,
                              .codes = {f->codes[2], 16}};
    f->axes[2] = f->axes[1];
    f->axes[1] = alpha;
    f->plan.n_carried = 2;
    f->plan.trials = 8;
    f->data[0].along = "s";
    f->data[0].trials = 4;
}

static void refuses_trials_that_an_earlier_sweep_has_not(void **state)
{
    (void)state;
    struct fixture f;
    fill_along(&f);
    accept(&f);
    f.codes[2][4] = 2;
    refuse(&f, "names a value that does not exist", SHEAF_EINVAL);
    fill_along(&f);
    f.axes[1].codes.len = 12;
    refuse(&f, "no trial of its list", SHEAF_EINVAL);
    fill_along(&f);
    f.numbers[2].i = -1;
    refuse(&f, "no trial of its list", SHEAF_EINVAL);
    fill_along(&f);
    f.axes[0].kind = AXIS_CARRIED;
    refuse(&f, "carried by nothing", SHEAF_EINVAL);
    fill_along(&f);
    f.plan.method = METHOD_RANDOM;
    refuse(&f, "carried by nothing", SHEAF_EINVAL);
    fill_along(&f);
    f.data[0].trials = 3;
    refuse(&f, "along trials that it does not have", SHEAF_EINVAL);
    fill_along(&f);
    f.data[0].param = 1;
    refuse(&f, "along trials that it does not have", SHEAF_EINVAL);
    fill_along(&f);
    f.plan.n_carried = 4;
    refuse(&f, "more parameters of earlier sweeps", SHEAF_EINVAL);
}

/* What a stage has made is known by what it holds, anything else by its name; what is carried follows from it. */
static void identity_knows_the_data_of_a_stage_by_its_digest(void **state)
{
    (void)state;
    struct fixture f, g;
    uint8_t a[HASH_BYTES], b[HASH_BYTES], other[HASH_BYTES] = {9};
    fill_along(&f);
    fill_along(&g);
    identity(&f, a);
    g.data[0].digest = (struct slice){other, HASH_BYTES};
    g.codes[2][4] = 0;
    identity(&g, b);
    assert_memory_equal(a, b, HASH_BYTES);
    g.data[0].made = true;
    identity(&g, a);
    assert_memory_not_equal(a, b, HASH_BYTES);
    other[0] = 8;
    identity(&g, b);
    assert_memory_not_equal(a, b, HASH_BYTES);
    g.data[0].path = "/elsewhere";
    identity(&g, a);
    assert_memory_equal(a, b, HASH_BYTES);
}

static void refuses_axes_without_values(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    f.axes[0].n_values = 0;
    refuse(&f, "no values", SHEAF_EINVAL);
    fill_grid(&f);
    f.axes[2].from.f = 0;
    refuse(&f, "above 0", SHEAF_EINVAL);
    fill_grid(&f);
    f.axes[2].to.f = NAN;
    refuse(&f, "not finite", SHEAF_EINVAL);
    fill_grid(&f);
    f.axes[0] =
        (struct plan_axis){.name = "top_n", .kind = AXIS_INT, .from.i = INT64_MIN, .to.i = INT64_MAX, .step.i = 1};
    refuse(&f, "too many", SHEAF_EINVAL);
    f.axes[0].step.i = 0;
    refuse(&f, "step is below 1", SHEAF_EINVAL);
    fill_list(&f, 3);
    f.codes[0][8] = 4;
    refuse(&f, "does not exist", SHEAF_EINVAL);
    fill_list(&f, 3);
    f.axes[0].codes.len = 11;
    refuse(&f, "as long as", SHEAF_EINVAL);
    fill_list(&f, 3);
    f.axes[0].codes.len = 16;
    refuse(&f, "as long as", SHEAF_EINVAL);
    fill_list(&f, 3);
    f.plan.method = METHOD_GRID;
    refuse(&f, "search method", SHEAF_EINVAL);
}

static void refuses_every_cut_of_the_bytes(void **state)
{
    (void)state;
    struct fixture f;
    fill_grid(&f);
    struct buf bytes = {0};
    assert_int_equal(plan_encode(&f.plan, &bytes), SHEAF_OK);
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t n = 0; n < bytes.len; n++) {
        struct plan p;
        uint8_t *cut = malloc(n + 1); /* exact size, so that a sanitizer sees a read beyond it */
        assert_non_null(cut);
        memcpy(cut, bytes.data, n);
        assert_int_not_equal(plan_decode(cut, n, &arena, &p, NULL), SHEAF_OK);
        free(cut);
        arena_reset(&arena);
    }
    buf_finish(&bytes);
    arena_finish(&arena);
}

static void identity_ignores_what_leaves_scores_alone(void **state)
{
    (void)state;
    struct fixture f, g;
    uint8_t a[HASH_BYTES], b[HASH_BYTES];
    fill_grid(&f);
    identity(&f, a);
    fill_grid(&g);
    uint8_t other[HASH_BYTES] = {9};
    g.plan.plugin.digest.data = other;
    g.data[0].digest = (struct slice){other, HASH_BYTES};
    g.plan.name = "else";
    g.plan.source = "/tmp/copy.yaml";
    g.plan.limits.failures = 1;
    g.plan.verify_ppm = 10;
    g.plan.split.n_rows = 50;
    g.plan.splits = 8;
    identity(&g, b);
    assert_memory_equal(a, b, HASH_BYTES);
    f.plan.key_axis = g.plan.key_axis = (struct plan_key_axis){.kind = KEYS_FILES, .column = "/in/*.csv"};
    g.plan.key_axis.names = (struct slice){"a\0b", 4};
    g.plan.keys = 2;
    g.plan.key_axis.digest = (struct slice){other, HASH_BYTES};
    identity(&f, a);
    identity(&g, b);
    assert_memory_equal(a, b, HASH_BYTES);
}

static void identity_sees_what_changes_scores(void **state)
{
    (void)state;
    struct fixture f, g;
    uint8_t a[HASH_BYTES], b[HASH_BYTES];
    fill_grid(&f);
    identity(&f, a);
    for (int what = 0; what < 10; what++) {
        fill_grid(&g);
        switch (what) {
        case 0:
            g.plan.seed = 0;
            break;
        case 1:
            g.axes[2].to.f = 2;
            break;
        case 2:
            g.texts[0].text = "ic";
            break;
        case 3:
            g.plan.n_where = 0;
            break;
        case 4:
            g.plan.split.gap = 1;
            break;
        case 5:
            g.goals[0].score = 1;
            break;
        case 6:
            g.data[0].path = "/home/me/other.sheaf";
            break;
        case 7:
            g.plan.key_axis.column = "symbol";
            break;
        case 8:
            g.plan.key_axis.kind = KEYS_RANGE;
            break;
        default:
            g.plan.trials = 23;
            break;
        }
        identity(&g, b);
        assert_memory_not_equal(a, b, HASH_BYTES);
    }
}

static void a_longer_list_continues_and_a_changed_one_does_not(void **state)
{
    (void)state;
    struct fixture f, g;
    fill_list(&f, 3);
    fill_list(&g, 4);
    assert_true(plan_continues(&f.plan, &g.plan));
    assert_true(plan_continues(&g.plan, &f.plan));
    g.codes[0][4] = 3;
    assert_false(plan_continues(&f.plan, &g.plan));
    fill_list(&g, 4);
    g.codes[0][12] = 1;
    assert_true(plan_continues(&f.plan, &g.plan));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_what_was_encoded),
        cmocka_unit_test(refuses_counts_that_overflow),
        cmocka_unit_test(refuses_limits_beyond_those_of_a_sweep_file),
        cmocka_unit_test(refuses_trials_that_do_not_fit_into_memory),
        cmocka_unit_test(refuses_keys_that_cannot_be),
        cmocka_unit_test(order_of_keys_is_bounded),
        cmocka_unit_test(keys_are_found_by_their_number),
        cmocka_unit_test(refuses_positions_out_of_range),
        cmocka_unit_test(refuses_trials_that_an_earlier_sweep_has_not),
        cmocka_unit_test(a_folder_of_files_is_checked_and_known),
        cmocka_unit_test(identity_knows_the_data_of_a_stage_by_its_digest),
        cmocka_unit_test(refuses_axes_without_values),
        cmocka_unit_test(refuses_every_cut_of_the_bytes),
        cmocka_unit_test(identity_ignores_what_leaves_scores_alone),
        cmocka_unit_test(identity_sees_what_changes_scores),
        cmocka_unit_test(a_longer_list_continues_and_a_changed_one_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
