/* SPDX-License-Identifier: MIT
 *
 * keeper: see keeper.h. An entry is a name and size in a group; its memory is new for every builder, so that nobody
 * meets what a dead one left behind.
 */
#include "worker/keeper.h"
#include "common/hash.h"
#include "common/list.h"
#include "worker/memfile.h"
#include "common/procinfo.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY UINT32_MAX

struct entry {
    struct list node;
    uint8_t group[HASH_BYTES];
    uint64_t size;
    struct memfile memory;
    uint32_t builder; /* NOBODY: finished, or nobody is at it */
    bool ready;
    char name[KEEPER_MAX_NAME + 1];
};

struct member {
    bool alive;
    uint8_t plan[HASH_BYTES];  /* plugin, config and datasets */
    uint8_t group[HASH_BYTES]; /* and the scope */
    struct entry *waits;       /* for this entry; first come, first served by `since` */
    uint64_t since;
};

struct keeper {
    struct list entries;
    uint32_t n_slots;
    uint64_t clock; /* counts the askers */
    keeper_send_fn send;
    void *ctx;
    struct member members[];
};

struct keeper *keeper_create(uint32_t n_slots, keeper_send_fn send, void *ctx)
{
    struct keeper *k = calloc(1, sizeof *k + n_slots * sizeof k->members[0]);
    if (!k)
        return NULL;
    list_init(&k->entries);
    k->n_slots = n_slots;
    k->send = send;
    k->ctx = ctx;
    return k;
}

static void entry_destroy(struct entry *e)
{
    list_remove(&e->node);
    memfile_close(&e->memory);
    free(e);
}

void keeper_destroy(struct keeper *k)
{
    if (!k)
        return;
    list_each(it, after, &k->entries) entry_destroy(list_entry(it, struct entry, node));
    free(k);
}

static void group_of(const struct plan *plan, uint8_t out[HASH_BYTES])
{
    hash_state h;
    hash_begin(&h);
    hash_update(&h, plan->plugin.digest.data, plan->plugin.digest.len);
    hash_update(&h, plan->plugin.config, strlen(plan->plugin.config) + 1);
    for (uint32_t i = 0; i < plan->n_data; i++) {
        uint8_t whole = plan->data[i].along[0] == '\0'; /* or one trial of it */
        hash_update(&h, plan->data[i].digest.data, plan->data[i].digest.len);
        hash_update(&h, &whole, sizeof whole);
    }
    hash_update(&h, plan->key_axis.digest.data, plan->key_axis.digest.len); /* of files */
    hash_end(&h, out);
}

static bool group_alive(const struct keeper *k, const uint8_t group[HASH_BYTES])
{
    for (uint32_t i = 0; i < k->n_slots; i++)
        if (k->members[i].alive && memcmp(k->members[i].group, group, HASH_BYTES) == 0)
            return true;
    return false;
}

/* The slot is of a group; what no slot's group has goes. */
static void enter_group(struct keeper *k, uint32_t slot, const uint8_t group[HASH_BYTES])
{
    struct member *m = &k->members[slot];
    m->alive = true;
    memcpy(m->group, group, HASH_BYTES);
    list_each(it, after, &k->entries)
    {
        struct entry *e = list_entry(it, struct entry, node);
        if (!group_alive(k, e->group))
            entry_destroy(e);
    }
}

void keeper_join(struct keeper *k, uint32_t slot, const struct plan *plan)
{
    struct member *m = &k->members[slot];
    *m = (struct member){.alive = false};
    group_of(plan, m->plan);
    enter_group(k, slot, m->plan);
}

static struct entry *entry_find(struct keeper *k, const uint8_t group[HASH_BYTES], const char *name, uint32_t *count)
{
    *count = 0;
    list_each(it, after, &k->entries)
    {
        struct entry *e = list_entry(it, struct entry, node);
        if (memcmp(e->group, group, HASH_BYTES) != 0)
            continue;
        (*count)++;
        if (strcmp(e->name, name) == 0)
            return e;
    }
    return NULL;
}

static struct entry *entry_create(struct keeper *k, const uint8_t group[HASH_BYTES], const char *name, uint64_t size)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    memcpy(e->group, group, HASH_BYTES);
    memcpy(e->name, name, strlen(name) + 1);
    e->size = size;
    e->memory = (struct memfile)MEMFILE_NONE;
    e->builder = NOBODY;
    list_append(&k->entries, &e->node);
    return e;
}

/* A memfd is bounded by nothing but the out-of-memory killer, so it is compared with what there is. */
static int reserve(struct entry *e, struct diag *d)
{
    uint64_t have = procinfo_available_bytes();
    if (e->size > have)
        return diag_fail(d, SHEAF_ENOSPC, "cache %s: it needs %llu bytes, and %llu are free", e->name,
                         (unsigned long long)e->size, (unsigned long long)have);
    return memfile_create(&e->memory, e->size ? e->size : 1, d);
}

static void let_build(struct keeper *k, struct entry *e, uint32_t slot)
{
    struct diag d = {{0}};
    k->members[slot].waits = NULL;
    if (reserve(e, &d) != 0) {
        k->send(k->ctx, slot, SLOT_NO_CACHE, -1, d.text);
        return;
    }
    e->builder = slot;
    k->send(k->ctx, slot, SLOT_BUILD, e->memory.rw, NULL);
}

/* Nobody is building: the one who has waited longest does, and when there is no memory even for that, the next. */
static void pass_on(struct keeper *k, struct entry *e)
{
    while (e->builder == NOBODY && !e->ready) {
        uint32_t first = NOBODY;
        for (uint32_t i = 0; i < k->n_slots; i++)
            if (k->members[i].waits == e && (first == NOBODY || k->members[i].since < k->members[first].since))
                first = i;
        if (first == NOBODY)
            return;
        let_build(k, e, first);
    }
}

void keeper_ask(struct keeper *k, uint32_t slot, const char *name, uint64_t size)
{
    struct member *m = &k->members[slot];
    uint32_t count;
    if (!m->alive || m->waits || strlen(name) > KEEPER_MAX_NAME)
        return;
    struct entry *e = entry_find(k, m->group, name, &count);
    if (!e && count < KEEPER_MAX_CACHES)
        e = entry_create(k, m->group, name, size);
    if (!e) {
        k->send(k->ctx, slot, SLOT_NO_CACHE, -1, "cache: too many caches");
    } else if (e->size != size) {
        k->send(k->ctx, slot, SLOT_NO_CACHE, -1, "cache: the same name was used with another size");
    } else if (e->ready) {
        k->send(k->ctx, slot, SLOT_CACHE, e->memory.ro, NULL);
    } else {
        m->waits = e;
        m->since = ++k->clock;
        pass_on(k, e);
    }
}

static struct entry *entry_of_builder(struct keeper *k, uint32_t slot)
{
    list_each(it, after, &k->entries)
    {
        struct entry *e = list_entry(it, struct entry, node);
        if (e->builder == slot)
            return e;
    }
    return NULL;
}

static void give_up(struct keeper *k, struct entry *e)
{
    e->builder = NOBODY;
    memfile_close(&e->memory);
    pass_on(k, e);
}

void keeper_built(struct keeper *k, uint32_t slot, bool ok)
{
    struct entry *e = entry_of_builder(k, slot);
    if (!e)
        return;
    if (!ok) {
        give_up(k, e);
        return;
    }
    if (memfile_seal(&e->memory) != 0) {
        k->send(k->ctx, slot, SLOT_NO_CACHE, -1, "cache: its memory is still mapped for writing after the build");
        give_up(k, e);
        return;
    }
    e->builder = NOBODY;
    e->ready = true;
    k->send(k->ctx, slot, SLOT_CACHE, e->memory.ro, NULL);
    for (uint32_t i = 0; i < k->n_slots; i++) {
        if (k->members[i].waits != e)
            continue;
        k->members[i].waits = NULL;
        k->send(k->ctx, i, SLOT_CACHE, e->memory.ro, NULL);
    }
}

void keeper_leave(struct keeper *k, uint32_t slot)
{
    k->members[slot].alive = false;
    k->members[slot].waits = NULL;
    struct entry *e = entry_of_builder(k, slot);
    if (e)
        give_up(k, e);
}

void keeper_scope(struct keeper *k, uint32_t slot, uint64_t scope)
{
    struct member *m = &k->members[slot];
    if (!m->alive)
        return;
    uint8_t group[HASH_BYTES];
    hash_state h;
    hash_begin(&h);
    hash_update(&h, m->plan, HASH_BYTES);
    hash_update(&h, &scope, sizeof scope);
    hash_end(&h, group);
    if (scope == 0)
        memcpy(group, m->plan, HASH_BYTES);
    keeper_leave(k, slot); /* a slot that asks or builds does not say this, but it runs foreign code */
    enter_group(k, slot, group);
}
