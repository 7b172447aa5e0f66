/* SPDX-License-Identifier: MIT
 *
 * outflow: libzmq calls back, on a thread of its own, when it is done with a message's memory. Only then does it count no more.
 */
#include "broker/outflow.h"

#include "common/frames.h"
#include "common/list.h"

#include <stdatomic.h>
#include <stdlib.h>

struct flow { /* of one peer, as long as anything waits */
    struct list node;
    uint64_t peer;
    _Atomic uint64_t bytes;
};

struct outflow {
    struct list flows;
};

struct parcel {
    struct flow *flow;
    uint64_t bytes;
};

struct outflow *outflow_create(void)
{
    struct outflow *o = calloc(1, sizeof(*o));
    if (o)
        list_init(&o->flows);
    return o;
}

static void flow_free(struct flow *f)
{
    list_remove(&f->node);
    free(f);
}

void outflow_destroy(struct outflow *o)
{
    if (!o)
        return;
    list_each(it, after, &o->flows) flow_free(list_entry(it, struct flow, node));
    free(o);
}

static void left(void *data, void *hint)
{
    struct parcel *p = hint;
    free(data);
    atomic_fetch_sub(&p->flow->bytes, p->bytes);
    free(p);
}

/* That peer's; others through which everything has gone are forgotten on the way. */
static struct flow *flow_find(struct outflow *o, uint64_t peer)
{
    struct flow *found = NULL;
    list_each(it, after, &o->flows)
    {
        struct flow *f = list_entry(it, struct flow, node);
        if (f->peer == peer)
            found = f;
        else if (atomic_load(&f->bytes) == 0)
            flow_free(f);
    }
    return found;
}

static struct flow *flow_make(struct outflow *o, uint64_t peer)
{
    struct flow *f = flow_find(o, peer);
    if (f || !(f = calloc(1, sizeof(*f))))
        return f;
    f->peer = peer;
    atomic_init(&f->bytes, 0);
    list_init(&f->node);
    list_append(&o->flows, &f->node);
    return f;
}

bool outflow_send(struct outflow *o, void *socket, uint64_t peer, const struct buf *head, struct buf *body)
{
    zmq_msg_t msg;
    if (body->len < OUTFLOW_LARGE)
        return frames_send(socket, &peer, head, body);
    struct flow *f = flow_make(o, peer);
    struct parcel *p = malloc(sizeof(*p));
    if (!f || !p || atomic_load(&f->bytes) > OUTFLOW_MOST ||
        zmq_msg_init_data(&msg, body->data, body->len, left, p) != 0) {
        free(p);
        return true; /* lost, as messages may be */
    }
    *p = (struct parcel){f, body->len};
    atomic_fetch_add(&f->bytes, p->bytes);
    *body = (struct buf){0};
    return frames_send_msg(socket, &peer, head, &msg);
}

uint64_t outflow_waiting(const struct outflow *o, uint64_t peer)
{
    list_each(it, after, &o->flows)
    {
        struct flow *f = list_entry(it, struct flow, node);
        if (f->peer == peer)
            return atomic_load(&f->bytes);
    }
    return 0;
}
