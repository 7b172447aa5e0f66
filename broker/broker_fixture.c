/* SPDX-License-Identifier: MIT
 *
 * broker_fixture: a broker between a journal that waits and peers that listen.
 */
#include "broker/broker_fixture.h"

#include "common/fsutil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- environment ---- */

static void inside(struct broker_fixture *f, bool is)
{
    if (f->memory)
        f->memory(is);
}

static void tick(struct broker_fixture *f)
{
    inside(f, true);
    (void)broker_tick(f->broker);
    inside(f, false);
}

static bool env_send(void *ctx, uint64_t peer, uint32_t type, const void *body)
{
    struct broker_fixture *f = ctx;
    SHEAF_ASSERT(!f->broker || !broker_failed(f->broker)); /* nothing is promised any more */
    if (peer == f->gone)
        return false;
    inside(f, false);
    mailbox_put(&f->out, peer, type, body);
    inside(f, true);
    return true;
}

static void env_journal(void *ctx, struct scribe_batch *batch)
{
    struct broker_fixture *f = ctx;
    SHEAF_ASSERT(!f->broker || !broker_failed(f->broker)); /* something may be missing in it */
    batch->next = NULL;
    *f->last = batch;
    f->last = &batch->next;
}

static void env_read(void *ctx, struct scribe_read *r)
{
    struct broker_fixture *f = ctx;
    struct scribe_read **last = &f->asked;
    while (*last)
        last = &(*last)->next;
    r->next = NULL;
    *last = r;
}

static uint64_t env_pss(void *ctx)
{
    (void)ctx;
    return 1 << 20;
}

static int64_t env_cpu(void *ctx)
{
    return ((struct broker_fixture *)ctx)->cpu_ns;
}

static int64_t env_wall(void *ctx)
{
    (void)ctx;
    return 123456;
}

static void batch_free(struct scribe_batch *b)
{
    if (b->keep)
        b->keep_free(b->keep);
    arena_finish(&b->arena);
    free(b);
}

/* ---- life ---- */

static void broker_begins(struct broker_fixture *f)
{
    struct broker_env env = {.ctx = f,
                             .send = env_send,
                             .journal = env_journal,
                             .read = env_read,
                             .own_pss = env_pss,
                             .own_cpu_ns = env_cpu,
                             .wall_ms = env_wall,
                             .outputs = f->outputs};
    struct diag d = {""};
    f->config.epoch += ((uint64_t)1 << 32) + 1;
    SHEAF_ASSERT(journal_last_sweep(f->journal, &f->config.last_sweep, &d) == 0);
    f->broker = broker_create(&f->config, &env);
    SHEAF_ASSERT(f->broker);
    broker_time(f->broker, f->now);
}

void fixture_init(struct broker_fixture *f)
{
    char dir[] = "/tmp/broker_test_XXXXXX";
    SHEAF_ASSERT(mkdtemp(dir));
    fixture_init_in(f, dir);
}

void fixture_init_in(struct broker_fixture *f, const char *dir)
{
    struct diag d = {""};
    memset(f, 0, sizeof(*f));
    f->last = &f->first;
    f->now = 1000 * NS_PER_S;
    SHEAF_ASSERT((size_t)snprintf(f->dir, sizeof(f->dir), "%s", dir) < sizeof(f->dir));
    SHEAF_ASSERT(journal_open(f->dir, true, &f->journal, &d) == 0);
    mailbox_init(&f->out);
    plan_fixture_init(&f->plan, 100, 1);
    broker_begins(f);
}

static void lose_what_waits(struct broker_fixture *f)
{
    while (f->first) {
        struct scribe_batch *b = f->first;
        f->first = b->next;
        batch_free(b);
    }
    f->last = &f->first;
    while (f->asked) {
        struct scribe_read *r = f->asked;
        f->asked = r->next;
        free(r->who);
        arena_finish(&r->arena);
        free(r);
    }
}

void fixture_finish(struct broker_fixture *f)
{
    broker_destroy(f->broker);
    lose_what_waits(f);
    journal_close(f->journal);
    dir_remove(f->dir);
    mailbox_finish(&f->out);
    buf_finish(&f->plan_bytes);
}

int fixture_setup(void **state)
{
    struct broker_fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    fixture_init(f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

void fixture_restart(struct broker_fixture *f)
{
    struct diag d = {""};
    struct arena a;
    struct journal_sweep *sweeps;
    uint32_t n;
    broker_destroy(f->broker);
    lose_what_waits(f);
    broker_begins(f);
    arena_init(&a, 0);
    SHEAF_ASSERT(journal_sweeps(f->journal, &a, &sweeps, &n, &d) == 0);
    for (uint32_t i = 0; i < n; i++)
        SHEAF_ASSERT(broker_restore(f->broker, &sweeps[i], &d) == 0);
    arena_finish(&a);
    mailbox_clear(&f->out);
}

void fixture_pass(struct broker_fixture *f, int64_t ms)
{
    for (; ms > 0; ms -= 500) {
        f->now += (ms < 500 ? ms : 500) * NS_PER_MS;
        broker_time(f->broker, f->now);
        tick(f);
    }
}

static bool commit_one(struct broker_fixture *f, const struct scribe_batch *b)
{
    struct diag d = {""};
    int err = journal_begin(f->journal, &d);
    for (uint32_t i = 0; i < b->n_ops && err == 0; i++) {
        err = journal_apply(f->journal, &b->ops[i], &d);
        f->journaled[b->ops[i].kind]++;
    }
    err = err ? err : journal_commit(f->journal, &d);
    return err == 0;
}

void fixture_commit(struct broker_fixture *f)
{
    while (f->first && !f->broken) {
        struct scribe_batch *b = f->first;
        uint64_t ticket = b->ticket;
        f->broken = !commit_one(f, b);
        SHEAF_ASSERT(!f->broken || f->may_break);
        if (f->broken)
            return;
        f->first = b->next;
        if (!f->first)
            f->last = &f->first;
        batch_free(b);
        inside(f, true);
        broker_durable(f->broker, ticket);
        inside(f, false);
    }
    tick(f);
}

bool fixture_answer(struct broker_fixture *f)
{
    struct scribe_read *r = f->asked;
    if (!r)
        return false;
    fixture_commit(f); /* a read sees everything that was handed over before it */
    if (f->broken)
        return false;
    f->asked = r->next;
    r->err = journal_read(f->journal, &r->read, 64, &r->arena, &r->page, &r->diag); /* small pages: several of them */
    inside(f, true);
    broker_answered(f->broker, r);
    inside(f, false);
    tick(f);
    return true;
}

void fixture_settle(struct broker_fixture *f)
{
    do
        fixture_commit(f);
    while (fixture_answer(f) || (f->first && !f->broken));
}

int fixture_message(struct broker_fixture *f, uint64_t peer, uint32_t type, const void *body)
{
    broker_time(f->broker, f->now);
    inside(f, true);
    int err = broker_message(f->broker, peer, type, body, NULL);
    inside(f, false);
    tick(f);
    return err;
}

/* ---- clients ---- */

void client_submits(struct broker_fixture *f)
{
    f->plan_bytes.len = 0;
    SHEAF_ASSERT(plan_encode(&f->plan.plan, &f->plan_bytes) == 0);
    fixture_message(f, CLIENT, MSG_SUBMIT, &(struct msg_submit){.plan = {f->plan_bytes.data, f->plan_bytes.len}});
}

uint64_t client_gets_sweep(struct broker_fixture *f)
{
    client_submits(f);
    fixture_settle(f);
    const struct msg_submitted *m = mailbox_last(&f->out, CLIENT, MSG_SUBMITTED);
    SHEAF_ASSERT(m);
    return m->sweep;
}

void client_asks(struct broker_fixture *f, uint32_t type, uint64_t sweep, bool now)
{
    fixture_message(f, CLIENT, type, &(struct msg_sweep){.sweep = sweep, .now = now});
}

const char *client_refused(struct broker_fixture *f)
{
    const struct msg_error *m = mailbox_last(&f->out, CLIENT, MSG_ERROR);
    return m ? m->text : NULL;
}

const struct msg_status *client_status(struct broker_fixture *f, uint64_t sweep)
{
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .top = 3});
    const struct msg_status *m = mailbox_last(&f->out, CLIENT, MSG_STATUS);
    SHEAF_ASSERT(m);
    return m;
}

/* ---- workers ---- */

struct copy { /* a letter with the bytes that the journal needs */
    struct letter letter;
    struct buf frame;
    struct arena arena;
    _Alignas(16) unsigned char body[PROTO_MAX_STRUCT];
};

static void copy_free(struct letter *l)
{
    struct copy *c = (struct copy *)(void *)l;
    buf_finish(&c->frame);
    arena_finish(&c->arena);
    free(c);
}

void fixture_report(struct broker_fixture *f, uint64_t peer, const struct msg_report *m)
{
    struct copy *c = calloc(1, sizeof(*c));
    struct buf head = {0};
    struct diag d = {""};
    SHEAF_ASSERT(c);
    atomic_init(&c->letter.refs, 1);
    c->letter.free = copy_free;
    arena_init(&c->arena, 0);
    SHEAF_ASSERT(proto_encode(MSG_REPORT, m, &head, &c->frame) == 0);
    SHEAF_ASSERT(proto_body(MSG_REPORT, c->frame.data, c->frame.len, &c->arena, c->body, &d) == 0);
    buf_finish(&head);
    c->letter.bytes = sizeof(*c) + c->frame.len + c->arena.total;
    broker_time(f->broker, f->now);
    inside(f, true);
    SHEAF_ASSERT(broker_message(f->broker, peer, MSG_REPORT, c->body, &c->letter) == 0);
    inside(f, false);
    tick(f);
    letter_unref(&c->letter);
}

void worker_hello(struct broker_fixture *f, uint64_t peer, uint32_t slots, struct msg_held *held, uint32_t n_held)
{
    char instance[33];
    snprintf(instance, sizeof(instance), "%032llx", (unsigned long long)peer);
    fixture_message(
        f, peer, MSG_HELLO,
        &(struct msg_hello){.instance = instance, .host = "here", .slots = slots, .held = held, .n_held = n_held});
}

void worker_beats(struct broker_fixture *f, uint64_t peer, struct msg_held *held, uint32_t n_held)
{
    fixture_message(f, peer, MSG_BEAT, &(struct msg_beat){.held = held, .n_held = n_held, .cpu_ns = NS_PER_S});
}

const struct msg_grant *worker_wants_at(struct broker_fixture *f, uint64_t peer, uint64_t sweep, double tasks_per_s)
{
    for (const struct msg_grant *m = mailbox_next(&f->out, peer, MSG_GRANT); m;
         m = mailbox_next(&f->out, peer, MSG_GRANT))
        if (m->n_leases)
            return m; /* it was hungry, and has been served since */
    fixture_message(f, peer, MSG_WANT, &(struct msg_want){.idle = 1, .sweep = sweep, .tasks_per_s = tasks_per_s});
    const struct msg_grant *m = mailbox_next(&f->out, peer, MSG_GRANT);
    SHEAF_ASSERT(m);
    return m;
}

const struct msg_grant *worker_wants(struct broker_fixture *f, uint64_t peer)
{
    return worker_wants_at(f, peer, 0, 0);
}

struct msg_lease worker_gets(struct broker_fixture *f, uint64_t peer)
{
    const struct msg_grant *m = worker_wants(f, peer);
    SHEAF_ASSERT(m->n_leases == 1);
    return m->leases[0];
}

uint64_t worker_reports_as(struct broker_fixture *f, uint64_t peer, const struct msg_lease *l, uint64_t from,
                           uint64_t n, uint8_t status, bool closed)
{
    uint8_t *st = malloc(n + 1);
    double *scores = calloc(n + 1, sizeof(*scores));
    SHEAF_ASSERT(st && scores);
    for (uint64_t i = 0; i < n; i++) {
        st[i] = status;
        scores[i] = status == TASK_DONE ? (double)(from + i) : __builtin_nan("");
    }
    struct msg_run run = {.from = from, .n = n, .status = {st, n}, .scores = {scores, n * sizeof(*scores)}};
    struct msg_report m = {.seq = ++f->seq,
                           .sweep = l->sweep,
                           .lease = l->lease,
                           .closed = closed,
                           .runs = &run,
                           .n_runs = n > 0,
                           .slots_used = 1,
                           .plugin_ns = 1000,
                           .broken = ""};
    fixture_report(f, peer, &m);
    free(st);
    free(scores);
    return f->seq;
}

uint64_t worker_reports(struct broker_fixture *f, uint64_t peer, const struct msg_lease *l, uint64_t from, uint64_t n,
                        bool closed)
{
    return worker_reports_as(f, peer, l, from, n, TASK_DONE, closed);
}

uint64_t worker_reports_all_kinds(struct broker_fixture *f, uint64_t peer, const struct msg_lease *l, uint64_t from,
                                  uint64_t n)
{
    static const uint8_t status[] = {TASK_DONE, TASK_FAILED};
    const double scores[] = {(double)from, __builtin_nan("")}, value = 3;
    SHEAF_ASSERT(n == 1 || n == 2);
    struct msg_run run = {
        .from = from, .n = n, .status = {status + 2 - n, n}, .scores = {scores + 2 - n, n * sizeof(*scores)}};
    struct msg_failure failure = {
        .position = from + n - 1, .kind = FAIL_CRASH, .reason = "why", .attempts = 1, .tail = "words"};
    struct msg_log log = {.position = from, .has_position = true, .level = 1, .text = "line"};
    struct msg_group group = {.position = from, .group = "g", .values = {&value, sizeof(value)}};
    fixture_report(f, peer,
                   &(struct msg_report){.seq = ++f->seq,
                                        .sweep = l->sweep,
                                        .lease = l->lease,
                                        .runs = &run,
                                        .n_runs = 1,
                                        .failures = &failure,
                                        .n_failures = 1,
                                        .logs = &log,
                                        .n_logs = 1,
                                        .groups = &group,
                                        .n_groups = 1,
                                        .broken = ""});
    return f->seq;
}

bool worker_acked(struct broker_fixture *f, uint64_t peer, uint64_t seq)
{
    bool acked = false;
    for (const struct msg_ack *m = mailbox_next(&f->out, peer, MSG_ACK); m; m = mailbox_next(&f->out, peer, MSG_ACK))
        for (uint32_t i = 0; i < m->n_seqs; i++)
            acked = acked || m->seqs[i].seq == seq;
    return acked;
}

void worker_does_all(struct broker_fixture *f, uint64_t peer)
{
    for (bool settled = false; !settled;) {
        const struct msg_grant *m = worker_wants(f, peer);
        settled = m->n_leases == 0;
        for (uint32_t i = 0; i < m->n_leases; i++)
            worker_reports(f, peer, &m->leases[i], m->leases[i].from, m->leases[i].to - m->leases[i].from, true);
        if (!settled)
            continue;
        fixture_settle(f); /* the frontier may have had to move first */
        settled = mailbox_count(&f->out, peer, MSG_GRANT) == 0;
    }
}

struct msg_held held_of(const struct msg_lease *l)
{
    return (struct msg_held){.sweep = l->sweep,
                             .lease = l->lease,
                             .from = l->from,
                             .to = l->to,
                             .left = l->to - l->from,
                             .flags = l->flags,
                             .granted_to = l->to};
}

uint64_t fixture_sweep(struct broker_fixture *f)
{
    uint64_t sweep = client_gets_sweep(f);
    worker_hello(f, WORKER_A, 1, NULL, 0);
    return sweep;
}

uint64_t fixture_sweep_of(struct broker_fixture *f, uint64_t n)
{
    f->plan.plan.trials = f->plan.axis.count = n;
    return fixture_sweep(f);
}

uint64_t fixture_finished_sweep(struct broker_fixture *f)
{
    uint64_t sweep = fixture_sweep(f);
    worker_does_all(f, WORKER_A);
    return sweep;
}
