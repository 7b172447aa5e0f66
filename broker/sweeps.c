/* SPDX-License-Identifier: MIT
 *
 * sweeps: the life of a sweep.
 *
 *   LOADING --loaded--> RUNNING --complete--> VERIFYING --verified--> WRITING --written--> ENDING --durable--> FINAL
 *                        |  \--cancel--> STOPPING --released--> ENDING                                         |
 *                        \--abort--> ENDING                                         LOADING <--revive----------/
 *
 * LOADING reads the runs of an earlier broker back from the journal; STOPPING lets running tasks finish; WRITING completes the
 * output file and tidies the output folder, once nobody can write to them any more; ENDING reads group rows for the digest, if there are any, and waits for the
 * journal. The end of a sweep is told to nobody before it is durable. A complete file gets its name when its digest is.
 */
#include "broker/broker_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bsweep *sweep_find(struct broker *b, uint64_t id)
{
    struct bsweep *newest = NULL;
    list_each(it, after, &b->sweeps)
    {
        struct bsweep *s = list_entry(it, struct bsweep, node);
        if (s->id == id)
            return s;
        if (!id && (!newest || s->id > newest->id))
            newest = s;
    }
    return newest;
}

static void forget_failures(struct bsweep *s)
{
    for (uint32_t i = 0; i < s->n_failures; i++) {
        free((char *)s->failures[i].reason);
        free((char *)s->failures[i].tail);
    }
    s->n_failures = 0;
}

void sweep_destroy(struct broker *b, struct bsweep *s)
{
    list_each(it, after, &b->acks)
    {
        struct pending_ack *a = list_entry(it, struct pending_ack, node);
        if (a->snapshot_of == s)
            a->snapshot_of = NULL;
    }
    list_remove(&s->node);
    forget_failures(s);
    groups_forget(s);
    free(s->failures);
    free(s->looks);
    intervals_finish(&s->done);
    intervals_finish(&s->pending);
    intervals_finish(&s->doubled);
    intervals_finish(&s->looking);
    intervals_finish(&s->empty);
    tally_destroy(s->tally);
    buf_finish(&s->bytes);
    arena_finish(&s->arena);
    free(s);
}

/* ---- numbers ---- */

int64_t sweep_cpu_ns(const struct broker *b)
{
    int64_t sum = b->env.own_cpu_ns(b->env.ctx) + b->gone_cpu_ns;
    list_each(it, after, &b->workers) sum += list_entry(it, struct bworker, node)->cpu_ns;
    return sum;
}

struct journal_numbers sweep_numbers(struct broker *b, const struct bsweep *s)
{
    struct journal_numbers n = s->numbers;
    uint64_t memory = b->peak_pss;
    uint32_t slots = 0;
    int64_t until = s->phase == PHASE_ENDING || s->phase == PHASE_FINAL ? s->last_commit : b->now;
    if (s->begun) {
        n.seconds += (double)(until > s->begun ? until - s->begun : 0) / 1e9;
        n.cpu_seconds += (double)(sweep_cpu_ns(b) - s->cpu_base_ns) / 1e9;
    }
    n.plugin_seconds += s->plugin_seconds;
    list_each(it, after, &b->workers)
    {
        const struct bworker *w = list_entry(it, struct bworker, node);
        memory += w->memory_bytes;
        slots += w->slots_used;
    }
    if ((double)memory / 1048576.0 > n.peak_memory_mb)
        n.peak_memory_mb = (double)memory / 1048576.0;
    if (slots > n.slots)
        n.slots = slots;
    n.verified += s->verified;
    n.mismatched += s->mismatched;
    return n;
}

/* The figures of this run of the broker join those of the earlier ones. */
static void settle_numbers(struct broker *b, struct bsweep *s)
{
    s->numbers = sweep_numbers(b, s);
    s->begun = 0;
    s->plugin_seconds = 0;
    s->verified = s->mismatched = 0;
}

/* ---- phases ---- */

static void enter_running(struct broker *b, struct bsweep *s)
{
    s->state = SWEEP_RUNNING;
    s->figures_at = b->now;
    s->resumed = s->done.count;
    intervals_finish(&s->pending);
    broker_check(b, sweep_put_back(s, 0, s->total));
    list_each(it, after, &b->workers) /* what workers re-registered while the runs were read */
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        list_each(l, l_after, &w->leases)
        {
            struct blease *lease = list_entry(l, struct blease, node);
            if (lease->sweep == s && !lease->revoked && !(lease->flags & LEASE_SECOND))
                broker_check(b, intervals_remove(&s->pending, lease->from, lease->to));
        }
    }
}

static void enter_verifying(struct broker *b, struct bsweep *s)
{
    grants_drop(b, s, true); /* fresh slots for the second look */
    qsort(s->looks, s->n_looks, sizeof(*s->looks), look_order);
    looks_begin(b, s);
}

/* For a batch that may outlive what it speaks of. */
static struct slice copy_slice(struct broker *b, struct scribe_batch *batch, const void *data, size_t len)
{
    void *copy = arena_alloc(&batch->arena, len);
    if (!copy) {
        broker_check(b, SHEAF_ENOMEM);
        return (struct slice){"", 0};
    }
    return (struct slice){memcpy(copy, data, len), len};
}

void sweep_state_op(struct broker *b, struct scribe_batch *batch, const struct bsweep *s, uint32_t state)
{
    struct journal_op *op = batch_op(batch, JOURNAL_STATE, s->id);
    op->state = state;
    op->reason = copy_slice(b, batch, s->reason, strlen(s->reason) + 1).data;
    op->limit_hit = s->limit_hit;
    op->numbers = sweep_numbers(b, s);
    if (s->has_output)
        op->blob = copy_slice(b, batch, s->output, HASH_BYTES);
    op->files = s->has_files ? (int64_t)s->files : -1;
    struct slice groups = groups_stored(s);
    op->groups = copy_slice(b, batch, groups.data, groups.len);
}

/* Returns the ticket of the batch. */
static uint64_t state_push(struct broker *b, const struct bsweep *s, uint32_t state)
{
    struct scribe_batch *batch = batch_new(b, 1);
    if (!batch)
        return 0;
    sweep_state_op(b, batch, s, state);
    return batch_push(b, batch);
}

static void enter_stopping(struct broker *b, struct bsweep *s)
{
    s->state = SWEEP_CANCELLED;
    state_push(b, s, SWEEP_CANCELLED); /* also for the broker that comes after a crash */
    intervals_finish(&s->pending);
    grants_drop(b, s, false);
}

static void qualify(struct bsweep *s)
{
    const char *why = s->mixed ? "workers with different floating-point arithmetic took part" : NULL;
    if (why && !s->qualified[0])
        strncpy(s->qualified, why, sizeof(s->qualified) - 1);
    s->has_digest = tally_digest(s->tally, s->digest);
    if (s->has_digest && groups_due(s))
        groups_join_digest(s);
}

/* A cancel that came too late: the tasks in flight were the last ones, and it did not keep their groups from being summed. state:
 * now, or as the journal had it. */
static bool through_anyway(const struct bsweep *s, uint32_t state)
{
    return state == SWEEP_CANCELLED && s->done.count == s->total && s->groups_are != GROUPS_LEFT_OUT;
}

/* Are its groups being summed, and nothing of its end handed to the journal? */
static bool is_summing(const struct bsweep *s)
{
    return s->phase == PHASE_ENDING && s->end_ticket == UINT64_MAX;
}

static void read_on(struct broker *b, struct bsweep *s, uint32_t kind, uint64_t from);

static void store_end(struct broker *b, struct bsweep *s)
{
    qualify(s);
    if (s->dirty)
        snapshot_push(b, s);
    s->end_ticket = state_push(b, s, s->state);
}

static void enter_ending(struct broker *b, struct bsweep *s)
{
    struct tally_counts c = tally_counts(s->tally);
    if (s->state == SWEEP_RUNNING || through_anyway(s, s->state)) {
        s->state = SWEEP_DONE;
        s->reason[0] = '\0';
    }
    if (!s->last_commit || c.done + c.failed + c.skipped == s->resumed)
        s->last_commit = b->now;
    intervals_finish(&s->pending);
    intervals_finish(&s->looking);
    s->n_looks = 0;
    s->end_ticket = UINT64_MAX;
    if (groups_due(s) && s->groups_are == GROUPS_TO_SUM)
        read_on(b, s, READ_GROUPS, 0);
    else
        store_end(b, s);
}

/* Every task has ended, and nothing else went wrong. */
static bool is_whole(const struct bsweep *s)
{
    return s->done.count == s->total && (s->state == SWEEP_RUNNING || through_anyway(s, s->state));
}

/* Nobody may write when the rows that stay empty are cleared: see sweep_check. */
static void enter_writing(struct broker *b, struct bsweep *s)
{
    s->writing = false;
    s->whole = is_whole(s);
    if (s->state == SWEEP_CANCELLED)
        state_push(b, s, SWEEP_CANCELLED); /* also for the broker that comes after a crash */
    grants_drop(b, s, true);
}

static void enter_final(struct broker *b, struct bsweep *s)
{
    settle_numbers(b, s);
    grants_drop(b, s, true);
    sweep_publish_output(b, s, false);
    status_final(b, s);
}

static void enter_loading(struct broker *b, struct bsweep *s)
{
    s->state = SWEEP_QUEUED;
    s->reason[0] = s->qualified[0] = '\0';
    s->limit_hit = false;
    s->has_digest = false;
    s->stop = EV_LOADED;
    read_on(b, s, READ_RUNS, 0);
}

typedef void phase_entry(struct broker *b, struct bsweep *s);

static phase_entry *const entries[N_PHASES] = {
    [PHASE_LOADING] = enter_loading,   [PHASE_RUNNING] = enter_running, [PHASE_VERIFYING] = enter_verifying,
    [PHASE_STOPPING] = enter_stopping, [PHASE_WRITING] = enter_writing, [PHASE_ENDING] = enter_ending,
    [PHASE_FINAL] = enter_final,
};

/* Where an event leads; 0 (LOADING, which only EV_REVIVE enters) = it means nothing here. */
static const uint8_t phases[N_PHASES][N_EVENTS] = {
    [PHASE_LOADING] = {[EV_LOADED] = PHASE_RUNNING},
    [PHASE_RUNNING] = {[EV_COMPLETE] = PHASE_ENDING, [EV_CANCEL] = PHASE_STOPPING, [EV_ABORT] = PHASE_ENDING},
    [PHASE_VERIFYING] = {[EV_VERIFIED] = PHASE_ENDING, [EV_CANCEL] = PHASE_ENDING, [EV_ABORT] = PHASE_ENDING},
    [PHASE_STOPPING] = {[EV_RELEASED] = PHASE_ENDING, [EV_COMPLETE] = PHASE_ENDING, [EV_ABORT] = PHASE_ENDING},
    [PHASE_WRITING] = {[EV_WRITTEN] = PHASE_ENDING},
    [PHASE_ENDING] = {[EV_DURABLE] = PHASE_FINAL},
};

static void enter(struct broker *b, struct bsweep *s, enum sweep_phase phase)
{
    s->phase = phase;
    entries[phase](b, s);
}

/* A folder is tidied however the sweep has ended, unless it is another's. */
static bool wants_output(const struct bsweep *s)
{
    return (plan_has_output(&s->plan) && is_whole(s)) || (plan_has_files(&s->plan) && s->holds_output);
}

void sweep_event(struct broker *b, struct bsweep *s, enum sweep_event ev)
{
    if (ev == EV_REVIVE) {
        if (s->phase == PHASE_FINAL)
            enter(b, s, PHASE_LOADING);
        return;
    }
    enum sweep_phase next = phases[s->phase][ev];
    if (next == PHASE_LOADING)
        return;
    if (ev == EV_COMPLETE && s->phase == PHASE_RUNNING && s->n_looks)
        next = PHASE_VERIFYING;
    if (next == PHASE_ENDING && ev != EV_WRITTEN && wants_output(s))
        next = PHASE_WRITING;
    enter(b, s, next);
}

void sweep_abort(struct broker *b, struct bsweep *s, uint32_t state, const char *reason)
{
    if (!phases[s->phase][EV_ABORT])
        return;
    s->state = state;
    snprintf(s->reason, sizeof(s->reason), "%s", reason);
    grants_drop(b, s, true);
    sweep_event(b, s, EV_ABORT);
}

void sweep_check(struct broker *b, struct bsweep *s)
{
    uint64_t limit = s->plan.limits.failures;
    bool active = s->phase == PHASE_RUNNING || s->phase == PHASE_STOPPING;
    if (active && s->done.count == s->total) {
        sweep_event(b, s, EV_COMPLETE);
    } else if (active && limit && tally_counts(s->tally).failed >= limit) {
        char text[128];
        s->limit_hit = true;
        snprintf(text, sizeof(text), "stopped by limits.failures: %llu tasks have failed",
                 (unsigned long long)tally_counts(s->tally).failed);
        snprintf(s->qualified, sizeof(s->qualified), "stopped by limits.failures");
        sweep_abort(b, s, SWEEP_FAILED, text);
    } else if (s->phase == PHASE_STOPPING && s->n_leases == 0) {
        sweep_event(b, s, EV_RELEASED);
    } else if (s->phase == PHASE_VERIFYING && s->looking.count == 0) {
        sweep_event(b, s, EV_VERIFIED);
    } else if (s->phase == PHASE_WRITING && !s->writing && s->n_leases == 0) {
        sweep_write_output(b, s);
    }
}

/* ---- from the journal ---- */

static void read_on(struct broker *b, struct bsweep *s, uint32_t kind, uint64_t from)
{
    broker_ask_page(b, &(struct msg_read){.sweep = s->id, .kind = kind, .from = from}, (struct page_ask){.loading = s});
}

/* While it is read back: had it ended, and nobody has asked for it again? */
static bool is_over(const struct bsweep *s)
{
    uint32_t was = s->stored_state;
    return !s->revived && (was == SWEEP_DONE || was == SWEEP_FAILED || was == SWEEP_CANCELLED);
}

/* EV_CANCEL or EV_ABORT; while it is read back, that waits: what is done has to be known at the end. */
static void sweep_stop(struct broker *b, struct bsweep *s, enum sweep_event how)
{
    if (s->phase == PHASE_LOADING) {
        s->stop = how;
        if (!is_over(s))
            state_push(b, s, SWEEP_CANCELLED);
    } else if (is_summing(s)) /* ends when the page comes that was asked for */
        groups_leave_out(s, SWEEP_CANCELLED, "cancelled while its groups were summed: run it again for its digest");
    else if (how == EV_ABORT)
        sweep_abort(b, s, SWEEP_CANCELLED, "cancelled");
    else if (how == EV_CANCEL)
        sweep_event(b, s, EV_CANCEL);
}

/* Does a sweep that was read back go on, or had it ended already? */
static bool goes_on(const struct bsweep *s)
{
    return !is_over(s) || through_anyway(s, s->stored_state);
}

static void loaded(struct broker *b, struct bsweep *s)
{
    workers_resend(b); /* what came meanwhile was passed over */
    if (goes_on(s)) {
        s->reason[0] = '\0'; /* of the end that it had */
        s->limit_hit = false;
        sweep_event(b, s, EV_LOADED);
        sweep_resume_output(b, s);
        sweep_stop(b, s, s->stop);
        return;
    }
    s->state = s->stored_state;
    s->resumed = s->done.count;
    if (sweep_is_untidy(b, s)) {
        enter(b, s, PHASE_WRITING);
        return;
    }
    s->phase = PHASE_FINAL;
    qualify(s);
    sweep_publish_output(b, s, true);
    status_final(b, s);
}

static int take_page(struct broker *b, struct bsweep *s, const struct scribe_read *r)
{
    int err = r->read.kind == READ_GROUPS ? groups_take(b, s, &r->read, &r->page) : 0;
    for (uint32_t i = 0; err == 0 && i < r->page.n_runs; i++)
        err = ingest_run(b, s, &r->page.runs[i]);
    for (uint32_t i = 0; err == 0 && i < r->page.n_failures; i++)
        ingest_failure(b, s, &r->page.failures[i]);
    return err;
}

/* What was just read is at its end: what comes next? */
static void read_next(struct broker *b, struct bsweep *s, uint32_t kind)
{
    if (kind == READ_RUNS)
        read_on(b, s, READ_FAILURES, 0);
    else if (s->phase == PHASE_LOADING)
        loaded(b, s);
    else
        store_end(b, s);
}

void sweep_loaded_page(struct broker *b, struct bsweep *s, struct scribe_read *r)
{
    bool again = s->reload; /* the plan has changed since this page was asked for */
    uint32_t kind = r->read.kind;
    bool wanted = !again && (kind != READ_GROUPS || s->groups_are == GROUPS_TO_SUM);
    int err = r->err < 0 || !wanted ? r->err : take_page(b, s, r);
    s->reload = false;
    bool may_qualify = !s->qualified[0] && (s->plan.limits.task_seconds > 0 || s->plan.limits.memory_mb);
    bool end = r->page.end || (kind == READ_GROUPS && s->groups_are != GROUPS_TO_SUM) ||
               (kind == READ_FAILURES && s->n_failures == FAILURES_SHOWN && !may_qualify);
    uint64_t next = r->page.next;
    free(r->who);
    arena_finish(&r->arena);
    free(r);
    if (b->stopping)
        return;
    if (err < 0)
        b->failed = true; /* the journal is damaged: the loop says so and ends */
    else if (again)
        read_on(b, s, READ_RUNS, 0);
    else if (!end)
        read_on(b, s, kind, next);
    else
        read_next(b, s, kind);
}

/* Takes over plan bytes: decodes them and makes what hangs on them. */
static int sweep_set_plan(struct bsweep *s, struct slice bytes, struct diag *d)
{
    struct buf copy = {0};
    struct arena arena;
    struct plan plan;
    arena_init(&arena, 0);
    if (buf_append(&copy, bytes.data, bytes.len) < 0)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    int err = plan_decode(copy.data, copy.len, &arena, &plan, d);
    if (err < 0) {
        buf_finish(&copy);
        arena_finish(&arena);
        return err;
    }
    tally_destroy(s->tally);
    buf_finish(&s->bytes);
    arena_finish(&s->arena);
    s->bytes = copy;
    s->arena = arena;
    s->plan = plan;
    s->total = plan_tasks(&s->plan);
    s->tally = tally_create(&s->plan, s->plan.keep_best ? s->plan.keep_best : TALLY_BEST);
    return s->tally ? plan_identity(&s->plan, s->identity) : diag_fail(d, SHEAF_ENOMEM, "out of memory");
}

static struct bsweep *sweep_new(uint64_t id, struct slice plan, struct diag *d)
{
    struct bsweep *s = calloc(1, sizeof(*s));
    if (!s) {
        diag_fail(d, SHEAF_ENOMEM, "out of memory");
        return NULL;
    }
    list_init(&s->node);
    arena_init(&s->arena, 0);
    s->id = id;
    s->failures = calloc(FAILURES_SHOWN + 1, sizeof(*s->failures));
    if (!s->failures || sweep_set_plan(s, plan, d) < 0) {
        tally_destroy(s->tally);
        free(s->failures);
        buf_finish(&s->bytes);
        arena_finish(&s->arena);
        free(s);
        return NULL;
    }
    return s;
}

int broker_restore(struct broker *b, const struct journal_sweep *stored, struct diag *d)
{
    struct bsweep *s = sweep_new(stored->sweep, stored->plan, d);
    if (!s)
        return SHEAF_ECORRUPT;
    list_append(&b->sweeps, &s->node);
    s->wall_ms = stored->wall_ms;
    s->frontier = s->frontier_asked = s->grace_below = s->granted = stored->frontier;
    s->grace = true;
    s->grace_until = b->now + GRACE_NS;
    s->numbers = stored->numbers;
    s->stored_state = stored->state;
    s->log_lines = stored->log_lines;
    s->group_rows = stored->group_rows;
    groups_restore(s, stored->groups);
    s->has_files = stored->files >= 0;
    s->files = s->has_files ? (uint64_t)stored->files : 0;
    s->has_output = stored->output.len == HASH_BYTES;
    if (s->has_output)
        memcpy(s->output, stored->output.data, HASH_BYTES);
    if (stored->snapshot.len && snapshot_load(b, s, stored->snapshot, d) < 0)
        return SHEAF_ECORRUPT;
    if (s->plan.keep_best)
        snapshot_forget_others(b, s);
    enter(b, s, PHASE_LOADING);
    snprintf(s->reason, sizeof(s->reason), "%s", stored->reason);
    s->limit_hit = stored->limit_hit;
    return 0;
}

/* ---- what clients ask ---- */

static struct bsweep *find_identity(struct broker *b, const uint8_t identity[HASH_BYTES])
{
    list_each(it, after, &b->sweeps)
    {
        struct bsweep *s = list_entry(it, struct bsweep, node);
        if (!memcmp(s->identity, identity, HASH_BYTES))
            return s;
    }
    return NULL;
}

static bool same_slice(struct slice a, struct slice b)
{
    return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

static bool same_data(const struct plan *a, const struct plan *b)
{
    bool same = a->n_data == b->n_data;
    for (uint32_t i = 0; same && i < a->n_data; i++)
        same = same_slice(a->data[i].digest, b->data[i].digest);
    return same;
}

/* Why a stored sweep can't be continued with this plan; NULL = it can. */
static const char *cannot_continue(const struct bsweep *s, const struct plan *p)
{
    if (!same_slice(s->plan.plugin.digest, p->plugin.digest))
        return "the plugin has changed since this sweep began: put the old one back, or start over with --fresh";
    if (!same_data(&s->plan, p))
        return "the data has changed since this sweep began: put the old dataset back, or start over with --fresh";
    if (!same_slice(s->plan.key_axis.digest, p->key_axis.digest))
        return "the files of its keys have changed since this sweep began: put the old ones back, or start over with "
               "--fresh";
    if (p->order == ORDER_KEY && s->plan.trials != p->trials)
        return "in order: key a sweep cannot have another number of trials than it began with: use order: trial, "
               "or start over with --fresh";
    if (s->plan.trials > p->trials)
        return "this sweep has more trials already: ask for at least as many, or start over with --fresh";
    if (s->plan.split.n_rows != p->split.n_rows || s->plan.splits != p->splits || s->plan.keys != p->keys)
        return "the sweep's splits have changed since it began: start over with --fresh";
    if (!plan_continues(&s->plan, p))
        return "the list of trials has changed since this sweep began: put the old one back, or start over with "
               "--fresh";
    return NULL;
}

/* Goes on although it had ended; the batch, with room for one op, says so to the broker that comes after a crash. */
static void revive(struct broker *b, struct bsweep *s, struct scribe_batch *batch)
{
    if (!batch)
        return;
    s->reason[0] = '\0';
    s->limit_hit = false;
    s->revived = true;
    s->has_files = false;
    s->groups_are = s->groups_are == GROUPS_SUMMED ? GROUPS_SUMMED : GROUPS_TO_SUM;
    s->stop = EV_LOADED;
    intervals_finish(&s->doubled); /* the leases of these runs have ended with the sweep */
    sweep_state_op(b, batch, s, SWEEP_RUNNING);
    batch_push(b, batch);
    sweep_event(b, s, EV_REVIVE);
}

/* A known sweep is asked for again: attach to it, or go on with what is missing. */
static const char *sweep_again(struct broker *b, struct bsweep *s, const struct plan *p, struct slice bytes,
                               struct diag *d)
{
    uint32_t state = s->phase == PHASE_LOADING ? s->stored_state : s->state;
    bool same = bytes.len == s->bytes.len && !memcmp(bytes.data, s->bytes.data, bytes.len);
    const char *why = cannot_continue(s, p);
    if (why) /* all of them end with --fresh */
        return s->has_output || s->has_files ? (diag_fail(d, 0, "%s --overwrite", why), d->text) : why;
    if (state == SWEEP_DONE && sweep_check_output(b, s, d) != 0)
        return d->text;
    if (s->has_output) { /* complete: it has nothing left to do but, perhaps, to give its file the name that was taken */
        s->plan.output_replace = p->output_replace;
        if (s->phase == PHASE_FINAL)
            sweep_publish_output(b, s, true);
        return NULL;
    }
    if (s->has_files && state == SWEEP_DONE)
        return NULL; /* there is nothing left to do in its folder */
    if (s->phase == PHASE_LOADING && same) {
        revive(b, s, batch_new(b, 1)); /* goes on when it has been read */
        return NULL;
    }
    if (s->phase != PHASE_FINAL && s->phase != PHASE_LOADING)
        return same ? NULL : "this sweep is running with other limits: wait for its end";
    if (same && s->state == SWEEP_DONE)
        return NULL;
    struct buf saved = {0};
    if (s->plan.keep_best && tally_save(s->tally, &saved) < 0)
        broker_check(b, SHEAF_ENOMEM);
    if (!same && sweep_set_plan(s, bytes, d) < 0) {
        buf_finish(&saved);
        broker_check(b, SHEAF_ENOMEM);
        return "out of memory";
    }
    if (s->plan.keep_best) {
        tally_destroy(s->tally);
        s->tally = tally_load(&s->plan, s->plan.keep_best, saved.data, saved.len, d);
        broker_check(b, s->tally ? 0 : SHEAF_ECORRUPT);
    } else if (!same) {
        intervals_finish(&s->done);
        intervals_finish(&s->empty);
        forget_failures(s);
    }
    buf_finish(&saved);
    struct scribe_batch *batch = batch_new(b, 2);
    if (batch && !same)
        batch_op(batch, JOURNAL_PLAN, s->id)->blob = copy_slice(b, batch, s->bytes.data, s->bytes.len);
    if (!same)
        s->groups_are = GROUPS_TO_SUM;
    s->reload = s->phase == PHASE_LOADING;
    revive(b, s, batch);
    return NULL;
}

static struct bsweep *sweep_first(struct broker *b, const struct msg_submit *m, int64_t wall_ms, struct diag *d)
{
    struct bsweep *s = sweep_new(b->next_sweep, m->plan, d);
    struct scribe_batch *batch = s ? batch_new(b, 2) : NULL;
    if (!batch) {
        if (s)
            sweep_destroy(b, s);
        return NULL;
    }
    b->next_sweep++;
    list_append(&b->sweeps, &s->node);
    s->wall_ms = wall_ms;
    s->frontier_asked = s->total < FRONTIER_STRIDE ? s->total : FRONTIER_STRIDE;
    struct journal_op *op = batch_op(batch, JOURNAL_SWEEP, s->id);
    op->blob = copy_slice(b, batch, s->bytes.data, s->bytes.len);
    op->identity = copy_slice(b, batch, s->identity, HASH_BYTES);
    op->name = copy_slice(b, batch, s->plan.name, strlen(s->plan.name) + 1).data;
    op->wall_ms = s->wall_ms;
    batch_op(batch, JOURNAL_FRONTIER, s->id)->first = s->frontier_asked;
    s->frontier_ticket = batch_push(b, batch); /* nothing is granted before: its number might be another's tomorrow */
    s->phase = PHASE_RUNNING;
    enter_running(b, s);
    return s;
}

/* Is there room for one more? */
static int room_for(const struct broker *b, size_t plan_bytes, struct diag *d)
{
    uint64_t bytes = plan_bytes;
    list_each(it, after, &b->sweeps) bytes += list_entry(it, struct bsweep, node)->bytes.len;
    if (list_count(&b->sweeps) < b->config.limits.sweeps && bytes <= b->config.limits.plan_bytes)
        return 0;
    return diag_fail(d, SHEAF_ELIMIT, "this broker holds as many sweeps as it can: remove old ones with sheaf rm");
}

void sweep_submit(struct broker *b, uint64_t peer, const struct msg_submit *m)
{
    struct arena a;
    struct plan plan;
    struct diag d = {""};
    uint8_t identity[HASH_BYTES];
    int64_t now = b->env.wall_ms(b->env.ctx);
    arena_init(&a, 0);
    int err = plan_decode(m->plan.data, m->plan.len, &a, &plan, &d);
    if (err == 0)
        err = plan_identity(&plan, identity);
    struct bsweep *s = err == 0 ? find_identity(b, identity) : NULL;
    const char *why = s ? sweep_again(b, s, &plan, m->plan, &d) : NULL;
    bool known = s != NULL;
    if (!s && err == 0)
        err = room_for(b, m->plan.len, &d);
    if (!s && err == 0)
        err = sweep_begin_output(b, &plan, now, false, &d);
    if (!s && err == 0 && !(s = sweep_first(b, m, now, &d)))
        err = SHEAF_ENOMEM;
    else if (!known && err == 0)
        s->holds_output = true;
    arena_finish(&a);
    if (err != 0 || why) {
        broker_refuse(b, peer, err != 0 ? err : SHEAF_EINVAL, why ? why : d.text);
        return;
    }
    submitted_later(b, peer, &(struct msg_submitted){.sweep = s->id, .resumed = s->done.count});
    if (m->watch)
        status_watch(b, peer, &(struct msg_watch){.sweep = s->id, .every_ms = m->every_ms, .top = m->top});
}

static struct bsweep *find_or_refuse(struct broker *b, uint64_t peer, uint64_t id)
{
    struct bsweep *s = sweep_find(b, id);
    if (!s)
        broker_refuse(b, peer, SHEAF_ENOENT, "there is no such sweep: see sheaf list");
    return s;
}

void sweep_cancel(struct broker *b, uint64_t peer, const struct msg_sweep *m)
{
    struct bsweep *s = find_or_refuse(b, peer, m->sweep);
    if (!s)
        return;
    sweep_stop(b, s, m->now ? EV_ABORT : EV_CANCEL);
    done_later(b, peer);
    sweep_check(b, s);
}

void sweep_retry(struct broker *b, uint64_t peer, const struct msg_sweep *m)
{
    struct bsweep *s = find_or_refuse(b, peer, m->sweep);
    if (!s)
        return;
    const char *why = NULL;
    if (s->phase != PHASE_FINAL)
        why = "the sweep is still at work: retry when it has ended";
    else if (s->has_output)
        why = "the output file of this sweep is complete: run the sweep again with --fresh --overwrite";
    else if (s->plan.keep_best)
        why = "a sweep with keep: best does not keep its failed tasks: run it with keep: all";
    else if (!tally_counts(s->tally).failed && s->done.count == s->total)
        why = "no task of this sweep has failed";
    if (why) {
        broker_refuse(b, peer, SHEAF_EINVAL, why);
        return;
    }
    struct scribe_batch *batch = batch_new(b, 2);
    if (!batch)
        return;
    batch_op(batch, JOURNAL_RETRY, s->id);
    tally_destroy(s->tally);
    s->tally = tally_create(&s->plan, TALLY_BEST);
    broker_check(b, s->tally ? 0 : SHEAF_ENOMEM);
    intervals_finish(&s->done);
    intervals_finish(&s->empty);
    forget_failures(s);
    s->qualified[0] = '\0';
    s->n_looks = 0;
    s->groups_are = GROUPS_TO_SUM;
    revive(b, s, batch);
    done_later(b, peer);
}

void sweep_remove(struct broker *b, uint64_t peer, const struct msg_sweep *m)
{
    struct bsweep *s = find_or_refuse(b, peer, m->sweep);
    if (!s)
        return;
    if (s->phase != PHASE_FINAL) {
        broker_refuse(b, peer, SHEAF_EBUSY, "the sweep is still at work: cancel it first");
        return;
    }
    struct scribe_batch *batch = batch_new(b, 1);
    if (!batch)
        return;
    batch_op(batch, JOURNAL_REMOVE, s->id);
    batch_push(b, batch);
    list_each(it, after, &b->workers)
    {
        struct bworker *w = list_entry(it, struct bworker, node);
        list_each(l, l_after, &w->leases) if (list_entry(l, struct blease, node)->sweep == s)
            lease_free(b, list_entry(l, struct blease, node), false);
    }
    sweep_discard_output(b, s);
    sweep_destroy(b, s);
    done_later(b, peer);
}
