/* SPDX-License-Identifier: MIT
 *
 * sim: one run: takes event after event until every client is content, or something that must hold does not.
 */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

/* ---- events ---- */

/* Until when a node that is stopped or busy cannot take this; 0 = it can. */
static int64_t held_up(const struct sim *s, const struct sim_event *ev)
{
    switch (ev->kind) {
    case SIM_TO_WORKER:
    case SIM_WORKER_TURN:
        return s->workers[ev->node].paused_until;
    case SIM_TO_CLIENT:
    case SIM_CLIENT_TURN:
        return s->sweeps[ev->node].client.paused_until;
    case SIM_TO_BROKER:
    case SIM_FROM_CLIENT:
    case SIM_BROKER_TURN:
    case SIM_READ:
        return s->broker_busy;
    case SIM_COMMIT:
        return s->broker_paused;
    default:
        return 0;
    }
}

/* Meant for a process that is no more. What was sent to a broker that has ended since reaches the next one, or is lost. */
static bool stale(const struct sim *s, const struct sim_event *ev)
{
    switch (ev->kind) {
    case SIM_TO_WORKER:
    case SIM_WORKER_BEGINS:
        return ev->life != s->workers[ev->node].life;
    case SIM_WORKER_TURN:
        return ev->life != s->workers[ev->node].life || ev->peer != s->workers[ev->node].appointment;
    case SIM_TO_CLIENT:
    case SIM_CLIENT_TURN:
        return ev->life != s->sweeps[ev->node].client.life;
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
    static const char *const names[] = {"to broker",     "to worker",   "broker turn", "worker turn",
                                        "worker begins", "slot",        "commit",      "read",
                                        "fault",         "from client", "to client",   "client"};
    printf("%12.6f %s %u slot %u %s\n", (double)s->now / 1e9, names[ev->kind], ev->node, ev->slot,
           head.type ? proto_name(head.type) : "");
}

static void take(struct sim *s, struct sim_event *ev)
{
    struct vworker *w = ev->node < SIM_WORKERS ? &s->workers[ev->node] : NULL;
    switch (ev->kind) {
    case SIM_TO_BROKER:
    case SIM_FROM_CLIENT:
        broker_takes(s, ev);
        break;
    case SIM_TO_WORKER:
        worker_takes(s, ev);
        break;
    case SIM_BROKER_TURN:
        broker_turn(s);
        break;
    case SIM_WORKER_TURN:
        worker_turn(s, w);
        break;
    case SIM_WORKER_BEGINS:
        worker_begin(s, ev->node);
        break;
    case SIM_SLOT:
        slots_event(w, ev);
        break;
    case SIM_COMMIT:
        disk_commit(s);
        break;
    case SIM_READ:
        disk_answer(s);
        break;
    case SIM_FAULT:
        sim_fault(s);
        break;
    case SIM_TO_CLIENT:
        client_hears(s, ev);
        break;
    case SIM_CLIENT_TURN:
        client_turn(s, &s->sweeps[ev->node]);
        break;
    }
}

static void step(struct sim *s)
{
    struct sim_event ev = sim_next(s);
    s->now = ev.at;
    s->steps++;
    if (!stale(s, &ev)) {
        int64_t until = held_up(s, &ev);
        if (until > s->now) {
            ev.at = until;
            sim_at(s, ev);
            return;
        }
        if (s->trace)
            print_event(s, &ev);
        take(s, &ev);
    }
    event_drop(&ev);
}

/* ---- one run ---- */

static void does_not_end(struct sim *s)
{
    sim_wrong(s, "the sweeps do not end", "the broker has none");
    size_t at = 0;
    list_each(it, after, &s->broker->sweeps)
    {
        const struct bsweep *b = list_entry(it, struct bsweep, node);
        int n = snprintf(s->detail + at, sizeof(s->detail) - at,
                         "%s: phase %u state %u, %llu of %llu done, %llu pending, %llu looked at, %u leases, %s; ",
                         b->plan.name, (unsigned)b->phase, b->state, (unsigned long long)b->done.count,
                         (unsigned long long)b->total, (unsigned long long)b->pending.count,
                         (unsigned long long)b->looking.count, b->n_leases, b->reason);
        at = n > 0 && at + (size_t)n < sizeof(s->detail) ? at + (size_t)n : at;
    }
}

static void finish(struct sim *s)
{
    broker_destroy(s->broker);
    disk_free(s);
    for (uint32_t i = 0; i < s->weather.workers; i++) {
        worker_destroy(s->workers[i].logic);
        forget_notes(&s->workers[i]);
    }
    while (s->n_events) {
        struct sim_event ev = sim_next(s);
        event_drop(&ev);
    }
    free(s->heap);
    sweeps_free(s);
}

/* Virtual time that all this may take at most. */
static int64_t patience(const struct sim *s)
{
    int64_t ns = s->weather.faults_until + CALM_NS;
    for (uint32_t i = 0; i < s->weather.sweeps; i++) {
        const struct vsweep *v = &s->sweeps[i];
        ns += (int64_t)v->total * v->task_ns * 4;
        if (v->stuck > 0)
            ns += (int64_t)v->failing * SIM_ATTEMPTS * SIM_TASK_SECONDS * NS_PER_S * 4;
    }
    return ns;
}

bool sim_run(struct sim *s, uint64_t seed, bool trace)
{
    *s = (struct sim){.seed = seed, .rng = {seed * 2654435761u + 1}, .trace = trace, .now = NS_PER_S};
    weather_choose(s);
    sweeps_make(s);
    broker_begin(s);
    for (uint32_t i = 0; i < s->weather.workers; i++)
        worker_begin(s, i);
    for (uint32_t i = 0; i < s->weather.sweeps; i++)
        client_begin(s, &s->sweeps[i]);
    if (s->weather.faults_until > s->now)
        sim_at(s, (struct sim_event){.at = s->now + s->weather.mean_between_faults / 2, .kind = SIM_FAULT});
    int64_t end = patience(s);
    while (!s->finished && !s->wrong) {
        step(s);
        if (s->now > end && !s->wrong)
            does_not_end(s);
        s->finished = s->now >= s->weather.faults_until && s->steps % 16 == 0 && clients_settled(s);
    }
    finish(s);
    return !s->wrong;
}
