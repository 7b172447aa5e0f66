/* SPDX-License-Identifier: MIT
 *
 * slotprobe: the first task of a sweep, to find out which scores its plugin returns (worker/probe.h): what the child of
 * plugin_probe_child does.
 */
#ifndef SHEAF_WORKER_SLOTPROBE_H
#define SHEAF_WORKER_SLOTPROBE_H

#include "common/arena.h"
#include "common/err.h"
#include "sweep/plan.h"

/* Loads, opens and asks the plugin of `plan` with the plan's first task that is to run; plan->plugin.scores becomes what was
 * found, in `arena`. Leaves everything open: the process is to end. 0; SHEAF_EINVAL or another error with a line in d. */
int slotprobe_scores(struct plan *plan, struct arena *arena, struct diag *d);

#endif
