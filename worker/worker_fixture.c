/* SPDX-License-Identifier: MIT
 *
 * worker_fixture: slots that remember their orders.
 */
#include "worker/worker_fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- the worker's hands ---- */

static int op_start(void *ctx, uint32_t slot, uint64_t sweep, struct slice bytes, const struct plan *plan)
{
    struct worker_fixture *f = ctx;
    (void)sweep;
    SHEAF_ASSERT(!f->slots[slot].alive && bytes.len && plan);
    if (f->cannot_start)
        return SHEAF_EIO;
    uint32_t starts = f->slots[slot].starts;
    f->slots[slot] = (struct fake_slot){.alive = true, .starts = starts + 1, .kills = f->slots[slot].kills};
    f->slots[slot].sample.state = PAGE_STARTING;
    return 0;
}

static void op_order(void *ctx, uint32_t slot, const struct chunk *c)
{
    struct fake_slot *s = &((struct worker_fixture *)ctx)->slots[slot];
    SHEAF_ASSERT(s->alive && s->ready && s->n_orders < FAKE_ORDERS && s->n_orders < s->n_done + 2);
    s->ends[s->n_orders] = c->count;
    s->orders[s->n_orders++] = *c;
}

static uint32_t op_lower(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset, uint32_t count)
{
    struct fake_slot *s = &((struct worker_fixture *)ctx)->slots[slot];
    uint32_t least = page_seq(s->claimed) == seq ? page_offset(s->claimed) + 1 : 0;
    uint32_t start = offset > least ? offset : least;
    if (start > count)
        start = count;
    for (uint32_t i = 0; i < s->n_orders; i++)
        if (s->orders[i].seq == seq && start < s->ends[i])
            s->ends[i] = start;
    return start;
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
    ((struct worker_fixture *)ctx)->slots[slot].kills++;
}

static void op_retire(void *ctx, uint32_t slot)
{
    ((struct worker_fixture *)ctx)->slots[slot].retires++;
}

static void op_sample(void *ctx, uint32_t slot, bool with_pss, struct slot_sample *out)
{
    const struct fake_slot *s = &((struct worker_fixture *)ctx)->slots[slot];
    *out = s->sample;
    out->pss_bytes = with_pss ? s->sample.pss_bytes : 0;
}

/* ---- the broker's ears ---- */

static void inside(struct worker_fixture *f, bool is)
{
    if (f->memory)
        f->memory(is);
}

static void env_send(void *ctx, uint32_t type, const void *body)
{
    struct worker_fixture *f = ctx;
    inside(f, false);
    mailbox_put(&f->out, 0, type, body);
    inside(f, true);
}

static void env_send_frames(void *ctx, const struct buf *head, const struct buf *frame)
{
    struct worker_fixture *f = ctx;
    (void)head;
    inside(f, false);
    mailbox_put_frame(&f->out, 0, MSG_REPORT, frame);
    inside(f, true);
}

static uint64_t env_pss(void *ctx)
{
    (void)ctx;
    return 1000;
}

static int64_t env_cpu(void *ctx)
{
    (void)ctx;
    return 7;
}

static int env_sync(void *ctx, const struct plan *p, struct diag *d)
{
    struct worker_fixture *f = ctx;
    SHEAF_ASSERT(plan_has_output(p) || plan_has_files(p));
    f->syncs++;
    return f->cannot_sync ? diag_fail(d, SHEAF_EIO, "the device is gone") : 0;
}

/* ---- life and time ---- */

void fixture_init(struct worker_fixture *f, uint32_t n_slots)
{
    memset(f, 0, sizeof(*f));
    mailbox_init(&f->out);
    plan_fixture_init(&f->plan, 1000, 1);
    f->ops = (struct slot_ops){.ctx = f,
                               .start = op_start,
                               .order = op_order,
                               .lower = op_lower,
                               .stop = op_stop,
                               .kill = op_kill,
                               .retire = op_retire,
                               .sample = op_sample};
    struct worker_config config = {
        .instance = "0123456789abcdef0123456789abcdef", .host = "here", .pid = 1, .slots = n_slots};
    struct worker_env env = {.ctx = f,
                             .send = env_send,
                             .send_frames = env_send_frames,
                             .own_pss = env_pss,
                             .own_cpu_ns = env_cpu,
                             .sync_output = env_sync};
    f->worker = worker_create(&config, &env);
    SHEAF_ASSERT(f->worker);
    worker_set_ops(f->worker, &f->ops);
    f->events = worker_events(f->worker);
    f->now = 1000 * NS_PER_S;
    worker_time(f->worker, f->now);
}

void fixture_finish(struct worker_fixture *f)
{
    worker_destroy(f->worker);
    mailbox_finish(&f->out);
    buf_finish(&f->plan_bytes);
}

int64_t fixture_turn(struct worker_fixture *f, int64_t ms)
{
    f->now += ms * NS_PER_MS;
    worker_time(f->worker, f->now);
    inside(f, true);
    int64_t wait = worker_tick(f->worker);
    inside(f, false);
    return wait;
}

void fixture_pass(struct worker_fixture *f, int64_t ms)
{
    for (; ms > 0; ms -= 50)
        (void)fixture_turn(f, ms < 50 ? ms : 50);
}

/* ---- messages ---- */

void fixture_message(struct worker_fixture *f, uint32_t type, const void *body)
{
    inside(f, true);
    SHEAF_ASSERT(worker_message(f->worker, type, body) == 0);
    inside(f, false);
    (void)fixture_turn(f, 0);
}

void fixture_welcome(struct worker_fixture *f, uint64_t epoch, bool resend)
{
    fixture_message(f, MSG_WELCOME,
                    &(struct msg_welcome){.epoch = epoch, .beat_ms = 1000, .lost_ms = 5000, .resend = resend});
}

void fixture_plan(struct worker_fixture *f, uint64_t sweep)
{
    f->plan_bytes.len = 0;
    SHEAF_ASSERT(plan_encode(&f->plan.plan, &f->plan_bytes) == 0);
    fixture_message(f, MSG_PLAN, &(struct msg_plan){sweep, {f->plan_bytes.data, f->plan_bytes.len}});
}

void fixture_grant(struct worker_fixture *f, uint64_t lease, uint64_t from, uint64_t to, uint32_t flags)
{
    struct msg_lease l = {.sweep = 1, .lease = lease, .from = from, .to = to, .flags = flags};
    fixture_message(f, MSG_GRANT, &(struct msg_grant){.leases = &l, .n_leases = 1});
}

void fixture_ack(struct worker_fixture *f, uint64_t seq)
{
    struct msg_seq one = {seq};
    fixture_message(f, MSG_ACK, &(struct msg_ack){.seqs = &one, .n_seqs = 1});
}

void fixture_begin(struct worker_fixture *f, uint64_t n)
{
    (void)fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_plan(f, 1);
    fixture_grant(f, 1, 0, n, 0);
    slot_ready(f, 0);
    (void)fixture_turn(f, 0);
}

/* ---- slots ---- */

void slot_ready(struct worker_fixture *f, uint32_t slot)
{
    SHEAF_ASSERT(f->slots[slot].alive);
    f->slots[slot].ready = true;
    f->slots[slot].sample.state = PAGE_IDLE;
    f->events.ready(f->events.ctx, slot);
}

static void pass_over_ended(struct worker_fixture *f, uint32_t slot)
{
    struct fake_slot *s = &f->slots[slot];
    const struct wslot *w = &f->worker->slots[slot];
    uint32_t first = w->nq ? w->q[0].c.seq : UINT32_MAX;
    while (s->n_done < s->n_orders && s->orders[s->n_done].seq < first)
        s->n_done++;
}

const struct chunk *slot_chunk(const struct worker_fixture *f, uint32_t slot)
{
    const struct wslot *w = &f->worker->slots[slot];
    return f->slots[slot].alive && w->nq ? &w->q[0].c : NULL;
}

void slot_tell(struct worker_fixture *f, uint32_t slot, uint32_t n, uint8_t status)
{
    uint8_t st[1024];
    double scores[1024];
    SHEAF_ASSERT(n <= 1024);
    for (uint32_t i = 0; i < n; i++) {
        st[i] = status;
        scores[i] = status == 1 ? 0.5 : __builtin_nan("");
    }
    f->slots[slot].sample.state = PAGE_IDLE;
    inside(f, true);
    f->events.records(f->events.ctx, slot, n, st, scores);
    inside(f, false);
    pass_over_ended(f, slot);
}

void slot_runs(struct worker_fixture *f, uint32_t slot, uint32_t offset)
{
    const struct chunk *c = slot_chunk(f, slot);
    SHEAF_ASSERT(c);
    f->slots[slot].sample.state = PAGE_RUNNING;
    f->slots[slot].sample.current = f->slots[slot].claimed = page_pack(c->seq, offset);
}

void slot_dies(struct worker_fixture *f, uint32_t slot, struct slot_death death)
{
    SHEAF_ASSERT(f->slots[slot].alive);
    f->slots[slot].alive = false;
    death.was_ready = f->slots[slot].ready;
    if (!death.tail)
        death.tail = "";
    inside(f, true);
    f->events.died(f->events.ctx, slot, &death);
    inside(f, false);
}

void slot_crashes(struct worker_fixture *f, uint32_t slot)
{
    const struct wchunk *c = &f->worker->slots[slot].q[0];
    SHEAF_ASSERT(f->worker->slots[slot].nq);
    slot_dies(
        f, slot,
        (struct slot_death){
            .by_signal = true, .code = 11, .seq = c->c.seq, .offset = c->seen, .in_task = true, .tail = "last words"});
}

uint32_t slots_started(const struct worker_fixture *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < FAKE_SLOTS; i++)
        n += f->slots[i].starts;
    return n;
}

static bool slot_goes_on(struct worker_fixture *f, uint32_t slot)
{
    struct fake_slot *s = &f->slots[slot];
    const struct wslot *w = &f->worker->slots[slot];
    if (!s->alive)
        return false;
    if (s->retires || w->state == WSLOT_ENDING) {
        slot_dies(f, slot, (struct slot_death){.code = 0});
        return true;
    }
    if (!s->ready) {
        slot_ready(f, slot);
        return true;
    }
    if (!w->nq)
        return false;
    uint32_t left = w->q[0].end - w->q[0].seen;
    slot_tell(f, slot, left < 1024 ? left : 1024, 1);
    return true;
}

void fixture_work_off(struct worker_fixture *f)
{
    for (int quiet = 0; quiet < 2; quiet++) { /* a turn may start a slot */
        for (uint32_t i = 0; i < f->worker->config.slots; i++)
            if (slot_goes_on(f, i))
                quiet = -1;
        (void)fixture_turn(f, 1);
    }
}

/* ---- what was heard ---- */

uint64_t fixture_reported(struct worker_fixture *f, struct intervals *all)
{
    for (const struct msg_report *m = mailbox_next(&f->out, 0, MSG_REPORT); m; m = mailbox_next(&f->out, 0, MSG_REPORT))
        for (uint32_t i = 0; i < m->n_runs; i++) {
            SHEAF_ASSERT(intervals_count_in(all, m->runs[i].from, m->runs[i].from + m->runs[i].n) == 0);
            SHEAF_ASSERT(intervals_add(all, m->runs[i].from, m->runs[i].from + m->runs[i].n) == 0);
        }
    return all->count;
}

const struct msg_report *fixture_last_report(struct worker_fixture *f)
{
    const struct msg_report *m = mailbox_last(&f->out, 0, MSG_REPORT);
    SHEAF_ASSERT(m);
    return m;
}

/* ---- for cmocka ---- */

static int setup_slots(void **state, uint32_t n)
{
    struct worker_fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    fixture_init(f, n);
    *state = f;
    return 0;
}

int setup_one_slot(void **state)
{
    return setup_slots(state, 1);
}

int setup_two_slots(void **state)
{
    return setup_slots(state, 2);
}

int setup_many_slots(void **state)
{
    return setup_slots(state, FAKE_SLOTS);
}

int fixture_teardown(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}
