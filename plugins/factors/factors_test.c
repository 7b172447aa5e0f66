/* SPDX-License-Identifier: MIT
 *
 * The factors of prices whose factors are known: growth at a steady rate, one jump, a missing day, and both layouts. What the
 * reference makes of real prices is compared in tests/e2e/test_factors.py.
 */
#include "factor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { DAYS = 300, ASSETS = 3 };

struct bench {
    double close[DAYS][ASSETS], returns[DAYS * ASSETS + DAYS], factors[ASSETS][N_FACTORS], day_returns[ASSETS];
    struct closes closes;
};

/* Asset 0 grows by 1 % a day, asset 1 stands still, asset 2 shrinks by 1 %. */
static struct bench *bench(void)
{
    static struct bench b;
    for (int t = 0; t < DAYS; t++) {
        b.close[t][0] = 100 * pow(1.01, t);
        b.close[t][1] = 50;
        b.close[t][2] = 200 * pow(0.99, t);
    }
    b.closes = (struct closes){b.close, DAYS, ASSETS, sizeof b.close[0], sizeof b.close[0][0]};
    return &b;
}

static void day(struct bench *b, uint64_t t)
{
    factor_returns(&b->closes, b->returns);
    factor_day(&b->closes, b->returns, t, b->factors[0], b->day_returns);
}

static void assert_near(double is, double should)
{
    if (!(fabs(is - should) <= 1e-9 * fabs(should) + 1e-12))
        fail_msg("%.17g should be %.17g", is, should);
}

static void steady_growth_has_known_factors(void **state)
{
    (void)state;
    struct bench *b = bench();
    day(b, 299);
    const int momenta[] = {5, 10, 20, 60, 120, 250};
    for (int k = 0; k < 6; k++) {
        assert_near(b->factors[0][k], pow(1.01, momenta[k]) - 1);
        assert_near(b->factors[1][k], 0);
        assert_near(b->factors[2][k], pow(0.99, momenta[k]) - 1);
    }
    for (int i = 0; i < ASSETS; i++) {
        for (int k = 6; k <= 8; k++)
            assert_near(b->factors[i][k], 0);
        assert_near(b->day_returns[i], i == 0 ? 0.01 : i == 1 ? 0 : -0.01);
        assert_near(b->factors[i][17], b->day_returns[i]);
    }
    double sum = 0;
    for (int i = 0; i < 20; i++)
        sum += pow(1.01, -i);
    assert_near(b->factors[0][9], 20 / sum - 1);
    assert_near(b->factors[0][11], 0); /* it is the highest */
    assert_near(b->factors[0][13], pow(1.01, 249) - 1);
    assert_near(b->factors[2][12], pow(0.99, 249) - 1);
    assert_near(b->factors[2][13], 0);
    assert_near(b->factors[0][15], 1); /* it rose only */
    assert_near(b->factors[1][15], 0);
    assert_near(b->factors[2][15], 0);
}

static void a_jump_is_seen_as_long_as_its_window_lasts(void **state)
{
    (void)state;
    struct bench *b = bench();
    for (int t = 150; t < DAYS; t++)
        b->close[t][1] = 100;
    day(b, 169);
    assert_near(b->factors[1][17], 1);
    assert_near(b->factors[1][6], sqrt(0.05 * 0.95)); /* one of 20 */
    day(b, 170);
    assert_near(b->factors[1][17], 0);
    assert_near(b->factors[1][6], 0);
    double p = 1.0 / 60, s = sqrt(p * (1 - p));
    assert_near(b->factors[1][14], p * (1 - p) * (1 - 2 * p) / (s * s * s));
    /* the market's mean return was 1/3 on that day and 0 on the others */
    assert_near(b->factors[1][16], 3);
}

static void what_is_not_defined_is_nan(void **state)
{
    (void)state;
    struct bench *b = bench();
    day(b, 0);
    for (uint32_t k = 0; k < N_FACTORS; k++)
        assert_true(b->factors[0][k] != b->factors[0][k]);
    assert_true(b->day_returns[0] != b->day_returns[0]);
    day(b, 19); /* 20 closes, 19 returns */
    assert_true(b->factors[0][9] == b->factors[0][9]);
    assert_true(isnan(b->factors[0][6]) && isnan(b->factors[0][2]) && isnan(b->factors[0][17]));
    day(b, 20);
    assert_false(isnan(b->factors[0][6]) || isnan(b->factors[0][2]) || isnan(b->factors[0][17]));
    day(b, 60);
    assert_false(isnan(b->factors[0][14]) || isnan(b->factors[0][16]));
    day(b, 248);
    assert_true(isnan(b->factors[0][12]) && isnan(b->factors[0][13]));
    day(b, 249);
    assert_false(isnan(b->factors[0][12]) || isnan(b->factors[0][13]));
    assert_true(b->factors[0][5] != b->factors[0][5]);
}

static void a_missing_close_is_missing_in_its_windows_only(void **state)
{
    (void)state;
    struct bench *b = bench();
    b->close[280][0] = NAN;
    day(b, 290);
    assert_true(isnan(b->factors[0][6]) && isnan(b->factors[0][9]) && isnan(b->factors[0][11]) &&
                isnan(b->factors[0][17]));
    assert_near(b->factors[0][0], pow(1.01, 5) - 1);
    assert_true(b->factors[0][1] != b->factors[0][1]); /* from day 280 */
    assert_near(b->factors[1][9], 0);
    assert_true(b->factors[1][16] == b->factors[1][16]); /* the market goes on without it */
    day(b, 299);
    assert_true(b->factors[0][9] != b->factors[0][9]);
    assert_false(isnan(b->factors[0][15]) || isnan(b->factors[0][1]));
}

static void the_layout_changes_nothing(void **state)
{
    (void)state;
    static double turned[ASSETS][DAYS];
    struct bench *b = bench();
    double factors[ASSETS][N_FACTORS];
    day(b, 270);
    memcpy(factors, b->factors, sizeof factors);
    for (int t = 0; t < DAYS; t++)
        for (int i = 0; i < ASSETS; i++)
            turned[i][t] = b->close[t][i];
    b->closes = (struct closes){turned, DAYS, ASSETS, sizeof turned[0][0], sizeof turned[0]};
    day(b, 270);
    assert_memory_equal(factors, b->factors, sizeof factors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_growth_has_known_factors),
        cmocka_unit_test(a_jump_is_seen_as_long_as_its_window_lasts),
        cmocka_unit_test(what_is_not_defined_is_nan),
        cmocka_unit_test(a_missing_close_is_missing_in_its_windows_only),
        cmocka_unit_test(the_layout_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
