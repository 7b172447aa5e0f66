/* SPDX-License-Identifier: MIT
 *
 * Tests of reduce: each kind by hand, NaN, the order of splits and keys, the spread, skipped and failed cells.
 */
#include "sweep/reduce.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static double reduced(uint32_t kind, const double *x, uint64_t n)
{
    double copy[16];
    memcpy(copy, x, n * sizeof(*x));
    return reduce_values(kind, copy, n);
}

static void reduces_as_defined(void **state)
{
    (void)state;
    static const double x[] = {3, -1, 4, 1, 5};
    assert_true(reduced(REDUCE_MEAN, x, 5) == 12.0 / 5);
    assert_true(reduced(REDUCE_SUM, x, 5) == 12);
    assert_true(reduced(REDUCE_MEDIAN, x, 5) == 3);
    assert_true(reduced(REDUCE_MEDIAN, x, 4) == 2);
    assert_true(reduced(REDUCE_MIN, x, 5) == -1);
    assert_true(reduced(REDUCE_MAX, x, 5) == 5);
    assert_true(reduced(REDUCE_STD, x, 1) == 0);
    static const double y[] = {2, 4, 4, 4, 5, 5, 7, 9};
    assert_true(reduced(REDUCE_STD, y, 8) == 2); /* the population's */
}

static void sums_run_from_left_to_right(void **state)
{
    (void)state;
    static const double x[] = {1e16, 1, 1, -1e16}, y[] = {1, 1, 1e16, -1e16};
    assert_true(reduced(REDUCE_SUM, x, 4) == 0);
    assert_true(reduced(REDUCE_SUM, y, 4) == 2);
}

static void nan_propagates_through_every_kind(void **state)
{
    (void)state;
    for (uint32_t kind = REDUCE_MEAN; kind <= REDUCE_SUM; kind++)
        for (int at = 0; at < 3; at++) {
            double x[] = {1, 2, 3};
            x[at] = (double)NAN;
            assert_true(isnan(reduced(kind, x, 3)));
        }
}

/* 2 keys x 3 splits x 2 scores. */
static const double cells[] = {1, 10, 2, 20, 6, 30, 5, 40, 7, 50, 3, 60};

static struct trial_result whole(struct reduce_shape *s, const uint8_t *status, double values[8])
{
    double scratch[6];
    assert_int_equal(reduce_scratch(s), 6);
    struct trial_result r = {.trial = 9};
    reduce_trial(s, status, cells, scratch, values, &r);
    assert_int_equal(r.trial, 9);
    return r;
}

static struct reduce_shape shape(uint32_t by_split, uint32_t by_key)
{
    return (struct reduce_shape){.keys = 2, .splits = 3, .n_scores = 2, .by_split = by_split, .by_key = by_key};
}

static void splits_come_first_and_then_keys(void **state)
{
    (void)state;
    double values[8];
    struct reduce_shape s = shape(REDUCE_MAX, REDUCE_SUM);
    struct trial_result r = whole(&s, NULL, values);
    assert_true(r.scores[0] == 6 + 7 && r.scores[1] == 30 + 60);
    s = shape(REDUCE_MEDIAN, REDUCE_MIN);
    r = whole(&s, NULL, values);
    assert_true(r.scores[0] == 2 && r.scores[1] == 20);
    assert_false(r.failed || r.skipped);
}

static void spread_is_over_splits_after_keys_are_reduced(void **state)
{
    (void)state;
    double values[8];
    struct reduce_shape s = shape(REDUCE_MEAN, REDUCE_SUM);
    struct trial_result r = whole(&s, NULL, values);
    assert_int_equal(r.n, 3); /* splits: 6, 9, 9 and 50, 70, 90 */
    assert_true(r.min[0] == 6 && r.max[0] == 9 && r.min[1] == 50 && r.max[1] == 90);
    assert_true(r.std[0] == sqrt(2) && r.std[1] == sqrt(800.0 / 3));
}

static void more_keys_than_splits_are_no_exception(void **state)
{
    (void)state;
    double values[8];
    struct reduce_shape s = {.keys = 3, .splits = 2, .n_scores = 2, .by_split = REDUCE_MAX, .by_key = REDUCE_MEDIAN};
    struct trial_result r = whole(&s, NULL, values);
    assert_true(r.scores[0] == 6 && r.scores[1] == 40); /* keys: 2, 6, 7 and 20, 40, 60 */
    assert_int_equal(r.n, 2);                           /* splits: 6, 3 and 30, 40 */
    assert_true(r.min[0] == 3 && r.max[0] == 6 && r.std[0] == 1.5 && r.min[1] == 30 && r.max[1] == 40);
}

static void the_goals_score_alone_is_the_same(void **state)
{
    (void)state;
    char unaligned[sizeof(cells) + 1];
    double rough[12];
    for (int i = 0; i < 12; i++)
        rough[i] = cells[i] * 0.1 + 0.3; /* every operation rounds */
    memcpy(unaligned + 1, rough, sizeof(rough));
    for (uint32_t i = 0; i < 36; i++) {
        double values[8], scratch[6];
        struct reduce_shape s = shape(i / 6, i % 6);
        struct trial_result r = {.trial = 1};
        reduce_trial(&s, NULL, rough, scratch, values, &r);
        for (uint32_t score = 0; score < 2; score++)
            assert_true(reduce_score(&s, unaligned + 1, score, scratch) == r.scores[score]);
    }
}

static void skipped_cells_are_left_out(void **state)
{
    (void)state;
    double values[8];
    static const uint8_t some[] = {1, 3, 1, 3, 3, 3}, all[] = {3, 3, 3, 3, 3, 3};
    struct reduce_shape s = shape(REDUCE_MEAN, REDUCE_SUM);
    struct trial_result r = whole(&s, some, values);
    assert_false(r.failed || r.skipped);
    assert_true(r.scores[0] == 3.5 && r.n == 2 && r.min[0] == 1 && r.max[0] == 6);
    r = whole(&s, all, values);
    assert_true(r.skipped && !r.failed && isnan(r.scores[1]));
}

static void one_failed_cell_fails_the_trial(void **state)
{
    (void)state;
    double values[8];
    static const uint8_t status[] = {1, 2, 1, 3, 2, 1};
    struct reduce_shape s = shape(REDUCE_MEAN, REDUCE_SUM);
    struct trial_result r = whole(&s, status, values);
    assert_true(r.failed && !r.skipped && r.n_failed == 2 && isnan(r.scores[0]) && isnan(r.max[1]));
}

static void same_bits(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(memcmp(&a[i], &b[i], sizeof(*a)) == 0 || (isnan(a[i]) && isnan(b[i])));
}

static void a_plain_trial_is_reduced_as_any_other(void **state)
{
    (void)state;
    const double odd[] = {0.1, -0.0, 0, -3e300, 5e-324, INFINITY, -INFINITY, NAN};
    for (uint32_t kinds = 0; kinds < 36; kinds++)
        for (size_t i = 0; i + 1 < sizeof(odd) / sizeof(odd[0]); i++) {
            struct reduce_shape s = shape(kinds / 6, kinds % 6);
            s.keys = s.splits = 1;
            assert_int_equal(reduce_is_plain(&s), s.by_split != REDUCE_STD && s.by_key != REDUCE_STD);
            if (!reduce_is_plain(&s))
                continue;
            double values[8], expected[8], scratch[2];
            struct trial_result a = {.trial = 7}, b = {.trial = 7};
            reduce_trial(&s, NULL, &odd[i], scratch, expected, &a);
            reduce_plain(&s, &odd[i], values, &b);
            same_bits(values, expected, 8);
            assert_true(b.trial == 7 && b.n == a.n && !b.failed && !b.skipped && b.n_failed == 0);
            assert_true(b.scores == values && b.std == values + 2 && b.min == values + 4 && b.max == values + 6);
        }
    struct reduce_shape two = {.keys = 1, .splits = 2, .n_scores = 1};
    assert_false(reduce_is_plain(&two));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reduces_as_defined),
        cmocka_unit_test(sums_run_from_left_to_right),
        cmocka_unit_test(nan_propagates_through_every_kind),
        cmocka_unit_test(splits_come_first_and_then_keys),
        cmocka_unit_test(spread_is_over_splits_after_keys_are_reduced),
        cmocka_unit_test(more_keys_than_splits_are_no_exception),
        cmocka_unit_test(the_goals_score_alone_is_the_same),
        cmocka_unit_test(skipped_cells_are_left_out),
        cmocka_unit_test(one_failed_cell_fails_the_trial),
        cmocka_unit_test(a_plain_trial_is_reduced_as_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
