/* SPDX-License-Identifier: MIT
 *
 * mailbox_fixture: what a role under test has sent, as it would have come over the wire: encoded, kept in order, decoded when a
 * test looks for it.
 */
#ifndef SHEAF_COMMON_MAILBOX_FIXTURE_H
#define SHEAF_COMMON_MAILBOX_FIXTURE_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/list.h"
#include "common/proto.h"

struct mailbox {
    struct list letters;
    struct arena arena; /* of decoded bodies */
};

void mailbox_init(struct mailbox *m);
void mailbox_finish(struct mailbox *m);

void mailbox_put(struct mailbox *m, uint64_t peer, uint32_t type, const void *body);
void mailbox_put_frame(struct mailbox *m, uint64_t peer, uint32_t type, const struct buf *frame);

/* Takes the oldest message of that type to that peer out, decoded; NULL when there is none. Lives as long as the mailbox. */
void *mailbox_next(struct mailbox *m, uint64_t peer, uint32_t type);

/* The newest; older ones of that type to that peer are thrown away. */
void *mailbox_last(struct mailbox *m, uint64_t peer, uint32_t type);

/* How many of that type to that peer lie here. */
unsigned mailbox_count(const struct mailbox *m, uint64_t peer, uint32_t type);

void mailbox_clear(struct mailbox *m);

#endif
