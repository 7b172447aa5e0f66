/* SPDX-License-Identifier: MIT
 *
 * factor: the arithmetic of the 18 factors of one day. Plain functions of closes; README.md defines each of them.
 */
#ifndef SHEAF_PLUGINS_FACTORS_FACTOR_H
#define SHEAF_PLUGINS_FACTORS_FACTOR_H

#include "sheaf/plugin.h"

#define N_FACTORS 18u

/* Closing prices; strides in bytes. */
struct closes {
    const void *data;
    uint64_t days, assets;
    int64_t by_day, by_asset;
};

/* Fills out[day * assets + asset] with simple returns, and behind them out[days * assets + day] with the mean of each day's
 * finite ones; NaN where there is none. */
void factor_returns(const struct closes *c, double *out);

/* One day: `factors` [asset, N_FACTORS] and `day_returns` [asset]. returns: as factor_returns made them. */
void factor_day(const struct closes *c, const double *returns, uint64_t day, double *factors, double *day_returns);

#endif
