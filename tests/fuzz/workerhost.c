/* SPDX-License-Identifier: MIT
 *
 * workerhost: the broker's ears, and what must hold.
 */
#include "tests/fuzz/workerhost.h"

#include <stdlib.h>
#include <string.h>

static void read_back(uint32_t type, const struct buf *frame)
{
    static _Alignas(16) unsigned char body[PROTO_MAX_STRUCT];
    struct arena a;
    arena_init(&a, 0);
    SHEAF_ASSERT(proto_body(type, frame->data, frame->len, &a, body, NULL) == 0);
    arena_finish(&a);
}

static void env_send(void *ctx, uint32_t type, const void *body)
{
    struct workerhost *h = ctx;
    h->head.len = h->frame.len = 0;
    SHEAF_ASSERT(proto_encode(type, body, &h->head, &h->frame) == 0);
    read_back(type, &h->frame);
}

static void env_send_frames(void *ctx, const struct buf *head, const struct buf *frame)
{
    (void)ctx, (void)head;
    read_back(MSG_REPORT, frame);
}

static uint64_t env_pss(void *ctx)
{
    (void)ctx;
    return 1000;
}

static int env_sync(void *ctx, const struct plan *p, struct diag *d)
{
    (void)ctx, (void)p, (void)d;
    return 0;
}

static int64_t env_cpu(void *ctx)
{
    (void)ctx;
    return 7;
}

void workerhost_init(struct workerhost *h, uint32_t slots)
{
    const struct worker_config config = {
        .instance = "0123456789abcdef0123456789abcdef", .host = "here", .pid = 1, .slots = slots};
    const struct worker_env env = {.ctx = h,
                                   .send = env_send,
                                   .send_frames = env_send_frames,
                                   .own_pss = env_pss,
                                   .own_cpu_ns = env_cpu,
                                   .sync_output = env_sync};
    *h = (struct workerhost){.worker = worker_create(&config, &env), .now = 1000 * NS_PER_S};
    SHEAF_ASSERT(h->worker);
    h->events = worker_events(h->worker);
    worker_time(h->worker, h->now);
}

void workerhost_finish(struct workerhost *h)
{
    worker_destroy(h->worker);
    buf_finish(&h->head);
    buf_finish(&h->frame);
}

void workerhost_message(struct workerhost *h, const struct step *s)
{
    static _Alignas(16) unsigned char body[PROTO_MAX_STRUCT];
    struct arena a;
    struct diag d = {""};
    if (s->len == 0)
        return;
    size_t len = s->len - 1u;
    uint8_t *bytes = malloc(len ? len : 1); /* exactly so many, for the address sanitizer */
    SHEAF_ASSERT(bytes);
    memcpy(bytes, s->bytes + 1, len);
    arena_init(&a, 0);
    if (proto_body(s->bytes[0], bytes, len, &a, body, &d) == 0)
        (void)worker_message(h->worker, s->bytes[0], body);
    arena_finish(&a);
    free(bytes);
}

void workerhost_pass(struct workerhost *h, int64_t ns)
{
    h->now += ns;
    worker_time(h->worker, h->now);
}

static void check_leases(const struct worker *w)
{
    list_each(it, after, &w->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        SHEAF_ASSERT(l->from < l->to && l->to <= l->granted_to && findings_bytes(&l->findings) <= 2 * FINDINGS_FULL);
        SHEAF_ASSERT(l->n_retries <= l->todo.count + l->doubled.count);
        SHEAF_ASSERT(intervals_count_in(&l->todo, l->from, l->granted_to) == l->todo.count);
    }
}

void workerhost_turn(struct workerhost *h)
{
    const struct worker *w = h->worker;
    SHEAF_ASSERT(worker_tick(h->worker) >= 0);
    SHEAF_ASSERT(!w->no_memory && w->outbox.bytes <= UNACKED_BYTES + ((size_t)4 << 20));
    check_leases(w);
    for (uint32_t i = 0; i < w->config.slots; i++) {
        const struct wslot *s = &w->slots[i];
        SHEAF_ASSERT(s->nq <= 2 && (s->state == WSLOT_EMPTY) == !s->sweep);
        for (uint32_t k = 0; k < s->nq; k++)
            SHEAF_ASSERT(s->q[k].seen <= s->q[k].end && s->q[k].end <= s->q[k].c.count);
    }
}
