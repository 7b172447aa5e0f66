/* SPDX-License-Identifier: MIT
 *
 * rank: a pool of entries, cut down to the best by quickselect when it is full. Each place of the pool owns the memory for
 * an entry's values; entries that move take theirs along, so that every place always has one.
 */
#include "sweep/rank.h"

#include "common/err.h"

#include <stdlib.h>
#include <string.h>

#define POOL_FACTOR 4u

void rank_init(struct rank *r, uint32_t n_scores, uint64_t best)
{
    *r = (struct rank){.best = best > 0 ? best : 1, .n_scores = n_scores, .limit = (double)INFINITY};
}

void rank_finish(struct rank *r)
{
    for (uint64_t i = 0; i < r->n_values; i++)
        free(r->pool[i].values);
    free(r->pool);
    *r = (struct rank){0};
}

/* Is a better than b? A total order: trials differ. */
static bool better(const struct rank_entry *a, const struct rank_entry *b)
{
    if (a->class != b->class)
        return a->class < b->class;
    if (a->class == RANK_SCORED && a->key != b->key)
        return a->key < b->key;
    return a->trial < b->trial;
}

static void swap(struct rank_entry *a, struct rank_entry *b)
{
    struct rank_entry e = *a;
    *a = *b;
    *b = e;
}

/* Puts everything better than the pivot before it; returns where the pivot ends up. */
static uint64_t partition(struct rank_entry *at, uint64_t from, uint64_t to, uint64_t pivot)
{
    uint64_t put = from;
    swap(&at[pivot], &at[to - 1]);
    for (uint64_t i = from; i + 1 < to; i++)
        if (better(&at[i], &at[to - 1]))
            swap(&at[i], &at[put++]);
    swap(&at[put], &at[to - 1]);
    return put;
}

/* Hoare's selection: afterwards the first `best` entries are the best ones, the worst of them last. */
static void select_best(struct rank *r)
{
    uint64_t from = 0, to = r->n, dice = r->best;
    while (to - from > 1) {
        dice = dice * 6364136223846793005u + 1442695040888963407u; /* no order of arrival is a bad one */
        uint64_t pivot = partition(r->pool, from, to, from + (dice >> 33) % (to - from));
        if (pivot + 1 == r->best)
            return;
        if (pivot + 1 < r->best)
            from = pivot + 1;
        else
            to = pivot;
    }
}

static void cut(struct rank *r)
{
    if (r->n <= r->best)
        return;
    select_best(r);
    r->n = r->best;
    if (r->pool[r->n - 1].class == RANK_SCORED)
        r->limit = r->pool[r->n - 1].key;
}

static int grow(struct rank *r)
{
    uint64_t cap = r->cap ? 2 * r->cap : 16;
    if (cap > POOL_FACTOR * r->best)
        cap = POOL_FACTOR * r->best;
    if (cap == 0 || cap > SIZE_MAX / sizeof(*r->pool))
        return SHEAF_ENOMEM;
    struct rank_entry *pool = realloc(r->pool, (size_t)cap * sizeof(*pool));
    if (!pool)
        return SHEAF_ENOMEM;
    r->pool = pool;
    r->cap = cap;
    return SHEAF_OK;
}

/* A free place with memory for values. NULL when memory is short. */
static struct rank_entry *place(struct rank *r)
{
    if (r->n == POOL_FACTOR * r->best)
        cut(r);
    if (r->n == r->cap && grow(r) != SHEAF_OK)
        return NULL;
    struct rank_entry *e = &r->pool[r->n];
    if (r->n == r->n_values) {
        e->values = malloc(4 * (size_t)r->n_scores * sizeof(double) + 1);
        if (!e->values)
            return NULL;
        r->n_values++;
    }
    return e;
}

int rank_add(struct rank *r, const struct trial_result *result, double key)
{
    struct rank_entry *e = place(r);
    if (!e)
        return SHEAF_ENOMEM;
    uint32_t class = result->failed ? RANK_FAILED : key == key ? RANK_SCORED : RANK_NAN;
    if (class != RANK_SCORED && r->limit < (double)INFINITY)
        return SHEAF_OK;
    *e = (struct rank_entry){.trial = result->trial,
                             .key = key,
                             .n_failed = result->n_failed,
                             .n = result->n,
                             .class = class,
                             .values = e->values};
    for (size_t i = 0; i < 4 * (size_t)r->n_scores; i++)
        e->values[i] = result->scores[i];
    r->n++;
    return SHEAF_OK;
}

static int by_rank(const void *a, const void *b)
{
    return better(a, b) ? -1 : better(b, a) ? 1 : 0;
}

const struct rank_entry *rank_sorted(struct rank *r)
{
    cut(r);
    if (r->n > 0)
        qsort(r->pool, (size_t)r->n, sizeof(*r->pool), by_rank);
    return r->pool;
}
