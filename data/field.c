/* SPDX-License-Identifier: MIT
 *
 * field: see field.h. Floats of up to 19 digits and small exponents, nearly all there are, are converted exactly by one
 * multiplication or division (Clinger's fast path); strtod does the rest.
 */
#include "data/field.h"

#include "common/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MIN (-719162) /* 0001-01-01 */
#define DAYS_MAX 2932896   /* 9999-12-31 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && (**text == ' ' || **text == '\t')) {
        ++*text;
        --*len;
    }
    while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t'))
        --*len;
}

/* Takes the sign off; true when it is a minus. */
static bool take_sign(const char **text, size_t *len)
{
    bool minus = *len > 0 && **text == '-';

    if (minus || (*len > 0 && **text == '+')) {
        ++*text;
        --*len;
    }
    return minus;
}

bool field_int(const char *text, size_t len, int64_t *out)
{
    uint64_t v = 0;
    bool minus;

    trim(&text, &len);
    minus = take_sign(&text, &len);
    if (len == 0 || len > 19 || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
        v = v * 10 + (uint64_t)(text[i] - '0'); /* 19 digits fit 64 bits */
    }
    if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* A decimal number taken apart: digits * 10^exponent. */
struct decimal {
    uint64_t digits;
    int exponent;
    bool exact; /* every digit is in `digits`, and the exponent was small */
};

/* Digits from `i` on into x; returns the position behind them. Leading zeros cost nothing. */
static size_t take_digits(const char *text, size_t len, size_t i, bool fraction, struct decimal *x)
{
    for (; i < len && is_digit(text[i]); i++) {
        if (x->digits > UINT64_MAX / 10 - 1) {
            x->exact = false;
            continue;
        }
        x->digits = x->digits * 10 + (uint64_t)(text[i] - '0');
        if (fraction)
            x->exponent--;
    }
    return i;
}

/* The exponent behind e or E; false when there is none or it is malformed. */
static bool take_exponent(const char *text, size_t len, size_t i, struct decimal *x)
{
    bool minus = i < len && text[i] == '-';
    int e = 0;

    if (i < len && (text[i] == '-' || text[i] == '+'))
        i++;
    if (i == len)
        return false;
    for (; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
        if (e < 100000)
            e = e * 10 + (text[i] - '0');
    }
    x->exponent += minus ? -e : e;
    return true;
}

/* Checks the form of an unsigned number and takes it apart. */
static bool parse_decimal(const char *text, size_t len, struct decimal *x)
{
    size_t whole, i;

    *x = (struct decimal){.exact = true};
    whole = take_digits(text, len, 0, false, x);
    if (whole > 1 && text[0] == '0')
        return false;
    i = whole;
    if (i < len && text[i] == '.') {
        size_t end = take_digits(text, len, i + 1, true, x);
        if (whole == 0 && end == i + 1)
            return false; /* a point alone */
        i = end;
    } else if (whole == 0) {
        return false;
    }
    if (i == len)
        return true;
    return (text[i] == 'e' || text[i] == 'E') && take_exponent(text, len, i + 1, x);
}

/* Both numbers are exact doubles, so that one operation rounds once: correctly. */
static bool fast(const struct decimal *x, double *out)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    if (!x->exact || x->digits > (uint64_t)1 << 53 || x->exponent < -22 || x->exponent > 22)
        return false;
    *out = x->exponent < 0 ? (double)x->digits / ten[-x->exponent] : (double)x->digits * ten[x->exponent];
    return true;
}

/* strtod wants a NUL, which a slice of a file need not have. */
static bool slow(const char *text, size_t len, double *out)
{
    char small[128], *copy = small;

    if (len >= sizeof small) {
        copy = malloc(len + 1);
        if (copy == NULL)
            return false;
    }
    memcpy(copy, text, len);
    copy[len] = 0;
    *out = strtod(copy, NULL); /* overflow gives inf, underflow 0, as in every other reader */
    if (copy != small)
        free(copy);
    return true;
}

static bool same_word(const char *text, size_t len, const char *word)
{
    if (strlen(word) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((text[i] | 0x20) != word[i])
            return false;
    return true;
}

static bool special(const char *text, size_t len, double *out)
{
    if (same_word(text, len, "nan"))
        *out = NAN;
    else if (same_word(text, len, "inf") || same_word(text, len, "infinity"))
        *out = INFINITY;
    else
        return false;
    return true;
}

bool field_float(const char *text, size_t len, double *out)
{
    struct decimal x;
    double v;
    bool minus;

    trim(&text, &len);
    minus = take_sign(&text, &len);
    if (len == 0)
        return false;
    if (!special(text, len, &v)) {
        if (!parse_decimal(text, len, &x))
            return false;
        if (!fast(&x, &v) && !slow(text, len, &v))
            return false;
    }
    /* One NaN whatever its sign: the same input, the same bytes. */
    *out = minus && !isnan(v) ? -v : v;
    return true;
}

static bool take_number(const char *text, size_t n, int *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(text[i]))
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (leap && month == 2 ? 1 : 0);
}

/* Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that leap days come last. */
static int32_t days_of(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int m = month <= 2 ? month + 9 : month - 3;

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* YYYY-MM-DD without blanks around it. */
static bool take_date(const char *text, size_t len, int *year, int *month, int *day)
{
    return len == 10 && text[4] == '-' && text[7] == '-' && take_number(text, 4, year) &&
           take_number(text + 5, 2, month) && take_number(text + 8, 2, day);
}

bool field_date_form(const char *text, size_t len)
{
    int year, month, day;

    trim(&text, &len);
    return take_date(text, len, &year, &month, &day);
}

bool field_date(const char *text, size_t len, int32_t *out)
{
    int year, month, day;

    trim(&text, &len);
    if (!take_date(text, len, &year, &month, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *out = days_of(year, month, day);
    return true;
}

unsigned field_kinds(const char *text, size_t len, unsigned kinds)
{
    int64_t i;
    int32_t day;
    double f;

    if ((kinds & FIELD_INT) != 0 && !field_int(text, len, &i))
        kinds &= ~FIELD_INT;
    else if ((kinds & FIELD_INT) != 0)
        return kinds & ~FIELD_DATE; /* an integer is a float too, never a date */
    if ((kinds & FIELD_FLOAT) != 0 && !field_float(text, len, &f))
        kinds &= ~FIELD_FLOAT;
    if ((kinds & FIELD_DATE) != 0 && !field_date(text, len, &day))
        kinds &= ~FIELD_DATE;
    return kinds;
}

void field_date_text(int64_t days, char out[24])
{
    int year, month = 1;

    if (days < DAYS_MIN || days > DAYS_MAX) {
        snprintf(out, 24, "%" PRId64, days);
        return;
    }
    /* A first guess that is never more than a year off. */
    year = (int)((days - DAYS_MIN) * 400 / 146097) + 1;
    while (days_of(year, 1, 1) > days)
        year--;
    while (year < 9999 && days_of(year + 1, 1, 1) <= days)
        year++;
    while (month < 12 && days_of(year, month + 1, 1) <= days)
        month++;
    snprintf(out, 24, "%04u-%02u-%02u", (unsigned)year % 10000, (unsigned)month % 100,
             (unsigned)(days - days_of(year, month, 1) + 1) % 100);
}

size_t field_bad_utf8(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len) {
        uint64_t word;
        if (len - i >= 8) { /* nearly all text is ASCII: eight at once */
            memcpy(&word, text + i, 8);
            if ((word & 0x8080808080808080ULL) == 0) {
                i += 8;
                continue;
            }
        }
        size_t n = text_utf8_next(text + i, len - i);
        if (n == 0)
            return i;
        i += n;
    }
    return len;
}
