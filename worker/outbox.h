/* SPDX-License-Identifier: MIT
 *
 * outbox: what a worker has to tell the broker of one sweep's finished tasks. Findings gather in a `struct findings`
 * per lease, leave as numbered reports, and stay with the outbox until the broker has acknowledged them: a report
 * may be sent any number of times, the broker counts each position once.
 */
#ifndef SHEAF_WORKER_OUTBOX_H
#define SHEAF_WORKER_OUTBOX_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/list.h"
#include "common/proto.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes after which findings leave without waiting for the clock. */
#define FINDINGS_FULL ((size_t)1 << 20)
/* Log text that one report may carry; the rest is counted. */
#define FINDINGS_LOG_BYTES ((size_t)256 << 10)

struct finding_run {
    uint64_t from, n;
    size_t status_at, scores_at; /* in findings.status, .scores */
    bool all_done;
};

/* Unsent findings of one lease. */
struct findings {
    struct finding_run *runs;
    uint32_t n_runs, cap_runs;
    struct buf status, scores;
    struct msg_failure *failures; /* texts live in `arena`, as everything below */
    uint32_t n_failures, cap_failures;
    struct msg_log *logs;
    uint32_t n_logs, cap_logs;
    struct msg_group *groups;
    uint32_t n_groups, cap_groups;
    size_t log_bytes;
    uint64_t logs_dropped;
    struct arena arena;
    int64_t since; /* when the oldest of them came; 0 = empty */
};

void findings_init(struct findings *f);
void findings_finish(struct findings *f);
size_t findings_bytes(const struct findings *f);

/* Consecutive records from position `from` on; n_scores doubles each. All findings_add* return 0 or SHEAF_ENOMEM. */
int findings_add_run(struct findings *f, uint64_t from, uint64_t n, const uint8_t *status, const double *scores,
                     uint32_t n_scores);
int findings_add_failure(struct findings *f, const struct msg_failure *failure);
/* Over FINDINGS_LOG_BYTES the line is counted as dropped instead. */
int findings_add_log(struct findings *f, const struct msg_log *log);
int findings_add_group(struct findings *f, const struct msg_group *group);

/* Empties the findings, but keeps their memory for the next ones. */
void findings_forget(struct findings *f);

/* Where sent reports wait for their acknowledgement. */
struct outbox {
    struct list waiting; /* struct sent_report, oldest first */
    uint64_t next_seq;
    size_t bytes; /* of all waiting reports */
};

struct sent_report {
    struct list node;
    uint64_t seq;
    uint64_t sweep, lease; /* the caller's */
    int64_t sent_at;
    struct buf head, frame; /* as proto_encode makes them */
};

void outbox_init(struct outbox *o);
void outbox_finish(struct outbox *o);

/* Numbers and encodes the findings (and empties them) as a report with the scalar fields of *report. The result stays
 * in the outbox. NULL when out of memory. */
struct sent_report *outbox_post(struct outbox *o, struct findings *f, struct msg_report *report, uint32_t n_scores);

/* Forgets an acknowledged report and says whose it was; false for a number that does not wait. */
bool outbox_ack(struct outbox *o, uint64_t seq, uint64_t *sweep, uint64_t *lease);

#endif
