/* SPDX-License-Identifier: MIT
 *
 * keyed: scores what a task sees of a partitioned dataset and what it is told of its key, so that a test can compare it
 * with the same sums over the files that were packed.
 */
#include "kit.h"

#include <string.h>

static const struct sheaf_param params[] = {PARAM_FLOAT("x", 0, "added to test")};
static const struct sheaf_array arrays[] = {
    {"t.v", SHEAF_DT_F64, 1, false, "row", "cut by splits and keys"},
    {"cube", SHEAF_DT_F64, 3, false, NULL, "an array of several axes"},
    {"other.v", SHEAF_DT_F64, 1, false, NULL, "a column of another table"},
    {"whole", SHEAF_DT_F64, 1, false, NULL, "an array that keys leave alone"},
    {"u.v", SHEAF_DT_F64, 1, false, "row", "a table that shares the row axis with t"},
};
static const struct sheaf_score scores[] = {
    {"test", "", "sum over the test rows of t.v, plus x"},
    {"train", "", "sum over the train rows of t.v"},
    {"rows", "", "of t.v"},
    {"cube", "", "sum"},
    {"other", "", "sum"},
    {"whole", "", "sum"},
    {"kind", "", "of the key"},
    {"number", "", "of the key: itself, or the text's bytes, each times its position from 1"},
    {"all", "", "sum of t.v as open saw it"},
    {"n_train", "", ""},
    {"n_test", "", ""},
};

struct state {
    double all;
};

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "keyed", out->version = "1", out->summary = "scores what it sees of its key";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = scores, out->n_scores = COUNT(scores);
    return SHEAF_OK_STATUS;
}

static double total(const struct sheaf_view *v)
{
    uint64_t n = 1;
    double sum = 0;
    for (uint32_t axis = 0; v && axis < v->rank; axis++)
        n *= v->shape[axis];
    for (uint64_t i = 0; v && i < n; i++)
        sum += ((const double *)v->data)[i];
    return sum;
}

static double total_of(const struct sheaf_view *v, const struct sheaf_rows *rows)
{
    const double *x = v ? v->data : NULL;
    double sum = 0;
    for (uint64_t i = 0; x && rows->list && i < rows->n; i++)
        sum += x[rows->list[i]];
    for (uint64_t i = 0; x && rows->ranges && i < rows->n_ranges; i++)
        for (uint64_t row = rows->ranges[i].from; row < rows->ranges[i].to; row++)
            sum += x[row];
    return sum;
}

static double key_number(const struct sheaf_key *key)
{
    double sum = (double)key->i;
    for (size_t i = 0; key->text && key->text[i]; i++)
        sum += (double)(i + 1) * (unsigned char)key->text[i];
    return sum;
}

static int32_t open_plugin(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                           void **state)
{
    static struct state s;
    (void)host, (void)config;
    s.all = total(dataset->views[0]);
    *state = &s;
    return SHEAF_OK_STATUS;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)host;
    const struct state *s = state;
    const struct sheaf_view *const *v = task->views;
    const double seen[] = {
        total_of(v[0], &task->test) + task->params[0].f,
        total_of(v[0], &task->train),
        v[0] ? (double)v[0]->shape[0] : 0,
        total(v[1]),
        total(v[2]),
        total(v[3]),
        task->key.kind,
        key_number(&task->key),
        s->all,
        (double)task->train.n,
        (double)task->test.n,
    };
    memcpy(out, seen, sizeof seen);
    return SHEAF_OK_STATUS;
}

static void close_plugin(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
}

KIT_ENTRY;
