/* SPDX-License-Identifier: MIT
 *
 * orders: see orders.h.
 */
#include "orders.h"

#include <stdlib.h>

static void fill(struct orders *o, const struct grid *signals)
{
    for (uint64_t i = 0; i < signals->symbols; i++) {
        const char *row = grid_row(signals, i);
        uint64_t bit = (uint64_t)1 << i % 64, word = i / 64;
        for (uint64_t t = 0; t < signals->days; t++) {
            double signal = grid_day(signals, row, t);
            if (signal == 1)
                o->buy[t * o->words + word] |= bit;
            else if (signal == -1)
                o->sell[t * o->words + word] |= bit;
        }
    }
}

struct orders *orders_create(const struct grid *signals)
{
    struct orders *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->words = (signals->symbols + 63) / 64;
    o->buy = calloc(signals->days, o->words * sizeof *o->buy);
    o->sell = calloc(signals->days, o->words * sizeof *o->sell);
    if (!o->buy || !o->sell) {
        orders_destroy(o);
        return NULL;
    }
    fill(o, signals);
    return o;
}

void orders_destroy(struct orders *o)
{
    if (!o)
        return;
    free(o->buy);
    free(o->sell);
    free(o);
}
