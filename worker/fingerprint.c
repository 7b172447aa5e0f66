/* SPDX-License-Identifier: MIT
 *
 * fingerprint: the battery. Arguments spread over many binades by a fixed recurrence, so that every branch of a
 * function's implementation has a chance to show itself.
 */
#include "worker/fingerprint.h"

#include <math.h>

#define N_ARGUMENTS 64

static double pow_half(double x)
{
    return pow(fabs(x), 0.37);
}

static double log_abs(double x)
{
    return log(fabs(x));
}

static double (*const battery[])(double) = {sin, cos, tan, exp, log_abs, pow_half, sqrt, cbrt, tanh, erf, lgamma, atan};

void fingerprint_compute(uint8_t out[HASH_BYTES])
{
    hash_state h;
    hash_begin(&h);
    for (size_t f = 0; f < sizeof(battery) / sizeof(battery[0]); f++) {
        double x = 0.1234567890123;
        for (int i = 0; i < N_ARGUMENTS; i++) {
            volatile double y = battery[f](x); /* computed here and now, not by the compiler */
            double bits = isnan(y) ? 0 : y;
            hash_update(&h, &bits, sizeof(bits));
            x = x * 1.37 + (i % 7) * 0.011;
        }
    }
    hash_end(&h, out);
}
