/* SPDX-License-Identifier: MIT
 *
 * market: a made-up market for demos, benchmarks and tests. Every number is a pure function of (seed, position) by Philox, sums,
 * products and square roots, so that the same seed gives the same bytes on every machine.
 */
#ifndef SHEAF_CLI_MARKET_H
#define SHEAF_CLI_MARKET_H

#include "common/err.h"

#include <stdint.h>

struct market {
    uint64_t seed;
    uint64_t days, assets, factors;
};

/* Writes factors.npy, float64 [days, assets, factors], and returns.npy, float64 [days, assets]: existing files are replaced. A
 * few factors foretell the next day's return a little; slow factors are NaN on their first days, as are the returns of the
 * first day. 0, SHEAF_EIO, SHEAF_ENOSPC or SHEAF_ENOMEM with a line in d. */
int market_write(const struct market *m, const char *factors_path, const char *returns_path, struct diag *d);

#endif
