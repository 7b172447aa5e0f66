/* SPDX-License-Identifier: MIT
 *
 * status: what clients ask: how a sweep stands (once, or every so often until it ends), the list of sweeps, pages of
 * results, failures and logs out of the journal.
 */
#include "broker/broker_impl.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_TOP_MAX 10000u
#define WATCH_LEAST_MS 20u /* nobody is told more often */

static struct slice doubles(const double *at, uint32_t n)
{
    return (struct slice){at, n * sizeof(double)};
}

static void fill_best(struct bsweep *s, uint32_t top, struct arena *a, struct msg_status *m)
{
    uint32_t n_scores = s->plan.plugin.n_scores;
    uint32_t max = top < STATUS_TOP_MAX ? top : STATUS_TOP_MAX;
    struct trial_result *best = arena_alloc(a, (max + 1) * sizeof(*best));
    m->best = arena_alloc(a, (max + 1) * sizeof(*m->best));
    if (!best || !m->best)
        return;
    if (s->plan.n_goals == 0)
        return; /* nothing is better than anything */
    m->n_best = (uint32_t)tally_best(s->tally, best, max);
    for (uint32_t i = 0; i < m->n_best; i++) {
        const struct trial_result *r = &best[i];
        m->best[i] = (struct msg_best){.trial = r->trial,
                                       .failed = r->failed,
                                       .n = r->n,
                                       .scores = doubles(r->scores, n_scores),
                                       .std = doubles(r->std, n_scores),
                                       .min = doubles(r->min, n_scores),
                                       .max = doubles(r->max, n_scores),
                                       .n_failed = r->n_failed};
    }
}

static uint64_t in_hands(struct broker *b, const struct bsweep *s)
{
    uint64_t n = 0;
    list_each(it, after, &b->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        list_each(l, l_after, &w->leases)
        {
            const struct blease *lease = list_entry(l, struct blease, node);
            if (lease->sweep == s && !lease->revoked)
                n += lease->to - lease->from - intervals_count_in(&s->done, lease->from, lease->to);
        }
    }
    return n;
}

static void fill_counts(struct broker *b, struct bsweep *s, struct msg_status *m)
{
    struct tally_counts c = tally_counts(s->tally);
    struct journal_numbers n = sweep_numbers(b, s);
    m->total = s->total;
    m->done = c.done;
    m->failed = c.failed;
    m->skipped = c.skipped;
    m->running = in_hands(b, s);
    m->resumed = s->resumed;
    m->seconds = n.seconds;
    if (n.seconds > 0)
        m->tasks_per_second = (double)(c.done + c.failed + c.skipped) / n.seconds;
    m->cpu_seconds = n.cpu_seconds;
    m->peak_memory_mb = n.peak_memory_mb;
    m->slots = n.slots;
    if (n.seconds > 0 && n.slots)
        m->efficiency = n.plugin_seconds / (n.seconds * n.slots);
    m->verified = n.verified;
    m->mismatched = n.mismatched;
    m->groups = s->group_rows;
    m->log_lines = s->log_lines;
}

/* False when the peer is gone. */
static bool send_status(struct broker *b, uint64_t peer, struct bsweep *s, uint32_t top, bool plan)
{
    struct arena a;
    arena_init(&a, 0);
    struct msg_status m = {.sweep = s->id,
                           .name = s->plan.name,
                           .state = s->state,
                           .final = s->phase == PHASE_FINAL,
                           .failures = s->failures,
                           .n_failures = s->n_failures,
                           .qualified = s->qualified,
                           .reason = s->reason,
                           .limit_hit = s->limit_hit,
                           .created_wall_ms = s->wall_ms,
                           .workers = (uint32_t)b->peers.n};
    fill_counts(b, s, &m);
    fill_best(s, top, &a, &m);
    if (s->has_digest)
        m.digest = (struct slice){s->digest, HASH_BYTES};
    if (s->has_output)
        m.output = (struct slice){s->output, HASH_BYTES};
    m.has_files = s->has_files;
    m.files = s->files;
    if (plan)
        m.plan = (struct slice){s->bytes.data, s->bytes.len};
    bool there = broker_say(b, peer, MSG_STATUS, &m);
    arena_finish(&a);
    return there;
}

static void watch_free(struct watch *w)
{
    list_remove(&w->node);
    free(w);
}

void status_watch(struct broker *b, uint64_t peer, const struct msg_watch *m)
{
    struct bsweep *s = sweep_find(b, m->sweep);
    if (!s) {
        broker_refuse(b, peer, SHEAF_ENOENT, "there is no such sweep: see sheaf list");
        return;
    }
    list_each(it, after, &b->watches)
    {
        struct watch *old = list_entry(it, struct watch, node);
        if (old->peer == peer && old->sweep == s->id)
            watch_free(old);
    }
    /* A sweep that is still being read back is answered when its figures are there. */
    if (s->phase != PHASE_LOADING)
        (void)send_status(b, peer, s, m->top, m->plan);
    if (s->phase == PHASE_FINAL || (!m->every_ms && s->phase != PHASE_LOADING))
        return;
    if (list_count(&b->watches) >= b->config.limits.watches) {
        broker_refuse(b, peer, SHEAF_ELIMIT, "as many clients watch this broker as it can take: try again later");
        return;
    }
    struct watch *w = calloc(1, sizeof(*w));
    if (!w) {
        broker_check(b, SHEAF_ENOMEM);
        return;
    }
    uint32_t every_ms = m->every_ms && m->every_ms < WATCH_LEAST_MS ? WATCH_LEAST_MS : m->every_ms;
    *w = (struct watch){.peer = peer,
                        .sweep = s->id,
                        .every_ns = every_ms * NS_PER_MS,
                        .top = m->top,
                        .plan = m->plan,
                        .next = b->now + every_ms * NS_PER_MS};
    list_init(&w->node);
    list_append(&b->watches, &w->node);
}

void status_final(struct broker *b, const struct bsweep *s)
{
    list_each(it, after, &b->watches)
    {
        struct watch *w = list_entry(it, struct watch, node);
        if (w->sweep != s->id)
            continue;
        (void)send_status(b, w->peer, sweep_find(b, s->id), w->top, w->plan);
        watch_free(w);
    }
}

int64_t status_tick(struct broker *b)
{
    int64_t due = b->now + NS_PER_S;
    list_each(it, after, &b->watches)
    {
        struct watch *w = list_entry(it, struct watch, node);
        struct bsweep *s = sweep_find(b, w->sweep);
        if (!s || s->id != w->sweep) {
            watch_free(w);
            continue;
        }
        if (b->now >= w->next && s->phase != PHASE_LOADING) {
            bool there = send_status(b, w->peer, s, w->top, w->plan);
            w->next = b->now + w->every_ns;
            if (!w->every_ns || !there) {
                watch_free(w);
                continue;
            }
        }
        if (w->next < due)
            due = w->next > b->now ? w->next : b->now + 10 * NS_PER_MS;
    }
    return due;
}

void status_list(struct broker *b, uint64_t peer)
{
    struct arena a;
    arena_init(&a, 0);
    uint32_t n = 0;
    list_each(it, after, &b->sweeps) n++;
    struct msg_listing m = {.sweeps = arena_alloc(&a, (n + 1) * sizeof(*m.sweeps))};
    list_each(it, after, &b->sweeps)
    {
        const struct bsweep *s = list_entry(it, struct bsweep, node);
        struct tally_counts c = tally_counts(s->tally);
        if (!m.sweeps)
            break;
        m.sweeps[m.n_sweeps++] = (struct msg_listed){.sweep = s->id,
                                                     .name = s->plan.name,
                                                     .state = s->state,
                                                     .total = s->total,
                                                     .done = c.done,
                                                     .failed = c.failed,
                                                     .trials = s->plan.trials,
                                                     .created_wall_ms = s->wall_ms,
                                                     .plugin = s->plan.plugin.name,
                                                     .source = s->plan.source};
    }
    broker_say(b, peer, MSG_LISTING, &m);
    arena_finish(&a);
}

void status_read(struct broker *b, uint64_t peer, const struct msg_read *m)
{
    const struct bsweep *s = sweep_find(b, m->sweep);
    if (!s || m->kind > READ_GROUPS) {
        broker_refuse(b, peer, s ? SHEAF_EPROTO : SHEAF_ENOENT,
                      s ? "no such kind of page" : "there is no such sweep: see sheaf list");
        return;
    }
    uint32_t asked = 0;
    for (uint32_t i = 0; i < b->n_readers; i++)
        asked += b->readers[i] == peer;
    if (asked >= READS_OF_ONE || b->n_readers >= b->config.limits.reads) {
        broker_refuse(b, peer, SHEAF_ELIMIT, "too many pages are being read: try again later");
        return;
    }
    struct msg_read read = *m;
    read.sweep = s->id;
    b->readers[b->n_readers++] = peer;
    broker_ask_page(b, &read, (struct page_ask){.peer = peer});
}

void status_page(struct broker *b, uint64_t peer, struct scribe_read *r)
{
    if (r->err < 0)
        broker_refuse(b, peer, r->err, r->diag.text);
    else
        broker_say(b, peer, MSG_PAGE, &r->page);
    arena_finish(&r->arena);
    free(r->who);
    free(r);
}
