/* SPDX-License-Identifier: MIT
 *
 * brief: a task of some microseconds, asleep or busy, whose score is a whole number that only this task has, so that sums
 * are exact; some tasks emit a group row. What is counted twice or under another's name shows.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <time.h>

enum { P_US, P_SPIN, P_X, P_ROWS };

static const struct sheaf_param params[] = {
    PARAM_INT("us", 20, 0, 1000000, "length of the task in microseconds; asleep, the system adds its own"),
    PARAM_BOOL("spin", 0, "burn the time instead of sleeping"),
    PARAM_FLOAT("x", 0, "makes trials"),
    PARAM_INT("rows", 16, 1, 1000000, "every so many tasks one emits a group row"),
};
static const struct sheaf_array arrays[] = {{"rows", SHEAF_ANY, 0, false, "row", "not read: for splits"}};
static const struct sheaf_score scores[] = {{"value", "", "index x 48271 modulo 2^31 - 1"}};
static const struct sheaf_score group_values[] = {{"index", "", "the task's index"}};

KIT_STATELESS

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "brief", out->version = "1", out->summary = "a short task with a score of its own";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = scores, out->n_scores = COUNT(scores);
    out->group_values = group_values, out->n_group_values = COUNT(group_values);
    return SHEAF_OK_STATUS;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pass(int64_t ns, bool spin)
{
    int64_t end = now_ns() + ns;
    if (!spin)
        nanosleep(&(struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)}, NULL);
    while (spin && now_ns() < end)
        ;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)state;
    const struct sheaf_value *p = task->params;
    if (p[P_US].i > 0)
        pass(p[P_US].i * 1000, p[P_SPIN].i != 0);
    out[0] = (double)(task->index * 48271 % 2147483647);
    if (task->index % (uint64_t)p[P_ROWS].i != 0)
        return SHEAF_OK_STATUS;
    double value = (double)task->index;
    return host->emit(host, "some", &value);
}

KIT_ENTRY;
