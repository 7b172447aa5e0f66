/* SPDX-License-Identifier: MIT
 *
 * simnet: the heap of events, and messages between nodes: lost, doubled, late, out of order.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>

/* ---- the heap ---- */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_at(struct sim *s, struct sim_event ev)
{
    if (s->n_events == s->cap_events) {
        s->cap_events = s->cap_events ? s->cap_events * 2 : 256;
        s->heap = realloc(s->heap, s->cap_events * sizeof(ev));
        SHEAF_ASSERT(s->heap);
    }
    ev.order = ++s->order;
    uint32_t i = s->n_events++;
    for (; i > 0 && earlier(&ev, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = ev;
}

struct sim_event sim_next(struct sim *s)
{
    struct sim_event top = s->heap[0], last = s->heap[--s->n_events];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < s->n_events && earlier(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (child >= s->n_events || !earlier(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    if (s->n_events)
        s->heap[i] = last;
    return top;
}

void event_drop(struct sim_event *ev)
{
    buf_finish(&ev->head);
    buf_finish(&ev->frame);
}

/* ---- messages ---- */

static int64_t delay(struct sim *s)
{
    int64_t ns = s->weather.delay_ns + rng_between(&s->rng, 0, s->weather.delay_spread_ns);
    return rng_chance(&s->rng, s->weather.reorder) ? ns * 20 : ns;
}

void sim_carry(struct sim *s, struct sim_event ev, bool cut, const struct buf *head, const struct buf *frame)
{
    bool lost = cut || rng_chance(&s->rng, s->weather.drop);
    int copies = lost ? 0 : rng_chance(&s->rng, s->weather.duplicate) ? 2 : 1;
    while (copies-- > 0) {
        ev.at = s->now + delay(s);
        ev.head = ev.frame = (struct buf){0};
        SHEAF_ASSERT(buf_append(&ev.head, head->data, head->len) == 0);
        SHEAF_ASSERT(buf_append(&ev.frame, frame->data, frame->len) == 0);
        sim_at(s, ev);
    }
}

void sim_post(struct sim *s, struct sim_event ev, bool cut, uint32_t type, const void *body)
{
    struct buf head = {0}, frame = {0};
    SHEAF_ASSERT(proto_encode(type, body, &head, &frame) == 0);
    sim_carry(s, ev, cut, &head, &frame);
    buf_finish(&head);
    buf_finish(&frame);
}

void *sim_decode(struct sim *s, const struct sim_event *ev, struct arena *a, uint32_t *type)
{
    struct diag d = {""};
    struct msg_head head = {.type = 0};
    void *body = arena_alloc(a, PROTO_MAX_STRUCT);
    SHEAF_ASSERT(body && proto_head(ev->head.data, ev->head.len, &head, &d) == 0);
    if (proto_body(head.type, ev->frame.data, ev->frame.len, a, body, &d) < 0)
        sim_wrong(s, "a message cannot be read", "%s: %s", proto_name(head.type), d.text);
    *type = head.type;
    return body;
}

struct arrived {
    struct letter letter;
    struct buf frame;
    struct arena arena;
};

static void arrived_free(struct letter *l)
{
    struct arrived *a = (struct arrived *)(void *)l;
    buf_finish(&a->frame);
    arena_finish(&a->arena);
    free(a);
}

struct letter *sim_letter(struct sim *s, const struct sim_event *ev, uint32_t *type, void **body)
{
    struct arrived *a = calloc(1, sizeof(*a));
    SHEAF_ASSERT(a && buf_append(&a->frame, ev->frame.data, ev->frame.len) == 0);
    atomic_init(&a->letter.refs, 1);
    a->letter.free = arrived_free;
    arena_init(&a->arena, 0);
    *body = sim_decode(s, &(struct sim_event){.head = ev->head, .frame = a->frame}, &a->arena, type);
    return &a->letter;
}
