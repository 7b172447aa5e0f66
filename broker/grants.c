/* SPDX-License-Identifier: MIT
 *
 * grants: leases. Who gets what and how much, what comes back when a worker is lost, tails taken back from the workers that would
 * finish last, a second run of the very last tasks, and second looks for --verify.
 */
#include "broker/broker_impl.h"

#include <stdlib.h>
#include <string.h>

int sweep_put_back(struct bsweep *s, uint64_t from, uint64_t to)
{
    struct interval gap;
    while (intervals_next_gap(&s->done, from, to, &gap)) {
        if (intervals_add(&s->pending, gap.from, gap.to) < 0)
            return SHEAF_ENOMEM;
        from = gap.to;
    }
    return 0;
}

struct blease *lease_find(struct bworker *w, uint64_t sweep, uint64_t id)
{
    list_each(it, after, &w->leases)
    {
        struct blease *l = list_entry(it, struct blease, node);
        if (l->id == id && l->sweep->id == sweep)
            return l;
    }
    return NULL;
}

/* Second looks that are not in yet. */
static void put_back_looks(struct broker *b, const struct blease *l)
{
    struct interval piece;
    uint64_t from = l->from;
    while (l->sweep->phase == PHASE_VERIFYING && intervals_next_in(&l->sweep->looking, from, l->to, &piece)) {
        broker_check(b, intervals_add(&l->sweep->pending, piece.from, piece.to));
        from = piece.to;
    }
}

static void put_back(struct broker *b, struct blease *l)
{
    if (l->revoked || l->sweep->phase == PHASE_FINAL || l->sweep->phase == PHASE_ENDING)
        return;
    if (l->flags & LEASE_VERIFY) {
        put_back_looks(b, l);
        return;
    }
    if (l->flags & LEASE_SECOND) /* another worker may be its second */
        broker_check(b, intervals_remove(&l->sweep->doubled, l->from, l->to));
    else
        broker_check(b, sweep_put_back(l->sweep, l->from, l->to));
}

static void lease_revoke(struct broker *b, struct blease *l)
{
    if (l->revoked)
        return;
    put_back(b, l);
    l->revoked = true;
    l->sweep->n_leases--;
}

void lease_close(struct broker *b, struct blease *l)
{
    if (intervals_count_in(&l->sweep->done, l->from, l->to) == l->to - l->from || (l->flags & LEASE_VERIFY))
        lease_free(b, l, true);
    else
        lease_revoke(b, l); /* a report of it was lost or is late: it still counts for what is not done by then */
}

void lease_free(struct broker *b, struct blease *l, bool back)
{
    if (back)
        put_back(b, l);
    if (!l->revoked)
        l->sweep->n_leases--;
    list_remove(&l->node);
    free(l);
}

void worker_lose(struct broker *b, struct bworker *w)
{
    w->lost = true;
    worker_hangs_up(b, w);
    list_remove(&w->line);
    list_each(it, after, &w->leases) lease_revoke(b, list_entry(it, struct blease, node));
}

/* Whether the worker was sent the sweep's plan. forget: when it is dropped at once, the worker forgets the plan, too. */
static bool plan_sent(struct bworker *w, uint64_t sweep, bool forget)
{
    for (uint32_t i = 0; i < w->n_plans; i++) {
        if (w->plans[i] != sweep)
            continue;
        if (forget)
            w->plans[i] = w->plans[--w->n_plans];
        return true;
    }
    return false;
}

void grants_drop(struct broker *b, struct bsweep *s, bool now)
{
    list_each(it, after, &b->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        bool holds = false;
        list_each(l, l_after, &w->leases)
        {
            struct blease *lease = list_entry(l, struct blease, node);
            if (lease->sweep != s)
                continue;
            holds = true;
            if (now)
                lease_free(b, lease, false);
        }
        holds = plan_sent(w, s->id, now) || holds;
        if (holds && !w->lost)
            broker_say(b, w->peer, MSG_DROP, &(struct msg_sweep){.sweep = s->id, .now = now});
    }
}

/* ---- granting ---- */

static struct blease *lease_new(struct broker *b, struct bworker *w, struct bsweep *s, uint64_t id)
{
    struct blease *l = calloc(1, sizeof(*l));
    if (!l) {
        broker_check(b, SHEAF_ENOMEM);
        return NULL;
    }
    l->id = id;
    l->sweep = s;
    l->worker = w;
    l->granted_at = b->now;
    list_init(&l->node);
    list_append(&w->leases, &l->node);
    s->n_leases++;
    return l;
}

static void send_plan_once(struct broker *b, struct bworker *w, const struct bsweep *s)
{
    if (plan_sent(w, s->id, false))
        return;
    if (w->n_plans == w->cap_plans) {
        uint32_t cap = w->cap_plans ? w->cap_plans * 2 : 8;
        uint64_t *grown = realloc(w->plans, cap * sizeof(*grown));
        if (!grown) {
            broker_check(b, SHEAF_ENOMEM);
            return;
        }
        w->plans = grown;
        w->cap_plans = cap;
    }
    w->plans[w->n_plans++] = s->id;
    broker_say(b, w->peer, MSG_PLAN, &(struct msg_plan){s->id, {s->bytes.data, s->bytes.len}});
}

static void note_fingerprint(struct bsweep *s, const struct bworker *w)
{
    if (!s->has_fingerprint)
        memcpy(s->fingerprint, w->fingerprint, HASH_BYTES);
    else if (memcmp(s->fingerprint, w->fingerprint, HASH_BYTES) != 0)
        s->mixed = true;
    s->has_fingerprint = true;
}

/* The leases of one grant: several, where what is pending lies in small pieces. */
struct offer {
    struct msg_lease leases[GRANT_PIECES];
    uint32_t n;
};

static void offer_add(struct broker *b, struct bworker *w, struct bsweep *s, struct interval r, uint32_t flags,
                      struct offer *offer)
{
    struct blease *l = lease_new(b, w, s, b->next_lease++);
    if (!l)
        return;
    l->from = r.from;
    l->to = l->granted_to = r.to;
    l->left = r.to - r.from;
    l->flags = flags;
    if (!s->begun) {
        s->begun = b->now;
        s->cpu_base_ns = sweep_cpu_ns(b); /* a worker that has not told yet was started for this sweep */
    }
    if (r.to > s->granted)
        s->granted = r.to;
    note_fingerprint(s, w);
    offer->leases[offer->n++] =
        (struct msg_lease){.sweep = s->id, .lease = l->id, .from = r.from, .to = r.to, .flags = flags};
}

/* False when there is nothing to send. */
static bool offer_send(struct broker *b, struct bworker *w, const struct bsweep *s, struct offer *offer)
{
    if (!offer->n)
        return false;
    send_plan_once(b, w, s);
    broker_say(b, w->peer, MSG_GRANT, &(struct msg_grant){.leases = offer->leases, .n_leases = offer->n});
    list_remove(&w->line);
    return true;
}

static uint64_t live_workers(const struct broker *b)
{
    return b->peers.n ? b->peers.n : 1;
}

/* 5 to 10 s of the worker's work: small at first, then fourfold, no more than its rate fills; near the end a share. Before
 * its rate is known it grows only where nobody else waits. */
static uint64_t lease_size(const struct broker *b, const struct bworker *w, const struct bsweep *s)
{
    uint64_t workers = live_workers(b);
    uint64_t n = (uint64_t)w->slots * FIRST_LEASE_PER_SLOT;
    if (w->rate_sweep == s->id && w->lease_size && (w->rate > 0 || workers == 1)) {
        n = w->lease_size < s->total / 4 ? w->lease_size * 4 : s->total;
        double fill = w->rate * (double)LEASE_NS / 1e9;
        if (w->rate > 0 && (double)n > fill)
            n = fill < 1 ? 1 : (uint64_t)fill;
    }
    uint64_t share = workers > 1 ? s->pending.count / (2 * workers) + 1 : s->pending.count;
    n = n < share ? n : share;
    return n ? n : 1;
}

/* Cuts where a trial (in order of keys: a key) ends, if that leaves at least half. */
static uint64_t cut_at_trial(const struct bsweep *s, uint64_t from, uint64_t to, uint64_t limit)
{
    uint64_t cells = (s->plan.order == ORDER_KEY ? s->plan.trials : s->plan.keys) * s->plan.splits;
    if (cells <= 1 || to >= limit)
        return to;
    uint64_t cut = to - to % cells;
    return cut > from && cut - from >= (to - from) / 2 ? cut : to;
}

/* Makes the durable frontier run ahead of what is granted: by a lease for everybody, so that nobody waits for the journal. */
static void push_frontier(struct broker *b, struct bsweep *s, uint64_t to, uint64_t size)
{
    uint64_t most = size * (3 + live_workers(b)), ahead = to + (most > FRONTIER_STRIDE ? most : FRONTIER_STRIDE);
    if (s->frontier_asked >= s->total || s->frontier_asked >= to + size)
        return;
    struct scribe_batch *batch = batch_new(b, 1);
    if (!batch)
        return;
    s->frontier_asked = ahead < s->total ? ahead : s->total;
    batch_op(batch, JOURNAL_FRONTIER, s->id)->first = s->frontier_asked;
    s->frontier_ticket = batch_push(b, batch);
}

/* The part of the first pending range that may be granted now. */
static bool grantable(struct broker *b, struct bsweep *s, struct interval *out)
{
    uint64_t from = 0;
    if (s->grace &&
        (b->now >= s->grace_until || (b->config.expected_workers && b->hellos >= b->config.expected_workers)))
        s->grace = false;
    if (s->grace)
        from = s->grace_below; /* not the frontier, which moves ahead of what is granted */
    return intervals_next_in(&s->pending, from, s->total, out);
}

/* Takes up to `size` positions at the beginning of a pending range. Returns how many. */
static uint64_t take_pending(struct broker *b, struct bsweep *s, const struct interval *head, uint64_t size,
                             struct interval *out)
{
    uint64_t to = head->to - head->from < size ? head->to : head->from + size;
    to = cut_at_trial(s, head->from, to, head->to);
    push_frontier(b, s, to, size);
    if (to > s->frontier)
        to = s->frontier; /* the rest once the journal has the new frontier */
    if (to <= head->from)
        return 0;
    if (intervals_remove(&s->pending, head->from, to) < 0) {
        broker_check(b, SHEAF_ENOMEM);
        return 0;
    }
    *out = (struct interval){head->from, to};
    return to - head->from;
}

static bool grant_from(struct broker *b, struct bworker *w, struct bsweep *s)
{
    struct offer offer = {.n = 0};
    struct interval head, piece;
    if (s->phase != PHASE_RUNNING || !grantable(b, s, &head))
        return false;
    uint64_t size = lease_size(b, w, s), left = size;
    if (w->rate_sweep != s->id)
        w->rate = 0; /* that was another sweep's */
    w->rate_sweep = s->id;
    w->lease_size = size;
    do {
        uint64_t n = take_pending(b, s, &head, left, &piece);
        if (!n)
            break;
        offer_add(b, w, s, piece, 0, &offer);
        left -= n;
        if (piece.to < head.to)
            break;
    } while (left && offer.n < GRANT_PIECES && grantable(b, s, &head));
    return offer_send(b, w, s, &offer);
}

/* ---- second looks ---- */

void looks_begin(struct broker *b, struct bsweep *s)
{
    for (uint32_t i = 0; i < s->n_looks; i++) {
        uint64_t at = s->looks[i].position;
        broker_check(b, intervals_add(&s->looking, at, at + 1));
        broker_check(b, intervals_add(&s->pending, at, at + 1));
    }
}

static bool grant_look(struct broker *b, struct bworker *w, struct bsweep *s)
{
    struct offer offer = {.n = 0};
    struct interval head;
    uint64_t left = LOOKS_AT_ONCE;
    while (s->phase == PHASE_VERIFYING && left && offer.n < GRANT_PIECES &&
           intervals_next_in(&s->pending, 0, s->total, &head)) {
        head.to = head.to - head.from < left ? head.to : head.from + left;
        left -= head.to - head.from;
        if (intervals_remove(&s->pending, head.from, head.to) < 0) {
            broker_check(b, SHEAF_ENOMEM);
            break;
        }
        offer_add(b, w, s, head, LEASE_VERIFY, &offer);
    }
    return offer_send(b, w, s, &offer);
}

/* ---- the end of a sweep: tails and second runs ---- */

/* By what the worker says of its rate, which may have been measured badly and is heard seldom, or twice what it did of late. */
static double lease_ns_left(const struct blease *l)
{
    double rate = l->worker->rate, seen = 2 * l->worker->seen_rate;
    if (seen > 0 && rate > seen)
        rate = seen;
    return rate > 0 ? (double)l->left * 1e9 / rate : 1e18;
}

/* What the idle may be helped with: the leases that will last longest, longest first, and those down to a task that takes long. */
struct tails {
    struct blease *longest[HELP_AT_ONCE], *last_task[HELP_AT_ONCE];
    uint32_t n_longest, n_last_task;
};

static void note_longest(struct tails *t, struct blease *l)
{
    uint32_t at = t->n_longest;
    while (at > 0 && lease_ns_left(t->longest[at - 1]) < lease_ns_left(l))
        at--;
    if (at == HELP_AT_ONCE)
        return;
    uint32_t moved = t->n_longest - at - (t->n_longest == HELP_AT_ONCE);
    memmove(&t->longest[at + 1], &t->longest[at], moved * sizeof(struct blease *));
    t->longest[at] = l;
    t->n_longest += t->n_longest < HELP_AT_ONCE;
}

static void note_tail(const struct broker *b, struct tails *t, struct blease *l)
{
    struct interval gap;
    const struct bsweep *s = l->sweep;
    if (l->revoked || l->flags || s->phase != PHASE_RUNNING)
        return;
    if (l->left >= 2 && lease_ns_left(l) >= (double)TAIL_WORTH_NS && (!l->take_to || b->now - l->take_at >= NS_PER_S))
        note_longest(t, l);
    else if (l->left < 2 && b->now - l->granted_at >= 2 * NS_PER_S && t->n_last_task < HELP_AT_ONCE &&
             intervals_next_gap(&s->done, l->from, l->to, &gap) && !intervals_has(&s->doubled, gap.from))
        t->last_task[t->n_last_task++] = l;
}

/* Asks for the half of a lease. */
static void take_tail(struct broker *b, struct blease *l)
{
    l->take_to = l->to - l->left / 2;
    l->take_at = b->now;
    struct msg_take m = {.sweep = l->sweep->id, .lease = l->id, .to = l->take_to};
    broker_say(b, l->worker->peer, MSG_TAKE, &m);
}

/* One of the last tasks, held by another worker for a while, runs here as well. */
static void grant_second(struct broker *b, struct bworker *idle, const struct blease *l)
{
    struct interval gap;
    struct offer offer = {.n = 0};
    struct bsweep *s = l->sweep;
    if (!intervals_next_gap(&s->done, l->from, l->to, &gap) || intervals_has(&s->doubled, gap.from))
        return; /* another one has it already */
    broker_check(b, intervals_add(&s->doubled, gap.from, gap.from + 1));
    offer_add(b, idle, s, (struct interval){gap.from, gap.from + 1}, LEASE_SECOND, &offer);
    (void)offer_send(b, idle, s, &offer);
}

/* Takes the first lease out of the list that somebody else holds. */
static struct blease *pick(struct blease **from, uint32_t n, const struct bworker *idle)
{
    for (uint32_t i = 0; i < n; i++) {
        struct blease *l = from[i];
        if (!l || l->worker == idle)
            continue;
        from[i] = NULL;
        return l;
    }
    return NULL;
}

/* Others first: else one dead worker after the other would have the last task until it is known to be lost. */
static bool may_be_dead(const struct broker *b, const struct bworker *w)
{
    return b->now - w->heard > b->config.beat_ms * NS_PER_MS * 3 / 2;
}

static bool helpable(const struct broker *b, const struct bworker *w)
{
    return w->idle && !may_be_dead(b, w) && b->now - w->asked_at >= TAKE_NS;
}

/* For idle workers when nothing is left to grant: one of the last tasks besides, or soon a part of what another one has. One look at all
 * leases serves several of them. */
static void help_idle(struct broker *b)
{
    struct tails t = {.n_longest = 0};
    uint32_t helped = 0;
    bool any = false;
    list_each(it, after, &b->hungry) any = any || helpable(b, list_entry(it, struct bworker, line));
    if (!any || live_workers(b) < 2)
        return;
    list_each(it, after, &b->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        list_each(l, l_after, &w->leases) note_tail(b, &t, list_entry(l, struct blease, node));
    }
    list_each(it, after, &b->hungry)
    {
        struct bworker *w = list_entry(it, struct bworker, line);
        struct blease *l;
        if (!helpable(b, w) || helped++ == HELP_AT_ONCE)
            continue;
        w->asked_at = b->now;
        if ((l = pick(t.last_task, t.n_last_task, w)))
            grant_second(b, w, l);
        else if ((l = pick(t.longest, t.n_longest, w)))
            take_tail(b, l);
    }
}

static bool serve(struct broker *b, struct bworker *w)
{
    list_each(it, after, &b->sweeps)
    {
        struct bsweep *s = list_entry(it, struct bsweep, node);
        if (grant_from(b, w, s) || grant_look(b, w, s))
            return true;
    }
    return false;
}

void worker_want(struct broker *b, struct bworker *w, const struct msg_want *m)
{
    if (m->sweep && m->tasks_per_s > 0 && m->tasks_per_s < 1e15) {
        w->rate = m->tasks_per_s;
        if (w->rate_sweep != m->sweep)
            w->lease_size = 0;
        w->rate_sweep = m->sweep;
    }
    if (b->stopping || serve(b, w))
        return;
    list_remove(&w->line);
    list_append(&b->hungry, &w->line);
    w->idle = m->idle > 0;
    if (helpable(b, w))
        help_idle(b);
    if (!list_empty(&w->line)) /* else it was */
        broker_say(b, w->peer, MSG_GRANT, &(struct msg_grant){0});
}

void grants_tick(struct broker *b)
{
    list_each(it, after, &b->hungry)
    {
        struct bworker *w = list_entry(it, struct bworker, line);
        if (!may_be_dead(b, w) && !serve(b, w))
            break; /* nobody else can be */
    }
    if (list_empty(&b->hungry) || b->now < b->help_at)
        return;
    b->help_at = b->now + HELP_NS;
    help_idle(b);
}

/* ---- what workers say of their leases ---- */

void worker_taken(struct broker *b, struct bworker *w, const struct msg_take *m)
{
    struct blease *l = lease_find(w, m->sweep, m->lease);
    if (!l || l->revoked)
        return;
    l->take_to = 0;
    if (m->to >= l->to || m->to < l->from)
        return;
    uint64_t old = l->to;
    l->to = m->to;
    if (l->sweep->phase == PHASE_RUNNING)
        broker_check(b, sweep_put_back(l->sweep, m->to, old));
}

/* A lease of an earlier run of the broker, or one that was revoked while the worker was silent. */
static void take_again(struct broker *b, struct bworker *w, struct blease *l, const struct msg_held *h)
{
    struct bsweep *s = h->sweep ? sweep_find(b, h->sweep) : NULL;
    bool open = s && (s->phase == PHASE_LOADING || s->phase == PHASE_RUNNING || s->phase == PHASE_STOPPING);
    if (!open || h->from >= h->to || h->to > h->granted_to || h->granted_to > s->frontier || (h->flags & LEASE_VERIFY))
        return; /* nothing beyond the frontier was ever granted */
    if (!l && list_count(&w->leases) >= b->config.limits.leases)
        return; /* it registers the rest when these are through */
    if (!l && !(l = lease_new(b, w, s, h->lease)))
        return;
    if (l->revoked)
        s->n_leases++;
    l->revoked = false;
    l->from = h->from;
    l->to = h->to;
    l->granted_to = h->granted_to;
    l->flags = h->flags;
    note_fingerprint(s, w);
    if (!s->begun)
        s->begun = b->now;
    if (!(h->flags & LEASE_SECOND))
        broker_check(b, intervals_remove(&s->pending, h->from, h->to));
}

void worker_held(struct broker *b, struct bworker *w, const struct msg_held *held, uint32_t n, bool hello)
{
    list_each(it, after, &w->leases) list_entry(it, struct blease, node)->missed++;
    for (uint32_t i = 0; i < n; i++) {
        const struct bsweep *s = held[i].sweep ? sweep_find(b, held[i].sweep) : NULL;
        struct blease *l = lease_find(w, held[i].sweep, held[i].lease);
        if (!s || s->phase == PHASE_FINAL) {
            broker_say(b, w->peer, MSG_DROP, &(struct msg_sweep){.sweep = held[i].sweep, .now = true});
            continue;
        }
        bool again =
            hello || (held[i].left && held[i].lease >> 32 == b->next_lease >> 32 && held[i].lease < b->next_lease);
        if (again && (!l || (l->revoked && held[i].left)))
            take_again(b, w, l, &held[i]);
        if (!l && !(l = lease_find(w, held[i].sweep, held[i].lease)))
            continue; /* closed here, and only waits for its acknowledgement */
        l->missed = 0;
        l->left = held[i].left;
        worker_taken(b, w,
                     &(struct msg_take){held[i].sweep, held[i].lease, held[i].to}); /* should that have been lost */
    }
    list_each(it, after, &w->leases)
    {
        struct blease *l = list_entry(it, struct blease, node);
        if (l->missed >= 2 &&
            b->now - l->granted_at > 2 * NS_PER_MS * b->config.beat_ms) /* and the grant has had time to arrive */
            lease_free(b, l, true);
    }
}
