/* SPDX-License-Identifier: MIT
 *
 * rank: a binary heap of entries whose numbers lie in blocks of their own, so that sifting moves few bytes.
 */
#include "sweep/rank.h"

#include "common/err.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void rank_init(struct rank *r, uint32_t n_scores, uint64_t best)
{
    *r = (struct rank){.best = best > 0 ? best : 1, .n_scores = n_scores, .limit = (double)INFINITY};
}

void rank_finish(struct rank *r)
{
    for (uint64_t i = 0; i < r->n; i++)
        free(r->heap[i].values);
    free(r->heap);
    free(r->sorted);
    *r = (struct rank){0};
}

/* Is a better than b? */
static bool better(const struct rank_entry *a, const struct rank_entry *b)
{
    if (a->class != b->class)
        return a->class < b->class;
    if (a->class == RANK_SCORED && a->key != b->key)
        return a->key < b->key;
    return a->trial < b->trial;
}

bool rank_wants_slow(const struct rank *r, uint32_t class, double key, uint64_t trial)
{
    struct rank_entry e = {.trial = trial, .key = key, .class = class};
    return r->n < r->best || better(&e, &r->heap[0]);
}

static void swap(struct rank_entry *a, struct rank_entry *b)
{
    struct rank_entry e = *a;
    *a = *b;
    *b = e;
}

static void sift_up(struct rank *r, uint64_t i)
{
    for (; i > 0 && better(&r->heap[(i - 1) / 2], &r->heap[i]); i = (i - 1) / 2)
        swap(&r->heap[(i - 1) / 2], &r->heap[i]);
}

static void sift_down(struct rank *r, uint64_t i)
{
    for (;;) {
        uint64_t worst = i;
        for (uint64_t child = 2 * i + 1; child <= 2 * i + 2 && child < r->n; child++)
            if (better(&r->heap[worst], &r->heap[child]))
                worst = child;
        if (worst == i)
            return;
        swap(&r->heap[i], &r->heap[worst]);
        i = worst;
    }
}

static int grow(struct rank *r)
{
    uint64_t cap = r->cap ? 2 * r->cap : 16;
    if (cap > r->best)
        cap = r->best;
    if (cap > SIZE_MAX / sizeof(*r->heap))
        return SHEAF_ENOMEM;
    struct rank_entry *heap = realloc(r->heap, (size_t)cap * sizeof(*heap));
    if (!heap)
        return SHEAF_ENOMEM;
    r->heap = heap;
    struct rank_entry *sorted = realloc(r->sorted, (size_t)cap * sizeof(*sorted));
    if (!sorted)
        return SHEAF_ENOMEM;
    r->sorted = sorted;
    r->cap = cap;
    return SHEAF_OK;
}

static void copy_values(const struct rank *r, const struct trial_result *from, double *to)
{
    size_t n = r->n_scores;
    memcpy(to, from->scores, n * sizeof(*to));
    memcpy(to + n, from->std, n * sizeof(*to));
    memcpy(to + 2 * n, from->min, n * sizeof(*to));
    memcpy(to + 3 * n, from->max, n * sizeof(*to));
}

int rank_add(struct rank *r, const struct trial_result *result, double key)
{
    struct rank_entry e = {.trial = result->trial, .key = key, .n_failed = result->n_failed, .n = result->n};
    e.class = result->failed ? RANK_FAILED : key == key ? RANK_SCORED : RANK_NAN;
    if (!rank_wants_slow(r, e.class, key, e.trial))
        return SHEAF_OK;
    bool full = r->n == r->best;
    if (!full && r->n == r->cap && grow(r) != SHEAF_OK)
        return SHEAF_ENOMEM;
    e.values = full ? r->heap[0].values : malloc(4 * (size_t)r->n_scores * sizeof(double) + 1);
    if (!e.values)
        return SHEAF_ENOMEM;
    copy_values(r, result, e.values);
    if (full) {
        r->heap[0] = e;
        sift_down(r, 0);
    } else {
        r->heap[r->n++] = e;
        sift_up(r, r->n - 1);
    }
    if (r->n == r->best && r->heap[0].class == RANK_SCORED)
        r->limit = r->heap[0].key;
    return SHEAF_OK;
}

static int by_rank(const void *a, const void *b)
{
    return better(a, b) ? -1 : better(b, a) ? 1 : 0;
}

const struct rank_entry *rank_sorted(struct rank *r)
{
    if (r->n > 0) {
        memcpy(r->sorted, r->heap, (size_t)r->n * sizeof(*r->heap));
        qsort(r->sorted, (size_t)r->n, sizeof(*r->sorted), by_rank);
    }
    return r->sorted;
}
