/* SPDX-License-Identifier: MIT
 *
 * slotbook: what slots tell, and what it means. Records move tasks out of their lease; a death is charged to the one task that
 * ran, which is tried again alone on a fresh slot; time and memory limits are checked here, by the worker's own clock.
 */
#include "common/text.h"
#include "sheaf/plugin.h"
#include "worker/pluginfind.h"
#include "worker/worker_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- side entries ---- */

static void forget_asides(struct wslot *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(s->asides[s->first_aside + i].bytes);
    s->n_asides -= n;
    s->first_aside = s->n_asides ? s->first_aside + n : 0;
}

static void keep_aside(struct worker *w, struct wslot *s, const struct side_head *head, const char *text, uint32_t len)
{
    if (s->first_aside + s->n_asides == s->cap_asides && s->first_aside > s->cap_asides / 2) {
        memmove(s->asides, s->asides + s->first_aside, s->n_asides * sizeof(*s->asides));
        s->first_aside = 0;
    }
    if (s->first_aside + s->n_asides == s->cap_asides) {
        uint32_t cap = s->cap_asides ? s->cap_asides * 2 : 16;
        struct aside *grown = realloc(s->asides, cap * sizeof(*grown));
        if (!grown) {
            worker_check(w, SHEAF_ENOMEM);
            return;
        }
        s->asides = grown;
        s->cap_asides = cap;
    }
    char *copy = malloc((size_t)len + 1);
    if (!copy) {
        worker_check(w, SHEAF_ENOMEM);
        return;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    s->asides[s->first_aside + s->n_asides++] = (struct aside){head->word, head->kind, len, copy};
}

/* The chunk of sequence seq that a slot holds; NULL when it is over. */
static struct wchunk *chunk_of(struct wslot *s, uint32_t seq)
{
    for (uint32_t k = 0; k < s->nq; k++)
        if (s->q[k].c.seq == seq)
            return &s->q[k];
    return NULL;
}

static void log_line(struct worker *w, struct wslot *s, uint64_t word, uint32_t level, const char *text)
{
    struct wchunk *c = chunk_of(s, page_seq(word));
    struct wlease *l = c ? worker_lease(w, c->sweep, c->lease) : NULL;
    list_each(it, after, &w->leases)
    {
        struct wlease *other = list_entry(it, struct wlease, node);
        if (!l && other->sweep == s->sweep && !other->closed)
            l = other; /* not inside a task: any lease of the sweep carries it */
    }
    if (!l || l->closed)
        return;
    struct msg_log m = {.has_position = c != NULL, .level = level, .text = text};
    if (c)
        m.position = c->c.first + page_offset(word);
    worker_check(w, findings_add_log(&l->findings, &m));
    if (!l->findings.since)
        l->findings.since = w->now;
}

static void on_side(void *ctx, uint32_t slot, const struct side_head *head, const char *text, uint32_t len)
{
    struct worker *w = ctx;
    struct wslot *s = &w->slots[slot];
    if (head->kind == SIDE_LOG && len > 0)
        log_line(w, s, head->word, (uint32_t)(unsigned char)text[0], text + 1); /* first byte: the level */
    else if (head->kind == SIDE_FAIL || head->kind == SIDE_GROUP)
        keep_aside(w, s, head, text, len);
}

/* Raw output of the process: cut into lines, given to the task that runs now. */
static void on_output(void *ctx, uint32_t slot, int fd, const char *bytes, size_t len)
{
    struct worker *w = ctx;
    struct wslot *s = &w->slots[slot];
    w->ops->sample(w->ops->ctx, slot, false, &s->last);
    while (len) {
        const char *nl = memchr(bytes, '\n', len);
        size_t n = nl ? (size_t)(nl - bytes) : len;
        char line[1024];
        snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1), bytes);
        if (n)
            log_line(w, s, s->last.current, fd == 2 ? SHEAF_LOG_WARN : SHEAF_LOG_INFO, line);
        bytes += nl ? n + 1 : n;
        len -= nl ? n + 1 : n;
    }
}

/* ---- records ---- */

static void note_failure(struct worker *w, struct wlease *l, uint64_t position, uint32_t kind, const char *reason,
                         uint32_t attempts, const char *tail)
{
    struct msg_failure f = {.position = position, .kind = kind, .reason = reason, .attempts = attempts, .tail = tail};
    worker_check(w, findings_add_failure(&l->findings, &f));
}

/* The reason and the groups that belong to one record, before it is counted. */
static void settle(struct worker *w, struct wslot *s, const struct wchunk *c, struct wlease *l, uint32_t offset,
                   uint8_t status)
{
    uint64_t word = page_pack(c->c.seq, offset), position = c->c.first + offset;
    const char *reason = "failed without a reason";
    uint32_t n = 0;
    for (; n < s->n_asides; n++) {
        const struct aside *a = &s->asides[s->first_aside + n];
        if (a->word > word)
            break;
        if (a->word < word)
            continue;
        size_t name = strnlen(a->bytes, a->len);
        if (a->kind == SIDE_FAIL)
            reason = a->bytes;
        else if (status == 1 && name < a->len) {
            struct msg_group g = {
                .position = position, .group = a->bytes, .values = {a->bytes + name + 1, a->len - name - 1}};
            worker_check(w, findings_add_group(&l->findings, &g));
        }
    }
    if (status == 2)
        note_failure(w, l, position, FAIL_ERROR, reason, c->c.attempt, "");
    forget_asides(s, n);
}

/* n records of the slot's first chunk. */
static void take_records(struct worker *w, struct wslot *s, uint32_t n, const uint8_t *status, const double *scores)
{
    struct wchunk *c = &s->q[0];
    struct wlease *l = worker_lease(w, c->sweep, c->lease);
    if (l && !l->closed) {
        for (uint32_t i = 0; i < n; i++)
            if ((status[i] == 2 || s->n_asides) && intervals_has(&l->todo, c->c.first + c->seen + i))
                settle(w, s, c, l, c->seen + i, status[i]);
        s->sweep->synced = false;
        worker_check(w, lease_finish(l, c->c.first + c->seen, n, status, scores, s->sweep->n_scores, w->now));
        worker_post_full(w, l);
    }
    c->seen += n;
}

/* A chunk has ended: what a task takes is learnt from it, newer ones counting for a half. From the slot's time, not the
 * chunk's: when a worker has been away, a chunk may end in the moment in which it was first seen at work. */
static void learn(const struct worker *w, struct wslot *s)
{
    int64_t span = w->now - s->learnt_at;
    double *task_ns = &s->sweep->task_ns;
    if (!s->unlearnt || (*task_ns > 0 && span < LEARN_NS))
        return;
    double ns = (double)span / (double)s->unlearnt;
    if (ns < 1)
        ns = 1;
    *task_ns = *task_ns > 0 ? 0.5 * *task_ns + 0.5 * ns : ns;
    s->learnt_at = w->now;
    s->unlearnt = 0;
}

static void on_records(void *ctx, uint32_t slot, uint64_t n, const uint8_t *status, const double *scores)
{
    struct worker *w = ctx;
    struct wslot *s = &w->slots[slot];
    uint32_t n_scores = s->sweep->n_scores;
    if (n) {
        s->told = true;
        s->sweep->deaths_early = 0;
    }
    while (n && s->nq) {
        uint32_t left = s->q[0].end - s->q[0].seen;
        uint32_t take = n < left ? (uint32_t)n : left;
        take_records(w, s, take, status, scores);
        s->unlearnt += take;
        status += take;
        scores += (size_t)take * n_scores;
        n -= take;
        if (s->q[0].seen == s->q[0].end) {
            learn(w, s);
            slot_advance(w, s);
        }
    }
    if (n) /* more records than tasks: its page can't be trusted */
        slot_kill(w, slot, KILL_UNWANTED);
}

static uint64_t on_room(void *ctx, uint32_t slot)
{
    (void)slot;
    struct worker *w = ctx;
    size_t held = w->outbox.bytes;
    list_each(it, after, &w->leases) held += findings_bytes(&list_entry(it, struct wlease, node)->findings);
    return held < UNACKED_BYTES ? UNACKED_BYTES - held : 0;
}

static void on_ready(void *ctx, uint32_t slot)
{
    struct worker *w = ctx;
    struct wslot *s = &w->slots[slot];
    if (s->state != WSLOT_STARTING)
        return;
    s->state = WSLOT_READY;
    s->last_change = w->now;
    w->start_cost = (w->start_cost + (w->now - s->started)) / 2;
}

/* ---- limits ---- */

/* How long a plugin may take to be loaded and opened. */
static int64_t open_limit(const struct plan_limits *limits)
{
    int64_t ns = limits->task_seconds > 0 ? (int64_t)(limits->task_seconds * 1e9) : OPEN_NS;
    return ns > OPEN_LEAST_NS ? ns : OPEN_LEAST_NS;
}

static void check_limits(struct worker *w, uint32_t slot)
{
    struct wslot *s = &w->slots[slot];
    const struct plan_limits *limits = &s->sweep->plan.limits;
    if (s->state == WSLOT_ENDING)
        return;
    if (s->state == WSLOT_STARTING && w->now - s->last_change > open_limit(limits))
        slot_kill(w, slot, FAIL_TIMEOUT);
    else if (limits->memory_mb && s->last.memory_bytes > limits->memory_mb << 20)
        slot_kill(w, slot, FAIL_MEMORY);
    else if (limits->task_seconds > 0 && s->nq && (double)(w->now - s->last_change) > limits->task_seconds * 1e9) {
        s->killed_at = s->last.current;
        slot_kill(w, slot, FAIL_TIMEOUT);
    }
}

void slots_sample(struct worker *w, bool with_pss)
{
    w->sample_at = w->now;
    for (uint32_t i = 0; i < w->config.slots; i++) {
        struct wslot *s = &w->slots[i];
        if (s->state == WSLOT_EMPTY)
            continue;
        uint64_t before = s->last.current;
        w->ops->sample(w->ops->ctx, i, with_pss, &s->last);
        if (s->last.current != before || s->last.state == PAGE_WAITING || s->last.state == PAGE_IDLE)
            s->last_change = w->now;
        s->sweep->plugin_ns += s->last.plugin_ns - s->plugin_seen;
        s->plugin_seen = s->last.plugin_ns;
        check_limits(w, i);
    }
}

/* ---- deaths ---- */

static const char *why_died(const struct wslot *s, const struct slot_death *d, uint32_t *kind, char *text, size_t cap)
{
    const struct plan_limits *limits = &s->sweep->plan.limits;
    *kind = d->by_signal ? FAIL_CRASH : FAIL_EXIT;
    if (s->killed == FAIL_TIMEOUT && !d->was_ready) {
        *kind = FAIL_OPEN;
        snprintf(text, cap, "killed after %g s", (double)open_limit(limits) / 1e9);
    } else if (s->killed == FAIL_TIMEOUT) {
        *kind = FAIL_TIMEOUT;
        snprintf(text, cap, "ran longer than task_seconds: %g", limits->task_seconds);
    } else if (s->killed == FAIL_MEMORY) {
        *kind = FAIL_MEMORY;
        snprintf(text, cap, "used more than memory_mb: %llu", (unsigned long long)limits->memory_mb);
    } else if (d->by_signal) {
        snprintf(text, cap, "signal %d", d->code);
    } else {
        snprintf(text, cap, "exit %d", d->code);
    }
    return text;
}

/* The task that ran when its slot died: tried again, or recorded as failed. */
static void charge(struct worker *w, struct wslot *s, const struct wchunk *c, const struct slot_death *d)
{
    struct wlease *l = worker_lease(w, c->sweep, c->lease);
    uint64_t position = c->c.first + c->seen;
    if (!l || l->closed || !intervals_has(&l->todo, position))
        return;
    if (c->c.attempt < s->sweep->plan.limits.attempts) {
        worker_check(w, lease_retry(l, position, c->c.attempt));
        return;
    }
    uint32_t kind;
    char text[128];
    double nan_scores[PLAN_MAX_SCORES];
    uint8_t status = 2;
    for (uint32_t i = 0; i < s->sweep->n_scores; i++)
        nan_scores[i] = __builtin_nan("");
    why_died(s, d, &kind, text, sizeof(text));
    note_failure(w, l, position, kind, text, c->c.attempt, d->tail);
    worker_check(w, lease_finish(l, position, 1, &status, nan_scores, s->sweep->n_scores, w->now));
}

/* A slot that died before its first task: while the plugin was opened (in good order, then that is the end, or not), or afterwards
 * without any task to be charged. After `attempts` such deaths in a row the sweep has no future here. */
static void died_early(struct worker *w, struct wslot *s, const struct slot_death *d)
{
    struct wsweep *sweep = s->sweep;
    char text[3072], why[128];
    uint32_t kind;
    if (d->open_error) {
        worker_break_sweep(w, sweep, d->open_error);
        return;
    }
    if (s->killed == KILL_UNWANTED)
        return;
    sweep->deaths_early++;
    sweep->backoff_until = w->now + ((int64_t)50 << (sweep->deaths_early < 8 ? sweep->deaths_early : 8)) * NS_PER_MS;
    bool hung = s->killed == FAIL_TIMEOUT && !d->was_ready; /* once is enough: it has cost minutes */
    if (sweep->deaths_early < sweep->plan.limits.attempts && !hung)
        return;
    snprintf(text, sizeof(text), "plugin %s: died %s (%s)%s%s",
             plugin_label(sweep->plan.plugin.path, sweep->plan.plugin.script),
             d->was_ready ? "outside of its tasks" : "while it was loaded and opened",
             why_died(s, d, &kind, why, sizeof(why)), d->tail[0] ? ": " : "", d->tail);
    text_one_line(text);
    worker_break_sweep(w, sweep, text);
}

static void requeue(struct worker *w, struct wslot *s, const struct slot_death *d)
{
    /* Killed for a task that has ended since: the one after it pays nothing. */
    bool late = s->killed == FAIL_TIMEOUT && s->killed_at != page_pack(d->seq, d->offset);
    for (uint32_t k = s->nq; k-- > 0;) {
        const struct wchunk *c = &s->q[k];
        bool guilty = k == 0 && d->in_task && d->seq == c->c.seq && d->offset == c->seen && c->seen < c->end &&
                      s->killed != KILL_UNWANTED && !late;
        if (guilty)
            charge(w, s, c, d);
        chunk_put_back(w, c, guilty ? c->seen + 1 : c->seen, c->end);
    }
    s->nq = 0;
}

static void on_died(void *ctx, uint32_t slot, const struct slot_death *d)
{
    struct worker *w = ctx;
    struct wslot *s = &w->slots[slot];
    if (s->state == WSLOT_EMPTY)
        return;
    w->dead_cpu_ns += d->cpu_ns;
    if (!d->was_ready || (!s->told && s->nq && !d->in_task && s->killed == KILL_NONE))
        died_early(w, s, d);
    requeue(w, s, d);
    forget_asides(s, s->n_asides);
    s->state = WSLOT_EMPTY;
    s->sweep = NULL;
    memset(&s->last, 0, sizeof(s->last));
}

struct crew_events worker_events(struct worker *w)
{
    return (struct crew_events){.ctx = w,
                                .ready = on_ready,
                                .room = on_room,
                                .records = on_records,
                                .side = on_side,
                                .output = on_output,
                                .died = on_died};
}
