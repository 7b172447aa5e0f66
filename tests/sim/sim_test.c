/* SPDX-License-Identifier: MIT
 *
 * sim_test: many seeds, one after the other. A failing seed prints the one command that repeats it.
 *
 * Usage: sim_test [FIRST [COUNT [trace]]]
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

/* Seeds that failed once; they stay. */
static const uint64_t regressions[] = {1658, 2301, 2563, 2610, 11795};

static bool one(uint64_t seed, uint64_t *steps, bool trace)
{
    static struct sim s;
    bool ok = sim_run(&s, seed, trace);
    *steps += s.steps;
    if (!ok)
        printf("seed %llu: %s: %s (at %.3f s, step %llu)\n  again: sim_test %llu 1\n", (unsigned long long)seed,
               s.wrong, s.detail, (double)s.now / 1e9, (unsigned long long)s.steps, (unsigned long long)seed);
    return ok;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000,
             count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    uint64_t passed = 0, failed = 0, steps = 0;
    for (size_t i = 0; argc == 1 && i < sizeof(regressions) / sizeof(regressions[0]); i++)
        one(regressions[i], &steps, false) ? passed++ : failed++;
    for (uint64_t seed = first; seed < first + count && failed < 10; seed++)
        one(seed, &steps, argc > 3) ? passed++ : failed++;
    printf("%llu steps\n%llu passed, %llu failed\n", (unsigned long long)steps, (unsigned long long)passed,
           (unsigned long long)failed);
    return failed ? 1 : 0;
}
