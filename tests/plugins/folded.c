/* SPDX-License-Identifier: MIT
 *
 * folded: how an array with two axes looks that has more of them in its file: `series` of the outputs of rows.c. Its sum is built in
 * open, as a cache; a task checks that it is that of the views that it is given, so that a plugin which is open for other data than
 * its task's is found out. The config {"whole": true} refuses to open data with a NaN in it.
 */
#include "kit.h"

#include <string.h>

static const struct sheaf_param params[] = {PARAM_FLOAT("x", 0, "nothing")};
static const struct sheaf_array arrays[] = {{"series", SHEAF_DT_F64, 2, true, "row", "any"},
                                            {"prices", SHEAF_DT_F64, 2, false, NULL, "any"}};
static const struct sheaf_score scores[] = {{"rows", "", "extent of the first axis"},
                                            {"columns", "", "and of the second"},
                                            {"total", "", "sum of all elements"},
                                            {"prices", "", "sum of all prices; 0 without"}};

static const double *opened; /* what the cache holds while it is open */

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "folded", out->version = "1", out->summary = "sums an array with two axes";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = scores, out->n_scores = COUNT(scores);
    return SHEAF_OK_STATUS;
}

static double sum_of(const struct sheaf_view *v)
{
    double sum = 0;
    for (uint64_t i = 0; v && i < v->shape[0]; i++)
        for (uint64_t k = 0; k < v->shape[1]; k++)
            sum += *(const double *)(const void *)((const char *)v->data + (int64_t)i * v->strides[0] +
                                                   (int64_t)k * v->strides[1]);
    return sum;
}

static int32_t build(const struct sheaf_host *host, void *memory, uint64_t size, void *user)
{
    (void)host, (void)size;
    const struct sheaf_dataset *dataset = user;
    *(double *)memory = sum_of(dataset->views[0]);
    return SHEAF_OK_STATUS;
}

static int32_t open_plugin(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                           void **state)
{
    if (opened)
        return host->fail(host, "folded: opened twice");
    opened = host->cache(host, "sum", sizeof *opened, build, (void *)(uintptr_t)dataset);
    *state = &opened;
    if (opened && *opened != *opened && strstr(config, "whole"))
        opened = NULL;
    return opened ? SHEAF_OK_STATUS : host->fail(host, "folded: there is a NaN, or no cache");
}

static void close_plugin(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
    opened = NULL;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)state;
    const struct sheaf_view *v = task->views[0];
    double sum = sum_of(v);
    if (memcmp(&sum, opened, sizeof sum) != 0)
        return host->fail(host, "folded: it is open for other data");
    out[0] = (double)v->shape[0], out[1] = (double)v->shape[1], out[2] = sum, out[3] = sum_of(task->views[1]);
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
