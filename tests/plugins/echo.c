/* SPDX-License-Identifier: MIT
 *
 * echo: the null task. What a sweep of it costs is what sheaf itself costs.
 */
#include "kit.h"

static const struct sheaf_param params[] = {PARAM_FLOAT("x", 1, "the score is half of it")};
static const struct sheaf_score scores[] = {{"value", "", "x / 2"}};

KIT_DESCRIBE("echo", "returns half of its parameter")
KIT_STATELESS

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)host, (void)state;
    out[0] = task->params[0].f * 0.5;
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
