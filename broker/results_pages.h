/* SPDX-License-Identifier: MIT
 *
 * results_pages: pages of results as one stream of runs, failures or group rows in index order. What a page says is checked
 * against the plan: it may come from a damaged journal or a strange broker.
 */
#ifndef SHEAF_BROKER_RESULTS_PAGES_H
#define SHEAF_BROKER_RESULTS_PAGES_H

#include "broker/results.h"

/* In order of keys runs come by position, so that nothing is at hand before everything has been read: at most PLAN_MAX_TRIAL_BYTES,
 * see plan_open_bytes. */
struct pages_held {
    uint8_t *status; /* of every task by index, 0 = missing; NULL: not held */
    uint8_t *scores;
    uint64_t at; /* where to go on */
    struct msg_run run;
};

struct pages {
    const struct plan *plan;
    const struct results_source *source;
    struct msg_read read;
    struct msg_page page;
    uint32_t at;     /* in the page */
    uint64_t behind; /* index that the next item must not lie before */
    bool ended;
    struct pages_held held;
};

void pages_init(struct pages *p, const struct plan *plan, const struct results_source *source, enum read_kind kind);
void pages_finish(struct pages *p);

/* The next one, or NULL at the end or on an error (then *err and d). Lives until the next call. A run has one status byte a
 * task or none, and n_scores float64 a task. */
const struct msg_run *pages_run(struct pages *p, int *err, struct diag *d);
const struct msg_failure *pages_failure(struct pages *p, int *err, struct diag *d);
const struct msg_group *pages_group(struct pages *p, int *err, struct diag *d);

/* The last one comes again. */
void pages_back(struct pages *p);

#endif
