/* SPDX-License-Identifier: MIT
 *
 * market: writes the demo market, the size of the job that sheaf was made for: 18 factors and the daily returns of 43 assets
 * over 1398 days, 9 MB of float64. The same bytes on every machine: one seed, and no function of libm.
 *
 * The market is invented but not empty. Each factor is a slow wave of its own for each asset, plus noise; some factors
 * foresee the next day's return a little, some foresee it the wrong way round, most do not at all. So the grid has
 * something to find, and something to be fooled by. A hundredth of the values is missing.
 *
 * Usage: market FACTORS.npy RETURNS.npy
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAYS = 1398, ASSETS = 43, FACTORS = 18 };
#define SEED UINT64_C(1398043018)

/* How much of a factor's wave shows in the return of the day after, in hundredths of a day's noise. */
static const double foresight[FACTORS] = {3, -2.5, 2, 1.5, -1, 0.5};

static double factors[DAYS][ASSETS][FACTORS];
static double returns[DAYS][ASSETS];
static double wave[ASSETS][FACTORS];

/* splitmix64: enough for a demo, and five lines. */
static uint64_t next_bits(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double next_uniform(uint64_t *state)
{
    return (double)(next_bits(state) >> 11) * 0x1p-53;
}

/* Nearly normal, mean 0, variance 1: twelve uniforms, because log and cos differ between libraries. */
static double next_normal(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += next_uniform(state);
    return sum;
}

static double missing(void)
{
    const uint64_t bits = UINT64_C(0x7ff8000000000000);
    double nan;
    memcpy(&nan, &bits, sizeof nan);
    return nan;
}

static void make_day(int day, uint64_t *state)
{
    const double market = 0.0003 + 0.006 * next_normal(state);
    for (int i = 0; i < ASSETS; i++) {
        double expected = 0;
        for (int k = 0; k < FACTORS; k++)
            expected += foresight[k] * 0.01 * wave[i][k];
        returns[day][i] = market + 0.012 * (expected + next_normal(state));
        if (next_uniform(state) < 0.01)
            returns[day][i] = missing();
        for (int k = 0; k < FACTORS; k++) {
            /* What the factor shows at this day's close bears on the day after. */
            wave[i][k] = 0.98 * wave[i][k] + 0.199 * next_normal(state);
            factors[day][i][k] = wave[i][k] + 0.3 * next_normal(state);
            if (next_uniform(state) < 0.01)
                factors[day][i][k] = missing();
        }
    }
}

/* npy format 1.0: magic, version, length of the header, the header as a Python literal padded to 64 bytes. */
static bool write_header(FILE *out, const char *shape)
{
    char header[128];
    memset(header, ' ', sizeof header);
    int n = snprintf(header + 10, sizeof header - 10, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape);
    if (n < 0 || (size_t)n >= sizeof header - 11)
        return false;
    header[10 + n] = ' ';
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    header[sizeof header - 1] = '\n';
    return fwrite(header, sizeof header, 1, out) == 1;
}

static bool write_values(FILE *out, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char bytes[8];
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int b = 0; b < 8; b++)
            bytes[b] = (unsigned char)(bits >> 8 * b);
        if (fwrite(bytes, sizeof bytes, 1, out) != 1)
            return false;
    }
    return true;
}

static int write_npy(const char *path, const char *shape, const double *values, size_t n)
{
    FILE *out = fopen(path, "wb");
    bool ok = out != NULL && write_header(out, shape) && write_values(out, values, n);
    if (out != NULL && fclose(out) != 0)
        ok = false;
    if (!ok)
        perror(path);
    return ok ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fputs("usage: market FACTORS.npy RETURNS.npy\n", stderr);
        return 2;
    }
    uint64_t state = SEED;
    for (int day = 0; day < DAYS; day++)
        make_day(day, &state);
    if (write_npy(argv[1], "(1398, 43, 18)", &factors[0][0][0], sizeof factors / sizeof(double)) != 0 ||
        write_npy(argv[2], "(1398, 43)", &returns[0][0], sizeof returns / sizeof(double)) != 0)
        return 1;
    return 0;
}
