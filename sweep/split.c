/* SPDX-License-Identifier: MIT
 *
 * split: windows and contiguous folds are computed on demand as ranges. Dealt folds (shuffled, stratified) need one
 * number a row, found once; their row lists are built when a split is first asked for and kept if all of them
 * together stay below LISTS_MAX bytes, else one list at a time.
 *
 * Dealing (docs/index-space.md): rows stand in their own order or, shuffled, in that of the seed's permutation;
 * stratified, they are then sorted by class, stably. Row number t of that queue goes to fold t mod k. So folds differ by
 * one row at most, and so does each class among them, for a class is a run of the queue.
 */
#include "sweep/split.h"

#include "sweep/element.h"
#include "sweep/permute.h"
#include "sweep/philox.h"

#include <stdlib.h>
#include <string.h>

#define LISTS_MAX ((uint64_t)256 << 20)

struct splitter {
    const struct plan *plan;
    struct sheaf_range train[2], test[1]; /* of the split asked for last */
    uint32_t *fold;                       /* dealt folds: of each row; else NULL */
    uint64_t *fold_rows;                  /* rows of each fold */
    bool *built;                          /* is the list of this split there? NULL: one list for all */
    int64_t *lists;                       /* a list is n_rows long: the test rows, then the train rows */
    uint64_t listed;                      /* without `built`: the split that the list is of */
};

uint64_t split_count(const struct plan_split *s)
{
    if (s->kind == SPLIT_NONE)
        return 1;
    if (s->kind == SPLIT_K_FOLD)
        return s->k >= 2 && s->k <= s->n_rows && s->k <= UINT32_MAX ? s->k : 0;
    if (s->train < 1 || s->test < 1 || s->step < 1)
        return 0;
    uint64_t left = s->n_rows;
    if (s->train > left || s->gap > left - s->train || s->test > left - s->train - s->gap)
        return 0;
    return (left - s->train - s->gap - s->test) / s->step + 1;
}

static bool is_dealt(const struct plan_split *s)
{
    return s->kind == SPLIT_K_FOLD && (s->shuffle || (s->stratify && s->stratify[0]));
}

static int check_strata(const struct plan_split *s, const struct sheaf_view *v, struct diag *d)
{
    if (!v)
        return diag_fail(d, SHEAF_EINVAL, "split: stratify: the dataset has no array '%s'", s->stratify);
    if (v->rank != 1 || v->shape[0] != s->n_rows)
        return diag_fail(d, SHEAF_EINVAL, "split: stratify: array '%s' must have one axis of %llu rows", s->stratify,
                         (unsigned long long)s->n_rows);
    if (!element_discrete(v->dtype))
        return diag_fail(d, SHEAF_EINVAL, "split: stratify: array '%s' holds floats; give one of ints, bools or texts",
                         s->stratify);
    return SHEAF_OK;
}

static int by_value(const void *a, const void *b)
{
    int64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* Where each class begins in the queue: distinct values in classes[0 .. returned), their first places in starts. */
static uint64_t find_classes(const struct sheaf_view *v, uint64_t n, int64_t *classes, uint64_t *starts)
{
    for (uint64_t r = 0; r < n; r++)
        classes[r] = element_at(v, r);
    qsort(classes, (size_t)n, sizeof(*classes), by_value);
    uint64_t m = 0;
    for (uint64_t r = 0; r < n; r++) {
        if (m > 0 && classes[r] == classes[m - 1])
            continue;
        starts[m] = r;
        classes[m++] = classes[r];
    }
    return m;
}

static void put_in_fold(struct splitter *s, uint64_t row, uint64_t place)
{
    uint64_t fold = place % s->plan->split.k;
    s->fold[row] = (uint32_t)fold;
    s->fold_rows[fold]++;
}

static uint64_t row_at(const struct splitter *s, const struct permute *p, uint64_t place)
{
    return s->plan->split.shuffle ? permute_inverse(p, place) : place;
}

static int no_memory(uint64_t n, struct diag *d)
{
    diag_fail(d, SHEAF_ENOMEM, "out of memory for the folds of %llu rows", (unsigned long long)n);
    return SHEAF_ENOMEM;
}

static int deal_classes(struct splitter *s, const struct permute *p, const struct sheaf_view *v, struct diag *d)
{
    uint64_t n = s->plan->split.n_rows;
    int64_t *classes = calloc((size_t)n, sizeof(*classes));
    uint64_t *next = calloc((size_t)n, sizeof(*next));
    if (!classes || !next) {
        free(classes);
        free(next);
        return no_memory(n, d);
    }
    uint64_t m = find_classes(v, n, classes, next);
    for (uint64_t j = 0; j < n; j++) {
        uint64_t row = row_at(s, p, j);
        int64_t key = element_at(v, row);
        const int64_t *class = bsearch(&key, classes, (size_t)m, sizeof(*classes), by_value);
        SHEAF_ASSERT(class);
        put_in_fold(s, row, next[class - classes]++);
    }
    free(classes);
    free(next);
    return SHEAF_OK;
}

static int deal(struct splitter *s, const struct sheaf_view *strata, struct diag *d)
{
    const struct plan_split *split = &s->plan->split;
    struct permute p;
    permute_init(&p, split->n_rows, s->plan->seed, PERMUTE_FOLDS);
    if (split->stratify && split->stratify[0]) {
        int rc = check_strata(split, strata, d);
        return rc != SHEAF_OK ? rc : deal_classes(s, &p, strata, d);
    }
    for (uint64_t j = 0; j < split->n_rows; j++)
        put_in_fold(s, row_at(s, &p, j), j);
    return SHEAF_OK;
}

static int allocate_lists(struct splitter *s, struct diag *d)
{
    uint64_t n = s->plan->split.n_rows, k = s->plan->split.k, lists = 1;
    if (n <= LISTS_MAX / sizeof(int64_t) / k) {
        lists = k;
        s->built = calloc((size_t)k, sizeof(*s->built));
    }
    s->listed = UINT64_MAX;
    if (n <= SIZE_MAX / sizeof(int64_t)) {
        s->fold = calloc((size_t)n, sizeof(*s->fold));
        s->fold_rows = calloc((size_t)k, sizeof(*s->fold_rows));
        s->lists = calloc((size_t)n, (size_t)lists * sizeof(*s->lists));
    }
    if (!s->fold || !s->fold_rows || !s->lists || (lists > 1 && !s->built))
        return no_memory(n, d);
    return SHEAF_OK;
}

struct splitter *splitter_create(const struct plan *p, const struct sheaf_view *strata, struct diag *d)
{
    uint64_t n = split_count(&p->split);
    if (n != p->splits) {
        diag_fail(d, SHEAF_EINVAL, "split: %llu windows or folds fit into %llu rows, not the %llu of the plan",
                  (unsigned long long)n, (unsigned long long)p->split.n_rows, (unsigned long long)p->splits);
        return NULL;
    }
    struct splitter *s = calloc(1, sizeof(*s));
    if (!s) {
        diag_fail(d, SHEAF_ENOMEM, "out of memory");
        return NULL;
    }
    s->plan = p;
    if (is_dealt(&p->split) && (allocate_lists(s, d) != SHEAF_OK || deal(s, strata, d) != SHEAF_OK)) {
        splitter_destroy(s);
        return NULL;
    }
    return s;
}

void splitter_destroy(struct splitter *s)
{
    if (!s)
        return;
    free(s->fold);
    free(s->fold_rows);
    free(s->built);
    free(s->lists);
    free(s);
}

/* Ranges as rows; an empty one is left out. */
static struct sheaf_rows rows_of(struct sheaf_range *ranges, uint64_t n)
{
    struct sheaf_rows rows = {.ranges = ranges};
    for (uint64_t i = 0; i < n; i++) {
        if (ranges[i].from >= ranges[i].to)
            continue;
        rows.n += ranges[i].to - ranges[i].from;
        ranges[rows.n_ranges++] = ranges[i];
    }
    return rows;
}

static void window_rows(struct splitter *s, uint64_t split, struct sheaf_rows *train, struct sheaf_rows *test)
{
    const struct plan_split *p = &s->plan->split;
    uint64_t start = split * p->step, end = start + p->train;
    s->train[0] = (struct sheaf_range){p->anchored ? 0 : start, end};
    s->test[0] = (struct sheaf_range){end + p->gap, end + p->gap + p->test};
    *train = rows_of(s->train, 1);
    *test = rows_of(s->test, 1);
}

static void fold_ranges(struct splitter *s, uint64_t split, struct sheaf_rows *train, struct sheaf_rows *test)
{
    uint64_t n = s->plan->split.n_rows, k = s->plan->split.k;
    uint64_t longer = n % k, from = split * (n / k) + (split < longer ? split : longer);
    uint64_t to = from + n / k + (split < longer);
    s->train[0] = (struct sheaf_range){0, from};
    s->train[1] = (struct sheaf_range){to, n};
    s->test[0] = (struct sheaf_range){from, to};
    *train = rows_of(s->train, 2);
    *test = rows_of(s->test, 1);
}

static const int64_t *fold_list(struct splitter *s, uint64_t split)
{
    uint64_t n = s->plan->split.n_rows;
    int64_t *list = s->built ? s->lists + split * n : s->lists;
    if (s->built ? s->built[split] : s->listed == split)
        return list;
    int64_t *test = list, *train = list + s->fold_rows[split];
    for (uint64_t r = 0; r < n; r++)
        if (s->fold[r] == split)
            *test++ = (int64_t)r;
        else
            *train++ = (int64_t)r;
    if (s->built)
        s->built[split] = true;
    s->listed = split;
    return list;
}

void splitter_rows(struct splitter *s, uint64_t split, struct sheaf_rows *train, struct sheaf_rows *test)
{
    const struct plan_split *p = &s->plan->split;
    SHEAF_ASSERT(split < s->plan->splits);
    if (p->kind == SPLIT_WALK_FORWARD) {
        window_rows(s, split, train, test);
    } else if (p->kind == SPLIT_NONE) {
        s->test[0] = (struct sheaf_range){0, p->n_rows};
        *train = (struct sheaf_rows){.ranges = s->train};
        *test = rows_of(s->test, 1);
    } else if (!s->fold) {
        fold_ranges(s, split, train, test);
    } else {
        const int64_t *list = fold_list(s, split);
        uint64_t n = s->fold_rows[split];
        *test = (struct sheaf_rows){.n = n, .list = list};
        *train = (struct sheaf_rows){.n = p->n_rows - n, .list = list + n};
    }
}
