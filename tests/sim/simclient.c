/* SPDX-License-Identifier: MIT
 *
 * simclient: one client for each sweep. It submits it and watches it, asks again when it hears nothing, forgets everything
 * now and then; as long as there are faults it also cancels, retries, removes, lists, reads pages and asks for more
 * trials. Afterwards it wants one thing only: that its sweep ends well.
 */
#include "tests/sim/sim.h"

#include <string.h>

#define SILENCE_NS (3 * NS_PER_S)

static void say(struct sim *s, struct vsweep *v, uint32_t type, const void *body)
{
    const struct vclient *c = &v->client;
    struct sim_event ev = {.kind = SIM_FROM_CLIENT, .node = v->index, .peer = c->peer, .life = s->broker_life};
    sim_post(s, ev, s->now < c->cut_out_until, type, body);
}

static void turn_in(struct sim *s, const struct vsweep *v, int64_t ns)
{
    sim_at(s, (struct sim_event){.at = s->now + ns, .kind = SIM_CLIENT_TURN, .node = v->index, .life = v->client.life});
}

void client_begin(struct sim *s, struct vsweep *v)
{
    struct vclient *c = &v->client;
    c->life++;
    c->peer = 0xc0000000u | c->life << 8 | v->index;
    c->id = 0;
    c->heard = 0;
    c->settled = false;
    c->wants_whole = !v->part.len || rng_chance(&s->rng, 0.5);
    turn_in(s, v, rng_between(&s->rng, 0, 1000) * NS_PER_MS);
}

static void submit(struct sim *s, struct vsweep *v)
{
    const struct buf *plan = v->client.wants_whole ? &v->whole : &v->part;
    struct msg_submit m = {.plan = {plan->data, plan->len},
                           .identity = {v->identity, HASH_BYTES},
                           .watch = true,
                           .every_ms = 500,
                           .top = 3};
    say(s, v, MSG_SUBMIT, &m);
}

/* Something that a person does with a sweep: also when it makes no sense. */
static void deed(struct sim *s, struct vsweep *v)
{
    struct vclient *c = &v->client;
    struct msg_sweep one = {.sweep = c->id, .now = rng_chance(&s->rng, 0.5)};
    struct msg_read read = {.sweep = c->id, .kind = (uint32_t)rng_between(&s->rng, 0, 1)};
    switch (rng_between(&s->rng, 0, 6)) {
    case 0:
        v->ever_cancelled = true;
        say(s, v, MSG_CANCEL, &one);
        break;
    case 1:
        say(s, v, MSG_RETRY, &one);
        break;
    case 2:
        say(s, v, MSG_REMOVE, &one);
        break;
    case 3:
        say(s, v, MSG_LIST, NULL);
        break;
    case 4:
        c->wants_whole = true;
        c->id = 0;
        break;
    default:
        say(s, v, MSG_READ, &read);
        break;
    }
    c->settled = c->settled && c->id;
}

void client_turn(struct sim *s, struct vsweep *v)
{
    struct vclient *c = &v->client;
    bool restless = s->now < s->weather.faults_until;
    if (!restless && !c->wants_whole && c->settled) {
        c->wants_whole = true;
        c->settled = false;
        c->id = 0;
    }
    if (restless && c->id && rng_chance(&s->rng, s->weather.deeds))
        deed(s, v);
    if (!c->id)
        submit(s, v);
    else if (!c->settled && s->now - c->heard > SILENCE_NS)
        say(s, v, MSG_WATCH, &(struct msg_watch){.sweep = c->id, .every_ms = 500, .top = 3, .plan = true});
    turn_in(s, v, rng_between(&s->rng, 200, 2000) * NS_PER_MS);
}

/* Is this the end that the client wants? Otherwise it submits its sweep again. */
static void ended(struct vsweep *v, const struct msg_status *m)
{
    struct vclient *c = &v->client;
    uint64_t limit = v->plan.limits.failures;
    bool hit = m->state == SWEEP_FAILED && m->limit_hit && limit && v->failing >= limit;
    bool right_size = m->total == v->total || !c->wants_whole;
    c->settled = (m->state == SWEEP_DONE && right_size) || hit;
    if (!c->settled)
        c->id = 0;
}

/* What a page shows is right, and (the disk saw to that) durable. */
static void check_page(struct sim *s, const struct vsweep *v, const struct msg_page *m)
{
    for (uint32_t i = 0; i < m->n_runs; i++)
        for (uint64_t k = 0; k < m->runs[i].n; k++) {
            uint8_t status = ((const uint8_t *)m->runs[i].status.data)[k];
            if (status != task_status_of(s, v, m->runs[i].from + k))
                sim_wrong(s, "a page shows a wrong result", "position %llu", (unsigned long long)m->runs[i].from + k);
        }
}

void client_hears(struct sim *s, const struct sim_event *ev)
{
    struct vsweep *v = &s->sweeps[ev->node];
    struct vclient *c = &v->client;
    struct arena a;
    uint32_t type;
    arena_init(&a, 0);
    const void *body = sim_decode(s, ev, &a, &type);
    c->heard = s->now;
    if (type == MSG_SUBMITTED)
        c->id = ((const struct msg_submitted *)body)->sweep;
    else if (type == MSG_ERROR && ((const struct msg_error *)body)->err == SHEAF_ENOENT)
        c->id = 0;
    else if (type == MSG_ERROR && !c->id && ((const struct msg_error *)body)->err == SHEAF_EINVAL)
        c->wants_whole = true; /* somebody has asked for more trials already */
    else if (type == MSG_PAGE)
        check_page(s, v, body);
    else if (type == MSG_STATUS && ((const struct msg_status *)body)->final &&
             !strcmp(((const struct msg_status *)body)->name, v->name))
        ended(v, body);
    arena_finish(&a);
}

/* The broker's own word: a late message may have told of an end that was taken back since. */
static bool ended_for_good(struct sim *s, const struct vsweep *v)
{
    list_each(it, after, &s->broker->sweeps)
    {
        const struct bsweep *b = list_entry(it, struct bsweep, node);
        if (!memcmp(b->identity, v->identity, HASH_BYTES))
            return b->phase == PHASE_FINAL && b->total == v->total && (b->state == SWEEP_DONE || b->limit_hit);
    }
    return false;
}

bool clients_settled(struct sim *s)
{
    for (uint32_t i = 0; i < s->weather.sweeps; i++) {
        struct vsweep *v = &s->sweeps[i];
        if (!v->client.settled || !v->client.wants_whole)
            return false;
        if (!ended_for_good(s, v)) {
            v->client.settled = false; /* asks again */
            v->client.id = 0;
            return false;
        }
    }
    return true;
}
