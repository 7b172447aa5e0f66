/* SPDX-License-Identifier: MIT
 *
 * simslots: slots whose tasks take virtual time. What a task returns depends on its position only.
 */
#include "tests/sim/sim.h"

#include <math.h>
#include <string.h>

static bool poison(const struct vslot *v, const struct sim *s, uint64_t position)
{
    return task_share(s, v->user, position, 1, v->user->poison);
}

static bool crashes(const struct sim *s, const struct vslot *v, uint64_t position, uint32_t attempt)
{
    return poison(v, s, position) || (attempt == 1 && task_share(s, v->user, position, 3, v->user->flaky));
}

/* 0 = it never ends. */
static int64_t task_time(const struct sim *s, const struct vslot *v, uint64_t position)
{
    int64_t ns = v->user->task_ns;
    if (task_status_of(s, v->user, position) == TASK_SKIPPED)
        return 1000;
    if (task_share(s, v->user, position, 7, v->user->stuck) && !poison(v, s, position))
        return 0;
    if (task_share(s, v->user, position, 4, v->user->task_tail))
        ns *= 100;
    return ns / 2 + (int64_t)(hash_of(position, 5) % (uint64_t)(ns + 1));
}

/* The worker has news: it takes a turn soon, if it is not stopped. */
static void wake(struct vworker *w)
{
    if (w->turn_due)
        return;
    w->turn_due = true;
    worker_appointment(w, 20000);
}

static void begin_task(struct vworker *w, uint32_t slot)
{
    struct vslot *v = &w->slots[slot];
    while (v->nq && v->q[0].done >= v->q[0].end) {
        v->q[0] = v->q[1];
        v->nq--;
    }
    v->running = v->nq > 0 && v->ready && !v->dying && v->n_records < sizeof(v->status);
    if (!v->running)
        return;
    int64_t ns = task_time(w->sim, v, v->q[0].c.first + v->q[0].done);
    v->task_end = ns ? w->sim->now + ns : 0;
    v->busy_ns += ns;
    if (ns)
        sim_at(w->sim, (struct sim_event){
                           .at = v->task_end, .kind = SIM_SLOT, .node = w->index, .slot = slot, .life = v->life});
}

static void die(struct vworker *w, struct vslot *v, bool by_signal, int code)
{
    v->dying = true;
    v->death = (struct slot_death){.by_signal = by_signal, .code = code, .was_ready = v->ready, .tail = "simulated"};
    if (!v->ready && v->open_fails)
        v->death.open_error = "a library is missing";
    if (v->nq) {
        v->death.seq = v->q[0].c.seq;
        v->death.offset = v->q[0].done;
        v->death.in_task = v->running;
    }
    v->running = false;
    v->life++;
    wake(w);
}

static void end_task(struct vworker *w, uint32_t slot)
{
    struct vslot *v = &w->slots[slot];
    struct vchunk *q = &v->q[0];
    uint64_t position = q->c.first + q->done;
    uint8_t status = task_status_of(w->sim, v->user, position);
    if (status != TASK_SKIPPED && crashes(w->sim, v, position, q->c.attempt)) {
        die(w, v, true, 11);
        return;
    }
    v->status[v->n_records] = status;
    v->scores[v->n_records++] = status == TASK_DONE ? task_score_of(v->user, position) : NAN;
    q->done++;
    wake(w);
    begin_task(w, slot);
}

void slots_event(struct vworker *w, const struct sim_event *ev)
{
    struct vslot *v = &w->slots[ev->slot];
    if (!v->alive || v->life != ev->life || v->dying)
        return;
    if (v->paused_until > w->sim->now) {
        struct sim_event later = *ev;
        later.at = v->paused_until;
        sim_at(w->sim, later);
    } else if (!v->ready && v->open_fails) {
        die(w, v, false, 1);
    } else if (!v->ready) {
        v->ready = true;
        wake(w);
    } else if (v->running && v->task_end && w->sim->now >= v->task_end) {
        end_task(w, ev->slot);
    }
}

void slots_tell(struct vworker *w)
{
    w->turn_due = false;
    for (uint32_t i = 0; i < w->sim->weather.slots; i++) {
        struct vslot *v = &w->slots[i];
        if (!v->alive)
            continue;
        if (v->ready && !v->told_ready) {
            v->told_ready = true;
            w->events.ready(w->events.ctx, i);
        }
        if (v->n_records && w->events.room(w->events.ctx, i) > 36864) {
            w->events.records(w->events.ctx, i, v->n_records, v->status, v->scores);
            v->n_records = 0;
            if (!v->running)
                begin_task(w, i);
        }
        if (v->dying && v->n_records == 0) {
            v->alive = false;
            struct slot_death death = v->death;
            w->events.died(w->events.ctx, i, &death);
        }
    }
}

/* ---- the worker's hands ---- */

static int op_start(void *ctx, uint32_t slot, uint64_t sweep, struct slice bytes, const struct plan *plan)
{
    struct vworker *w = ctx;
    struct vslot *v = &w->slots[slot];
    (void)bytes;
    (void)sweep;
    SHEAF_ASSERT(!v->alive);
    uint32_t life = v->life + 1;
    memset(v, 0, sizeof(*v));
    v->alive = true;
    v->life = life;
    v->user = &w->sim->sweeps[plan->name[3] - '0'];
    v->open_fails = !v->user->opens && w->sim->now < w->sim->weather.faults_until;
    int64_t at = w->sim->now + rng_between(&w->sim->rng, 1, 20) * NS_PER_MS;
    sim_at(w->sim, (struct sim_event){.at = at, .kind = SIM_SLOT, .node = w->index, .slot = slot, .life = life});
    return 0;
}

static void op_order(void *ctx, uint32_t slot, const struct chunk *c)
{
    struct vworker *w = ctx;
    struct vslot *v = &w->slots[slot];
    if (v->dying)
        return; /* sent into a socket that nobody reads any more */
    while (v->nq && v->q[0].done >= v->q[0].end && !v->running) {
        v->q[0] = v->q[1];
        v->nq--;
    }
    SHEAF_ASSERT(v->nq < 2);
    v->q[v->nq++] = (struct vchunk){.c = *c, .end = c->count};
    if (!v->running)
        begin_task(w, slot);
}

static uint32_t op_lower(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset, uint32_t count)
{
    struct vworker *w = ctx;
    struct vslot *v = &w->slots[slot];
    for (uint32_t k = 0; k < v->nq; k++) {
        struct vchunk *q = &v->q[k];
        if (q->c.seq != seq)
            continue;
        uint32_t least = k == 0 && (v->running || v->death.in_task) ? q->done + 1 : q->done;
        uint32_t start = offset > least ? offset : least;
        if (start < q->end)
            q->end = start;
        return q->end;
    }
    return count; /* over: nothing to take */
}

static void op_stop(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset)
{
    (void)ctx;
    (void)slot;
    (void)seq;
    (void)offset;
}

static void op_kill(void *ctx, uint32_t slot)
{
    struct vworker *w = ctx;
    if (w->slots[slot].alive && !w->slots[slot].dying)
        die(w, &w->slots[slot], true, 9);
}

static void op_retire(void *ctx, uint32_t slot)
{
    struct vworker *w = ctx;
    if (w->slots[slot].alive && !w->slots[slot].dying)
        die(w, &w->slots[slot], false, 0);
}

static void op_sample(void *ctx, uint32_t slot, bool with_pss, struct slot_sample *out)
{
    struct vworker *w = ctx;
    const struct vslot *v = &w->slots[slot];
    *out = (struct slot_sample){.state = !v->ready    ? PAGE_STARTING
                                         : v->running ? PAGE_RUNNING
                                                      : PAGE_IDLE,
                                .pss_bytes = with_pss ? 1 << 20 : 0,
                                .plugin_ns = v->busy_ns};
    if (v->nq)
        out->current = page_pack(v->q[0].c.seq, v->q[0].done);
}

void slots_init(struct vworker *w)
{
    for (uint32_t i = 0; i < SIM_SLOTS; i++) /* what is still to come for slots of the life before is stale */
        w->slots[i] = (struct vslot){.life = w->slots[i].life + 1};
    w->ops = (struct slot_ops){.ctx = w,
                               .start = op_start,
                               .order = op_order,
                               .lower = op_lower,
                               .stop = op_stop,
                               .kill = op_kill,
                               .retire = op_retire,
                               .sample = op_sample};
}

void slot_pause(struct vslot *v, int64_t until)
{
    if (!v->alive || v->was_paused)
        return;
    v->was_paused = true;
    v->paused_until = until;
}

void slot_fault(struct vworker *w)
{
    struct sim *s = w->sim;
    struct vslot *v = &w->slots[rng_between(&s->rng, 0, s->weather.slots - 1)];
    if (rng_chance(&s->rng, 0.4)) {
        slot_pause(v, s->now + rng_between(&s->rng, 100, 7000) * NS_PER_MS);
        return;
    }
    /* From outside: in a first attempt only, so that no task runs out of attempts that way, and not while it opens. */
    if (v->alive && v->ready && !v->dying && (!v->running || v->q[0].c.attempt == 1))
        die(w, v, true, 9);
}
