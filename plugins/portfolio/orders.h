/* SPDX-License-Identifier: MIT
 *
 * orders: signals as bits, a day's symbols side by side: most days say nothing of most symbols, and 64 of those are passed at once.
 */
#ifndef SHEAF_PLUGINS_PORTFOLIO_ORDERS_H
#define SHEAF_PLUGINS_PORTFOLIO_ORDERS_H

#include "grid.h"

struct orders {
    uint64_t words;       /* of 64 symbols, the first in the lowest bit */
    uint64_t *buy, *sell; /* [day][word] */
};

/* What the signals say: 1 buys, -1 sells, everything else does nothing. NULL: out of memory. */
struct orders *orders_create(const struct grid *signals);
void orders_destroy(struct orders *o);

#endif
