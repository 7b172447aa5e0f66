/* SPDX-License-Identifier: MIT
 *
 * simdisk: the journal as a model: batches become durable one after the other, after a while; a crash loses what was not durable,
 * or keeps it without anybody having been told.
 */
#include "tests/sim/sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_TASKS 50u /* few: the loop over pages is tried as well */

struct vstored *disk_find(const struct sim *s, uint64_t sweep)
{
    for (uint32_t i = 0; i < s->disk.n_stored; i++)
        if (s->disk.stored[i]->id == sweep)
            return s->disk.stored[i];
    return NULL;
}

bool disk_holds(const struct vstored *d, uint64_t position)
{
    return d->user->plan.keep_best ? d->snapshot_done[position] : d->status[position] != 0;
}

/* ---- what a batch changes ---- */

static void set_bytes(struct buf *to, struct slice from)
{
    to->len = 0;
    SHEAF_ASSERT(buf_append(to, from.data, from.len) == 0);
}

static void add_sweep(struct sim *s, const struct journal_op *op)
{
    struct vstored *d = calloc(1, sizeof(*d));
    SHEAF_ASSERT(d && s->disk.n_stored < sizeof(s->disk.stored) / sizeof(s->disk.stored[0]));
    *d = (struct vstored){.id = op->sweep,
                          .user = &s->sweeps[op->name[3] - '0'],
                          .status = calloc(SIM_TASKS, 1),
                          .kind = calloc(SIM_TASKS, 1),
                          .snapshot_done = calloc(SIM_TASKS, 1),
                          .scores = calloc(SIM_TASKS, sizeof(double)),
                          .state = SWEEP_QUEUED,
                          .files = -1};
    set_bytes(&d->plan, op->blob);
    memcpy(d->identity, op->identity.data, HASH_BYTES);
    if (op->sweep <= s->disk.last_sweep)
        sim_wrong(s, "a sweep has a number that another one had", "%llu", (unsigned long long)op->sweep);
    s->disk.last_sweep = op->sweep;
    s->disk.stored[s->disk.n_stored++] = d;
}

static void free_stored(struct vstored *d)
{
    buf_finish(&d->plan);
    buf_finish(&d->snapshot);
    free(d->status);
    free(d->kind);
    free(d->snapshot_done);
    free(d->scores);
    free(d);
}

static void remove_sweep(struct sim *s, const struct vstored *d)
{
    uint32_t i = 0;
    while (s->disk.stored[i] != d)
        i++;
    free_stored(s->disk.stored[i]);
    for (s->disk.n_stored--; i < s->disk.n_stored; i++)
        s->disk.stored[i] = s->disk.stored[i + 1];
}

static void apply_run(struct sim *s, struct vstored *d, const struct journal_op *op)
{
    for (uint64_t i = 0; i < op->n; i++) {
        uint64_t at = op->first + i;
        double score;
        if (at >= d->user->total || d->status[at]) {
            sim_wrong(s, "a position was journaled twice", "position %llu", (unsigned long long)at);
            return;
        }
        d->status[at] = op->status.len ? ((const uint8_t *)op->status.data)[i] : TASK_DONE;
        memcpy(&score, (const uint8_t *)op->scores.data + 8 * i, 8);
        d->scores[at] = score;
        bool right = d->status[at] == TASK_DONE ? score == task_score_of(d->user, at) : isnan(score);
        if (!right || d->status[at] != task_status_of(s, d->user, at))
            sim_wrong(s, "a wrong result was journaled", "position %llu", (unsigned long long)at);
    }
}

/* Failed tasks are open again. */
static void apply_retry(struct vstored *d)
{
    for (uint64_t i = 0; i < SIM_TASKS; i++)
        if (d->status[i] == TASK_FAILED)
            d->status[i] = d->kind[i] = 0;
    d->retried = true;
}

static void apply(struct sim *s, const struct vbatch *b, const struct journal_op *op)
{
    struct vstored *d = disk_find(s, op->sweep);
    if (op->kind == JOURNAL_SWEEP) {
        add_sweep(s, op);
        return;
    }
    if (!d) {
        sim_wrong(s, "the journal is told of a sweep that it has not", "%llu", (unsigned long long)op->sweep);
        return;
    }
    switch (op->kind) {
    case JOURNAL_PLAN:
        set_bytes(&d->plan, op->blob);
        break;
    case JOURNAL_RUN:
        apply_run(s, d, op);
        d->arithmetic |= b->arithmetic;
        break;
    case JOURNAL_FAILURE:
        if (op->failure.kind != FAIL_VERIFY)
            d->kind[op->failure.position] = (uint8_t)op->failure.kind;
        break;
    case JOURNAL_FRONTIER:
        d->frontier = op->first;
        break;
    case JOURNAL_STATE:
        d->state = op->state;
        d->numbers = op->numbers;
        d->limit_hit = op->limit_hit;
        d->files = op->files;
        strncpy(d->reason, op->reason, sizeof(d->reason) - 1);
        break;
    case JOURNAL_SNAPSHOT:
        set_bytes(&d->snapshot, op->blob);
        memcpy(d->snapshot_done, b->done, SIM_TASKS);
        d->arithmetic |= b->arithmetic;
        break;
    case JOURNAL_RETRY:
        apply_retry(d);
        break;
    case JOURNAL_REMOVE:
        remove_sweep(s, d);
        break;
    default:
        break;
    }
}

/* ---- batches ---- */

static void batch_free(struct vbatch *b)
{
    if (b->batch->keep)
        b->batch->keep_free(b->batch->keep);
    arena_finish(&b->batch->arena);
    free(b->batch);
    free(b->done);
    free(b);
}

static void apply_all(struct sim *s, const struct vbatch *b)
{
    for (uint32_t i = 0; i < b->batch->n_ops; i++)
        apply(s, b, &b->batch->ops[i]);
}

/* A snapshot speaks for the done-set of the moment it was made. */
static void note_done(struct sim *s, struct vbatch *b)
{
    const struct bsweep *sweep = NULL;
    for (uint32_t i = 0; i < b->batch->n_ops; i++)
        if (b->batch->ops[i].kind == JOURNAL_SNAPSHOT)
            sweep = sweep_find(s->broker, b->batch->ops[i].sweep);
    if (!sweep)
        return;
    b->done = calloc(SIM_TASKS, 1);
    SHEAF_ASSERT(b->done);
    for (size_t i = 0; i < sweep->done.n; i++)
        memset(b->done + sweep->done.at[i].from, 1, sweep->done.at[i].to - sweep->done.at[i].from);
}

void disk_push(struct sim *s, struct scribe_batch *batch)
{
    struct vbatch *b = calloc(1, sizeof(*b));
    SHEAF_ASSERT(b);
    *b = (struct vbatch){.batch = batch, .arithmetic = s->reporting};
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
    struct vbatch *b = s->disk.first;
    if (!b)
        return;
    bool full = s->now < s->disk.full_until;
    if (full || (s->now < s->weather.faults_until && rng_chance(&s->rng, s->weather.disk_error))) {
        broker_crashes(s); /* a failed commit: nobody knows whether it is there */
        return;
    }
    s->disk.first = b->next;
    apply_all(s, b);
    s->durable_ticket = b->batch->ticket;
    batch_free(b);
    broker_clock(s);
    broker_durable(s->broker, s->durable_ticket);
    (void)broker_tick(s->broker);
    check_broker(s);
}

void disk_crash(struct sim *s, bool written)
{
    written = written && s->now >= s->disk.full_until;
    while (s->disk.first) {
        struct vbatch *b = s->disk.first;
        s->disk.first = b->next;
        if (written)
            apply_all(s, b);
        written = written && rng_chance(&s->rng, 0.7);
        batch_free(b);
    }
    s->disk.free_at = s->now;
    while (s->disk.reads) {
        struct vread *r = s->disk.reads;
        s->disk.reads = r->next;
        arena_finish(&r->read->arena);
        free(r->read->who);
        free(r->read);
        free(r);
    }
}

void disk_free(struct sim *s)
{
    disk_crash(s, false);
    for (uint32_t i = 0; i < s->disk.n_stored; i++)
        free_stored(s->disk.stored[i]);
}

void disk_restore(struct sim *s)
{
    for (uint32_t i = 0; i < s->disk.n_stored; i++) {
        const struct vstored *d = s->disk.stored[i];
        struct diag diag = {""};
        struct journal_sweep stored = {.sweep = d->id,
                                       .name = d->user->name,
                                       .reason = d->reason,
                                       .plan = {d->plan.data, d->plan.len},
                                       .identity = {d->identity, HASH_BYTES},
                                       .snapshot = {d->snapshot.data, d->snapshot.len},
                                       .state = d->state,
                                       .limit_hit = d->limit_hit,
                                       .files = d->files,
                                       .frontier = d->frontier,
                                       .numbers = d->numbers};
        if (broker_restore(s->broker, &stored, &diag) < 0)
            sim_wrong(s, "a broker cannot restore what it wrote", "%s", diag.text);
    }
}

/* ---- pages ---- */

static void read_at(struct sim *s, int64_t from_ms, int64_t to_ms)
{
    int64_t at = s->now + rng_between(&s->rng, from_ms, to_ms) * NS_PER_MS;
    sim_at(s, (struct sim_event){.at = at, .kind = SIM_READ, .life = s->broker_life});
}

void disk_ask(struct sim *s, struct scribe_read *r)
{
    struct vread *v = calloc(1, sizeof(*v)), **last = &s->disk.reads;
    SHEAF_ASSERT(v);
    *v = (struct vread){.read = r, .after = s->broker->ticket};
    while (*last)
        last = &(*last)->next;
    *last = v;
    read_at(s, 1, 300);
}

static void page_of_runs(const struct vstored *d, struct scribe_read *r)
{
    uint64_t from = r->read.from, n = 0;
    while (from < SIM_TASKS && !d->status[from])
        from++;
    while (from + n < SIM_TASKS && d->status[from + n] && n < PAGE_TASKS)
        n++;
    if (!n)
        return;
    r->page.runs = arena_alloc(&r->arena, sizeof(*r->page.runs));
    uint8_t *status = arena_alloc(&r->arena, n);
    double *scores = arena_alloc(&r->arena, n * sizeof(*scores));
    SHEAF_ASSERT(r->page.runs && status && scores);
    memcpy(status, d->status + from, n);
    memcpy(scores, d->scores + from, n * sizeof(*scores));
    r->page.n_runs = 1;
    r->page.runs[0] = (struct msg_run){.from = from, .n = n, .status = {status, n}, .scores = {scores, 8 * n}};
    r->page.end = false;
    r->page.next = from + n;
}

static void page_of_failures(const struct vstored *d, struct scribe_read *r)
{
    uint64_t at = r->read.from;
    r->page.failures = arena_alloc(&r->arena, PAGE_TASKS * sizeof(*r->page.failures));
    SHEAF_ASSERT(r->page.failures);
    for (; at < SIM_TASKS && r->page.n_failures < PAGE_TASKS / 10; at++)
        if (d->kind[at])
            r->page.failures[r->page.n_failures++] = (struct msg_failure){
                .position = at, .kind = d->kind[at], .reason = "simulated", .attempts = 1, .tail = ""};
    r->page.end = at == SIM_TASKS;
    r->page.next = at;
}

/* The oldest read whose batches are durable. */
void disk_answer(struct sim *s)
{
    struct vread *v = s->disk.reads;
    if (!v)
        return;
    if (v->after > s->durable_ticket) {
        read_at(s, 1, 5);
        return;
    }
    s->disk.reads = v->next;
    struct scribe_read *r = v->read;
    const struct vstored *d = disk_find(s, r->read.sweep);
    free(v);
    r->page = (struct msg_page){.end = true};
    if (d && r->read.kind == READ_RUNS)
        page_of_runs(d, r);
    else if (d && r->read.kind == READ_FAILURES)
        page_of_failures(d, r);
    broker_clock(s);
    broker_answered(s->broker, r);
    check_broker(s);
}
