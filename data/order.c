/* SPDX-License-Identifier: MIT
 *
 * order: see order.h. The top-down merge sort works on ever smaller neighbourhoods first, so that whatever memory
 * there is, most of its levels run within it.
 */
#include "data/order.h"

#include "data/dataset.h"
#include "data/scratch.h"

#include <math.h>
#include <string.h>

#define SIGN ((uint64_t)1 << 63)

static uint64_t float_ordinal(double v)
{
    uint64_t bits;

    if (isnan(v))
        return UINT64_MAX;
    v += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &v, sizeof bits);
    return (bits & SIGN) != 0 ? ~bits : bits | SIGN;
}

uint64_t order_ordinal(const struct column *c, uint64_t row)
{
    switch (c->dtype) {
    case SHEAF_DT_F64:
        return float_ordinal(((const double *)c->data)[row]);
    case SHEAF_DT_I64:
        return (uint64_t)((const int64_t *)c->data)[row] ^ SIGN;
    default:
        return (uint64_t)(int64_t)((const int32_t *)c->data)[row] ^ SIGN;
    }
}

int64_t order_value(uint64_t ordinal)
{
    return (int64_t)(ordinal ^ SIGN);
}

/* The row number breaks ties, which makes the sort stable and its result the only one. */
static bool before(const struct order_row *a, const struct order_row *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    if (a->order != b->order)
        return a->order < b->order;
    return a->row < b->row;
}

static void insertion_sort(struct order_row *v, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++) {
        struct order_row x = v[i];
        uint64_t j = i;
        for (; j > 0 && before(&x, &v[j - 1]); j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

/* spare: room for half of them. */
static void merge_sort(struct order_row *v, struct order_row *spare, uint64_t n)
{
    uint64_t half = n / 2, i = 0, j = half, k = 0;

    if (n <= 16) {
        insertion_sort(v, n);
        return;
    }
    merge_sort(v, spare, half);
    merge_sort(v + half, spare, n - half);
    if (before(&v[half - 1], &v[half])) /* in order already */
        return;
    memcpy(spare, v, (size_t)half * sizeof *v);
    while (i < half && j < n)
        v[k++] = before(&v[j], &spare[i]) ? v[j++] : spare[i++];
    while (i < half)
        v[k++] = spare[i++];
}

int order_make(const struct frame *t, const struct column *key, const struct column *by, struct order *out,
               struct diag *d)
{
    struct order o = {.n = t->rows};
    uint64_t rows = t->rows;
    void *map = NULL;
    uint64_t spare_bytes = (rows / 2 + 1) * sizeof *o.rows;
    int err = scratch_map(t->near, rows * sizeof *o.rows, &map, d);

    if (err != 0)
        return err;
    o.rows = map;
    for (uint64_t i = 0; i < rows; i++) {
        o.rows[i] = (struct order_row){order_ordinal(key, i), by == NULL ? 0 : order_ordinal(by, i), i};
        o.moved = o.moved || (i > 0 && before(&o.rows[i], &o.rows[i - 1]));
    }
    if (o.moved) {
        void *spare = NULL;
        err = scratch_map(t->near, spare_bytes, &spare, d);
        if (err != 0) {
            order_finish(&o);
            return err;
        }
        merge_sort(o.rows, spare, rows);
        scratch_unmap(spare, spare_bytes);
    }
    *out = o;
    return 0;
}

int order_cut(struct order *o, uint64_t least, const char *near, struct diag *d)
{
    uint64_t block = o->n / 64 > least ? o->n / 64 : least;
    uint64_t most = o->n < block ? o->n : block;
    uint64_t spare_bytes = (most / 2 + 1) * sizeof(struct order_row);
    void *spare = NULL;
    int err = scratch_map(near, spare_bytes, &spare, d);

    if (err != 0)
        return err;
    for (uint64_t from = 0; from < o->n; from += block) {
        struct order_row *v = o->rows + from;
        uint64_t n = o->n - from < block ? o->n - from : block;
        for (uint64_t i = 0; i < n; i++)
            v[i] = (struct order_row){v[i].row, i, v[i].row};
        merge_sort(v, spare, n);
    }
    scratch_unmap(spare, spare_bytes);
    o->block = block;
    return 0;
}

void order_finish(struct order *o)
{
    scratch_unmap(o->rows, o->n * sizeof *o->rows);
    *o = (struct order){0};
}
