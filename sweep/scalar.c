/* SPDX-License-Identifier: MIT
 *
 * scalar: the YAML 1.2 core schema by hand: null, true/false, decimal, octal and hexadecimal ints, floats.
 */
#include "sweep/scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOW_BYTES 40

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static const char *skip_digits(const char *s)
{
    while (*s >= '0' && *s <= '9')
        s++;
    return s;
}

static const char *skip_sign(const char *s)
{
    return *s == '-' || *s == '+' ? s + 1 : s;
}

/* The base of a whole number, 0 when the text is none. */
static int int_base(const char *text)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
        const char *digits = text[1] == 'x' ? "0123456789abcdefABCDEF" : "01234567";
        size_t n = strlen(text + 2);
        if (n == 0 || strspn(text + 2, digits) != n)
            return 0;
        return text[1] == 'x' ? 16 : 8;
    }
    const char *from = skip_sign(text), *to = skip_digits(from);
    return to > from && *to == '\0' ? 10 : 0;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
    const char *whole = skip_sign(text), *s = skip_digits(whole);
    bool digits = s > whole;
    if (*s == '.') {
        const char *fraction = s + 1;
        s = skip_digits(fraction);
        digits = digits || s > fraction;
    }
    if (!digits)
        return false;
    if (*s == 'e' || *s == 'E') {
        const char *exponent = skip_sign(s + 1);
        s = skip_digits(exponent);
        if (s == exponent)
            return false;
    }
    return *s == '\0';
}

static bool is_nonfinite(const char *text)
{
    static const char *const inf[] = {".inf", ".Inf", ".INF"};
    static const char *const nan_[] = {".nan", ".NaN", ".NAN"};
    return is_one_of(skip_sign(text), inf, 3) || is_one_of(text, nan_, 3);
}

static void read_int(struct scalar *s, int base)
{
    errno = 0;
    long long value = strtoll(base == 10 ? s->text : s->text + 2, NULL, base);
    s->kind = errno == ERANGE ? SCALAR_HUGE : SCALAR_INT;
    s->i = (int64_t)value;
    s->f = (double)s->i;
}

static void read_float(struct scalar *s)
{
    s->f = strtod(s->text, NULL);
    s->kind = isfinite(s->f) ? SCALAR_FLOAT : SCALAR_NONFINITE;
}

struct scalar scalar_parse(const char *text, size_t len, bool quoted)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const yes[] = {"true", "True", "TRUE"};
    static const char *const no[] = {"false", "False", "FALSE"};
    struct scalar s = {.kind = SCALAR_TEXT, .text = text, .len = len};
    if (quoted)
        return s;
    int base = int_base(text);
    if (base != 0) {
        read_int(&s, base);
    } else if (is_float(text)) {
        read_float(&s);
    } else if (is_nonfinite(text)) {
        s.kind = SCALAR_NONFINITE;
    } else if (is_one_of(text, nulls, 5)) {
        s.kind = SCALAR_NULL;
    } else if (is_one_of(text, yes, 3) || is_one_of(text, no, 3)) {
        s.kind = SCALAR_BOOL;
        s.i = text[0] == 't' || text[0] == 'T';
        s.f = (double)s.i;
    }
    return s;
}

const char *scalar_show(const struct scalar *s, char out[SCALAR_SHOWN])
{
    size_t n = s->len;
    const char *dots = "";
    if (n > SHOW_BYTES) {
        n = SHOW_BYTES;
        dots = "...";
        while (n > 0 && ((unsigned char)s->text[n] & 0xC0u) == 0x80u) /* never cut a UTF-8 character */
            n--;
    }
    const char *quote = s->kind == SCALAR_TEXT ? "\"" : "", *note = "";
    if (s->kind == SCALAR_NONFINITE)
        note = " (not a finite number)";
    else if (s->kind == SCALAR_HUGE)
        note = " (more than 64 bits)";
    if (s->kind == SCALAR_NULL)
        snprintf(out, SCALAR_SHOWN, "empty");
    else
        snprintf(out, SCALAR_SHOWN, "%s%.*s%s%s%s", quote, (int)n, s->text, dots, quote, note);
    return out;
}

const char *scalar_number(double x, char out[SCALAR_NUMBER])
{
    if (x >= -9e18 && x <= 9e18 && x == (double)(int64_t)x)
        snprintf(out, SCALAR_NUMBER, "%" PRId64, (int64_t)x);
    else
        snprintf(out, SCALAR_NUMBER, "%.15g", x);
    return out;
}
