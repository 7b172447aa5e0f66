/* SPDX-License-Identifier: MIT
 *
 * market: see market.h. Factors are AR(1) walks of different pace; a return is the market's move times the asset's beta,
 * plus what yesterday's factors foretold, plus noise. One day is in memory at a time.
 */
#include "cli/market.h"

#include "data/npy.h"
#include "data/scratch.h"
#include "sweep/philox.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Streams of our own seed space. */
enum { STREAM_FACTOR = 1, STREAM_RETURN, STREAM_MARKET, STREAM_BETA, STREAM_NOISE };

/* Days that a factor looks back: it is NaN before, and the slower the longer. Factors take them in turn. */
static const uint64_t lookbacks[] = {0, 5, 20, 60, 120, 250, 10};
#define N_LOOKBACKS (sizeof lookbacks / sizeof lookbacks[0])

/* What one standard deviation of a factor adds to the next day's return; most add nothing. */
static const double signals[] = {0, 0.0012, 0, 0, -0.0008, 0, 0, 0, 0, 0, 0.0006, 0};
#define N_SIGNALS (sizeof signals / sizeof signals[0])

struct output {
    struct scratch file;
    uint64_t at;
    double *day;
    size_t day_bytes;
};

/* Nearly normal, mean 0, variance 1: the sum of eight 16-bit uniforms. Exact but for one rounding. */
static double draw(const struct market *m, uint32_t stream, uint64_t number)
{
    struct philox_block b = philox_draw(m->seed, number, stream, 0);
    uint32_t sum = 0;

    for (int i = 0; i < 4; i++)
        sum += (b.w[i] & 0xFFFF) + (b.w[i] >> 16);
    return ((double)sum - 8 * 32767.5) * 0.0000186881236501185320660778709164; /* 1 / sqrt(8 (2^32 - 1) / 12) */
}

/* In [0, 1). */
static double uniform(const struct market *m, uint32_t stream, uint64_t number)
{
    return philox_unit(philox_draw(m->seed, number, stream, 0));
}

/* Moves the factors of one asset to day t. */
static void step_factors(const struct market *m, uint64_t t, uint64_t asset, double *state)
{
    for (uint64_t k = 0; k < m->factors; k++) {
        double n = (double)lookbacks[k % N_LOOKBACKS];
        double keep = n / (n + 1);
        double noise = draw(m, STREAM_FACTOR, (t * m->assets + asset) * m->factors + k);
        state[k] = t == 0 ? noise : keep * state[k] + sqrt(1 - keep * keep) * noise;
    }
}

/* The return of day t, from the factors of the day before. */
static double next_return(const struct market *m, uint64_t t, uint64_t asset, const double *state)
{
    double beta = 0.6 + 0.8 * uniform(m, STREAM_BETA, asset);
    double noise = 0.008 + 0.012 * uniform(m, STREAM_NOISE, asset);
    double r = beta * (0.0003 + 0.008 * draw(m, STREAM_MARKET, t));

    for (uint64_t k = 0; k < m->factors; k++)
        r += signals[k % N_SIGNALS] * state[k];
    return r + noise * draw(m, STREAM_RETURN, t * m->assets + asset);
}

static void make_day(const struct market *m, uint64_t t, double *state, double *factors, double *returns)
{
    for (uint64_t i = 0; i < m->assets; i++) {
        double *s = state + i * m->factors;
        returns[i] = t == 0 ? NAN : next_return(m, t, i, s);
        step_factors(m, t, i, s);
        for (uint64_t k = 0; k < m->factors; k++)
            factors[i * m->factors + k] = t < lookbacks[k % N_LOOKBACKS] ? NAN : s[k];
    }
}

static int begin(struct output *o, const char *path, uint32_t rank, const uint64_t *shape, struct diag *d)
{
    struct buf header = {0};
    int err = scratch_open(&o->file, path, 0644, d);
    uint64_t n = shape[1] * (rank == 3 ? shape[2] : 1);

    if (err != 0)
        return err;
    o->day_bytes = (size_t)n * sizeof(double);
    o->day = malloc(o->day_bytes);
    if (o->day == NULL || npy_header(SHEAF_DT_F64, rank, shape, &header) != 0) {
        buf_finish(&header);
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", path);
    }
    o->at = header.len;
    err = scratch_reserve(&o->file, header.len + shape[0] * o->day_bytes, d);
    if (err == 0)
        err = scratch_write(&o->file, header.data, header.len, 0, d);
    buf_finish(&header);
    return err;
}

static int put_day(struct output *o, struct diag *d)
{
    int err = scratch_write(&o->file, o->day, o->day_bytes, o->at, d);

    o->at += o->day_bytes;
    return err;
}

int market_write(const struct market *m, const char *factors_path, const char *returns_path, struct diag *d)
{
    uint64_t shape[] = {m->days, m->assets, m->factors};
    struct output factors = {0}, returns = {0};
    double *state = calloc((size_t)m->assets, (size_t)m->factors * sizeof *state);
    int err = state == NULL ? diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", factors_path) : 0;

    if (err == 0)
        err = begin(&factors, factors_path, 3, shape, d);
    if (err == 0)
        err = begin(&returns, returns_path, 2, shape, d);
    for (uint64_t t = 0; err == 0 && t < m->days; t++) {
        make_day(m, t, state, factors.day, returns.day);
        err = put_day(&factors, d);
        if (err == 0)
            err = put_day(&returns, d);
    }
    if (err == 0)
        err = scratch_publish(&factors.file, true, d);
    if (err == 0)
        err = scratch_publish(&returns.file, true, d);
    scratch_discard(&factors.file);
    scratch_discard(&returns.file);
    free(factors.day);
    free(returns.day);
    free(state);
    return err;
}
