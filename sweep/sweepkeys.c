/* SPDX-License-Identifier: MIT
 *
 * sweepkeys: the axis of keys: the partitions of the dataset, integers, or files.
 */
#include "sweep/sweepplan.h"

#include "data/dataset.h"
#include "sweep/sweepschema.h"

#include <inttypes.h>
#include <string.h>

static int too_many_names(const struct planner *p, const struct place *at)
{
    return place_fail(at, p->d, "the names of %" PRIu64 " keys take over %" PRIu64 " MiB; make fewer or shorter ones",
                      p->out->keys, PLAN_MAX_KEY_NAMES >> 20);
}

/* Room for all names; the caller fills it. */
static char *room_for_names(struct planner *p, const struct place *at, uint64_t bytes, int *err)
{
    char *names = NULL;
    if (bytes > PLAN_MAX_KEY_NAMES)
        *err = too_many_names(p, at);
    else if ((names = arena_alloc(p->arena, (size_t)bytes)) == NULL)
        *err = sweepplan_no_memory(p);
    p->out->key_axis.names = (struct slice){names, (size_t)bytes};
    return names;
}

static int name_partitions(struct planner *p, const struct place *at)
{
    char space[24];
    uint64_t bytes = 0;
    int err = 0;
    for (uint64_t k = 0; k < p->out->keys; k++)
        bytes += strlen(dataset_key_name(p->ds, k, space)) + 1;
    char *to = room_for_names(p, at, bytes, &err);
    for (uint64_t k = 0; to != NULL && k < p->out->keys; k++) {
        const char *name = dataset_key_name(p->ds, k, space);
        size_t n = strlen(name) + 1;
        memcpy(to, name, n);
        to += n;
    }
    return err;
}

static int resolve_column(struct planner *p, const struct ynode *n)
{
    struct plan *out = p->out;
    const char *column = n->value.text, *have = p->ds != NULL ? dataset_key_column(p->ds) : "";
    if (p->ds == NULL)
        return place_fail(&n->at, p->d,
                          "keys: %.80s is a column of the data, but the sweep has none; add data: FILE.sheaf", column);
    if (have[0] == '\0')
        return place_fail(&n->at, p->d, "the data is not partitioned; pack it with `sheaf pack --key %.80s`", column);
    if (strcmp(have, column) != 0)
        return place_fail(
            &n->at, p->d,
            "the data is partitioned by %.80s, not by %.80s; write keys: %.80s, or pack it with --key %.80s", have,
            column, have, column);
    if (dataset_keys(p->ds) == 0)
        return place_fail(&n->at, p->d, "the data has no keys: its column %.80s has no rows; pack it with some",
                          column);
    out->key_axis.kind = KEYS_COLUMN;
    out->key_axis.column = arena_text(p->arena, have, strlen(have));
    out->key_axis.dtype = dataset_key_dtype(p->ds);
    out->keys = dataset_keys(p->ds);
    return out->key_axis.column != NULL ? name_partitions(p, &n->at) : sweepplan_no_memory(p);
}

static void resolve_range(struct planner *p, const struct ynode *range)
{
    p->out->key_axis.kind = KEYS_RANGE;
    p->out->key_axis.from = range->first->value.i;
    p->out->keys = (uint64_t)range->last->value.i - (uint64_t)range->first->value.i;
}

int sweepkeys_resolve(struct planner *p)
{
    const struct ynode *n = ynode_get(p->f->root, "keys");
    p->out->keys = 1;
    p->out->key_axis = (struct plan_key_axis){.kind = KEYS_NONE, .column = ""};
    if (n == NULL)
        return 0;
    if (n->kind == YNODE_SCALAR)
        return resolve_column(p, n);
    if (ynode_get(n, "files") != NULL)
        return sweepfiles_resolve(p, ynode_get(n, "files"));
    resolve_range(p, ynode_get(n, "range"));
    return 0;
}
