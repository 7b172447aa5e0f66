/* SPDX-License-Identifier: MIT
 *
 * broker_fuzz: a script (broker_script.h) of what peers send and of what time, journal and crashes do to a broker's logic. Messages
 * go through the real decoder. Whatever comes: the broker lives, each position is in exactly one state and journaled once,
 * leases are counted truly, nothing is acknowledged before it is durable, what it says can be read, and what it wrote it can take up
 * again.
 */
#include "broker/broker_impl.h"
#include "tests/fuzz/broker_script.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memjournal.h"
#include "tests/fuzz/script.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MOST 300u
#define POSITIONS_LOOKED_AT 256u

struct world {
    struct memjournal journal;
    struct broker *broker;
    struct broker_config config;
    int64_t now;
    uint64_t gone;
    struct buf head, frame;
};

/* ---- what the broker sees ---- */

static bool env_send(void *ctx, uint64_t peer, uint32_t type, const void *body)
{
    struct world *w = ctx;
    static _Alignas(16) unsigned char read[PROTO_MAX_STRUCT];
    struct arena a;
    if (peer == w->gone)
        return false;
    w->head.len = w->frame.len = 0;
    SHEAF_ASSERT(proto_encode(type, body, &w->head, &w->frame) == 0);
    arena_init(&a, 0);
    SHEAF_ASSERT(proto_body(type, w->frame.data, w->frame.len, &a, read, NULL) == 0);
    arena_finish(&a);
    if (type == MSG_SUBMITTED) /* acknowledged: durable */
        SHEAF_ASSERT(memjournal_has(&w->journal, ((const struct msg_submitted *)body)->sweep));
    return true;
}

static void env_journal(void *ctx, struct scribe_batch *batch)
{
    memjournal_push(&((struct world *)ctx)->journal, batch);
}

static void env_read(void *ctx, struct scribe_read *read)
{
    memjournal_ask(&((struct world *)ctx)->journal, read);
}

static uint64_t env_pss(void *ctx)
{
    (void)ctx;
    return 1 << 20;
}

static int64_t env_number(void *ctx)
{
    (void)ctx;
    return 1;
}

static void start(struct world *w)
{
    const struct broker_env env = {.ctx = w,
                                   .send = env_send,
                                   .journal = env_journal,
                                   .read = env_read,
                                   .own_pss = env_pss,
                                   .own_cpu_ns = env_number,
                                   .wall_ms = env_number};
    w->config.last_sweep = w->journal.last_sweep;
    w->broker = broker_create(&w->config, &env);
    SHEAF_ASSERT(w->broker);
    broker_time(w->broker, w->now);
    memjournal_restore(&w->journal, w->broker);
}

/* ---- what must hold ---- */

static void check_leases(const struct broker *b)
{
    list_each(it, after, &b->sweeps)
    {
        const struct bsweep *s = list_entry(it, struct bsweep, node);
        uint32_t leases = 0;
        list_each(w_it, w_after, &b->workers)
        {
            const struct bworker *w = list_entry(w_it, struct bworker, node);
            list_each(l_it, l_after, &w->leases)
            {
                const struct blease *l = list_entry(l_it, struct blease, node);
                leases += l->sweep == s && !l->revoked;
                SHEAF_ASSERT(!w->lost || l->revoked);
                SHEAF_ASSERT(l->from <= l->to && l->to <= l->granted_to && l->granted_to <= l->sweep->total);
            }
        }
        SHEAF_ASSERT(leases == s->n_leases);
    }
}

static bool is_held(const struct broker *b, const struct bsweep *s, uint64_t position)
{
    list_each(w_it, w_after, &b->workers)
    {
        const struct bworker *w = list_entry(w_it, struct bworker, node);
        list_each(l_it, l_after, &w->leases)
        {
            const struct blease *l = list_entry(l_it, struct blease, node);
            if (l->sweep == s && !l->revoked && !l->flags && position >= l->from && position < l->to)
                return true;
        }
    }
    return false;
}

static void check_positions(const struct broker *b, const struct bsweep *s)
{
    struct tally_counts c = tally_counts(s->tally);
    SHEAF_ASSERT(c.done + c.failed + c.skipped == s->done.count && s->done.count <= s->total);
    for (size_t i = 0; i < s->pending.n; i++)
        SHEAF_ASSERT(intervals_count_in(&s->done, s->pending.at[i].from, s->pending.at[i].to) == 0);
    for (uint64_t p = 0; s->total <= POSITIONS_LOOKED_AT && p < s->total; p++)
        SHEAF_ASSERT(intervals_has(&s->done, p) || intervals_has(&s->pending, p) || is_held(b, s, p));
}

static void check(const struct world *w)
{
    const struct broker *b = w->broker;
    SHEAF_ASSERT(!broker_failed(b) && b->durable <= b->ticket);
    check_leases(b);
    list_each(it, after, &b->sweeps)
    {
        const struct bsweep *s = list_entry(it, struct bsweep, node);
        if (s->phase == PHASE_RUNNING)
            check_positions(b, s);
    }
}

/* ---- steps ---- */

struct inbox {
    struct letter letter;
    struct arena arena;
    uint8_t *bytes;
    _Alignas(16) unsigned char body[PROTO_MAX_STRUCT];
};

static void inbox_free(struct letter *l)
{
    struct inbox *in = (struct inbox *)(void *)l;
    arena_finish(&in->arena);
    free(in->bytes);
    free(in);
}

static void message(struct world *w, const struct step *s)
{
    struct diag d = {""};
    struct inbox *in = calloc(1, sizeof(*in));
    SHEAF_ASSERT(in && s->len > 0);
    size_t len = s->len - 1u;
    atomic_init(&in->letter.refs, 1);
    in->letter.free = inbox_free;
    arena_init(&in->arena, 0);
    in->bytes = malloc(len ? len : 1); /* exactly so many, for the address sanitizer */
    SHEAF_ASSERT(in->bytes);
    memcpy(in->bytes, s->bytes + 1, len);
    if (proto_body(s->bytes[0], in->bytes, len, &in->arena, in->body, &d) == 0)
        (void)broker_message(w->broker, s->arg, s->bytes[0], in->body, &in->letter);
    letter_unref(&in->letter);
}

static void commit(struct world *w)
{
    uint64_t ticket = memjournal_commit(&w->journal);
    if (ticket)
        broker_durable(w->broker, ticket);
}

/* A page shows every batch that was handed over before it was asked for. */
static bool answer(struct world *w)
{
    if (!w->journal.asked)
        return false;
    while (w->journal.first)
        commit(w);
    struct scribe_read *r = memjournal_answer(&w->journal);
    if (r)
        broker_answered(w->broker, r);
    return r != NULL;
}

static void settle(struct world *w)
{
    do
        while (w->journal.first)
            commit(w);
    while (answer(w));
}

static void crash(struct world *w)
{
    broker_destroy(w->broker);
    w->broker = NULL;
    memjournal_crash(&w->journal);
    w->config.epoch += BROKER_EPOCH;
    start(w);
}

static void take(struct world *w, const struct step *s)
{
    broker_time(w->broker, w->now);
    switch (s->kind) {
    case BROKER_MESSAGE:
        if (s->len > 0 && s->arg > 0)
            message(w, s);
        break;
    case BROKER_TIME:
        w->now += s->arg * 100 * NS_PER_MS;
        broker_time(w->broker, w->now);
        break;
    case BROKER_COMMIT:
        commit(w);
        break;
    case BROKER_SETTLE:
        settle(w);
        break;
    case BROKER_ANSWER:
        (void)answer(w);
        break;
    case BROKER_CRASH:
        crash(w);
        break;
    case BROKER_GONE:
        w->gone = s->arg;
        break;
    case BROKER_STOP:
        broker_stop(w->broker);
        break;
    default:
        break;
    }
    SHEAF_ASSERT(broker_tick(w->broker) >= 0);
    check(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.config = {.epoch = BROKER_EPOCH}, .now = 1000 * NS_PER_S};
    struct script script = {data, data + size};
    struct step s;
    memjournal_init(&w.journal);
    start(&w);
    for (uint32_t i = 0; i < STEPS_MOST && script_next(&script, &s); i++)
        take(&w, &s);
    broker_stop(w.broker);
    settle(&w); /* whatever was: it ends when the journal is through */
    SHEAF_ASSERT(broker_finished(w.broker));
    broker_destroy(w.broker);
    memjournal_finish(&w.journal);
    buf_finish(&w.head);
    buf_finish(&w.frame);
    return 0;
}
