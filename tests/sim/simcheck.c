/* SPDX-License-Identifier: MIT
 *
 * simcheck: what must hold after every step.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define ACKS_MOST 4096u /* far beyond what so few workers can have sent */

/* ---- what was granted and reported ---- */

void note_grant(struct vworker *w, const struct msg_grant *m)
{
    for (uint32_t i = 0; i < m->n_leases; i++) {
        w->granted = realloc(w->granted, (w->n_granted + 1) * sizeof(*w->granted));
        SHEAF_ASSERT(w->granted);
        w->granted[w->n_granted++] = (struct granted){m->leases[i].lease, m->leases[i].from, m->leases[i].to};
    }
}

static bool was_granted(const struct vworker *w, uint64_t lease, const struct msg_run *run)
{
    for (uint32_t i = 0; i < w->n_granted; i++)
        if (w->granted[i].lease == lease &&
            (!run || (run->from >= w->granted[i].from && run->from + run->n <= w->granted[i].to)))
            return true;
    return false;
}

static void check_report(struct vworker *w, const struct msg_report *m)
{
    if (!was_granted(w, m->lease, NULL))
        sim_wrong(w->sim, "a worker reports on a lease that it was never granted", "%llu",
                  (unsigned long long)m->lease);
    for (uint32_t i = 0; i < m->n_runs; i++)
        if (!was_granted(w, m->lease, &m->runs[i]))
            sim_wrong(w->sim, "a worker reports positions outside of its lease", "from %llu",
                      (unsigned long long)m->runs[i].from);
}

void note_report(struct vworker *w, const struct buf *frame)
{
    struct arena a;
    struct diag d;
    union {
        struct msg_report m;
        unsigned char room[PROTO_MAX_STRUCT];
    } body;
    arena_init(&a, 0);
    SHEAF_ASSERT(proto_body(MSG_REPORT, frame->data, frame->len, &a, &body, &d) == 0);
    check_report(w, &body.m);
    bool known = w->n_sent && w->sent[w->n_sent - 1].seq >= body.m.seq;
    if (!known) {
        w->sent = realloc(w->sent, (w->n_sent + 1) * sizeof(*w->sent));
        struct sent *sent = &w->sent[w->n_sent++];
        *sent = (struct sent){.seq = body.m.seq, .n = body.m.n_runs};
        sent->runs = calloc(sent->n + 1, sizeof(*sent->runs));
        for (uint32_t i = 0; i < sent->n; i++)
            sent->runs[i] = (struct interval){body.m.runs[i].from, body.m.runs[i].from + body.m.runs[i].n};
    }
    arena_finish(&a);
}

void forget_notes(struct vworker *w)
{
    for (uint32_t i = 0; i < w->n_sent; i++)
        free(w->sent[i].runs);
    free(w->sent);
    w->sent = NULL;
    w->n_sent = 0;
    free(w->granted);
    w->granted = NULL;
    w->n_granted = 0;
}

/* What the broker acknowledges is durable. */
void check_ack(struct sim *s, const struct vworker *w, const struct msg_ack *m)
{
    for (uint32_t k = 0; k < m->n_seqs; k++)
        for (uint32_t i = 0; i < w->n_sent; i++) {
            const struct sent *sent = &w->sent[i];
            for (uint32_t r = 0; sent->seq == m->seqs[k].seq && r < sent->n; r++)
                for (uint64_t p = sent->runs[r].from; p < sent->runs[r].to; p++)
                    if (!disk_holds(s, p) && !s->finished)
                        sim_wrong(s, "acknowledged but not durable", "position %llu", (unsigned long long)p);
        }
}

/* ---- the worker ---- */

static uint64_t list_length(const struct list *head)
{
    uint64_t n = 0;
    list_each(it, after, head) n++;
    return n;
}

void check_worker(struct sim *s, const struct vworker *w)
{
    /* A ring's worth may come on top of what there was room for. */
    if (w->logic->outbox.bytes > UNACKED_BYTES + ((size_t)4 << 20))
        sim_wrong(s, "an outbox has no bound", "%zu bytes", w->logic->outbox.bytes);
    list_each(it, after, &w->logic->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        if (findings_bytes(&l->findings) > 2 * FINDINGS_FULL)
            sim_wrong(s, "findings have no bound", "%zu bytes", findings_bytes(&l->findings));
        if (l->n_retries > l->todo.count + l->doubled.count) /* a second run may have finished it meanwhile */
            sim_wrong(s, "more retries than tasks", "%u", l->n_retries);
    }
    /* Each that is kept has leases, slots that die, or has just come. */
    if (list_length(&w->logic->sweeps) > 2 + list_length(&w->logic->leases) + s->weather.slots)
        sim_wrong(s, "a worker keeps old sweeps", "%llu", (unsigned long long)list_length(&w->logic->sweeps));
}

/* ---- the broker ---- */

/* Every position is done, pending, or in the hands of somebody who lives. */
static void check_positions(struct sim *s, const struct bsweep *b)
{
    static bool safe[4096];
    uint32_t leases = 0;
    SHEAF_ASSERT(b->total <= sizeof(safe));
    for (uint64_t p = 0; p < b->total; p++)
        safe[p] = intervals_has(&b->done, p) || intervals_has(&b->pending, p);
    list_each(it, after, &s->broker->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        list_each(l, l_after, &w->leases)
        {
            const struct blease *lease = list_entry(l, struct blease, node);
            leases += !lease->revoked;
            for (uint64_t p = lease->from; p < lease->to && !lease->revoked && !lease->flags; p++)
                safe[p] = true;
            if (w->lost && !lease->revoked)
                sim_wrong(s, "a lost worker holds a lease", "%llu", (unsigned long long)lease->id);
        }
    }
    if (leases != b->n_leases)
        sim_wrong(s, "leases are miscounted", "%u instead of %u", b->n_leases, leases);
    for (uint64_t p = 0; p < b->total; p++)
        if (!safe[p])
            sim_wrong(s, "a position is lost", "position %llu", (unsigned long long)p);
}

static void check_queues(struct sim *s)
{
    const struct broker *b = s->broker;
    if (list_length(&b->acks) > ACKS_MOST || list_length(&b->watches) > 1 || list_length(&b->sweeps) > 1)
        sim_wrong(s, "a queue of the broker has no bound", "%llu acknowledgements, %llu watches",
                  (unsigned long long)list_length(&b->acks), (unsigned long long)list_length(&b->watches));
}

/* A done position is not pending, and all that is counted is there. */
void check_broker(struct sim *s)
{
    const struct bsweep *b = sweep_find(s->broker, 0);
    if (!b || b->phase != PHASE_RUNNING)
        return;
    for (size_t i = 0; i < b->pending.n; i++)
        if (intervals_count_in(&b->done, b->pending.at[i].from, b->pending.at[i].to))
            sim_wrong(s, "a done position is pending", "from %llu", (unsigned long long)b->pending.at[i].from);
    struct tally_counts c = tally_counts(b->tally);
    if (c.done + c.failed + c.skipped != b->done.count)
        sim_wrong(s, "the tally and the done-set differ", "%llu done", (unsigned long long)b->done.count);
    if (s->steps % 4 == 0)
        check_positions(s, b);
    check_queues(s);
    if (broker_failed(s->broker))
        sim_wrong(s, "the broker failed", "out of memory or a damaged journal");
}
