/* SPDX-License-Identifier: MIT
 *
 * sim_scale: one big sweep on many workers: the real logic of all of them, slots that run whole chunks, a journal that only
 * counts, a broker that is charged 20 us a message. Every task has to be counted and journaled once, with its own score
 * (the results digest says so); memory that the broker holds and time that slots spend idle have bounds.
 *
 * Usage: sim_scale WORKERS SLOTS TASKS TASK_US [faults] [best] [trace]
 */
#include "tests/sim/scale_heap.h"
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHARGE_NS 20000
#define WAKE_NS (2 * NS_PER_MS)    /* news of slots are gathered for so long: each has a second chunk */
#define COMMIT_NS (10 * NS_PER_MS) /* whatever has been handed over by then is durable */
#define MEMORY_MOST ((size_t)64 << 20)
#define IDLE_MOST 0.02
#define CLIENT 0xc11e47u

struct bslot {
    bool alive, ready, told;
    uint32_t life, turn, nq;
    struct vchunk q[2]; /* done: told */
    uint32_t finished;  /* of q[0], not told */
    int64_t begun;      /* q[0]'s first task that is not finished */
    int64_t busy_ns;
};

struct bigworker {
    struct scale *scale;
    uint32_t index, life;
    uint64_t peer, appointment;
    char instance[33];
    struct worker *logic;
    struct crew_events events;
    struct slot_ops ops;
    struct bslot *slots;
    bool turn_due;
};

struct scale {
    struct sim net; /* its heap, chance and network */
    struct vsweep sweep;
    uint32_t n_workers, n_slots;
    int64_t task_ns;
    bool faults, trace;
    struct bigworker *workers;
    struct broker *broker;
    struct scribe_batch *first, **last;
    bool commit_due;
    struct intervals journaled;
    uint64_t messages, rows;
    int64_t broker_free, busy_ns, began, ended;
    bool finished;
    uint8_t digest[HASH_BYTES];
};

static uint8_t all_done[65536];
static double scores[65536];

static double score_of(uint64_t position)
{
    return (double)(position * 0x9e3779b97f4a7c15u >> 11) * 0x1.0p-53;
}

/* ---- slots ---- */

static int64_t chunk_task_ns(const struct scale *s, const struct chunk *c)
{
    return s->task_ns / 4 * 3 + (int64_t)(hash_of(c->first, 3) % (uint64_t)(s->task_ns / 2 + 1));
}

static void turn_in(struct bigworker *w, int64_t ns)
{
    struct sim *net = &w->scale->net;
    sim_at(
        net,
        (struct sim_event){
            .at = net->now + ns, .kind = SIM_WORKER_TURN, .node = w->index, .life = w->life, .peer = ++w->appointment});
}

static void wake(struct bigworker *w)
{
    if (!w->turn_due)
        turn_in(w, WAKE_NS);
    w->turn_due = true;
}

/* Sets the end of the first chunk, as it is now. */
static void run_on(struct bigworker *w, uint32_t slot)
{
    struct bslot *v = &w->slots[slot];
    struct sim *net = &w->scale->net;
    if (!v->nq || !v->ready)
        return;
    uint32_t left = v->q[0].end - v->q[0].done - v->finished;
    sim_at(net, (struct sim_event){.at = v->begun + left * chunk_task_ns(w->scale, &v->q[0].c),
                                   .kind = SIM_SLOT,
                                   .node = w->index,
                                   .slot = slot,
                                   .life = v->life,
                                   .peer = ++v->turn});
}

/* What has been finished of the first chunk until now. */
static void progress(struct bigworker *w, struct bslot *v)
{
    if (!v->nq || !v->ready)
        return;
    int64_t one = chunk_task_ns(w->scale, &v->q[0].c);
    uint32_t left = v->q[0].end - v->q[0].done - v->finished;
    int64_t n = (w->scale->net.now - v->begun) / one;
    n = n < left ? n : left;
    v->finished += (uint32_t)n;
    v->begun += n * one;
    v->busy_ns += n * one;
    w->scale->busy_ns += n * one;
}

static void tell(struct bigworker *w, uint32_t slot)
{
    struct bslot *v = &w->slots[slot];
    progress(w, v);
    while (v->nq && v->finished) {
        struct vchunk *q = &v->q[0];
        uint32_t n = v->finished;
        for (uint32_t i = 0; i < n; i++)
            scores[i] = score_of(q->c.first + q->done + i);
        q->done += n;
        v->finished = 0;
        bool over = q->done >= q->end;
        if (over) {
            v->q[0] = v->q[1];
            if (--v->nq)
                run_on(w, slot);
        }
        w->events.records(w->events.ctx, slot, n, all_done, scores);
        if (over)
            progress(w, v);
    }
}

/* A chunk whose rest was taken back before the slot had anything more of it makes way. */
static void drop_emptied(struct bigworker *w, uint32_t slot)
{
    struct bslot *v = &w->slots[slot];
    while (v->nq && !v->finished && v->q[0].done >= v->q[0].end) {
        v->q[0] = v->q[1];
        v->begun = w->scale->net.now;
        if (--v->nq)
            run_on(w, slot);
    }
}

static int op_start(void *ctx, uint32_t slot, uint64_t sweep, struct slice bytes, const struct plan *plan)
{
    struct bigworker *w = ctx;
    struct bslot *v = &w->slots[slot];
    (void)sweep;
    (void)bytes;
    (void)plan;
    *v = (struct bslot){.alive = true, .life = v->life + 1, .turn = v->turn};
    sim_at(&w->scale->net, (struct sim_event){.at = w->scale->net.now + 5 * NS_PER_MS,
                                              .kind = SIM_SLOT,
                                              .node = w->index,
                                              .slot = slot,
                                              .life = v->life,
                                              .peer = v->turn});
    return 0;
}

static void op_order(void *ctx, uint32_t slot, const struct chunk *c)
{
    struct bigworker *w = ctx;
    struct bslot *v = &w->slots[slot];
    drop_emptied(w, slot);
    SHEAF_ASSERT(v->nq < 2 && c->count <= sizeof(all_done));
    v->q[v->nq++] = (struct vchunk){.c = *c, .end = c->count};
    if (v->nq > 1)
        return;
    v->begun = w->scale->net.now;
    run_on(w, slot);
}

static uint32_t op_lower(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset, uint32_t count)
{
    struct bigworker *w = ctx;
    struct bslot *v = &w->slots[slot];
    progress(w, v);
    for (uint32_t k = 0; k < v->nq; k++) {
        struct vchunk *q = &v->q[k];
        if (q->c.seq != seq)
            continue;
        uint32_t begun = k == 0 && v->ready ? q->done + v->finished + 1 : q->done;
        uint32_t start = offset > begun ? offset : begun;
        if (start < q->end)
            q->end = start;
        if (k == 0)
            run_on(w, slot);
        return q->end;
    }
    return count;
}

static void op_stop(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset)
{
    (void)ctx;
    (void)slot;
    (void)seq;
    (void)offset;
}

static void op_end(void *ctx, uint32_t slot)
{
    struct bigworker *w = ctx;
    struct bslot *v = &w->slots[slot];
    v->alive = false; /* told at the next turn */
    v->nq = 0;
    wake(w);
}

static void op_sample(void *ctx, uint32_t slot, bool with_pss, struct slot_sample *out)
{
    struct bigworker *w = ctx;
    struct bslot *v = &w->slots[slot];
    progress(w, v);
    *out = (struct slot_sample){.state = !v->ready ? PAGE_STARTING
                                         : v->nq   ? PAGE_RUNNING
                                                   : PAGE_IDLE,
                                .pss_bytes = with_pss ? 1 << 20 : 0,
                                .plugin_ns = v->busy_ns};
    if (v->nq)
        out->current = page_pack(v->q[0].c.seq, v->q[0].done + v->finished);
}

/* ---- workers ---- */

static void env_send_frames(void *ctx, const struct buf *head, const struct buf *frame)
{
    struct bigworker *w = ctx;
    struct sim_event ev = {.kind = SIM_TO_BROKER, .node = w->index, .peer = w->peer};
    sim_carry(&w->scale->net, ev, false, head, frame);
}

static void env_send(void *ctx, uint32_t type, const void *body)
{
    struct bigworker *w = ctx;
    struct sim_event ev = {.kind = SIM_TO_BROKER, .node = w->index, .peer = w->peer};
    sim_post(&w->scale->net, ev, false, type, body);
}

static uint64_t env_pss(void *ctx)
{
    (void)ctx;
    return 1 << 20;
}

static int64_t env_zero(void *ctx)
{
    (void)ctx;
    return 0;
}

static void worker_starts(struct scale *s, uint32_t index)
{
    struct bigworker *w = &s->workers[index];
    w->scale = s;
    w->index = index;
    w->life++;
    w->peer = (uint64_t)w->life << 32 | (index + 1);
    snprintf(w->instance, sizeof(w->instance), "%016x%08x%08x", 7u, index, w->life);
    for (uint32_t i = 0; i < s->n_slots; i++)
        w->slots[i] = (struct bslot){.life = w->slots[i].life + 1};
    struct worker_config config = {.instance = w->instance, .host = "sim", .pid = index, .slots = s->n_slots};
    struct worker_env env = {
        .ctx = w, .send = env_send, .send_frames = env_send_frames, .own_pss = env_pss, .own_cpu_ns = env_zero};
    w->ops = (struct slot_ops){.ctx = w,
                               .start = op_start,
                               .order = op_order,
                               .lower = op_lower,
                               .stop = op_stop,
                               .kill = op_end,
                               .retire = op_end,
                               .sample = op_sample};
    w->logic = worker_create(&config, &env);
    SHEAF_ASSERT(w->logic);
    w->events = worker_events(w->logic);
    worker_set_ops(w->logic, &w->ops);
    w->turn_due = false;
    turn_in(w, rng_between(&s->net.rng, 0, 100) * NS_PER_MS);
}

static void worker_turns(struct bigworker *w)
{
    struct scale *s = w->scale;
    w->turn_due = false;
    worker_time(w->logic, s->net.now);
    for (uint32_t i = 0; i < s->n_slots; i++) {
        struct bslot *v = &w->slots[i];
        if (v->ready && !v->told) {
            v->told = true;
            w->events.ready(w->events.ctx, i);
        }
        if (v->alive && v->ready)
            tell(w, i);
        else if (!v->alive && v->told) {
            v->told = v->ready = false;
            struct slot_death death = {.was_ready = true, .tail = ""};
            w->events.died(w->events.ctx, i, &death);
        }
    }
    int64_t wait = worker_tick(w->logic);
    if (!w->turn_due)
        turn_in(w, wait < NS_PER_MS ? NS_PER_MS : wait);
}

static void slot_event(struct bigworker *w, const struct sim_event *ev)
{
    struct bslot *v = &w->slots[ev->slot];
    if (!v->alive || v->life != ev->life || v->turn != ev->peer)
        return;
    if (!v->ready) {
        v->ready = true;
        v->begun = w->scale->net.now;
        run_on(w, ev->slot);
    } else {
        progress(w, v);
        if (v->nq == 2 && v->finished &&
            v->q[0].done + v->finished == v->q[0].end) { /* the next chunk begins in the same moment */
            worker_time(w->logic, w->scale->net.now);
            tell(w, ev->slot);
        }
    }
    wake(w);
}

static void to_worker(struct scale *s, const struct sim_event *ev)
{
    struct bigworker *w = &s->workers[ev->node];
    struct arena a;
    uint32_t type;
    if (ev->life != w->life)
        return;
    arena_init(&a, 0);
    void *body = sim_decode(&s->net, ev, &a, &type);
    worker_time(w->logic, s->net.now);
    (void)worker_message(w->logic, type, body);
    arena_finish(&a);
    wake(w);
}

/* ---- the broker ---- */

static void ended(struct scale *s, const struct msg_status *m)
{
    s->finished = true;
    s->ended = s->net.now;
    if (m->state != SWEEP_DONE || m->done != s->sweep.total)
        sim_wrong(&s->net, "the sweep has not ended well", "state %u, %llu done", m->state,
                  (unsigned long long)m->done);
    if (m->digest.len != HASH_BYTES || memcmp(m->digest.data, s->digest, HASH_BYTES) != 0)
        sim_wrong(&s->net, "the results digest is another one", "%llu done", (unsigned long long)m->done);
}

static bool broker_sends(void *ctx, uint64_t peer, uint32_t type, const void *body)
{
    struct scale *s = ctx;
    bool was = heap_inside(false);
    if (peer == CLIENT) {
        if (type == MSG_STATUS && ((const struct msg_status *)body)->final)
            ended(s, body);
    } else {
        struct bigworker *w = &s->workers[(uint32_t)peer - 1];
        if (w->peer == peer)
            sim_post(&s->net, (struct sim_event){.kind = SIM_TO_WORKER, .node = w->index, .life = w->life}, false, type,
                     body);
    }
    heap_inside(was);
    return true;
}

static void broker_journals(void *ctx, struct scribe_batch *b)
{
    struct scale *s = ctx;
    b->next = NULL;
    *s->last = b;
    s->last = &b->next;
    if (s->commit_due)
        return;
    s->commit_due = true;
    bool was = heap_inside(false);
    sim_at(&s->net, (struct sim_event){.at = s->net.now + COMMIT_NS, .kind = SIM_COMMIT});
    heap_inside(was);
}

static void broker_reads(void *ctx, struct scribe_read *r)
{
    (void)ctx;
    arena_finish(&r->arena);
    free(r->who);
    free(r);
}

static void journal_op(struct scale *s, const struct journal_op *op)
{
    if (op->kind != JOURNAL_RUN)
        return;
    uint64_t before = s->journaled.count;
    s->rows++;
    SHEAF_ASSERT(intervals_add(&s->journaled, op->first, op->first + op->n) == 0);
    if (s->journaled.count != before + op->n)
        sim_wrong(&s->net, "a position was journaled twice", "from %llu", (unsigned long long)op->first);
}

static void commit(struct scale *s)
{
    uint64_t ticket = 0;
    struct scribe_batch *b = s->first;
    s->first = NULL;
    s->last = &s->first;
    s->commit_due = false;
    while (b) {
        struct scribe_batch *next = b->next;
        for (uint32_t i = 0; i < b->n_ops; i++)
            journal_op(s, &b->ops[i]);
        ticket = b->ticket;
        heap_inside(true);
        if (b->keep)
            b->keep_free(b->keep);
        arena_finish(&b->arena);
        free(b);
        heap_inside(false);
        b = next;
    }
    heap_inside(true);
    broker_time(s->broker, s->net.now);
    broker_durable(s->broker, ticket);
    (void)broker_tick(s->broker);
    heap_inside(false);
}

static void to_broker(struct scale *s, const struct sim_event *ev)
{
    uint32_t type;
    void *body;
    heap_inside(true);
    struct letter *l = sim_letter(&s->net, ev, &type, &body);
    s->messages++;
    s->broker_free = s->net.now + CHARGE_NS;
    broker_time(s->broker, s->net.now);
    (void)broker_message(s->broker, ev->peer, type, body, l);
    letter_unref(l);
    (void)broker_tick(s->broker);
    heap_inside(false);
}

static void broker_turns(struct scale *s)
{
    heap_inside(true);
    broker_time(s->broker, s->net.now);
    int64_t wait = broker_tick(s->broker);
    heap_inside(false);
    sim_at(&s->net,
           (struct sim_event){.at = s->net.now + (wait < NS_PER_MS ? NS_PER_MS : wait), .kind = SIM_BROKER_TURN});
}

/* ---- the run ---- */

static void worker_dies(struct scale *s)
{
    uint32_t index = (uint32_t)rng_between(&s->net.rng, 0, s->n_workers - 1);
    worker_destroy(s->workers[index].logic);
    worker_starts(s, index);
    sim_at(&s->net,
           (struct sim_event){.at = s->net.now + rng_between(&s->net.rng, 100, 3000) * NS_PER_MS, .kind = SIM_FAULT});
}

static void take(struct scale *s, struct sim_event *ev)
{
    struct bigworker *w = &s->workers[ev->node];
    switch (ev->kind) {
    case SIM_TO_BROKER:
        to_broker(s, ev);
        break;
    case SIM_TO_WORKER:
        to_worker(s, ev);
        break;
    case SIM_BROKER_TURN:
        broker_turns(s);
        break;
    case SIM_WORKER_TURN:
        if (ev->life == w->life && ev->peer == w->appointment)
            worker_turns(w);
        break;
    case SIM_SLOT:
        slot_event(w, ev);
        break;
    case SIM_COMMIT:
        commit(s);
        break;
    default:
        worker_dies(s);
        break;
    }
}

/* A line a second: where the time goes. */
static void print_second(struct scale *s)
{
    static int64_t next, busy;
    if (!s->trace || s->net.now < next)
        return;
    const struct bsweep *b = sweep_find(s->broker, 0);
    next = s->net.now + NS_PER_S / 4;
    printf("%7.2f s: busy %5.1f %%, %llu done, %llu pending in %zu, done-set of %zu, %u leases, broker %.1f MiB\n",
           (double)s->net.now / 1e9, (double)(s->busy_ns - busy) / (0.25e9 * s->n_workers * s->n_slots) * 100,
           (unsigned long long)b->done.count, (unsigned long long)b->pending.count, b->pending.n, b->done.n,
           b->n_leases, (double)heap_now() / 1048576);
    busy = s->busy_ns;
}

static void run(struct scale *s)
{
    while (!s->finished && !s->net.wrong && s->net.now < 100000 * NS_PER_S) {
        struct sim_event ev = sim_next(&s->net);
        s->net.now = ev.at;
        print_second(s);
        if (ev.kind == SIM_TO_BROKER && s->broker_free > ev.at) {
            ev.at = s->broker_free;
            sim_at(&s->net, ev);
            continue;
        }
        take(s, &ev);
        event_drop(&ev);
    }
}

static void begin(struct scale *s)
{
    struct broker_config config = {.epoch = 0x1234567800000001u};
    struct broker_env env = {.ctx = s,
                             .send = broker_sends,
                             .journal = broker_journals,
                             .read = broker_reads,
                             .own_pss = env_pss,
                             .own_cpu_ns = env_zero,
                             .wall_ms = env_zero};
    struct msg_submit m = {
        .plan = {s->sweep.whole.data, s->sweep.whole.len}, .watch = true, .every_ms = 1000, .top = 10};
    s->last = &s->first;
    heap_inside(true);
    s->broker = broker_create(&config, &env);
    SHEAF_ASSERT(s->broker);
    broker_time(s->broker, s->net.now);
    (void)broker_message(s->broker, CLIENT, MSG_SUBMIT, &m, NULL);
    heap_inside(false);
    sim_at(&s->net, (struct sim_event){.at = s->net.now, .kind = SIM_BROKER_TURN});
    s->workers = calloc(s->n_workers, sizeof(*s->workers));
    SHEAF_ASSERT(s->workers);
    for (uint32_t i = 0; i < s->n_workers; i++) {
        s->workers[i].slots = calloc(s->n_slots, sizeof(*s->workers[i].slots));
        SHEAF_ASSERT(s->workers[i].slots);
        worker_starts(s, i);
    }
    if (s->faults)
        sim_at(&s->net, (struct sim_event){.at = s->net.now + NS_PER_S, .kind = SIM_FAULT});
}

/* What a plain loop computes. */
static void expect(struct scale *s)
{
    struct tally *t = tally_create(&s->sweep.plan, 10);
    for (uint64_t from = 0; from < s->sweep.total;) {
        uint64_t n = s->sweep.total - from < 65536 ? s->sweep.total - from : 65536;
        for (uint64_t i = 0; i < n; i++)
            scores[i] = score_of(from + i);
        SHEAF_ASSERT(t && tally_add(t, from, n, NULL, scores) == 0);
        from += n;
    }
    SHEAF_ASSERT(tally_digest(t, s->digest));
    tally_destroy(t);
}

static void finish(struct scale *s)
{
    broker_destroy(s->broker);
    while (s->first) {
        struct scribe_batch *b = s->first;
        s->first = b->next;
        if (b->keep)
            b->keep_free(b->keep);
        arena_finish(&b->arena);
        free(b);
    }
    for (uint32_t i = 0; i < s->n_workers; i++) {
        worker_destroy(s->workers[i].logic);
        free(s->workers[i].slots);
    }
    while (s->net.n_events) {
        struct sim_event ev = sim_next(&s->net);
        event_drop(&ev);
    }
    free(s->net.heap);
    free(s->workers);
    buf_finish(&s->sweep.whole);
    intervals_finish(&s->journaled);
}

static int judge(struct scale *s)
{
    double span = (double)(s->ended - s->began), slots = (double)s->n_workers * s->n_slots;
    double idle = 1 - (double)s->busy_ns / (span * slots);
    if (!s->finished)
        sim_wrong(&s->net, "the sweep does not end", "%llu journaled", (unsigned long long)s->journaled.count);
    if (s->finished && !s->sweep.plan.keep_best && s->journaled.count != s->sweep.total)
        sim_wrong(&s->net, "not every task is in the journal", "%llu", (unsigned long long)s->journaled.count);
    if (heap_peak() > MEMORY_MOST)
        sim_wrong(&s->net, "the broker takes too much memory", "%zu bytes", heap_peak());
    if (!s->faults && idle > IDLE_MOST)
        sim_wrong(&s->net, "slots are idle for too long", "%.2f %%", idle * 100);
    printf(
        "%llu tasks, %u workers, %u slots each, %s: %.1f s, slots idle %.2f %%, broker %.1f MiB at most, %llu messages "
        "(%.1f %% of its time), %llu rows, %.0f CPU s\n",
        (unsigned long long)s->sweep.total, s->n_workers, s->n_slots, s->faults ? "faults" : "no faults", span / 1e9,
        idle * 100, (double)heap_peak() / 1048576, (unsigned long long)s->messages,
        (double)s->messages * CHARGE_NS / span * 100, (unsigned long long)s->rows, (double)clock() / CLOCKS_PER_SEC);
    if (s->net.wrong)
        printf("%s: %s\n", s->net.wrong, s->net.detail);
    return s->net.wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
    static struct scale s;
    if (argc < 5) {
        fprintf(stderr, "usage: sim_scale WORKERS SLOTS TASKS TASK_US [faults] [best] [trace]\n");
        return 2;
    }
    s.n_workers = (uint32_t)strtoul(argv[1], NULL, 10);
    s.n_slots = (uint32_t)strtoul(argv[2], NULL, 10);
    s.task_ns = strtol(argv[4], NULL, 10) * 1000;
    for (int i = 5; i < argc; i++) {
        s.faults = s.faults || !strcmp(argv[i], "faults");
        s.trace = s.trace || !strcmp(argv[i], "trace");
        s.sweep.plan.keep_best = !strcmp(argv[i], "best") ? 10 : s.sweep.plan.keep_best;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(all_done, TASK_DONE, sizeof(all_done));
    s.net.rng.state = 1;
    s.net.now = s.began = NS_PER_S;
    s.net.weather = (struct weather){.drop = s.faults ? 0.001 : 0, .delay_ns = 100000, .delay_spread_ns = 100000};
    s.sweep.plan.trials = strtoull(argv[3], NULL, 10);
    s.sweep.plan.splits = 1;
    s.sweep.plan.limits.attempts = 3;
    sweep_fill(&s.sweep);
    expect(&s);
    begin(&s);
    run(&s);
    int failed = judge(&s);
    finish(&s);
    return failed;
}
