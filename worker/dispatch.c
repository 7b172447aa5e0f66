/* SPDX-License-Identifier: MIT
 *
 * dispatch: which slot does what. Chunks of about 50 ms, one in work and one waiting; tails taken back from the slot that would
 * finish last when another has nothing to do; at the very end a second run of a task that takes strangely long;
 * slots started one by one as the work at hand proves worth what a slot costs.
 */
#include "worker/worker_impl.h"

#include <string.h>

#define MAX_START_FAILURES 7

/* ---- what is known ---- */

uint32_t slots_alive(const struct worker *w, const struct wsweep *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->config.slots; i++) {
        const struct wslot *slot = &w->slots[i];
        n += slot->sweep == s && (slot->state == WSLOT_READY || slot->state == WSLOT_STARTING);
    }
    return n;
}

/* A plugin whose tasks use several threads gets that many fewer slots. */
static uint32_t slots_allowed(const struct worker *w, const struct wsweep *s)
{
    uint32_t threads = s->have_plan && s->plan.plugin.threads > 1 ? s->plan.plugin.threads : 1;
    return w->config.slots > threads ? w->config.slots / threads : 1;
}

/* Time of one task: measured, or at least as long as the one that runs has taken. */
static double task_ns(const struct worker *w, const struct wsweep *s)
{
    double ns = s->task_ns;
    for (uint32_t i = 0; i < w->config.slots; i++) {
        const struct wslot *slot = &w->slots[i];
        if (ns <= 0 && slot->sweep == s && slot->nq && slot->state == WSLOT_READY &&
            (double)(w->now - slot->last_change) > ns)
            ns = (double)(w->now - slot->last_change);
    }
    return ns;
}

/* Tasks of a sweep that are at hand and have not finished, and those of them that no slot has begun. */
static void count_work(const struct worker *w, const struct wsweep *s, uint64_t *todo, uint64_t *waiting)
{
    *todo = *waiting = 0;
    list_each(it, after, &w->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        if (l->sweep != s || l->closed || s->dropped)
            continue;
        *todo += l->todo.count;
        *waiting += l->pending.count + l->n_retries;
    }
    for (uint32_t i = 0; i < w->config.slots; i++) {
        const struct wslot *slot = &w->slots[i];
        for (uint32_t k = 0; slot->sweep == s && k < slot->nq; k++) {
            uint32_t left = slot->q[k].end - slot->q[k].seen;
            *waiting += k == 0 && left ? left - 1 : left;
        }
    }
}

int64_t backlog_ns(const struct worker *w)
{
    double ns = 0;
    list_each(it, after, &w->sweeps)
    {
        const struct wsweep *s = list_entry(it, struct wsweep, node);
        uint64_t todo, waiting;
        count_work(w, s, &todo, &waiting);
        uint32_t slots = slots_allowed(w, s);
        double one = task_ns(w, s);
        ns += (double)todo * one / slots;
        if (one <= 0 && todo >= (uint64_t)UNMEASURED * slots)
            ns += (double)WANT_NS;
    }
    return ns > 1e18 ? (int64_t)1e18 : (int64_t)ns;
}

/* ---- slots ---- */

void slot_kill(struct worker *w, uint32_t slot, uint32_t why)
{
    struct wslot *s = &w->slots[slot];
    if (s->state == WSLOT_EMPTY || (s->state == WSLOT_ENDING && s->killed))
        return;
    s->state = WSLOT_ENDING;
    s->killed = why;
    w->ops->kill(w->ops->ctx, slot);
}

static void slot_retire(struct worker *w, uint32_t slot)
{
    SHEAF_ASSERT(w->slots[slot].state == WSLOT_READY && !w->slots[slot].nq);
    w->slots[slot].state = WSLOT_ENDING;
    w->slots[slot].killed = KILL_NONE;
    w->ops->retire(w->ops->ctx, slot);
}

/* The machine lacks something, perhaps not for long: with growing pauses, some seconds in all, it is tried again. A worker that has no
 * slot and gets none is of no use, and says so. */
static void slot_cannot_start(struct worker *w, struct wsweep *s)
{
    bool alive = false;
    for (uint32_t i = 0; i < w->config.slots; i++)
        alive = alive || w->slots[i].state != WSLOT_EMPTY;
    w->start_failures++;
    s->backoff_until = w->now + ((int64_t)50 << (w->start_failures < 6 ? w->start_failures : 6)) * NS_PER_MS;
    if (w->start_failures >= MAX_START_FAILURES && !alive)
        w->no_slots = w->stopping = true;
}

static bool slot_start(struct worker *w, uint32_t slot, struct wsweep *s, bool verify)
{
    struct wslot *at = &w->slots[slot];
    if (w->ops->start(w->ops->ctx, slot, s->id, (struct slice){s->bytes.data, s->bytes.len}, &s->plan) < 0) {
        slot_cannot_start(w, s);
        return false;
    }
    w->start_failures = 0;
    struct aside *asides = at->asides; /* none wait, the array is used again */
    uint32_t cap = at->cap_asides;
    *at = (struct wslot){.state = WSLOT_STARTING,
                         .sweep = s,
                         .verify = verify,
                         .next_seq = 1,
                         .started = w->now,
                         .last_change = w->now,
                         .asides = asides,
                         .cap_asides = cap};
    uint32_t alive = slots_alive(w, s);
    if (alive > s->slots_used)
        s->slots_used = alive;
    return true;
}

/* Is it worth what one more slot costs? The first one always is. */
static bool worth_a_slot(const struct worker *w, const struct wsweep *s, uint64_t todo, uint64_t waiting)
{
    uint32_t alive = slots_alive(w, s), starting = 0;
    for (uint32_t i = 0; i < w->config.slots; i++)
        starting += w->slots[i].sweep == s && w->slots[i].state == WSLOT_STARTING;
    if (!todo || !waiting || w->now < s->backoff_until || alive >= slots_allowed(w, s))
        return false;
    if (alive == 0)
        return true;
    if (starting * 2 > alive || waiting <= starting) /* doubling at most; each with something to do */
        return false;
    return task_ns(w, s) * (double)todo / alive > 2.0 * (double)w->start_cost;
}

/* A place for a new slot: an empty one, or an idle one of a sweep that needs it no more, which is retired first. */
static bool find_place(struct worker *w, const struct wsweep *s, uint32_t *slot)
{
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].state == WSLOT_EMPTY) {
            *slot = i;
            return true;
        }
    for (uint32_t i = 0; i < w->config.slots; i++) {
        uint64_t todo, waiting;
        if (w->slots[i].state != WSLOT_READY || w->slots[i].nq || w->slots[i].sweep == s)
            continue;
        count_work(w, w->slots[i].sweep, &todo, &waiting);
        if (!waiting) {
            slot_retire(w, i);
            return false; /* its place is empty once it has died */
        }
    }
    return false;
}

static bool wants_verify(const struct worker *w, const struct wsweep *s)
{
    list_each(it, after, &w->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        if (l->sweep == s && !l->closed && (l->pending.count || l->n_retries))
            return l->flags & LEASE_VERIFY;
    }
    return false;
}

static void start_slots(struct worker *w)
{
    list_each(it, after, &w->sweeps)
    {
        struct wsweep *s = list_entry(it, struct wsweep, node);
        uint64_t todo, waiting;
        uint32_t slot;
        if (!s->have_plan || s->dropped || s->broken || slots_alive(w, s) >= slots_allowed(w, s))
            continue;
        count_work(w, s, &todo, &waiting);
        while (worth_a_slot(w, s, todo, waiting) && find_place(w, s, &slot))
            if (!slot_start(w, slot, s, wants_verify(w, s)))
                break;
    }
}

/* ---- chunks ---- */

/* How many tasks make a chunk: 50 ms by the measured time; before anything is measured one, then growing fourfold. */
static uint64_t chunk_count(const struct worker *w, const struct wsweep *s, uint64_t pending)
{
    uint64_t cap = page_ring_cap(s->n_scores) / 2;
    uint64_t n = s->largest_chunk * 4;
    if (n < 1)
        n = 1;
    if (s->task_ns > 0 && (double)n * s->task_ns > (double)CHUNK_NS)
        n = (uint64_t)((double)CHUNK_NS / s->task_ns);
    uint64_t alive = slots_alive(w, s), share = pending / (2 * (alive > 0 ? alive : 1)) + 1;
    if (s->task_ns <= 0 ||
        (double)share * s->task_ns > 0.2 * (double)NS_PER_MS) /* tiny shares cost more than they balance */
        n = n < share ? n : share;
    n = n < cap ? n : cap;
    return n ? n : 1;
}

static void hand(struct worker *w, uint32_t slot, const struct wlease *l, uint64_t first, uint64_t count,
                 uint32_t attempt)
{
    struct wslot *s = &w->slots[slot];
    struct wchunk *q = &s->q[s->nq++];
    *q = (struct wchunk){.c = {.seq = s->next_seq++, .count = (uint32_t)count, .first = first, .attempt = attempt},
                         .lease = l->id,
                         .sweep = l->sweep->id,
                         .end = (uint32_t)count};
    if (s->nq == 1) {
        s->last_change = s->learnt_at = w->now;
        s->unlearnt = 0;
        s->last.current = 0;
    }
    s->worked = true;
    if (count > l->sweep->largest_chunk)
        l->sweep->largest_chunk = count;
    w->ops->order(w->ops->ctx, slot, &q->c);
}

/* The next chunk for a slot; false when its sweep has none at hand for it. */
static bool hand_next(struct worker *w, uint32_t slot)
{
    struct wslot *s = &w->slots[slot];
    list_each(it, after, &w->leases)
    {
        struct wlease *l = list_entry(it, struct wlease, node);
        struct retry retry;
        uint64_t first;
        if (l->sweep != s->sweep || l->closed || s->sweep->dropped || !!(l->flags & LEASE_VERIFY) != s->verify)
            continue;
        if (!s->worked && lease_take_retry(l, &retry)) {
            hand(w, slot, l, retry.position, 1, retry.attempts + 1);
            return true;
        }
        uint64_t n = lease_take(l, chunk_count(w, l->sweep, l->pending.count), &first);
        if (n) {
            hand(w, slot, l, first, n, 1);
            return true;
        }
    }
    return false;
}

/* Retries and second looks need a slot that has done nothing yet: an idle one makes room. */
static bool needs_fresh_slot(const struct worker *w, const struct wslot *s)
{
    list_each(it, after, &w->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        if (l->sweep != s->sweep || l->closed || s->sweep->dropped)
            continue;
        bool other = !!(l->flags & LEASE_VERIFY) != s->verify;
        if ((l->n_retries && (s->worked || other)) || (l->pending.count && other))
            return true;
    }
    return false;
}

/* ---- tails ---- */

void chunk_put_back(struct worker *w, const struct wchunk *c, uint32_t from, uint32_t to)
{
    struct wlease *l = worker_lease(w, c->sweep, c->lease);
    if (!l || l->closed || from >= to)
        return;
    if (c->c.attempt > 1)
        worker_check(w, lease_retry(l, c->c.first, c->c.attempt - 1));
    else
        worker_check(w, lease_put_back(l, c->c.first + from, c->c.first + to));
}

void slot_advance(struct worker *w, struct wslot *s)
{
    while (s->nq && s->q[0].seen == s->q[0].end) {
        s->q[0] = s->q[1];
        s->last_change = w->now;
        s->nq--;
    }
}

/* Takes back the tail of chunk k from offset `from`; returns how many tasks came back. */
static uint32_t take_tail(struct worker *w, uint32_t slot, uint32_t k, uint32_t from)
{
    struct wslot *s = &w->slots[slot];
    struct wchunk *c = &s->q[k];
    if (from >= c->end)
        return 0;
    uint32_t start = w->ops->lower(w->ops->ctx, slot, c->c.seq, from, c->end);
    SHEAF_ASSERT(start >= c->seen && start <= c->end);
    uint32_t taken = c->end - start;
    chunk_put_back(w, c, start, c->end);
    c->end = start;
    /* An emptied chunk in second place keeps its place: the next one would take over the end word of the first. */
    if (k == 0)
        slot_advance(w, s);
    return taken;
}

void slot_unload(struct worker *w, uint32_t slot)
{
    for (uint32_t k = w->slots[slot].nq; k-- > 0;)
        take_tail(w, slot, k, w->slots[slot].q[k].seen);
}

/* Offset of the task that runs in a slot's first chunk, or of the next one if it has not begun, or if what the slot says cannot be. */
static uint32_t running_offset(const struct wslot *s)
{
    const struct wchunk *c = &s->q[0];
    uint32_t offset = page_offset(s->last.current);
    return page_seq(s->last.current) == c->c.seq && offset > c->seen && offset < c->end ? offset : c->seen;
}

/* Tasks that a slot could give away, and how long they and the one that runs have kept or will keep it busy. */
static uint32_t spare(const struct worker *w, const struct wslot *s, double *ns)
{
    if (s->state != WSLOT_READY || !s->nq)
        return 0;
    uint32_t at = running_offset(s);
    uint32_t n = at + 1 < s->q[0].end ? s->q[0].end - at - 1 : 0;
    if (s->nq == 2)
        n += s->q[1].end - s->q[1].seen;
    *ns = n * task_ns(w, s->sweep) + (double)(w->now - s->last_change);
    return n;
}

/* Takes half of what the busiest slot has to spare. */
static bool take_from_busiest(struct worker *w, const struct wslot *idle)
{
    uint32_t busiest = UINT32_MAX, n = 0;
    double most = 0.2 * (double)NS_PER_MS, ns = 0; /* for less it is not worth the trouble */
    for (uint32_t i = 0; i < w->config.slots; i++) {
        struct wslot *s = &w->slots[i];
        if (s->sweep != idle->sweep || s->verify != idle->verify || s == idle)
            continue;
        if (s->nq)
            w->ops->sample(w->ops->ctx, i, false, &s->last);
        uint32_t tasks = spare(w, s, &ns);
        if (tasks && ns > most) {
            most = ns;
            busiest = i;
            n = tasks;
        }
    }
    if (busiest == UINT32_MAX)
        return false;
    struct wslot *s = &w->slots[busiest];
    uint32_t want = (n + 1) / 2, got = 0;
    if (s->nq == 2) {
        uint32_t waiting = s->q[1].end - s->q[1].seen;
        got = take_tail(w, busiest, 1, s->q[1].seen + (waiting > want ? waiting - want : 0));
    }
    if (got < want && s->nq) {
        uint32_t at = running_offset(s), end = s->q[0].end, more = want - got;
        uint32_t from = end - (end > more ? more : end);
        got += take_tail(w, busiest, 0, from > at + 1 ? from : at + 1);
    }
    return got > 0;
}

/* ---- the second run of the last tasks ---- */

static bool run_second(struct worker *w, uint32_t slot)
{
    const struct wsweep *sweep = w->slots[slot].sweep;
    if (!sweep->dry)
        return false;
    for (uint32_t i = 0; i < w->config.slots; i++) {
        const struct wslot *s = &w->slots[i];
        if (i == slot || s->sweep != sweep || s->state != WSLOT_READY || !s->nq || s->verify != w->slots[slot].verify)
            continue;
        int64_t age = w->now - s->last_change;
        const struct wchunk *c = &s->q[0];
        uint64_t position = c->c.first + running_offset(s);
        struct wlease *l = worker_lease(w, c->sweep, c->lease);
        if (!l || age < SECOND_NS || (double)age < 2 * sweep->task_ns || s->last.state == PAGE_WAITING ||
            intervals_has(&l->doubled, position) || !intervals_has(&l->todo, position))
            continue;
        worker_check(w, intervals_add(&l->doubled, position, position + 1));
        hand(w, slot, l, position, 1, c->c.attempt);
        return true;
    }
    return false;
}

/* A slot whose lease has ended without it (the other run was first) is stopped. */
static void stop_losers(struct worker *w)
{
    for (uint32_t i = 0; i < w->config.slots; i++) {
        const struct wslot *s = &w->slots[i];
        if (s->state != WSLOT_READY || !s->nq)
            continue;
        const struct wlease *l = worker_lease(w, s->q[0].sweep, s->q[0].lease);
        if (!l || l->closed ||
            (intervals_has(&l->doubled, s->q[0].c.first + running_offset(s)) &&
             !intervals_has(&l->todo, s->q[0].c.first + running_offset(s)))) {
            slot_unload(w, i);
            if (w->slots[i].nq)
                slot_kill(w, i, KILL_UNWANTED);
        }
    }
}

/* ---- all together ---- */

static bool busy_with(const struct worker *w, const struct wsweep *s)
{
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].sweep == s && w->slots[i].nq)
            return true;
    return false;
}

static void feed_idle(struct worker *w, uint32_t slot)
{
    struct wslot *s = &w->slots[slot];
    if (hand_next(w, slot))
        return;
    if (s->sweep->dropped || needs_fresh_slot(w, s)) {
        slot_retire(w, slot);
        return;
    }
    if ((take_from_busiest(w, s) && hand_next(w, slot)) || run_second(w, slot))
        return;
    if (busy_with(w, s->sweep))
        w->look_at = w->now + 2 * NS_PER_MS;
}

void dispatch(struct worker *w)
{
    w->look_at = 0;
    stop_losers(w);
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].state == WSLOT_READY && w->slots[i].nq == 0)
            feed_idle(w, i);
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].state == WSLOT_READY && w->slots[i].nq == 1 && w->slots[i].q[0].c.attempt == 1)
            hand_next(w, i);
    start_slots(w);
}
