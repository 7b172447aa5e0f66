/* SPDX-License-Identifier: MIT
 *
 * slotlink: see slotlink.h.
 */
#include "worker/slotlink.h"
#include "common/clock.h"
#include "common/err.h"

#include <string.h>
#include <unistd.h>

void slotlink_init(struct slotlink *l, int sock, struct page *page)
{
    memset(l, 0, sizeof *l);
    l->sock = sock;
    l->page = page;
    l->reply_fd = -1;
}

/* No exit handlers: the plugin's have no business any more, and nobody reads what they would write. */
static _Noreturn void worker_is_gone(void)
{
    _exit(1);
}

void slotlink_receive(struct slotlink *l)
{
    struct slotmsg m;
    char text[SLOTMSG_MAX + 1];
    int fd;
    if (slotmsg_receive(l->sock, &m, text, &fd) != 0)
        worker_is_gone();
    switch (m.type) {
    case SLOT_ORDER:
        SHEAF_ASSERT(l->n_orders < 2);
        l->orders[l->n_orders++] = m;
        break;
    case SLOT_RETIRE:
        l->retire = true;
        break;
    case SLOT_BUILD:
    case SLOT_CACHE:
    case SLOT_NO_CACHE:
        l->reply = m;
        memcpy(l->reply_text, text, m.len + 1);
        l->reply_fd = fd;
        break;
    default: /* SLOT_WAKE: whoever waits looks again */
        break;
    }
}

void slotlink_say(struct slotlink *l, enum slotmsg_type type, uint64_t size, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    struct slotmsg m = {.type = type, .size = size, .len = len < SLOTMSG_MAX ? (uint32_t)len : SLOTMSG_MAX};
    if (slotmsg_send(l->sock, &m, text, -1, true) != 0)
        worker_is_gone();
}

void slotlink_news(struct slotlink *l)
{
    l->unannounced = 0;
    slotlink_say(l, SLOT_NEWS, 0, NULL);
}

struct pause {
    uint64_t state;
    int64_t since;
};

static struct pause pause_begin(struct slotlink *l)
{
    struct pause p = {atomic_load(&l->page->state.v), clock_mono_ns()};
    atomic_store(&l->page->state.v, PAGE_WAITING);
    return p;
}

static void pause_end(struct slotlink *l, struct pause p)
{
    atomic_store(&l->page->wants_wake.v, 0);
    atomic_store(&l->page->state.v, p.state);
    l->waited_ns += clock_mono_ns() - p.since;
}

/* After this the caller looks for room once more before it waits: the worker looks at wants_wake after making room. */
static void want_wake(struct slotlink *l)
{
    atomic_store(&l->page->wants_wake.v, 1);
}

static void wait_for_wake(struct slotlink *l)
{
    slotlink_news(l);
    slotlink_receive(l);
    want_wake(l);
}

void slotlink_publish(struct slotlink *l, uint8_t status, const double *scores)
{
    if (!page_publish(l->page, status, scores)) {
        struct pause p = pause_begin(l);
        want_wake(l);
        while (!page_publish(l->page, status, scores))
            wait_for_wake(l);
        pause_end(l, p);
    }
    if (++l->unannounced >= l->page->ring_cap / 2)
        slotlink_news(l);
}

bool slotlink_side(struct slotlink *l, enum side_kind kind, const void *bytes, uint32_t len, bool must)
{
    struct side_head head = {.len = len, .kind = kind, .word = l->word};
    if (page_side_write(l->page, &head, bytes))
        return true;
    if (!must)
        return false;
    struct pause p = pause_begin(l);
    want_wake(l);
    while (!page_side_write(l->page, &head, bytes))
        wait_for_wake(l);
    pause_end(l, p);
    return true;
}

void slotlink_ask(struct slotlink *l, enum slotmsg_type type, uint64_t size, const char *name)
{
    struct pause p = pause_begin(l);
    l->reply.type = 0;
    slotlink_say(l, type, size, name);
    while (l->reply.type == 0)
        slotlink_receive(l);
    pause_end(l, p);
}
