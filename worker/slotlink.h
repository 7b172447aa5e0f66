/* SPDX-License-Identifier: MIT
 *
 * slotlink: a slot's connection with its worker: the order socket and the shared page. All waiting of a slot happens
 * here. A worker that is gone ends the process.
 */
#ifndef SHEAF_WORKER_SLOTLINK_H
#define SHEAF_WORKER_SLOTLINK_H

#include "worker/page.h"
#include "worker/slotmsg.h"

#include <stdbool.h>
#include <stdint.h>

struct slotlink {
    int sock;
    struct page *page;
    uint64_t word; /* the task in work, as in page->current; 0 before the first */
    struct slotmsg orders[2];
    uint32_t n_orders;
    bool retire;
    int64_t waited_ns;    /* in all */
    uint64_t unannounced; /* records since the last news */
    struct slotmsg reply; /* the last answer about a cache; type 0 = none yet */
    char reply_text[SLOTMSG_MAX + 1];
    int reply_fd; /* -1 = none */
};

void slotlink_init(struct slotlink *l, int sock, struct page *page);

/* Waits for one message and files it: an order, the wish to retire, an answer. */
void slotlink_receive(struct slotlink *l);

/* text NULL = none. */
void slotlink_say(struct slotlink *l, enum slotmsg_type type, uint64_t size, const char *text);

/* Asks the worker to look at the rings. */
void slotlink_news(struct slotlink *l);

/* One record; waits for room. */
void slotlink_publish(struct slotlink *l, uint8_t status, const double *scores);

/* An entry of the side ring for the task in work. must: waits for room, else false when there is none. */
bool slotlink_side(struct slotlink *l, enum side_kind kind, const void *bytes, uint32_t len, bool must);

/* Says `type` and waits for the answer about a cache, in reply, reply_text and reply_fd (the caller's). */
void slotlink_ask(struct slotlink *l, enum slotmsg_type type, uint64_t size, const char *name);

#endif
