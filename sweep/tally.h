/* SPDX-License-Identifier: MIT
 *
 * tally: what the broker knows of a sweep's results: open trials' cells, the ranking, counts, the results digest.
 * Tasks may be added in any order, each once (the caller's done-set sees to that); every figure depends on the
 * set of results only, never on their order of arrival. No I/O, no clock.
 *
 * Results digest: H(H(block 0) .. H(block n-1)), H = BLAKE2b-256, blocks of 1,024 tasks in index order, each task its
 * status byte and its n_scores float64 little-endian with one canonical NaN (0x7ff8000000000000). Scores of a
 * failed or skipped task are NaN. (Groups follow in bytewise order when the plugin emits any.)
 */
#ifndef SHEAF_SWEEP_TALLY_H
#define SHEAF_SWEEP_TALLY_H

#include "sweep/plan.h"

/* Status bytes. They are part of the digest and of the journal; never renumber. */
enum task_status { TASK_DONE = 1, TASK_FAILED = 2, TASK_SKIPPED = 3 };

#define TALLY_BLOCK 1024u
#define TALLY_BEST 1000u /* trials that a sweep ranks unless it has keep: best */

struct tally;

/* The reduction of one trial. */
struct trial_result {
    uint64_t trial;
    bool failed;                   /* a cell failed: all scores NaN, ranks last */
    bool skipped;                  /* excluded by `where`: never ranked */
    uint64_t n_failed;             /* failed cells */
    const double *scores;          /* n_scores, reduced over splits, then keys */
    const double *std, *min, *max; /* n_scores each: over splits, after the keys are reduced */
    uint64_t n;                    /* splits behind the spread */
};

/* best: how many top trials to remember (at least 1; keep_best raises it). NULL when out of memory. The plan must outlive. */
struct tally *tally_create(const struct plan *p, uint64_t best);
void tally_destroy(struct tally *t);

/* Adds tasks [first, first + n) by INDEX. status: n bytes, each an enum task_status (the caller has
 * checked what a peer sent), or NULL = all done. scores: n x n_scores float64 (row-major, any
 * alignment). 0 or SHEAF_ENOMEM, then the tally is unusable. */
int tally_add(struct tally *t, uint64_t first, uint64_t n, const uint8_t *status, const void *scores);

struct tally_counts {
    uint64_t done, failed, skipped; /* tasks */
    uint64_t trials_closed;         /* all cells there */
};
struct tally_counts tally_counts(const struct tally *t);

/* Best trials so far, best first: goal 0, ties by trial index; NaN and failed trials last. Returns how many (<= max). What they
 * point to holds until the next tally_add. */
uint64_t tally_best(struct tally *t, struct trial_result *out, uint64_t max);

/* The digest; true when every task of the plan was added. */
bool tally_digest(const struct tally *t, uint8_t out[HASH_BYTES]);

/* The whole state as bytes and back, for `keep: best` and restarts. 0, SHEAF_ENOMEM; SHEAF_ECORRUPT. */
int tally_save(const struct tally *t, struct buf *out);
struct tally *tally_load(const struct plan *p, uint64_t best, const void *bytes, size_t len, struct diag *d);

/* Reduces one trial's cells: keys x splits x n_scores in index order; status of each cell. out's pointers go into `arena`. */
int tally_reduce(const struct plan *p, uint64_t trial, const uint8_t *status, const double *cells, struct arena *arena,
                 struct trial_result *out);

#endif
