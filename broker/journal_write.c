/* SPDX-License-Identifier: MIT
 *
 * journal_write: what each kind of op does to the tables.
 *
 * Runs come in all sizes, from one task to a machine's 200 ms. Adjacent ones of a transaction wait for each other in
 * `pending` until about JOURNAL_ROW_BYTES have come together; longer ones are cut. So the rows of a sweep are as few as its
 * bytes need, and no reader has to take a row of many megabytes.
 */
#include "broker/journal_db.h"

#include "sweep/tally.h"

#include <string.h>

static int out_of_memory(struct journal *j, struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", j->path);
}

/* ---- runs ---- */

static bool all_done(const uint8_t *status, size_t n)
{
    return n == 0 || (status[0] == TASK_DONE && memcmp(status, status + 1, n - 1) == 0);
}

static uint64_t count_failed(const uint8_t *status, size_t n)
{
    uint64_t failed = 0;
    for (size_t i = 0; i < n; i++)
        failed += status[i] == TASK_FAILED;
    return failed;
}

/* One row. A status that says "done" throughout is not stored. */
static int write_row(struct journal *j, uint64_t sweep, const struct msg_run *r, struct diag *d)
{
    sqlite3_stmt *st = j->st[ST_ADD_RUN];
    bool plain = all_done(r->status.data, r->status.len);
    bind_u64(st, 1, sweep);
    bind_u64(st, 2, r->from);
    bind_u64(st, 3, r->n);
    bind_u64(st, 4, plain ? 0 : count_failed(r->status.data, r->status.len));
    if (!plain)
        bind_slice(st, 5, r->status);
    bind_slice(st, 6, r->scores);
    return journal_step(j, ST_ADD_RUN, "write scores", d);
}

int journal_flush(struct journal *j, struct diag *d)
{
    struct journal_pending *p = &j->pending;
    if (p->n == 0)
        return 0;
    const struct msg_run r = {
        .from = p->first,
        .n = p->n,
        .status = {p->status.data, p->status.len},
        .scores = {p->scores.data, p->scores.len},
    };
    p->n = 0;
    p->status.len = p->scores.len = 0;
    return write_row(j, p->sweep, &r, d);
}

static bool adjacent(const struct journal_pending *p, uint64_t sweep, const struct msg_run *r)
{
    return p->n > 0 && p->sweep == sweep && p->first + p->n == r->from && p->stride == r->scores.len / r->n &&
           p->scores.len + p->status.len + r->scores.len + r->status.len <= JOURNAL_ROW_BYTES;
}

/* n status bytes that say "done". 0 or SHEAF_ENOMEM. */
static int append_done(struct buf *b, uint64_t n)
{
    if (n > SIZE_MAX || buf_reserve(b, (size_t)n))
        return SHEAF_ENOMEM;
    memset(b->data + b->len, TASK_DONE, (size_t)n);
    b->len += (size_t)n;
    return 0;
}

/* Adds a run to the one that waits; the status bytes begin to be kept when the first run has any. */
static int append_pending(struct journal *j, uint64_t sweep, const struct msg_run *r, struct diag *d)
{
    struct journal_pending *p = &j->pending;
    int err = 0;
    if (p->n == 0) {
        p->sweep = sweep;
        p->first = r->from;
        p->stride = r->scores.len / r->n;
    }
    if (r->status.len > 0 && p->status.len < p->n)
        err = append_done(&p->status, p->n);
    if (err == 0 && r->status.len > 0)
        err = buf_append(&p->status, r->status.data, r->status.len);
    if (err == 0 && r->status.len == 0 && p->status.len > 0)
        err = append_done(&p->status, r->n);
    if (err == 0 && r->scores.len > 0)
        err = buf_append(&p->scores, r->scores.data, r->scores.len);
    if (err)
        return out_of_memory(j, d);
    p->n += r->n;
    return 0;
}

/* A run of at most one row's bytes. Large ones are not copied: they go to SQLite as they are. */
static int add_piece(struct journal *j, uint64_t sweep, const struct msg_run *r, struct diag *d)
{
    int err = 0;
    SHEAF_ASSERT(r->n > 0);
    /* A run of "done" without scores may stand for 10^12 tasks: never spell its status out to join it. */
    bool spelled = r->status.len > 0 || j->pending.status.len > 0;
    bool small = !spelled || r->n + j->pending.n <= JOURNAL_ROW_BYTES;
    if (!adjacent(&j->pending, sweep, r) || !small)
        err = journal_flush(j, d);
    if (err)
        return err;
    if (j->pending.n == 0 && r->scores.len + r->status.len >= JOURNAL_ROW_BYTES / 2)
        return write_row(j, sweep, r, d);
    return append_pending(j, sweep, r, d);
}

static struct slice cut(struct slice s, uint64_t from, uint64_t n, size_t stride)
{
    if (s.len == 0)
        return s;
    return (struct slice){.data = (const uint8_t *)s.data + from * stride, .len = (size_t)n * stride};
}

static int add_run(struct journal *j, const struct journal_op *op, struct diag *d)
{
    bool ok = op->n > 0 && op->first <= INT64_MAX && op->n <= INT64_MAX - op->first &&
              (op->status.len == 0 || op->status.len == op->n) && op->scores.len % op->n == 0;
    if (!ok)
        return diag_fail(d, SHEAF_EINVAL, "%s: a run whose lengths do not fit together", j->path);
    size_t stride = (size_t)(op->scores.len / op->n), bytes = stride + (op->status.len > 0);
    uint64_t most = bytes == 0 ? op->n : bytes >= JOURNAL_ROW_BYTES ? 1 : JOURNAL_ROW_BYTES / bytes;
    int err = 0;
    for (uint64_t at = 0, n; at < op->n && err == 0; at += n) {
        n = op->n - at < most ? op->n - at : most;
        const struct msg_run piece = {
            .from = op->first + at,
            .n = n,
            .status = cut(op->status, at, n, 1),
            .scores = cut(op->scores, at, n, stride),
        };
        err = add_piece(j, op->sweep, &piece, d);
    }
    return err;
}

/* ---- failed tasks become not done again ---- */

/* Writes what is left of a run once its failed tasks are cut out. */
static int write_unfailed(struct journal *j, uint64_t sweep, const struct msg_run *r, struct diag *d)
{
    const uint8_t *status = r->status.data;
    size_t stride = (size_t)(r->scores.len / r->n);
    int err = 0;
    for (uint64_t at = 0, end; at < r->n && err == 0; at = end) {
        bool failed = status[at] == TASK_FAILED;
        for (end = at + 1; end < r->n && (status[end] == TASK_FAILED) == failed; end++)
            ;
        const struct msg_run piece = {
            .from = r->from + at,
            .n = end - at,
            .status = cut(r->status, at, end - at, 1),
            .scores = cut(r->scores, at, end - at, stride),
        };
        if (!failed)
            err = write_row(j, sweep, &piece, d);
    }
    return err;
}

/* Copies one run with failed tasks out of the table, since writing while a SELECT stands open is asking for trouble. */
static int take_failed_run(struct journal *j, uint64_t sweep, struct buf *bytes, struct msg_run *r, int64_t *id,
                           struct diag *d)
{
    sqlite3_stmt *st = j->st[ST_FAILED_RUN];
    bind_u64(st, 1, sweep);
    int rc = sqlite3_step(st), err = 0;
    *id = 0;
    if (rc == SQLITE_ROW) {
        const void *status = sqlite3_column_blob(st, 3), *scores = sqlite3_column_blob(st, 4); /* NULL: no memory */
        size_t n_status = (size_t)sqlite3_column_bytes(st, 3), n_scores = (size_t)sqlite3_column_bytes(st, 4);
        *id = sqlite3_column_int64(st, 0);
        *r =
            (struct msg_run){.from = (uint64_t)sqlite3_column_int64(st, 1), .n = (uint64_t)sqlite3_column_int64(st, 2)};
        bytes->len = 0;
        if (*id <= 0 || r->n == 0 || n_status != r->n || n_scores % r->n != 0)
            err = diag_fail(d, SHEAF_ECORRUPT, "%s: a stored run whose lengths do not fit together", j->path);
        else if (!status || buf_append(bytes, status, n_status) ||
                 (n_scores > 0 && (!scores || buf_append(bytes, scores, n_scores))))
            err = out_of_memory(j, d);
        if (err == 0) {
            r->status = (struct slice){bytes->data, n_status};
            r->scores = (struct slice){bytes->data + n_status, n_scores};
        }
    } else if (rc != SQLITE_DONE) {
        err = journal_fail(j, "read failed tasks", d);
    }
    sqlite3_reset(st);
    return err;
}

static int retry_failed(struct journal *j, uint64_t sweep, struct diag *d)
{
    struct buf bytes = {0};
    int err = 0;
    for (;;) {
        struct msg_run r;
        int64_t id;
        err = take_failed_run(j, sweep, &bytes, &r, &id, d);
        if (err || id == 0)
            break;
        sqlite3_bind_int64(j->st[ST_DROP_RUN], 1, id);
        err = journal_step(j, ST_DROP_RUN, "cut a run", d);
        err = err ? err : write_unfailed(j, sweep, &r, d);
        if (err)
            break;
    }
    buf_finish(&bytes);
    if (err)
        return err;
    bind_u64(j->st[ST_DROP_FAILURES], 1, sweep);
    return journal_step(j, ST_DROP_FAILURES, "delete failures", d);
}

/* ---- the rest ---- */

static int remove_sweep(struct journal *j, uint64_t sweep, struct diag *d)
{
    static const char *const tables[] = {"run", "failure", "log", "grp", "snapshot", "plan", "sweep"};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        char text[128];
        sqlite3_snprintf(sizeof(text), text, "DELETE FROM %s WHERE sweep = %lld", tables[i], (long long)sweep);
        if (sqlite3_exec(j->db, text, NULL, NULL, NULL) != SQLITE_OK)
            return journal_fail(j, "remove a sweep", d);
    }
    return 0;
}

static int add_sweep(struct journal *j, const struct journal_op *op, struct diag *d)
{
    sqlite3_stmt *st = j->st[ST_ADD_SWEEP];
    bind_u64(st, 1, op->sweep);
    bind_text(st, 2, op->name);
    sqlite3_bind_int64(st, 3, op->wall_ms);
    int err = journal_step(j, ST_ADD_SWEEP, "write a sweep", d);
    if (err)
        return err;
    st = j->st[ST_ADD_PLAN];
    bind_u64(st, 1, op->sweep);
    bind_slice(st, 2, op->identity);
    bind_slice(st, 3, op->blob);
    return journal_step(j, ST_ADD_PLAN, "write a plan", d);
}

static int set_blob(struct journal *j, enum statement s, const struct journal_op *op, struct diag *d)
{
    bind_u64(j->st[s], 1, op->sweep);
    bind_slice(j->st[s], 2, op->blob);
    return journal_step(j, s, "write a sweep", d);
}

static int set_state(struct journal *j, const struct journal_op *op, struct diag *d)
{
    sqlite3_stmt *st = j->st[ST_SET_STATE];
    const struct journal_numbers *n = &op->numbers;
    bind_u64(st, 1, op->sweep);
    bind_u64(st, 2, op->state);
    bind_text(st, 3, op->reason);
    bind_u64(st, 4, op->limit_hit);
    sqlite3_bind_double(st, 5, n->seconds);
    sqlite3_bind_double(st, 6, n->cpu_seconds);
    sqlite3_bind_double(st, 7, n->plugin_seconds);
    sqlite3_bind_double(st, 8, n->peak_memory_mb);
    bind_u64(st, 9, n->slots);
    bind_u64(st, 10, n->verified);
    bind_u64(st, 11, n->mismatched);
    bind_slice(st, 12, op->blob);
    bind_slice(st, 13, op->groups);
    sqlite3_bind_int64(st, 14, op->files);
    return journal_step(j, ST_SET_STATE, "write a sweep's state", d);
}

static int set_frontier(struct journal *j, const struct journal_op *op, struct diag *d)
{
    bind_u64(j->st[ST_SET_FRONTIER], 1, op->sweep);
    bind_u64(j->st[ST_SET_FRONTIER], 2, op->first);
    return journal_step(j, ST_SET_FRONTIER, "write how far a sweep is granted", d);
}

static int add_failure(struct journal *j, const struct journal_op *op, struct diag *d)
{
    sqlite3_stmt *st = j->st[ST_ADD_FAILURE];
    bind_u64(st, 1, op->sweep);
    bind_u64(st, 2, op->failure.position);
    bind_u64(st, 3, op->failure.kind);
    bind_text(st, 4, op->failure.reason);
    bind_u64(st, 5, op->failure.attempts);
    bind_text(st, 6, op->failure.tail);
    return journal_step(j, ST_ADD_FAILURE, "write a failure", d);
}

static int add_log(struct journal *j, const struct journal_op *op, struct diag *d)
{
    sqlite3_stmt *st = j->st[ST_ADD_LOG];
    bind_u64(st, 1, op->sweep);
    if (op->log.has_position)
        bind_u64(st, 2, op->log.position);
    bind_u64(st, 3, op->log.level);
    bind_text(st, 4, op->log.text);
    return journal_step(j, ST_ADD_LOG, "write a log line", d);
}

/* The rows of a task are numbered in the order in which they come; they mostly come together. */
static int number_group(struct journal *j, const struct journal_op *op, uint64_t *number, struct diag *d)
{
    int err = 0;
    if (!j->group.known || j->group.sweep != op->sweep || j->group.position != op->group.position) {
        sqlite3_stmt *st = j->st[ST_LAST_GROUP];
        bind_u64(st, 1, op->sweep);
        bind_u64(st, 2, op->group.position);
        err = sqlite3_step(st) == SQLITE_ROW ? 0 : journal_fail(j, "read group rows", d); /* NULL when there is none */
        j->group.next = sqlite3_column_type(st, 0) == SQLITE_NULL ? 0 : (uint64_t)sqlite3_column_int64(st, 0) + 1;
        sqlite3_reset(st);
        j->group.known = err == 0;
        j->group.sweep = op->sweep;
        j->group.position = op->group.position;
    }
    *number = j->group.next++;
    return err;
}

static int add_group(struct journal *j, const struct journal_op *op, struct diag *d)
{
    uint64_t number;
    int err = number_group(j, op, &number, d);
    if (err)
        return err;
    sqlite3_stmt *st = j->st[ST_ADD_GROUP];
    bind_u64(st, 1, op->sweep);
    bind_u64(st, 2, op->group.position);
    bind_u64(st, 3, number);
    bind_text(st, 4, op->group.group);
    bind_slice(st, 5, op->group.values);
    return journal_step(j, ST_ADD_GROUP, "write a group row", d);
}

static int forget(struct journal *j, const struct journal_op *op, struct diag *d)
{
    static const enum statement both[] = {ST_FORGET_FAILURES, ST_FORGET_GROUPS};
    int err = 0;
    for (int i = 0; i < 2 && err == 0; i++) {
        bind_u64(j->st[both[i]], 1, op->sweep);
        bind_u64(j->st[both[i]], 2, op->first);
        bind_u64(j->st[both[i]], 3, op->first + op->n);
        err = journal_step(j, both[i], "delete what belongs to no result", d);
    }
    return err;
}

int journal_apply(struct journal *j, const struct journal_op *op, struct diag *d)
{
    SHEAF_ASSERT(!sqlite3_get_autocommit(j->db));
    int err = 0;
    if (op->kind == JOURNAL_RETRY || op->kind == JOURNAL_REMOVE) /* they look at the table's rows */
        err = journal_flush(j, d);
    if (err)
        return err;
    switch (op->kind) {
    case JOURNAL_SWEEP:
        return add_sweep(j, op, d);
    case JOURNAL_PLAN:
        return set_blob(j, ST_SET_PLAN, op, d);
    case JOURNAL_STATE:
        return set_state(j, op, d);
    case JOURNAL_RUN:
        return add_run(j, op, d);
    case JOURNAL_FAILURE:
        return add_failure(j, op, d);
    case JOURNAL_LOG:
        return add_log(j, op, d);
    case JOURNAL_GROUP:
        return add_group(j, op, d);
    case JOURNAL_FRONTIER:
        return set_frontier(j, op, d);
    case JOURNAL_SNAPSHOT:
        return set_blob(j, ST_SET_SNAPSHOT, op, d);
    case JOURNAL_RETRY:
        return retry_failed(j, op->sweep, d);
    case JOURNAL_REMOVE:
        return remove_sweep(j, op->sweep, d);
    case JOURNAL_FORGET:
        return forget(j, op, d);
    }
    return diag_fail(d, SHEAF_EINVAL, "%s: unknown op %d", j->path, (int)op->kind);
}
