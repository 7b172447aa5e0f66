/* SPDX-License-Identifier: MIT
 *
 * fund: see fund.h. Sums run over held symbols in ascending order and over days from the first to the last, as the definitions
 * have it: a score has the same bits however its days are gone through.
 */
#include "fund.h"

#include <math.h>
#include <string.h>

#define SLACK (1 + 1e-9) /* what rounding may move cash and stops by */
#define YEAR 252         /* trading days */

/* What is held of a symbol. */
struct position {
    const char *closes;
    uint64_t symbol;
    double last;         /* close that is known */
    double shares, stop; /* sold at this close or below */
};

struct fund {
    const struct grid *closes;
    const struct orders *orders;
    const struct rules *rules;
    struct position *held; /* ascending by symbol */
    uint64_t n_held;
    uint64_t *sold; /* symbols, today */
    uint64_t n_sold;
    uint64_t *busy; /* a bit for each symbol that is held or was sold today */
    double *curve;  /* [1 + day]: what all is worth, before the first day and after each */
    double cash, trades;
    struct bad_close *bad;
};

uint64_t fund_work_size(const struct grid *closes)
{
    uint64_t words = (closes->symbols + 63) / 64;
    return closes->symbols * (sizeof(struct position) + sizeof(uint64_t)) + words * sizeof(uint64_t) +
           (closes->days + 1) * sizeof(double);
}

static void lay_out(struct fund *f, void *work)
{
    f->held = work;
    f->sold = (void *)(f->held + f->closes->symbols);
    f->busy = f->sold + f->closes->symbols;
    f->curve = (void *)(f->busy + f->orders->words);
    f->curve[0] = f->rules->cash;
    memset(f->busy, 0, f->orders->words * sizeof *f->busy);
}

static bool has(const uint64_t *set, uint64_t symbol)
{
    return (set[symbol / 64] >> symbol % 64 & 1) != 0;
}

/* Cash and what is held, at the last closes that are known. */
static double worth(const struct fund *f)
{
    double sum = f->cash;
    for (uint64_t k = 0; k < f->n_held; k++)
        sum += f->held[k].shares * f->held[k].last;
    return sum;
}

static bool refuse(struct fund *f, uint64_t symbol, uint64_t day)
{
    *f->bad = (struct bad_close){symbol, day};
    return false;
}

/* Learns the day's closes of what is held, and sells. */
static bool sell(struct fund *f, uint64_t day)
{
    const uint64_t *orders = f->orders->sell + day * f->orders->words;
    bool stops = f->rules->stop_loss > 0;
    uint64_t kept = 0;
    for (uint64_t k = 0; k < f->n_held; k++) {
        struct position *p = &f->held[k];
        double close = grid_day(f->closes, p->closes, day);
        bool live = isfinite(close);
        if (live && close <= 0)
            return refuse(f, p->symbol, day);
        if (live && (has(orders, p->symbol) || (stops && close <= p->stop))) {
            f->cash += p->shares * close * (1 - f->rules->commission);
            f->trades++;
            f->sold[f->n_sold++] = p->symbol;
            continue;
        }
        p->last = live ? close : p->last;
        if (kept < k)
            f->held[kept] = *p;
        kept++;
    }
    f->n_held = kept;
    return true;
}

/* Buys one symbol for `stake`, if there is cash for it. */
static void buy_one(struct fund *f, uint64_t symbol, double close, double stake)
{
    const struct rules *r = f->rules;
    double price = stake * (1 + r->commission);
    if (price > f->cash * SLACK)
        return;
    uint64_t at = f->n_held++;
    for (; at > 0 && f->held[at - 1].symbol > symbol; at--)
        f->held[at] = f->held[at - 1];
    f->held[at] = (struct position){.closes = grid_row(f->closes, symbol),
                                    .symbol = symbol,
                                    .last = close,
                                    .shares = stake / close,
                                    .stop = close * (1 - r->stop_loss) * SLACK};
    f->busy[symbol / 64] |= (uint64_t)1 << symbol % 64;
    f->cash -= price;
    f->trades++;
}

static bool buy(struct fund *f, uint64_t day)
{
    const uint64_t *orders = f->orders->buy + day * f->orders->words;
    double stake = 0;
    bool known = false; /* the stake: summed up on days only on which something may be bought */
    for (uint64_t word = 0; word < f->orders->words && f->n_held < f->rules->max_positions; word++)
        for (uint64_t left = orders[word] & ~f->busy[word]; left && f->n_held < f->rules->max_positions;
             left &= left - 1) {
            uint64_t i = word * 64 + (uint64_t)__builtin_ctzll(left);
            double close = grid_day(f->closes, grid_row(f->closes, i), day);
            if (!isfinite(close))
                continue;
            if (close <= 0)
                return refuse(f, i, day);
            if (!known)
                stake = worth(f) / (double)f->rules->max_positions;
            known = true;
            buy_one(f, i, close, stake);
        }
    return true;
}

/* What was sold may be bought again. */
static void end_day(struct fund *f)
{
    while (f->n_sold > 0) {
        uint64_t i = f->sold[--f->n_sold];
        f->busy[i / 64] &= ~((uint64_t)1 << i % 64);
    }
}

/* ---- what came of it ---- */

static double mean(const double *x, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

static double deviation(const double *x, uint64_t n)
{
    double m = mean(x, n), sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += (x[i] - m) * (x[i] - m);
    return sqrt(sum / (double)n);
}

/* The larger one; a NaN takes its place: the curve stays one. */
static double higher(double best, double x)
{
    return best >= x ? best : x;
}

static double max_drawdown(const double *curve, uint64_t n)
{
    double peak = curve[0], worst = (peak - curve[0]) / peak;
    for (uint64_t i = 1; i < n; i++) {
        peak = higher(peak, curve[i]);
        worst = higher(worst, (peak - curve[i]) / peak);
    }
    return worst;
}

static void score(const struct fund *f, double scores[N_SCORES])
{
    uint64_t days = f->closes->days;
    double *curve = f->curve;
    scores[SCORE_TOTAL_RETURN] = curve[days] / f->rules->cash - 1;
    scores[SCORE_MAX_DRAWDOWN] = max_drawdown(curve, days + 1);
    scores[SCORE_TRADES] = f->trades;
    for (uint64_t t = 0; t < days; t++) /* from now on: returns */
        curve[t] = curve[t + 1] / curve[t] - 1;
    double risk = deviation(curve, days);
    scores[SCORE_SHARPE] = risk > 1e-12 ? mean(curve, days) / risk * sqrt(YEAR) : 0;
}

bool fund_run(const struct grid *closes, const struct orders *o, const struct rules *r, void *work,
              double scores[N_SCORES], struct bad_close *bad)
{
    struct fund f = {.closes = closes, .orders = o, .rules = r, .cash = r->cash, .bad = bad};
    lay_out(&f, work);
    for (uint64_t t = 0; t < closes->days; t++) {
        if (!sell(&f, t) || !buy(&f, t))
            return false;
        end_day(&f);
        f.curve[t + 1] = worth(&f);
    }
    score(&f, scores);
    return true;
}
