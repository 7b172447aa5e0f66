/* SPDX-License-Identifier: MIT
 *
 * rows: output arrays of every kind: a row as long as an array of the data, a fixed one, single elements, one that is never asked
 * for. What a row holds says which task made it. Tasks with x = `bad` fail, those with x = `crash` die, after they have written.
 * The config {"big": n} makes the fixed row n elements long.
 */
#include "kit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct sheaf_param params[] = {
    PARAM_FLOAT("x", 0, "added to every element"),
    PARAM_FLOAT("bad", -1, "the task with this x fails"),
    PARAM_FLOAT("crash", -1, "the task with this x crashes"),
    PARAM_INT("spin", 0, 0, 1e9, "rounds of work a task"),
};
static const struct sheaf_array arrays[] = {{"prices", SHEAF_DT_F64, 2, true, "day", "any"}};
static const struct sheaf_axis series_axes[] = {{.array = "prices", .of = 0}};
static struct sheaf_axis pair_axes[] = {{.n = 2}, {.n = 3}};
static const struct sheaf_output outputs[] = {
    {"series", SHEAF_DT_F64, 1, series_axes, "", "price of the first column, times x"},
    {"pair", SHEAF_DT_I32, 2, pair_axes, "", "index, index + 1, ..."},
    {"one", SHEAF_DT_F32, 0, NULL, "", "x"},
    {"never", SHEAF_DT_F64, 0, NULL, "", "not asked for"},
};

KIT_STATELESS

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host;
    const char *big = strstr(config, "\"big\":");
    if (big)
        pair_axes[1].n = strtoull(big + 6, NULL, 10);
    out->name = "rows", out->version = "1", out->summary = "fills output arrays";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->outputs = outputs, out->n_outputs = COUNT(outputs);
    return SHEAF_OK_STATUS;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    (void)state, (void)scores;
    const struct sheaf_output_rows *rows = host->table(host, SHEAF_OUTPUT_TABLE);
    const struct sheaf_view *prices = task->views[0];
    double x = task->params[0].f;
    if (!rows || !rows->row || rows->row(host, COUNT(outputs)))
        return host->fail(host, "the table of rows is not as it should be");
    double *series = rows->row(host, 0);
    int32_t *pair = rows->row(host, 1);
    float *one = rows->row(host, 2);
    if (!series || !pair || !one || series[0] == series[0] || pair[0] != 0 || *one == *one ||
        rows->row(host, 0) != series)
        return host->fail(host, "a row does not begin as it should");
    for (uint64_t i = 0; i < prices->shape[0]; i++)
        series[i] = ((const double *)prices->data)[i * prices->shape[1]] * x;
    for (uint64_t i = 0; i < 2 * pair_axes[1].n; i++)
        pair[i] = (int32_t)(task->index + i);
    *one = (float)x;
    volatile double sink = 0;
    for (int64_t i = 0; i < task->params[3].i; i++)
        sink += (double)i;
    (void)sink;
    if (x == task->params[2].f)
        raise(SIGKILL);
    return x == task->params[1].f ? host->fail(host, "bad") : SHEAF_OK_STATUS;
}

KIT_ENTRY;
