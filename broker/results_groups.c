/* SPDX-License-Identifier: MIT
 *
 * results_groups: all rows of one trial are held at once, then sorted by group; within a group they stay in index order, so
 * that every figure is the same whatever order the tasks ended in.
 */
#include "broker/results_groups.h"

#include "sweep/lebytes.h"
#include "sweep/reduce.h"
#include "sweep/space.h"

#include <stdlib.h>
#include <string.h>

struct held_row {
    const char *group;
    uint64_t position, order;
    const uint8_t *values;
};

static int out_of_memory(struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "out of memory for the group rows of one trial");
}

static int hold(const struct msg_group *g, uint64_t order, struct arena *arena, struct buf *rows, struct diag *d)
{
    uint8_t *values = arena_alloc(arena, g->values.len);
    struct held_row row = {
        .group = arena_text(arena, g->group, strlen(g->group)),
        .position = g->position,
        .order = order,
        .values = values,
    };
    if (!values || !row.group)
        return out_of_memory(d);
    if (g->values.len > 0)
        memcpy(values, g->values.data, g->values.len);
    return buf_append(rows, &row, sizeof(row)) ? out_of_memory(d) : 0;
}

/* Rows of [from, to) into `rows`; what lies before is passed over. */
static int gather(struct pages *groups, uint64_t from, uint64_t to, struct arena *arena, struct buf *rows,
                  struct diag *d)
{
    int err = 0;
    for (uint64_t order = 0; err == 0; order++) {
        const struct msg_group *g = pages_group(groups, &err, d);
        if (!g)
            break;
        if (g->position >= to) {
            pages_back(groups);
            break;
        }
        if (g->position >= from)
            err = hold(g, order, arena, rows, d);
    }
    return err;
}

static int by_group(const void *x, const void *y)
{
    const struct held_row *a = x, *b = y;
    int c = strcmp(a->group, b->group);
    return c ? c : (a->order > b->order) - (a->order < b->order);
}

/* Value k of n rows of one group: the rows of a key over splits, then the keys. x: room for 2 n. */
static double reduce_value(const struct plan *p, const struct held_row *rows, uint64_t n, uint32_t k, double *x)
{
    double *keys = x + n;
    uint64_t n_keys = 0;
    for (uint64_t i = 0, end; i < n; i = end) {
        uint64_t key = space_cell(p, rows[i].position).key;
        for (end = i; end < n && space_cell(p, rows[end].position).key == key; end++) {
            uint64_t bits = le_load(rows[end].values + (size_t)k * 8);
            memcpy(&x[end - i], &bits, sizeof(bits));
        }
        keys[n_keys++] = reduce_values(p->reduce_split, x, end - i);
    }
    return reduce_values(p->reduce_key, keys, n_keys);
}

static int write_rows(const struct plan *p, uint64_t trial, const struct held_row *rows, uint64_t n,
                      enum results_format format, struct arena *arena, struct sink *s, struct diag *d)
{
    uint32_t n_values = p->plugin.n_group_values;
    double *x = arena_alloc(arena, (size_t)n * 2 * sizeof(*x));
    double *values = arena_alloc(arena, n_values * sizeof(*values));
    if (!x || !values)
        return out_of_memory(d);
    for (uint64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && strcmp(rows[end].group, rows[i].group) == 0; end++)
            ;
        for (uint32_t k = 0; k < n_values; k++)
            values[k] = reduce_value(p, rows + i, end - i, k, x);
        rows_group(s, p, format, &(struct group_row){.trial = trial, .group = rows[i].group, .values = values});
    }
    return 0;
}

int results_groups_trial(struct pages *groups, uint64_t trial, enum results_format format, struct arena *arena,
                         struct sink *s, struct diag *d)
{
    const struct plan *p = groups->plan;
    uint64_t cells = p->keys * p->splits;
    struct buf rows = {0};
    int err = gather(groups, trial * cells, (trial + 1) * cells, arena, &rows, d);
    uint64_t n = rows.len / sizeof(struct held_row);
    if (err == 0 && n > 0) {
        struct held_row *held = (void *)rows.data;
        qsort(held, (size_t)n, sizeof(*held), by_group);
        err = write_rows(p, trial, held, n, format, arena, s, d);
    }
    buf_finish(&rows);
    return err;
}
