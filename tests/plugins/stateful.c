/* SPDX-License-Identifier: MIT
 *
 * stateful: breaks the rule that the same task gives the same bits: its score counts the calls of this slot. What
 * --verify is there to catch.
 */
#include "kit.h"

static const struct sheaf_param params[] = {
    PARAM_FLOAT("x", 1, "ignored"),
    PARAM_BOOL("count", 1, "score the call counter; else x / 2"),
};
static const struct sheaf_score scores[] = {{"value", "", "calls of run so far in this slot"}};
static double calls;

KIT_DESCRIBE("stateful", "keeps state between tasks, against the rules")
KIT_STATELESS

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)host, (void)state;
    calls += 1;
    out[0] = task->params[1].i ? calls : task->params[0].f * 0.5;
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
