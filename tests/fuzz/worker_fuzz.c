/* SPDX-License-Identifier: MIT
 *
 * worker_fuzz: a script (worker_script.h) of what a broker, whatever it is, sends to a worker's logic, and of what honest slots do
 * meanwhile. Messages go through the real decoder. Whatever comes: the worker lives, orders no task that its plan does not have
 * and never more than a slot holds, its queues are bounded, its reports can be read, and it can be stopped.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/script.h"
#include "tests/fuzz/worker_script.h"
#include "tests/fuzz/workerhost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 3u
#define STEPS_MOST 300u
#define TASKS_AT_ONCE 1024u

struct honest_order {
    struct chunk c;
    uint32_t end;
};

struct honest_slot {
    bool alive, ready;
    struct honest_order q[2];
    uint32_t nq, done, claimed; /* of q[0] */
    uint64_t total;             /* tasks of its plan */
    uint32_t n_scores, n_group_values;
    struct slot_sample sample;
};

struct world {
    struct workerhost host;
    struct slot_ops ops;
    struct honest_slot slots[SLOTS];
    bool cannot_start;
};

/* ---- the slots ---- */

static int op_start(void *ctx, uint32_t slot, uint64_t sweep, struct slice bytes, const struct plan *plan)
{
    struct world *w = ctx;
    (void)sweep;
    SHEAF_ASSERT(slot < SLOTS && !w->slots[slot].alive && bytes.len > 0);
    if (w->cannot_start)
        return SHEAF_EIO;
    w->slots[slot] = (struct honest_slot){.alive = true,
                                          .total = plan_tasks(plan),
                                          .n_scores = plan->plugin.n_scores,
                                          .n_group_values = plan->plugin.n_group_values};
    return 0;
}

static void op_order(void *ctx, uint32_t slot, const struct chunk *c)
{
    struct honest_slot *s = &((struct world *)ctx)->slots[slot];
    SHEAF_ASSERT(s->alive && s->ready && s->nq < 2 && c->count >= 1 && c->count <= page_ring_cap(s->n_scores));
    SHEAF_ASSERT(c->first < s->total && c->count <= s->total - c->first && c->attempt >= 1);
    s->q[s->nq++] = (struct honest_order){*c, c->count};
}

static void pass_over(struct honest_slot *s)
{
    while (s->nq > 0 && s->done >= s->q[0].end) {
        s->done = s->claimed = 0;
        s->q[0] = s->q[1];
        s->nq--;
    }
}

static uint32_t op_lower(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset, uint32_t count)
{
    struct honest_slot *s = &((struct world *)ctx)->slots[slot];
    for (uint32_t i = 0; s->alive && i < s->nq; i++) {
        if (s->q[i].c.seq != seq)
            continue;
        SHEAF_ASSERT(count == s->q[i].end);
        uint32_t least = i == 0 ? (s->claimed > s->done ? s->claimed : s->done) : 0;
        uint32_t start = offset > least ? offset : least;
        s->q[i].end = start < count ? start : count;
        start = s->q[i].end;
        if (i == 0)
            pass_over(s);
        return start;
    }
    return count;
}

static void op_stop(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset)
{
    (void)seq, (void)offset;
    SHEAF_ASSERT(((struct world *)ctx)->slots[slot].alive);
}

static void op_end(void *ctx, uint32_t slot)
{
    SHEAF_ASSERT(((struct world *)ctx)->slots[slot].alive);
}

static void op_sample(void *ctx, uint32_t slot, bool with_pss, struct slot_sample *out)
{
    (void)with_pss;
    *out = ((struct world *)ctx)->slots[slot].sample;
}

/* ---- steps ---- */

static void records(struct world *w, uint32_t slot, struct step *s)
{
    static uint8_t status[TASKS_AT_ONCE];
    static double scores[TASKS_AT_ONCE * PLAN_MAX_SCORES];
    struct honest_slot *h = &w->slots[slot];
    uint32_t n = (uint32_t)step_number(s, 2);
    if (h->nq == 0)
        return;
    n = n < h->q[0].end - h->done ? n : h->q[0].end - h->done;
    n = n < TASKS_AT_ONCE ? n : TASKS_AT_ONCE;
    for (uint32_t i = 0; i < n; i++) {
        status[i] = (uint8_t)(1 + (s->len ? s->bytes[i < s->len ? i : s->len - 1u] % 3 : 0));
        for (uint32_t k = 0; k < h->n_scores; k++)
            scores[i * h->n_scores + k] = status[i] == 1 ? (double)i : NAN;
    }
    if (n == 0 || w->host.events.room(w->host.events.ctx, slot) < n * h->n_scores * sizeof(double))
        return;
    h->done += n;
    pass_over(h);
    w->host.events.records(w->host.events.ctx, slot, n, status, scores);
}

static void dies(struct world *w, uint32_t slot, struct step *s)
{
    struct honest_slot *h = &w->slots[slot];
    char words[256] = "";
    uint32_t how = (uint32_t)step_number(s, 1), offset = (uint32_t)step_number(s, 4);
    size_t len = s->len < sizeof(words) - 1 ? s->len : sizeof(words) - 1;
    if (len > 0)
        memcpy(words, s->bytes, len);
    struct slot_death death = {.by_signal = how & 1,
                               .code = 9,
                               .in_task = (how & 2) && h->nq > 0,
                               .seq = h->nq > 0 ? h->q[0].c.seq : 0,
                               .offset = (how & 2) ? h->done : offset,
                               .was_ready = h->ready,
                               .open_error = (how & 4) && !h->ready ? words : NULL,
                               .tail = words,
                               .cpu_ns = 5};
    h->alive = false;
    w->host.events.died(w->host.events.ctx, slot, &death);
}

static void side(struct world *w, uint32_t slot, struct step *s)
{
    struct side_head head = {.kind = 1 + (uint32_t)step_number(s, 1) % 3};
    uint32_t offset = (uint32_t)step_number(s, 4), seq = w->slots[slot].nq ? w->slots[slot].q[0].c.seq : 0;
    char text[4096];
    head.len = s->len < sizeof(text) - 1 ? s->len : (uint32_t)sizeof(text) - 1;
    head.word = page_pack(seq, offset);
    if (head.len > 0)
        memcpy(text, s->bytes, head.len);
    text[head.len] = '\0';
    if (head.kind == SIDE_LOG && (head.len == 0 || (unsigned char)text[0] > 3))
        return;
    if (head.kind == SIDE_GROUP) { /* the crew lets no other through */
        head.len = 2 + w->slots[slot].n_group_values * (uint32_t)sizeof(double);
        memset(text, 0, head.len + 1);
        text[0] = (char)('a' + offset % 26);
    }
    w->host.events.side(w->host.events.ctx, slot, &head, text, head.len);
}

static void runs(struct world *w, uint32_t slot, struct step *s)
{
    struct honest_slot *h = &w->slots[slot];
    uint32_t offset = (uint32_t)step_number(s, 4), state = (uint32_t)step_number(s, 1) % 4;
    h->sample = (struct slot_sample){.current = h->nq ? page_pack(h->q[0].c.seq, offset) : 0,
                                     .state = state,
                                     .memory_bytes = step_number(s, 4) << 20,
                                     .plugin_ns = w->host.now / 2,
                                     .cpu_ns = w->host.now / 3};
}

/* Of a slot that lives. */
static void slot_step(struct world *w, uint32_t slot, struct step *s)
{
    struct honest_slot *h = &w->slots[slot];
    switch (s->kind) {
    case WORKER_READY:
        if (!h->ready)
            w->host.events.ready(w->host.events.ctx, slot);
        h->ready = true;
        break;
    case WORKER_RECORDS:
        records(w, slot, s);
        break;
    case WORKER_DIES:
        dies(w, slot, s);
        break;
    case WORKER_RUNS:
        runs(w, slot, s);
        break;
    case WORKER_SIDE:
        side(w, slot, s);
        break;
    case WORKER_OUTPUT:
        w->host.events.output(w->host.events.ctx, slot, 1 + s->len % 2, (const char *)s->bytes, s->len);
        break;
    case WORKER_CLAIMS:
        if (h->nq > 0) {
            uint64_t claimed = step_number(s, 4);
            h->claimed = claimed < h->q[0].end ? (uint32_t)claimed : h->q[0].end;
        }
        break;
    default:
        break;
    }
}

static void take(struct world *w, struct step *s)
{
    uint32_t slot = s->arg % SLOTS;
    workerhost_pass(&w->host, s->kind == WORKER_TIME ? s->arg * 20 * NS_PER_MS : 0);
    if (s->kind == WORKER_MESSAGE)
        workerhost_message(&w->host, s);
    else if (s->kind == WORKER_RECONNECTED)
        worker_reconnected(w->host.worker);
    else if (s->kind == WORKER_STOP)
        worker_stop(w->host.worker);
    else if (s->kind == WORKER_CANNOT_START)
        w->cannot_start = s->arg & 1;
    else if (w->slots[slot].alive)
        slot_step(w, slot, s);
    workerhost_turn(&w->host);
    for (uint32_t i = 0; i < SLOTS; i++)
        SHEAF_ASSERT((w->host.worker->slots[i].state == WSLOT_EMPTY) == !w->slots[i].alive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.cannot_start = false};
    struct script script = {data, data + size};
    struct step s, end = {.kind = WORKER_DIES};
    w.ops = (struct slot_ops){.ctx = &w,
                              .start = op_start,
                              .order = op_order,
                              .lower = op_lower,
                              .stop = op_stop,
                              .kill = op_end,
                              .retire = op_end,
                              .sample = op_sample};
    workerhost_init(&w.host, SLOTS);
    worker_set_ops(w.host.worker, &w.ops);
    for (uint32_t i = 0; i < STEPS_MOST && script_next(&script, &s); i++)
        take(&w, &s);
    worker_stop(w.host.worker);
    for (uint32_t i = 0; i < SLOTS; i++)
        if (w.slots[i].alive)
            dies(&w, i, &end);
    SHEAF_ASSERT(worker_finished(w.host.worker));
    workerhost_finish(&w.host);
    return 0;
}
