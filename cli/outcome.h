/* SPDX-License-Identifier: MIT
 *
 * outcome: how a sweep stands or ended, as people and programs want to see it, from a status of the broker and the plan.
 */
#ifndef SHEAF_CLI_OUTCOME_H
#define SHEAF_CLI_OUTCOME_H

#include "cli/exit.h"
#include "common/proto.h"
#include "sweep/keynames.h"
#include "sweep/plan.h"

#include <stdbool.h>
#include <stdio.h>

struct json_t;

struct outcome {
    uint64_t number; /* of `list` */
    const struct msg_status *status;
    const struct plan *plan;
    struct json_t *stages; /* of a file with stages: those before this one; NULL = there are none */
    bool live;             /* a broker has it; else a state of "running" means that it was broken off */
};

/* "queued", ... ; what was running and has no broker any more is "paused". Static storage. */
const char *outcome_state(uint32_t state, bool live);

/* "error", "crash", ...; "?" for an unknown number. Static storage. */
const char *outcome_failure(uint32_t kind);

/* Why it failed, stopped early or did nothing; "" when there is nothing to say. */
const char *outcome_reason(const struct msg_status *s);

#define OUTCOME_KEY 220

/* How a task's key stands behind its number: " (key AAPL)"; "" where there are no keys. Returns out. */
const char *outcome_key(const struct keynames *keys, uint64_t index, char out[OUTCOME_KEY]);

#define OUTCOME_TOP 10u /* best trials that are printed when --top is not given */

/* Are so many best trials remembered of such a sweep, or as many as it has? OUTCOME_TOP may always be asked for. 0, or
 * SHEAF_EINVAL with a line in d. */
int outcome_check_top(const struct plan *p, uint64_t top, struct diag *d);

/* The exit code of a run that ended like this. */
int outcome_exit(const struct msg_status *s);

/* Score number i of one of msg_best's slices; NaN when the slice is too short for it. */
double outcome_score(const struct slice *scores, uint32_t i);

/* The table of the best trials on out, then failures, counts, digest. 0, or an error with a line in d. */
int outcome_print(const struct outcome *o, FILE *out, struct diag *d);

/* The same as JSON (one line). */
int outcome_print_json(const struct outcome *o, FILE *out, struct diag *d);

#endif
