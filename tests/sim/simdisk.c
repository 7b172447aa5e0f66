/* SPDX-License-Identifier: MIT
 *
 * simdisk: the journal as a model: batches become durable one after the other, after a while; a crash loses what was not durable, or
 * keeps it without anybody having been told.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

bool disk_holds(const struct sim *s, uint64_t position)
{
    return s->plan.keep_best ? s->disk.snapshot_done[position] : s->disk.status[position] != 0;
}

static void apply_run(struct sim *s, const struct journal_op *op)
{
    for (uint64_t i = 0; i < op->n; i++) {
        uint64_t at = op->first + i;
        if (at >= plan_tasks(&s->plan) || s->disk.status[at]) {
            sim_wrong(s, "a position was journaled twice", "position %llu", (unsigned long long)at);
            return;
        }
        s->disk.status[at] = op->status.len ? ((const uint8_t *)op->status.data)[i] : 1;
        memcpy(&s->disk.scores[at], (const uint8_t *)op->scores.data + 8 * i, 8);
    }
}

static void set_bytes(struct buf *to, struct slice from)
{
    to->len = 0;
    SHEAF_ASSERT(buf_append(to, from.data, from.len) == 0);
}

static void apply(struct sim *s, const struct scribe_batch *b, const struct journal_op *op)
{
    switch (op->kind) {
    case JOURNAL_SWEEP:
        set_bytes(&s->disk.plan, op->blob);
        memcpy(s->disk.identity, op->identity.data, HASH_BYTES);
        s->disk.has_sweep = true;
        s->disk.state = SWEEP_RUNNING;
        break;
    case JOURNAL_RUN:
        apply_run(s, op);
        break;
    case JOURNAL_FRONTIER:
        s->disk.frontier = op->first;
        break;
    case JOURNAL_STATE:
        s->disk.state = op->state;
        s->disk.numbers = op->numbers;
        strncpy(s->disk.reason, op->reason, sizeof(s->disk.reason) - 1);
        break;
    case JOURNAL_SNAPSHOT:
        set_bytes(&s->disk.snapshot, op->blob);
        /* `blob` starts behind a copy of the done-set that disk_push put into the batch's arena */
        memcpy(s->disk.snapshot_done, b->ops[b->n_ops].blob.data, plan_tasks(&s->plan));
        break;
    default:
        break;
    }
}

static void batch_free(struct scribe_batch *b)
{
    if (b->keep)
        b->keep_free(b->keep);
    arena_finish(&b->arena);
    free(b);
}

/* A snapshot speaks for the done-set of the moment it was made: kept beside it, one op behind the last. */
static void note_done(struct sim *s, struct scribe_batch *b)
{
    struct journal_op *ops = arena_alloc(&b->arena, (b->n_ops + 1) * sizeof(*ops));
    uint8_t *done = arena_alloc(&b->arena, plan_tasks(&s->plan));
    SHEAF_ASSERT(ops && done);
    memcpy(ops, b->ops, b->n_ops * sizeof(*ops));
    struct bsweep *sweep = sweep_find(s->broker, 0);
    for (uint64_t i = 0; sweep && i < plan_tasks(&s->plan); i++)
        done[i] = intervals_has(&sweep->done, i);
    ops[b->n_ops].blob = (struct slice){done, plan_tasks(&s->plan)};
    b->ops = ops;
}

void disk_push(struct sim *s, struct scribe_batch *b)
{
    b->next = NULL;
    if (s->plan.keep_best)
        note_done(s, b);
    if (!s->disk.first)
        s->disk.last = &s->disk.first;
    *s->disk.last = b;
    s->disk.last = &b->next;
    if (s->disk.free_at < s->now)
        s->disk.free_at = s->now;
    int64_t ms = rng_chance(&s->rng, 0.02) ? rng_between(&s->rng, 50, 3000) : rng_between(&s->rng, 1, 20);
    s->disk.free_at += ms * NS_PER_MS;
    sim_at(s, (struct sim_event){.at = s->disk.free_at, .kind = SIM_COMMIT, .life = s->broker_life});
}

void disk_commit(struct sim *s)
{
    struct scribe_batch *b = s->disk.first;
    if (!b)
        return;
    if (s->now < s->weather.faults_until && rng_chance(&s->rng, s->weather.disk_error)) {
        sim_broker_crashes(s); /* a failed commit: nobody knows whether it is there */
        return;
    }
    s->disk.first = b->next;
    for (uint32_t i = 0; i < b->n_ops; i++)
        apply(s, b, &b->ops[i]);
    uint64_t ticket = b->ticket;
    batch_free(b);
    s->durable_ticket = ticket;
    broker_time(s->broker, s->now);
    broker_durable(s->broker, ticket);
    (void)broker_tick(s->broker);
}

void disk_crash(struct sim *s, bool written)
{
    while (s->disk.first) {
        struct scribe_batch *b = s->disk.first;
        s->disk.first = b->next;
        for (uint32_t i = 0; written && i < b->n_ops; i++)
            apply(s, b, &b->ops[i]);
        written = written && rng_chance(&s->rng, 0.7);
        batch_free(b);
    }
    s->disk.free_at = s->now;
    if (s->disk.reading) {
        free(s->disk.reading->who);
        arena_finish(&s->disk.reading->arena);
        free(s->disk.reading);
        s->disk.reading = NULL;
    }
}

bool disk_restore(struct sim *s)
{
    if (!s->disk.has_sweep)
        return true;
    struct diag d = {""};
    struct journal_sweep stored = {.sweep = 1,
                                   .name = "sim",
                                   .reason = s->disk.reason,
                                   .plan = {s->disk.plan.data, s->disk.plan.len},
                                   .identity = {s->disk.identity, HASH_BYTES},
                                   .snapshot = {s->disk.snapshot.data, s->disk.snapshot.len},
                                   .state = s->disk.state,
                                   .frontier = s->disk.frontier,
                                   .numbers = s->disk.numbers};
    if (broker_restore(s->broker, &stored, &d) == 0)
        return true;
    sim_wrong(s, "a broker cannot restore what it wrote", "%s", d.text);
    return false;
}

void disk_ask(struct sim *s, struct scribe_read *r)
{
    SHEAF_ASSERT(!s->disk.reading);
    s->disk.reading = r;
    int64_t at = s->now + rng_between(&s->rng, 1, 300) * NS_PER_MS;
    sim_at(s, (struct sim_event){.at = at, .kind = SIM_READ, .life = s->broker_life});
}

/* One run a page: the loop over pages is tried as well. */
void disk_answer(struct sim *s)
{
    struct scribe_read *r = s->disk.reading;
    s->disk.reading = NULL;
    uint64_t from = r->read.from, total = plan_tasks(&s->plan);
    r->page = (struct msg_page){.end = true};
    while (r->read.kind == READ_RUNS && from < total && !s->disk.status[from])
        from++;
    uint64_t n = 0;
    while (r->read.kind == READ_RUNS && from + n < total && s->disk.status[from + n] && n < 50)
        n++;
    if (n) {
        r->page.runs = arena_alloc(&r->arena, sizeof(*r->page.runs));
        r->page.n_runs = 1;
        r->page.runs[0] = (struct msg_run){
            .from = from, .n = n, .status = {s->disk.status + from, n}, .scores = {s->disk.scores + from, 8 * n}};
        r->page.end = false;
        r->page.next = from + n;
    }
    broker_time(s->broker, s->now);
    broker_answered(s->broker, r);
}
