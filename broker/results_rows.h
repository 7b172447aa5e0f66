/* SPDX-License-Identifier: MIT
 *
 * results_rows: one row of a results file as CSV or as a JSON line. What a row holds is said in broker/results.h.
 */
#ifndef SHEAF_BROKER_RESULTS_ROWS_H
#define SHEAF_BROKER_RESULTS_ROWS_H

#include "broker/results.h"
#include "broker/results_sink.h"
#include "sheaf/plugin.h"
#include "sweep/tally.h"

struct task_row {
    uint64_t index;
    const char *key;                   /* its name (sweep/keynames.h) */
    uint8_t status;                    /* enum task_status */
    const uint8_t *scores;             /* n_scores float64, little-endian */
    const struct msg_failure *failure; /* NULL = none known */
};

struct trial_row {
    const struct trial_result *result;
    const struct sheaf_value *params; /* in the descriptor's order */
    uint64_t tasks;
};

struct group_row {
    uint64_t trial;
    const char *group;
    const double *values; /* n_group_values */
};

/* The CSV header. */
void rows_head(struct sink *s, const struct plan *p, enum results_what what);

void rows_task(struct sink *s, const struct plan *p, enum results_format format, const struct task_row *row);
void rows_trial(struct sink *s, const struct plan *p, enum results_format format, const struct trial_row *row);
void rows_group(struct sink *s, const struct plan *p, enum results_format format, const struct group_row *row);

#endif
