/* SPDX-License-Identifier: MIT
 *
 * Tests of space: order and values of grids, random draws with golden values, lists, constraints, seeds.
 */
#include "sweep/space.h"

#include "sweep/detmath.h"
#include "sweep/philox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const char *choices[] = {"equal", "ic", "vol"};
static struct plan_param params[] = {
    {.name = "n", .type = SHEAF_INT, .def.i = 7},
    {.name = "alpha", .type = SHEAF_FLOAT, .def.f = -2.75},
    {.name = "weighting", .type = SHEAF_CHOICE, .def.text = "vol", .choices = choices, .n_choices = 3},
    {.name = "note", .type = SHEAF_TEXT, .def.text = "hello"},
    {.name = "flag", .type = SHEAF_BOOL, .def.i = 1},
};
static struct plan_value ints[] = {{.i = 4}, {.i = -1}, {.i = 9}};
static struct plan_value texts[] = {{.text = "ic"}, {.text = "equal"}};
static struct plan_axis axis_n = {
    .name = "n", .param = 0, .kind = AXIS_CHOICES, .values = ints, .n_values = 3, .count = 3};
static struct plan_axis axis_w = {
    .name = "weighting", .param = 2, .kind = AXIS_CHOICES, .values = texts, .n_values = 2, .count = 2};

static struct plan plan_of(uint32_t method, struct plan_axis *axes, uint32_t n, uint64_t trials)
{
    return (struct plan){.plugin = {.params = params, .n_params = 5},
                         .method = method,
                         .axes = axes,
                         .n_axes = n,
                         .trials = trials,
                         .keys = 1,
                         .splits = 1};
}

static struct space *create(const struct plan *p)
{
    struct diag d = {""};
    struct space *s = space_create(p, &d);
    if (!s)
        fail_msg("%s", d.text);
    return s;
}

static const struct sheaf_value *values_at(struct space *s, uint64_t trial)
{
    const struct sheaf_value *v;
    assert_true(space_trial(s, trial, &v));
    return v;
}

static struct plan_axis float_axis(double from, double to, uint64_t count, bool log)
{
    return (struct plan_axis){
        .name = "alpha", .param = 1, .kind = AXIS_FLOAT, .from.f = from, .to.f = to, .count = count, .log = log};
}

static struct plan_axis int_axis(uint32_t kind, int64_t from, int64_t to, int64_t step, uint64_t count)
{
    return (struct plan_axis){
        .name = "n", .param = 0, .kind = kind, .from.i = from, .to.i = to, .step.i = step, .count = count};
}

static void first_axis_varies_slowest(void **state)
{
    (void)state;
    struct plan_axis axes[] = {axis_n, float_axis(0, 1, 1, false), axis_w};
    struct plan p = plan_of(METHOD_GRID, axes, 3, 6);
    struct space *s = create(&p);
    static const int64_t n[] = {4, 4, -1, -1, 9, 9}, w[] = {1, 0, 1, 0, 1, 0};
    for (uint64_t t = 0; t < 6; t++) {
        const struct sheaf_value *v = values_at(s, t);
        assert_int_equal(v[0].i, n[t]);
        assert_true(v[0].f == (double)n[t] && v[0].text == NULL);
        assert_int_equal(v[2].i, w[t]);
        assert_string_equal(v[2].text, choices[w[t]]);
        assert_int_equal(v[2].text_len, strlen(choices[w[t]]));
        assert_true(v[1].f == 0);
    }
    space_destroy(s);
}

static void absent_parameters_take_defaults(void **state)
{
    (void)state;
    struct plan p = plan_of(METHOD_GRID, NULL, 0, 1);
    struct space *s = create(&p);
    const struct sheaf_value *v = values_at(s, 0);
    assert_int_equal(v[0].i, 7);
    assert_true(v[1].f == -2.75 && v[1].i == -2);
    assert_int_equal(v[2].i, 2);
    assert_string_equal(v[3].text, "hello");
    assert_int_equal(v[3].text_len, 5);
    assert_int_equal(v[4].i, 1);
    space_destroy(s);
    params[0].required = true;
    struct diag d = {""};
    assert_null(space_create(&p, &d));
    assert_non_null(strstr(d.text, "requires parameter 'n'"));
    params[0].required = false;
}

static void a_constant_takes_no_digit(void **state)
{
    (void)state;
    struct plan_axis constant = {
        .name = "n", .param = 0, .kind = AXIS_CONST, .values = &ints[2], .n_values = 1, .count = 1};
    struct plan_axis axes[] = {constant, axis_w};
    struct plan p = plan_of(METHOD_GRID, axes, 2, 2);
    struct space *s = create(&p);
    assert_true(values_at(s, 1)[0].i == 9 && values_at(s, 1)[2].i == 0);
    space_destroy(s);
}

/* A grid with tables, computed ints and computed floats. */
static void wide_grid(struct plan_axis axes[4])
{
    axes[0] = axis_w;
    axes[1] = int_axis(AXIS_INT, -20000, 20000, 5, 8001);
    axes[2] = float_axis(1e-4, 1, 5000, true);
    axes[3] =
        (struct plan_axis){.name = "flag", .param = 4, .kind = AXIS_CHOICES, .values = ints, .n_values = 2, .count = 2};
}

static void counting_on_equals_jumping(void **state)
{
    (void)state;
    struct plan_axis axes[4];
    wide_grid(axes);
    struct plan p = plan_of(METHOD_GRID, axes, 4, 2ull * 8001 * 5000 * 2);
    struct space *run = create(&p), *jump = create(&p);
    for (uint64_t t = 0; t < 30000; t++) {
        uint64_t far = (t * 2654435761u) % p.trials; /* leaves the position of the odometer */
        (void)values_at(jump, far);
        assert_memory_equal(values_at(run, t), values_at(jump, t), 5 * sizeof(struct sheaf_value));
    }
    const struct sheaf_value *v = values_at(jump, p.trials - 1);
    assert_true(v[0].i == 20000 && v[1].f == 1 && v[2].i == 0 && v[4].i == -1);
    assert_memory_equal(values_at(jump, p.trials - 1), v, sizeof(*v));
    space_destroy(run);
    space_destroy(jump);
}

static void float_ranges_have_exact_ends(void **state)
{
    (void)state;
    struct plan_axis a = float_axis(0.1, 0.7, 7, false);
    struct plan p = plan_of(METHOD_GRID, &a, 1, 7);
    struct space *s = create(&p);
    for (uint64_t k = 0; k < 6; k++)
        assert_true(values_at(s, k)[1].f == 0.1 + (0.7 - 0.1) * (double)k / 6);
    assert_true(values_at(s, 6)[1].f == 0.7);
    space_destroy(s);
    a = float_axis(1e-4, 1, 5, true);
    p.trials = 5;
    s = create(&p);
    double lf = det_log(1e-4);
    assert_true(values_at(s, 0)[1].f == 1e-4 && values_at(s, 4)[1].f == 1);
    assert_true(values_at(s, 1)[1].f == det_exp(lf + (0 - lf) * 1 / 4));
    assert_true(values_at(s, 2)[1].f == 0x1.47ae147ae147ep-7 /* 0.01, less rounding */);
    space_destroy(s);
    a = (struct plan_axis){
        .name = "alpha", .param = 1, .kind = AXIS_FLOAT_STEP, .from.f = 0.1, .to.f = 0.3, .step.f = 0.1, .count = 3};
    p.trials = 3;
    s = create(&p);
    assert_true(values_at(s, 1)[1].f == 0.2 && values_at(s, 2)[1].f == 0.3); /* not 0.30000000000000004 */
    space_destroy(s);
}

static void log_ints_drop_duplicates(void **state)
{
    (void)state;
    struct plan_axis a = int_axis(AXIS_LOG_INT, 1, 100, 0, 10);
    static const int64_t want[] = {1, 2, 3, 5, 8, 13, 22, 36, 60, 100};
    assert_int_equal(space_axis_size(&a), 10);
    struct plan p = plan_of(METHOD_GRID, &a, 1, 10);
    struct space *s = create(&p);
    for (uint64_t k = 0; k < 10; k++)
        assert_int_equal(values_at(s, k)[0].i, want[k]);
    space_destroy(s);
    a = int_axis(AXIS_LOG_INT, 1, 8, 0, 50);
    assert_int_equal(space_axis_size(&a), 8);
    a = int_axis(AXIS_LOG_INT, 5, 9, 0, 1);
    assert_int_equal(space_axis_size(&a), 1);
    a = int_axis(AXIS_INT, INT64_MIN, INT64_MAX, 1, 0);
    assert_int_equal(space_axis_size(&a), 0);
    a = int_axis(AXIS_INT, INT64_MIN, INT64_MAX, INT64_MAX, 0);
    assert_int_equal(space_axis_size(&a), 3);
}

static void a_grid_smaller_than_its_plan_is_refused(void **state)
{
    (void)state;
    struct plan_axis axes[] = {axis_n, axis_w};
    struct plan p = plan_of(METHOD_GRID, axes, 2, 7);
    struct diag d = {""};
    assert_null(space_create(&p, &d));
    assert_non_null(strstr(d.text, "the grid has 6 trials, not the 7"));
    p.trials = 5; /* --limit */
    space_destroy(create(&p));
}

static void excluded_trials_keep_their_number(void **state)
{
    (void)state;
    const char *where[] = {"n > 0", "weighting == 'ic' or n > 5"};
    struct plan_axis axes[] = {axis_n, axis_w};
    struct plan p = plan_of(METHOD_GRID, axes, 2, 6);
    p.where = where;
    p.n_where = 2;
    struct space *s = create(&p);
    static const bool allowed[] = {true, false, false, false, true, true};
    for (uint64_t t = 0; t < 6; t++) {
        const struct sheaf_value *v;
        assert_true(space_trial(s, t, &v) == allowed[t]);
        assert_true(space_trial(s, t, &v) == allowed[t]);
    }
    space_destroy(s);
    where[1] = "n > nothing";
    struct diag d = {""};
    assert_null(space_create(&p, &d));
    assert_non_null(strstr(d.text, "where \"n > nothing\": column 5"));
}

static void random_axes(struct plan_axis axes[4])
{
    axes[0] = int_axis(AXIS_INT, 10, 19, 3, 4);
    axes[1] = float_axis(1e-4, 1, 0, true);
    axes[2] = axis_w;
    axes[3] = (struct plan_axis){.name = "flag", .param = 4, .kind = AXIS_CHOICES, .values = ints, .n_values = 3};
}

static void random_draws_are_the_documented_ones(void **state)
{
    (void)state;
    struct plan_axis axes[4];
    random_axes(axes);
    struct plan p = plan_of(METHOD_RANDOM, axes, 4, 1000);
    p.seed = 42;
    struct space *s = create(&p);
    static const struct {
        uint64_t trial;
        int64_t n, w;
        double alpha;
    } want[] = {{0, 16, 0, 0x1.58af5da158367p-12},
                {1, 13, 1, 0x1.64a85b79ab3b9p-11},
                {2, 10, 0, 0x1.f92b15b7c1975p-1},
                {3, 19, 1, 0x1.c1207cf1ba4f4p-8},
                {999, 19, 0, 0x1.0c6970f2281c5p-10}};
    for (size_t k = 0; k < sizeof(want) / sizeof(want[0]); k++) {
        const struct sheaf_value *v = values_at(s, want[k].trial);
        assert_int_equal(v[0].i, want[k].n);
        assert_int_equal(v[2].i, want[k].w);
        assert_true(v[1].f == want[k].alpha);
    }
    space_destroy(s);
}

static void a_parameter_draws_from_its_own_stream(void **state)
{
    (void)state;
    struct plan_axis axes[4];
    random_axes(axes);
    struct plan p = plan_of(METHOD_RANDOM, axes, 4, 100), q = plan_of(METHOD_RANDOM, &axes[1], 1, 100);
    struct space *all = create(&p), *one = create(&q);
    double least = 1, most = 0;
    for (uint64_t t = 0; t < 100; t++) {
        double x = values_at(one, t)[1].f;
        assert_true(values_at(all, t)[1].f == x);
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    assert_true(least >= 1e-4 && least < 3e-4 && most > 0.3 && most <= 1);
    space_destroy(all);
    space_destroy(one);
}

static void random_search_redraws_what_where_excludes(void **state)
{
    (void)state;
    const char *where[] = {"n == 13"};
    struct plan_axis axes[4];
    random_axes(axes);
    struct plan p = plan_of(METHOD_RANDOM, axes, 4, 200);
    p.where = where;
    p.n_where = 1;
    struct space *s = create(&p);
    for (uint64_t t = 0; t < 200; t++) {
        const struct sheaf_value *v = values_at(s, t);
        assert_int_equal(v[0].i, 13);
        uint32_t attempt = 0;
        while (philox_below(philox_draw(0, t, PHILOX_PARAM, attempt), 4) != 1)
            attempt++;
        assert_true(v[4].i == ints[philox_below(philox_draw(0, t, PHILOX_PARAM + 4, attempt), 3)].i);
    }
    space_destroy(s);
    where[0] = "n == 11"; /* no step lands there */
    s = create(&p);
    const struct sheaf_value *v;
    assert_false(space_trial(s, 0, &v));
    space_destroy(s);
}

static void random_log_ints_cover_their_range_evenly_in_ln(void **state)
{
    (void)state;
    struct plan_axis a = int_axis(AXIS_LOG_INT, 1, 3, 0, 0);
    struct plan p = plan_of(METHOD_RANDOM, &a, 1, 20000);
    struct space *s = create(&p);
    uint32_t counts[4] = {0};
    for (uint64_t t = 0; t < p.trials; t++)
        counts[values_at(s, t)[0].i]++;
    /* ln(1.5 / 0.5), ln(2.5 / 1.5), ln(3.5 / 2.5) over ln 7 = .5646, .2625, .1729 */
    assert_in_range(counts[1], 11000, 11600);
    assert_in_range(counts[2], 5000, 5500);
    assert_in_range(counts[3], 3250, 3650);
    space_destroy(s);
}

static void a_list_looks_its_values_up(void **state)
{
    (void)state;
    static const uint8_t codes_n[] = {2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0},
                         codes_w[] = {1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    struct plan_axis axes[] = {axis_n, axis_w};
    axes[0].kind = axes[1].kind = AXIS_LIST;
    axes[0].codes = (struct slice){codes_n, sizeof(codes_n)};
    axes[1].codes = (struct slice){codes_w, sizeof(codes_w)};
    struct plan p = plan_of(METHOD_LIST, axes, 2, 3);
    struct space *s = create(&p);
    assert_true(values_at(s, 2)[0].i == -1 && values_at(s, 2)[2].i == 1);
    assert_true(values_at(s, 0)[0].i == 9 && values_at(s, 0)[2].i == 0);
    assert_true(values_at(s, 1)[0].i == 4 && values_at(s, 1)[2].i == 0);
    space_destroy(s);
}

/* Two trials of an earlier sweep, numbers 0 and 2 of three: the parameter note was that of the codes. */
static void what_an_earlier_trial_had_is_carried(void **state)
{
    (void)state;
    static struct plan_value trials[] = {{.i = 0}, {.i = 2}}, notes[] = {{.text = "a"}, {.text = "b"}},
                             flags[] = {{.i = 1}};
    static const uint8_t codes[12] = {1, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0};
    struct plan_axis axes[] = {
        {.name = "s.trial", .param = 0, .kind = AXIS_CHOICES, .values = trials, .n_values = 2, .count = 2},
        {.name = "s.flag", .param = 4, .kind = AXIS_CONST, .values = flags, .n_values = 1},
        {.name = "s.note", .param = 3, .kind = AXIS_CARRIED, .values = notes, .n_values = 2, .codes = {codes, 12}},
        axis_w,
    };
    static const char *where[] = {"note == 'b' or weighting == 'ic'"};
    struct plan p = plan_of(METHOD_GRID, axes, 4, 4);
    p.where = where;
    p.n_where = 1;
    struct space *s = create(&p);
    static const uint64_t order[] = {0, 1, 2, 3, 1, 2, 0}; /* counted on and jumped */
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const struct sheaf_value *v;
        uint64_t t = order[i];
        assert_int_equal(space_trial(s, t, &v), t != 3);
        assert_int_equal(v[0].i, t < 2 ? 0 : 2);
        assert_string_equal(v[3].text, t < 2 ? "b" : "a");
        assert_string_equal(v[2].text, t % 2 == 0 ? "ic" : "equal");
    }
    space_destroy(s);
}

static void values_must_suit_their_parameter(void **state)
{
    (void)state;
    struct plan_axis axes[] = {axis_w};
    struct plan_value wrong = {.text = "nope"};
    axes[0].values = &wrong;
    axes[0].n_values = 1;
    struct plan p = plan_of(METHOD_GRID, axes, 1, 1);
    struct diag d = {""};
    assert_null(space_create(&p, &d));
    assert_non_null(strstr(d.text, "'nope' is none of its choices"));
    axes[0] = float_axis(0, 1, 3, false);
    axes[0].param = 0;
    assert_null(space_create(&p, &d));
}

static void cells_and_indices_are_each_others_inverse(void **state)
{
    (void)state;
    struct plan p = plan_of(METHOD_GRID, NULL, 0, 1000);
    p.keys = 7;
    p.splits = 11;
    for (uint64_t i = 0; i < 77000; i += 13) {
        struct cell c = space_cell(&p, space_index(&p, i));
        assert_true(c.split < 11 && c.key < 7);
        assert_true((c.trial * 7 + c.key) * 11 + c.split == i);
    }
}

/* Every index once, all trials of a key together; and stretches are as long as they can be. */
static void positions_in_order_of_keys(void **state)
{
    (void)state;
    struct plan p = plan_of(METHOD_GRID, NULL, 0, 10);
    p.keys = 7;
    p.splits = 3;
    p.order = ORDER_KEY;
    for (uint64_t key = 0, at = 0; key < 7; key++)
        for (uint64_t trial = 0; trial < 10; trial++)
            for (uint64_t split = 0; split < 3; split++, at++)
                assert_true(space_index(&p, at) == (trial * 7 + key) * 3 + split &&
                            space_position(&p, space_index(&p, at)) == at);
    for (uint64_t from = 0; from < 210; from++) {
        uint64_t end = space_stretch(&p, from, 205);
        assert_true(from >= 205 ? end == 205 : end > from && end <= from + 3 && end <= 205);
        for (uint64_t at = from + 1; at < end; at++)
            assert_int_equal(space_index(&p, at), space_index(&p, at - 1) + 1);
        if (end > from && end < 205)
            assert_true(space_index(&p, end) != space_index(&p, end - 1) + 1);
    }
    p.trials = 1; /* both orders are one */
    assert_true(space_index(&p, 20) == 20 && space_position(&p, 20) == 20 && space_stretch(&p, 2, 21) == 21);
    p.trials = 10;
    p.order = ORDER_TRIAL;
    assert_true(space_index(&p, 200) == 200 && space_stretch(&p, 2, 210) == 210);
}

static void task_seeds_are_the_documented_ones(void **state)
{
    (void)state;
    assert_true(space_task_seed(0, 0) == 0xe169c58d6627e8d5u);
    assert_true(space_task_seed(42, 1) == 0x53ba6cfdfcdb2127u);
    assert_true(space_task_seed(UINT64_MAX, (uint64_t)1 << 40) == 0xe7850d9b47028905u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_axis_varies_slowest),
        cmocka_unit_test(absent_parameters_take_defaults),
        cmocka_unit_test(a_constant_takes_no_digit),
        cmocka_unit_test(counting_on_equals_jumping),
        cmocka_unit_test(float_ranges_have_exact_ends),
        cmocka_unit_test(log_ints_drop_duplicates),
        cmocka_unit_test(a_grid_smaller_than_its_plan_is_refused),
        cmocka_unit_test(excluded_trials_keep_their_number),
        cmocka_unit_test(random_draws_are_the_documented_ones),
        cmocka_unit_test(a_parameter_draws_from_its_own_stream),
        cmocka_unit_test(random_search_redraws_what_where_excludes),
        cmocka_unit_test(random_log_ints_cover_their_range_evenly_in_ln),
        cmocka_unit_test(a_list_looks_its_values_up),
        cmocka_unit_test(what_an_earlier_trial_had_is_carried),
        cmocka_unit_test(values_must_suit_their_parameter),
        cmocka_unit_test(cells_and_indices_are_each_others_inverse),
        cmocka_unit_test(positions_in_order_of_keys),
        cmocka_unit_test(task_seeds_are_the_documented_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
