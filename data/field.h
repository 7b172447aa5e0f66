/* SPDX-License-Identifier: MIT
 *
 * field: what one cell of a CSV file can be. The same functions infer a column's type and later convert its cells, so
 * that the two passes cannot disagree. No locale, no hexadecimal, no surprises:
 *
 *   integer  optional sign, digits without a superfluous leading zero (007 is a name, not a number), fits int64
 *   float    the same with fraction and exponent; nan, inf and infinity in any case; an integer too large for int64
 *   date     YYYY-MM-DD, a day that exists (a column that has a wrong one and dates only is refused)
 *   empty    nothing; in a column of numbers NaN
 * Blanks around numbers and dates are ignored.
 */
#ifndef SHEAF_DATA_FIELD_H
#define SHEAF_DATA_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELD_INT 1u
#define FIELD_FLOAT 2u
#define FIELD_DATE 4u

/* Each returns whether the text is one, and then sets *out. */
bool field_int(const char *text, size_t len, int64_t *out);
bool field_float(const char *text, size_t len, double *out); /* correctly rounded; also takes every integer */
bool field_date(const char *text, size_t len, int32_t *out); /* days since 1970-01-01 */

/* Does it look like a date, whether or not there is such a day? */
bool field_date_form(const char *text, size_t len);

/* Which of `kinds` (a sum of FIELD_...) the text can be. */
unsigned field_kinds(const char *text, size_t len, unsigned kinds);

/* YYYY-MM-DD of a day number between years 1 and 9999; others: the number. */
void field_date_text(int64_t days, char out[24]);

/* The position of the first byte that is not UTF-8; len when there is none. */
size_t field_bad_utf8(const char *text, size_t len);

#endif
