/* SPDX-License-Identifier: MIT
 *
 * context: scores what a task is told about itself, so that a test can compare it with what the index, the split and
 * the parameters say it should be told.
 */
#include "kit.h"

static const char *const choices[] = {"red", "green", "blue"};
static const struct sheaf_param params[] = {
    PARAM_FLOAT("x", 0, "a number"),
    PARAM_INT("n", 0, -1e15, 1e15, "an integer"),
    {.name = "colour",
     .type = SHEAF_CHOICE,
     NO_LIMITS,
     .choices = choices,
     .n_choices = COUNT(choices),
     .unit = "",
     .help = "a choice"},
    {.name = "text",
     .type = SHEAF_TEXT,
     .def = {.text = "abc", .text_len = 3},
     NO_LIMITS,
     .unit = "",
     .help = "a text"},
    PARAM_BOOL("flag", 0, "a bool"),
};
static const struct sheaf_array arrays[] = {{"rows", SHEAF_ANY, 0, false, "row", "cut by splits along axis 0"}};
static const struct sheaf_score scores[] = {
    {"x", "", ""},
    {"n", "", ""},
    {"colour", "", "position"},
    {"text", "", "length"},
    {"flag", "", ""},
    {"index", "", ""},
    {"trial", "", ""},
    {"key", "", "index"},
    {"split", "", ""},
    {"seed", "", "top 53 bits"},
    {"attempt", "", ""},
    {"n_train", "", ""},
    {"n_test", "", ""},
    {"train_sum", "", "of row numbers"},
    {"test_sum", "", "of row numbers"},
};

KIT_STATELESS

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "context", out->version = "1", out->summary = "scores what it is told";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = scores, out->n_scores = COUNT(scores);
    return SHEAF_OK_STATUS;
}

static double row_sum(const struct sheaf_rows *rows)
{
    double sum = 0;
    for (uint64_t i = 0; rows->list && i < rows->n; i++)
        sum += (double)rows->list[i];
    for (uint64_t i = 0; rows->ranges && i < rows->n_ranges; i++)
        for (uint64_t row = rows->ranges[i].from; row < rows->ranges[i].to; row++)
            sum += (double)row;
    return sum;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)host, (void)state;
    const struct sheaf_value *p = task->params;
    const double told[] = {
        p[0].f,
        (double)p[1].i,
        (double)p[2].i,
        (double)p[3].text_len,
        (double)p[4].i,
        (double)task->index,
        (double)task->trial,
        (double)task->key.index,
        (double)task->split,
        (double)(task->seed >> 11),
        (double)task->attempt,
        (double)task->train.n,
        (double)task->test.n,
        row_sum(&task->train),
        row_sum(&task->test),
    };
    for (uint32_t i = 0; i < COUNT(told); i++)
        out[i] = told[i];
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
