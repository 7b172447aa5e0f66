/* SPDX-License-Identifier: MIT
 *
 * folded: how an array with two axes looks that has more of them in its file: `series` of the outputs of rows.c.
 */
#include "kit.h"

static const struct sheaf_param params[] = {PARAM_FLOAT("x", 0, "nothing")};
static const struct sheaf_array arrays[] = {{"series", SHEAF_DT_F64, 2, true, "row", "any"}};
static const struct sheaf_score scores[] = {{"rows", "", "extent of the first axis"},
                                            {"columns", "", "and of the second"},
                                            {"total", "", "sum of all elements"}};

KIT_STATELESS

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "folded", out->version = "1", out->summary = "sums an array with two axes";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = scores, out->n_scores = COUNT(scores);
    return SHEAF_OK_STATUS;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)host, (void)state;
    const struct sheaf_view *v = task->views[0];
    double sum = 0;
    for (uint64_t i = 0; i < v->shape[0]; i++)
        for (uint64_t k = 0; k < v->shape[1]; k++)
            sum += *(const double *)(const void *)((const char *)v->data + (int64_t)i * v->strides[0] +
                                                   (int64_t)k * v->strides[1]);
    out[0] = (double)v->shape[0], out[1] = (double)v->shape[1], out[2] = sum;
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
