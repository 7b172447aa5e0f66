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

struct fund {
    const struct quotes *quotes;
    const struct orders *orders;
    const struct rules *rules;
    uint64_t *held, *sold; /* [word]; sold: today */
    double *shares, *stop; /* [symbol], of those held; stop: sold at this close or below */
    double *curve;         /* [1 + day]: what all is worth, before the first day and after each */
    double cash, trades;
    uint64_t n_held;
};

uint64_t fund_work_size(const struct quotes *q)
{
    return 2 * q->words * sizeof(uint64_t) + (2 * q->symbols + q->days + 1) * sizeof(double);
}

static struct fund fund_of(const struct quotes *q, const struct orders *o, const struct rules *r, void *work)
{
    struct fund f = {.quotes = q, .orders = o, .rules = r, .cash = r->cash, .held = work};
    f.sold = f.held + q->words;
    f.shares = (void *)(f.sold + q->words);
    f.stop = f.shares + q->symbols;
    f.curve = f.stop + q->symbols;
    f.curve[0] = r->cash;
    memset(f.held, 0, 2 * q->words * sizeof *f.held);
    return f;
}

/* The lowest symbol of a set that is not empty, which it leaves. */
static uint64_t take(uint64_t *set, uint64_t word)
{
    uint64_t symbol = word * 64 + (uint64_t)__builtin_ctzll(*set);
    *set &= *set - 1;
    return symbol;
}

/* Cash and what is held, at the closes known on that day. */
static double worth(const struct fund *f, const double *last)
{
    double sum = f->cash;
    if (f->n_held == 0)
        return sum;
    for (uint64_t word = 0; word < f->quotes->words; word++)
        for (uint64_t left = f->held[word]; left;) {
            uint64_t i = take(&left, word);
            sum += f->shares[i] * last[i];
        }
    return sum;
}

/* Those of a word of symbols that are at their stop or below. */
static uint64_t stopped(const struct fund *f, uint64_t word, uint64_t among, const double *last)
{
    uint64_t hit = 0;
    for (uint64_t left = among; left;) {
        uint64_t i = take(&left, word);
        if (last[i] <= f->stop[i])
            hit |= (uint64_t)1 << i % 64;
    }
    return hit;
}

static void sell(struct fund *f, uint64_t day)
{
    const double *last = f->quotes->last + day * f->quotes->symbols;
    const uint64_t *live = f->quotes->live + day * f->quotes->words, *orders = f->orders->sell + day * f->orders->words;
    for (uint64_t word = 0; word < f->quotes->words; word++) {
        uint64_t among = f->held[word] & live[word], hit = among & orders[word];
        if (f->rules->stop_loss > 0)
            hit |= stopped(f, word, among, last);
        f->sold[word] = hit;
        f->held[word] &= ~hit;
        for (uint64_t left = hit; left;) {
            uint64_t i = take(&left, word);
            f->cash += f->shares[i] * last[i] * (1 - f->rules->commission);
            f->trades++;
            f->n_held--;
        }
    }
}

/* Buys one symbol for `stake`, if there is cash for it. */
static void buy_one(struct fund *f, uint64_t symbol, double close, double stake)
{
    const struct rules *r = f->rules;
    double price = stake * (1 + r->commission);
    if (price > f->cash * SLACK)
        return;
    f->shares[symbol] = stake / close;
    f->stop[symbol] = close * (1 - r->stop_loss) * SLACK;
    f->held[symbol / 64] |= (uint64_t)1 << symbol % 64;
    f->cash -= price;
    f->trades++;
    f->n_held++;
}

static void buy(struct fund *f, uint64_t day)
{
    const double *last = f->quotes->last + day * f->quotes->symbols;
    const uint64_t *live = f->quotes->live + day * f->quotes->words, *orders = f->orders->buy + day * f->orders->words;
    double stake = 0;
    bool known = false; /* what there is to spend: summed on days on which something may be bought */
    for (uint64_t word = 0; word < f->quotes->words && f->n_held < f->rules->max_positions; word++)
        for (uint64_t left = orders[word] & live[word] & ~f->held[word] & ~f->sold[word];
             left && f->n_held < f->rules->max_positions;) {
            if (!known)
                stake = worth(f, last) / (double)f->rules->max_positions;
            known = true;
            uint64_t i = take(&left, word);
            buy_one(f, i, last[i], stake);
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

/* The larger one; a NaN takes its place, and stays. */
static double higher(double best, double x)
{
    return best >= x || best != best ? best : x;
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
    uint64_t days = f->quotes->days;
    double *curve = f->curve;
    scores[SCORE_TOTAL_RETURN] = curve[days] / f->rules->cash - 1;
    scores[SCORE_MAX_DRAWDOWN] = max_drawdown(curve, days + 1);
    scores[SCORE_TRADES] = f->trades;
    for (uint64_t t = 0; t < days; t++) /* from now on: returns */
        curve[t] = curve[t + 1] / curve[t] - 1;
    double risk = deviation(curve, days);
    scores[SCORE_SHARPE] = risk > 1e-12 ? mean(curve, days) / risk * sqrt(YEAR) : 0;
}

void fund_run(const struct quotes *q, const struct orders *o, const struct rules *r, void *work,
              double scores[N_SCORES])
{
    struct fund f = fund_of(q, o, r, work);
    for (uint64_t t = 0; t < q->days; t++) {
        sell(&f, t);
        buy(&f, t);
        f.curve[t + 1] = worth(&f, q->last + t * q->symbols);
    }
    score(&f, scores);
}
