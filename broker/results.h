/* SPDX-License-Identifier: MIT
 *
 * results: the scores of a sweep as files: what `sheaf results` writes. Rows are in index order, whatever order the tasks
 * ended in, and are written as they are read: 10^9 tasks need no more memory than one page and one trial. A sweep that
 * still runs gives what is there: tasks that have ended, trials all of whose tasks have.
 *
 * CSV (RFC 4180, one header line; NaN and infinities are empty fields)
 *   tasks:  task,trial,key,split,status,<scores>      status: done, failed, skipped
 *   trials: trial,<params>,<reduced scores>,tasks,failed
 *   groups: trial,group,<values>
 *   A key is its text, number, day (YYYY-MM-DD) or path; 0 where there are none. JSON has numbers as numbers.
 * JSON lines (one object a line; NaN and infinities are null)
 *   tasks:  {"task","trial","key","split","status","scores":{}}, and for failed ones "failure":{"kind","reason","attempts"}
 *   trials: {"trial","params":{},"scores":{},"spread":{score:{"std","min","max","n"}},"tasks","failed"}
 *   groups: {"trial","group","values":{}}
 * npy (format 1.0, '<f8', C order; NaN for what is not there, failed or skipped)
 *   tasks:  [trials, keys, splits, scores]
 *   trials: [trials, scores]
 *
 * Numbers have 17 significant digits: they read back exactly. Trials that `where` excludes have no row among trials. The group
 * rows of a trial are reduced as its scores are: those of one key over splits, then over keys; a trial with a failed
 * task has none.
 */
#ifndef SHEAF_BROKER_RESULTS_H
#define SHEAF_BROKER_RESULTS_H

#include "common/proto.h"
#include "sweep/plan.h"

#include <stdio.h>

enum results_what { RESULTS_TASKS, RESULTS_TRIALS, RESULTS_GROUPS };
enum results_format { RESULTS_CSV, RESULTS_JSONL, RESULTS_NPY };

/* Where pages come from: MSG_READ to a broker, or a journal. */
struct results_source {
    void *ctx;
    uint64_t sweep;
    /* Answers `read` as a broker does. The page and what it points to live until the next call with the same read->kind. 0
     * or an error with a line in d. */
    int (*page)(void *ctx, const struct msg_read *read, struct msg_page *page, struct diag *d);
};

/* The trials that a sweep with keep: best has kept (of a status with as many as it has), in index order. Only --trials, and no npy, which
 * has a row for every trial. Returns as results_write. */
int results_write_best(const struct plan *plan, const struct msg_best *best, uint32_t n, enum results_format format,
                       FILE *out, struct diag *d);

/* Writes everything to out and flushes it. 0; SHEAF_EINVAL for what cannot be had (groups as npy, scores of a sweep that keeps
 * its best trials only), SHEAF_ECORRUPT when pages do not fit the plan, SHEAF_EIO when out cannot be written, SHEAF_ENOMEM,
 * or what the source returned. */
int results_write(const struct plan *plan, const struct results_source *source, enum results_what what,
                  enum results_format format, FILE *out, struct diag *d);

#endif
