/* SPDX-License-Identifier: MIT */
#include "cli/human.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

char *human_count(uint64_t n, char *out, size_t cap)
{
    char digits[24], text[32];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    (void)snprintf(out, cap, "%.*s", at, text);
    return out;
}

/* Three digits or so with a unit of thousands. */
static char *scaled(double v, const char *const units[], size_t n_units, char *out, size_t cap)
{
    size_t unit = 0;
    while (v >= 999.5 && unit + 1 < n_units) {
        v /= 1000;
        unit++;
    }
    (void)snprintf(out, cap, "%.*f%s", v < 9.95 && unit > 0 ? 1 : 0, v, units[unit]);
    return out;
}

char *human_rate(double per_s, char *out, size_t cap)
{
    static const char *const units[] = {"/s", " k/s", " M/s", " G/s"};
    if (!(per_s > 0))
        (void)snprintf(out, cap, "0/s");
    else if (per_s < 9.95)
        (void)snprintf(out, cap, "%.2g/s", per_s);
    else
        (void)scaled(per_s, units, 4, out, cap);
    return out;
}

char *human_bytes(double bytes, char *out, size_t cap)
{
    static const char *const units[] = {" B", " kB", " MB", " GB", " TB"};
    return scaled(bytes, units, 5, out, cap);
}

char *human_seconds(double s, char *out, size_t cap)
{
    if (!(s >= 0) || s > 1e12) {
        (void)snprintf(out, cap, "?");
    } else if (s < 9.95) {
        (void)snprintf(out, cap, "%.1f s", s);
    } else if (s < 59.5) {
        (void)snprintf(out, cap, "%.0f s", s);
    } else {
        uint64_t t = (uint64_t)(s + 0.5);
        if (t < 3600)
            (void)snprintf(out, cap, "%" PRIu64 ":%02" PRIu64, t / 60, t % 60);
        else if (t < 86400)
            (void)snprintf(out, cap, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, t / 3600, t / 60 % 60, t % 60);
        else
            (void)snprintf(out, cap, "%" PRIu64 " d %" PRIu64 " h", t / 86400, t / 3600 % 24);
    }
    return out;
}

char *human_score(double v, char *out, size_t cap)
{
    if (isnan(v))
        (void)snprintf(out, cap, "-");
    else
        (void)snprintf(out, cap, "%.5g", v);
    return out;
}
