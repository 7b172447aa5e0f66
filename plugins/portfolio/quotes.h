/* SPDX-License-Identifier: MIT
 *
 * quotes: closes as a trading day needs them: what every symbol is worth on a day, and a bit for each that is traded on it. Made once
 * a machine, in memory that all slots share.
 */
#ifndef SHEAF_PLUGINS_PORTFOLIO_QUOTES_H
#define SHEAF_PLUGINS_PORTFOLIO_QUOTES_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers by symbol and day; strides in bytes. */
struct grid {
    const void *data;
    uint64_t symbols, days;
    int64_t by_symbol, by_day;
};

static inline double grid_at(const struct grid *g, uint64_t symbol, uint64_t day)
{
    return *(const double *)(const void *)((const char *)g->data + (int64_t)symbol * g->by_symbol +
                                           (int64_t)day * g->by_day);
}

struct quotes {
    uint64_t symbols, days, words; /* words of 64 symbols, the first in the lowest bit */
    const double *last;            /* [day][symbol]: the last finite close up to that day; NaN = none yet */
    const uint64_t *live;          /* [day][word]: has a finite close on that day */
};

/* Finds a close that is not above 0, which nothing can be bought at. False: there is none. */
bool quotes_find_bad(const struct grid *closes, uint64_t *symbol, uint64_t *day);

/* Bytes of the memory that quotes_fill fills; it may be as it comes from the host's cache: zeros. */
uint64_t quotes_size(const struct grid *closes);
void quotes_fill(const struct grid *closes, void *memory);

/* What lies in it. */
struct quotes quotes_of(const struct grid *closes, const void *memory);

#endif
