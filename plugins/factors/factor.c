/* SPDX-License-Identifier: MIT
 *
 * factor: see factor.h. A window is the n days that end with the one at hand; where it would begin before the first day, or holds
 * a NaN, the factor is NaN. Comparisons are written so that NaN goes through them.
 */
#include "factor.h"

#include <math.h>

/* Numbers that lie `step` elements apart, the last one first reached at n - 1. */
struct window {
    const char *at; /* the oldest */
    int64_t step;   /* bytes */
    uint64_t n;
};

static double load(const struct window *w, uint64_t i)
{
    return *(const double *)(const void *)(w->at + (int64_t)i * w->step);
}

static double close_of(const struct closes *c, uint64_t day, uint64_t asset)
{
    return *(const double *)(const void *)((const char *)c->data + (int64_t)day * c->by_day +
                                           (int64_t)asset * c->by_asset);
}

void factor_returns(const struct closes *c, double *out)
{
    double *means = out + c->days * c->assets;
    for (uint64_t t = 0; t < c->days; t++) {
        double sum = 0, n = 0;
        for (uint64_t i = 0; i < c->assets; i++) {
            double r = t > 0 ? close_of(c, t, i) / close_of(c, t - 1, i) - 1 : (double)NAN;
            out[t * c->assets + i] = r;
            if (r == r) {
                sum += r;
                n++;
            }
        }
        means[t] = n > 0 ? sum / n : (double)NAN;
    }
}

/* ---- over a window ---- */

static double mean(const struct window *w)
{
    double sum = 0;
    for (uint64_t i = 0; i < w->n; i++)
        sum += load(w, i);
    return sum / (double)w->n;
}

static double deviation(const struct window *w)
{
    double m = mean(w), sum = 0;
    for (uint64_t i = 0; i < w->n; i++) {
        double d = load(w, i) - m;
        sum += d * d;
    }
    return sqrt(sum / (double)w->n);
}

static double highest(const struct window *w)
{
    double best = load(w, 0);
    for (uint64_t i = 1; i < w->n && best == best; i++) {
        double x = load(w, i);
        best = x <= best ? best : x; /* a NaN takes its place, and stays */
    }
    return best;
}

static double lowest(const struct window *w)
{
    double best = load(w, 0);
    for (uint64_t i = 1; i < w->n && best == best; i++) {
        double x = load(w, i);
        best = x >= best ? best : x;
    }
    return best;
}

static double at_least(double x, double least)
{
    return x <= least ? least : x;
}

static double skewness(const struct window *w)
{
    double m = mean(w), s = at_least(deviation(w), 1e-12), sum = 0;
    for (uint64_t i = 0; i < w->n; i++) {
        double d = load(w, i) - m;
        sum += d * d * d;
    }
    return sum / (double)w->n / (s * s * s);
}

/* The share of what rose in all that moved. */
static double strength(const struct window *w)
{
    double up = 0, down = 0, n = (double)w->n;
    for (uint64_t i = 0; i < w->n; i++) {
        double r = load(w, i);
        up += at_least(r, 0);
        down += at_least(-r, 0);
    }
    return up / n / at_least(up / n + down / n, 1e-12);
}

static double beta(const struct window *w, const double *market)
{
    double both = 0, square = 0, n = (double)w->n;
    for (uint64_t i = 0; i < w->n; i++) {
        both += load(w, i) * market[i];
        square += market[i] * market[i];
    }
    return both / n / at_least(square / n, 1e-18);
}

/* ---- a day ---- */

/* One asset on one day. */
struct place {
    const struct closes *closes;
    const double *returns;
    uint64_t day, asset;
};

static bool has_days(const struct place *p, uint64_t n)
{
    return p->day + 1 >= n;
}

static struct window closes_window(const struct place *p, uint64_t n)
{
    const struct closes *c = p->closes;
    int64_t first = (int64_t)(p->day + 1 - n);
    return (struct window){(const char *)c->data + first * c->by_day + (int64_t)p->asset * c->by_asset, c->by_day, n};
}

static struct window returns_window(const struct place *p, uint64_t n)
{
    uint64_t assets = p->closes->assets;
    const double *first = p->returns + (p->day + 1 - n) * assets + p->asset;
    return (struct window){(const char *)first, (int64_t)(assets * sizeof(double)), n};
}

static double momentum(const struct place *p, uint64_t n)
{
    if (p->day < n)
        return (double)NAN;
    return close_of(p->closes, p->day, p->asset) / close_of(p->closes, p->day - n, p->asset) - 1;
}

typedef double over_window(const struct window *w);

static double of_returns(const struct place *p, uint64_t n, over_window *of)
{
    struct window w = {0};
    if (has_days(p, n))
        w = returns_window(p, n);
    return w.n > 0 ? of(&w) : (double)NAN;
}

/* The close, over what its window says, less 1. */
static double close_over(const struct place *p, uint64_t n, over_window *of)
{
    struct window w = {0};
    if (has_days(p, n))
        w = closes_window(p, n);
    return w.n > 0 ? close_of(p->closes, p->day, p->asset) / of(&w) - 1 : (double)NAN;
}

static double market_beta(const struct place *p, uint64_t n)
{
    const double *market = p->returns + p->closes->days * p->closes->assets;
    struct window w = {0};
    if (has_days(p, n))
        w = returns_window(p, n);
    return w.n > 0 ? beta(&w, market + (p->day + 1 - n)) : (double)NAN;
}

static void factors_of(const struct place *p, double out[N_FACTORS])
{
    static const uint64_t momenta[] = {5, 10, 20, 60, 120, 250};
    for (uint32_t k = 0; k < 6; k++)
        out[k] = momentum(p, momenta[k]);
    out[6] = of_returns(p, 20, deviation);
    out[7] = of_returns(p, 60, deviation);
    out[8] = of_returns(p, 120, deviation);
    out[9] = close_over(p, 20, mean);
    out[10] = close_over(p, 60, mean);
    out[11] = close_over(p, 60, highest);
    out[12] = close_over(p, 250, highest);
    out[13] = close_over(p, 250, lowest);
    out[14] = of_returns(p, 60, skewness);
    out[15] = of_returns(p, 14, strength);
    out[16] = market_beta(p, 60);
    out[17] = of_returns(p, 20, highest);
}

void factor_day(const struct closes *c, const double *returns, uint64_t day, double *factors, double *day_returns)
{
    for (uint64_t i = 0; i < c->assets; i++) {
        struct place p = {c, returns, day, i};
        factors_of(&p, factors + i * N_FACTORS);
        day_returns[i] = returns[day * c->assets + i];
    }
}
