/* SPDX-License-Identifier: MIT
 *
 * ledger: see ledger.h. It knows nothing of tables, pages or rows: a task has a status and scores, and that is compared.
 */
#include "ledger.h"

#include "sweep/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT 40u

static void must(int err)
{
    SHEAF_ASSERT(err == 0);
}

void ledger_init(struct ledger *l)
{
    memset(l, 0, sizeof(*l));
    l->next_sweep = 1;
}

static void sweep_clear(struct ledger_sweep *s)
{
    buf_finish(&s->plan);
    buf_finish(&s->identity);
    buf_finish(&s->snapshot);
    buf_finish(&s->failures);
    buf_finish(&s->logs);
    for (size_t i = 0; i < LEDGER_TASKS / 16; i++)
        buf_finish(&s->groups[i]);
    memset(s, 0, sizeof(*s));
}

void ledger_finish(struct ledger *l)
{
    for (uint32_t i = 0; i < LEDGER_SWEEPS; i++)
        sweep_clear(&l->sweeps[i]);
}

/* ---- random ops ---- */

static void *memory(struct scribe_batch *b, size_t n)
{
    void *p = arena_alloc(&b->arena, n);
    SHEAF_ASSERT(p);
    memset(p, 0, n);
    return p;
}

static struct slice random_blob(struct scribe_batch *b, struct rnd *r, size_t most)
{
    size_t n = 1 + (size_t)rnd_below(r, most);
    uint64_t *words = memory(b, n + 8);
    for (size_t i = 0; i <= n / 8; i++)
        words[i] = rnd_next(r);
    return (struct slice){words, n};
}

static const char *random_text(struct scribe_batch *b, struct rnd *r, const char *what)
{
    char *text = memory(b, TEXT);
    snprintf(text, TEXT, "%s %u", what, (unsigned)rnd_below(r, 1000000));
    return text;
}

static struct journal_numbers random_numbers(struct rnd *r)
{
    return (struct journal_numbers){
        (double)rnd_below(r, 1000), (double)rnd_below(r, 1000), 0.25,           (double)rnd_below(r, 4096),
        (uint32_t)rnd_below(r, 64), rnd_below(r, 99),           rnd_below(r, 9)};
}

/* Tasks from somewhere on that are not done yet and that no op of this batch reports. */
static void random_run(struct ledger_sweep *s, struct scribe_batch *b, struct rnd *r, struct journal_op *op,
                       const uint8_t *taken)
{
    uint64_t from = rnd_below(r, LEDGER_TASKS), most = 1 + rnd_below(r, rnd_below(r, 10) ? 100 : LEDGER_TASKS), n = 0;
    while (from < LEDGER_TASKS && (s->status[from] || taken[from]))
        from++;
    while (n < most && from + n < LEDGER_TASKS && !s->status[from + n] && !taken[from + n])
        n++;
    if (n == 0) {
        op->kind = JOURNAL_FRONTIER;
        op->first = rnd_below(r, 1 << 20);
        return;
    }
    double *scores = memory(b, n * LEDGER_SCORES * sizeof(*scores));
    uint8_t *status = memory(b, n);
    bool mixed = rnd_below(r, 3) == 0;
    for (uint64_t i = 0; i < n; i++)
        status[i] = mixed ? (uint8_t)(TASK_DONE + rnd_below(r, 3)) : TASK_DONE;
    for (uint64_t i = 0; i < n * s->n_scores; i++)
        scores[i] = (double)(rnd_next(r) >> 12);
    op->first = from;
    op->n = n;
    op->scores = (struct slice){scores, (size_t)(n * s->n_scores) * sizeof(*scores)};
    if (mixed || rnd_below(r, 2))
        op->status = (struct slice){status, (size_t)n};
}

static void random_new_sweep(struct ledger *l, struct scribe_batch *b, struct rnd *r, struct journal_op *op)
{
    op->kind = JOURNAL_SWEEP;
    op->sweep = l->next_sweep++;
    op->name = random_text(b, r, "name");
    op->wall_ms = (int64_t)rnd_below(r, 1u << 30);
    op->identity = random_blob(b, r, 64);
    op->blob = random_blob(b, r, rnd_below(r, 8) ? 2000 : 150000);
}

static void random_op(struct ledger_sweep *s, struct scribe_batch *b, struct rnd *r, struct journal_op *op,
                      const uint8_t *taken)
{
    static const enum journal_kind kinds[] = {
        JOURNAL_RUN,     JOURNAL_RUN, JOURNAL_RUN,   JOURNAL_RUN,   JOURNAL_RUN,      JOURNAL_RUN,      JOURNAL_PLAN,
        JOURNAL_FAILURE, JOURNAL_LOG, JOURNAL_GROUP, JOURNAL_STATE, JOURNAL_FRONTIER, JOURNAL_SNAPSHOT, JOURNAL_RETRY,
    };
    op->kind = kinds[rnd_below(r, sizeof(kinds) / sizeof(kinds[0]))];
    op->sweep = s->sweep;
    op->first = rnd_below(r, 1 << 20);
    if (op->kind == JOURNAL_RUN)
        random_run(s, b, r, op, taken);
    if (op->kind == JOURNAL_PLAN || op->kind == JOURNAL_SNAPSHOT)
        op->blob = random_blob(b, r, rnd_below(r, 4) ? 3000 : 100000);
    op->reason = random_text(b, r, "why");
    op->state = (uint32_t)rnd_below(r, 6);
    op->limit_hit = rnd_below(r, 2);
    op->numbers = random_numbers(r);
    op->failure = (struct msg_failure){.position = rnd_below(r, LEDGER_TASKS),
                                       .kind = 1 + (uint32_t)rnd_below(r, 5),
                                       .attempts = (uint32_t)rnd_below(r, 4),
                                       .reason = random_text(b, r, "failed"),
                                       .tail = random_text(b, r, "stderr")};
    op->log = (struct msg_log){.has_position = rnd_below(r, 2),
                               .position = rnd_below(r, LEDGER_TASKS),
                               .level = (uint32_t)rnd_below(r, 4),
                               .text = random_text(b, r, "line")};
    op->group = (struct msg_group){.position = rnd_below(r, LEDGER_TASKS / 16),
                                   .group = random_text(b, r, "group"),
                                   .values = random_blob(b, r, 40)};
}

static void note_taken(const struct journal_op *op, uint8_t *taken)
{
    for (uint64_t i = 0; op->kind == JOURNAL_RUN && i < op->n; i++)
        taken[op->first + i] = 1;
}

struct scribe_batch *ledger_batch(struct ledger *l, struct rnd *r, bool small)
{
    struct scribe_batch *b = calloc(1, sizeof(*b));
    SHEAF_ASSERT(b);
    arena_init(&b->arena, 0);
    b->ticket = ++l->serial;
    struct ledger_sweep *s = &l->sweeps[rnd_below(r, LEDGER_SWEEPS)];
    uint32_t n = 1 + (uint32_t)rnd_below(r, small ? 2 : 6);
    b->ops = memory(b, n * sizeof(*b->ops));
    uint8_t *taken = memory(b, LEDGER_TASKS);
    b->n_ops = n;
    if (!s->sweep) {
        b->n_ops = 1;
        random_new_sweep(l, b, r, b->ops);
        return b;
    }
    if (rnd_below(r, 40) == 0) {
        b->n_ops = 1;
        b->ops[0] = (struct journal_op){.kind = JOURNAL_REMOVE, .sweep = s->sweep};
        return b;
    }
    for (uint32_t i = 0; i < n; i++) {
        random_op(s, b, r, &b->ops[i], taken);
        note_taken(&b->ops[i], taken);
    }
    return b;
}

void ledger_batch_free(struct scribe_batch *b)
{
    arena_finish(&b->arena);
    free(b);
}

/* ---- what they mean ---- */

static void put(struct buf *b, const void *bytes, size_t n)
{
    if (n)
        must(buf_append(b, bytes, n));
}

static void put_u64(struct buf *b, uint64_t v)
{
    put(b, &v, sizeof(v));
}

static void put_text(struct buf *b, const char *text)
{
    put(b, text, strlen(text) + 1);
}

static void put_slice(struct buf *b, struct slice s)
{
    put_u64(b, s.len);
    put(b, s.data, s.len);
}

static void set_blob(struct buf *b, struct slice s)
{
    b->len = 0;
    put(b, s.data, s.len);
}

static struct ledger_sweep *find(struct ledger *l, uint64_t sweep)
{
    struct ledger_sweep *s = l->sweeps;
    while (s->sweep != sweep) {
        s++;
        SHEAF_ASSERT(s < l->sweeps + LEDGER_SWEEPS);
    }
    return s;
}

static void apply_new(struct ledger *l, const struct journal_op *op)
{
    struct ledger_sweep *s = find(l, 0);
    s->sweep = op->sweep;
    s->n_scores = (uint32_t)(op->sweep % (LEDGER_SCORES + 1));
    s->wall_ms = op->wall_ms;
    snprintf(s->name, sizeof(s->name), "%s", op->name);
    set_blob(&s->plan, op->blob);
    set_blob(&s->identity, op->identity);
    must(buf_append(&s->failures, NULL, LEDGER_TASKS * sizeof(struct msg_failure))); /* zeros */
}

static void apply_run(struct ledger_sweep *s, const struct journal_op *op)
{
    const uint8_t *status = op->status.data;
    for (uint64_t i = 0; i < op->n; i++)
        s->status[op->first + i] = op->status.len ? status[i] : TASK_DONE;
    if (op->scores.len)
        memcpy(s->scores + op->first * s->n_scores, op->scores.data, op->scores.len);
}

/* Reasons and tails live with their batch: what is kept is their number. */
static void apply_failure(struct ledger_sweep *s, const struct msg_failure *f)
{
    struct msg_failure *own = (struct msg_failure *)(void *)s->failures.data + f->position;
    own->position = strtoull(strchr(f->reason, ' '), NULL, 10) << 32 | strtoull(strchr(f->tail, ' '), NULL, 10);
    own->kind = f->kind;
    own->attempts = f->attempts;
}

static void apply_log(struct ledger_sweep *s, const struct msg_log *log)
{
    put_u64(&s->logs, log->has_position ? log->position + 1 : 0);
    put_u64(&s->logs, log->level);
    put_text(&s->logs, log->text);
}

static void apply_group(struct ledger_sweep *s, const struct msg_group *g)
{
    put_text(&s->groups[g->position], g->group);
    put_slice(&s->groups[g->position], g->values);
}

static void apply_retry(struct ledger_sweep *s)
{
    struct msg_failure *failures = (struct msg_failure *)(void *)s->failures.data;
    for (uint32_t i = 0; i < LEDGER_TASKS; i++) {
        s->status[i] = s->status[i] == TASK_FAILED ? 0 : s->status[i];
        failures[i].kind = 0;
    }
}

static void apply_state(struct ledger_sweep *s, const struct journal_op *op)
{
    s->state = op->state;
    s->limit_hit = op->limit_hit;
    s->numbers = op->numbers;
    snprintf(s->reason, sizeof(s->reason), "%s", op->reason);
}

static void apply_one(struct ledger *l, const struct journal_op *op)
{
    if (op->kind == JOURNAL_SWEEP) {
        apply_new(l, op);
        return;
    }
    struct ledger_sweep *s = find(l, op->sweep);
    if (op->kind == JOURNAL_RUN)
        apply_run(s, op);
    else if (op->kind == JOURNAL_PLAN)
        set_blob(&s->plan, op->blob);
    else if (op->kind == JOURNAL_STATE)
        apply_state(s, op);
    else if (op->kind == JOURNAL_FAILURE)
        apply_failure(s, &op->failure);
    else if (op->kind == JOURNAL_LOG)
        apply_log(s, &op->log);
    else if (op->kind == JOURNAL_GROUP)
        apply_group(s, &op->group);
    else if (op->kind == JOURNAL_FRONTIER)
        s->frontier = op->first;
    else if (op->kind == JOURNAL_SNAPSHOT)
        set_blob(&s->snapshot, op->blob);
    else if (op->kind == JOURNAL_RETRY)
        apply_retry(s);
    else if (op->kind == JOURNAL_REMOVE)
        sweep_clear(s);
}

void ledger_apply(struct ledger *l, const struct scribe_batch *b)
{
    for (uint32_t i = 0; i < b->n_ops; i++)
        apply_one(l, &b->ops[i]);
}

/* ---- dumps ---- */

static void dump_head(struct buf *out, const struct journal_sweep *s)
{
    const struct journal_numbers *n = &s->numbers;
    put_u64(out, s->sweep);
    put_text(out, s->name);
    put_text(out, s->reason);
    put_slice(out, s->plan);
    put_slice(out, s->identity);
    put_slice(out, s->snapshot);
    put_u64(out, s->state);
    put_u64(out, s->limit_hit);
    put_u64(out, (uint64_t)s->wall_ms);
    put_u64(out, s->frontier);
    put(out, (const double[]){n->seconds, n->cpu_seconds, n->plugin_seconds, n->peak_memory_mb}, 4 * sizeof(double));
    put_u64(out, n->slots);
    put_u64(out, n->verified);
    put_u64(out, n->mismatched);
}

static void dump_task(struct buf *out, uint64_t at, uint8_t status, const void *scores, size_t len)
{
    put_u64(out, at);
    put(out, &status, 1);
    put(out, scores, len);
}

static struct slice slice_of(const struct buf *b)
{
    return (struct slice){b->data, b->len};
}

static void dump_sweep(const struct ledger_sweep *s, struct buf *out)
{
    const struct journal_sweep head = {
        .sweep = s->sweep,
        .name = s->name,
        .reason = s->reason,
        .plan = slice_of(&s->plan),
        .identity = slice_of(&s->identity),
        .snapshot = slice_of(&s->snapshot),
        .state = s->state,
        .limit_hit = s->limit_hit,
        .wall_ms = s->wall_ms,
        .frontier = s->frontier,
        .numbers = s->numbers,
    };
    const struct msg_failure *failures = (const struct msg_failure *)(const void *)s->failures.data;
    size_t stride = s->n_scores * sizeof(double);
    dump_head(out, &head);
    for (uint32_t i = 0; i < LEDGER_TASKS; i++)
        if (s->status[i])
            dump_task(out, i, s->status[i], s->scores + i * s->n_scores, stride);
    for (uint32_t i = 0; i < LEDGER_TASKS; i++)
        if (failures[i].kind) {
            put_u64(out, i);
            put_u64(out, failures[i].position);
            put_u64(out, (uint64_t)failures[i].kind << 32 | failures[i].attempts);
        }
    put(out, s->logs.data, s->logs.len);
    for (uint32_t i = 0; i < LEDGER_TASKS / 16; i++) {
        if (s->groups[i].len)
            put_u64(out, i);
        put(out, s->groups[i].data, s->groups[i].len);
    }
}

void ledger_dump(const struct ledger *l, struct buf *out)
{
    uint64_t done = 0;
    for (;;) {
        const struct ledger_sweep *next = NULL;
        for (uint32_t i = 0; i < LEDGER_SWEEPS; i++) {
            const struct ledger_sweep *s = &l->sweeps[i];
            if (s->sweep > done && (!next || s->sweep < next->sweep))
                next = s;
        }
        if (!next)
            return;
        dump_sweep(next, out);
        done = next->sweep;
    }
}

static void dump_page(const struct msg_page *p, uint64_t *group, struct buf *out)
{
    for (uint32_t i = 0; i < p->n_runs; i++) {
        const struct msg_run *run = &p->runs[i];
        const uint8_t *status = run->status.data, *scores = run->scores.data;
        size_t stride = run->scores.len / run->n;
        for (uint64_t k = 0; k < run->n; k++)
            dump_task(out, run->from + k, run->status.len ? status[k] : TASK_DONE, stride ? scores + k * stride : NULL,
                      stride);
    }
    for (uint32_t i = 0; i < p->n_failures; i++) {
        const struct msg_failure *f = &p->failures[i];
        put_u64(out, f->position);
        put_u64(out, strtoull(strchr(f->reason, ' '), NULL, 10) << 32 | strtoull(strchr(f->tail, ' '), NULL, 10));
        put_u64(out, (uint64_t)f->kind << 32 | f->attempts);
    }
    for (uint32_t i = 0; i < p->n_logs; i++) {
        put_u64(out, p->logs[i].has_position ? p->logs[i].position + 1 : 0);
        put_u64(out, p->logs[i].level);
        put_text(out, p->logs[i].text);
    }
    for (uint32_t i = 0; i < p->n_groups; i++) {
        if (p->groups[i].position != *group)
            put_u64(out, *group = p->groups[i].position);
        put_text(out, p->groups[i].group);
        put_slice(out, p->groups[i].values);
    }
}

static int dump_kind(struct journal *j, struct msg_read *read, size_t max_bytes, struct arena *a, struct buf *out,
                     struct diag *d)
{
    struct msg_page p = {0};
    uint64_t group = UINT64_MAX;
    int err = 0;
    for (; err == 0 && !p.end; read->from = p.next) {
        err = journal_read(j, read, max_bytes, a, &p, d);
        if (err == 0)
            dump_page(&p, &group, out);
    }
    return err;
}

int ledger_dump_journal(struct journal *j, size_t max_bytes, struct buf *out, struct diag *d)
{
    static const enum read_kind kinds[] = {READ_RUNS, READ_FAILURES, READ_LOGS, READ_GROUPS};
    struct journal_sweep *sweeps = NULL;
    struct arena a;
    uint32_t n = 0;
    arena_init(&a, 0);
    int err = journal_sweeps(j, &a, &sweeps, &n, d);
    for (uint32_t i = 0; i < n && err == 0; i++) {
        dump_head(out, &sweeps[i]);
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && err == 0; k++)
            err = dump_kind(j, &(struct msg_read){.sweep = sweeps[i].sweep, .kind = kinds[k]}, max_bytes, &a, out, d);
    }
    arena_finish(&a);
    return err;
}
