/* SPDX-License-Identifier: MIT
 *
 * journal: the broker's durable state, one SQLite file in a state directory: sweeps, finished runs of tasks with their scores,
 * failures, log lines, group rows, the granted frontier.
 *
 * One connection, locking_mode=EXCLUSIVE, WAL, synchronous=FULL, and a lock on the directory besides: Debian 12's SQLite corrupts
 * a database that two connections checkpoint, and with synchronous=NORMAL a power cut loses acknowledged rows (both
 * measured). What COMMIT returned OK for survives. A failed COMMIT leaves the outcome unknown: the caller ends the process.
 *
 * Runs never overlap: the caller's done-set sees to that. Positions here are task INDICES.
 */
#ifndef SHEAF_BROKER_JOURNAL_H
#define SHEAF_BROKER_JOURNAL_H

#include "common/err.h"
#include "common/proto.h"

#include <stdbool.h>
#include <stdint.h>

struct journal;

/* Opens (create: makes) the journal of a state directory. SHEAF_EBUSY when another process has it, SHEAF_ENOENT, SHEAF_EINVAL on a
 * network file system (by statfs), SHEAF_ECORRUPT, SHEAF_EVERSION, SHEAF_EIO, SHEAF_ENOSPC; one line in d. */
int journal_open(const char *dir, bool create, struct journal **out, struct diag *d);
void journal_close(struct journal *j); /* the log stays beside the database; NULL is fine */

int journal_begin(struct journal *j, struct diag *d);
int journal_commit(struct journal *j, struct diag *d);
void journal_rollback(struct journal *j);

/* What can be written, inside begin and commit. */
enum journal_kind {
    JOURNAL_SWEEP,    /* a new sweep: sweep, plan, identity, name, wall_ms */
    JOURNAL_PLAN,     /* its plan grew: sweep, plan (continuation with more trials) */
    JOURNAL_STATE,    /* sweep, state, reason, numbers (below) */
    JOURNAL_RUN,      /* sweep, first (position), n, status, scores */
    JOURNAL_FAILURE,  /* sweep, failure (position = index) */
    JOURNAL_LOG,      /* sweep, log (position = index) */
    JOURNAL_GROUP,    /* sweep, group (position = index) */
    JOURNAL_FRONTIER, /* sweep, first = how far the sweep has been granted */
    JOURNAL_SNAPSHOT, /* sweep, blob: replaces the one before (keep: best) */
    JOURNAL_RETRY,    /* sweep: failed tasks become not done again: runs are cut, failures deleted */
    JOURNAL_REMOVE,   /* sweep and all that is its */
    JOURNAL_FORGET,   /* sweep, first, n: failures and group rows of these positions */
};

/* Sums over all runs of the broker, written with every state change and now and then in between. */
struct journal_numbers {
    double seconds, cpu_seconds, plugin_seconds, peak_memory_mb;
    uint32_t slots;
    uint64_t verified, mismatched;
};

struct journal_op {
    enum journal_kind kind;
    uint64_t sweep;
    uint64_t first, n;
    struct slice status, scores;    /* RUN */
    struct slice blob;              /* SNAPSHOT; SWEEP, PLAN: the plan's bytes; STATE: the output's digest, or empty */
    struct slice groups;            /* STATE: the digest over all groups, one byte: there is to be none, or empty */
    int64_t files;                  /* STATE: how many the sweep's folder has, -1 before it has been tidied */
    struct slice identity;          /* SWEEP */
    const char *name, *reason;      /* SWEEP; STATE */
    uint32_t state;                 /* STATE: enum sweep_state */
    bool limit_hit;                 /* STATE */
    int64_t wall_ms;                /* SWEEP */
    struct journal_numbers numbers; /* STATE */
    struct msg_failure failure;
    struct msg_log log;
    struct msg_group group;
};

/* Carries one op out. What it points to need only live during the call. 0, SHEAF_EIO, SHEAF_ENOSPC, SHEAF_ENOMEM. */
int journal_apply(struct journal *j, const struct journal_op *op, struct diag *d);

/* A sweep as stored. Pointers live in the arena. */
struct journal_sweep {
    uint64_t sweep;
    const char *name, *reason;
    struct slice plan, identity, snapshot;
    struct slice output; /* digest of the complete output file, or empty */
    struct slice groups; /* as in journal_op */
    int64_t files;       /* likewise */
    uint32_t state;
    bool limit_hit;
    int64_t wall_ms;
    uint64_t frontier;
    uint64_t log_lines, group_rows; /* how many are stored */
    struct journal_numbers numbers;
};

/* All sweeps by number. 0 or an error; *sweeps in the arena. */
int journal_sweeps(struct journal *j, struct arena *a, struct journal_sweep **sweeps, uint32_t *n, struct diag *d);

/* The highest number that a sweep has ever had here, also of those removed since; 0 = none. 0 or an error. */
int journal_last_sweep(struct journal *j, uint64_t *last, struct diag *d);

/* One page of a sweep from `read->from` on, of about max_bytes at most (at least one row), as read->kind says; what it
 * points to lives in the arena. */
int journal_read(struct journal *j, const struct msg_read *read, size_t max_bytes, struct arena *a,
                 struct msg_page *page, struct diag *d);

#endif
