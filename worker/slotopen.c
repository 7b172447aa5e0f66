/* SPDX-License-Identifier: MIT
 *
 * slotopen: what a slot does before it is ready: decodes the plan, opens the dataset and the plugin, makes sure that both
 * are still what the sweep began with.
 */
#include "worker/pluginhost.h"
#include "worker/slot_impl.h"
#include "worker/slotio.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>

static void set_limits(const struct plan *p)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    uint64_t mb = p->limits.memory_mb;
    if (mb == 0 || mb > (uint64_t)1 << 40)
        return;
    /* a backstop: the worker kills by what it sees, long before */
    rlim_t bytes = (rlim_t)((2 * mb + 256) << 20);
    struct rlimit data = {bytes, bytes};
    setrlimit(RLIMIT_DATA, &data);
}

static int open_data(struct slot *s, struct diag *d)
{
    const struct plan *p = &s->plan;
    if (!p->data_path[0])
        return 0;
    int rc = dataset_open(p->data_path, &s->data, d);
    if (rc)
        return rc;
    if (p->data_digest.len == HASH_BYTES && memcmp(dataset_digest(s->data), p->data_digest.data, HASH_BYTES) != 0)
        return diag_fail(
            d, SHEAF_ECORRUPT,
            "dataset %s: it has changed since the sweep began; run the sweep again, or put the old file back",
            p->data_path);
    return 0;
}

static int make_views(struct slot *s, struct diag *d)
{
    const struct plan_plugin *p = &s->plan.plugin;
    s->views = arena_alloc(&s->arena, (p->n_arrays + 1) * sizeof(const struct sheaf_view *));
    s->scores = arena_alloc(&s->arena, (p->n_scores + 1) * sizeof *s->scores);
    s->nans = arena_alloc(&s->arena, (p->n_scores + 1) * sizeof *s->nans);
    if (!s->views || !s->scores || !s->nans)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < p->n_scores; i++)
        s->nans[i] = (double)NAN;
    for (uint32_t i = 0; s->data && i < p->n_arrays; i++) {
        const struct dataset_array *a = dataset_find(s->data, p->arrays[i].name);
        s->views[i] = a ? &a->view : NULL;
    }
    return 0;
}

static int make_space(struct slot *s, struct diag *d)
{
    const struct plan *p = &s->plan;
    s->space = space_create(p, d);
    if (!s->space)
        return SHEAF_EINVAL;
    s->all_rows = (struct sheaf_range){0, p->split.n_rows};
    s->task = (struct sheaf_task){.views = s->views,
                                  .key = {.kind = SHEAF_KEY_NONE},
                                  .row_axis = p->split.row_axis[0] ? p->split.row_axis : NULL};
    s->task.test =
        (struct sheaf_rows){.n = p->split.n_rows, .ranges = &s->all_rows, .n_ranges = p->split.n_rows > 0 ? 1 : 0};
    if (p->split.kind == SPLIT_NONE)
        return 0;
    const struct dataset_array *strata =
        s->data && p->split.stratify[0] ? dataset_find(s->data, p->split.stratify) : NULL;
    s->splitter = splitter_create(p, strata ? &strata->view : NULL, d);
    return s->splitter ? 0 : SHEAF_EINVAL;
}

static int check_plugin(const struct plan_plugin *p, const uint8_t digest[HASH_BYTES], struct diag *d)
{
    if (p->digest.len == HASH_BYTES && memcmp(digest, p->digest.data, HASH_BYTES) == 0)
        return 0;
    return diag_fail(d, SHEAF_ECORRUPT,
                     "plugin %s: it has changed since the sweep began; run the sweep again, or put the old file back",
                     p->path);
}

/* Its digest is asked twice: before a changed file is loaded, and with the identity that describe tells (a script's). */
static int load_plugin(struct slot *s, struct diag *d)
{
    const struct plan_plugin *p = &s->plan.plugin;
    uint8_t digest[HASH_BYTES];
    int rc = pluginhost_digest(p->path, p->identity, digest, d);
    rc = rc ? rc : check_plugin(p, digest, d);
    rc = rc ? rc : pluginhost_load(p->path, &s->plugin, d);
    if (rc)
        return rc;
    struct plan_plugin described;
    struct arena arena;
    arena_init(&arena, 0);
    rc = pluginhost_describe(s->plugin, &s->host.host, p->config, p->path, &arena, &described, d);
    rc = rc ? rc : check_plugin(p, described.digest.data, d);
    arena_finish(&arena);
    return rc;
}

static int open_plugin(struct slot *s, struct diag *d)
{
    struct sheaf_dataset *dataset = arena_alloc(&s->arena, sizeof *dataset);
    if (!dataset)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    *dataset = (struct sheaf_dataset){.views = s->views, .n_views = s->plan.plugin.n_arrays};
    int32_t status = s->plugin->open(&s->host.host, s->plan.plugin.config, dataset, &s->plugin_state);
    if (status != SHEAF_OK_STATUS)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: open failed: %s", s->plan.plugin.path,
                         s->host.reason[0] ? s->host.reason : "it gave no reason (host->fail)");
    return 0;
}

int slot_open(struct slot *s, const void *plan_bytes, size_t plan_len, struct diag *d)
{
    arena_init(&s->arena, 0);
    int rc = plan_decode(plan_bytes, plan_len, &s->arena, &s->plan, d);
    if (rc)
        return rc;
    set_limits(&s->plan);
    slothost_init(&s->host, &s->link, s->plan.plugin.n_group_values);
    slotio_init(&s->host);
    rc = open_data(s, d);
    rc = rc ? rc : make_views(s, d);
    rc = rc ? rc : make_space(s, d);
    rc = rc ? rc : load_plugin(s, d);
    rc = rc ? rc : open_plugin(s, d);
    slotio_flush();
    slothost_end_call(&s->host, false);
    return rc;
}
