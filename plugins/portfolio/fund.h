/* SPDX-License-Identifier: MIT
 *
 * fund: the trading days one after another, and what came of them. Definitions: README.md beside this file.
 */
#ifndef SHEAF_PLUGINS_PORTFOLIO_FUND_H
#define SHEAF_PLUGINS_PORTFOLIO_FUND_H

#include "orders.h"

enum { SCORE_TOTAL_RETURN, SCORE_SHARPE, SCORE_MAX_DRAWDOWN, SCORE_TRADES, N_SCORES };

struct rules {
    uint64_t max_positions;       /* at least 1 */
    double commission, stop_loss; /* fractions */
    double cash;
};

/* Bytes of work memory for one run. */
uint64_t fund_work_size(const struct quotes *q);

/* Trades all days; quotes and orders are of the same symbols and days. */
void fund_run(const struct quotes *q, const struct orders *o, const struct rules *r, void *work,
              double scores[N_SCORES]);

#endif
