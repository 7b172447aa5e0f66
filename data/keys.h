/* SPDX-License-Identifier: MIT
 *
 * keys: the keys of a dataset while it is packed: the sorted union over the tables that have the key column. First all
 * tables add theirs, then they are sorted, then each table learns which of its rows belong to which key. Lives in
 * memory: one entry a key, not a row.
 */
#ifndef SHEAF_DATA_KEYS_H
#define SHEAF_DATA_KEYS_H

#include "common/err.h"
#include "data/dict.h"
#include "data/frame.h"
#include "data/order.h"

#include <stdint.h>

struct keys {
    uint32_t dtype;    /* SHEAF_DT_CODE (texts), _I64 or _DATE; 0 before the first row */
    const char *first; /* the path of the file that decided it, for error texts */
    struct dict texts; /* the keys, when they are texts */
    struct buf ints;   /* the keys as int64, when they are not */
    uint64_t n;        /* after keys_sort */
};

/* Adds the keys of a table: `column` of `f`, in the order o. Tables must agree on the type, which may not be float64. 0,
 * SHEAF_EINVAL or SHEAF_ENOMEM with a line in d. */
int keys_add(struct keys *k, const struct frame *f, const struct column *column, const struct order *o, struct diag *d);

/* Sorts them, and drops what is there twice. 0 or SHEAF_ENOMEM with a line in d. */
int keys_sort(struct keys *k, struct diag *d);

/* n + 1 row numbers: key i has the rows [starts[i], starts[i + 1]) of the table in its order. Allocated, the caller's; NULL
 * when memory is out. */
uint64_t *keys_starts(const struct keys *k, const struct column *column, const struct order *o);

void keys_finish(struct keys *k);

/* Writes the key of an ordered row as people write it. */
void keys_name(const struct column *column, const struct order_row *row, char *out, size_t size);

#endif
