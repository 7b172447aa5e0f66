/* SPDX-License-Identifier: MIT
 *
 * journal_db: what the journal's files (journal.c, journal_file.c, journal_write.c, journal_read.c) share; nobody else includes it.
 */
#ifndef SHEAF_BROKER_JOURNAL_DB_H
#define SHEAF_BROKER_JOURNAL_DB_H

#include "broker/journal.h"

#include <sqlite3.h>

/* A row of scores holds about this much: larger runs are cut, adjacent smaller ones of a transaction are joined. Rows of
 * 256 KiB to 4 MiB cost the same; a page of a read should not be larger than it must. */
#define JOURNAL_ROW_BYTES ((size_t)1 << 20)

/* Of the database. A journal whose file is no longer than one has never had a checkpoint. */
#define JOURNAL_PAGE_BYTES 32768

/* Rows of one page: below the caps of PAGE in common/proto.c. */
#define JOURNAL_PAGE_ROWS 65536u

enum statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_ADD_SWEEP,
    ST_ADD_PLAN,
    ST_SET_PLAN,
    ST_SET_STATE,
    ST_SET_FRONTIER,
    ST_SET_SNAPSHOT,
    ST_ADD_RUN,
    ST_ADD_FAILURE,
    ST_ADD_LOG,
    ST_ADD_GROUP,
    ST_LAST_GROUP,
    ST_FAILED_RUN,
    ST_DROP_RUN,
    ST_DROP_FAILURES,
    ST_FORGET_FAILURES,
    ST_FORGET_GROUPS,
    ST_SWEEPS,
    ST_LAST_SWEEP,
    ST_RUN_BEFORE,
    ST_RUNS,
    ST_FAILURES,
    ST_LOGS,
    ST_LOGS_OF_TASK,
    ST_GROUPS,
    ST_COUNT
};

/* A run that waits for its neighbour, in the hope of one row for both. */
struct journal_pending {
    uint64_t sweep, first, n; /* n == 0: nothing waits */
    size_t stride;            /* bytes of scores a task */
    struct buf status;        /* empty = all done */
    struct buf scores;
};

struct journal {
    sqlite3 *db;
    char *path;
    int lock_fd;
    int file_fd,
        dir_fd; /* of the database and its directory. Held open as long as SQLite is: closing file_fd drops its locks */
    bool unsynced; /* made anew and not on the disk yet: the first commit sees to that */
    int wal_pages; /* in the log since the last checkpoint */
    sqlite3_stmt *st[ST_COUNT];
    struct {
        bool known;
        uint64_t sweep, position, next;
    } group; /* of the last group row: what the next one of the same task is numbered */
    struct journal_pending pending;
};

/* Makes sure of the directory, locks it and opens the file, or makes an empty one (create). What is there already is on the disk
 * afterwards (create): somebody may have been killed before it was. Errors as journal_open. */
int journal_file_open(struct journal *j, const char *dir, bool create, struct diag *d);

/* SHEAF_ENOENT and its line, for a journal that is not to be made. */
int journal_file_empty(const struct journal *j, struct diag *d);

/* Of a new journal: its name and first page reach the disk before its log is begun. 0 or an error. */
int journal_file_sync_start(struct journal *j, struct diag *d);

/* Of a new journal: its names, its directory's and that of those above reach the disk before its first commit. 0 or an error. */
int journal_file_sync(struct journal *j, struct diag *d);

/* Why the log cannot be made, as an errno; 0 when it can be. SQLite forgets that when it tries to open it for reading instead. */
int journal_file_probe(const struct journal *j);

/* After SQLite has closed the database. Fine for a half-opened one. */
void journal_file_close(struct journal *j);

/* Our error for SQLite's last one, with a line in d that names the file and `what` was tried. */
int journal_fail(struct journal *j, const char *what, struct diag *d);

/* Runs a statement that gives no rows, and forgets its bindings. */
int journal_step(struct journal *j, enum statement s, const char *what, struct diag *d);

/* Writes the pending run as a row. */
int journal_flush(struct journal *j, struct diag *d);

/* Binding as the journal does everywhere: 64-bit numbers by their bits, absent text as "", memory of the caller's. */
void bind_u64(sqlite3_stmt *st, int at, uint64_t v);
void bind_text(sqlite3_stmt *st, int at, const char *text);
void bind_slice(sqlite3_stmt *st, int at, struct slice s);

#endif
