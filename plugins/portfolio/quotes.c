/* SPDX-License-Identifier: MIT
 *
 * quotes: see quotes.h.
 */
#include "quotes.h"

#include <math.h>

static uint64_t words_of(const struct grid *g)
{
    return (g->symbols + 63) / 64;
}

bool quotes_find_bad(const struct grid *closes, uint64_t *symbol, uint64_t *day)
{
    for (uint64_t i = 0; i < closes->symbols; i++)
        for (uint64_t t = 0; t < closes->days; t++) {
            double close = grid_at(closes, i, t);
            if (close <= 0 && isfinite(close)) {
                *symbol = i, *day = t;
                return true;
            }
        }
    return false;
}

uint64_t quotes_size(const struct grid *closes)
{
    return closes->days * (closes->symbols * sizeof(double) + words_of(closes) * sizeof(uint64_t));
}

void quotes_fill(const struct grid *closes, void *memory)
{
    uint64_t n = closes->symbols, words = words_of(closes);
    double *last = memory;
    uint64_t *live = (void *)(last + closes->days * n);
    for (uint64_t t = 0; t < closes->days; t++, last += n, live += words)
        for (uint64_t i = 0; i < n; i++) {
            double close = grid_at(closes, i, t);
            if (isfinite(close)) {
                last[i] = close;
                live[i / 64] |= (uint64_t)1 << i % 64;
            } else {
                last[i] = t > 0 ? last[(int64_t)i - (int64_t)n] : (double)NAN;
            }
        }
}

struct quotes quotes_of(const struct grid *closes, const void *memory)
{
    const double *last = memory;
    return (struct quotes){closes->symbols, closes->days, words_of(closes), last,
                           (const void *)(last + closes->days * closes->symbols)};
}
