/* SPDX-License-Identifier: MIT
 *
 * sim_test: many seeds, one after the other. A failing seed prints the one command that repeats it.
 *
 * Usage: sim_test [FIRST [COUNT [STEP]]]    every STEPth of COUNT seeds (COUNT ones without STEP), from FIRST on
 *        sim_test trace SEED                one seed, each of its events as a line
 *        sim_test found COUNT               a mutant: to be found by one of COUNT seeds
 * Without arguments: the seeds that failed once, and a few.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAILED_MOST 10u

/* Seeds that failed once; they stay. */
static const uint64_t regressions[] = {30, 86, 95, 272, 445, 2302, 3629, 4850};

struct totals {
    uint64_t passed, failed, steps;
};

static bool one(uint64_t seed, struct totals *t, bool trace)
{
    static struct sim s;
    bool ok = sim_run(&s, seed, trace);
    t->steps += s.steps;
    t->passed += ok;
    t->failed += !ok;
    if (!ok)
        printf("seed %llu: %s: %s (at %.3f s, step %llu)\n  again: sim_test %llu 1\n", (unsigned long long)seed,
               s.wrong, s.detail, (double)s.now / 1e9, (unsigned long long)s.steps, (unsigned long long)seed);
    return ok;
}

static int is_found(uint64_t count)
{
    struct totals t = {0};
    for (uint64_t seed = 1; seed <= count; seed++)
        if (!one(seed, &t, false))
            return 0;
    printf("%llu seeds did not find what is wrong with this mutant: is its text still that of the source?\n",
           (unsigned long long)count);
    return 1;
}

static void report(const struct totals *t)
{
    double cpu = (double)clock() / CLOCKS_PER_SEC;
    printf("%llu steps, %.0f seeds a CPU second\n%llu passed, %llu failed\n", (unsigned long long)t->steps,
           (double)(t->passed + t->failed) / (cpu > 0 ? cpu : 1), (unsigned long long)t->passed,
           (unsigned long long)t->failed);
}

static uint64_t number(int argc, char **argv, int at, uint64_t otherwise)
{
    return argc > at ? strtoull(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    struct totals t = {0};
    if (argc == 3 && !strcmp(argv[1], "found"))
        return is_found(number(argc, argv, 2, 0));
    if (argc == 3 && !strcmp(argv[1], "trace")) {
        one(number(argc, argv, 2, 0), &t, true);
    } else {
        uint64_t first = number(argc, argv, 1, 1000), count = number(argc, argv, 2, 200),
                 step = number(argc, argv, 3, 1);
        for (size_t i = 0; argc == 1 && i < sizeof(regressions) / sizeof(regressions[0]); i++)
            one(regressions[i], &t, false);
        for (uint64_t seed = first; seed < first + count && t.failed < FAILED_MOST; seed += step ? step : 1)
            one(seed, &t, false);
    }
    report(&t);
    return t.failed ? 1 : 0;
}
