/* SPDX-License-Identifier: MIT
 *
 * sweepdata: the dataset against the plugin's arrays, and the split of the rows of the axis that the plugin names.
 */
#include "sweep/sweepplan.h"

#include "data/dataset.h"
#include "sweep/split.h"
#include "sweep/suggest.h"
#include "sweep/sweepschema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ARRAY_SHOWN 96

static const char *show_type(uint32_t dtype, uint32_t rank, char out[ARRAY_SHOWN])
{
    const char *type = dtype == SHEAF_ANY ? "any type" : dtype_name(dtype);
    if (rank == 0)
        snprintf(out, ARRAY_SHOWN, "%s", type);
    else
        snprintf(out, ARRAY_SHOWN, "%s with %u %s", type, rank, rank == 1 ? "axis" : "axes");
    return out;
}

static int missing_array(struct planner *p, const struct plan_array *want)
{
    char type[ARRAY_SHOWN];
    show_type(want->dtype, want->rank, type);
    if (p->all->n == 0)
        return place_fail(sweepfile_at(p->f, "data"), p->d, "%s needs the array %s (%s); add data: FILE.sheaf",
                          p->plugin->name, want->name, type);
    struct suggest near;
    suggest_begin(&near, want->name);
    for (uint32_t i = 0; i < sources_count(p->all); i++)
        suggest_offer(&near, sources_at(p->all, i)->name);
    return place_fail(sweepfile_at(p->f, "data"), p->d,
                      "the data has no array %s (%s), which %s needs; pack it under this name (it has: %s)", want->name,
                      type, p->plugin->name, near.known[0] != '\0' ? near.known : "nothing");
}

/* Has a sweep made it, with an axis of trials that the plugin cannot take? */
static bool has_axis_of_trials(const struct planner *p, const struct plan_array *want, const struct sheaf_view *view)
{
    uint32_t which;
    if (view->rank <= want->rank || sources_find(p->all, want->name, &which) == NULL)
        return false;
    const struct source *s = &p->all->at[which];
    return s->along == NULL && dataset_find(s->ds, SOURCES_TRIALS) != NULL;
}

static int check_type(struct planner *p, const struct plan_array *want, const struct dataset_array *a)
{
    const struct sheaf_view folded = dataset_view(a, want->rank), *view = &folded;
    bool type = want->dtype == SHEAF_ANY || want->dtype == view->dtype;
    bool rank = want->rank == 0 || want->rank == view->rank;
    char have[ARRAY_SHOWN], need[ARRAY_SHOWN];
    if (!type || !rank)
        return place_fail(
            sweepfile_at(p->f, "data"), p->d, "the array %s is %s, but %s takes %s; %s", want->name,
            show_type(view->dtype, view->rank, have), p->plugin->name, show_type(want->dtype, want->rank, need),
            has_axis_of_trials(p, want, view) ? "a sweep has made it: take it along: trials" : "pack it as that");
    return 0;
}

static uint64_t rows_of_key(const struct planner *p, const struct dataset_array *a, uint64_t key)
{
    uint64_t from, to;
    dataset_key_rows(p->ds, a, key, &from, &to);
    return to - from;
}

/* Both are cut by the keys: every key must have as many rows in one as in the other. */
static int check_key_rows(struct planner *p, const struct dataset_array *first, const struct dataset_array *a)
{
    char space[24];
    for (uint64_t k = 0; k < p->out->keys; k++) {
        uint64_t n = rows_of_key(p, first, k), m = rows_of_key(p, a, k);
        if (n != m)
            return place_fail(sweepfile_at(p->f, "data"), p->d,
                              "%s has %" PRIu64 " rows of the key %.80s, but %s has %" PRIu64
                              "; pack them equally long",
                              first->name, n, dataset_key_name(p->ds, k, space), a->name, m);
    }
    return 0;
}

static bool is_cut(const struct planner *p, const struct dataset_array *a)
{
    return p->out->key_axis.kind == KEYS_COLUMN && a->partitioned;
}

/* The first array with a row axis says how many rows there are; the others must agree. */
static int check_rows(struct planner *p, const struct plan_array *want, const struct dataset_array *a,
                      const struct dataset_array **first)
{
    const struct sheaf_view view = dataset_view(a, want->rank);
    struct plan_split *s = &p->out->split;
    const struct place *at = sweepfile_at(p->f, "data");
    if (view.rank == 0)
        return place_fail(at, p->d, "the array %s is a single value, but %s cuts its rows; pack it with an axis",
                          want->name, p->plugin->name);
    if (*first == NULL) {
        *first = a;
        s->row_axis = want->row_axis;
        s->n_rows = view.shape[0];
        s->keyed = is_cut(p, a);
        return 0;
    }
    if (strcmp(s->row_axis, want->row_axis) != 0)
        return place_fail(sweepfile_at(p->f, "plugin"), p->d,
                          "%s cuts rows along two axes, %s and %s; this version takes plugins with one",
                          p->plugin->name, s->row_axis, want->row_axis);
    if (s->keyed != is_cut(p, a))
        return place_fail(at, p->d,
                          "%s is partitioned by %s, but %s is not, and both have the rows (%s); pack them alike",
                          s->keyed ? (*first)->name : a->name, p->out->key_axis.column,
                          s->keyed ? a->name : (*first)->name, s->row_axis);
    if (s->keyed)
        return check_key_rows(p, *first, a);
    if (s->n_rows != view.shape[0])
        return place_fail(at, p->d, "%s has %" PRIu64 " rows (%s), but %s has %" PRIu64 "; pack them equally long",
                          (*first)->name, s->n_rows, s->row_axis, want->name, view.shape[0]);
    return 0;
}

/* Rows that are cut by the keys are counted in each; 0 where they differ, then other is such a key. */
static uint64_t count_key_rows(const struct planner *p, const struct dataset_array *a, uint64_t *other)
{
    uint64_t n = rows_of_key(p, a, 0);
    for (*other = 1; *other < p->out->keys; (*other)++)
        if (rows_of_key(p, a, *other) != n)
            return 0;
    return n;
}

/* Splits of each key's own rows need as many of them in all keys. */
static int uneven_keys(struct planner *p, const struct place *at, uint64_t other)
{
    char space[2][24];
    const struct dataset_array *a = p->rows;
    return place_fail(at, p->d,
                      "keys have different rows: %.60s %" PRIu64 ", %.60s %" PRIu64
                      " (%s); name a calendar that they share with on: ARRAY, or pack them equally long",
                      dataset_key_name(p->ds, 0, space[0]), rows_of_key(p, a, 0),
                      dataset_key_name(p->ds, other, space[1]), rows_of_key(p, a, other), p->out->split.row_axis);
}

/* An array must be one dataset's, and what the keys cut the first one's. */
static int check_source(struct planner *p, const struct plan_array *want, const struct dataset_array *a, uint32_t which)
{
    if (sources_clash(p->all, want->name))
        return place_fail(sweepfile_at(p->f, "data"), p->d,
                          "two of the datasets have an array %s; pack one of them under another name", want->name);
    if (which > 0 && is_cut(p, a))
        return place_fail(sweepfile_at(p->f, "data"), p->d,
                          "%s is partitioned, but keys are those of the first dataset; pack both into one", want->name);
    return 0;
}

static int check_arrays(struct planner *p)
{
    const struct dataset_array *first = NULL;
    p->out->split.row_axis = "";
    for (uint32_t i = 0; i < p->plugin->n_arrays; i++) {
        const struct plan_array *want = &p->plugin->arrays[i];
        uint32_t which = 0;
        const struct dataset_array *have = sources_find(p->all, want->name, &which);
        if (have == NULL && want->required)
            return missing_array(p, want);
        int err = have != NULL ? check_source(p, want, have, which) : 0;
        if (err == 0 && have != NULL)
            err = check_type(p, want, have);
        if (err == 0 && have != NULL && want->row_axis[0] != '\0')
            err = check_rows(p, want, have, &first);
        if (err != 0)
            return err;
    }
    p->rows = first;
    return 0;
}

static int too_few_rows(struct planner *p, const char *field)
{
    const struct plan_split *s = &p->out->split;
    const struct place *at = sweepfile_at(p->f, field);
    if (s->kind == SPLIT_K_FOLD)
        return place_fail(at, p->d, "%" PRIu64 " folds do not fit: the data has %" PRIu64 " rows (%s); make k smaller",
                          s->k, s->n_rows, s->row_axis);
    return place_fail(at, p->d,
                      "no window fits: train %" PRIu64 " + gap %" PRIu64 " + test %" PRIu64 " = %" PRIu64
                      " rows, the data has %" PRIu64 " (%s); make them smaller",
                      s->train, s->gap, s->test, s->train + s->gap + s->test, s->n_rows, s->row_axis);
}

static void read_walk_forward(struct planner *p)
{
    const struct ynode *n = ynode_find(p->f->root, "split.walk_forward");
    struct plan_split *s = &p->out->split;
    s->kind = SPLIT_WALK_FORWARD;
    s->train = (uint64_t)sweepschema_int(n, "train", 0);
    s->test = (uint64_t)sweepschema_int(n, "test", 0);
    s->step = (uint64_t)sweepschema_int(n, "step", (int64_t)s->test);
    s->gap = (uint64_t)sweepschema_int(n, "gap", 0);
    s->anchored = sweepschema_bool(n, "anchored", false);
}

static int check_strata(struct planner *p, const struct ynode *name)
{
    uint32_t which = 0;
    const struct dataset_array *a = sources_find(p->all, name->value.text, &which);
    struct suggest near;
    suggest_begin(&near, name->value.text);
    for (uint32_t i = 0; i < sources_count(p->all); i++)
        suggest_offer(&near, sources_at(p->all, i)->name);
    if (a != NULL && sources_step(&p->all->at[which], sources_position(&p->all->at[which], a)) != 0)
        return place_fail(
            &name->at, p->d,
            "%.80s cannot stratify: it is another one for each trial of %s, and folds are the same; name another array",
            name->value.text, p->all->at[which].along);
    if (a == NULL)
        return place_fail(&name->at, p->d, "the data has no array %.80s; %s", name->value.text, suggest_advice(&near));
    if (is_cut(p, a))
        return place_fail(
            &name->at, p->d,
            "%.80s cannot stratify: it is cut by the keys, and folds are the same for all keys; name another array",
            name->value.text);
    if (a->view.rank != 1 || a->view.shape[0] != p->out->split.n_rows)
        return place_fail(&name->at, p->d,
                          "%.80s cannot stratify: it must have one axis of %" PRIu64 " rows (%s); name another array",
                          name->value.text, p->out->split.n_rows, p->out->split.row_axis);
    if (a->view.dtype == SHEAF_DT_F32 || a->view.dtype == SHEAF_DT_F64)
        return place_fail(&name->at, p->d,
                          "%.80s cannot stratify: it holds floats; name an array of ints, bools or texts",
                          name->value.text);
    p->out->split.stratify = a->name;
    return 0;
}

static int read_k_fold(struct planner *p)
{
    const struct ynode *n = ynode_find(p->f->root, "split.k_fold");
    struct plan_split *s = &p->out->split;
    s->kind = SPLIT_K_FOLD;
    s->k = (uint64_t)sweepschema_int(n, "k", 0);
    s->shuffle = sweepschema_bool(n, "shuffle", false);
    const struct ynode *strata = ynode_get(n, "stratify");
    return strata != NULL ? check_strata(p, strata) : 0;
}

/* No array of the data has the axis that splits cut. */
static int nothing_to_split(struct planner *p, const struct place *at)
{
    for (uint32_t i = 0; p->all->n > 0 && i < p->plugin->n_arrays; i++)
        if (p->plugin->arrays[i].row_axis[0] != '\0')
            return place_fail(
                at, p->d, "nothing to split: the data has no array %s, whose rows %s cuts; pack it, or remove split",
                p->plugin->arrays[i].name, p->plugin->name);
    return place_fail(at, p->d, "nothing to split: %s; remove split",
                      p->ds == NULL ? "the sweep has no data" : "the plugin names no row axis");
}

static int read_split(struct planner *p)
{
    struct plan_split *s = &p->out->split;
    const struct ynode *node = ynode_get(p->f->root, "split");
    s->kind = SPLIT_NONE;
    s->stratify = s->on = s->order = "";
    p->out->splits = 1;
    uint64_t other = 0;
    if (s->keyed)
        s->n_rows = count_key_rows(p, p->rows, &other);
    int err = 0;
    if (node == NULL)
        return 0;
    if (s->row_axis[0] == '\0')
        return nothing_to_split(p, &node->at);
    if (ynode_get(node, "on") != NULL && (err = sweepcalendar_resolve(p, ynode_get(node, "on"))) != 0)
        return err;
    if (s->keyed && s->on[0] == '\0' && other < p->out->keys)
        return uneven_keys(p, &node->at, other);
    bool walk = ynode_get(node, "walk_forward") != NULL;
    if (walk)
        read_walk_forward(p);
    else
        err = read_k_fold(p);
    if (err != 0)
        return err;
    p->out->splits = split_count(s);
    return p->out->splits > 0 ? 0 : too_few_rows(p, walk ? "split.walk_forward" : "split.k_fold");
}

int sweepdata_resolve(struct planner *p)
{
    int err = check_arrays(p);
    return err != 0 ? err : read_split(p);
}
