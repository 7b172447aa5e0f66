/* SPDX-License-Identifier: MIT */
#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

static void monotonic_time_never_goes_back(void **state)
{
    (void)state;
    int64_t last = clock_mono_ns();
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_mono_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void wall_time_is_the_systems(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL), ms = clock_wall_ms(), after = (int64_t)time(NULL);
    /* time() may read a coarser clock that lags by a tick */
    assert_in_range(ms / 1000, before - 1, after + 1);
}

static void cpu_time_advances_with_work(void **state)
{
    (void)state;
    int64_t start = clock_cpu_ns();
    assert_true(start >= 0);
    volatile uint64_t x = 1;
    while (clock_cpu_ns() == start)
        x = x * 3 + 1;
    assert_true(clock_cpu_ns() > start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(wall_time_is_the_systems),
        cmocka_unit_test(cpu_time_advances_with_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
