/* SPDX-License-Identifier: MIT
 *
 * tables: see tables.h.
 */
#include "tables.h"
#include "rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A z table larger than this is not kept: tasks compute the rows that they need. */
#define MAX_Z_BYTES ((uint64_t)256 << 20)

struct tables_work {
    struct ranked *order, *spare; /* assets each, for ranking */
    double *x, *y;                /* values of one factor, and of the returns, without those that are missing */
    double *rank_x, *rank_y;      /* their ranks less the mean rank */
    uint64_t *both, *last;        /* sets: assets with both; the set that rank_y stands for */
    double square_y;              /* sum of the squares of rank_y */
};

struct tables_work *tables_work_create(const struct market *m)
{
    struct tables_work *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->order = calloc(m->assets, sizeof *w->order);
    w->spare = calloc(m->assets, sizeof *w->spare);
    w->x = calloc(m->assets, 4 * sizeof *w->x);
    w->both = calloc(m->words, 2 * sizeof *w->both);
    if (!w->order || !w->spare || !w->x || !w->both) {
        tables_work_destroy(w);
        return NULL;
    }
    w->y = w->x + m->assets;
    w->rank_x = w->y + m->assets;
    w->rank_y = w->rank_x + m->assets;
    w->last = w->both + m->words;
    return w;
}

void tables_work_destroy(struct tables_work *w)
{
    if (!w)
        return;
    free(w->order);
    free(w->spare);
    free(w->x);
    free(w->both);
    free(w);
}

/* a * b into *out; false when it overflows. */
static bool multiply(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b && a > UINT64_MAX / b)
        return false;
    *out = a * b;
    return true;
}

static bool keeps_z(const struct market *m)
{
    return m->days * m->kinds <= MAX_Z_BYTES / sizeof(double) / m->assets;
}

uint64_t tables_size(const struct market *m)
{
    uint64_t rows, bytes;
    uint64_t row_words = 1 + m->words + (keeps_z(m) ? m->assets : 0);
    if (!multiply(m->days, m->kinds, &rows) || !multiply(rows, 8 * row_words, &bytes))
        return 0;
    return bytes;
}

struct tables tables_of(const struct market *m, const void *block)
{
    uint64_t rows = m->days * m->kinds;
    struct tables t = {.ic = block};
    const double *z = t.ic + rows;
    t.z = keeps_z(m) ? z : NULL;
    t.finite = (const uint64_t *)(const void *)(keeps_z(m) ? z + rows * m->assets : z);
    return t;
}

void tables_z_row(const struct market *m, uint64_t t, uint64_t k, double *z, uint64_t *finite)
{
    const double *x = m->factors + t * m->assets * m->kinds + k;
    double sum = 0, largest = 0, squares = 0;
    uint64_t n = 0;
    for (uint64_t i = 0; i < m->assets; i++) {
        double v = x[i * m->kinds];
        z[i] = v;
        if (!isfinite(v))
            continue;
        sum += v;
        largest = fabs(v) > largest ? fabs(v) : largest;
        n++;
        if (finite)
            finite[i / 64] |= (uint64_t)1 << i % 64;
    }
    double mean = sum / (double)n;
    for (uint64_t i = 0; i < m->assets; i++)
        if (isfinite(z[i]))
            squares += (z[i] - mean) * (z[i] - mean);
    double std = sqrt(squares / (double)n);
    bool varies = n && std > 1e-12 * largest;
    for (uint64_t i = 0; i < m->assets; i++)
        z[i] = varies && isfinite(z[i]) ? (z[i] - mean) / std : 0.0;
}

/* Ranks of x[0 .. n) less their mean, into rank; returns the sum of their squares. */
static double centred_ranks(struct tables_work *w, const double *x, uint64_t n, double *rank)
{
    double sum = 0, squares = 0;
    rank_average(x, n, w->order, w->spare, rank);
    for (uint64_t i = 0; i < n; i++)
        sum += rank[i];
    double mean = sum / (double)n;
    for (uint64_t i = 0; i < n; i++) {
        rank[i] -= mean;
        squares += rank[i] * rank[i];
    }
    return squares;
}

/* Values of row[i * stride] for the assets in `set`, into out; returns how many. */
static uint64_t gather(const double *row, uint64_t stride, const uint64_t *set, uint64_t assets, double *out)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < assets; i++)
        if (set[i / 64] >> i % 64 & 1)
            out[n++] = row[i * stride];
    return n;
}

/* Spearman's rank correlation of factor k on day t with the returns of day t + 1, over w->both. The returns' ranks are
 * kept while the set stays the same, as it does from factor to factor. */
static double correlation(const struct market *m, struct tables_work *w, uint64_t t, uint64_t k, bool fresh)
{
    uint64_t n = gather(m->factors + t * m->assets * m->kinds + k, m->kinds, w->both, m->assets, w->x);
    if (n < 3)
        return NAN;
    if (fresh || memcmp(w->both, w->last, m->words * sizeof *w->both) != 0) {
        gather(m->returns + (t + 1) * m->assets, 1, w->both, m->assets, w->y);
        w->square_y = centred_ranks(w, w->y, n, w->rank_y);
        memcpy(w->last, w->both, m->words * sizeof *w->both);
    }
    double square_x = centred_ranks(w, w->x, n, w->rank_x), product = 0;
    if (!(square_x > 0) || !(w->square_y > 0))
        return NAN;
    for (uint64_t i = 0; i < n; i++)
        product += w->rank_x[i] * w->rank_y[i];
    return product / sqrt(square_x * w->square_y);
}

/* One day: correlations of all factors. finite: the day's sets, [kinds][words]. */
static void build_ic_day(const struct market *m, struct tables_work *w, uint64_t t, const uint64_t *finite, double *ic)
{
    bool fresh = true;
    for (uint64_t k = 0; k < m->kinds; k++) {
        ic[k] = NAN;
        if (t + 1 == m->days)
            continue;
        const double *r = m->returns + (t + 1) * m->assets;
        memcpy(w->both, finite + k * m->words, m->words * sizeof *w->both);
        for (uint64_t i = 0; i < m->assets; i++)
            if (!isfinite(r[i]))
                w->both[i / 64] &= ~((uint64_t)1 << i % 64);
        ic[k] = correlation(m, w, t, k, fresh);
        fresh = fresh && isnan(ic[k]); /* conservative: a NaN may have left rank_y of the day before */
    }
}

void tables_build(const struct market *m, struct tables_work *w, void *block)
{
    struct tables at = tables_of(m, block);
    double *ic = block;
    double *z = at.z ? ic + (at.z - ic) : NULL;
    uint64_t *finite = (uint64_t *)block + (at.finite - (const uint64_t *)block);
    for (uint64_t t = 0; t < m->days; t++) {
        for (uint64_t k = 0; k < m->kinds; k++) {
            uint64_t row = t * m->kinds + k;
            tables_z_row(m, t, k, z ? z + row * m->assets : w->x, finite + row * m->words);
        }
        build_ic_day(m, w, t, finite + t * m->kinds * m->words, ic + t * m->kinds);
    }
}
