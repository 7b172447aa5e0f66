/* SPDX-License-Identifier: MIT
 *
 * ledger: what a journal must hold, kept outside of it: random batches of ops of every kind, what they make of the sweeps, and the
 * comparison of that with what the real readers find in a journal.
 */
#ifndef SHEAF_TESTS_CRASH_LEDGER_H
#define SHEAF_TESTS_CRASH_LEDGER_H

#include "broker/scribe.h"
#include "disk.h"

#define LEDGER_SWEEPS 3u
#define LEDGER_TASKS 4000u
#define LEDGER_SCORES 2u

/* One sweep as the acknowledged ops leave it. */
struct ledger_sweep {
    uint64_t sweep; /* 0 = none */
    char name[16], reason[16];
    struct buf plan, identity, snapshot;
    uint32_t state, n_scores;
    bool limit_hit;
    int64_t wall_ms;
    uint64_t frontier;
    struct journal_numbers numbers;
    uint8_t status[LEDGER_TASKS]; /* 0 = not done */
    double scores[LEDGER_TASKS * LEDGER_SCORES];
    struct buf failures; /* struct msg_failure by position; kind 0 = none */
    struct buf logs;     /* their bytes, in order */
    struct buf groups[LEDGER_TASKS / 16];
};

struct ledger {
    struct ledger_sweep sweeps[LEDGER_SWEEPS];
    uint64_t next_sweep, serial;
};

void ledger_init(struct ledger *l);
void ledger_finish(struct ledger *l);

/* A batch of one to six random ops that fit what `l` holds, on the heap; with small ones only if `small`. */
struct scribe_batch *ledger_batch(struct ledger *l, struct rnd *r, bool small);
void ledger_batch_free(struct scribe_batch *b);

/* The batch is taken for durable. */
void ledger_apply(struct ledger *l, const struct scribe_batch *b);

/* Everything, as bytes that are equal when and only when the contents are. */
void ledger_dump(const struct ledger *l, struct buf *out);

/* The same of a journal, by its own readers, in pages of max_bytes. An error of theirs, or 0. */
int ledger_dump_journal(struct journal *j, size_t max_bytes, struct buf *out, struct diag *d);

#endif
