/* SPDX-License-Identifier: MIT
 *
 * simcheck: what must hold after every step.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define WATCHES_MOST 64u

/* ---- what was granted and reported ---- */

void note_grant(struct vworker *w, const struct msg_grant *m)
{
    for (uint32_t i = 0; i < m->n_leases; i++) {
        const struct msg_lease *l = &m->leases[i];
        w->granted = realloc(w->granted, (w->n_granted + 1) * sizeof(*w->granted));
        SHEAF_ASSERT(w->granted);
        w->granted[w->n_granted++] = (struct granted){l->sweep, l->lease, l->from, l->to};
    }
}

static bool was_granted(const struct vworker *w, const struct msg_report *m, const struct msg_run *run)
{
    for (uint32_t i = w->n_granted; i-- > 0;) {
        const struct granted *g = &w->granted[i];
        if (g->lease == m->lease && g->sweep == m->sweep &&
            (!run || (run->from >= g->from && run->from + run->n <= g->to)))
            return true;
    }
    return false;
}

static void check_report(struct vworker *w, const struct msg_report *m)
{
    if (!was_granted(w, m, NULL))
        sim_wrong(w->sim, "a worker reports on a lease that it was never granted", "%llu",
                  (unsigned long long)m->lease);
    for (uint32_t i = 0; i < m->n_runs; i++)
        if (!was_granted(w, m, &m->runs[i]))
            sim_wrong(w->sim, "a worker reports positions outside of its lease", "from %llu",
                      (unsigned long long)m->runs[i].from);
}

static void keep_report(struct vworker *w, const struct msg_report *m)
{
    w->sent = realloc(w->sent, (w->n_sent + 1) * sizeof(*w->sent));
    SHEAF_ASSERT(w->sent);
    struct sent *sent = &w->sent[w->n_sent++];
    *sent = (struct sent){.seq = m->seq, .sweep = m->sweep, .n = m->n_runs};
    sent->runs = calloc(sent->n + 1, sizeof(*sent->runs));
    SHEAF_ASSERT(sent->runs);
    for (uint32_t i = 0; i < sent->n; i++)
        sent->runs[i] = (struct interval){m->runs[i].from, m->runs[i].from + m->runs[i].n};
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
    if (!w->n_sent || w->sent[w->n_sent - 1].seq < body.m.seq) /* else it is sent again */
        keep_report(w, &body.m);
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

/* By number, which rises. */
static struct sent *find_sent(const struct vworker *w, uint64_t seq)
{
    uint32_t low = 0, high = w->n_sent;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (w->sent[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low < w->n_sent && w->sent[low].seq == seq ? &w->sent[low] : NULL;
}

void note_passed_over(struct sim *s, const struct vworker *w, const struct msg_report *m)
{
    const struct bsweep *b = m->sweep ? sweep_find(s->broker, m->sweep) : NULL;
    struct sent *sent = find_sent(w, m->seq);
    bool takes = b && (b->phase == PHASE_RUNNING || b->phase == PHASE_STOPPING || b->phase == PHASE_VERIFYING);
    if (sent && !takes)
        sent->passed_over = true;
}

static bool kept(const struct sim *s, const struct vstored *d, uint64_t position)
{
    return disk_holds(d, position) || (d->retried && task_status_of(s, d->user, position) == TASK_FAILED);
}

/* What the broker acknowledges is durable. */
void check_ack(struct sim *s, const struct vworker *w, const struct msg_ack *m)
{
    for (uint32_t k = 0; k < m->n_seqs; k++) {
        const struct sent *sent = find_sent(w, m->seqs[k].seq);
        const struct vstored *d = sent && !sent->passed_over ? disk_find(s, sent->sweep) : NULL;
        for (uint32_t r = 0; d && r < sent->n; r++)
            for (uint64_t p = sent->runs[r].from; p < sent->runs[r].to; p++)
                if (!kept(s, d, p))
                    sim_wrong(s, "acknowledged but not durable", "position %llu", (unsigned long long)p);
    }
}

/* ---- the end of a sweep ---- */

static void check_done(struct sim *s, const struct vstored *d, const struct msg_status *m)
{
    const struct vsweep *v = d->user;
    const uint8_t *expected = m->total == v->total ? v->expected : v->part_expected;
    if (m->done + m->failed + m->skipped != m->total)
        sim_wrong(s, "a sweep has ended without all of its tasks", "%llu of %llu", (unsigned long long)m->done,
                  (unsigned long long)m->total);
    else if (m->digest.len != HASH_BYTES || memcmp(m->digest.data, expected, HASH_BYTES) != 0)
        sim_wrong(s, "the results digest is another one", "%llu of %llu failed", (unsigned long long)m->failed,
                  (unsigned long long)m->total);
    else if (m->mismatched)
        sim_wrong(s, "a second look differed", "%llu", (unsigned long long)m->mismatched);
    for (uint64_t p = 0; p < m->total && !m->qualified[0]; p++)
        if (d->kind[p] == FAIL_TIMEOUT)
            sim_wrong(s, "a time-out does not qualify the digest", "position %llu", (unsigned long long)p);
    for (uint64_t p = 0; p < m->total; p++)
        if (!disk_holds(d, p))
            sim_wrong(s, "a sweep has ended with a result that is not durable", "position %llu", (unsigned long long)p);
}

/* What is said of the end is in the journal, and it is an end that has a reason. */
void check_final(struct sim *s, const struct msg_status *m)
{
    const struct vstored *d = disk_find(s, m->sweep);
    if (!d || d->state != m->state) {
        sim_wrong(s, "the end of a sweep is told before it is durable", "state %u", m->state);
        return;
    }
    const struct vsweep *v = d->user;
    uint64_t limit = v->plan.limits.failures;
    if (m->state == SWEEP_DONE)
        check_done(s, d, m);
    else if (m->state == SWEEP_CANCELLED && !v->ever_cancelled)
        sim_wrong(s, "a sweep was cancelled by nobody", "%s", m->reason);
    else if (m->state == SWEEP_FAILED && v->opens && !(m->limit_hit && limit && m->failed >= limit))
        sim_wrong(s, "a sweep has failed without a cause", "%s", m->reason);
    else if (m->state != SWEEP_FAILED && m->state != SWEEP_CANCELLED)
        sim_wrong(s, "the end of a sweep is none", "state %u", m->state);
}

/* ---- the worker ---- */

static uint64_t list_length(const struct list *head)
{
    uint64_t n = 0;
    list_each(it, after, head) n++;
    return n;
}

static void check_lease(struct sim *s, const struct wlease *l)
{
    if (findings_bytes(&l->findings) > 2 * FINDINGS_FULL)
        sim_wrong(s, "findings have no bound", "%zu bytes", findings_bytes(&l->findings));
    if (l->n_retries > l->todo.count + l->doubled.count) /* a second run may have finished it meanwhile */
        sim_wrong(s, "more retries than tasks", "%u", l->n_retries);
    for (size_t i = 0; i < l->pending.n; i++)
        if (!intervals_has_all(&l->todo, l->pending.at[i].from, l->pending.at[i].to))
            sim_wrong(s, "a finished position waits for a slot", "from %llu",
                      (unsigned long long)l->pending.at[i].from);
}

void check_worker(struct sim *s, const struct vworker *w)
{
    /* A ring's worth may come on top of what there was room for. */
    if (w->logic->outbox.bytes > UNACKED_BYTES + ((size_t)4 << 20))
        sim_wrong(s, "an outbox has no bound", "%zu bytes", w->logic->outbox.bytes);
    list_each(it, after, &w->logic->leases) check_lease(s, list_entry(it, struct wlease, node));
    /* Each that is kept has leases, slots that die, or was there not long ago. */
    if (list_length(&w->logic->sweeps) > 2 + s->weather.sweeps + list_length(&w->logic->leases) + s->weather.slots)
        sim_wrong(s, "a worker keeps old sweeps", "%llu", (unsigned long long)list_length(&w->logic->sweeps));
}

/* ---- the broker ---- */

static uint32_t mark_leases(struct sim *s, const struct bsweep *b, bool *safe)
{
    uint32_t leases = 0;
    list_each(it, after, &s->broker->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        list_each(l, l_after, &w->leases)
        {
            const struct blease *lease = list_entry(l, struct blease, node);
            if (lease->sweep != b || lease->revoked)
                continue;
            leases++;
            for (uint64_t p = lease->from; p < lease->to && !lease->flags; p++)
                safe[p] = true;
            if (w->lost)
                sim_wrong(s, "a lost worker holds a lease", "%llu", (unsigned long long)lease->id);
        }
    }
    return leases;
}

static void mark(bool *safe, const struct intervals *in)
{
    for (size_t i = 0; i < in->n; i++)
        memset(safe + in->at[i].from, true, in->at[i].to - in->at[i].from);
}

/* Every position is done, pending, or in the hands of somebody who lives. */
static void check_positions(struct sim *s, const struct bsweep *b)
{
    static bool safe[SIM_TASKS];
    memset(safe, 0, b->total);
    mark(safe, &b->done);
    mark(safe, &b->pending);
    uint32_t leases = mark_leases(s, b, safe);
    if (leases != b->n_leases)
        sim_wrong(s, "leases are miscounted", "%u instead of %u", b->n_leases, leases);
    for (uint64_t p = 0; p < b->total && b->phase == PHASE_RUNNING; p++)
        if (!safe[p])
            sim_wrong(s, "a position is lost", "position %llu", (unsigned long long)p);
}

static void check_set(struct sim *s, const struct bsweep *b, const struct intervals *in)
{
    uint64_t count = 0, last = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (in->at[i].from >= in->at[i].to || in->at[i].to > b->total || (i && in->at[i].from <= last))
            sim_wrong(s, "a set of positions is not one", "from %llu", (unsigned long long)in->at[i].from);
        last = in->at[i].to;
        count += in->at[i].to - in->at[i].from;
    }
    if (count != in->count)
        sim_wrong(s, "a set of positions is miscounted", "%llu", (unsigned long long)in->count);
}

/* A done position is not pending, and all that is counted is there. */
static void check_sweep(struct sim *s, const struct bsweep *b)
{
    check_set(s, b, &b->done);
    check_set(s, b, &b->pending);
    for (size_t i = 0; b->phase == PHASE_RUNNING && i < b->pending.n; i++)
        if (intervals_count_in(&b->done, b->pending.at[i].from, b->pending.at[i].to))
            sim_wrong(s, "a done position is pending", "from %llu", (unsigned long long)b->pending.at[i].from);
    struct tally_counts c = tally_counts(b->tally);
    if (c.done + c.failed + c.skipped != b->done.count)
        sim_wrong(s, "the tally and the done-set differ", "%llu done", (unsigned long long)b->done.count);
    if (b->granted > b->frontier && b->phase == PHASE_RUNNING)
        sim_wrong(s, "granted beyond the durable frontier", "%llu", (unsigned long long)b->granted);
    if (s->steps % 4 == 0)
        check_positions(s, b);
}

static void check_queues(struct sim *s)
{
    const struct broker *b = s->broker;
    if (list_length(&b->acks) > 2 * SIM_ACKS || list_length(&b->watches) > WATCHES_MOST ||
        list_length(&b->sweeps) > s->weather.sweeps)
        sim_wrong(s, "a queue of the broker has no bound", "%llu acknowledgements, %llu watches, %llu sweeps",
                  (unsigned long long)list_length(&b->acks), (unsigned long long)list_length(&b->watches),
                  (unsigned long long)list_length(&b->sweeps));
    list_each(it, after, &b->workers)
    {
        const struct bworker *w = list_entry(it, struct bworker, node);
        if (w->n_plans > SIM_SWEEPS * 2 || list_length(&w->leases) > 2 * LEASES_OPEN)
            sim_wrong(s, "what the broker knows of a worker has no bound", "%u plans, %llu leases", w->n_plans,
                      (unsigned long long)list_length(&w->leases));
    }
}

void check_broker(struct sim *s)
{
    list_each(it, after, &s->broker->sweeps) check_sweep(s, list_entry(it, struct bsweep, node));
    check_queues(s);
    if (broker_failed(s->broker))
        sim_wrong(s, "the broker failed", "out of memory or a damaged journal");
}
