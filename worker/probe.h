/* SPDX-License-Identifier: MIT
 *
 * probe: finds out which scores a plugin returns that cannot say so in describe (SHEAF_PROBE_TABLE), by running a task. Foreign
 * code runs here: in the child of worker/describe.h (worker/slotprobe.h) and in `plugin try` only.
 */
#ifndef SHEAF_WORKER_PROBE_H
#define SHEAF_WORKER_PROBE_H

#include "common/arena.h"
#include "common/err.h"
#include "sheaf/plugin.h"
#include "sweep/plan.h"
#include "worker/tryhost.h"

/* Asks an open plugin, with this task, and puts what it answers into p->scores, checked as a descriptor's are; texts in `arena`.
 * goal: as in sheaf_probe. 0; SHEAF_EINVAL or SHEAF_ENOMEM with a line in d. */
struct probe_question {
    const struct sheaf_plugin *plugin;
    struct tryhost *host;
    void *state;
    const struct sheaf_task *task;
    const char *goal;
};
int probe_ask(const struct probe_question *q, struct arena *arena, struct plan_plugin *p, struct diag *d);

#endif
