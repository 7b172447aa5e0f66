/* SPDX-License-Identifier: MIT
 *
 * memjournal: lists.
 */
#include "tests/fuzz/memjournal.h"

#include "sweep/plan.h"
#include "sweep/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_RUNS 3u /* few, so that several pages are read */

void memjournal_init(struct memjournal *m)
{
    *m = (struct memjournal){.last = &m->first};
}

static void run_free(struct kept_run *r)
{
    free(r->status);
    buf_finish(&r->scores);
    free(r);
}

static void sweep_free(struct kept_sweep *s)
{
    while (s->runs) {
        struct kept_run *r = s->runs;
        s->runs = r->next;
        run_free(r);
    }
    intervals_finish(&s->there);
    buf_finish(&s->plan);
    buf_finish(&s->identity);
    buf_finish(&s->snapshot);
    free(s);
}

static void batch_free(struct scribe_batch *b)
{
    if (b->keep)
        b->keep_free(b->keep);
    arena_finish(&b->arena);
    free(b);
}

void memjournal_crash(struct memjournal *m)
{
    while (m->first) {
        struct scribe_batch *b = m->first;
        m->first = b->next;
        batch_free(b);
    }
    m->last = &m->first;
    while (m->asked) {
        struct scribe_read *r = m->asked;
        m->asked = r->next;
        free(r->who);
        arena_finish(&r->arena);
        free(r);
    }
}

void memjournal_finish(struct memjournal *m)
{
    memjournal_crash(m);
    while (m->sweeps) {
        struct kept_sweep *s = m->sweeps;
        m->sweeps = s->next;
        sweep_free(s);
    }
}

void memjournal_push(struct memjournal *m, struct scribe_batch *batch)
{
    batch->next = NULL;
    *m->last = batch;
    m->last = &batch->next;
}

void memjournal_ask(struct memjournal *m, struct scribe_read *read)
{
    struct scribe_read **at = &m->asked;
    while (*at)
        at = &(*at)->next;
    read->next = NULL;
    *at = read;
}

/* ---- what is written ---- */

static struct kept_sweep **place_of(struct memjournal *m, uint64_t id)
{
    struct kept_sweep **at = &m->sweeps;
    while (*at && (*at)->id < id)
        at = &(*at)->next;
    return at;
}

bool memjournal_has(struct memjournal *m, uint64_t sweep)
{
    const struct kept_sweep *s = *place_of(m, sweep);
    return s && s->id == sweep;
}

static void set(struct buf *to, struct slice from)
{
    to->len = 0;
    SHEAF_ASSERT(buf_append(to, from.data, from.len) == 0);
}

static struct kept_sweep *add_sweep(struct memjournal *m, const struct journal_op *op)
{
    struct kept_sweep **at = place_of(m, op->sweep), *s = calloc(1, sizeof(*s));
    SHEAF_ASSERT(s && (!*at || (*at)->id != op->sweep) && op->identity.len == HASH_BYTES && op->name);
    s->id = op->sweep;
    s->next = *at;
    *at = s;
    set(&s->plan, op->blob);
    set(&s->identity, op->identity);
    SHEAF_ASSERT(s->id > m->last_sweep); /* no number is given twice */
    m->last_sweep = s->id;
    s->state = SWEEP_QUEUED;
    s->files = -1;
    s->wall_ms = op->wall_ms;
    return s;
}

static void add_run(struct kept_sweep *s, uint64_t first, uint64_t n, const uint8_t *status, struct slice scores)
{
    struct kept_run **at = &s->runs, *r = calloc(1, sizeof(*r));
    SHEAF_ASSERT(r && n > 0 && scores.len % n == 0);
    SHEAF_ASSERT(intervals_count_in(&s->there, first, first + n) == 0); /* counted once */
    SHEAF_ASSERT(intervals_add(&s->there, first, first + n) == 0);
    while (*at && (*at)->first < first)
        at = &(*at)->next;
    r->next = *at;
    *at = r;
    r->first = first;
    r->n = n;
    r->status = malloc((size_t)n);
    SHEAF_ASSERT(r->status && buf_append(&r->scores, scores.data, scores.len) == 0);
    for (uint64_t i = 0; i < n; i++)
        r->status[i] = status ? status[i] : TASK_DONE;
}

/* What has failed is as if it had never run. */
static void cut_failed(struct kept_sweep *s)
{
    struct kept_run *old = s->runs;
    s->runs = NULL;
    intervals_finish(&s->there);
    while (old) {
        struct kept_run *r = old;
        size_t row = r->scores.len / (size_t)r->n;
        old = r->next;
        for (uint64_t i = 0; i < r->n; i++)
            if (r->status[i] != TASK_FAILED)
                add_run(s, r->first + i, 1, &r->status[i], (struct slice){r->scores.data + i * row, row});
        run_free(r);
    }
}

static void remove_sweep(struct memjournal *m, uint64_t id)
{
    SHEAF_ASSERT(memjournal_has(m, id));
    struct kept_sweep **at = place_of(m, id), *s = *at;
    *at = s->next;
    sweep_free(s);
}

static void apply(struct memjournal *m, const struct journal_op *op)
{
    struct kept_sweep *s = op->kind == JOURNAL_SWEEP ? add_sweep(m, op) : *place_of(m, op->sweep);
    SHEAF_ASSERT(s && s->id == op->sweep);
    switch (op->kind) {
    case JOURNAL_PLAN:
        set(&s->plan, op->blob);
        break;
    case JOURNAL_STATE:
        s->state = op->state;
        s->limit_hit = op->limit_hit;
        s->files = op->files;
        s->numbers = op->numbers;
        snprintf(s->reason, sizeof(s->reason), "%s", op->reason);
        break;
    case JOURNAL_RUN:
        add_run(s, op->first, op->n, op->status.len ? op->status.data : NULL, op->scores);
        break;
    case JOURNAL_FRONTIER:
        s->frontier = op->first;
        break;
    case JOURNAL_SNAPSHOT:
        set(&s->snapshot, op->blob);
        break;
    case JOURNAL_RETRY:
        cut_failed(s);
        break;
    case JOURNAL_REMOVE:
        remove_sweep(m, op->sweep);
        break;
    case JOURNAL_FAILURE: /* read only, so that their bytes are looked at */
        SHEAF_ASSERT(strlen(op->failure.reason) + strlen(op->failure.tail) < 1 << 20);
        break;
    case JOURNAL_LOG:
        SHEAF_ASSERT(strlen(op->log.text) < 1 << 20);
        break;
    case JOURNAL_GROUP:
        SHEAF_ASSERT(strlen(op->group.group) < 1 << 20 && op->group.values.len < 1 << 20);
        break;
    default: /* SWEEP is there already; what is forgotten was not kept here */
        break;
    }
}

uint64_t memjournal_commit(struct memjournal *m)
{
    struct scribe_batch *b = m->first;
    if (!b)
        return 0;
    for (uint32_t i = 0; i < b->n_ops; i++)
        apply(m, &b->ops[i]);
    m->first = b->next;
    if (!m->first)
        m->last = &m->first;
    uint64_t ticket = b->ticket;
    batch_free(b);
    return ticket;
}

/* ---- what is read ---- */

static void answer_runs(const struct kept_sweep *s, struct scribe_read *r)
{
    r->page.runs = arena_alloc(&r->arena, PAGE_RUNS * sizeof(*r->page.runs));
    SHEAF_ASSERT(r->page.runs);
    const struct kept_run *k = s->runs;
    while (k && k->first + k->n <= r->read.from)
        k = k->next;
    for (; k && r->page.n_runs < PAGE_RUNS; k = k->next) {
        struct msg_run *out = &r->page.runs[r->page.n_runs++];
        uint64_t skip = k->first < r->read.from ? r->read.from - k->first : 0;
        size_t row = k->scores.len / (size_t)k->n;
        *out = (struct msg_run){.from = k->first + skip,
                                .n = k->n - skip,
                                .status = {k->status + skip, (size_t)(k->n - skip)},
                                .scores = {k->scores.data + skip * row, (size_t)(k->n - skip) * row}};
        r->page.next = out->from + out->n;
    }
    r->page.end = k == NULL;
}

struct scribe_read *memjournal_answer(struct memjournal *m)
{
    struct scribe_read *r = m->asked;
    if (!r)
        return NULL;
    m->asked = r->next;
    r->page = (struct msg_page){.next = r->read.from, .end = true};
    const struct kept_sweep *s = *place_of(m, r->read.sweep);
    if (s && s->id == r->read.sweep && r->read.kind == READ_RUNS)
        answer_runs(s, r);
    return r;
}

void memjournal_restore(const struct memjournal *m, struct broker *b)
{
    for (const struct kept_sweep *s = m->sweeps; s; s = s->next) {
        struct diag d = {""};
        struct journal_sweep stored = {.sweep = s->id,
                                       .name = "",
                                       .reason = s->reason,
                                       .plan = {s->plan.data, s->plan.len},
                                       .identity = {s->identity.data, s->identity.len},
                                       .snapshot = {s->snapshot.data, s->snapshot.len},
                                       .state = s->state,
                                       .limit_hit = s->limit_hit,
                                       .files = s->files,
                                       .wall_ms = s->wall_ms,
                                       .frontier = s->frontier,
                                       .numbers = s->numbers};
        SHEAF_ASSERT(broker_restore(b, &stored, &d) == 0);
    }
}
