/* SPDX-License-Identifier: MIT
 *
 * row: one line of a CSV file: how many columns it has, and which of them is the day. Bytes are looked at, never converted, so
 * that what is written is what was read. A field in double quotes may hold commas and doubled quotes, but no line break.
 */
#ifndef TRANSPOSE_ROW_H
#define TRANSPOSE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROW_WHY 1024u     /* room for what is wrong with a line */
#define ROW_TEXT 256u     /* room for the name of a column, or for a field of the file's own */
#define ROW_DAYS 3720000u /* every day's number is below it: 10,000 years of 12 times 31 */
#define ROW_DAY_TEXT 11u  /* YYYY-MM-DD and its NUL */

/* What all rows of a table have in common. */
struct row_shape {
    uint32_t columns, by; /* how many columns; the place of the day's */
};

/* A line without its line break, cut: the day's field is [from, to). */
struct row {
    const char *line;
    uint32_t len, from, to;
};

/* The shape of a table with this header; by: the name of the day's column, "" = the first. name: what the column of the files' names is to
 * be called; no column may be called so. false with a line in `why`. */
bool row_header(struct row_shape *s, const char *line, uint32_t len, const char *by, const char *name,
                char why[ROW_WHY]);

/* Cuts a line, and checks that it has as many columns as the header. false with a line in `why`. */
bool row_cut(struct row *r, const struct row_shape *s, const char *line, uint32_t len, char why[ROW_WHY]);

/* The number of its day, ascending with the days, below ROW_DAYS. false with a line in `why`. */
bool row_day(const struct row *r, uint32_t *day, char why[ROW_WHY]);

/* A day's number as YYYY-MM-DD. */
void row_day_text(uint32_t day, char out[ROW_DAY_TEXT]);

/* How many bytes row_write takes. */
uint64_t row_bytes(const struct row *r, const struct row_shape *s, size_t first_len);

/* Writes the line with `first` as its first field and without its day, and ends it. Returns where it ends. */
char *row_write(char *out, const struct row *r, const struct row_shape *s, const char *first, size_t first_len);

/* A text as a field: in quotes where it needs them. Cut where it does not fit. */
void row_quote(char out[ROW_TEXT], const char *text, size_t len);

#endif
