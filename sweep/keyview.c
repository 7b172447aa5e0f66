/* SPDX-License-Identifier: MIT */
#include "sweep/keyview.h"

static void add_cut(struct keyview *v, uint32_t i, const struct dataset_array *a)
{
    v->cut[v->n_cut] = a->view;
    v->from[v->n_cut] = a;
    v->views[i] = &v->cut[v->n_cut];
    v->n_cut++;
}

static void add_moved(struct keyview *v, uint32_t i, uint32_t which, int64_t step)
{
    v->moved[v->n_moved++] = (struct keyview_moved){&v->folded[i], v->folded[i].data, step, which};
}

static void add(struct keyview *v, uint32_t i, const struct plan_array *want, const struct sources *all, bool keyed)
{
    uint32_t which = 0;
    const struct dataset_array *a = sources_find(all, want->name, &which);
    v->whole[i] = v->views[i] = a != NULL ? &v->folded[i] : NULL;
    if (a == NULL)
        return;
    const struct source *s = &all->at[which];
    int64_t step = sources_step(s, sources_position(s, a));
    v->folded[i] = dataset_view(a, want->rank);
    if (step != 0)
        add_moved(v, i, which, step);
    else if (a->partitioned && keyed && which == 0)
        add_cut(v, i, a);
}

int keyview_init(struct keyview *v, const struct plan_plugin *plugin, const struct sources *all, bool keyed,
                 struct arena *arena)
{
    size_t n = (size_t)plugin->n_arrays + 1;
    *v = (struct keyview){.ds = sources_first(all),
                          .whole = arena_alloc(arena, n * sizeof(const struct sheaf_view *)),
                          .views = arena_alloc(arena, n * sizeof(const struct sheaf_view *)),
                          .folded = arena_alloc(arena, n * sizeof(struct sheaf_view)),
                          .cut = arena_alloc(arena, n * sizeof(struct sheaf_view)),
                          .from = arena_alloc(arena, n * sizeof(const struct dataset_array *)),
                          .moved = arena_alloc(arena, n * sizeof(struct keyview_moved))};
    if (v->whole == NULL || v->views == NULL || v->folded == NULL || v->cut == NULL || v->from == NULL ||
        v->moved == NULL)
        return SHEAF_ENOMEM;
    for (uint32_t i = 0; i < plugin->n_arrays; i++)
        add(v, i, &plugin->arrays[i], all, keyed);
    return 0;
}

void keyview_go_along(struct keyview *v, uint32_t source, uint64_t trial)
{
    for (uint32_t i = 0; i < v->n_moved; i++)
        if (v->moved[i].source == source)
            v->moved[i].view->data = v->moved[i].first + (int64_t)trial * v->moved[i].step;
}

void keyview_enter(struct keyview *v, uint64_t key)
{
    for (uint32_t i = 0; i < v->n_cut; i++) {
        uint64_t from, to;
        dataset_key_rows(v->ds, v->from[i], key, &from, &to);
        v->cut[i].shape[0] = to - from;
        v->cut[i].data = (const char *)v->from[i]->view.data + (int64_t)from * v->cut[i].strides[0];
    }
}
