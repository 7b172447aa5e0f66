/* SPDX-License-Identifier: MIT
 *
 * worker: life, the broker's messages, reports, heartbeats.
 */
#include "worker/worker_impl.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

struct worker *worker_create(const struct worker_config *config, const struct worker_env *env)
{
    SHEAF_ASSERT(config->slots >= 1 && config->slots <= CREW_MAX_SLOTS);
    struct worker *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->slots = calloc(config->slots, sizeof(*w->slots));
    if (!w->slots) {
        free(w);
        return NULL;
    }
    w->config = *config;
    w->env = *env;
    w->beat_ns = NS_PER_S;
    w->start_cost = START_COST_NS;
    list_init(&w->sweeps);
    list_init(&w->leases);
    outbox_init(&w->outbox);
    return w;
}

static void sweep_destroy(struct wsweep *s)
{
    list_remove(&s->node);
    buf_finish(&s->bytes);
    arena_finish(&s->arena);
    free(s);
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    list_each(it, after, &w->leases) lease_destroy(list_entry(it, struct wlease, node));
    list_each(it, after, &w->sweeps) sweep_destroy(list_entry(it, struct wsweep, node));
    outbox_finish(&w->outbox);
    for (uint32_t i = 0; i < w->config.slots; i++) {
        for (uint32_t k = 0; k < w->slots[i].n_asides; k++)
            free(w->slots[i].asides[w->slots[i].first_aside + k].bytes);
        free(w->slots[i].asides);
    }
    free(w->slots);
    free(w);
}

void worker_set_ops(struct worker *w, const struct slot_ops *ops)
{
    w->ops = ops;
}

void worker_time(struct worker *w, int64_t now)
{
    if (w->real && now - w->real > GAP_NS)
        w->gaps += now - w->real;
    w->real = now;
    w->now = now - w->gaps;
}

void worker_check(struct worker *w, int err)
{
    if (err < 0)
        w->no_memory = w->stopping = true;
}

struct wsweep *worker_sweep(struct worker *w, uint64_t id)
{
    struct wsweep *newest = NULL;
    list_each(it, after, &w->sweeps)
    {
        struct wsweep *s = list_entry(it, struct wsweep, node);
        if (s->id == id)
            newest = s;
    }
    return newest;
}

struct wlease *worker_lease(struct worker *w, uint64_t sweep, uint64_t id)
{
    list_each(it, after, &w->leases)
    {
        struct wlease *l = list_entry(it, struct wlease, node);
        if (l->id == id && l->sweep->id == sweep)
            return l;
    }
    return NULL;
}

/* The sweep of that id that can be worked on. */
static struct wsweep *sweep_make(struct worker *w, uint64_t id)
{
    struct wsweep *s = worker_sweep(w, id);
    if (s && !s->dropped)
        return s;
    s = calloc(1, sizeof(*s));
    if (!s) {
        worker_check(w, SHEAF_ENOMEM);
        return NULL;
    }
    s->id = id;
    arena_init(&s->arena, 0);
    list_init(&s->node);
    list_append(&w->sweeps, &s->node);
    return s;
}

/* ---- to the broker ---- */

static void held_of(const struct worker *w, struct arena *a, struct msg_held **out, uint32_t *n_out)
{
    uint32_t n = 0;
    list_each(it, after, &w->leases) n++;
    struct msg_held *held = arena_alloc(a, (n + 1) * sizeof(*held));
    *out = held;
    *n_out = 0;
    list_each(it, after, &w->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        if (!held)
            return;
        held[(*n_out)++] = (struct msg_held){.sweep = l->sweep->id,
                                             .lease = l->id,
                                             .from = l->from,
                                             .to = l->to,
                                             .left = l->closed ? 0 : l->todo.count, /* closed: given up */
                                             .flags = l->flags,
                                             .granted_to = l->granted_to};
    }
}

static void send_hello(struct worker *w)
{
    struct arena a;
    arena_init(&a, 0);
    struct msg_hello m = {.instance = w->config.instance,
                          .host = w->config.host,
                          .pid = w->config.pid,
                          .slots = w->config.slots,
                          .fingerprint = {w->config.fingerprint, HASH_BYTES}};
    held_of(w, &a, &m.held, &m.n_held);
    w->env.send(w->env.ctx, MSG_HELLO, &m);
    arena_finish(&a);
    w->hello_at = w->now;
}

static int64_t cpu_ns(const struct worker *w)
{
    int64_t sum = w->dead_cpu_ns + w->env.own_cpu_ns(w->env.ctx);
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].state != WSLOT_EMPTY)
            sum += w->slots[i].last.cpu_ns;
    return sum;
}

static void note_memory(struct worker *w)
{
    uint64_t sum = w->env.own_pss(w->env.ctx);
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].state != WSLOT_EMPTY)
            sum += w->slots[i].last.pss_bytes;
    if (sum > w->peak_pss)
        w->peak_pss = sum;
}

static void send_beat(struct worker *w)
{
    struct arena a;
    arena_init(&a, 0);
    slots_sample(w, true);
    note_memory(w);
    struct msg_beat m = {.memory_bytes = w->peak_pss, .cpu_ns = cpu_ns(w)};
    held_of(w, &a, &m.held, &m.n_held);
    w->env.send(w->env.ctx, MSG_BEAT, &m);
    arena_finish(&a);
    w->next_beat = w->now + w->beat_ns;
    w->looked_at = w->now;
}

/* A lease that ends takes its figures along: time inside the plugin, and now and then memory, which is slow to read. */
static void last_look(struct worker *w, const struct wlease *l)
{
    if (w->epoch && w->now - l->begun > LOOK_WORTH_NS && w->now - w->looked_at > LOOK_NS)
        send_beat(w);
    else
        slots_sample(w, false);
}

/* What is acknowledged is done for good, so the rows of a report are on the device before it leaves. */
static void sync_rows(struct worker *w, struct wlease *l)
{
    struct wsweep *s = l->sweep;
    struct diag d = {""};
    if (l->findings.n_runs == 0 || s->synced || !(plan_has_output(&s->plan) || plan_has_files(&s->plan)))
        return;
    s->synced = w->env.sync_output(w->env.ctx, &s->plan, &d) == 0;
    if (s->synced)
        return;
    findings_forget(&l->findings); /* not done: other workers have better luck, or the sweep fails */
    worker_break_sweep(w, s, d.text);
}

/* Sends what a lease has found. closed: the lease ends with this report. */
static void post(struct worker *w, struct wlease *l, bool closed)
{
    struct wsweep *s = l->sweep;
    sync_rows(w, l);
    if (closed)
        last_look(w, l);
    struct msg_report m = {.sweep = s->id,
                           .lease = l->id,
                           .closed = closed,
                           .plugin_ns = s->plugin_ns,
                           .slots_used = s->slots_used,
                           .broken = s->broken};
    struct sent_report *r = outbox_post(&w->outbox, &l->findings, &m, s->n_scores);
    if (!r) {
        worker_check(w, SHEAF_ENOMEM);
        return;
    }
    s->plugin_ns = 0;
    r->sweep = s->id;
    r->lease = l->id;
    r->sent_at = w->now;
    l->unacked++;
    l->closed = closed;
    w->env.send_frames(w->env.ctx, &r->head, &r->frame);
}

static bool findings_due(const struct worker *w, const struct findings *f)
{
    return f->since && (w->now - f->since >= REPORT_NS || findings_bytes(f) >= FINDINGS_FULL || f->n_runs >= 4096);
}

void worker_post_full(struct worker *w, struct wlease *l)
{
    if (l->todo.count > 0 && findings_bytes(&l->findings) >= FINDINGS_FULL)
        post(w, l, false);
}

static bool lease_over(const struct worker *w, const struct wlease *l)
{
    if (l->todo.count == 0 || l->sweep->broken)
        return true;
    if (!l->sweep->dropped && !w->stopping)
        return false;
    for (uint32_t i = 0; i < w->config.slots; i++) /* dropped: what still runs in a slot may finish */
        for (uint32_t k = 0; k < w->slots[i].nq; k++)
            if (w->slots[i].q[k].lease == l->id && w->slots[i].q[k].sweep == l->sweep->id)
                return false;
    return true;
}

/* What one lease has found takes along what the others have: waking broker, journal and disk costs more than a report. */
static void post_due(struct worker *w)
{
    bool due = false;
    list_each(it, after, &w->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        due = due || (!l->closed && findings_due(w, &l->findings));
    }
    list_each(it, after, &w->leases)
    {
        struct wlease *l = list_entry(it, struct wlease, node);
        if (l->closed)
            continue;
        if (lease_over(w, l))
            post(w, l, true);
        else if (due && l->findings.since)
            post(w, l, false);
    }
}

/* Is every lease over, and one of them not reported yet? */
static bool runs_dry(const struct worker *w)
{
    bool unsaid = false;
    list_each(it, after, &w->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        if (l->closed)
            continue;
        if (!lease_over(w, l))
            return false;
        unsaid = true;
    }
    return unsaid;
}

static void resend_due(struct worker *w, bool all)
{
    list_each(it, after, &w->outbox.waiting)
    {
        struct sent_report *r = list_entry(it, struct sent_report, node);
        if (!all && w->now - r->sent_at < RESEND_NS)
            continue;
        r->sent_at = w->now;
        w->env.send_frames(w->env.ctx, &r->head, &r->frame);
    }
}

static uint32_t idle_slots(const struct worker *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->config.slots; i++)
        n += w->slots[i].state == WSLOT_EMPTY || (w->slots[i].state == WSLOT_READY && !w->slots[i].nq);
    return n;
}

static void ask_for_work(struct worker *w)
{
    uint32_t open = 0;
    list_each(it, after, &w->leases) open += !list_entry(it, struct wlease, node)->closed;
    struct msg_want m = {.idle = idle_slots(w)};
    bool news = m.idle && !w->idle_told; /* the broker may ask others for a part of what they have */
    if (w->stopping || !w->epoch || open >= LEASES_OPEN || (w->want_at && w->now - w->want_at < NS_PER_S && !news))
        return;
    m.backlog_ns = backlog_ns(w);
    if (m.backlog_ns >= WANT_NS)
        return;
    list_each(it, after, &w->sweeps)
    {
        const struct wsweep *s = list_entry(it, struct wsweep, node);
        uint32_t alive = slots_alive(w, s);
        if (s->task_ns > 0 && alive) {
            m.sweep = s->id;
            m.tasks_per_s = alive * 1e9 / s->task_ns;
        }
    }
    w->env.send(w->env.ctx, MSG_WANT, &m);
    w->want_at = w->now;
    w->idle_told = m.idle > 0;
}

void worker_break_sweep(struct worker *w, struct wsweep *s, const char *reason)
{
    if (s->broken)
        return;
    s->broken = arena_text(&s->arena, reason, strlen(reason));
    if (!s->broken)
        worker_check(w, SHEAF_ENOMEM);
    s->dropped = true;
}

/* ---- from the broker ---- */

static void on_welcome(struct worker *w, const struct msg_welcome *m)
{
    bool other = w->epoch != m->epoch;
    w->epoch = m->epoch;
    w->beat_ns = (m->beat_ms ? m->beat_ms : 1000) * NS_PER_MS;
    w->want_at = 0;
    if (other || m->resend)
        resend_due(w, true);
}

static void on_beat(struct worker *w, const struct msg_beat *m)
{
    if (m->epoch != w->epoch) { /* a broker that has started since: it has to hear what we hold */
        w->epoch = 0;
        send_hello(w);
    }
}

static void sweep_drop(struct worker *w, struct wsweep *s, bool now)
{
    s->dropped = true;
    for (uint32_t i = 0; i < w->config.slots; i++) {
        if (w->slots[i].sweep != s)
            continue;
        slot_unload(w, i);
        if (now && w->slots[i].nq)
            slot_kill(w, i, KILL_UNWANTED);
    }
}

/* Does the sweep, as far as it is known, have these tasks? */
static bool has_tasks(const struct wsweep *s, uint64_t to)
{
    return !s->have_plan || s->broken || to <= plan_tasks(&s->plan);
}

/* What was granted before the plan came, and lies beyond its end, was never this sweep's: the broker misses it in the beats. */
static void forget_strangers(struct worker *w, const struct wsweep *s)
{
    list_each(it, after, &w->leases)
    {
        struct wlease *l = list_entry(it, struct wlease, node);
        if (l->sweep == s && !has_tasks(s, l->granted_to))
            lease_destroy(l);
    }
}

static void on_plan(struct worker *w, const struct msg_plan *m)
{
    struct diag d = {""};
    struct wsweep *s = sweep_make(w, m->sweep);
    if (s && s->have_plan && (s->bytes.len != m->plan.len || memcmp(s->bytes.data, m->plan.data, m->plan.len) != 0)) {
        sweep_drop(w, s, true); /* it was taken up again with another plan */
        s = sweep_make(w, m->sweep);
    }
    if (!s || s->have_plan)
        return;
    if (buf_append(&s->bytes, m->plan.data, m->plan.len) < 0) {
        worker_check(w, SHEAF_ENOMEM);
        return;
    }
    s->have_plan = true;
    int err = plan_decode(s->bytes.data, s->bytes.len, &s->arena, &s->plan, &d);
    worker_check(w, err == SHEAF_ENOMEM ? err : 0); /* this worker's plight, not the sweep's */
    if (err < 0)
        worker_break_sweep(w, s, d.text);
    else
        s->n_scores = s->plan.plugin.n_scores;
    forget_strangers(w, s);
}

static void ask_plan(struct worker *w, struct wsweep *s)
{
    if (s->have_plan || (s->asked_plan_at && w->now - s->asked_plan_at < NS_PER_S))
        return;
    s->asked_plan_at = w->now;
    w->env.send(w->env.ctx, MSG_NEED_PLAN, &(struct msg_sweep){.sweep = s->id});
}

static void on_grant(struct worker *w, const struct msg_grant *m)
{
    w->want_at = m->n_leases ? 0 : w->now;
    w->idle_told = w->idle_told && !m->n_leases;
    list_each(it, after, &w->sweeps) list_entry(it, struct wsweep, node)->dry = m->n_leases == 0;
    for (uint32_t i = 0; i < m->n_leases; i++) {
        const struct msg_lease *g = &m->leases[i];
        struct wsweep *s = sweep_make(w, g->sweep);
        if (!s || worker_lease(w, g->sweep, g->lease) || g->from >= g->to)
            continue;               /* a grant that came twice */
        if (!has_tasks(s, g->to)) { /* it has grown, and the plan that says so was lost */
            sweep_drop(w, s, true);
            if (!(s = sweep_make(w, g->sweep)))
                return;
        }
        struct wlease *l = lease_create(g->lease, s, g->from, g->to, g->flags);
        if (!l) {
            worker_check(w, SHEAF_ENOMEM);
            return;
        }
        l->begun = w->now;
        list_append(&w->leases, &l->node);
        ask_plan(w, s);
    }
}

static void on_ack(struct worker *w, const struct msg_ack *m)
{
    for (uint32_t i = 0; i < m->n_seqs; i++) {
        uint64_t sweep, lease;
        if (!outbox_ack(&w->outbox, m->seqs[i].seq, &sweep, &lease))
            continue;
        struct wlease *l = worker_lease(w, sweep, lease);
        if (l && --l->unacked == 0 && l->closed)
            lease_destroy(l);
    }
}

/* Chunks that have not begun and reach beyond `to` are taken out of the slots' hands, then the lease is cut. */
static void on_take(struct worker *w, const struct msg_take *m)
{
    struct wlease *l = worker_lease(w, m->sweep, m->lease);
    if (!l || l->closed)
        return;
    for (uint32_t i = 0; i < w->config.slots; i++) {
        const struct wslot *slot = &w->slots[i];
        const struct wchunk *last = slot->nq ? &slot->q[slot->nq - 1] : NULL;
        if (last && last->lease == l->id && last->sweep == m->sweep && last->c.first + last->end > m->to)
            slot_unload(w, i);
    }
    if (m->to < l->to) {
        worker_check(w, lease_cut(l, m->to > l->from ? m->to : l->from));
        uint64_t last = l->todo.n ? l->todo.at[l->todo.n - 1].to : l->from;
        l->to = last > m->to ? last : m->to;
        if (l->to <= l->from)
            l->to = l->from + 1; /* never empty: the report that closes it gives the rest back */
    }
    struct msg_take taken = {.sweep = m->sweep, .lease = m->lease, .to = l->to};
    w->env.send(w->env.ctx, MSG_TAKEN, &taken);
}

static void on_drop(struct worker *w, const struct msg_sweep *m)
{
    list_each(it, after, &w->sweeps)
    {
        struct wsweep *s = list_entry(it, struct wsweep, node);
        if (s->id == m->sweep)
            sweep_drop(w, s, m->now);
    }
}

static void on_error(struct worker *w, const struct msg_error *m)
{
    if (m->err == SHEAF_EGONE) { /* the broker does not know us, or a lease of ours: it lost us or has started anew */
        w->epoch = 0;
        if (w->now - w->hello_at >= 100 * NS_PER_MS)
            send_hello(w);
    } else if (m->err == SHEAF_EVERSION)
        w->stopping = true;
}

int worker_message(struct worker *w, uint32_t type, const void *body)
{
    w->heard = w->now;
    switch (type) {
    case MSG_WELCOME:
        on_welcome(w, body);
        return 0;
    case MSG_BEAT:
        on_beat(w, body);
        return 0;
    case MSG_PLAN:
        on_plan(w, body);
        return 0;
    case MSG_GRANT:
        on_grant(w, body);
        return 0;
    case MSG_ACK:
        on_ack(w, body);
        return 0;
    case MSG_TAKE:
        on_take(w, body);
        return 0;
    case MSG_DROP:
        on_drop(w, body);
        return 0;
    case MSG_QUIT:
        worker_stop(w);
        return 0;
    case MSG_ERROR:
        on_error(w, body);
        return 0;
    default:
        return SHEAF_EPROTO;
    }
}

void worker_reconnected(struct worker *w)
{
    send_hello(w);
}

/* ---- turns ---- */

void worker_stop(struct worker *w)
{
    w->stopping = true;
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].state != WSLOT_EMPTY)
            slot_kill(w, i, KILL_UNWANTED);
}

bool worker_finished(const struct worker *w)
{
    if (!w->stopping)
        return false;
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].state != WSLOT_EMPTY)
            return false;
    return true;
}

const char *worker_trouble(const struct worker *w)
{
    if (w->no_memory)
        return "the worker is out of memory";
    return w->no_slots ? "no slot could be started, again and again; the line above says why" : NULL;
}

/* A sweep without leases and slots is forgotten; its plan comes again with the next lease. */
static void forget_idle_sweeps(struct worker *w)
{
    list_each(it, after, &w->sweeps)
    {
        struct wsweep *s = list_entry(it, struct wsweep, node);
        bool used = false;
        list_each(l, l_after, &w->leases) used = used || list_entry(l, struct wlease, node)->sweep == s;
        s->idle_since = used ? 0 : s->idle_since ? s->idle_since : w->now;
        if (!used && w->now - s->idle_since > FORGET_NS)
            s->dropped = true; /* its idle slots retire; should it go on, its plan comes again */
        if (used || !s->dropped)
            continue;
        for (uint32_t i = 0; i < w->config.slots; i++)
            used = used || w->slots[i].sweep == s;
        if (!used)
            sweep_destroy(s);
    }
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When something is due next, as a duration from now. */
static int64_t next_due(const struct worker *w)
{
    int64_t at = w->next_beat;
    list_each(it, after, &w->leases)
    {
        const struct wlease *l = list_entry(it, struct wlease, node);
        if (!l->closed && l->findings.since)
            at = earliest(at, l->findings.since + REPORT_NS);
    }
    if (w->look_at)
        at = earliest(at, w->look_at);
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].nq)
            at = earliest(at, w->sample_at + SAMPLE_NS);
    list_each(it, after, &w->sweeps) /* NOLINT(clang-analyzer-unix.Malloc): sweep_destroy takes them out of the list */
    {
        const struct wsweep *s = list_entry(it, struct wsweep, node);
        if (s->backoff_until > w->now)
            at = earliest(at, s->backoff_until);
    }
    int64_t wait = at - w->now;
    return wait < 0 ? 0 : earliest(wait, 500 * NS_PER_MS);
}

int64_t worker_tick(struct worker *w)
{
    if (!w->epoch && (!w->hello_at || w->now - w->hello_at >= w->beat_ns / 4))
        send_hello(w);
    if (w->now - w->sample_at >= SAMPLE_NS)
        slots_sample(w, false);
    if (!w->stopping)
        dispatch(w);
    if (w->epoch && runs_dry(w))
        send_beat(w); /* the sweep may end with these reports: what it took has to be known by then */
    post_due(w);
    list_each(it, after, &w->sweeps)
    {
        struct wsweep *s = list_entry(it, struct wsweep, node);
        if (!s->dropped)
            ask_plan(w, s);
    }
    ask_for_work(w);
    resend_due(w, false);
    if (w->now >= w->next_beat && w->epoch)
        send_beat(w);
    else if (w->now >= w->next_beat)
        w->next_beat = w->now + w->beat_ns / 4;
    forget_idle_sweeps(w);
    return next_due(w);
}
