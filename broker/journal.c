/* SPDX-License-Identifier: MIT
 *
 * journal: the database, its tables and transactions. One connection owns the file: a lock on the directory (journal_file.c) keeps
 * other brokers out, locking_mode=EXCLUSIVE keeps everybody else out (and needs no shared memory file).
 *
 * Numbers behind the constants are those of bench/journal_bench.c: pages of 32 KiB cost a third less CPU per byte than
 * the default 4 KiB and no more than 64 KiB ones, which double what a small commit writes. SQLite would checkpoint inside
 * COMMIT and so delay the acknowledgement; we do it at the next BEGIN, after the caller has spread the news.
 */
#include "broker/journal_db.h"

#include "common/fsutil.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_ID 0x73686166 /* "shaf" */
#define SCHEMA_VERSION 5
#define CHECKPOINT_PAGES ((16 << 20) / JOURNAL_PAGE_BYTES)

/* Plans and snapshots are large and rows are rewritten whole, so they stand apart from what changes often. Runs are rows
 * in order of arrival, since large values belong at a leaf's end; two small indexes find them. */
static const char schema[] =
    "CREATE TABLE sweep(sweep INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, wall_ms INTEGER NOT NULL, state "
    "INTEGER NOT "
    "NULL,"
    " reason TEXT NOT NULL, limit_hit INTEGER NOT NULL, frontier INTEGER NOT NULL, seconds REAL NOT NULL,"
    " cpu_seconds REAL NOT NULL, plugin_seconds REAL NOT NULL, peak_memory_mb REAL NOT NULL, slots INTEGER NOT NULL,"
    " verified INTEGER NOT NULL, mismatched INTEGER NOT NULL, output BLOB NOT NULL, groups BLOB NOT NULL,"
    " files INTEGER NOT NULL);"
    "CREATE TABLE plan(sweep INTEGER PRIMARY KEY, identity BLOB NOT NULL, plan BLOB NOT NULL);"
    "CREATE TABLE snapshot(sweep INTEGER PRIMARY KEY, state BLOB NOT NULL);"
    "CREATE TABLE run(id INTEGER PRIMARY KEY, sweep INTEGER NOT NULL, first INTEGER NOT NULL, n INTEGER NOT NULL,"
    " failed INTEGER NOT NULL, status BLOB, scores BLOB NOT NULL);"
    "CREATE INDEX run_place ON run(sweep, first);"
    "CREATE INDEX run_failed ON run(sweep) WHERE failed > 0;"
    "CREATE TABLE failure(sweep INTEGER NOT NULL, position INTEGER NOT NULL, kind INTEGER NOT NULL, reason TEXT NOT "
    "NULL,"
    " attempts INTEGER NOT NULL, tail TEXT NOT NULL, PRIMARY KEY(sweep, position)) WITHOUT ROWID;"
    "CREATE TABLE log(id INTEGER PRIMARY KEY, sweep INTEGER NOT NULL, position INTEGER, level INTEGER NOT NULL,"
    " text TEXT NOT NULL);"
    "CREATE INDEX log_place ON log(sweep);"
    "CREATE TABLE grp(sweep INTEGER NOT NULL, position INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,"
    " value BLOB NOT NULL, PRIMARY KEY(sweep, position, id)) WITHOUT ROWID;";

static const char set_state[] =
    "UPDATE sweep SET state = ?2, reason = ?3, limit_hit = ?4, seconds = ?5, cpu_seconds = ?6, plugin_seconds = ?7,"
    " peak_memory_mb = ?8, slots = ?9, verified = ?10, mismatched = ?11, output = ?12, groups = ?13,"
    " files = ?14 WHERE sweep = ?1";

static const char list_sweeps[] =
    "SELECT s.sweep, s.name, s.reason, p.plan, p.identity, n.state, s.state, s.limit_hit, s.wall_ms, s.frontier,"
    " s.seconds, s.cpu_seconds, s.plugin_seconds, s.peak_memory_mb, s.slots, s.verified, s.mismatched,"
    " (SELECT count(*) FROM log l WHERE l.sweep = s.sweep), (SELECT count(*) FROM grp g WHERE g.sweep = s.sweep),"
    " s.output, s.groups, s.files"
    " FROM sweep s JOIN plan p USING(sweep) LEFT JOIN snapshot n USING(sweep) ORDER BY s.sweep";

static const char *const sql[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_ADD_SWEEP] = "INSERT INTO sweep VALUES(?1, ?2, ?3, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, x'', x'', -1)",
    [ST_ADD_PLAN] = "INSERT INTO plan VALUES(?1, ?2, ?3)",
    [ST_SET_PLAN] = "UPDATE plan SET plan = ?2 WHERE sweep = ?1",
    [ST_SET_STATE] = set_state,
    [ST_SET_FRONTIER] = "UPDATE sweep SET frontier = ?2 WHERE sweep = ?1",
    [ST_SET_SNAPSHOT] = "INSERT OR REPLACE INTO snapshot VALUES(?1, ?2)",
    [ST_ADD_RUN] = "INSERT INTO run(sweep, first, n, failed, status, scores) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [ST_ADD_FAILURE] = "INSERT OR REPLACE INTO failure VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [ST_ADD_LOG] = "INSERT INTO log(sweep, position, level, text) VALUES(?1, ?2, ?3, ?4)",
    [ST_ADD_GROUP] = "INSERT INTO grp VALUES(?1, ?2, ?3, ?4, ?5)",
    [ST_LAST_GROUP] = "SELECT max(id) FROM grp WHERE sweep = ?1 AND position = ?2",
    [ST_FAILED_RUN] = "SELECT id, first, n, status, scores FROM run WHERE sweep = ?1 AND failed > 0 LIMIT 1",
    [ST_DROP_RUN] = "DELETE FROM run WHERE id = ?1",
    [ST_DROP_FAILURES] = "DELETE FROM failure WHERE sweep = ?1",
    [ST_FORGET_FAILURES] = "DELETE FROM failure WHERE sweep = ?1 AND position >= ?2 AND position < ?3",
    [ST_FORGET_GROUPS] = "DELETE FROM grp WHERE sweep = ?1 AND position >= ?2 AND position < ?3",
    [ST_SWEEPS] = list_sweeps,
    [ST_LAST_SWEEP] = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'sweep'",
    [ST_RUN_BEFORE] = "SELECT max(first) FROM run WHERE sweep = ?1 AND first <= ?2",
    [ST_RUNS] = "SELECT first, n, status, scores FROM run WHERE sweep = ?1 AND first >= ?2 ORDER BY first",
    [ST_FAILURES] =
        "SELECT position, kind, reason, attempts, tail FROM failure WHERE sweep = ?1 AND position >= ?2 ORDER BY 1",
    [ST_LOGS] = "SELECT id, position, level, text FROM log WHERE sweep = ?1 AND id >= ?2 ORDER BY id",
    [ST_LOGS_OF_TASK] =
        "SELECT id, position, level, text FROM log WHERE sweep = ?1 AND id >= ?2 AND position = ?3 ORDER BY 1",
    [ST_GROUPS] = "SELECT position, name, value FROM grp WHERE sweep = ?1 AND position >= ?2 ORDER BY position, id",
};

/* What the system said when it last failed on one of the two files; 0 = it did not. SQLite reports a page that cannot be read as
 * a damaged database. */
static int device_error(struct journal *j)
{
    bool cannot_open = (sqlite3_errcode(j->db) & 0xff) == SQLITE_CANTOPEN;
    int error = cannot_open ? journal_file_probe(j) : sqlite3_system_errno(j->db);
    sqlite3_file *file = NULL;
    static const int files[] = {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && error == 0; i++) {
        if (sqlite3_file_control(j->db, "main", files[i], &file) == SQLITE_OK && file && file->pMethods)
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

static int error_of(struct journal *j)
{
    switch (sqlite3_errcode(j->db) & 0xff) {
    case SQLITE_FULL:
        return SHEAF_ENOSPC;
    case SQLITE_NOMEM:
        return SHEAF_ENOMEM;
    case SQLITE_CORRUPT:
        return device_error(j) ? SHEAF_EIO : SHEAF_ECORRUPT;
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: /* our statements are right; the tables they speak of are not there */
        return SHEAF_ECORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SHEAF_EBUSY;
    default:
        return file_error(device_error(j)) == SHEAF_ENOSPC ? SHEAF_ENOSPC : SHEAF_EIO;
    }
}

int journal_fail(struct journal *j, const char *what, struct diag *d)
{
    int err = error_of(j), device = err == SHEAF_EIO ? device_error(j) : 0;
    const char *advice = "";
    if (err == SHEAF_ENOSPC)
        advice = "; make room on its device and start again";
    if (err == SHEAF_EBUSY)
        advice = "; another program has the file open, end it";
    if (err == SHEAF_ECORRUPT)
        advice = "; it is damaged or not a journal of sheaf: restore it from a copy, or choose another state directory";
    if (device == EIO || device == ENXIO)
        advice = "; look after its device and start again";
    return diag_fail(d, err, "%s: cannot %s: %s%s", j->path, what, device ? strerror(device) : sqlite3_errmsg(j->db),
                     advice);
}

int journal_step(struct journal *j, enum statement s, const char *what, struct diag *d)
{
    int rc = sqlite3_step(j->st[s]);
    int err = rc == SQLITE_DONE ? 0 : journal_fail(j, what, d);
    sqlite3_reset(j->st[s]);
    sqlite3_clear_bindings(j->st[s]); /* they point into the caller's memory */
    return err;
}

void bind_u64(sqlite3_stmt *st, int at, uint64_t v)
{
    sqlite3_bind_int64(st, at, (sqlite3_int64)v);
}

void bind_text(sqlite3_stmt *st, int at, const char *text)
{
    sqlite3_bind_text(st, at, text ? text : "", -1, SQLITE_STATIC);
}

void bind_slice(sqlite3_stmt *st, int at, struct slice s)
{
    sqlite3_bind_blob64(st, at, s.len ? s.data : "", s.len, SQLITE_STATIC);
}

/* ---- opening ---- */

static int exec(struct journal *j, const char *text, const char *what, struct diag *d)
{
    return sqlite3_exec(j->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : journal_fail(j, what, d);
}

static int pragma_number(struct journal *j, const char *text, int64_t *out, struct diag *d)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(j->db, text, -1, &st, NULL) != SQLITE_OK)
        return journal_fail(j, "open it", d);
    int err = sqlite3_step(st) == SQLITE_ROW ? 0 : journal_fail(j, "open it", d);
    if (err == 0)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return err;
}

/* Is it empty? Anything else must say that it is ours and of a version that we know. Changes nothing. */
static int check_schema(struct journal *j, bool *empty, struct diag *d)
{
    int64_t id = 0, version = 0, tables = 0;
    int err = pragma_number(j, "PRAGMA application_id", &id, d);
    err = err ? err : pragma_number(j, "PRAGMA user_version", &version, d);
    err = err ? err : pragma_number(j, "SELECT count(*) FROM sqlite_master", &tables, d);
    *empty = id == 0 && version == 0 && tables == 0;
    if (err || *empty)
        return err;
    if (id != APPLICATION_ID)
        return diag_fail(d, SHEAF_ECORRUPT,
                         "%s is not a journal of sheaf but another program's database; choose another "
                         "state directory",
                         j->path);
    if (version != SCHEMA_VERSION)
        return diag_fail(d, SHEAF_EVERSION, "%s has format %lld, this program reads format %d; use %s sheaf", j->path,
                         (long long)version, SCHEMA_VERSION, version > SCHEMA_VERSION ? "a newer" : "an older");
    return 0;
}

static int set_up(struct journal *j, struct diag *d)
{
    char text[sizeof(schema) + 128];
    snprintf(text, sizeof(text), "BEGIN;%s PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", schema,
             APPLICATION_ID, SCHEMA_VERSION);
    return exec(j, text, "set it up", d);
}

/* Counts the log's pages. With a hook of ours SQLite makes no checkpoints of its own. */
static int count_pages(void *self, sqlite3 *db, const char *name, int pages)
{
    (void)db, (void)name;
    ((struct journal *)self)->wal_pages = pages;
    return SQLITE_OK;
}

/* A file that is ours, or empty and to become ours (create): in which mode it is written is said in the file itself. */
static int begin_database(struct journal *j, bool create, struct diag *d)
{
    bool empty = true;
    int err = j->unsynced ? 0 : check_schema(j, &empty, d);
    if (err == 0 && empty && !create)
        return journal_file_empty(j, d);
    err = err ? err : exec(j, "PRAGMA journal_mode=WAL", "open it", d);
    err = err ? err : journal_file_sync_start(j, d);
    if (err == 0 && empty)
        err = set_up(j, d);
    return err ? err : exec(j, "PRAGMA synchronous=FULL", "open it", d);
}

static int open_database(struct journal *j, bool create, struct diag *d)
{
    char text[512];
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(j->path, &j->db, flags, NULL) != SQLITE_OK)
        return j->db ? journal_fail(j, "open it", d) : diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", j->path);
    sqlite3_wal_hook(j->db, count_pages, j);
    /* The end of a short sweep does not wait for a checkpoint: the next one to open the journal finds the log. */
    (void)sqlite3_db_config(j->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    snprintf(text, sizeof(text),
             "PRAGMA page_size=%d; PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=%s;"
             "PRAGMA journal_size_limit=%d; PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
             "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON",
             JOURNAL_PAGE_BYTES, j->unsynced ? "OFF" : "FULL", 4 * CHECKPOINT_PAGES * JOURNAL_PAGE_BYTES);
    int err = exec(j, text, "open it", d);
    err = err ? err : begin_database(j, create, d);
    for (int i = 0; err == 0 && i < ST_COUNT; i++) {
        if (sqlite3_prepare_v3(j->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &j->st[i], NULL) != SQLITE_OK)
            err = journal_fail(j, "read its tables", d);
    }
    return err;
}

int journal_open(const char *dir, bool create, struct journal **out, struct diag *d)
{
    struct journal *j = calloc(1, sizeof(*j));
    if (!j)
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", dir);
    j->lock_fd = j->file_fd = j->dir_fd = -1;
    int err = journal_file_open(j, dir, create, d);
    err = err ? err : open_database(j, create, d);
    if (err)
        journal_close(j);
    else
        *out = j;
    return err;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    for (int i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(j->st[i]);
    sqlite3_close(j->db);
    journal_file_close(j);
    buf_finish(&j->pending.status);
    buf_finish(&j->pending.scores);
    free(j);
}

/* ---- transactions ---- */

int journal_begin(struct journal *j, struct diag *d)
{
    if (j->wal_pages >= CHECKPOINT_PAGES) {
        if (sqlite3_wal_checkpoint_v2(j->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
            return journal_fail(j, "write its log back", d);
        j->wal_pages = 0;
    }
    return journal_step(j, ST_BEGIN, "begin", d);
}

int journal_commit(struct journal *j, struct diag *d)
{
    int err = journal_flush(j, d);
    err = err ? err : journal_file_sync(j, d);
    return err ? err : journal_step(j, ST_COMMIT, "commit", d);
}

void journal_rollback(struct journal *j)
{
    j->pending.n = 0;
    j->pending.status.len = j->pending.scores.len = 0;
    if (!sqlite3_get_autocommit(j->db)) /* a full disk has rolled back by itself */
        journal_step(j, ST_ROLLBACK, "roll back", NULL);
}
