/* SPDX-License-Identifier: MIT
 *
 * lives: a state directory that brokers open, work in and leave in disorder, one after the other; beside it a ledger of what they
 * acknowledged. After each opening the journal must hold every acknowledged batch as it was, none by half and nothing else.
 */
#ifndef SHEAF_TESTS_CRASH_LIVES_H
#define SHEAF_TESTS_CRASH_LIVES_H

#include "broker/journal_db.h"
#include "tests/crash/ledger.h"

struct lives {
    struct rnd r;
    char dir[160];
    struct ledger ledger;      /* what was acknowledged */
    struct scribe_batch *log;  /* that, batch by batch, newest first */
    struct scribe_batch *open; /* handed over and not acknowledged, oldest first */
    struct journal *journal;
    struct diag d;
    int err;                     /* of the last call that returned false */
    void (*during)(bool inside); /* told when lives_commit enters and leaves the journal; may be NULL */
    bool early;                  /* acknowledge before the commit (a mutant) */
    char wrong[1200];            /* what is not as it must be; "" = all is well */
};

/* On the heap; the directory need not exist. */
struct lives *lives_new(const char *dir, uint64_t seed);
void lives_free(struct lives *t);

/* Opens the journal. With `check` false nothing is read. False when it cannot be opened, or read (then it is open): see err and d. */
bool lives_open(struct lives *t, bool check);

/* Commits one random batch and acknowledges it. False when it fails: what became of it shows at the next opening. */
bool lives_commit(struct lives *t);

/* The journal's thread commits so many batches, each acknowledged when it says so, and closes the journal. False when it fails. */
bool lives_work_by_thread(struct lives *t, uint32_t n);

/* Lets go of the journal, without any last act. */
void lives_close(struct lives *t);

/* Says what is wrong; the first time counts. */
void lives_wrong(struct lives *t, const char *what, const char *more);

/* A folder in memory where there is one, for this process; made anew. */
void lives_root(char *root, size_t size);

/* The path of a name in a folder: in memory of its own, which the eighth call from now writes anew. */
const char *lives_path(const char *root, const char *name);

#endif
