/* SPDX-License-Identifier: MIT
 *
 * slotopen: what a slot does before it is ready: decodes the plan, opens the dataset and the plugin, makes sure that both
 * are still what the sweep began with.
 */
#include "worker/pluginfind.h"
#include "worker/pluginhost.h"
#include "worker/slot_impl.h"
#include "worker/slotfiles.h"
#include "worker/slotio.h"
#include "worker/slotoutput.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
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

static int open_one(struct slot *s, const struct plan_data *from, struct diag *d)
{
    struct dataset *ds;
    int rc = dataset_open(from->path, &ds, d);
    if (rc)
        return rc;
    if (from->digest.len == HASH_BYTES && memcmp(dataset_digest(ds), from->digest.data, HASH_BYTES) != 0)
        return diag_fail(
            d, SHEAF_ECORRUPT,
            "dataset %s: it has changed since the sweep began; run the sweep again, or put the old file back",
            from->path);
    struct source source = {.ds = ds, .path = from->path, .along = from->along[0] ? from->along : NULL};
    s->data = s->data ? s->data : ds;
    s->has_trials = s->has_trials || source.along;
    return sources_add(&s->sources, &source, &s->arena, d);
}

static int open_data(struct slot *s, struct diag *d)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < s->plan.n_data; i++) {
        rc = open_one(s, &s->plan.data[i], d);
        if (!rc && s->sources.at[i].trials != s->plan.data[i].trials) /* the plan comes from a broker */
            return diag_fail(d, SHEAF_ECORRUPT, "the plan has other trials of %s than the file", s->plan.data[i].path);
    }
    return rc;
}

static int make_views(struct slot *s, struct diag *d)
{
    const struct plan_plugin *p = &s->plan.plugin;
    int rc = keyview_init(&s->keyview, p, &s->sources, s->plan.key_axis.kind == KEYS_COLUMN, &s->arena);
    s->scores = arena_alloc(&s->arena, (p->n_scores + 1) * sizeof *s->scores);
    s->nans = arena_alloc(&s->arena, (p->n_scores + 1) * sizeof *s->nans);
    if (rc || !s->scores || !s->nans)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < p->n_scores; i++)
        s->nans[i] = (double)NAN;
    return 0;
}

/* The first array with the row axis, cut to the key; there is one when the rows are cut by keys. */
static const struct sheaf_view *row_view(const struct slot *s)
{
    for (uint32_t i = 0; i < s->plan.plugin.n_arrays; i++)
        if (s->keyview.views[i] && s->plan.plugin.arrays[i].row_axis[0])
            return s->keyview.views[i];
    return NULL;
}

static void set_all_rows(struct slot *s, uint64_t n)
{
    s->all_rows = (struct sheaf_range){0, n};
    s->task.test = (struct sheaf_rows){.n = n, .ranges = &s->all_rows, .n_ranges = n > 0 ? 1 : 0};
}

/* All of a key but its kind. */
static void tell_key(const struct slot *s, uint64_t index, struct sheaf_key *k)
{
    const struct plan_key_axis *axis = &s->plan.key_axis;
    k->index = index;
    if (axis->kind == KEYS_RANGE) {
        k->i = (int64_t)((uint64_t)axis->from + index);
    } else if (axis->kind == KEYS_FILES) {
        char none[KEYNAMES_NUMBER];
        k->text = keynames_text(&s->keynames, index, none);
    } else if (axis->kind == KEYS_COLUMN) {
        k->text = dataset_key_text(s->data, index);
        k->i = dataset_key_int(s->data, index);
    }
}

void slot_enter_key(struct slot *s, uint64_t key)
{
    tell_key(s, key, &s->task.key);
    if (s->plan.key_axis.kind != KEYS_COLUMN)
        return;
    keyview_enter(&s->keyview, key);
    if (s->calendar)
        calendar_enter(s->calendar, key);
    if (s->plan.split.keyed && !s->splitter)
        set_all_rows(s, row_view(s)->shape[0]);
}

static const struct slot *slot_of(const struct sheaf_host *host)
{
    return (const struct slot *)(const void *)((const char *)host->self - offsetof(struct slot, host));
}

static uint64_t count_keys(const struct sheaf_host *host)
{
    return slot_of(host)->plan.keys;
}

static bool key_at(const struct sheaf_host *host, uint64_t index, struct sheaf_key *out)
{
    const struct slot *s = slot_of(host);
    if (index >= s->plan.keys)
        return false;
    *out = (struct sheaf_key){.kind = s->task.key.kind};
    tell_key(s, index, out);
    return true;
}

static const struct sheaf_keys keys_table = {.struct_size = sizeof keys_table, .count = count_keys, .key = key_at};

void slot_enter_split(struct slot *s, uint64_t split)
{
    struct sheaf_rows *train = &s->task.train, *test = &s->task.test;
    splitter_rows(s->splitter, split, train, test);
    if (!s->calendar)
        return;
    *train = calendar_rows(s->calendar, train, 0);
    *test = calendar_rows(s->calendar, test, 1);
    s->no_rows = train->n == 0 || test->n == 0;
}

static uint32_t key_kind(const struct slot *s)
{
    switch (s->plan.key_axis.kind) {
    case KEYS_NONE:
        return SHEAF_KEY_NONE;
    case KEYS_RANGE:
        return SHEAF_KEY_INT;
    case KEYS_FILES:
        return SHEAF_KEY_PATH;
    default:
        return dataset_key_dtype(s->data) == SHEAF_DT_CODE ? SHEAF_KEY_TEXT : SHEAF_KEY_INT;
    }
}

/* The plan comes from a broker, and may speak of keys or rows that the data does not have. */
static int check_keys(const struct slot *s, struct diag *d)
{
    const struct plan *p = &s->plan;
    if (p->key_axis.kind == KEYS_COLUMN && (!s->data || dataset_keys(s->data) != p->keys))
        return diag_fail(d, SHEAF_ECORRUPT, "the plan has %" PRIu64 " keys and the dataset %" PRIu64, p->keys,
                         s->data ? dataset_keys(s->data) : 0);
    if (p->split.keyed && !row_view(s))
        return diag_fail(d, SHEAF_ECORRUPT, "the plan has rows of keys and the dataset no array for them");
    return 0;
}

static int make_space(struct slot *s, struct diag *d)
{
    const struct plan *p = &s->plan;
    s->space = space_create(p, d);
    if (!s->space)
        return SHEAF_EINVAL;
    if (check_keys(s, d))
        return SHEAF_ECORRUPT;
    if (keynames_init(&s->keynames, p))
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    s->task = (struct sheaf_task){.views = s->keyview.views,
                                  .key = {.kind = key_kind(s)},
                                  .row_axis = p->split.row_axis[0] ? p->split.row_axis : NULL};
    set_all_rows(s, p->split.n_rows);
    if (p->split.kind == SPLIT_NONE)
        return 0;
    const struct dataset_array *strata =
        p->split.stratify[0] ? sources_find(&s->sources, p->split.stratify, NULL) : NULL;
    if (p->split.on[0] && !(s->calendar = calendar_create(&p->split, s->data, &s->arena, d)))
        return SHEAF_EINVAL;
    s->splitter = splitter_create(p, strata ? &strata->view : NULL, d);
    return s->splitter ? 0 : SHEAF_EINVAL;
}

static int check_plugin(const struct plan_plugin *p, const uint8_t digest[HASH_BYTES], struct diag *d)
{
    if (p->digest.len == HASH_BYTES && memcmp(digest, p->digest.data, HASH_BYTES) == 0)
        return 0;
    return diag_fail(d, SHEAF_ECORRUPT,
                     "plugin %s: it has changed since the sweep began; run the sweep again, or put the old file back",
                     plugin_label(p->path, p->script));
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

int slot_open_plugin(struct slot *s, struct diag *d)
{
    s->dataset = (struct sheaf_dataset){.views = s->keyview.whole, .n_views = s->plan.plugin.n_arrays};
    int32_t status = s->plugin->open(&s->host.host, s->plan.plugin.config, &s->dataset, &s->plugin_state);
    if (status != SHEAF_OK_STATUS)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: open failed: %s",
                         plugin_label(s->plan.plugin.path, s->plan.plugin.script),
                         s->host.reason[0] ? s->host.reason : "it gave no reason (host->fail)");
    s->opened = true;
    return 0;
}

int slot_open_axes(struct slot *s, struct diag *d)
{
    int rc = open_data(s, d);
    rc = rc ? rc : make_views(s, d);
    return rc ? rc : make_space(s, d);
}

int slot_open(struct slot *s, const void *plan_bytes, size_t plan_len, struct diag *d)
{
    arena_init(&s->arena, 0);
    int rc = plan_decode(plan_bytes, plan_len, &s->arena, &s->plan, d);
    if (rc)
        return rc;
    set_limits(&s->plan);
    slothost_init(&s->host, &s->link, s->plan.plugin.n_group_values);
    s->host.drops_groups = s->plan.keep_best > 0;
    s->host.keys = &keys_table;
    slotio_init(&s->host);
    rc = slot_open_axes(s, d);
    rc = rc ? rc : pluginhost_script(&s->plan.plugin, &s->arena, &s->host.script, d);
    rc = rc ? rc : slotoutput_open(&s->plan, &s->host.output, d);
    rc = rc ? rc : slotfiles_open(&s->plan, &s->host.files, d);
    rc = rc ? rc : load_plugin(s, d);
    if (!rc && !s->has_trials)
        rc = slot_open_plugin(s, d);
    slotio_flush();
    slothost_end_call(&s->host, false);
    return rc;
}
