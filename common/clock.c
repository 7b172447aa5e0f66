/* SPDX-License-Identifier: MIT
 *
 * clock: the three clocks of POSIX that we use.
 */
#include "common/clock.h"

#include "common/err.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    int failed = clock_gettime(id, &t);
    SHEAF_ASSERT(failed == 0); /* these clocks exist on every system we run on */
    return (int64_t)t.tv_sec * NS_PER_S + (int64_t)t.tv_nsec;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / NS_PER_MS;
}

int64_t clock_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
