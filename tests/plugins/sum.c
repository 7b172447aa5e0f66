/* SPDX-License-Identifier: MIT
 *
 * sum: reads every byte of its arrays once a task, so that it measures how data reaches tasks. Eight running
 * sums, added up in a fixed order: bound by memory, and the same bits everywhere.
 */
#include "kit.h"

static const struct sheaf_param params[] = {PARAM_FLOAT("x", 0, "added to the sum")};
static const struct sheaf_array arrays[] = {
    {"factors", SHEAF_DT_F64, 0, true, NULL, "any float64 array"},
    {"returns", SHEAF_DT_F64, 0, false, NULL, "another one"},
};
static const struct sheaf_score scores[] = {{"total", "", "sum of all elements, plus x"}};

KIT_STATELESS

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "sum", out->version = "1", out->summary = "sums all of its arrays";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = scores, out->n_scores = COUNT(scores);
    return SHEAF_OK_STATUS;
}

static double total(const struct sheaf_view *v)
{
    uint64_t n = 1, i = 0;
    for (uint32_t axis = 0; axis < v->rank; axis++)
        n *= v->shape[axis];
    const double *x = v->data;
    double s[8] = {0};
    for (; i + 8 <= n; i += 8)
        for (int lane = 0; lane < 8; lane++)
            s[lane] += x[i + (uint64_t)lane];
    for (; i < n; i++)
        s[0] += x[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)host, (void)state;
    double sum = task->params[0].f;
    for (uint32_t i = 0; i < COUNT(arrays); i++)
        if (task->views[i])
            sum += total(task->views[i]);
    out[0] = sum;
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
