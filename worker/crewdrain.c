/* SPDX-License-Identifier: MIT
 *
 * crewdrain: what a slot says: messages, stdout and stderr, and the rings of its page. A slot runs foreign code that may have
 * overwritten anything, so everything is copied first and checked then; a slot that says what cannot be is killed.
 */
#include "common/text.h"
#include "sheaf/plugin.h"
#include "sweep/tally.h"
#include "worker/crew_impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- messages ---- */

/* One until the slot has news again: it may not be waiting and read none of them, and its socket holds only so many. */
static void wake(struct crew *c, uint32_t slot)
{
    struct crew_slot *s = &c->slots[slot];
    struct slotmsg m = {.type = SLOT_WAKE};
    s->owed = s->woken;
    if (!s->woken)
        crew_send(c, slot, &m, -1, NULL);
    s->woken = true;
}

static void handle(struct crew *c, uint32_t slot, const struct slotmsg *m, const char *text)
{
    struct crew_slot *s = &c->slots[slot];
    switch (m->type) {
    case SLOT_READY:
        if (!s->ready) {
            s->ready = true;
            c->ev.ready(c->ev.ctx, slot);
        }
        break;
    case SLOT_FAILED:
        s->has_open_error = !s->ready;
        memcpy(s->open_error, text, m->len + 1);
        text_one_line(s->open_error);
        break;
    case SLOT_NEWS:
        s->news = true;
        s->woken = false;
        if (s->owed)
            wake(c, slot);
        break;
    case SLOT_ASK:
        keeper_ask(c->keeper, slot, text, m->size);
        break;
    case SLOT_SCOPE:
        keeper_scope(c->keeper, slot, m->size);
        break;
    case SLOT_BUILT:
    case SLOT_UNBUILT:
        keeper_built(c->keeper, slot, m->type == SLOT_BUILT);
        break;
    default:
        crewslot_break(c, slot, "it sent an unknown message");
        break;
    }
}

void crewdrain_messages(struct crew *c, uint32_t slot)
{
    struct crew_slot *s = &c->slots[slot];
    struct slotmsg m;
    char text[SLOTMSG_MAX + 1];
    int filled = s->sock < 0 ? 0 : slotmsg_fill(&s->inbox, s->sock), next;
    while ((next = slotmsg_next(&s->inbox, &m, text)) == 1)
        handle(c, slot, &m, text);
    if (next < 0)
        crewslot_break(c, slot, "it sent a malformed message");
    if (filled != SHEAF_EGONE)
        return;
    watch_remove(c->watch, s->sock);
    close(s->sock);
    s->sock = -1;
}

/* ---- output ---- */

static void keep_end(struct crew_slot *s, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->raw[(s->raw_len + i) % CREW_TAIL] = bytes[i];
    s->raw_len += n;
}

void crewdrain_output(struct crew *c, uint32_t slot, int which)
{
    struct crew_slot *s = &c->slots[slot];
    struct crew_pipe *p = &s->pipes[which];
    char bytes[65536];
    if (p->fd < 0)
        return;
    ssize_t n = read(p->fd, bytes, sizeof bytes);
    if (n > 0) {
        size_t pass = (uint64_t)n < p->left ? (size_t)n : (size_t)p->left;
        p->left -= pass;
        p->dropped += (size_t)n - pass;
        if (which == 1)
            keep_end(s, bytes, (size_t)n);
        if (pass > 0)
            c->ev.output(c->ev.ctx, slot, which + 1, bytes, pass);
    } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        watch_remove(c->watch, p->fd);
        close(p->fd);
        p->fd = -1;
    }
}

/* ---- rings ---- */

static bool entry_ok(const struct crew_slot *s, const struct side_head *head, const char *text)
{
    if (head->kind == SIDE_LOG)
        return head->len >= 1 && (unsigned char)text[0] <= SHEAF_LOG_ERROR;
    if (head->kind == SIDE_FAIL)
        return true;
    size_t name = strnlen(text, head->len);
    return head->len == name + 1 + s->n_group_values * sizeof(double) && text_is_utf8(text, name);
}

/* Entries up to where the ring ended when records were counted: all that belong to those records. False when the slot is
 * not to be trusted. */
static bool drain_side(struct crew *c, uint32_t slot, uint64_t until)
{
    struct crew_slot *s = &c->slots[slot];
    while (s->reader.side_tail != until) {
        struct side_head head;
        bool waits;
        int64_t len = page_side_read(&s->reader, &head, c->side, PAGE_SIDE_MAX + 1, &waits);
        if (len < 0 || !entry_ok(s, &head, c->side))
            return false;
        if (waits)
            wake(c, slot);
        if (head.kind != SIDE_GROUP)
            text_one_line(c->side + (head.kind == SIDE_LOG));
        c->ev.side(c->ev.ctx, slot, &head, c->side, (uint32_t)len);
    }
    return true;
}

static bool statuses_ok(const uint8_t *status, uint64_t n)
{
    uint8_t worst = 0;
    for (uint64_t i = 0; i < n; i++)
        worst |= (uint8_t)((status[i] - TASK_DONE) > TASK_SKIPPED - TASK_DONE);
    return worst == 0;
}

/* Records that the slot may have written: those of the chunks that it was told. */
static uint64_t records_due(const struct crew_slot *s)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < s->n_sent; i++)
        n += s->orders[i].end;
    return n - s->done;
}

static bool drain_records(struct crew *c, uint32_t slot, uint64_t ready, uint64_t room)
{
    struct crew_slot *s = &c->slots[slot];
    uint64_t most = room / (s->reader.n_scores * sizeof(double));
    uint64_t n = ready < most ? ready : most;
    if (ready > records_due(s))
        return false;
    if (n == 0)
        return true;
    bool waits = page_take(&s->reader, n, c->status, c->scores);
    if (!statuses_ok(c->status, n))
        return false;
    s->done += (uint32_t)n;
    crew_advance(c, slot); /* before the logic is told, so that it may order the next */
    if (waits)
        wake(c, slot);
    c->ev.records(c->ev.ctx, slot, n, c->status, c->scores);
    return true;
}

bool crewdrain_rings(struct crew *c, uint32_t slot)
{
    struct crew_slot *s = &c->slots[slot];
    s->news = false;
    if (s->broken)
        return true;
    uint64_t ready = page_ready(&s->reader);
    uint64_t until = atomic_load(&s->reader.page->side_head.v);
    if (ready == 0 && until == s->reader.side_tail)
        return true;
    uint64_t room = c->ev.room(c->ev.ctx, slot);
    if (room < s->reader.n_scores * sizeof(double)) {
        s->news = true; /* held back: looked at again in every turn */
        return false;
    }
    if (ready == UINT64_MAX || !drain_side(c, slot, until) || !drain_records(c, slot, ready, room)) {
        crewslot_break(c, slot, "its shared memory holds nonsense");
        return true;
    }
    s->news |= page_ready(&s->reader) > 0;
    return !s->news;
}
