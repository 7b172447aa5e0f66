/* SPDX-License-Identifier: MIT
 *
 * backtest: see backtest.h. Sums leave out terms that are exactly zero (assets outside of the book), which changes no bit of
 * them; otherwise they run as they are written down, left to right.
 */
#include "backtest.h"
#include "rank.h"

#include <math.h>
#include <string.h>

/* One run; the arrays lie in the work memory. */
struct backtest {
    const struct market *m;
    const struct tables *t;
    uint64_t *chosen; /* [n_chosen]: factors, ascending */
    double *weight;   /* [n_chosen] */
    uint64_t n_chosen;
    double *score, *z_row;       /* [assets] */
    uint64_t *seen, *book, *old; /* sets of assets: with a finite chosen factor; held now; held before */
    struct ranked *heap;         /* [most] */
    uint64_t most;               /* assets to hold, at most */
    double held_weight;          /* of each asset in the book; 0 when it is empty */
    double *returns;             /* [test days] */
};

/* rint of |x| or of x, without a call: what is below 2^52 loses its fraction when 2^52 is added. */
static double round_even(double x)
{
    const double big = 4503599627370496.0;
    double whole = (fabs(x) + big) - big;
    return copysign(fabs(x) < big ? whole : fabs(x), x);
}

void verdict_fill(struct verdict *v, const struct market *m, const struct tables *t, uint64_t a, uint64_t b)
{
    v->a = a;
    v->b = b;
    for (uint64_t k = 0; k < m->kinds; k++) {
        double sum = 0;
        uint64_t n = 0;
        for (uint64_t day = a; day + 1 < b; day++) {
            double ic = t->ic[day * m->kinds + k];
            if (isfinite(ic)) {
                sum += ic;
                n++;
            }
        }
        v->mean[k] = n ? sum / (double)n : NAN;
    }
    for (uint64_t k = 0; k < m->kinds; k++) {
        double strength = round_even(fabs(v->mean[k]) * 1e12);
        v->rank[k] = 0;
        for (uint64_t j = 0; j < m->kinds; j++) {
            double other = round_even(fabs(v->mean[j]) * 1e12);
            v->rank[k] += other > strength || (other == strength && j < k);
        }
        if (isnan(v->mean[k]))
            v->rank[k] = UINT64_MAX;
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t backtest_work_size(const struct market *m, const struct window *w, const struct settings *s)
{
    uint64_t most = least(s->top_n, m->assets);
    uint64_t limit = (uint64_t)1 << 40; /* each part below it: the sum cannot overflow */
    if (m->kinds > limit || m->assets > limit || w->d > limit)
        return 0;
    return 8 * (2 * m->kinds + 2 * m->assets + 3 * m->words + (w->d - w->c)) + most * sizeof(struct ranked);
}

static void lay_out(struct backtest *b, const struct window *w, void *work)
{
    b->heap = work;
    b->weight = (double *)(void *)(b->heap + b->most);
    b->score = b->weight + b->m->kinds;
    b->z_row = b->score + b->m->assets;
    b->returns = b->z_row + b->m->assets;
    b->chosen = (uint64_t *)(void *)(b->returns + (w->d - w->c));
    b->seen = b->chosen + b->m->kinds;
    b->book = b->seen + b->m->words;
    b->old = b->book + b->m->words;
    memset(b->book, 0, b->m->words * sizeof *b->book);
}

static void choose_factors(struct backtest *b, const struct verdict *v, const struct settings *s)
{
    for (uint64_t k = 0; k < b->m->kinds; k++) {
        if (v->rank[k] >= s->n_factors)
            continue;
        double rounded = round_even(v->mean[k] * 1e12);
        b->chosen[b->n_chosen] = k;
        b->weight[b->n_chosen] = s->by_ic ? v->mean[k] : (double)((rounded > 0) - (rounded < 0));
        b->n_chosen++;
    }
}

/* Scores of all assets on day t, rounded for comparison, and which assets have one. */
static void score_assets(struct backtest *b, uint64_t t)
{
    const struct market *m = b->m;
    double *restrict score = b->score;
    memset(score, 0, m->assets * sizeof *score);
    memset(b->seen, 0, m->words * sizeof *b->seen);
    for (uint64_t c = 0; c < b->n_chosen; c++) {
        uint64_t row = t * m->kinds + b->chosen[c];
        const double *restrict z = b->z_row;
        if (b->t->z)
            z = b->t->z + row * m->assets;
        else
            tables_z_row(m, t, b->chosen[c], b->z_row, NULL);
        double weight = b->weight[c];
        for (uint64_t i = 0; i < m->assets; i++)
            score[i] += weight * z[i];
        for (uint64_t i = 0; i < m->words; i++)
            b->seen[i] |= b->t->finite[row * m->words + i];
    }
    for (uint64_t i = 0; i < m->assets; i++)
        score[i] = round_even(score[i] * 1e9);
}

/* Remakes the book on day t; returns the turnover. */
static double remake_book(struct backtest *b, uint64_t t)
{
    score_assets(b, t);
    uint64_t *spare = b->old;
    b->old = b->book;
    b->book = spare;
    uint64_t n = rank_best(b->score, b->seen, b->old, b->m->words, b->most, b->heap, b->book);
    double before = b->held_weight, turnover = 0;
    b->held_weight = n ? 1.0 / (double)n : 0.0;
    for (uint64_t word = 0; word < b->m->words; word++) {
        for (uint64_t left = b->book[word] | b->old[word]; left; left &= left - 1) {
            uint64_t bit = left & (~left + 1);
            turnover += fabs((b->book[word] & bit ? b->held_weight : 0.0) - (b->old[word] & bit ? before : 0.0));
        }
    }
    return turnover;
}

/* What the book earns on day t. */
static double day_return(const struct backtest *b, uint64_t t)
{
    const double *r = b->m->returns + t * b->m->assets;
    double sum = 0;
    for (uint64_t word = 0; word < b->m->words; word++) {
        for (uint64_t left = b->book[word]; left; left &= left - 1) {
            double x = r[word * 64 + (uint64_t)__builtin_ctzll(left)];
            sum += b->held_weight * (isfinite(x) ? x : 0.0);
        }
    }
    return sum;
}

static void score_returns(const double *r, uint64_t n, double *scores)
{
    double sum = 0, squares = 0, equity = 1, peak = 1, fall = 0;
    for (uint64_t i = 0; i < n; i++) {
        sum += r[i];
        equity *= 1 + r[i];
        peak = equity > peak ? equity : peak;
        double below = (peak - equity) / peak;
        fall = below > fall ? below : fall;
    }
    double mean = sum / (double)n;
    for (uint64_t i = 0; i < n; i++)
        squares += (r[i] - mean) * (r[i] - mean);
    double std = sqrt(squares / (double)n);
    scores[SCORE_SHARPE] = std > 1e-12 ? mean / std * sqrt(252) : 0.0;
    scores[SCORE_TOTAL_RETURN] = equity - 1;
    scores[SCORE_MAX_DRAWDOWN] = fall;
}

bool backtest_run(const struct market *m, const struct tables *t, const struct verdict *v, const struct window *w,
                  const struct settings *s, void *work, double *scores)
{
    struct backtest b = {.m = m, .t = t, .most = least(s->top_n, m->assets)};
    lay_out(&b, w, work);
    choose_factors(&b, v, s);
    if (b.n_chosen == 0)
        return false;
    double total_turnover = 0, sum_ic = 0;
    uint64_t until_remake = 0;
    for (uint64_t day = w->c; day < w->d; day++) { /* the signal of the day before earns this day's return */
        double cost = 0;
        if (until_remake == 0) {
            double turnover = remake_book(&b, day - 1);
            total_turnover += turnover;
            cost = turnover * s->cost_bps / 1e4;
            until_remake = s->rebalance;
        }
        until_remake--;
        b.returns[day - w->c] = day_return(&b, day) - cost;
    }
    for (uint64_t c = 0; c < b.n_chosen; c++)
        sum_ic += v->mean[b.chosen[c]];
    score_returns(b.returns, w->d - w->c, scores);
    scores[SCORE_MEAN_IC] = sum_ic / (double)b.n_chosen;
    scores[SCORE_TURNOVER] = total_turnover;
    return true;
}
