/* SPDX-License-Identifier: MIT */
#include "row.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 40 /* bytes of a field in an error */

/* ---- fields ---- */

/* Where the field that begins at `at` ends: at a comma, or at len. UINT32_MAX: its quotes do not. */
static uint32_t field_end(const char *line, uint32_t at, uint32_t len)
{
    if (at == len || line[at] != '"') {
        const char *comma = at < len ? memchr(line + at, ',', len - at) : NULL;
        return comma ? (uint32_t)(comma - line) : len;
    }
    for (at++; at < len; at++) {
        if (line[at] != '"')
            continue;
        if (at + 1 == len || line[at + 1] == ',')
            return at + 1;
        if (line[at + 1] != '"')
            return UINT32_MAX;
        at++;
    }
    return UINT32_MAX;
}

static uint32_t count_commas(const char *line, uint32_t len)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < len; i++)
        n += line[i] == ',';
    return n;
}

static bool wrong_columns(const struct row_shape *s, uint32_t has, char why[ROW_WHY])
{
    snprintf(why, ROW_WHY, "it has %u column%s, and the header has %u", has, has == 1 ? "" : "s", s->columns);
    return false;
}

static bool wrong_quotes(char why[ROW_WHY])
{
    snprintf(why, ROW_WHY, "a quoted field does not end where it should");
    return false;
}

/* With quotes: field by field. */
static bool cut_quoted(struct row *r, const struct row_shape *s, char why[ROW_WHY])
{
    uint32_t n = 0;
    for (uint32_t at = 0, end;; at = end + 1, n++) {
        end = field_end(r->line, at, r->len);
        if (end == UINT32_MAX)
            return wrong_quotes(why);
        if (n == s->by)
            r->from = at, r->to = end;
        if (end == r->len)
            break;
    }
    return n + 1 == s->columns || wrong_columns(s, n + 1, why);
}

bool row_cut(struct row *r, const struct row_shape *s, const char *line, uint32_t len, char why[ROW_WHY])
{
    *r = (struct row){.line = line, .len = len};
    if (memchr(line, '"', len))
        return cut_quoted(r, s, why);
    uint32_t commas = count_commas(line, len);
    if (commas + 1 != s->columns)
        return wrong_columns(s, commas + 1, why);
    for (uint32_t i = 0; i < s->by; i++)
        r->from = field_end(line, r->from, len) + 1;
    r->to = field_end(line, r->from, len);
    return true;
}

/* ---- the header ---- */

/* A field without its quotes, cut to what fits; doubled quotes stay. */
static void field_text(char out[ROW_TEXT], const char *line, uint32_t from, uint32_t to)
{
    if (to - from >= 2 && line[from] == '"')
        from++, to--;
    snprintf(out, ROW_TEXT, "%.*s", (int)(to - from < ROW_TEXT ? to - from : ROW_TEXT - 1), line + from);
}

bool row_header(struct row_shape *s, const char *line, uint32_t len, const char *by, const char *name,
                char why[ROW_WHY])
{
    bool found = by[0] == '\0';
    char field[ROW_TEXT];
    *s = (struct row_shape){0};
    for (uint32_t at = 0, end;; at = end + 1) {
        end = field_end(line, at, len);
        if (end == UINT32_MAX)
            return wrong_quotes(why);
        field_text(field, line, at, end);
        if (by[0] != '\0' && strcmp(field, by) == 0)
            s->by = s->columns, found = true;
        else if (strcmp(field, name) == 0 && (by[0] != '\0' || at > 0)) {
            snprintf(why, ROW_WHY,
                     "it has a column %s; say what the column of the files' names is to be called: config: {name: ...}",
                     name);
            return false;
        }
        s->columns++;
        if (end == len)
            break;
    }
    if (!found)
        snprintf(why, ROW_WHY, "it has no column %s; its columns are %.*s", by, len < 200 ? (int)len : 200, line);
    return found;
}

/* ---- days ---- */

static uint32_t digits(const char *at, uint32_t n)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t digit = (uint32_t)(unsigned char)at[i] - '0';
        if (digit > 9)
            return UINT32_MAX;
        value = value * 10 + digit;
    }
    return value;
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

bool row_day(const struct row *r, uint32_t *day, char why[ROW_WHY])
{
    const char *at = r->line + r->from;
    uint32_t len = r->to - r->from, y = 0, m = 0, d = 0;
    if (len == 12 && at[0] == '"')
        at++, len -= 2;
    if (len == 10 && at[4] == '-' && at[7] == '-') {
        y = digits(at, 4);
        m = digits(at + 5, 2);
        d = digits(at + 8, 2);
    }
    if (y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 || d > days_of_month(y, m)) {
        snprintf(why, ROW_WHY, "'%.*s' is not a day: write YYYY-MM-DD", len < SHOWN ? (int)len : SHOWN, at);
        return false;
    }
    *day = (y * 12 + m - 1) * 31 + d - 1;
    return true;
}

void row_day_text(uint32_t day, char out[ROW_DAY_TEXT])
{
    snprintf(out, ROW_DAY_TEXT, "%04u-%02u-%02u", day / 372 % 10000, day / 31 % 12 + 1, day % 31 + 1);
}

/* ---- what is written ---- */

/* The bytes before the day's comma, and those after it, without the comma between. */
static uint32_t head_len(const struct row *r, const struct row_shape *s)
{
    return s->by > 0 ? r->from - 1 : 0;
}

static uint32_t tail_len(const struct row *r, const struct row_shape *s)
{
    return s->by + 1 < s->columns ? r->len - r->to - 1 : 0;
}

uint64_t row_bytes(const struct row *r, const struct row_shape *s, size_t first_len)
{
    return (uint64_t)first_len + (s->by > 0) + head_len(r, s) + (s->by + 1 < s->columns) + tail_len(r, s) + 1;
}

static char *put(char *out, const char *from, size_t n)
{
    memcpy(out, from, n);
    return out + n;
}

char *row_write(char *out, const struct row *r, const struct row_shape *s, const char *first, size_t first_len)
{
    out = put(out, first, first_len);
    if (s->by > 0) {
        *out++ = ',';
        out = put(out, r->line, head_len(r, s));
    }
    if (s->by + 1 < s->columns) {
        *out++ = ',';
        out = put(out, r->line + r->to + 1, tail_len(r, s));
    }
    *out++ = '\n';
    return out;
}

void row_quote(char out[ROW_TEXT], const char *text, size_t len)
{
    size_t n = 0;
    bool quotes = false;
    for (size_t i = 0; i < len; i++)
        quotes = quotes || text[i] == ',' || text[i] == '"';
    if (quotes)
        out[n++] = '"';
    for (size_t i = 0; i < len && n + 3 < ROW_TEXT; i++) {
        if (text[i] == '"')
            out[n++] = '"';
        out[n++] = text[i];
    }
    if (quotes)
        out[n++] = '"';
    out[n] = '\0';
}
