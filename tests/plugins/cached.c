/* SPDX-License-Identifier: MIT
 *
 * cached: builds a table through host->cache and sums it. Each build logs one line, "cached: built NAME", so that a test
 * can count builders; a builder can be slow, fail, or die in the slot of a first attempt.
 */
#include "kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { P_X, P_TABLES, P_KB, P_MS, P_MODE };
enum { MODE_GOOD, MODE_FAIL, MODE_DIE };

static const char *const modes[] = {"good", "fail", "die"};
static const struct sheaf_param params[] = {
    PARAM_FLOAT("x", 1, "added to the score"),
    PARAM_INT("tables", 1, 1, 1000, "how many tables; task i uses table i % tables"),
    PARAM_INT("kb", 64, 1, 1048576, "size of a table"),
    PARAM_FLOAT("ms", 0, "how long a build takes"),
    {.name = "mode",
     .type = SHEAF_CHOICE,
     .def = {.i = MODE_GOOD},
     NO_LIMITS,
     .choices = modes,
     .n_choices = COUNT(modes),
     .unit = "",
     .help = "fail: every build fails; die: a builder dies in the first attempt of its task"},
};
static const struct sheaf_score scores[] = {{"value", "", "x plus the sum of the table"}};

struct order {
    const struct sheaf_task *task;
    const char *name;
};

KIT_DESCRIBE("cached", "builds tables once per machine")
KIT_STATELESS

static int32_t build(const struct sheaf_host *host, void *memory, uint64_t size, void *user)
{
    const struct order *order = user;
    const struct sheaf_value *p = order->task->params;
    uint32_t *table = memory;
    for (uint64_t i = 0; i < size / sizeof *table; i++) {
        if (table[i] != 0)
            return host->fail(host, "cached: the memory is not zeroed");
        table[i] = (uint32_t)(i % 1000 + 1);
        if (i == size / 8 && p[P_MODE].i == MODE_DIE && order->task->attempt == 1)
            raise(SIGKILL);
    }
    struct timespec pause = {.tv_sec = (time_t)(p[P_MS].f / 1e3)};
    pause.tv_nsec = (long)((p[P_MS].f - (double)pause.tv_sec * 1e3) * 1e6);
    nanosleep(&pause, NULL);
    if (p[P_MODE].i == MODE_FAIL)
        return host->fail(host, "cached: the build fails as told");
    char line[64];
    snprintf(line, sizeof line, "cached: built %s", order->name);
    host->log(host, SHEAF_LOG_WARN, line);
    return SHEAF_OK_STATUS;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)state;
    char name[32];
    snprintf(name, sizeof name, "table%llu",
             (unsigned long long)task->index % (unsigned long long)task->params[P_TABLES].i);
    uint64_t size = (uint64_t)task->params[P_KB].i * 1024;
    struct order order = {task, name};
    const uint32_t *table = host->cache(host, name, size, build, &order);
    if (!table)
        return host->fail(host, "cached: no table");
    double sum = task->params[P_X].f;
    for (uint64_t i = 0; i < size / sizeof *table; i++)
        sum += table[i];
    out[0] = sum;
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
