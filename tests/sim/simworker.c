/* SPDX-License-Identifier: MIT
 *
 * simworker: workers: the real logic between the simulated network and simulated slots.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

static struct sim_event to_broker(const struct vworker *w)
{
    return (struct sim_event){.kind = SIM_TO_BROKER, .node = w->index, .peer = w->peer, .life = w->sim->broker_life};
}

static void env_send_frames(void *ctx, const struct buf *head, const struct buf *frame)
{
    struct vworker *w = ctx;
    note_report(w, frame);
    sim_carry(w->sim, to_broker(w), w->sim->now < w->cut_out_until, head, frame);
}

static void env_send(void *ctx, uint32_t type, const void *body)
{
    struct vworker *w = ctx;
    sim_post(w->sim, to_broker(w), w->sim->now < w->cut_out_until, type, body);
}

static uint64_t env_pss(void *ctx)
{
    (void)ctx;
    return 1 << 20;
}

static int env_sync(void *ctx, const struct plan *p, struct diag *d)
{
    (void)ctx, (void)p, (void)d;
    return 0;
}

static int64_t env_cpu(void *ctx)
{
    (void)ctx;
    return 0;
}

struct vworker *worker_by_peer(struct sim *s, uint64_t peer)
{
    for (uint32_t i = 0; i < s->weather.workers; i++)
        if (s->workers[i].peer == peer && s->workers[i].logic)
            return &s->workers[i];
    return NULL;
}

void worker_appointment(struct vworker *w, int64_t in_ns)
{
    sim_at(w->sim, (struct sim_event){.at = w->sim->now + in_ns,
                                      .kind = SIM_WORKER_TURN,
                                      .node = w->index,
                                      .life = w->life,
                                      .peer = ++w->appointment});
}

void worker_begin(struct sim *s, uint32_t index)
{
    struct vworker *w = &s->workers[index];
    w->sim = s;
    w->index = index;
    w->life++;
    w->peer = (uint64_t)(w->life << 8 | (index + 1));
    w->clock = rng_between(&s->rng, 0, 1000) * NS_PER_S;
    w->says_bye = false;
    snprintf(w->instance, sizeof(w->instance), "%016llx%08x%08x", (unsigned long long)s->seed, index, w->life);
    slots_init(w);
    struct worker_config config = {.instance = w->instance, .host = "sim", .pid = index, .slots = s->weather.slots};
    config.fingerprint[0] = s->weather.mixed ? (uint8_t)(index % 2) : 0;
    struct worker_env env = {.ctx = w,
                             .send = env_send,
                             .send_frames = env_send_frames,
                             .own_pss = env_pss,
                             .own_cpu_ns = env_cpu,
                             .sync_output = env_sync};
    w->logic = worker_create(&config, &env);
    SHEAF_ASSERT(w->logic);
    w->events = worker_events(w->logic);
    worker_set_ops(w->logic, &w->ops);
    w->turn_due = false;
    worker_appointment(w, 0);
}

void worker_end(struct vworker *w)
{
    worker_destroy(w->logic);
    w->logic = NULL;
    w->life++;
    forget_notes(w);
}

/* The process ends in good order; another one is started in its place. */
static void leave(struct sim *s, struct vworker *w)
{
    if (w->says_bye)
        env_send(w, MSG_BYE, NULL);
    worker_end(w);
    int64_t at = s->now + rng_between(&s->rng, 1, 3000) * NS_PER_MS;
    sim_at(s, (struct sim_event){.at = at, .kind = SIM_WORKER_BEGINS, .node = w->index, .life = w->life});
}

/* After a message or a slot's news: the tick, and an appointment for the next one. */
void worker_turn(struct sim *s, struct vworker *w)
{
    worker_time(w->logic, s->now + w->clock);
    slots_tell(w);
    int64_t wait = worker_tick(w->logic);
    check_worker(s, w);
    if (worker_finished(w->logic)) {
        leave(s, w);
        return;
    }
    if (wait < 100000)
        wait = 100000;
    if (!w->turn_due)
        worker_appointment(w, wait);
}

void worker_takes(struct sim *s, const struct sim_event *ev)
{
    struct vworker *w = &s->workers[ev->node];
    struct arena a;
    uint32_t type;
    arena_init(&a, 0);
    void *body = sim_decode(s, ev, &a, &type);
    if (type == MSG_GRANT)
        note_grant(w, body);
    worker_time(w->logic, s->now + w->clock);
    if (worker_message(w->logic, type, body) < 0)
        sim_wrong(s, "a worker takes no such message", "%s", proto_name(type));
    arena_finish(&a);
    worker_turn(s, w);
}
