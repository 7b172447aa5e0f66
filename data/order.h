/* SPDX-License-Identifier: MIT
 *
 * order: sorts the rows of a table by its key column and, within a key, by another one; equal rows keep their order. What is
 * sorted are records of (key, order, row) in a working file, by a merge sort, which moves through them in sequence: a
 * table larger than memory is sorted at the speed of the disk.
 */
#ifndef SHEAF_DATA_ORDER_H
#define SHEAF_DATA_ORDER_H

#include "common/err.h"
#include "data/frame.h"

#include <stdbool.h>
#include <stdint.h>

#define ORDER_BLOCK ((uint64_t)4 << 20)

struct order_row {
    uint64_t key;   /* ordinal of the key's value */
    uint64_t order; /* ordinal of the order column's value */
    uint64_t row;   /* in the file's order */
};

struct order {
    struct order_row *rows; /* in sorted order */
    uint64_t n;
    bool moved;     /* false: the table was sorted already, rows[i].row == i */
    uint64_t block; /* rows of a block after order_cut, 0 before */
};

/* Orders the rows of t by two of its columns; by may be NULL. 0, or an error with a line in d. */
int order_make(const struct frame *t, const struct column *key, const struct column *by, struct order *out,
               struct diag *d);
/* Makes a sorted order fit for moving columns of any size: cut into blocks, in each of which the rows come as they lie
 * in the file, `order` being their place in the block. So a column is read from front to back once a block instead of here and
 * there. Blocks have `least` rows, or a 64th of all if that is more. Keys are forgotten. 0 or an error with a line in d. */
int order_cut(struct order *o, uint64_t least, const char *near, struct diag *d);

void order_finish(struct order *o);

/* The value of a row as a number that sorts like the value does: integers, dates and codes as they are; floats with
 * -0.0 = 0.0 and NaN last. */
uint64_t order_ordinal(const struct column *c, uint64_t row);

/* Back from the ordinal of an integer, date or code. */
int64_t order_value(uint64_t ordinal);

#endif
