/* SPDX-License-Identifier: MIT
 *
 * frame: see frame.h. The first pass narrows down, cell by cell, what each column can be; the second stores. Texts get
 * numbers as they come, which are replaced by their ranks at the end.
 */
#include "data/frame.h"

#include "common/text.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/field.h"
#include "data/scratch.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 64u

/* What the first pass knows of a column. */
struct guess {
    unsigned kinds;                    /* FIELD_... that all cells so far can be */
    bool empty;                        /* some cell is empty */
    bool filled;                       /* some cell is not */
    bool dates;                        /* all others look like dates, but there is one ... */
    uint64_t wrong_line, wrong_column; /* ... here that is no day */
};

static int no_memory(const struct frame *t, struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", t->path);
}

static int wrong(const struct frame *t, const struct csv_field *f, const char *what, struct diag *d)
{
    return diag_fail(d, SHEAF_EINVAL, "%s:%" PRIu64 ":%" PRIu64 ": %s", t->path, f->line, f->column, what);
}

static bool good_name(const struct csv_field *f)
{
    for (size_t i = 0; i < f->len; i++) {
        unsigned char b = (unsigned char)f->text[i];
        if (b < 0x20 || b == 0x7F)
            return false;
    }
    return f->len <= 255;
}

/* A file of values only. */
static int name_lines(struct frame *t, struct csv *csv, struct diag *d)
{
    csv_set_lines(csv);
    t->columns = calloc(1, sizeof *t->columns);
    if (t->columns == NULL)
        return no_memory(t, d);
    t->n_columns = 1;
    t->columns[0].name = strdup(t->lines);
    return t->columns[0].name != NULL ? 0 : no_memory(t, d);
}

static int read_header(struct frame *t, struct csv *csv, struct diag *d)
{
    const struct csv_field *fields;
    struct dict seen = {0};
    uint32_t n, number;
    int err = csv_next(csv, &fields, &n, d);

    if (err == 0)
        return diag_fail(d, SHEAF_EINVAL, "%s:1:1: the file is empty; its first line must name the columns", t->path);
    if (err < 0)
        return err;
    t->columns = calloc(n, sizeof *t->columns);
    if (t->columns == NULL)
        return no_memory(t, d);
    t->n_columns = n;
    err = 0;
    for (uint32_t i = 0; err == 0 && i < n; i++) {
        const struct csv_field *f = &fields[i];
        if (strspn(f->text, " ") == f->len)
            err = wrong(t, f, "a column without a name; the first line must name every column", d);
        else if (strchr(f->text, '\t') != NULL)
            err = wrong(t, f, "a tab in a column's name; columns are separated by commas", d);
        else if (n == 1 && strchr(f->text, ';') != NULL)
            err = wrong(t, f, "one column with a ';' in its name; columns are separated by commas", d);
        else if (!good_name(f))
            err = wrong(t, f, "a column name with control characters or more than 255 bytes", d);
        else if (dict_add(&seen, f->text, f->len, &number) != 0 || (t->columns[i].name = strdup(f->text)) == NULL)
            err = no_memory(t, d);
        else if (number != i)
            err = wrong(t, f, "a column name that was used before; names must differ", d);
    }
    dict_finish(&seen);
    return err;
}

/* A single 2023-02-29 would make texts of a whole column of dates. */
static void note_date(struct guess *g, const struct csv_field *f)
{
    int32_t day;

    if ((g->kinds & FIELD_DATE) != 0 && !field_date(f->text, f->len, &day)) {
        g->dates = true;
        g->wrong_line = f->line;
        g->wrong_column = f->column;
    }
    g->dates = g->dates && field_date_form(f->text, f->len);
}

static int check_dates(const struct frame *t, const struct guess *guesses, struct diag *d)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (guesses[i].dates)
            return diag_fail(d, SHEAF_EINVAL,
                             "%s:%" PRIu64 ":%" PRIu64 ": there is no such day, but column '%s' has dates; correct it",
                             t->path, guesses[i].wrong_line, guesses[i].wrong_column, t->columns[i].name);
    return 0;
}

/* The first pass. */
static int infer(struct frame *t, struct csv *csv, struct guess *guesses, struct diag *d)
{
    const struct csv_field *fields;
    uint32_t n;
    int more;

    while ((more = csv_next(csv, &fields, &n, d)) == 1) {
        for (uint32_t i = 0; i < n; i++) {
            struct guess *g = &guesses[i];
            if (fields[i].len == 0) {
                g->empty = true;
                continue;
            }
            g->filled = true;
            note_date(g, &fields[i]);
            if (g->kinds != 0)
                g->kinds = field_kinds(fields[i].text, fields[i].len, g->kinds);
        }
        t->rows++;
    }
    return more;
}

static uint32_t decide(const struct guess *g)
{
    if (!g->filled)
        return SHEAF_DT_F64;
    if ((g->kinds & FIELD_INT) != 0 && !g->empty)
        return SHEAF_DT_I64;
    if ((g->kinds & FIELD_FLOAT) != 0)
        return SHEAF_DT_F64;
    if ((g->kinds & FIELD_DATE) != 0 && !g->empty)
        return SHEAF_DT_DATE;
    return SHEAF_DT_CODE;
}

/* Types the columns and gives each its place in one working file. */
static int place_columns(struct frame *t, const struct guess *guesses, struct diag *d)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < t->n_columns; i++) {
        t->columns[i].dtype = decide(&guesses[i]);
        at += (t->rows * dtype_size(t->columns[i].dtype) + ALIGN - 1) / ALIGN * ALIGN;
    }
    t->map_bytes = at;
    int err = scratch_map(t->near, at, &t->map, d);
    if (err != 0)
        return err;
    at = 0;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        t->columns[i].data = (char *)t->map + at;
        at += (t->rows * dtype_size(t->columns[i].dtype) + ALIGN - 1) / ALIGN * ALIGN;
    }
    return 0;
}

/* Converts one cell. SHEAF_EINVAL without a line: the cell is not what the first pass saw. */
static int store(struct column *c, uint64_t row, const struct csv_field *f)
{
    uint32_t number;
    int err;

    switch (c->dtype) {
    case SHEAF_DT_I64:
        return field_int(f->text, f->len, (int64_t *)c->data + row) ? 0 : SHEAF_EINVAL;
    case SHEAF_DT_DATE:
        return field_date(f->text, f->len, (int32_t *)c->data + row) ? 0 : SHEAF_EINVAL;
    case SHEAF_DT_F64:
        if (f->len == 0) {
            ((double *)c->data)[row] = NAN;
            return 0;
        }
        return field_float(f->text, f->len, (double *)c->data + row) ? 0 : SHEAF_EINVAL;
    default:
        err = dict_add(&c->dict, f->text, f->len, &number);
        if (err == 0)
            ((int32_t *)c->data)[row] = (int32_t)number;
        return err;
    }
}

static int store_error(const struct frame *t, int err, const struct csv_field *f, struct diag *d)
{
    if (err == SHEAF_EINVAL)
        return wrong(t, f, "the file changed while it was read; try again", d);
    if (err == SHEAF_ELIMIT)
        return diag_fail(d, err, "%s: more than 2^31 different texts in one column", t->path);
    return no_memory(t, d);
}

/* The second pass. */
static int convert(struct frame *t, struct csv *csv, struct diag *d)
{
    const struct csv_field *fields = NULL;
    uint64_t row = 0;
    uint32_t n;
    int more = t->lines != NULL ? 1 : csv_next(csv, &fields, &n, d); /* the header */

    while (more == 1 && (more = csv_next(csv, &fields, &n, d)) == 1) {
        if (row == t->rows || n != t->n_columns)
            return wrong(t, &fields[0], "the file changed while it was read; try again", d);
        for (uint32_t i = 0; i < n; i++) {
            int err = store(&t->columns[i], row, &fields[i]);
            if (err != 0)
                return store_error(t, err, &fields[i], d);
        }
        row++;
    }
    if (more == 0 && row != t->rows)
        return diag_fail(d, SHEAF_EINVAL, "%s: the file changed while it was read; try again", t->path);
    return more;
}

/* Numbers in order of appearance become ranks in the sorted dictionary. */
static int rank_texts(struct frame *t, struct column *c, struct diag *d)
{
    uint32_t *rank = malloc((c->dict.n == 0 ? 1 : c->dict.n) * sizeof *rank);
    int32_t *codes = c->data;
    int err;

    if (rank == NULL)
        return no_memory(t, d);
    err = dict_sort(&c->dict, rank);
    if (err != 0)
        err = no_memory(t, d);
    for (uint64_t i = 0; err == 0 && i < t->rows; i++)
        codes[i] = (int32_t)rank[codes[i]];
    free(rank);
    return err;
}

static int read_twice(struct frame *t, struct csv *csv, struct diag *d)
{
    struct guess *guesses;
    int err = t->lines != NULL ? name_lines(t, csv, d) : read_header(t, csv, d);

    if (err != 0)
        return err;
    guesses = calloc(t->n_columns, sizeof *guesses);
    if (guesses == NULL)
        return no_memory(t, d);
    for (uint32_t i = 0; i < t->n_columns; i++)
        guesses[i].kinds = FIELD_INT | FIELD_FLOAT | FIELD_DATE;
    err = infer(t, csv, guesses, d);
    if (err == 0)
        err = check_dates(t, guesses, d);
    if (err == 0)
        err = place_columns(t, guesses, d);
    free(guesses);
    if (err == 0)
        err = csv_rewind(csv, d);
    if (err == 0)
        err = convert(t, csv, d);
    for (uint32_t i = 0; err == 0 && i < t->n_columns; i++)
        if (t->columns[i].dtype == SHEAF_DT_CODE)
            err = rank_texts(t, &t->columns[i], d);
    return err;
}

int frame_read(struct frame *t, struct diag *d)
{
    struct csv *csv = csv_open(t->path, d);
    int err;

    if (csv == NULL)
        return SHEAF_EINVAL;
    err = read_twice(t, csv, d);
    csv_close(csv);
    if (err != 0)
        frame_finish(t);
    return err;
}

void frame_finish(struct frame *t)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        free(t->columns[i].name);
        dict_finish(&t->columns[i].dict);
    }
    free(t->columns);
    scratch_unmap(t->map, t->map_bytes);
    *t = (struct frame){.name = t->name, .path = t->path, .near = t->near, .lines = t->lines};
}

struct column *frame_find(const struct frame *t, const char *column)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->columns[i].name, column) == 0)
            return &t->columns[i];
    return NULL;
}
