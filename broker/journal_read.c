/* SPDX-License-Identifier: MIT
 *
 * journal_read: sweeps and pages of results out of the tables. A page holds as many rows as fit; what a stored row says of
 * its own size is checked before it is used, since the file may be damaged.
 */
#include "broker/journal_db.h"

#include <stdlib.h>
#include <string.h>

/* A page being filled. Rows are gathered in `items` and moved to the arena at the end. */
struct filler {
    struct journal *j;
    struct arena *arena;
    struct diag *d;
    struct buf items;
    size_t bytes, max_bytes;
    uint32_t n;
};

static int out_of_memory(struct journal *j, struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory for a page of results", j->path);
}

static int corrupt(struct journal *j, const char *what, struct diag *d)
{
    return diag_fail(d, SHEAF_ECORRUPT, "%s is damaged: %s; restore it from a copy", j->path, what);
}

/* May a row of this many bytes join the page? The first one always may. */
static bool has_room(const struct filler *f, size_t bytes)
{
    return f->n == 0 || (f->n < JOURNAL_PAGE_ROWS && bytes <= f->max_bytes && f->bytes <= f->max_bytes - bytes);
}

static int add_item(struct filler *f, const void *item, size_t size, size_t bytes)
{
    if (buf_append(&f->items, item, size))
        return out_of_memory(f->j, f->d);
    f->n++;
    f->bytes += bytes;
    return 0;
}

/* The gathered rows, in the arena; NULL when there are none or memory is short (then *err). */
static void *take_items(struct filler *f, int *err)
{
    void *items = NULL;
    if (*err == 0 && f->items.len > 0) {
        items = arena_alloc(f->arena, f->items.len);
        if (items)
            memcpy(items, f->items.data, f->items.len);
        else
            *err = out_of_memory(f->j, f->d);
    }
    buf_finish(&f->items);
    return items;
}

static int copy_text(struct filler *f, sqlite3_stmt *st, int column, const char **out)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    *out = text ? arena_text(f->arena, text, (size_t)sqlite3_column_bytes(st, column)) : "";
    return *out ? 0 : out_of_memory(f->j, f->d);
}

static int copy_blob(struct filler *f, sqlite3_stmt *st, int column, size_t skip, struct slice *out)
{
    const unsigned char *data = sqlite3_column_blob(st, column);
    size_t len = (size_t)sqlite3_column_bytes(st, column);
    *out = (struct slice){0};
    if (len <= skip)
        return 0;
    void *copy = arena_alloc(f->arena, len - skip);
    if (!copy)
        return out_of_memory(f->j, f->d);
    memcpy(copy, data + skip, len - skip);
    *out = (struct slice){copy, len - skip};
    return 0;
}

static size_t row_bytes(sqlite3_stmt *st, int a, int b)
{
    return (size_t)sqlite3_column_bytes(st, a) + (size_t)sqlite3_column_bytes(st, b);
}

static uint64_t column_u64(sqlite3_stmt *st, int column)
{
    return (uint64_t)sqlite3_column_int64(st, column);
}

/* ---- runs ---- */

/* Where to start so that the run which holds task `from` is not missed. */
static int first_run(struct filler *f, const struct msg_read *read, uint64_t *start)
{
    sqlite3_stmt *st = f->j->st[ST_RUN_BEFORE];
    bind_u64(st, 1, read->sweep);
    bind_u64(st, 2, read->from);
    int err = sqlite3_step(st) == SQLITE_ROW ? 0 : journal_fail(f->j, "read scores", f->d);
    *start = read->from;
    if (err == 0 && sqlite3_column_type(st, 0) != SQLITE_NULL)
        *start = column_u64(st, 0);
    sqlite3_reset(st);
    return err;
}

/* The row's run without what lies before `from`. A run with n == 0 lies before it altogether. */
static int copy_run(struct filler *f, sqlite3_stmt *st, uint64_t from, struct msg_run *out)
{
    int64_t first = sqlite3_column_int64(st, 0), n = sqlite3_column_int64(st, 1);
    uint64_t n_status = (uint64_t)sqlite3_column_bytes(st, 2), n_scores = (uint64_t)sqlite3_column_bytes(st, 3);
    bool ok = first >= 0 && n > 0 && first <= INT64_MAX - n && (n_status == 0 || n_status == (uint64_t)n) &&
              n_scores % (uint64_t)n == 0;
    if (!ok)
        return corrupt(f->j, "a run whose lengths do not fit together", f->d);
    uint64_t skip = (uint64_t)first < from ? from - (uint64_t)first : 0, stride = n_scores / (uint64_t)n;
    *out = (struct msg_run){0};
    if (skip >= (uint64_t)n)
        return 0;
    out->from = (uint64_t)first + skip;
    out->n = (uint64_t)n - skip;
    int err = n_status ? copy_blob(f, st, 2, (size_t)skip, &out->status) : 0;
    return err ? err : copy_blob(f, st, 3, (size_t)(skip * stride), &out->scores);
}

static int read_runs(struct filler *f, const struct msg_read *read, struct msg_page *page)
{
    uint64_t start;
    int err = first_run(f, read, &start), rc = SQLITE_DONE;
    if (err)
        return err;
    sqlite3_stmt *st = f->j->st[ST_RUNS];
    bind_u64(st, 1, read->sweep);
    bind_u64(st, 2, start);
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        size_t bytes = row_bytes(st, 2, 3);
        struct msg_run r = {0};
        if (!has_room(f, bytes))
            break;
        err = copy_run(f, st, read->from, &r);
        if (err == 0 && r.n > 0) {
            err = add_item(f, &r, sizeof(r), bytes + sizeof(r));
            page->next = r.from + r.n;
        }
    }
    if (err == 0 && rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = journal_fail(f->j, "read scores", f->d);
    page->end = rc == SQLITE_DONE;
    sqlite3_reset(st);
    page->n_runs = f->n;
    page->runs = take_items(f, &err);
    return err;
}

/* ---- failures, logs, groups ---- */

static int copy_failure(struct filler *f, sqlite3_stmt *st, size_t bytes)
{
    struct msg_failure row = {
        .position = column_u64(st, 0),
        .kind = (uint32_t)sqlite3_column_int64(st, 1),
        .attempts = (uint32_t)sqlite3_column_int64(st, 3),
    };
    int err = copy_text(f, st, 2, &row.reason);
    err = err ? err : copy_text(f, st, 4, &row.tail);
    return err ? err : add_item(f, &row, sizeof(row), bytes);
}

static int read_failures(struct filler *f, const struct msg_read *read, struct msg_page *page)
{
    sqlite3_stmt *st = f->j->st[ST_FAILURES];
    int err = 0, rc = SQLITE_DONE;
    bind_u64(st, 1, read->sweep);
    bind_u64(st, 2, read->from);
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        size_t bytes = row_bytes(st, 2, 4) + sizeof(struct msg_failure);
        if (!has_room(f, bytes))
            break;
        err = copy_failure(f, st, bytes);
        page->next = column_u64(st, 0) + 1;
    }
    if (err == 0 && rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = journal_fail(f->j, "read failures", f->d);
    page->end = rc == SQLITE_DONE;
    sqlite3_reset(st);
    page->n_failures = f->n;
    page->failures = take_items(f, &err);
    return err;
}

static int copy_log(struct filler *f, sqlite3_stmt *st, size_t bytes)
{
    struct msg_log row = {
        .has_position = sqlite3_column_type(st, 1) != SQLITE_NULL,
        .position = column_u64(st, 1),
        .level = (uint32_t)sqlite3_column_int64(st, 2),
    };
    int err = copy_text(f, st, 3, &row.text);
    return err ? err : add_item(f, &row, sizeof(row), bytes);
}

static int read_logs(struct filler *f, const struct msg_read *read, struct msg_page *page)
{
    sqlite3_stmt *st = f->j->st[read->only_task ? ST_LOGS_OF_TASK : ST_LOGS];
    int err = 0, rc = SQLITE_DONE;
    bind_u64(st, 1, read->sweep);
    bind_u64(st, 2, read->from);
    if (read->only_task)
        bind_u64(st, 3, read->task);
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        size_t bytes = (size_t)sqlite3_column_bytes(st, 3) + sizeof(struct msg_log);
        if (!has_room(f, bytes))
            break;
        err = copy_log(f, st, bytes);
        page->next = column_u64(st, 0) + 1;
    }
    if (err == 0 && rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = journal_fail(f->j, "read log lines", f->d);
    page->end = rc == SQLITE_DONE;
    sqlite3_reset(st);
    page->n_logs = f->n;
    page->logs = take_items(f, &err);
    return err;
}

static int copy_group(struct filler *f, sqlite3_stmt *st, size_t bytes)
{
    struct msg_group row = {.position = column_u64(st, 0)};
    int err = copy_text(f, st, 1, &row.group);
    err = err ? err : copy_blob(f, st, 2, 0, &row.values);
    return err ? err : add_item(f, &row, sizeof(row), bytes);
}

/* The rows of one task stay on one page, because a page begins at a task. */
static int read_groups(struct filler *f, const struct msg_read *read, struct msg_page *page)
{
    sqlite3_stmt *st = f->j->st[ST_GROUPS];
    int err = 0, rc = SQLITE_DONE;
    bind_u64(st, 1, read->sweep);
    bind_u64(st, 2, read->from);
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        size_t bytes = row_bytes(st, 1, 2) + sizeof(struct msg_group);
        uint64_t position = column_u64(st, 0);
        if (!has_room(f, bytes) && position + 1 != page->next)
            break;
        err = copy_group(f, st, bytes);
        page->next = position + 1;
    }
    if (err == 0 && rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = journal_fail(f->j, "read group rows", f->d);
    page->end = rc == SQLITE_DONE;
    sqlite3_reset(st);
    page->n_groups = f->n;
    page->groups = take_items(f, &err);
    return err;
}

int journal_read(struct journal *j, const struct msg_read *read, size_t max_bytes, struct arena *a,
                 struct msg_page *page, struct diag *d)
{
    static int (*const readers[])(struct filler *, const struct msg_read *, struct msg_page *) = {
        [READ_RUNS] = read_runs,
        [READ_FAILURES] = read_failures,
        [READ_LOGS] = read_logs,
        [READ_GROUPS] = read_groups,
    };
    if (read->kind >= sizeof(readers) / sizeof(readers[0]))
        return diag_fail(d, SHEAF_EINVAL, "there is no kind of results with number %u", (unsigned)read->kind);
    struct msg_page p = {.next = read->from, .end = true};
    if (read->from > INT64_MAX || read->task > INT64_MAX) { /* SQLite's integers are signed: nothing is stored there */
        *page = p;
        return 0;
    }
    struct filler f = {.j = j, .arena = a, .d = d, .max_bytes = max_bytes};
    int err = readers[read->kind](&f, read, &p);
    if (err == 0)
        *page = p;
    return err;
}

/* ---- sweeps ---- */

static int copy_sweep(struct filler *f, sqlite3_stmt *st)
{
    struct journal_sweep s = {
        .sweep = column_u64(st, 0),
        .state = (uint32_t)sqlite3_column_int64(st, 6),
        .limit_hit = sqlite3_column_int64(st, 7) != 0,
        .wall_ms = sqlite3_column_int64(st, 8),
        .frontier = column_u64(st, 9),
        .log_lines = column_u64(st, 17),
        .group_rows = column_u64(st, 18),
        .files = sqlite3_column_int64(st, 21),
        .numbers =
            {
                .seconds = sqlite3_column_double(st, 10),
                .cpu_seconds = sqlite3_column_double(st, 11),
                .plugin_seconds = sqlite3_column_double(st, 12),
                .peak_memory_mb = sqlite3_column_double(st, 13),
                .slots = (uint32_t)sqlite3_column_int64(st, 14),
                .verified = column_u64(st, 15),
                .mismatched = column_u64(st, 16),
            },
    };
    int err = copy_text(f, st, 1, &s.name);
    err = err ? err : copy_text(f, st, 2, &s.reason);
    err = err ? err : copy_blob(f, st, 3, 0, &s.plan);
    err = err ? err : copy_blob(f, st, 4, 0, &s.identity);
    err = err ? err : copy_blob(f, st, 5, 0, &s.snapshot);
    err = err ? err : copy_blob(f, st, 19, 0, &s.output);
    err = err ? err : copy_blob(f, st, 20, 0, &s.groups);
    return err ? err : add_item(f, &s, sizeof(s), 0);
}

int journal_last_sweep(struct journal *j, uint64_t *last, struct diag *d)
{
    sqlite3_stmt *st = j->st[ST_LAST_SWEEP];
    int rc = sqlite3_step(st); /* one row, of NULL when there is none */
    *last = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    int err = rc == SQLITE_ROW ? 0 : journal_fail(j, "read its last sweep", d);
    sqlite3_reset(st);
    return err;
}

int journal_sweeps(struct journal *j, struct arena *a, struct journal_sweep **sweeps, uint32_t *n, struct diag *d)
{
    struct filler f = {.j = j, .arena = a, .d = d};
    sqlite3_stmt *st = j->st[ST_SWEEPS];
    int err = 0, rc = SQLITE_DONE;
    while (err == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW)
        err = copy_sweep(&f, st);
    if (err == 0 && rc != SQLITE_DONE)
        err = journal_fail(j, "read its sweeps", d);
    sqlite3_reset(st);
    void *items = take_items(&f, &err);
    if (err)
        return err;
    *sweeps = items;
    *n = f.n;
    return 0;
}
