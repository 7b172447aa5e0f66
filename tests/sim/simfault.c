/* SPDX-License-Identifier: MIT
 *
 * simfault: what goes wrong, at random.
 */
#include "tests/sim/sim.h"

#include <math.h>

#define ROGUE 0xbad00u

/* Wrong scores for [from, from + n) in a report on somebody's lease. */
static void lie(struct sim *s, uint64_t peer, uint64_t sweep, uint64_t lease, uint64_t from, uint64_t n)
{
    static const double wrong[512] = {666};
    n = n < 512 ? n : 512;
    struct msg_run run = {.from = from, .n = n, .scores = {wrong, n * 8}};
    struct msg_report report = {
        .seq = (uint64_t)1 << 60, .sweep = sweep, .lease = lease, .runs = &run, .n_runs = 1, .broken = ""};
    (void)broker_message(s->broker, peer, MSG_REPORT, &report, NULL);
}

/* Somebody who was granted nothing reports positions of somebody's lease; and somebody who was, such as lie outside of it. */
static void rogue(struct sim *s)
{
    struct vworker *w = &s->workers[rng_between(&s->rng, 0, s->weather.workers - 1)];
    if (!w->n_granted)
        return;
    struct granted g = w->granted[w->n_granted - 1];
    struct msg_hello hello = {.instance = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", .host = "", .slots = 1};
    broker_clock(s);
    lie(s, ROGUE, g.sweep, g.lease, g.from, g.to - g.from);
    (void)broker_message(s->broker, ROGUE, MSG_HELLO, &hello, NULL);
    lie(s, ROGUE, g.sweep, g.lease, g.from, g.to - g.from);
    (void)broker_message(s->broker, ROGUE, MSG_BYE, NULL, NULL);
    lie(s, w->peer, g.sweep, g.lease, g.to, 7);
    lie(s, w->peer, g.sweep, g.lease, g.to - 1, 2);
    if (g.from)
        lie(s, w->peer, g.sweep, g.lease, g.from - 1, 1);
}

static void clock_jumps(struct sim *s, struct vworker *w)
{
    int64_t by = rng_chance(&s->rng, 0.5) ? rng_between(&s->rng, 2000, 600000) : rng_between(&s->rng, 1, 100);
    if (rng_chance(&s->rng, 0.3))
        s->broker_clock += by * NS_PER_MS;
    else
        w->clock += by * NS_PER_MS;
}

/* The whole machine sleeps: worker and slots. */
static void suspend(struct sim *s, struct vworker *w, int64_t until)
{
    w->paused_until = until;
    for (uint32_t i = 0; i < s->weather.slots; i++)
        slot_pause(&w->slots[i], until);
}

static void client_fault(struct sim *s, int64_t until)
{
    struct vsweep *v = &s->sweeps[rng_between(&s->rng, 0, s->weather.sweeps - 1)];
    struct vclient *c = &v->client;
    switch (rng_between(&s->rng, 0, 3)) {
    case 0:
        client_begin(s, v);
        break;
    case 1:
        c->cut_in_until = until;
        break;
    case 2:
        c->cut_out_until = until;
        break;
    default:
        c->paused_until = until;
        break;
    }
}

static void leaves(struct vworker *w)
{
    w->says_bye = true;
    worker_stop(w->logic);
    worker_appointment(w, 0);
}

static void broker_fault(struct sim *s, int64_t until)
{
    switch (rng_between(&s->rng, 0, 4)) {
    case 0:
        s->broker_busy = s->broker_paused = until;
        break;
    case 1:
        s->disk.full_until = until;
        break;
    case 2:
        broker_clock(s);
        broker_stop(s->broker); /* its turn finds out when it has finished */
        break;
    default:
        broker_crashes(s);
        break;
    }
}

static void worker_fault(struct sim *s, struct vworker *w, int64_t until)
{
    switch (rng_between(&s->rng, 0, 9)) {
    case 0:
        worker_end(w);
        worker_begin(s, w->index);
        break;
    case 1:
        w->paused_until = until;
        break;
    case 2:
        w->cut_in_until = until;
        break;
    case 3:
        w->cut_out_until = until;
        break;
    case 4:
        w->cut_in_until = w->cut_out_until = until;
        break;
    case 5:
        suspend(s, w, until);
        break;
    case 6:
        leaves(w);
        break;
    case 7:
        worker_time(w->logic, s->now + w->clock);
        worker_reconnected(w->logic);
        break;
    default:
        slot_fault(w);
        break;
    }
}

void sim_fault(struct sim *s)
{
    struct vworker *w = &s->workers[rng_between(&s->rng, 0, s->weather.workers - 1)];
    int64_t until = s->now + rng_between(&s->rng, 100, 12000) * NS_PER_MS;
    double which = rng_unit(&s->rng);
    if (which < 0.25)
        broker_fault(s, until);
    else if (which < 0.35)
        client_fault(s, until);
    else if (which < 0.45)
        rogue(s);
    else if (which < 0.5)
        clock_jumps(s, w);
    else if (w->logic)
        worker_fault(s, w, until);
    int64_t mean = s->weather.mean_between_faults;
    int64_t at = s->now + (int64_t)(-log(1 - rng_unit(&s->rng)) * (double)mean);
    if (at < s->weather.faults_until)
        sim_at(s, (struct sim_event){.at = at, .kind = SIM_FAULT});
}
