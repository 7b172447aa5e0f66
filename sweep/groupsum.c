/* SPDX-License-Identifier: MIT
 *
 * groupsum: a dictionary of names, and a row of sums for each of its numbers.
 */
#include "sweep/groupsum.h"

#include "common/err.h"
#include "common/text.h"
#include "sweep/lebytes.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16u
#define KEPT_CAP 1024u

static int make_room(struct groupsum *g)
{
    if (g->names.n < g->cap)
        return 0;
    uint32_t cap = g->cap ? g->cap * 2 : FIRST_CAP;
    double *grown = realloc(g->sums, (size_t)cap * g->n_values * sizeof(*grown));
    if (!grown)
        return SHEAF_ENOMEM;
    g->sums = grown;
    g->cap = cap;
    return 0;
}

int groupsum_add(struct groupsum *g, const char *name, size_t len, const void *values)
{
    uint32_t before = g->names.n, number;
    int err = make_room(g);
    err = err ? err : dict_add(&g->names, name, len, &number);
    if (err)
        return err;
    double *sums = g->sums + (size_t)number * g->n_values;
    for (uint32_t i = 0; i < g->n_values; i++) {
        uint64_t bits = le_load((const uint8_t *)values + (size_t)i * 8);
        double v;
        memcpy(&v, &bits, sizeof(v));
        sums[i] = (number == before ? 0 : sums[i]) + v;
    }
    return 0;
}

const char *groupsum_emit(struct groupsum *g, const char *group, const double *values, bool drop)
{
    if (g->n_values == 0)
        return "emit: the descriptor names no group values";
    size_t n = group ? strnlen(group, GROUPSUM_NAME_BYTES + 1) : GROUPSUM_NAME_BYTES + 1;
    if (n > GROUPSUM_NAME_BYTES || !text_is_utf8(group, n))
        return "emit: a group's name has to be UTF-8 of at most 65,535 bytes";
    if (drop)
        return NULL;
    if (groupsum_add(g, group, n, values) != 0)
        return "emit: out of memory for the groups of this task";
    if (groupsum_count(g) > GROUPSUM_TASK_GROUPS || groupsum_bytes(g) > GROUPSUM_TASK_BYTES)
        return "emit: more than 65,536 groups, or 16 MiB of them, in one task";
    return NULL;
}

uint32_t groupsum_count(const struct groupsum *g)
{
    return g->names.n;
}

size_t groupsum_bytes(const struct groupsum *g)
{
    return g->names.texts.len + (size_t)g->names.n * g->n_values * sizeof(*g->sums);
}

size_t groupsum_held(const struct groupsum *g)
{
    return groupsum_bytes(g) + g->names.n * sizeof(*g->names.at) + g->names.n_slots * sizeof(*g->names.slots);
}

struct groupsum_row groupsum_at(const struct groupsum *g, uint32_t i)
{
    return (struct groupsum_row){dict_text(&g->names, i), g->sums + (size_t)i * g->n_values};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct groupsum_row *)a)->name, ((const struct groupsum_row *)b)->name);
}

struct groupsum_row *groupsum_sorted(const struct groupsum *g)
{
    struct groupsum_row *all = g->names.n ? malloc(g->names.n * sizeof(*all)) : NULL;
    if (!all)
        return NULL;
    for (uint32_t i = 0; i < g->names.n; i++)
        all[i] = groupsum_at(g, i);
    qsort(all, g->names.n, sizeof(*all), by_name);
    return all;
}

void groupsum_clear(struct groupsum *g)
{
    dict_clear(&g->names);
    if (g->cap > KEPT_CAP) {
        free(g->sums);
        g->sums = NULL;
        g->cap = 0;
    }
}

void groupsum_finish(struct groupsum *g)
{
    dict_finish(&g->names);
    free(g->sums);
    g->sums = NULL;
    g->cap = 0;
}
