/* SPDX-License-Identifier: MIT
 *
 * memjournal: a journal in memory for the broker's target: batches wait until they are committed or lost, and what was committed
 * is what the next broker finds. It asserts what a journal is promised: no position of a sweep comes twice, everything
 * that is named is there.
 */
#ifndef SHEAF_TESTS_FUZZ_MEMJOURNAL_H
#define SHEAF_TESTS_FUZZ_MEMJOURNAL_H

#include "broker/broker.h"
#include "common/intervals.h"

struct kept_run {
    struct kept_run *next; /* by position */
    uint64_t first, n;
    uint8_t *status; /* n; all of them */
    struct buf scores;
};

struct kept_sweep {
    struct kept_sweep *next; /* by number */
    uint64_t id;
    struct buf plan, identity, snapshot;
    uint64_t frontier;
    uint32_t state;
    char reason[256];
    bool limit_hit;
    int64_t files; /* -1: none counted */
    int64_t wall_ms;
    struct journal_numbers numbers;
    struct intervals there;
    struct kept_run *runs;
};

struct memjournal {
    struct kept_sweep *sweeps;
    uint64_t last_sweep;                /* the highest number there ever was */
    struct scribe_batch *first, **last; /* handed over, not durable */
    struct scribe_read *asked;
};

void memjournal_init(struct memjournal *m);
void memjournal_finish(struct memjournal *m);

/* As broker_env's journal and read. */
void memjournal_push(struct memjournal *m, struct scribe_batch *batch);
void memjournal_ask(struct memjournal *m, struct scribe_read *read);

/* Commits the oldest batch; its ticket, 0 = there is none. */
uint64_t memjournal_commit(struct memjournal *m);

/* Is the sweep durable? */
bool memjournal_has(struct memjournal *m, uint64_t sweep);

/* Answers the oldest question, after everything was committed; NULL = there is none. */
struct scribe_read *memjournal_answer(struct memjournal *m);

/* What was not committed is gone, and so are the questions. */
void memjournal_crash(struct memjournal *m);

/* Gives a new broker every sweep; asserts that it takes them. */
void memjournal_restore(const struct memjournal *m, struct broker *b);

#endif
