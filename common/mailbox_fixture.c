/* SPDX-License-Identifier: MIT
 *
 * mailbox_fixture: encoded letters in a list.
 */
#include "common/mailbox_fixture.h"

#include <stdlib.h>

struct letter_kept {
    struct list node;
    uint64_t peer;
    uint32_t type;
    struct buf frame;
};

void mailbox_init(struct mailbox *m)
{
    list_init(&m->letters);
    arena_init(&m->arena, 0);
}

static void forget(struct letter_kept *l)
{
    list_remove(&l->node);
    buf_finish(&l->frame);
    free(l);
}

void mailbox_clear(struct mailbox *m)
{
    list_each(it, after, &m->letters) forget(list_entry(it, struct letter_kept, node));
}

void mailbox_finish(struct mailbox *m)
{
    mailbox_clear(m);
    arena_finish(&m->arena);
}

void mailbox_put_frame(struct mailbox *m, uint64_t peer, uint32_t type, const struct buf *frame)
{
    struct letter_kept *l = calloc(1, sizeof(*l));
    SHEAF_ASSERT(l && buf_append(&l->frame, frame->data, frame->len) == 0);
    l->peer = peer;
    l->type = type;
    list_init(&l->node);
    list_append(&m->letters, &l->node);
}

void mailbox_put(struct mailbox *m, uint64_t peer, uint32_t type, const void *body)
{
    struct buf head = {0}, frame = {0};
    SHEAF_ASSERT(proto_encode(type, body, &head, &frame) == 0);
    mailbox_put_frame(m, peer, type, &frame);
    buf_finish(&head);
    buf_finish(&frame);
}

/* Into memory of the mailbox: BIN fields point into the bytes, which are copied there, too. */
static void *decode(struct mailbox *m, const struct letter_kept *l)
{
    struct diag d = {""};
    void *bytes = arena_alloc(&m->arena, l->frame.len + 1), *body = arena_alloc(&m->arena, PROTO_MAX_STRUCT);
    SHEAF_ASSERT(bytes && body);
    for (size_t i = 0; i < l->frame.len; i++)
        ((unsigned char *)bytes)[i] = l->frame.data[i];
    SHEAF_ASSERT(proto_body(l->type, bytes, l->frame.len, &m->arena, body, &d) == 0);
    return body;
}

void *mailbox_next(struct mailbox *m, uint64_t peer, uint32_t type)
{
    list_each(it, after, &m->letters)
    {
        struct letter_kept *l = list_entry(it, struct letter_kept, node);
        if (l->peer != peer || l->type != type)
            continue;
        void *body = decode(m, l);
        forget(l);
        return body;
    }
    return NULL;
}

void *mailbox_last(struct mailbox *m, uint64_t peer, uint32_t type)
{
    void *body = NULL;
    for (void *next = mailbox_next(m, peer, type); next; next = mailbox_next(m, peer, type))
        body = next;
    return body;
}

unsigned mailbox_count(const struct mailbox *m, uint64_t peer, uint32_t type)
{
    unsigned n = 0;
    list_each(it, after, &m->letters)
    {
        const struct letter_kept *l = list_entry(it, struct letter_kept, node);
        n += l->peer == peer && l->type == type;
    }
    return n;
}
