/* SPDX-License-Identifier: MIT
 *
 * crew: see crew.h. One thread; nothing here waits for a slot.
 */
#include "common/fsutil.h"
#include "common/log.h"
#include "worker/crew_impl.h"
#include "common/procinfo.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- to a slot ---- */

void crew_send(struct crew *c, uint32_t slot, const struct slotmsg *m, int fd, const char *text)
{
    struct crew_slot *s = &c->slots[slot];
    if (s->state != CREW_LIVE)
        return;
    /* SHEAF_EGONE: it has ended, and is told so soon. What a slot is sent between two of its own words fits any socket */
    if (slotmsg_send(s->sock, m, text, fd, false) == SHEAF_EBUSY)
        crewslot_break(c, slot, "it does not read its orders");
}

static void send_cache(void *ctx, uint32_t slot, enum slotmsg_type type, int fd, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    struct slotmsg m = {.type = type, .len = len < SLOTMSG_MAX ? (uint32_t)len : SLOTMSG_MAX};
    crew_send(ctx, slot, &m, fd, text);
}

/* A page has room for the ends of two chunks. One that was taken back whole counts until the slot is past the one before. */
void crew_advance(struct crew *c, uint32_t slot)
{
    struct crew_slot *s = &c->slots[slot];
    while (s->n_sent > 0 && s->done >= s->orders[0].end) {
        s->done -= s->orders[0].end;
        s->n_orders--;
        s->n_sent--;
        memmove(s->orders, s->orders + 1, s->n_orders * sizeof s->orders[0]);
    }
    while (s->n_sent < s->n_orders && s->n_sent < 2) {
        const struct crew_order *o = &s->orders[s->n_sent++];
        page_open_chunk(s->reader.page, o->chunk.seq, o->end);
        struct slotmsg m = {.type = SLOT_ORDER,
                            .seq = o->chunk.seq,
                            .count = o->end,
                            .first = o->chunk.first,
                            .attempt = o->chunk.attempt};
        crew_send(c, slot, &m, -1, NULL);
    }
}

static void refill_output(struct crew *c, uint32_t slot, int which)
{
    struct crew_pipe *p = &c->slots[slot].pipes[which];
    if (p->dropped > 0) {
        char line[64];
        int n = snprintf(line, sizeof line, "%llu bytes dropped\n", (unsigned long long)p->dropped);
        c->ev.output(c->ev.ctx, slot, which + 1, line, (size_t)n);
    }
    p->dropped = 0;
    p->left = CREW_OUTPUT;
}

/* ---- what the logic may ask ---- */

static int op_start(void *ctx, uint32_t slot, uint64_t sweep, struct slice plan_bytes, const struct plan *plan)
{
    struct crew *c = ctx;
    struct diag d = {{0}};
    (void)sweep;
    SHEAF_ASSERT(slot < c->n_slots && c->slots[slot].state == CREW_EMPTY);
    int rc = crewslot_start(c, slot, plan_bytes, plan, &d);
    if (rc && !c->cannot_start) /* once is enough: whoever asked will ask again */
        log_warn("no slot could be started: %s", d.text);
    c->cannot_start = rc != 0;
    return rc;
}

static void op_order(void *ctx, uint32_t slot, const struct chunk *chunk)
{
    struct crew *c = ctx;
    struct crew_slot *s = &c->slots[slot];
    if (s->state != CREW_LIVE)
        return; /* its death will be told */
    SHEAF_ASSERT(s->n_orders < CREW_ORDERS && chunk->count >= 1 && chunk->count <= s->reader.cap);
    refill_output(c, slot, 0);
    refill_output(c, slot, 1);
    s->orders[s->n_orders++] = (struct crew_order){*chunk, chunk->count};
    crew_advance(c, slot);
}

static uint32_t op_lower(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset, uint32_t count)
{
    struct crew *c = ctx;
    struct crew_slot *s = &c->slots[slot];
    uint32_t i = 0;
    while (i < s->n_orders && s->orders[i].chunk.seq != seq)
        i++;
    if (s->state != CREW_LIVE || i == s->n_orders || offset >= s->orders[i].end)
        return count;
    struct crew_order *o = &s->orders[i];
    uint32_t start = i < s->n_sent ? page_lower(s->reader.page, seq, offset, o->end) : offset;
    if (start >= o->end)
        return count;
    o->end = start;
    if (start == 0 && i >= s->n_sent) { /* the slot never hears of it */
        s->n_orders--;
        memmove(o, o + 1, (s->n_orders - i) * sizeof *o);
    }
    crew_advance(c, slot);
    return start;
}

static void op_stop(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset)
{
    struct crew *c = ctx;
    if (c->slots[slot].state == CREW_LIVE)
        atomic_store(&c->slots[slot].reader.page->stop.v, page_pack(seq, offset));
}

static void op_kill(void *ctx, uint32_t slot)
{
    crewslot_kill(ctx, slot);
}

static void op_retire(void *ctx, uint32_t slot)
{
    struct slotmsg m = {.type = SLOT_RETIRE};
    crew_send(ctx, slot, &m, -1, NULL);
}

static void op_sample(void *ctx, uint32_t slot, bool with_pss, struct slot_sample *out)
{
    struct crew *c = ctx;
    const struct crew_slot *s = &c->slots[slot];
    *out = (struct slot_sample){.state = PAGE_IDLE};
    if (s->state == CREW_EMPTY)
        return;
    struct page *p = s->reader.page;
    out->current = atomic_load(&p->current.v);
    out->state = (uint32_t)atomic_load(&p->state.v);
    out->plugin_ns = (int64_t)atomic_load(&p->plugin_ns.v);
    out->cpu_ns = s->cpu_ns;
    if (s->state != CREW_LIVE)
        return;
    out->memory_bytes = procinfo_private_bytes(s->pid);
    out->pss_bytes = with_pss ? procinfo_pss_bytes(s->pid) : 0;
    out->cpu_ns = procinfo_cpu_ns(s->pid);
}

const struct slot_ops *crew_ops(struct crew *c)
{
    return &c->ops;
}

/* ---- life ---- */

struct crew *crew_create(const char *exe, uint32_t n_slots, const struct crew_events *ev, struct diag *d)
{
    SHEAF_ASSERT(n_slots >= 1 && n_slots <= CREW_MAX_SLOTS);
    struct crew *c = calloc(1, sizeof *c);
    if (!c) {
        diag_fail(d, SHEAF_ENOMEM, "out of memory");
        return NULL;
    }
    descriptors_raise((uint64_t)n_slots * 4 + 512); /* each slot is four here, and a cache one more */
    c->ev = *ev;
    c->exe = exe;
    c->n_slots = n_slots;
    c->plan_file = (struct memfile)MEMFILE_NONE;
    c->ops = (struct slot_ops){.ctx = c,
                               .start = op_start,
                               .order = op_order,
                               .lower = op_lower,
                               .stop = op_stop,
                               .kill = op_kill,
                               .retire = op_retire,
                               .sample = op_sample};
    c->slots = calloc(n_slots, sizeof *c->slots);
    c->side = malloc(PAGE_SIDE_MAX + 1);
    c->status = malloc(PAGE_RING_BYTES);
    c->scores = malloc(PAGE_RING_BYTES);
    c->watch = watch_create((size_t)n_slots * N_SOURCES);
    c->keeper = keeper_create(n_slots, send_cache, c);
    c->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool piped = pipe_make(c->lifeline, 0) == 0;
    if (c->slots && c->side && c->status && c->scores && c->watch && c->keeper && c->null_fd >= 0 && piped)
        return c;
    diag_fail(d, SHEAF_ENOMEM, "slots cannot be managed: out of memory or descriptors");
    crew_destroy(c);
    return NULL;
}

void crew_destroy(struct crew *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; c->slots && i < c->n_slots; i++)
        crewslot_kill(c, i);
    for (uint32_t i = 0; c->slots && i < c->n_slots; i++) {
        if (c->slots[i].state == CREW_LIVE)
            crewslot_reap(c, i, true);
        if (c->slots[i].state == CREW_ENDED)
            crewslot_clear(c, i);
    }
    keeper_destroy(c->keeper);
    watch_destroy(c->watch);
    if (c->plan_map)
        munmap(c->plan_map, (size_t)c->plan_file.size);
    memfile_close(&c->plan_file);
    const int fds[] = {c->null_fd, c->lifeline[0], c->lifeline[1]};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(c->scores);
    free(c->status);
    free(c->side);
    free(c->slots);
    free(c);
}

/* ---- the turn ---- */

static void hear(struct crew *c, uint64_t tag)
{
    uint32_t slot = (uint32_t)(tag / N_SOURCES);
    struct crew_slot *s = &c->slots[slot];
    if (s->state != CREW_LIVE)
        return; /* reaped earlier in this turn */
    switch ((enum crew_source)(tag % N_SOURCES)) {
    case SOURCE_SOCK:
        crewdrain_messages(c, slot);
        break;
    case SOURCE_OUT:
        crewdrain_output(c, slot, 0);
        break;
    case SOURCE_ERR:
        crewdrain_output(c, slot, 1);
        break;
    default:
        crewslot_reap(c, slot, false);
        break;
    }
}

void crew_service(struct crew *c, bool drain)
{
    uint64_t tags[64];
    size_t n = 64;
    for (uint32_t turn = 0; n == 64 && turn <= c->n_slots / 16; turn++) {
        n = watch_ready(c->watch, tags, 64);
        for (size_t i = 0; i < n; i++)
            hear(c, tags[i]);
    }
    for (uint32_t i = 0; i < c->n_slots; i++) {
        struct crew_slot *s = &c->slots[i];
        if (s->state == CREW_LIVE && s->end_fd < 0 && (drain || s->sock < 0))
            crewslot_reap(c, i, false);
        if (s->state == CREW_EMPTY || (s->state == CREW_LIVE && !drain && !s->news))
            continue;
        bool empty = crewdrain_rings(c, i);
        if (s->state == CREW_ENDED && empty)
            crewslot_bury(c, i);
    }
}

int crew_fd(const struct crew *c)
{
    return watch_fd(c->watch);
}

size_t crew_fds(const struct crew *c, struct pollfd *out, size_t cap)
{
    return watch_fds(c->watch, out, cap);
}

int64_t crew_dead_cpu_ns(const struct crew *c)
{
    return c->dead_cpu_ns;
}
