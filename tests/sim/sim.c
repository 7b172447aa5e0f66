/* SPDX-License-Identifier: MIT
 *
 * sim: the heap of events, the network, faults, and what must hold.
 */
#include "tests/sim/sim.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT 0xc11e47u
#define ROGUE 0xbad00u
#define CHARGE_NS 20000          /* what the broker spends on a message */
#define CALM_NS (400 * NS_PER_S) /* after the last fault everything has to be done within this */

/* ---- chance ---- */

uint64_t hash_of(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15u + b;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t rng_next(struct rng *r)
{
    r->state += 0x9e3779b97f4a7c15u;
    return hash_of(r->state, 0);
}

double rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}

bool rng_chance(struct rng *r, double p)
{
    return rng_unit(r) < p;
}

int64_t rng_between(struct rng *r, int64_t from, int64_t to)
{
    return from + (int64_t)(rng_next(r) % (uint64_t)(to - from + 1));
}

void sim_wrong(struct sim *s, const char *what, const char *fmt, ...)
{
    va_list ap;
    if (s->wrong)
        return;
    s->wrong = what;
    va_start(ap, fmt);
    vsnprintf(s->detail, sizeof(s->detail), fmt, ap);
    va_end(ap);
}

/* ---- the heap ---- */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_at(struct sim *s, struct sim_event ev)
{
    if (s->n_events == s->cap_events) {
        s->cap_events = s->cap_events ? s->cap_events * 2 : 256;
        s->heap = realloc(s->heap, s->cap_events * sizeof(ev));
        SHEAF_ASSERT(s->heap);
    }
    ev.order = ++s->order;
    uint32_t i = s->n_events++;
    for (; i > 0 && earlier(&ev, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = ev;
}

static struct sim_event next_event(struct sim *s)
{
    struct sim_event top = s->heap[0], last = s->heap[--s->n_events];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < s->n_events && earlier(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (child >= s->n_events || !earlier(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    if (s->n_events)
        s->heap[i] = last;
    return top;
}

/* ---- the network ---- */

static void copy_buf(struct buf *to, const struct buf *from)
{
    *to = (struct buf){0};
    SHEAF_ASSERT(buf_append(to, from->data, from->len) == 0);
}

static int64_t delay(struct sim *s)
{
    int64_t ns = s->weather.delay_ns + rng_between(&s->rng, 0, s->weather.delay_spread_ns);
    return rng_chance(&s->rng, s->weather.reorder) ? ns * 20 : ns;
}

/* Between a worker and the broker, either way: lost, doubled, late. */
static void carry(struct sim *s, enum sim_event_kind kind, struct vworker *w, const struct buf *head,
                  const struct buf *frame)
{
    bool cut = kind == SIM_TO_BROKER ? s->now < w->cut_out_until : s->now < w->cut_in_until;
    int copies = cut || rng_chance(&s->rng, s->weather.drop) ? 0 : rng_chance(&s->rng, s->weather.duplicate) ? 2 : 1;
    while (copies-- > 0) {
        struct sim_event ev = {.at = s->now + delay(s),
                               .kind = kind,
                               .worker = w->index,
                               .peer = w->peer,
                               .life = kind == SIM_TO_BROKER ? s->broker_life : w->life};
        copy_buf(&ev.head, head);
        copy_buf(&ev.frame, frame);
        sim_at(s, ev);
    }
}

/* ---- the worker's side ---- */

static void worker_send_frames(void *ctx, const struct buf *head, const struct buf *frame)
{
    struct vworker *w = ctx;
    note_report(w, frame);
    carry(w->sim, SIM_TO_BROKER, w, head, frame);
}

static void worker_send(void *ctx, uint32_t type, const void *body)
{
    struct vworker *w = ctx;
    struct buf head = {0}, frame = {0};
    SHEAF_ASSERT(proto_encode(type, body, &head, &frame) == 0);
    carry(w->sim, SIM_TO_BROKER, w, &head, &frame);
    buf_finish(&head);
    buf_finish(&frame);
}

static uint64_t no_pss(void *ctx)
{
    (void)ctx;
    return 1 << 20;
}

static int64_t no_cpu(void *ctx)
{
    (void)ctx;
    return 0;
}

void worker_appointment(struct vworker *w, int64_t in_ns)
{
    sim_at(w->sim, (struct sim_event){.at = w->sim->now + in_ns,
                                      .kind = SIM_WORKER_TURN,
                                      .worker = w->index,
                                      .life = w->life,
                                      .peer = ++w->appointment});
}

static void worker_begin(struct sim *s, uint32_t index)
{
    struct vworker *w = &s->workers[index];
    w->sim = s;
    w->index = index;
    w->life++;
    w->peer = (uint64_t)(w->life << 8 | (index + 1));
    snprintf(w->instance, sizeof(w->instance), "%016llx%08x%08x", (unsigned long long)s->seed, index, w->life);
    forget_notes(w);
    slots_init(w);
    struct worker_config config = {.instance = w->instance, .host = "sim", .pid = index, .slots = s->weather.slots};
    struct worker_env env = {
        .ctx = w, .send = worker_send, .send_frames = worker_send_frames, .own_pss = no_pss, .own_cpu_ns = no_cpu};
    w->logic = worker_create(&config, &env);
    SHEAF_ASSERT(w->logic);
    w->events = worker_events(w->logic);
    worker_set_ops(w->logic, &w->ops);
    w->turn_due = false;
    worker_appointment(w, 0);
}

/* After a message or a slot's news: the tick, and an appointment for the next one. */
static void worker_turn(struct sim *s, struct vworker *w)
{
    worker_time(w->logic, s->now);
    slots_tell(w);
    int64_t wait = worker_tick(w->logic);
    check_worker(s, w);
    if (wait < 100000)
        wait = 100000;
    if (!w->turn_due)
        worker_appointment(w, wait);
}

static void to_worker(struct sim *s, const struct sim_event *ev)
{
    struct vworker *w = &s->workers[ev->worker];
    struct arena a;
    struct diag d = {""};
    struct msg_head head;
    arena_init(&a, 0);
    void *body = arena_alloc(&a, PROTO_MAX_STRUCT);
    SHEAF_ASSERT(body);
    SHEAF_ASSERT(proto_head(ev->head.data, ev->head.len, &head, &d) == 0);
    if (proto_body(head.type, ev->frame.data, ev->frame.len, &a, body, &d) < 0)
        sim_wrong(s, "a message of the broker cannot be read", "%s: %s", proto_name(head.type), d.text);
    if (head.type == MSG_GRANT)
        note_grant(w, (const struct msg_grant *)(const void *)body);
    worker_time(w->logic, s->now);
    (void)worker_message(w->logic, head.type, body);
    arena_finish(&a);
    worker_turn(s, w);
}

/* ---- the broker's side ---- */

static struct vworker *by_peer(struct sim *s, uint64_t peer)
{
    for (uint32_t i = 0; i < s->weather.workers; i++)
        if (s->workers[i].peer == peer)
            return &s->workers[i];
    return NULL;
}

static void to_client(struct sim *s, uint32_t type, const void *body)
{
    const struct msg_status *m = body;
    if (type == MSG_ERROR)
        sim_wrong(s, "the broker refused the sweep", "%s", ((const struct msg_error *)body)->text);
    if (type != MSG_STATUS || !m->final)
        return;
    s->finished = true;
    s->final_state = m->state;
    s->final_done = m->done;
    s->final_failed = m->failed;
    if (m->state != SWEEP_DONE)
        sim_wrong(s, "the sweep did not end as done", "state %u: %s", m->state, m->reason);
    else if (m->digest.len != HASH_BYTES || memcmp(m->digest.data, s->expected, HASH_BYTES) != 0)
        sim_wrong(s, "the results digest is another one", "done %llu failed %llu", (unsigned long long)m->done,
                  (unsigned long long)m->failed);
    else if (m->mismatched)
        sim_wrong(s, "a second look differed", "%llu", (unsigned long long)m->mismatched);
}

static bool broker_send(void *ctx, uint64_t peer, uint32_t type, const void *body)
{
    struct sim *s = ctx;
    if (peer == CLIENT) {
        to_client(s, type, body);
        return true;
    }
    struct vworker *w = by_peer(s, peer);
    if (!w)
        return false;
    if (type == MSG_ACK)
        check_ack(s, w, body);
    struct buf head = {0}, frame = {0};
    SHEAF_ASSERT(proto_encode(type, body, &head, &frame) == 0);
    carry(s, SIM_TO_WORKER, w, &head, &frame);
    buf_finish(&head);
    buf_finish(&frame);
    return true;
}

static void broker_journal(void *ctx, struct scribe_batch *b)
{
    disk_push(ctx, b);
}

static void broker_read(void *ctx, struct scribe_read *r)
{
    disk_ask(ctx, r);
}

static int64_t no_wall(void *ctx)
{
    (void)ctx;
    return 0;
}

static void broker_begin(struct sim *s)
{
    struct broker_config config = {.epoch = rng_next(&s->rng) | 1};
    struct broker_env env = {.ctx = s,
                             .send = broker_send,
                             .journal = broker_journal,
                             .read = broker_read,
                             .own_pss = no_pss,
                             .own_cpu_ns = no_cpu,
                             .wall_ms = no_wall};
    s->broker_life++;
    s->broker = broker_create(&config, &env);
    SHEAF_ASSERT(s->broker);
    broker_time(s->broker, s->now);
    disk_restore(s);
    sim_at(s, (struct sim_event){.at = s->now, .kind = SIM_CLIENT, .life = s->broker_life});
    sim_at(s, (struct sim_event){.at = s->now, .kind = SIM_BROKER_TURN, .life = s->broker_life});
}

static void broker_turn(struct sim *s)
{
    broker_time(s->broker, s->now);
    int64_t wait = broker_tick(s->broker);
    check_broker(s);
    if (wait < 100000)
        wait = 100000;
    sim_at(s, (struct sim_event){.at = s->now + wait, .kind = SIM_BROKER_TURN, .life = s->broker_life});
}

struct copy { /* a letter of the simulated network */
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

static void to_broker(struct sim *s, const struct sim_event *ev)
{
    struct copy *c = calloc(1, sizeof(*c));
    struct msg_head head;
    struct diag d = {""};
    atomic_init(&c->letter.refs, 1);
    c->letter.free = copy_free;
    arena_init(&c->arena, 0);
    copy_buf(&c->frame, &ev->frame);
    SHEAF_ASSERT(proto_head(ev->head.data, ev->head.len, &head, &d) == 0);
    if (proto_body(head.type, c->frame.data, c->frame.len, &c->arena, c->body, &d) < 0)
        sim_wrong(s, "a message of a worker cannot be read", "%s: %s", proto_name(head.type), d.text);
    s->broker_busy = (s->broker_busy > s->now ? s->broker_busy : s->now) + CHARGE_NS;
    broker_time(s->broker, s->now);
    if (broker_message(s->broker, ev->peer, head.type, c->body, &c->letter) < 0)
        sim_wrong(s, "the broker takes no such message", "%s", proto_name(head.type));
    (void)broker_tick(s->broker);
    check_broker(s);
    letter_unref(&c->letter);
}

static void client_submits(struct sim *s)
{
    struct msg_submit m = {.plan = {s->plan_bytes.data, s->plan_bytes.len},
                           .identity = {s->identity, HASH_BYTES},
                           .watch = true,
                           .every_ms = 500,
                           .top = 3};
    broker_time(s->broker, s->now);
    (void)broker_message(s->broker, CLIENT, MSG_SUBMIT, &m, NULL);
}

/* ---- faults ---- */

void sim_broker_crashes(struct sim *s)
{
    bool written = rng_chance(&s->rng, 0.5);
    broker_destroy(s->broker);
    s->broker = NULL;
    disk_crash(s, written);
    broker_begin(s);
    s->broker_busy = s->now + rng_between(&s->rng, 1, 8000) * NS_PER_MS; /* until it has started again */
}

static void worker_crashes(struct sim *s, struct vworker *w)
{
    worker_destroy(w->logic);
    worker_begin(s, w->index);
}

/* Somebody who was granted nothing reports every position of somebody's lease, wrongly. */
static void rogue(struct sim *s)
{
    static const double wrong[512] = {666};
    const struct bsweep *b = sweep_find(s->broker, 0);
    const struct vworker *w = &s->workers[rng_between(&s->rng, 0, s->weather.workers - 1)];
    if (!b || !w->n_granted)
        return;
    struct granted g = w->granted[w->n_granted - 1];
    uint64_t n = g.to - g.from < 512 ? g.to - g.from : 512;
    struct msg_hello hello = {.instance = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", .host = "", .slots = 1};
    struct msg_run run = {.from = g.from, .n = n, .scores = {wrong, n * 8}};
    struct msg_report report = {
        .seq = 1, .sweep = b->id, .lease = g.lease, .closed = true, .runs = &run, .n_runs = 1, .broken = ""};
    broker_time(s->broker, s->now);
    (void)broker_message(s->broker, ROGUE, MSG_REPORT, &report, NULL);
    (void)broker_message(s->broker, ROGUE, MSG_HELLO, &hello, NULL);
    (void)broker_message(s->broker, ROGUE, MSG_REPORT, &report, NULL);
}

static void fault(struct sim *s)
{
    struct vworker *w = &s->workers[rng_between(&s->rng, 0, s->weather.workers - 1)];
    int64_t until = s->now + rng_between(&s->rng, 100, 12000) * NS_PER_MS;
    switch (rng_between(&s->rng, 0, 7)) {
    case 0:
        sim_broker_crashes(s);
        break;
    case 1:
        worker_crashes(s, w);
        break;
    case 2:
        w->paused_until = until;
        break;
    case 3:
        w->cut_in_until = until;
        break;
    case 4:
        w->cut_out_until = until;
        break;
    case 5:
        w->cut_in_until = w->cut_out_until = until;
        break;
    case 6:
        rogue(s);
        break;
    default:
        slot_fault(w);
    }
    int64_t mean = s->weather.mean_between_faults;
    int64_t at = s->now + (int64_t)(-log(1 - rng_unit(&s->rng)) * (double)mean);
    if (at < s->weather.faults_until)
        sim_at(s, (struct sim_event){.at = at, .kind = SIM_FAULT});
}

/* ---- one run ---- */

/* Postpones what is meant for a node that is stopped or busy. */
static bool not_now(struct sim *s, struct sim_event *ev)
{
    int64_t until = 0;
    if (ev->kind == SIM_TO_WORKER || ev->kind == SIM_WORKER_TURN)
        until = s->workers[ev->worker].paused_until;
    if (ev->kind == SIM_TO_BROKER || ev->kind == SIM_BROKER_TURN || ev->kind == SIM_CLIENT || ev->kind == SIM_READ)
        until = s->broker_busy;
    if (until <= s->now)
        return false;
    ev->at = until;
    sim_at(s, *ev);
    return true;
}

static bool stale(const struct sim *s, const struct sim_event *ev)
{
    switch (ev->kind) {
    case SIM_TO_WORKER:
        return ev->life != s->workers[ev->worker].life;
    case SIM_WORKER_TURN:
        return ev->life != s->workers[ev->worker].life || ev->peer != s->workers[ev->worker].appointment;
    case SIM_SLOT:
    case SIM_FAULT:
        return false;
    default:
        return ev->life != s->broker_life;
    }
}

static void print_event(const struct sim *s, const struct sim_event *ev)
{
    struct msg_head head = {.type = 0};
    struct diag d;
    if (ev->head.len)
        (void)proto_head(ev->head.data, ev->head.len, &head, &d);
    static const char *const names[] = {"to broker", "to worker", "broker turn", "worker turn", "slot",
                                        "commit",    "read",      "fault",       "client"};
    printf("%12.6f %s worker %u slot %u %s\n", (double)s->now / 1e9, names[ev->kind], ev->worker, ev->slot,
           head.type ? proto_name(head.type) : "");
}

static void step(struct sim *s, struct sim_event *ev)
{
    if (s->trace)
        print_event(s, ev);
    switch (ev->kind) {
    case SIM_TO_BROKER:
        to_broker(s, ev);
        break;
    case SIM_TO_WORKER:
        to_worker(s, ev);
        break;
    case SIM_BROKER_TURN:
        broker_turn(s);
        break;
    case SIM_WORKER_TURN:
        worker_turn(s, &s->workers[ev->worker]);
        break;
    case SIM_SLOT:
        slots_event(&s->workers[ev->worker], ev->slot, ev->life);
        break;
    case SIM_COMMIT:
        disk_commit(s);
        break;
    case SIM_READ:
        disk_answer(s);
        break;
    case SIM_FAULT:
        fault(s);
        break;
    case SIM_CLIENT:
        client_submits(s);
        break;
    }
}

static void drop_event(struct sim_event *ev)
{
    buf_finish(&ev->head);
    buf_finish(&ev->frame);
}

/* What a plain loop computes. */
static void expect(struct sim *s)
{
    struct tally *t = tally_create(&s->plan, 10);
    for (uint64_t i = 0; i < plan_tasks(&s->plan); i++) {
        uint8_t status = task_status_of(s, i);
        double score = status == 1 ? task_score_of(i) : NAN;
        SHEAF_ASSERT(t && tally_add(t, i, 1, &status, &score) == 0);
    }
    SHEAF_ASSERT(tally_digest(t, s->expected));
    tally_destroy(t);
}

static void choose_weather(struct sim *s)
{
    struct rng *r = &s->rng;
    bool faults = !rng_chance(r, 0.1);
    s->weather = (struct weather){.workers = (uint32_t)rng_between(r, 1, 4),
                                  .slots = (uint32_t)rng_between(r, 1, 3),
                                  .trials = (uint64_t)rng_between(r, 1, 150),
                                  .splits = (uint64_t)rng_between(r, 1, 4),
                                  .keep_best = rng_chance(r, 0.25) ? 5 : 0,
                                  .verify_ppm = rng_chance(r, 0.2) ? 100000 : 0,
                                  .drop = faults ? 0.05 * rng_unit(r) : 0,
                                  .duplicate = faults ? 0.02 * rng_unit(r) : 0,
                                  .reorder = faults ? 0.1 * rng_unit(r) : 0,
                                  .delay_ns = rng_between(r, 20000, 2000000),
                                  .delay_spread_ns = rng_between(r, 0, 5000000),
                                  .flaky = 0.05 * rng_unit(r),
                                  .poison = 0.02 * rng_unit(r),
                                  .fails = 0.05 * rng_unit(r),
                                  .task_ns = rng_between(r, 10000, 200000000),
                                  .task_tail = 0.03 * rng_unit(r),
                                  .faults_until = faults ? rng_between(r, 1, 60) * NS_PER_S : 0,
                                  .mean_between_faults = rng_between(r, 200, 8000) * NS_PER_MS,
                                  .disk_error = rng_chance(r, 0.3) ? 0.02 * rng_unit(r) : 0};
}

static void make_plan(struct sim *s, struct plan_value *value, struct plan_axis *axis, struct plan_param *param,
                      struct plan_score *score, struct plan_goal *goal)
{
    static const uint8_t digest[HASH_BYTES] = {1};
    *value = (struct plan_value){.text = ""};
    *param = (struct plan_param){.name = "x", .type = 2, .def = *value, .min = 1, .max = 0, .unit = "", .help = ""};
    *score = (struct plan_score){.name = "score", .unit = "", .help = ""};
    *goal = (struct plan_goal){.score = 0, .maximize = true};
    struct plan_value from = {.f = 0, .text = ""}, to = {.f = 1, .text = ""};
    *axis = (struct plan_axis){.name = "x",
                               .param = 0,
                               .kind = AXIS_FLOAT,
                               .from = from,
                               .to = to,
                               .step = *value,
                               .count = s->weather.trials};
    s->plan = (struct plan){.version = PLAN_VERSION,
                            .name = "sim",
                            .source = "",
                            .data_path = "",
                            .method = METHOD_GRID,
                            .axes = axis,
                            .n_axes = 1,
                            .trials = s->weather.trials,
                            .keys = 1,
                            .splits = s->weather.splits,
                            .goals = goal,
                            .n_goals = 1,
                            .limits = {.attempts = 3},
                            .keep_best = s->weather.keep_best,
                            .verify_ppm = s->weather.verify_ppm};
    s->plan.plugin = (struct plan_plugin){.path = "/sim.so",
                                          .digest = {digest, HASH_BYTES},
                                          .name = "sim",
                                          .version = "1",
                                          .summary = "",
                                          .identity = "",
                                          .config = "{}",
                                          .params = param,
                                          .n_params = 1,
                                          .scores = score,
                                          .n_scores = 1,
                                          .threads = 1,
                                          .abi_major = 1};
    s->plan.split = (struct plan_split){.stratify = "", .row_axis = ""};
    if (s->weather.splits > 1)
        s->plan.split = (struct plan_split){
            .kind = SPLIT_K_FOLD, .k = s->weather.splits, .n_rows = 100, .stratify = "", .row_axis = "row"};
}

static void finish(struct sim *s)
{
    broker_destroy(s->broker);
    disk_crash(s, false);
    for (uint32_t i = 0; i < s->weather.workers; i++) {
        worker_destroy(s->workers[i].logic);
        forget_notes(&s->workers[i]);
    }
    while (s->n_events) {
        struct sim_event ev = next_event(s);
        drop_event(&ev);
    }
    free(s->heap);
    buf_finish(&s->plan_bytes);
    buf_finish(&s->disk.plan);
    buf_finish(&s->disk.snapshot);
    free(s->disk.status);
    free(s->disk.scores);
    free(s->disk.snapshot_done);
}

static void does_not_end(struct sim *s)
{
    const struct bsweep *b = sweep_find(s->broker, 0);
    if (!b)
        sim_wrong(s, "the sweep does not end", "the broker has none");
    else
        sim_wrong(s, "the sweep does not end",
                  "phase %d, %llu of %llu done, %llu pending, %llu to be verified, %u leases, ticket %llu of %llu",
                  b->phase, (unsigned long long)b->done.count, (unsigned long long)b->total,
                  (unsigned long long)b->pending.count, (unsigned long long)b->looking.count, b->n_leases,
                  (unsigned long long)s->broker->durable, (unsigned long long)s->broker->ticket);
}

bool sim_run(struct sim *s, uint64_t seed, bool trace)
{
    struct plan_value value;
    struct plan_axis axis;
    struct plan_param param;
    struct plan_score score;
    struct plan_goal goal;
    *s = (struct sim){.seed = seed, .rng = {seed * 2654435761u + 1}, .trace = trace, .now = NS_PER_S};
    choose_weather(s);
    make_plan(s, &value, &axis, &param, &score, &goal);
    SHEAF_ASSERT(plan_encode(&s->plan, &s->plan_bytes) == 0 && plan_identity(&s->plan, s->identity) == 0);
    uint64_t total = plan_tasks(&s->plan);
    s->disk.status = calloc(total, 1);
    s->disk.snapshot_done = calloc(total, 1);
    s->disk.scores = calloc(total, sizeof(double));
    expect(s);
    broker_begin(s);
    for (uint32_t i = 0; i < s->weather.workers; i++)
        worker_begin(s, i);
    if (s->weather.faults_until > s->now)
        sim_at(s, (struct sim_event){.at = s->now + s->weather.mean_between_faults / 2, .kind = SIM_FAULT});
    int64_t end = s->weather.faults_until + CALM_NS + (int64_t)total * s->weather.task_ns * 4;
    while (!s->finished && !s->wrong && s->n_events) {
        struct sim_event ev = next_event(s);
        s->now = ev.at;
        s->steps++;
        if (s->now > end)
            does_not_end(s);
        else if (!stale(s, &ev) && not_now(s, &ev))
            continue;
        else if (!stale(s, &ev))
            step(s, &ev);
        drop_event(&ev);
    }
    if (!s->finished && !s->wrong)
        sim_wrong(s, "nothing is left to happen", "at %lld ms", (long long)(s->now / NS_PER_MS));
    finish(s);
    return !s->wrong;
}
