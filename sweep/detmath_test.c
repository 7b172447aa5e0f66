/* SPDX-License-Identifier: MIT
 *
 * Tests of detmath: against the C library in long double, at the edges, and the very bits on every compiler.
 */
#include "sweep/detmath.h"

#include "sweep/philox.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static double unit(uint64_t number, uint32_t stream)
{
    return philox_unit(philox_draw(2026, number, stream, 0));
}

/* Distance in units of the last place of the true value. */
static double ulps(double got, long double want)
{
    int e;
    (void)frexpl(want, &e);
    int last = e - 53 < -1074 ? -1074 : e - 53;
    return (double)(fabsl((long double)got - want) / ldexpl(1, last));
}

static void exp_is_within_one_ulp(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 200000; i++) {
        double x = i % 2 ? (unit(i, 1) - 0.5) * 1400 : (unit(i, 2) - 0.5) * 3;
        assert_true(ulps(det_exp(x), expl((long double)x)) < 1);
    }
}

static void log_is_within_one_ulp(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 200000; i++) {
        double x = i % 3 == 0   ? exp((unit(i, 3) - 0.5) * 1400)
                   : i % 3 == 1 ? 0.5 + 1.5 * unit(i, 4)
                                : 1 + (unit(i, 5) - 0.5) * 1e-3;
        assert_true(ulps(det_log(x), logl((long double)x)) < 1);
    }
}

static void edges_are_exact(void **state)
{
    (void)state;
    assert_true(det_exp(0) == 1 && det_log(1) == 0);
    assert_true(isinf(det_exp(709.79)) && det_exp(-745.2) == 0);
    assert_true(det_exp(709.78) < INFINITY && det_exp(-745.1) == 0x1p-1074);
    assert_true(isinf(det_exp(INFINITY)) && det_exp(-INFINITY) == 0 && isnan(det_exp(NAN)));
    assert_true(isinf(det_log(0)) && det_log(0) < 0 && isnan(det_log(-1)) && isnan(det_log(NAN)));
    assert_true(isinf(det_log(INFINITY)));
    assert_true(fabs(det_log(0x1p-1074) + 744.4400719213812) < 1e-12);
    assert_true(det_log(2) == 0x1.62e42fefa39efp-1 && det_exp(1) == 0x1.5bf0a8b145769p+1);
}

static void bits_are_the_same_everywhere(void **state)
{
    (void)state;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        double y[2] = {det_exp((unit(i, 6) - 0.5) * 100), det_log(unit(i, 7) * 1000)};
        for (int k = 0; k < 2; k++) {
            uint64_t bits;
            memcpy(&bits, &y[k], sizeof(bits));
            sum = (sum ^ bits) * 0x100000001b3u;
        }
    }
    assert_true(sum == 0xc230757764e5d3fcu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_one_ulp),
        cmocka_unit_test(log_is_within_one_ulp),
        cmocka_unit_test(edges_are_exact),
        cmocka_unit_test(bits_are_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
