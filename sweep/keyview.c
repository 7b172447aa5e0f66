/* SPDX-License-Identifier: MIT */
#include "sweep/keyview.h"

static void add_cut(struct keyview *v, uint32_t i, const struct dataset_array *a)
{
    v->cut[v->n_cut] = a->view;
    v->from[v->n_cut] = a;
    v->views[i] = &v->cut[v->n_cut];
    v->n_cut++;
}

int keyview_init(struct keyview *v, const struct plan_plugin *plugin, const struct dataset *ds, bool keyed,
                 struct arena *arena)
{
    size_t n = (size_t)plugin->n_arrays + 1;
    *v = (struct keyview){.ds = ds,
                          .whole = arena_alloc(arena, n * sizeof(const struct sheaf_view *)),
                          .views = arena_alloc(arena, n * sizeof(const struct sheaf_view *)),
                          .folded = arena_alloc(arena, n * sizeof(struct sheaf_view)),
                          .cut = arena_alloc(arena, n * sizeof(struct sheaf_view)),
                          .from = arena_alloc(arena, n * sizeof(const struct dataset_array *))};
    if (v->whole == NULL || v->views == NULL || v->folded == NULL || v->cut == NULL || v->from == NULL)
        return SHEAF_ENOMEM;
    for (uint32_t i = 0; ds != NULL && i < plugin->n_arrays; i++) {
        const struct dataset_array *a = dataset_find(ds, plugin->arrays[i].name);
        if (a != NULL)
            v->folded[i] = dataset_view(a, plugin->arrays[i].rank);
        v->whole[i] = v->views[i] = a != NULL ? &v->folded[i] : NULL;
        if (a != NULL && a->partitioned && keyed)
            add_cut(v, i, a);
    }
    return 0;
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
