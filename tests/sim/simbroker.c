/* SPDX-License-Identifier: MIT
 *
 * simbroker: the broker: the real logic between the simulated network and the simulated disk.
 */
#include "tests/sim/sim.h"

#define CHARGE_NS 20000 /* what the broker spends on a message */

static bool send_to_client(struct sim *s, uint64_t peer, uint32_t type, const void *body)
{
    for (uint32_t i = 0; i < s->weather.sweeps; i++) {
        const struct vclient *c = &s->sweeps[i].client;
        if (c->peer != peer)
            continue;
        struct sim_event ev = {.kind = SIM_TO_CLIENT, .node = i, .life = c->life};
        sim_post(s, ev, s->now < c->cut_in_until, type, body);
        return true;
    }
    return false;
}

static bool env_send(void *ctx, uint64_t peer, uint32_t type, const void *body)
{
    struct sim *s = ctx;
    struct vworker *w = worker_by_peer(s, peer);
    if (type == MSG_STATUS && ((const struct msg_status *)body)->final)
        check_final(s, body);
    if (!w)
        return send_to_client(s, peer, type, body);
    if (type == MSG_ACK)
        check_ack(s, w, body);
    struct sim_event ev = {.kind = SIM_TO_WORKER, .node = w->index, .life = w->life};
    sim_post(s, ev, s->now < w->cut_in_until, type, body);
    return true;
}

static void env_journal(void *ctx, struct scribe_batch *b)
{
    disk_push(ctx, b);
}

static void env_read(void *ctx, struct scribe_read *r)
{
    disk_ask(ctx, r);
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

void broker_clock(struct sim *s)
{
    broker_time(s->broker, s->now + s->broker_clock);
}

void broker_begin(struct sim *s)
{
    struct broker_config config = {.epoch = rng_next(&s->rng) | 1,
                                   .last_sweep = s->disk.last_sweep,
                                   .expected_workers = s->weather.local ? 1 : 0,
                                   .limits = {.acks = SIM_ACKS}};
    struct broker_env env = {.ctx = s,
                             .send = env_send,
                             .journal = env_journal,
                             .read = env_read,
                             .own_pss = env_pss,
                             .own_cpu_ns = env_zero,
                             .wall_ms = env_zero};
    s->broker_life++;
    s->broker = broker_create(&config, &env);
    SHEAF_ASSERT(s->broker);
    s->durable_ticket = 0;
    s->broker_clock = rng_between(&s->rng, 0, 1000) * NS_PER_S;
    broker_clock(s);
    disk_restore(s);
    sim_at(s, (struct sim_event){.at = s->now, .kind = SIM_BROKER_TURN, .life = s->broker_life});
}

static void begin_again(struct sim *s)
{
    broker_destroy(s->broker);
    s->broker = NULL;
    disk_crash(s, rng_chance(&s->rng, 0.5));
    broker_begin(s);
    s->broker_busy = s->now + rng_between(&s->rng, 1, 8000) * NS_PER_MS; /* until it has started again */
}

void broker_crashes(struct sim *s)
{
    begin_again(s);
}

void broker_turn(struct sim *s)
{
    broker_clock(s);
    int64_t wait = broker_tick(s->broker);
    check_broker(s);
    if (broker_finished(s->broker)) {
        begin_again(s);
        return;
    }
    if (wait < 100000)
        wait = 100000;
    sim_at(s, (struct sim_event){.at = s->now + wait, .kind = SIM_BROKER_TURN, .life = s->broker_life});
}

void broker_takes(struct sim *s, const struct sim_event *ev)
{
    uint32_t type;
    void *body;
    struct letter *l = sim_letter(s, ev, &type, &body);
    struct vworker *w = ev->kind == SIM_TO_BROKER ? worker_by_peer(s, ev->peer) : NULL;
    if (w && type == MSG_REPORT)
        note_passed_over(s, w, body);
    s->broker_busy = (s->broker_busy > s->now ? s->broker_busy : s->now) + CHARGE_NS;
    s->reporting = 1u << (s->weather.mixed && ev->kind == SIM_TO_BROKER ? ev->node % 2 : 0);
    broker_clock(s);
    if (broker_message(s->broker, ev->peer, type, body, l) < 0)
        sim_wrong(s, "the broker takes no such message", "%s", proto_name(type));
    (void)broker_tick(s->broker);
    check_broker(s);
    letter_unref(l);
}
