/* SPDX-License-Identifier: MIT
 *
 * orders: see orders.h.
 */
#include "orders.h"

#include <stdlib.h>
#include <string.h>

bool orders_init(struct orders *o, uint64_t days, uint64_t words)
{
    o->words = words;
    o->buy = calloc(days, words * sizeof *o->buy);
    o->sell = calloc(days, words * sizeof *o->sell);
    return o->buy && o->sell;
}

void orders_finish(struct orders *o)
{
    free(o->buy);
    free(o->sell);
}

void orders_fill(struct orders *o, const struct grid *signals)
{
    memset(o->buy, 0, signals->days * o->words * sizeof *o->buy);
    memset(o->sell, 0, signals->days * o->words * sizeof *o->sell);
    for (uint64_t i = 0; i < signals->symbols; i++) {
        uint64_t bit = (uint64_t)1 << i % 64, word = i / 64;
        for (uint64_t t = 0; t < signals->days; t++) {
            double signal = grid_at(signals, i, t);
            if (signal == 1)
                o->buy[t * o->words + word] |= bit;
            else if (signal == -1)
                o->sell[t * o->words + word] |= bit;
        }
    }
}
