/* SPDX-License-Identifier: MIT
 *
 * broker: life, peers, turns.
 */
#include "broker/broker_impl.h"

#include <stdlib.h>
#include <string.h>

void letter_ref(struct letter *l)
{
    atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

void letter_unref(void *letter)
{
    struct letter *l = letter;
    if (l && atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1)
        l->free(l);
}

static void set_limits(struct broker_limits *l)
{
    l->workers = l->workers ? l->workers : 16384;
    l->leases = l->leases ? l->leases : 4096;
    l->sweeps = l->sweeps ? l->sweeps : 10000;
    l->plan_bytes = l->plan_bytes ? l->plan_bytes : (uint64_t)1 << 30;
    l->watches = l->watches ? l->watches : 4096;
    l->reads = l->reads ? l->reads : 256;
    l->groups = l->groups ? l->groups : UINT32_C(1) << 24;
    l->group_bytes = l->group_bytes ? l->group_bytes : (uint64_t)1 << 30;
    l->acks = l->acks ? l->acks : 65536;
}

uint32_t list_count(const struct list *l)
{
    uint32_t n = 0;
    list_each(it, after, l) n++;
    return n;
}

struct broker *broker_create(const struct broker_config *config, const struct broker_env *env)
{
    SHEAF_ASSERT(config->epoch != 0);
    struct broker *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->config = *config;
    b->env = *env;
    if (!b->config.beat_ms)
        b->config.beat_ms = 1000;
    if (!b->config.lost_ms)
        b->config.lost_ms = 5000;
    set_limits(&b->config.limits);
    b->readers = calloc(b->config.limits.reads, sizeof(*b->readers));
    if (!b->readers) {
        free(b);
        return NULL;
    }
    list_init(&b->sweeps);
    list_init(&b->workers);
    list_init(&b->acks);
    list_init(&b->watches);
    list_init(&b->hungry);
    b->next_sweep = config->last_sweep + 1;                      /* a worker may still speak of one that was removed */
    b->next_lease = (config->epoch & ~(uint64_t)UINT32_MAX) + 1; /* a worker may still hold leases of the run before */
    return b;
}

static void worker_free(struct broker *b, struct bworker *w)
{
    list_each(it, after, &w->leases) lease_free(b, list_entry(it, struct blease, node), false);
    b->gone_cpu_ns += w->cpu_ns;
    worker_hangs_up(b, w);
    list_remove(&w->line);
    list_remove(&w->node);
    free(w->plans);
    free(w);
}

void broker_destroy(struct broker *b)
{
    if (!b)
        return;
    list_each(it, after, &b->workers) worker_free(b, list_entry(it, struct bworker, node));
    list_each(it, after, &b->sweeps) sweep_destroy(b, list_entry(it, struct bsweep, node));
    list_each(it, after, &b->acks) free(list_entry(it, struct pending_ack, node));
    list_each(it, after, &b->watches) free(list_entry(it, struct watch, node));
    u64map_finish(&b->peers);
    free(b->readers);
    free(b);
}

void broker_check(struct broker *b, int err)
{
    if (err < 0)
        b->failed = true;
}

void broker_time(struct broker *b, int64_t now)
{
    if (b->real && now - b->real > GAP_NS)
        b->gaps += now - b->real;
    b->real = now;
    int64_t passed = now - b->gaps - b->now;
    b->now += passed;
    if (b->deaf)
        list_each(it, after, &b->workers) list_entry(it, struct bworker, node)->heard += passed;
}

void broker_listens(struct broker *b, bool on)
{
    b->deaf = !on;
}

bool broker_say(struct broker *b, uint64_t peer, uint32_t type, const void *body)
{
    if (b->failed) /* half of what it would speak of may be missing: nothing more is promised */
        return true;
    return b->env.send(b->env.ctx, peer, type, body);
}

void broker_refuse(struct broker *b, uint64_t peer, int err, const char *text)
{
    broker_say(b, peer, MSG_ERROR, &(struct msg_error){.err = err, .text = text});
}

struct bworker *broker_worker(struct broker *b, uint64_t peer)
{
    return u64map_get(&b->peers, peer);
}

void worker_hangs_up(struct broker *b, struct bworker *w)
{
    if (u64map_get(&b->peers, w->peer) == w)
        u64map_remove(&b->peers, w->peer);
}

/* ---- workers come and go ---- */

static struct bworker *worker_by_instance(struct broker *b, const char *instance)
{
    list_each(it, after, &b->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        if (!strcmp(w->instance, instance))
            return w;
    }
    return NULL;
}

static struct bworker *worker_new(struct broker *b, const struct msg_hello *m)
{
    struct bworker *w = calloc(1, sizeof(*w));
    if (!w) {
        broker_check(b, SHEAF_ENOMEM);
        return NULL;
    }
    list_init(&w->leases);
    list_init(&w->node);
    list_init(&w->line);
    list_append(&b->workers, &w->node);
    strncpy(w->instance, m->instance, sizeof(w->instance) - 1);
    strncpy(w->host, m->host, sizeof(w->host) - 1);
    if (m->fingerprint.len == HASH_BYTES)
        memcpy(w->fingerprint, m->fingerprint.data, HASH_BYTES);
    b->hellos++;
    return w;
}

static void lose_others(struct broker *b, const struct bworker *newest)
{
    list_each(it, after, &b->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        if (w != newest && !w->lost)
            worker_lose(b, w);
    }
}

/* A connection is one worker: the one that it was before is gone. */
static void lose_former(struct broker *b, uint64_t peer, const struct bworker *now)
{
    list_each(it, after, &b->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        if (w == now || w->peer != peer)
            continue;
        if (!w->lost)
            worker_lose(b, w);
        worker_free(b, w); /* nothing can come in its name any more */
    }
}

static void welcome(struct broker *b, const struct bworker *w, bool resend)
{
    struct msg_welcome m = {
        .epoch = b->config.epoch, .beat_ms = b->config.beat_ms, .lost_ms = b->config.lost_ms, .resend = resend};
    broker_say(b, w->peer, MSG_WELCOME, &m);
}

void workers_resend(struct broker *b)
{
    list_each(it, after, &b->workers)
    {
        const struct bworker *w = list_entry(it, struct bworker, node);
        if (!w->lost)
            welcome(b, w, true);
    }
}

static void on_hello(struct broker *b, uint64_t peer, const struct msg_hello *m)
{
    if (strlen(m->instance) != 32 || m->slots < 1) {
        broker_refuse(b, peer, SHEAF_EPROTO, "HELLO needs an instance of 32 digits and at least one slot");
        return;
    }
    struct bworker *w = worker_by_instance(b, m->instance);
    bool known = w != NULL;
    if (!w && list_count(&b->workers) >= b->config.limits.workers) {
        broker_refuse(b, peer, SHEAF_ELIMIT, "this broker has as many workers as it can take: try again later");
        return;
    }
    if (!w && !(w = worker_new(b, m)))
        return;
    lose_former(b, peer, w);
    if (!known &&
        b->config.expected_workers == 1) /* the only one has been started again: no need to wait for its silence */
        lose_others(b, w);
    worker_hangs_up(b, w);
    w->peer = peer;
    broker_check(b, u64map_put(&b->peers, peer, w));
    w->slots = m->slots;
    w->heard = b->now;
    w->lost = false;
    w->n_plans = 0;
    welcome(b, w, !known);
    worker_held(b, w, m->held, m->n_held, true);
}

static void on_beat(struct broker *b, struct bworker *w, const struct msg_beat *m)
{
    w->memory_bytes = m->memory_bytes;
    w->cpu_ns = m->cpu_ns;
    if (b->now - w->seen_at >= NS_PER_S / 2) {
        w->seen_rate = w->seen_at ? (double)w->reported * 1e9 / (double)(b->now - w->seen_at) : 0;
        w->reported = 0;
        w->seen_at = b->now;
    }
    worker_held(b, w, m->held, m->n_held, false);
}

static void on_need_plan(struct broker *b, struct bworker *w, const struct msg_sweep *m)
{
    struct bsweep *s = m->sweep ? sweep_find(b, m->sweep) : NULL;
    if (s)
        broker_say(b, w->peer, MSG_PLAN, &(struct msg_plan){s->id, {s->bytes.data, s->bytes.len}});
    else
        broker_say(b, w->peer, MSG_DROP, &(struct msg_sweep){.sweep = m->sweep, .now = true});
}

static void on_bye(struct broker *b, struct bworker *w)
{
    worker_lose(b, w);
    worker_free(b, w);
}

/* ---- messages ---- */

typedef void worker_handler(struct broker *b, struct bworker *w, const void *body, struct letter *letter);
typedef void client_handler(struct broker *b, uint64_t peer, const void *body);

static void w_beat(struct broker *b, struct bworker *w, const void *body, struct letter *letter)
{
    (void)letter;
    on_beat(b, w, body);
}
static void w_want(struct broker *b, struct bworker *w, const void *body, struct letter *letter)
{
    (void)letter;
    worker_want(b, w, body);
}
static void w_need_plan(struct broker *b, struct bworker *w, const void *body, struct letter *letter)
{
    (void)letter;
    on_need_plan(b, w, body);
}
static void w_report(struct broker *b, struct bworker *w, const void *body, struct letter *letter)
{
    ingest_report(b, w, body, letter);
}
static void w_taken(struct broker *b, struct bworker *w, const void *body, struct letter *letter)
{
    (void)letter;
    worker_taken(b, w, body);
}
static void w_bye(struct broker *b, struct bworker *w, const void *body, struct letter *letter)
{
    (void)body;
    (void)letter;
    on_bye(b, w);
}

static void c_hello(struct broker *b, uint64_t peer, const void *body)
{
    on_hello(b, peer, body);
}
static void c_submit(struct broker *b, uint64_t peer, const void *body)
{
    sweep_submit(b, peer, body);
}
static void c_watch(struct broker *b, uint64_t peer, const void *body)
{
    status_watch(b, peer, body);
}
static void c_cancel(struct broker *b, uint64_t peer, const void *body)
{
    sweep_cancel(b, peer, body);
}
static void c_remove(struct broker *b, uint64_t peer, const void *body)
{
    sweep_remove(b, peer, body);
}
static void c_retry(struct broker *b, uint64_t peer, const void *body)
{
    sweep_retry(b, peer, body);
}
static void c_list(struct broker *b, uint64_t peer, const void *body)
{
    (void)body;
    status_list(b, peer);
}
static void c_read(struct broker *b, uint64_t peer, const void *body)
{
    status_read(b, peer, body);
}
static void c_stop(struct broker *b, uint64_t peer, const void *body)
{
    (void)body;
    broker_say(b, peer, MSG_DONE, NULL);
    broker_stop(b);
}

/* What a broker takes, from whom, and who handles it. From a worker: only once it has said hello. */
static const struct {
    uint32_t type;
    worker_handler *worker;
    client_handler *client;
} handlers[] = {
    {MSG_HELLO, NULL, c_hello},   {MSG_BEAT, w_beat, NULL},
    {MSG_WANT, w_want, NULL},     {MSG_NEED_PLAN, w_need_plan, NULL},
    {MSG_REPORT, w_report, NULL}, {MSG_TAKEN, w_taken, NULL},
    {MSG_BYE, w_bye, NULL},       {MSG_SUBMIT, NULL, c_submit},
    {MSG_WATCH, NULL, c_watch},   {MSG_CANCEL, NULL, c_cancel},
    {MSG_REMOVE, NULL, c_remove}, {MSG_RETRY, NULL, c_retry},
    {MSG_LIST, NULL, c_list},     {MSG_READ, NULL, c_read},
    {MSG_STOP, NULL, c_stop},
};

int broker_message(struct broker *b, uint64_t peer, uint32_t type, const void *body, struct letter *letter)
{
    if (b->failed) /* half of something may be missing: nothing is touched, said or written any more */
        return 0;
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].type != type)
            continue;
        if (handlers[i].client) {
            handlers[i].client(b, peer, body);
            return 0;
        }
        struct bworker *w = broker_worker(b, peer);
        if (!w) {
            broker_refuse(b, peer, SHEAF_EGONE, "this broker does not know this worker: say HELLO first");
            return 0;
        }
        w->heard = b->now;
        handlers[i].worker(b, w, body, letter);
        return 0;
    }
    broker_refuse(b, peer, SHEAF_EPROTO, "not a message for a broker");
    return SHEAF_EPROTO;
}

/* ---- journal ---- */

void broker_durable(struct broker *b, uint64_t ticket)
{
    b->durable = ticket;
    if (b->failed)
        return;
    acks_send(b);
    list_each(it, after, &b->sweeps)
    {
        struct bsweep *s = list_entry(it, struct bsweep, node);
        if (s->frontier < s->frontier_asked && s->frontier_ticket <= ticket)
            s->frontier = s->frontier_asked;
        if (s->phase == PHASE_ENDING && s->end_ticket <= ticket)
            sweep_event(b, s, EV_DURABLE);
    }
}

void broker_ask_page(struct broker *b, const struct msg_read *read, struct page_ask ask)
{
    struct scribe_read *r = calloc(1, sizeof(*r));
    struct page_ask *who = calloc(1, sizeof(*who));
    if (!r || !who) {
        free(r);
        free(who);
        broker_check(b, SHEAF_ENOMEM);
        return;
    }
    *who = ask;
    arena_init(&r->arena, 0);
    r->read = *read;
    r->max_bytes = (size_t)4 << 20;
    r->who = who;
    b->reads++;
    b->env.read(b->env.ctx, r);
}

void broker_answered(struct broker *b, struct scribe_read *read)
{
    struct page_ask *ask = read->who;
    b->reads--;
    if (b->failed) {
        arena_finish(&read->arena);
        free(read->who);
        free(read);
        return;
    }
    if (ask->loading) {
        sweep_loaded_page(b, ask->loading, read);
        return;
    }
    for (uint32_t i = 0; i < b->n_readers; i++)
        if (b->readers[i] == ask->peer) {
            b->readers[i] = b->readers[--b->n_readers];
            break;
        }
    status_page(b, ask->peer, read);
}

/* ---- turns ---- */

static void look_at_memory(struct broker *b)
{
    uint64_t pss = b->env.own_pss(b->env.ctx);
    if (pss > b->peak_pss)
        b->peak_pss = pss;
    b->look_ns = b->look_ns < MEMORY_NS / 2 ? 2 * b->look_ns + NS_PER_S : MEMORY_NS; /* most is gained early */
    b->next_look = b->now + b->look_ns;
}

static void beat_all(struct broker *b)
{
    struct msg_beat m = {.epoch = b->config.epoch};
    int64_t lost_ns = b->config.lost_ms * NS_PER_MS;
    b->next_beat = b->now + b->config.beat_ms * NS_PER_MS;
    if (b->now >= b->next_look)
        look_at_memory(b);
    list_each(it, after, &b->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        if (!w->lost && b->now - w->heard > lost_ns)
            worker_lose(b, w);
        else if (w->lost && b->now - w->heard > 600 * NS_PER_S)
            worker_free(b, w); /* nobody waits for its late reports any more */
        else if (!w->lost)
            broker_say(b, w->peer, MSG_BEAT, &m);
    }
}

int64_t broker_tick(struct broker *b)
{
    if (b->failed)
        return 0;
    if (b->now >= b->next_beat)
        beat_all(b);
    list_each(it, after, &b->sweeps) sweep_check(b, list_entry(it, struct bsweep, node));
    snapshots_tick(b);
    if (!b->stopping)
        grants_tick(b);
    int64_t due = status_tick(b);
    if (due > b->next_beat)
        due = b->next_beat;
    list_each(it, after, &b->sweeps)
    {
        const struct bsweep *s = list_entry(it, struct bsweep, node);
        if (snapshot_due(b, s) && s->snapshot_at < due)
            due = s->snapshot_at;
    }
    return due > b->now ? due - b->now : 0;
}

uint64_t broker_held_bytes(const struct broker *b)
{
    uint64_t bytes = 0;
    list_each(it, after, &b->sweeps) bytes += groups_held(list_entry(it, struct bsweep, node));
    return bytes;
}

void broker_stop(struct broker *b)
{
    if (b->stopping)
        return;
    b->stopping = true;
    list_each(it, after, &b->workers)
    {
        const struct bworker *w = list_entry(it, struct bworker, node);
        if (!w->lost)
            broker_say(b, w->peer, MSG_QUIT, NULL);
    }
}

bool broker_finished(const struct broker *b)
{
    return b->stopping && b->durable == b->ticket && !b->reads;
}

bool broker_failed(const struct broker *b)
{
    return b->failed;
}
