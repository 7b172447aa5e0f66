/* SPDX-License-Identifier: MIT
 *
 * grid: numbers by symbol and day, whichever of them lie side by side.
 */
#ifndef SHEAF_PLUGINS_PORTFOLIO_GRID_H
#define SHEAF_PLUGINS_PORTFOLIO_GRID_H

#include <stdint.h>

struct grid {
    const void *data;
    uint64_t symbols, days;
    int64_t by_symbol, by_day; /* bytes */
};

/* Where the numbers of a symbol begin. */
static inline const char *grid_row(const struct grid *g, uint64_t symbol)
{
    return (const char *)g->data + (int64_t)symbol * g->by_symbol;
}

/* One of them. */
static inline double grid_day(const struct grid *g, const char *row, uint64_t day)
{
    return *(const double *)(const void *)(row + (int64_t)day * g->by_day);
}

#endif
