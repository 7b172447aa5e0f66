/* SPDX-License-Identifier: MIT
 *
 * reduce: the arithmetic of scores. The order of additions is part of the results.
 */
#include "sweep/reduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -0.0 sorts before 0.0, so that a median does not depend on how qsort treats equal elements. */
static int by_number(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    int order = (x > y) - (x < y);
    return order ? order : (signbit(y) != 0) - (signbit(x) != 0);
}

static double median(double *x, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (x[i] != x[i])
            return x[i];
    qsort(x, (size_t)n, sizeof(*x), by_number);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static double total(const double *x, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

static double deviation(const double *x, uint64_t n)
{
    double mean = total(x, n) / (double)n, sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)n);
}

/* The smallest, or with sign -1 the largest. */
static double extreme(const double *x, uint64_t n, double sign)
{
    double best = x[0];
    for (uint64_t i = 0; i < n; i++) {
        if (x[i] != x[i])
            return x[i];
        if (sign * x[i] < sign * best)
            best = x[i];
    }
    return best;
}

double reduce_values(uint32_t kind, double *x, uint64_t n)
{
    switch (kind) {
    case REDUCE_MEAN:
        return total(x, n) / (double)n;
    case REDUCE_MEDIAN:
        return median(x, n);
    case REDUCE_MIN:
        return extreme(x, n, 1);
    case REDUCE_MAX:
        return extreme(x, n, -1);
    case REDUCE_STD:
        return deviation(x, n);
    default:
        return total(x, n);
    }
}

struct reduce_shape reduce_shape_of(const struct plan *p)
{
    return (struct reduce_shape){.keys = p->keys,
                                 .splits = p->splits,
                                 .n_scores = p->plugin.n_scores,
                                 .by_split = p->reduce_split,
                                 .by_key = p->reduce_key};
}

uint64_t reduce_scratch(const struct reduce_shape *s)
{
    uint64_t longest = s->keys > s->splits ? s->keys : s->splits;
    return longest <= SIZE_MAX / (2 * sizeof(double)) ? 2 * longest : 0;
}

static double load(const void *cells, uint64_t i)
{
    double x;
    memcpy(&x, (const char *)cells + i * sizeof(x), sizeof(x));
    return x;
}

/* A sum of n numbers that lie `stride` apart, without gathering them first: the common case, and a hot one. */
static double strided_total(const void *cells, uint64_t first, uint64_t n, uint64_t stride)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += load(cells, first + i * stride);
    return sum;
}

static double over_splits(const struct reduce_shape *s, const void *cells, uint64_t first, double *scratch)
{
    if (s->by_split == REDUCE_MEAN)
        return strided_total(cells, first, s->splits, s->n_scores) / (double)s->splits;
    if (s->by_split == REDUCE_SUM)
        return strided_total(cells, first, s->splits, s->n_scores);
    for (uint64_t i = 0; i < s->splits; i++)
        scratch[i] = load(cells, first + i * s->n_scores);
    return reduce_values(s->by_split, scratch, s->splits);
}

double reduce_score(const struct reduce_shape *s, const void *cells, uint32_t score, double *scratch)
{
    double *of_keys = scratch + (s->keys > s->splits ? s->keys : s->splits);
    for (uint64_t k = 0; k < s->keys; k++)
        of_keys[k] = over_splits(s, cells, k * s->splits * s->n_scores + score, scratch);
    return reduce_values(s->by_key, of_keys, s->keys);
}

/* A line of cells: `n` of them, each `step` cells after the one before, from cell `first`. */
struct line {
    uint64_t first, step, n;
};

/* Reduces the cells of a line that were not skipped. False when there are none. */
static bool reduce_line(const struct reduce_shape *s, const uint8_t *status, const void *cells, uint32_t score,
                        struct line line, uint32_t kind, double *scratch, double *out)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < line.n; i++) {
        uint64_t cell = line.first + i * line.step;
        if (!status || status[cell] == TASK_DONE)
            scratch[n++] = load(cells, cell * s->n_scores + score);
    }
    if (n > 0)
        *out = reduce_values(kind, scratch, n);
    return n > 0;
}

static double reduce_by_keys(const struct reduce_shape *s, const uint8_t *status, const void *cells, uint32_t score,
                             double *scratch)
{
    double *of_keys = scratch + (s->keys > s->splits ? s->keys : s->splits);
    uint64_t n = 0;
    for (uint64_t k = 0; k < s->keys; k++) {
        struct line line = {.first = k * s->splits, .step = 1, .n = s->splits};
        n += reduce_line(s, status, cells, score, line, s->by_split, scratch, &of_keys[n]);
    }
    return reduce_values(s->by_key, of_keys, n);
}

/* Over keys first, then the spread of the splits. Returns how many splits there were. */
static uint64_t reduce_spread(const struct reduce_shape *s, const uint8_t *status, const void *cells, uint32_t score,
                              double *scratch, double *values)
{
    double *of_splits = scratch + (s->keys > s->splits ? s->keys : s->splits);
    uint64_t n = 0;
    for (uint64_t i = 0; i < s->splits; i++) {
        struct line line = {.first = i, .step = s->splits, .n = s->keys};
        n += reduce_line(s, status, cells, score, line, s->by_key, scratch, &of_splits[n]);
    }
    values[1 * s->n_scores + score] = deviation(of_splits, n);
    values[2 * s->n_scores + score] = extreme(of_splits, n, 1);
    values[3 * s->n_scores + score] = extreme(of_splits, n, -1);
    return n;
}

void reduce_trial(const struct reduce_shape *s, const uint8_t *status, const void *cells, double *scratch,
                  double *values, struct trial_result *out)
{
    uint64_t n_cells = s->keys * s->splits, skipped = 0, trial = out->trial;
    *out = (struct trial_result){.trial = trial, .scores = values};
    out->std = values + s->n_scores;
    out->min = values + (size_t)2 * s->n_scores;
    out->max = values + (size_t)3 * s->n_scores;
    for (uint64_t i = 0; status && i < n_cells; i++) {
        out->n_failed += status[i] == TASK_FAILED;
        skipped += status[i] == TASK_SKIPPED;
    }
    out->failed = out->n_failed > 0;
    out->skipped = skipped == n_cells;
    if (out->failed || out->skipped) {
        for (uint32_t i = 0; i < 4 * s->n_scores; i++)
            values[i] = (double)NAN;
        return;
    }
    for (uint32_t score = 0; score < s->n_scores; score++) {
        values[score] = reduce_by_keys(s, status, cells, score, scratch);
        out->n = reduce_spread(s, status, cells, score, scratch, values);
    }
}

bool reduce_is_plain(const struct reduce_shape *s)
{
    return s->keys == 1 && s->splits == 1 && s->by_split != REDUCE_STD && s->by_key != REDUCE_STD;
}

/* A number reduced alone: a sum begins with 0, which makes -0.0 a 0.0. */
static double alone(uint32_t kind, double x)
{
    return kind == REDUCE_MEAN || kind == REDUCE_SUM ? 0.0 + x : x;
}

void reduce_plain(const struct reduce_shape *s, const void *cell, double *values, struct trial_result *out)
{
    uint64_t trial = out->trial;
    size_t n = s->n_scores;
    for (size_t i = 0; i < n; i++) {
        double x = load(cell, i), of_split = alone(s->by_key, x), off = of_split - (0.0 + of_split);
        values[i] = alone(s->by_key, alone(s->by_split, x));
        values[n + i] = off * off; /* 0, or NaN of what is not finite */
        values[2 * n + i] = values[3 * n + i] = of_split;
    }
    *out = (struct trial_result){
        .trial = trial, .scores = values, .std = values + n, .min = values + 2 * n, .max = values + 3 * n, .n = 1};
}
