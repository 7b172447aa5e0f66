/* SPDX-License-Identifier: MIT */
#include "sweep/sources.h"

#include <string.h>

#define OUTPUT_RANK 3u /* the axes trial, key and split, in front of those of a row */

struct sources sources_one(const struct dataset *ds, const char *path)
{
    struct sources all = {.n = ds != NULL};
    all.at[0] = (struct source){.ds = ds, .path = path};
    return all;
}

/* Outputs have no dot in their names, what is told of trials and keys has one. */
static bool has_trials(const struct source *s, const struct dataset_array *a)
{
    return a->view.rank >= OUTPUT_RANK && a->view.shape[0] == s->trials && strchr(a->name, '.') == NULL;
}

static void drop_trials(struct sheaf_view *v)
{
    v->rank--;
    memmove(v->shape, v->shape + 1, v->rank * sizeof v->shape[0]);
    memmove(v->strides, v->strides + 1, v->rank * sizeof v->strides[0]);
    v->shape[v->rank] = 0;
    v->strides[v->rank] = 0;
}

/* Its arrays as trial 0 has filled them. */
static int cut(struct source *s, struct arena *arena, struct diag *d)
{
    const struct dataset_array *run = dataset_find(s->ds, SOURCES_TRIALS);
    uint32_t n = dataset_count(s->ds);
    if (run == NULL || run->view.dtype != SHEAF_DT_BOOL || run->view.rank != 1 || run->view.shape[0] == 0)
        return diag_fail(d, SHEAF_EINVAL,
                         "%s is not what a sweep has made (it has no array " SOURCES_TRIALS
                         "), so that it has no trials; remove along, or name an output file",
                         s->path);
    s->trials = run->view.shape[0];
    s->arrays = arena_alloc(arena, n * sizeof *s->arrays);
    if (s->arrays == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        s->arrays[i] = *dataset_at(s->ds, i);
        if (has_trials(s, &s->arrays[i]))
            drop_trials(&s->arrays[i].view);
    }
    return 0;
}

int sources_add(struct sources *all, const struct source *s, struct arena *arena, struct diag *d)
{
    SHEAF_ASSERT(all->n < PLAN_MAX_DATA);
    struct source *to = &all->at[all->n];
    *to = *s;
    int err = s->along != NULL ? cut(to, arena, d) : 0;
    if (err == 0)
        all->n++;
    return err;
}

const struct dataset *sources_first(const struct sources *all)
{
    return all->n > 0 ? all->at[0].ds : NULL;
}

static const struct dataset_array *seen(const struct source *s, const struct dataset_array *a)
{
    return s->arrays != NULL ? &s->arrays[a - dataset_at(s->ds, 0)] : a;
}

const struct dataset_array *sources_find(const struct sources *all, const char *name, uint32_t *which)
{
    for (uint32_t i = 0; i < all->n; i++) {
        const struct dataset_array *a = dataset_find(all->at[i].ds, name);
        if (a == NULL)
            continue;
        if (which != NULL)
            *which = i;
        return seen(&all->at[i], a);
    }
    return NULL;
}

static bool is_told(const char *name)
{
    return strncmp(name, "trial.", 6) == 0 || strcmp(name, SOURCES_TRIALS) == 0 || strcmp(name, "key.name") == 0;
}

bool sources_clash(const struct sources *all, const char *name)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < all->n; i++)
        n += dataset_find(all->at[i].ds, name) != NULL;
    return n > 1 && !is_told(name);
}

uint32_t sources_count(const struct sources *all)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < all->n; i++)
        n += dataset_count(all->at[i].ds);
    return n;
}

const struct dataset_array *sources_at(const struct sources *all, uint32_t i)
{
    uint32_t which = 0;
    for (; i >= dataset_count(all->at[which].ds); which++)
        i -= dataset_count(all->at[which].ds);
    return seen(&all->at[which], dataset_at(all->at[which].ds, i));
}

uint32_t sources_position(const struct source *s, const struct dataset_array *a)
{
    return (uint32_t)(a - (s->arrays != NULL ? s->arrays : dataset_at(s->ds, 0)));
}

int64_t sources_step(const struct source *s, uint32_t array)
{
    const struct dataset_array *whole = dataset_at(s->ds, array);
    return s->arrays != NULL && has_trials(s, whole) ? whole->view.strides[0] : 0;
}
