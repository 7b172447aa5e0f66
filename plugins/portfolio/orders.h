/* SPDX-License-Identifier: MIT
 *
 * orders: signals as bits, a day's symbols side by side: most days say nothing of most symbols, and 64 of those are passed at once.
 */
#ifndef SHEAF_PLUGINS_PORTFOLIO_ORDERS_H
#define SHEAF_PLUGINS_PORTFOLIO_ORDERS_H

#include "quotes.h"

struct orders {
    uint64_t words;
    uint64_t *buy, *sell; /* [day][word], as quotes.live */
};

/* Memory for so many days and words. False: there is not enough; finish is fine then, too. */
bool orders_init(struct orders *o, uint64_t days, uint64_t words);
void orders_finish(struct orders *o);

/* Takes in signals: 1 buys, -1 sells, everything else does nothing. */
void orders_fill(struct orders *o, const struct grid *signals);

#endif
