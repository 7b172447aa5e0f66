/* SPDX-License-Identifier: MIT
 *
 * indicator: see indicator.h. Every mean is summed anew, oldest close first, so that a day's signal has the same bits whatever came
 * before its windows; that neighbouring days are summed side by side changes no order.
 */
#include "indicator.h"

#include <math.h>
#include <string.h>

#define TIE 1e-10 /* means that differ by less of the slow one are equal */

void series_fill(struct series *s, const void *closes, int64_t step, uint64_t days)
{
    const char *at = closes;
    s->n = 0;
    for (uint64_t t = 0; t < days; t++, at += step) {
        double close = *(const double *)(const void *)at;
        s->close[s->n] = close;
        s->day[s->n] = t;
        s->n += isfinite(close) ? 1 : 0;
    }
    for (uint32_t i = 0; i < INDICATOR_LANES; i++)
        s->close[s->n + i] = 0;
}

/* Numbers of neighbouring days: the compiler, left to itself, finds days that are summed one after another instead. */
typedef double pair __attribute__((vector_size(16)));
#define PAIRS (INDICATOR_LANES / 2)

static pair load(const double *x)
{
    pair p;
    memcpy(&p, x, sizeof p);
    return p;
}

/* Means of the n closes that end at INDICATOR_LANES neighbours, of which first is the oldest's oldest. */
static void means(const double *first, uint64_t n, double out[INDICATOR_LANES])
{
    pair sum[PAIRS] = {{0}};
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < PAIRS; k++)
            sum[k] += load(first + i + 2 * k);
    for (uint64_t k = 0; k < PAIRS; k++)
        for (uint64_t half = 0; half < 2; half++)
            out[2 * k + half] = sum[k][half] / (double)n;
}

/* Of what lies above (1), on (0) or below (-1) a line, and did on the defined day before. */
static double crossing(int before, int now)
{
    return now > 0 && before <= 0 ? 1 : now < 0 && before >= 0 ? -1 : 0;
}

void sma_signals(const struct series *s, uint64_t fast, uint64_t slow, double *signal)
{
    double f[INDICATOR_LANES], w[INDICATOR_LANES];
    uint64_t first = (fast > slow ? fast : slow) - 1;
    int before = 0;
    for (uint64_t at = first; at < s->n; at += INDICATOR_LANES) {
        means(s->close + at + 1 - fast, fast, f);
        means(s->close + at + 1 - slow, slow, w);
        for (uint32_t lane = 0; lane < INDICATOR_LANES && at + lane < s->n; lane++) {
            double above = f[lane] - w[lane];
            int now = fabs(above) > TIE * w[lane] ? (above > 0) - (above < 0) : 0;
            double crossed = at + lane > first ? crossing(before, now) : 0;
            if (crossed != 0)
                signal[s->day[at + lane]] = crossed;
            before = now;
        }
    }
}

/* Wilder's averages of what was gained and lost from close to close. */
struct averages {
    double gain, loss;
};

/* Takes in change number n, the first is 1. False: not defined yet. */
static int averages_add(struct averages *a, uint64_t n, double change, double period)
{
    double up = change > 0 ? change : 0, down = change < 0 ? -change : 0;
    if ((double)n > period) {
        a->gain = (a->gain * (period - 1) + up) / period;
        a->loss = (a->loss * (period - 1) + down) / period;
        return 1;
    }
    a->gain += up;
    a->loss += down;
    if ((double)n < period)
        return 0;
    a->gain /= period;
    a->loss /= period;
    return 1;
}

void rsi_signals(const struct series *s, const struct rsi *rsi, double *signal)
{
    struct averages a = {0, 0};
    double before = (double)NAN; /* nothing is below or above it */
    for (uint64_t i = 1; i < s->n; i++) {
        if (!averages_add(&a, i, s->close[i] - s->close[i - 1], (double)rsi->period))
            continue;
        double now = a.loss == 0 ? 100 : 100 - 100 / (1 + a.gain / a.loss);
        now = rint(now * 1e9) / 1e9;
        if (before < rsi->lower && now >= rsi->lower)
            signal[s->day[i]] = 1;
        else if (before > rsi->upper && now <= rsi->upper)
            signal[s->day[i]] = -1;
        before = now;
    }
}
