/* SPDX-License-Identifier: MIT
 *
 * detmath: range reduction by powers of two, then a Taylor series short enough for the reduced range.
 *
 * The order of every operation is part of the result: do not rearrange. Constants are written in hexadecimal, so that
 * no compiler's reading of decimals enters.
 */
#include "sweep/detmath.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts; k * LN2_HIGH is exact for |k| <= 2^11, because its last 21 bits are zero. */
#define LN2_HIGH 0x1.62e42fee00000p-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define INV_LN2 0x1.71547652b82fep+0
#define SQRT2 0x1.6a09e667f3bcdp+0

#define EXP_TERMS 14 /* up to r^14 / 14!, below 2^-58 at |r| <= 0.35 */
#define LOG_TERMS 11 /* up to s^22 / 23, below 2^-59 of the sum at |s| <= 0.172 */

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static uint64_t to_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

/* 2^k for -1022 <= k <= 1023. */
static double power_of_2(int k)
{
    return from_bits((uint64_t)(k + 1023) << 52);
}

double det_exp(double x)
{
    if (x != x)
        return x;
    if (x > 0x1.62e42fefa39efp+9)
        return from_bits((uint64_t)0x7ff << 52);
    if (x < -0x1.74910d52d3051p+9)
        return 0;
    int k = (int)(x * INV_LN2 + (x < 0 ? -0.5 : 0.5));
    double high = x - k * LN2_HIGH, low = k * LN2_LOW;
    double r = high - low;
    double rest = (high - r) - low; /* what r lost in rounding */
    double sum = 0;
    for (int n = EXP_TERMS; n >= 3; n--)
        sum = (sum + 1) * (r / n);
    /* e^r = 1 + r + r^2/2 + r^2/2 * (r/3 + r/3 * r/4 + ...), largest parts last */
    double half = r * r * 0.5;
    double tail = rest + half * sum;
    double y = 1 + (r + (half + tail));
    if (k >= -1021)
        return k == 1024 ? y * 2 * power_of_2(1023) : y * power_of_2(k);
    return y * power_of_2(k + 64) * 0x1p-64; /* subnormal: one rounding at the end */
}

/* x = 2^k * m with m in [sqrt(1/2), sqrt(2)); x positive and finite. */
static double split(double x, int *k)
{
    int e = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        e = -54;
    }
    uint64_t bits = to_bits(x);
    e += (int)(bits >> 52) - 1023;
    double m = from_bits((bits & 0xfffffffffffffu) | (uint64_t)1023 << 52);
    if (m >= SQRT2) {
        m *= 0.5;
        e++;
    }
    *k = e;
    return m;
}

double det_log(double x)
{
    if (x != x || x == from_bits((uint64_t)0x7ff << 52))
        return x;
    if (x == 0)
        return -from_bits((uint64_t)0x7ff << 52);
    if (x < 0)
        return from_bits((uint64_t)0x7ff8 << 48);
    int k;
    double f = split(x, &k) - 1; /* exact */
    /* ln(1 + f) = 2 artanh(s), s = f / (2 + f); written as f - (h - s * (h + r)) with h = f^2 / 2, so that the exact f
     * carries the result and everything that was rounded is small beside it. */
    double s = f / (2 + f), z = s * s;
    double sum = 0;
    for (int n = LOG_TERMS; n >= 1; n--)
        sum = (sum + 2.0 / (2 * n + 1)) * z;
    double h = 0.5 * f * f;
    double rest = s * (h + sum);
    if (k == 0)
        return f - (h - rest);
    return k * LN2_HIGH - ((h - (rest + k * LN2_LOW)) - f);
}
