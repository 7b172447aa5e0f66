/* SPDX-License-Identifier: MIT
 *
 * indicator: when an indicator of one symbol's closes says buy or sell. Plain functions of closes; README.md defines them.
 */
#ifndef SHEAF_PLUGINS_SIGNALS_INDICATOR_H
#define SHEAF_PLUGINS_SIGNALS_INDICATOR_H

#include <stdint.h>

/* Sums are made for so many days at once, which read as many numbers beyond the last close. */
#define INDICATOR_LANES 12u

/* The days on which a symbol has a close. */
struct series {
    double *close; /* n of them, oldest first, and room for INDICATOR_LANES more */
    uint64_t *day;
    uint64_t n;
};

struct rsi {
    uint64_t period; /* at least 1 */
    double lower, upper;
};

/* Fills s->close and s->day, each with room for `days` and INDICATOR_LANES, with the finite ones of `days` closes that lie
 * `step` bytes apart. */
void series_fill(struct series *s, const void *closes, int64_t step, uint64_t days);

/* Both write 1 (buy) and -1 (sell) into signal, by day, and leave the other days alone. fast, slow: at least 1. */
void sma_signals(const struct series *s, uint64_t fast, uint64_t slow, double *signal);
void rsi_signals(const struct series *s, const struct rsi *rsi, double *signal);

#endif
