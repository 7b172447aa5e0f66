/* SPDX-License-Identifier: MIT
 *
 * groups: emits rows for groups, writes log lines and reports, as many as it is told; tasks with index % 7 == 3 can be made to
 * fail after they have emitted, so that their rows must not count.
 */
#include "kit.h"

#include <stdio.h>
#include <string.h>

enum { P_X, P_ROWS, P_LINES, P_REPORTS, P_FAIL, P_GROUPS, P_BYTES, P_IGNORE };

static const struct sheaf_param params[] = {
    PARAM_FLOAT("x", 1, "the score is half of it"),
    PARAM_INT("rows", 3, 0, 1000000, "rows to emit, to the groups g0, g1 ... in turn"),
    PARAM_INT("lines", 2, 0, 1000000, "lines to log, of levels debug, info, warn, error in turn"),
    PARAM_INT("reports", 0, 0, 1000000, "values to report"),
    PARAM_BOOL("fail", 0, "tasks with index % 7 == 3 fail at their end"),
    PARAM_INT("groups", 3, 1, 1000000, "how many groups there are"),
    PARAM_INT("bytes", 0, 0, 2000000, "what their names are filled up to, with dots"),
    PARAM_BOOL("ignore", 0, "do as if nothing had happened when a row is refused"),
};
static const struct sheaf_score scores[] = {{"value", "", "x / 2"}};
static const struct sheaf_score group_values[] = {{"count", "", "always 1"}, {"index", "", "the task's index"}};

KIT_STATELESS

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "groups", out->version = "1", out->summary = "emits, logs and reports";
    out->params = params, out->n_params = COUNT(params);
    out->scores = scores, out->n_scores = COUNT(scores);
    out->group_values = group_values, out->n_group_values = COUNT(group_values);
    return SHEAF_OK_STATUS;
}

static int32_t emit_rows(const struct sheaf_host *host, const struct sheaf_task *task)
{
    double values[] = {1, (double)task->index};
    int64_t bytes = task->params[P_BYTES].i;
    char *name = host->scratch(host, (uint64_t)bytes + 32);
    for (int64_t i = 0; i < task->params[P_ROWS].i; i++) {
        int n = snprintf(name, 32, "g%lld", (long long)(i % task->params[P_GROUPS].i));
        if (n < bytes)
            memset(name + n, '.', (size_t)(bytes - n));
        name[n < bytes ? bytes : n] = '\0';
        if (host->emit(host, name, values) != SHEAF_OK_STATUS && !task->params[P_IGNORE].i)
            return SHEAF_FAILED;
    }
    return SHEAF_OK_STATUS;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)state;
    char line[64];
    for (int64_t i = 0; i < task->params[P_LINES].i; i++) {
        snprintf(line, sizeof line, "line %lld of task %llu", (long long)i, (unsigned long long)task->index);
        host->log(host, (uint32_t)(i % 4), line);
    }
    for (int64_t i = 0; i < task->params[P_REPORTS].i; i++)
        if (!host->report(host, (uint64_t)i, (double)i))
            break;
    if (emit_rows(host, task) != SHEAF_OK_STATUS)
        return SHEAF_FAILED;
    if (task->params[P_FAIL].i && task->index % 7 == 3)
        return host->fail(host, "groups: failed after emitting");
    out[0] = task->params[P_X].f * 0.5;
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
