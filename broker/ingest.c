/* SPDX-License-Identifier: MIT
 *
 * ingest: reports become results. Of each reported run the part that is not done yet is counted, tallied and handed to the journal;
 * the report is acknowledged once everything handed over so far is durable (so a report that came twice is never
 * acknowledged before its first copy is safe).
 */
#include "broker/broker_impl.h"
#include "sheaf/plugin.h"
#include "sweep/groupsum.h"
#include "sweep/space.h"

#include <stdlib.h>
#include <string.h>

/* ---- batches ---- */

struct scribe_batch *batch_new(struct broker *b, uint32_t max_ops)
{
    struct scribe_batch *batch = calloc(1, sizeof(*batch));
    if (batch) {
        arena_init(&batch->arena, 0);
        batch->ops = arena_alloc(&batch->arena, max_ops * sizeof(*batch->ops));
    }
    if (batch)
        batch->max_ops = max_ops;
    if (!batch || !batch->ops) {
        free(batch);
        broker_check(b, SHEAF_ENOMEM);
        return NULL;
    }
    return batch;
}

struct journal_op *batch_op(struct scribe_batch *batch, enum journal_kind kind, uint64_t sweep)
{
    SHEAF_ASSERT(batch->n_ops < batch->max_ops);
    struct journal_op *op = &batch->ops[batch->n_ops++];
    *op = (struct journal_op){.kind = kind, .sweep = sweep, .name = "", .reason = ""};
    return op;
}

uint64_t batch_push(struct broker *b, struct scribe_batch *batch)
{
    batch->ticket = ++b->ticket;
    if (!b->failed) {
        b->env.journal(b->env.ctx, batch);
        return b->ticket;
    }
    /* Something may be missing in it. Its ticket is never reached. */
    if (batch->keep_free)
        batch->keep_free(batch->keep);
    arena_finish(&batch->arena);
    free(batch);
    return b->ticket;
}

/* ---- acknowledgements ---- */

static void ack_now(struct broker *b, uint64_t peer, uint64_t seq)
{
    struct msg_seq one = {seq};
    broker_say(b, peer, MSG_ACK, &(struct msg_ack){.seqs = &one, .n_seqs = 1});
}

/* Waits for everything handed over so far; the list stays in the order of tickets. */
static void keep_ack(struct broker *b, struct pending_ack ack)
{
    uint64_t most = b->config.limits.acks;
    if (b->n_acks >= (ack.seq ? most : 2 * most)) /* clients have room of their own: they are few */
        return;                                   /* the report comes again, as does what a client asks */
    struct pending_ack *a = calloc(1, sizeof(*a));
    if (!a) {
        broker_check(b, SHEAF_ENOMEM);
        return;
    }
    *a = ack;
    a->ticket = b->ticket;
    list_init(&a->node);
    list_append(&b->acks, &a->node);
    b->n_acks++;
}

static void ack_later(struct broker *b, uint64_t peer, uint64_t seq, struct bsweep *snapshot_of)
{
    if (!snapshot_of && b->durable == b->ticket) {
        ack_now(b, peer, seq);
        return;
    }
    keep_ack(b, (struct pending_ack){.peer = peer, .seq = seq, .snapshot_of = snapshot_of});
}

void submitted_later(struct broker *b, uint64_t peer, const struct msg_submitted *m)
{
    keep_ack(b, (struct pending_ack){.peer = peer, .submitted = *m});
    acks_send(b);
}

void done_later(struct broker *b, uint64_t peer)
{
    keep_ack(b, (struct pending_ack){.peer = peer, .done = true});
    acks_send(b);
}

void acks_send(struct broker *b)
{
    list_each(it, after, &b->acks)
    {
        struct pending_ack *a = list_entry(it, struct pending_ack, node);
        if (a->snapshot_of)
            continue;
        if (a->ticket > b->durable)
            break; /* tickets rise from here on */
        if (a->submitted.sweep)
            broker_say(b, a->peer, MSG_SUBMITTED, &a->submitted);
        else if (a->done)
            broker_say(b, a->peer, MSG_DONE, NULL);
        else
            ack_now(b, a->peer, a->seq);
        list_remove(&a->node);
        b->n_acks--;
        free(a);
    }
}

/* ---- runs ---- */

static bool keeps_all(const struct bsweep *s)
{
    return s->plan.keep_best == 0;
}

/* Is this position in the sample that --verify looks at again? A hash of the position: the same sample every time. */
static bool sampled(const struct bsweep *s, uint64_t position)
{
    uint64_t x = position + 0x9e3779b97f4a7c15u; /* splitmix64 */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (double)(x >> 11) * 0x1.0p-53 * 1e6 < (double)s->plan.verify_ppm;
}

static void cell_digest(const struct bsweep *s, uint8_t status, const uint8_t *scores, uint8_t out[16])
{
    uint8_t full[HASH_BYTES];
    hash_state h;
    hash_begin(&h);
    hash_update(&h, &status, 1);
    for (uint32_t i = 0; i < s->plan.plugin.n_scores; i++) {
        double v;
        memcpy(&v, scores + i * sizeof(v), sizeof(v));
        if (v != v)
            hash_update(&h, "nan", 3);
        else
            hash_update(&h, &v, sizeof(v));
    }
    hash_end(&h, full);
    memcpy(out, full, 16);
}

/* Remembers the sampled results of a run for the second look. */
static void sample_looks(struct broker *b, struct bsweep *s, const struct msg_run *run)
{
    if (!s->plan.verify_ppm)
        return;
    for (uint64_t i = 0; i < run->n && s->n_looks < VERIFY_MAX; i++) {
        uint8_t status = run->status.len ? ((const uint8_t *)run->status.data)[i] : TASK_DONE;
        if (status != TASK_DONE || !sampled(s, run->from + i))
            continue;
        if (s->n_looks == s->cap_looks) {
            uint32_t cap = s->cap_looks ? s->cap_looks * 2 : 64;
            struct second_look *grown = realloc(s->looks, cap * sizeof(*grown));
            if (!grown) {
                broker_check(b, SHEAF_ENOMEM);
                return;
            }
            s->looks = grown;
            s->cap_looks = cap;
        }
        struct second_look *look = &s->looks[s->n_looks++];
        look->position = run->from + i;
        cell_digest(s, status, (const uint8_t *)run->scores.data + i * 8 * s->plan.plugin.n_scores, look->digest);
    }
}

static struct msg_run part_of(const struct bsweep *s, const struct msg_run *run, struct interval gap)
{
    size_t row = 8 * (size_t)s->plan.plugin.n_scores;
    struct msg_run part = {.from = gap.from, .n = gap.to - gap.from};
    if (run->status.len)
        part.status = (struct slice){(const uint8_t *)run->status.data + (gap.from - run->from), part.n};
    part.scores = (struct slice){(const uint8_t *)run->scores.data + (gap.from - run->from) * row, part.n * row};
    return part;
}

static bool well_formed(const struct bsweep *s, const struct msg_run *run)
{
    if (!run->n || run->from > s->total || run->n > s->total - run->from)
        return false;
    if (run->status.len && run->status.len != run->n)
        return false;
    for (size_t i = 0; i < run->status.len; i++) {
        uint8_t st = ((const uint8_t *)run->status.data)[i];
        if (st != TASK_DONE && st != TASK_FAILED && st != TASK_SKIPPED)
            return false;
    }
    return run->scores.len / 8 / s->plan.plugin.n_scores == run->n &&
           run->scores.len % (8 * (size_t)s->plan.plugin.n_scores) == 0;
}

/* Failed and skipped tasks have made no rows and no files. first: an index. */
static void note_empty(struct broker *b, struct bsweep *s, uint64_t first, struct slice statuses)
{
    const uint8_t *status = statuses.data;
    for (size_t i = 0; i < statuses.len; i++)
        if (status[i] != TASK_DONE)
            broker_check(b, intervals_add(&s->empty, first + i, first + i + 1));
}

/* Counts one piece that is not done yet: positions here, indices there. */
static void count_piece(struct broker *b, struct bsweep *s, const struct msg_run *part)
{
    for (uint64_t at = part->from, end = at + part->n, to; at < end; at = to) {
        to = space_stretch(&s->plan, at, end);
        struct msg_run run = part_of(s, part, (struct interval){at, to});
        uint64_t first = space_index(&s->plan, at);
        broker_check(b, tally_add(s->tally, first, run.n, run.status.data, run.scores.data));
        if (plan_has_output(&s->plan) || plan_has_files(&s->plan))
            note_empty(b, s, first, run.status);
    }
    broker_check(b, intervals_add(&s->done, part->from, part->from + part->n));
    if (s->pending.count)
        broker_check(b, intervals_remove(&s->pending, part->from, part->from + part->n));
}

int ingest_run(struct broker *b, struct bsweep *s, const struct msg_run *run)
{
    struct interval gap;
    if (!well_formed(s, run))
        return SHEAF_ECORRUPT;
    uint64_t from = run->from, to = run->from + run->n;
    while (intervals_next_gap(&s->done, from, to, &gap)) {
        struct msg_run part = part_of(s, run, gap);
        count_piece(b, s, &part);
        from = gap.to;
    }
    return 0;
}

static void take_run(struct broker *b, struct bsweep *s, const struct msg_run *run, struct scribe_batch *batch)
{
    struct interval gap;
    uint64_t from = run->from, to = run->from + run->n;
    while (intervals_next_gap(&s->done, from, to, &gap)) {
        struct msg_run part = part_of(s, run, gap);
        count_piece(b, s, &part);
        sample_looks(b, s, &part);
        if (keeps_all(s)) {
            struct journal_op *op = batch_op(batch, JOURNAL_RUN, s->id);
            op->first = part.from;
            op->n = part.n;
            op->status = part.status;
            op->scores = part.scores;
        }
        from = gap.to;
    }
}

/* How many pieces the runs will fall into: bounded by the gaps of the done-set, counted before the batch is made. */
static uint32_t count_pieces(const struct bsweep *s, const struct msg_report *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_runs; i++) {
        struct interval gap;
        uint64_t from = m->runs[i].from, to = from + m->runs[i].n;
        for (; intervals_next_gap(&s->done, from, to, &gap); from = gap.to)
            n++;
    }
    return n;
}

/* ---- failures, logs, groups ---- */

static void note_kind(struct bsweep *s, uint32_t kind)
{
    const char *why = kind == FAIL_TIMEOUT  ? "a task ran into task_seconds"
                      : kind == FAIL_MEMORY ? "a task ran into memory_mb"
                                            : NULL;
    if (why && !s->qualified[0])
        strncpy(s->qualified, why, sizeof(s->qualified) - 1);
}

void ingest_failure(struct broker *b, struct bsweep *s, const struct msg_failure *f)
{
    note_kind(s, f->kind);
    uint32_t at = s->n_failures;
    while (at > 0 && s->failures[at - 1].position > f->position)
        at--;
    if (at == FAILURES_SHOWN || (at > 0 && s->failures[at - 1].position == f->position))
        return;
    struct msg_failure copy = *f;
    copy.reason = strdup(f->reason);
    copy.tail = strdup(f->tail);
    if (!copy.reason || !copy.tail) {
        free((char *)copy.reason);
        free((char *)copy.tail);
        broker_check(b, SHEAF_ENOMEM);
        return;
    }
    if (s->n_failures == FAILURES_SHOWN) {
        s->n_failures--;
        free((char *)s->failures[s->n_failures].reason);
        free((char *)s->failures[s->n_failures].tail);
    }
    memmove(&s->failures[at + 1], &s->failures[at], (s->n_failures - at) * sizeof(*s->failures));
    s->failures[at] = copy;
    s->n_failures++;
}

/* Reasons, lines of a task and groups count with the result they belong to: only the first one. */
static bool is_first(const struct bsweep *s, uint64_t position)
{
    return position < s->total && !intervals_has(&s->done, position);
}

/* A line in each of a billion tasks would fill the disk, and nobody read it. */
static void take_log(struct bsweep *s, const struct msg_log *line, struct scribe_batch *batch)
{
    static const struct msg_log last = {.level = SHEAF_LOG_WARN,
                                        .text = "sheaf: further lines of this sweep are not kept"};
    if (s->log_lines >= LOG_LINES_MOST)
        return;
    s->log_lines++;
    struct journal_op *op = batch_op(batch, JOURNAL_LOG, s->id);
    op->log = s->log_lines < LOG_LINES_MOST ? *line : last;
    if (op->log.has_position)
        op->log.position = space_index(&s->plan, op->log.position);
}

/* Does the report bring the task's result, too? Its runs are in order. */
static bool has_result(const struct msg_report *m, uint64_t position)
{
    uint32_t from = 0, to = m->n_runs;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (m->runs[mid].from + m->runs[mid].n <= position)
            from = mid + 1;
        else
            to = mid;
    }
    return from < m->n_runs && m->runs[from].from <= position;
}

/* Rows count once, with the result that they came with; keep: best keeps none. */
static void take_groups(struct bsweep *s, const struct msg_report *m, struct scribe_batch *batch)
{
    size_t size = 8 * (size_t)s->plan.plugin.n_group_values;
    for (uint32_t i = 0; keeps_all(s) && i < m->n_groups; i++) {
        const struct msg_group *g = &m->groups[i];
        if (!is_first(s, g->position) || !has_result(m, g->position) || g->values.len != size)
            continue;
        s->group_rows++;
        struct journal_op *op = batch_op(batch, JOURNAL_GROUP, s->id);
        op->group = *g;
        op->group.position = space_index(&s->plan, g->position);
    }
}

static void take_texts(struct broker *b, struct bsweep *s, const struct msg_report *m, struct scribe_batch *batch)
{
    for (uint32_t i = 0; i < m->n_failures; i++) {
        if (!is_first(s, m->failures[i].position))
            continue;
        struct msg_failure f = m->failures[i];
        f.position = space_index(&s->plan, f.position);
        ingest_failure(b, s, &f);
        batch_op(batch, JOURNAL_FAILURE, s->id)->failure = f;
    }
    for (uint32_t i = 0; i < m->n_logs; i++)
        if (!m->logs[i].has_position || is_first(s, m->logs[i].position))
            take_log(s, &m->logs[i], batch);
    take_groups(s, m, batch);
}

/* ---- second looks ---- */

int look_order(const void *a, const void *b)
{
    uint64_t x = ((const struct second_look *)a)->position, y = ((const struct second_look *)b)->position;
    return x < y ? -1 : x > y;
}

static void compare_run(struct broker *b, struct bsweep *s, const struct msg_run *run, struct scribe_batch *batch)
{
    for (uint64_t i = 0; i < run->n; i++) {
        struct second_look key = {.position = run->from + i}, *look = NULL;
        if (intervals_has(&s->looking, key.position))
            look = bsearch(&key, s->looks, s->n_looks, sizeof(key), look_order);
        if (!look)
            continue;
        uint8_t status = run->status.len ? ((const uint8_t *)run->status.data)[i] : TASK_DONE, digest[16];
        cell_digest(s, status, (const uint8_t *)run->scores.data + i * 8 * s->plan.plugin.n_scores, digest);
        broker_check(b, intervals_remove(&s->looking, key.position, key.position + 1));
        s->verified++;
        if (memcmp(digest, look->digest, sizeof(digest)) == 0)
            continue;
        s->mismatched++;
        struct msg_failure f = {.position = space_index(&s->plan, key.position),
                                .kind = FAIL_VERIFY,
                                .attempts = 2,
                                .tail = "",
                                .reason =
                                    "another slot computed other scores: does the plugin keep state between tasks?"};
        ingest_failure(b, s, &f);
        batch_op(batch, JOURNAL_FAILURE, s->id)->failure = f;
    }
}

static uint64_t count_looks(const struct bsweep *s, const struct msg_report *m)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < m->n_runs; i++)
        n += intervals_count_in(&s->looking, m->runs[i].from, m->runs[i].from + m->runs[i].n);
    return n;
}

/* ---- a report ---- */

/* Not a report that came before, or one whose tasks somebody else has done. */
static bool brings_news(const struct bsweep *s, const struct msg_report *m)
{
    bool news = m->n_runs == 0;
    for (uint32_t i = 0; i < m->n_runs; i++)
        news = news || !intervals_has_all(&s->done, m->runs[i].from, m->runs[i].from + m->runs[i].n);
    return news;
}

static void take_numbers(struct bsweep *s, struct bworker *w, const struct msg_report *m)
{
    if (s->phase == PHASE_VERIFYING || brings_news(s, m))
        s->plugin_seconds += (double)m->plugin_ns / 1e9;
    if (m->slots_used > w->slots_used)
        w->slots_used = m->slots_used;
    if (m->slots_used > s->numbers.slots)
        s->numbers.slots = m->slots_used;
}

static bool takes_results(const struct bsweep *s)
{
    return s->phase == PHASE_RUNNING || s->phase == PHASE_STOPPING;
}

/* Everything of a report goes to the journal as one batch. */
static void ingest(struct broker *b, struct bsweep *s, const struct blease *l, const struct msg_report *m,
                   struct letter *letter)
{
    bool look = l->flags & LEASE_VERIFY;
    bool figures = s->phase == PHASE_RUNNING && b->now - s->figures_at >= FIGURES_NS;
    uint64_t n_ops = (look ? count_looks(s, m) : count_pieces(s, m)) + m->n_failures + m->n_logs + m->n_groups;
    if (!n_ops || n_ops >= UINT32_MAX)
        return;
    struct scribe_batch *batch = batch_new(b, (uint32_t)n_ops + figures);
    if (!batch)
        return;
    if (!look)
        take_texts(b, s, m, batch); /* before the runs, which make its positions done */
    for (uint32_t i = 0; i < m->n_runs; i++)
        if (look)
            compare_run(b, s, &m->runs[i], batch);
        else
            take_run(b, s, &m->runs[i], batch);
    if (figures) {
        sweep_state_op(b, batch, s, s->state);
        s->figures_at = b->now;
    }
    if (letter) {
        letter_ref(letter);
        batch->keep = letter;
        batch->keep_bytes = letter->bytes;
        batch->keep_free = letter_unref;
    }
    s->last_commit = b->now;
    s->dirty = s->dirty || !keeps_all(s);
    batch_push(b, batch);
}

/* More rows of one task than a page of results could show. */
static bool too_many_groups(const struct msg_report *m)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < m->n_groups && n <= GROUPSUM_TASK_GROUPS; i++)
        n = i > 0 && m->groups[i].position == m->groups[i - 1].position ? n + 1 : 1;
    return n > GROUPSUM_TASK_GROUPS;
}

/* The runs of a report lie within its lease, as it was granted, one behind the other: count_pieces relies on it. */
static bool report_ok(const struct bsweep *s, const struct blease *l, const struct msg_report *m)
{
    uint64_t end = l->from;
    for (uint32_t i = 0; i < m->n_runs; i++) {
        const struct msg_run *run = &m->runs[i];
        if (!well_formed(s, run) || run->from < end || run->from + run->n > l->granted_to)
            return false;
        end = run->from + run->n;
    }
    return !too_many_groups(m);
}

/* A copy of a report whose lease has closed, or a report of a sweep that is gone, is acknowledged; otherwise the worker has to
 * register its lease again first. */
static void unknown_lease(struct broker *b, struct bworker *w, struct bsweep *s, const struct msg_report *m)
{
    bool all_done = true;
    for (uint32_t i = 0; s && s->phase != PHASE_FINAL && i < m->n_runs; i++)
        all_done = all_done && well_formed(s, &m->runs[i]) &&
                   intervals_has_all(&s->done, m->runs[i].from, m->runs[i].from + m->runs[i].n);
    if (all_done)
        ack_later(b, w->peer, m->seq, s && s->dirty ? s : NULL);
    else
        broker_refuse(b, w->peer, SHEAF_EGONE, "this broker does not know that lease: say HELLO with what you hold");
}

void ingest_report(struct broker *b, struct bworker *w, const struct msg_report *m, struct letter *letter)
{
    struct bsweep *s = m->sweep ? sweep_find(b, m->sweep) : NULL;
    struct blease *l = s ? lease_find(w, m->sweep, m->lease) : NULL;
    if (s && s->phase == PHASE_LOADING)
        return; /* what of it the journal has is not known yet: not acknowledged, it is asked for when that is */
    if (!l) {
        unknown_lease(b, w, s, m);
        return;
    }
    if (!report_ok(s, l, m)) {
        broker_refuse(b, w->peer, SHEAF_EPROTO, "a REPORT holds positions outside its lease or malformed runs");
        return;
    }
    take_numbers(s, w, m);
    for (uint32_t i = 0; i < m->n_runs; i++) {
        l->left -= m->runs[i].n < l->left ? m->runs[i].n : l->left; /* the next beat says it exactly */
        w->reported += m->runs[i].n;
    }
    if (takes_results(s) || (s->phase == PHASE_VERIFYING && (l->flags & LEASE_VERIFY)))
        ingest(b, s, l, m, letter);
    ack_later(b, w->peer, m->seq, s->dirty ? s : NULL);
    if (m->closed)
        lease_close(b, l);
    sweep_check(b, s); /* with its last tasks a sweep is through, whatever else its worker has to say */
    if (m->broken[0])
        sweep_abort(b, s, SWEEP_FAILED, m->broken);
}

/* ---- keep: best ---- */

struct snapshot {
    struct slice done; /* interval pairs, uint64 */
    struct slice tally;
    struct slice looks; /* not kept: a restart samples anew */
};
static const struct codec_field snapshot_fields[] = {
    CODEC_F(CODEC_BIN, struct snapshot, done, 0),
    CODEC_F(CODEC_BIN, struct snapshot, tally, 0),
    CODEC_F(CODEC_BIN, struct snapshot, looks, 0),
};
static const struct codec snapshot_codec = CODEC_OF(struct snapshot, snapshot_fields);

static void buf_free(void *keep)
{
    struct buf *buf = keep;
    buf_finish(buf);
    free(buf);
}

/* Hands the whole state of a sweep to the journal; the acknowledgements that waited for it wait for that batch now. */
void snapshot_push(struct broker *b, struct bsweep *s)
{
    struct buf tally = {0}, *out = calloc(1, sizeof(*out));
    struct scribe_batch *batch = out ? batch_new(b, 1) : NULL;
    struct snapshot snap = {.done = {s->done.at, s->done.n * sizeof(*s->done.at)}};
    if (!batch || tally_save(s->tally, &tally) < 0) {
        broker_check(b, SHEAF_ENOMEM);
        buf_finish(&tally);
        free(out);
        if (batch)
            arena_finish(&batch->arena);
        free(batch);
        return;
    }
    snap.tally = (struct slice){tally.data, tally.len};
    broker_check(b, codec_encode(&snapshot_codec, &snap, out));
    buf_finish(&tally);
    batch_op(batch, JOURNAL_SNAPSHOT, s->id)->blob = (struct slice){out->data, out->len};
    batch->keep = out;
    batch->keep_bytes = out->len;
    batch->keep_free = buf_free;
    int64_t pause = SNAPSHOT_NS + (int64_t)out->len * SNAPSHOT_BYTE_NS;
    uint64_t ticket = batch_push(b, batch); /* `out` is the batch's from here on */
    s->dirty = false;
    s->snapshot_at = b->now + (pause < SNAPSHOT_MAX_NS ? pause : SNAPSHOT_MAX_NS);
    s->snapshot_ticket = ticket;
    list_each(it, after, &b->acks)
    {
        struct pending_ack *a = list_entry(it, struct pending_ack, node);
        if (a->snapshot_of == s) {
            a->snapshot_of = NULL;
            a->ticket = ticket;
            list_remove(&a->node);
            list_append(&b->acks, &a->node); /* in the order of tickets */
        }
    }
}

/* One at a time: a slow disk must not gather whole states. */
bool snapshot_due(const struct broker *b, const struct bsweep *s)
{
    return s->dirty && s->snapshot_ticket <= b->durable;
}

void snapshots_tick(struct broker *b)
{
    list_each(it, after, &b->sweeps)
    {
        struct bsweep *s = list_entry(it, struct bsweep, node);
        if (snapshot_due(b, s) && (b->now >= s->snapshot_at || s->phase != PHASE_RUNNING))
            snapshot_push(b, s);
    }
}

void snapshot_forget_others(struct broker *b, struct bsweep *s)
{
    struct scribe_batch *batch = batch_new(b, (uint32_t)s->done.n + 1);
    struct interval gap;
    if (!batch)
        return;
    for (uint64_t from = 0; intervals_next_gap(&s->done, from, s->total, &gap); from = gap.to) {
        struct journal_op *op = batch_op(batch, JOURNAL_FORGET, s->id);
        op->first = gap.from;
        op->n = gap.to - gap.from;
    }
    batch_push(b, batch);
}

int snapshot_load(struct broker *b, struct bsweep *s, struct slice bytes, struct diag *d)
{
    struct snapshot snap;
    struct arena a;
    arena_init(&a, 0);
    int err = codec_decode(&snapshot_codec, bytes.data, bytes.len, &a, &snap, d);
    if (err == 0 && snap.done.len % sizeof(struct interval))
        err = diag_fail(d, SHEAF_ECORRUPT, "the snapshot of sweep %llu is damaged", (unsigned long long)s->id);
    for (size_t i = 0; err == 0 && i < snap.done.len / sizeof(struct interval); i++) {
        struct interval in;
        memcpy(&in, (const uint8_t *)snap.done.data + i * sizeof(in), sizeof(in));
        err = in.from < in.to && in.to <= s->total ? intervals_add(&s->done, in.from, in.to) : SHEAF_ECORRUPT;
    }
    if (err == 0) {
        tally_destroy(s->tally);
        s->tally = tally_load(&s->plan, s->plan.keep_best, snap.tally.data, snap.tally.len, d);
        err = s->tally ? 0 : SHEAF_ECORRUPT;
    }
    arena_finish(&a);
    broker_check(b, err == SHEAF_ENOMEM ? err : 0);
    return err;
}
