/* SPDX-License-Identifier: MIT
 *
 * fund: the trading days one after another, and what came of them. Definitions: README.md beside this file.
 */
#ifndef SHEAF_PLUGINS_PORTFOLIO_FUND_H
#define SHEAF_PLUGINS_PORTFOLIO_FUND_H

#include "orders.h"

#include <stdbool.h>

enum { SCORE_TOTAL_RETURN, SCORE_SHARPE, SCORE_MAX_DRAWDOWN, SCORE_TRADES, N_SCORES };

struct rules {
    uint64_t max_positions;       /* at least 1 */
    double commission, stop_loss; /* fractions */
    double cash;
};

/* A close that is not above 0. */
struct bad_close {
    uint64_t symbol, day;
};

/* Bytes of work memory for one run. */
uint64_t fund_work_size(const struct grid *closes);

/* Trades all days; closes and orders are of the same symbols and days. False: on a close that is not above 0, which is in *bad. */
bool fund_run(const struct grid *closes, const struct orders *o, const struct rules *r, void *work,
              double scores[N_SCORES], struct bad_close *bad);

#endif
