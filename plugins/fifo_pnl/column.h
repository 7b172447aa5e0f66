/* SPDX-License-Identifier: MIT
 *
 * column: whole numbers and floats out of a column of whatever type the dataset holds, a few rows at a time.
 */
#ifndef FIFO_PNL_COLUMN_H
#define FIFO_PNL_COLUMN_H

#include "sheaf/plugin.h"

#include <stdbool.h>

/* Can the column be read as whole numbers (days are; texts: by their numbers in the dictionary)? As floats? */
bool column_is_whole(const struct sheaf_view *v, bool texts);
bool column_is_number(const struct sheaf_view *v);

/* Rows [from, from + n) of a column that is one: in `room` for n of them, or where they are when that is their type. */
const int64_t *column_whole(const struct sheaf_view *v, uint64_t from, uint64_t n, int64_t *room);
const double *column_numbers(const struct sheaf_view *v, uint64_t from, uint64_t n, double *room);

#endif
