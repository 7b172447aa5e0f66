/* SPDX-License-Identifier: MIT
 *
 * keys: see keys.h. In an ordered table equal keys lie together, so that all work here is by runs of rows.
 */
#include "data/keys.h"

#include "data/dataset.h"
#include "data/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *type_word(uint32_t dtype)
{
    return dtype == SHEAF_DT_CODE ? "text" : dtype_name(dtype);
}

static int no_memory(struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "out of memory for the keys");
}

static int check_type(struct keys *k, const struct frame *f, const struct column *column, struct diag *d)
{
    if (column->dtype == SHEAF_DT_F64)
        return diag_fail(d, SHEAF_EINVAL,
                         "%s: column '%s' has fractions or empty cells; keys are texts, integers or dates", f->path,
                         column->name);
    if (k->dtype != 0 && k->dtype != column->dtype)
        return diag_fail(d, SHEAF_EINVAL, "%s: the keys are of type %s, but in %s of type %s; they must agree", f->path,
                         type_word(column->dtype), k->first, type_word(k->dtype));
    if (k->dtype == 0) {
        k->dtype = column->dtype;
        k->first = f->path;
    }
    return 0;
}

int keys_add(struct keys *k, const struct frame *f, const struct column *column, const struct order *o, struct diag *d)
{
    uint32_t number;
    int err;

    if (f->rows == 0) /* then the type of the column means nothing */
        return 0;
    err = check_type(k, f, column, d);
    for (uint32_t i = 0; err == 0 && i < column->dict.n; i++) {
        const char *text = dict_text(&column->dict, i);
        if (dict_add(&k->texts, text, strlen(text), &number) != 0)
            err = no_memory(d);
    }
    for (uint64_t i = 0; err == 0 && k->dtype != SHEAF_DT_CODE && i < o->n; i++) {
        int64_t value = order_value(o->rows[i].key);
        if ((i == 0 || o->rows[i - 1].key != o->rows[i].key) && buf_append(&k->ints, &value, sizeof value) != 0)
            err = no_memory(d);
    }
    return err;
}

static int compare_ints(const void *a, const void *b)
{
    int64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static int sort_texts(struct keys *k, struct diag *d)
{
    uint32_t *rank = malloc((k->texts.n == 0 ? 1 : k->texts.n) * sizeof *rank);
    int err = rank == NULL ? SHEAF_ENOMEM : dict_sort(&k->texts, rank);

    free(rank);
    k->n = k->texts.n;
    return err == 0 ? 0 : no_memory(d);
}

int keys_sort(struct keys *k, struct diag *d)
{
    int64_t *v = (int64_t *)(void *)k->ints.data; /* malloc aligned it */
    size_t n = k->ints.len / sizeof *v, kept = 0;

    if (k->dtype == SHEAF_DT_CODE)
        return sort_texts(k, d);
    if (n > 0)
        qsort(v, n, sizeof *v, compare_ints);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || v[i] != v[i - 1])
            v[kept++] = v[i];
    k->ints.len = kept * sizeof *v;
    k->n = kept;
    return 0;
}

/* The number of the key of a row. It is there: keys_add saw the same table. */
static uint64_t number_of(const struct keys *k, const struct column *column, const struct order_row *row)
{
    int64_t value = order_value(row->key);
    const int64_t *v = (const int64_t *)(const void *)k->ints.data;
    uint64_t from = 0, to = k->n;

    /* Texts and integers alike are ascending, so one search serves both. */
    while (from + 1 < to) {
        uint64_t mid = from + (to - from) / 2;
        bool later;
        if (k->dtype == SHEAF_DT_CODE)
            later = strcmp(dict_text(&k->texts, (uint32_t)mid), dict_text(&column->dict, (uint32_t)value)) > 0;
        else
            later = v[mid] > value;
        if (later)
            to = mid;
        else
            from = mid;
    }
    return from;
}

uint64_t *keys_starts(const struct keys *k, const struct column *column, const struct order *o)
{
    uint64_t *starts = calloc((size_t)k->n + 1, sizeof *starts);
    uint64_t number = 0;

    if (starts == NULL)
        return NULL;
    for (uint64_t i = 0; i < o->n; i++) {
        if (i == 0 || o->rows[i - 1].key != o->rows[i].key)
            number = number_of(k, column, &o->rows[i]);
        starts[number + 1]++;
    }
    for (uint64_t i = 0; i < k->n; i++)
        starts[i + 1] += starts[i];
    return starts;
}

void keys_finish(struct keys *k)
{
    dict_finish(&k->texts);
    buf_finish(&k->ints);
    *k = (struct keys){0};
}

void keys_name(const struct column *column, const struct order_row *row, char *out, size_t size)
{
    int64_t value = order_value(row->key);
    char date[24];

    if (column->dtype == SHEAF_DT_CODE) {
        snprintf(out, size, "%s", dict_text(&column->dict, (uint32_t)value));
    } else if (column->dtype == SHEAF_DT_DATE) {
        field_date_text(value, date);
        snprintf(out, size, "%s", date);
    } else {
        snprintf(out, size, "%" PRId64, value);
    }
}
