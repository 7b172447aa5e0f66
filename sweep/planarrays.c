/* SPDX-License-Identifier: MIT
 *
 * planarrays: see planarrays.h.
 */
#include "sweep/planarrays.h"

#include "sheaf/plugin.h"

#include <string.h>

static bool is_every(const struct plan_array *a)
{
    return strcmp(a->name, "*") == 0;
}

static bool is_named(const struct plan_plugin *p, const char *name)
{
    for (uint32_t i = 0; i < p->n_arrays; i++)
        if (strcmp(p->arrays[i].name, name) == 0)
            return true;
    return false;
}

/* How many rows do all arrays of the row axis have? 0 where they differ, or one has no axis. */
static uint64_t common_rows(const struct plan_plugin *p, const struct sources *all, const struct plan_array *every)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < sources_count(all); i++) {
        const struct dataset_array *a = sources_at(all, i);
        bool cut = !is_named(p, a->name);
        for (uint32_t j = 0; j < p->n_arrays && !cut; j++)
            cut = strcmp(p->arrays[j].name, a->name) == 0 && strcmp(p->arrays[j].row_axis, every->row_axis) == 0;
        if (!cut)
            continue;
        uint64_t n = a->view.rank > 0 ? a->view.shape[0] : 0;
        if (n == 0 || (rows > 0 && n != rows))
            return 0;
        rows = n;
    }
    return rows;
}

/* The arrays that stand for one "*". */
static uint32_t add_all(const struct plan_plugin *p, const struct sources *all, const struct plan_array *every,
                        struct plan_array *out)
{
    const char *row_axis = every->row_axis[0] && common_rows(p, all, every) > 0 ? every->row_axis : "";
    uint32_t n = 0;
    for (uint32_t i = 0; i < sources_count(all); i++) {
        const struct dataset_array *a = sources_at(all, i);
        if (is_named(p, a->name) || (sources_find(all, a->name, NULL) != a && !sources_clash(all, a->name)))
            continue;
        out[n] = *every;
        out[n].name = a->name;
        out[n++].row_axis = row_axis;
    }
    return n;
}

int planarrays_expand(struct plan_plugin *p, const struct sources *all, struct arena *arena, struct diag *d)
{
    if (!is_named(p, "*"))
        return 0;
    uint32_t have = sources_count(all), n = 0;
    if (have + p->n_arrays > PLAN_MAX_PARAMS)
        return diag_fail(
            d, SHEAF_EINVAL,
            "the data has %u arrays, and %s asks for all of them; it can have %u: name those that it wants", have,
            p->name, PLAN_MAX_PARAMS - p->n_arrays);
    struct plan_array *list = arena_alloc(arena, (have + p->n_arrays) * sizeof *list);
    if (!list)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < p->n_arrays; i++) {
        if (!is_every(&p->arrays[i]))
            list[n++] = p->arrays[i];
        else
            n += add_all(p, all, &p->arrays[i], list + n);
    }
    p->arrays = list;
    p->n_arrays = n;
    return 0;
}
