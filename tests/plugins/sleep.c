/* SPDX-License-Identifier: MIT
 *
 * sleep: a task of a known length, asleep or busy; looks at stop_requested every 10 ms if told to. It can note each run in a
 * file, so that a test sees what was run how often.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { P_MS, P_SPIN, P_POLITE, P_X, P_NOTE, P_TAIL };

#define TAIL_MOST 1e6

static const struct sheaf_param params[] = {
    PARAM_FLOAT("ms", 10, "length of the task in milliseconds"),
    PARAM_BOOL("spin", 0, "burn the time instead of sleeping"),
    PARAM_BOOL("polite", 1, "return early when asked to stop"),
    PARAM_FLOAT("x", 0, "the score"),
    {.name = "note",
     .type = SHEAF_TEXT,
     .def = {.text = "", .text_len = 0},
     NO_LIMITS,
     .unit = "",
     .help = "append the index of each task to this file, 8 bytes, when it has run; empty = don't"},
    PARAM_BOOL("tail", 0,
               "lengths with a heavy tail: ms times up to a million, as the task's seed says; the score is it"),
};
static const struct sheaf_score scores[] = {{"value", "", "x"}};

KIT_DESCRIBE("sleep", "sleeps or spins for a while")
KIT_STATELESS

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void nap(double ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1e3)};
    t.tv_nsec = (long)((ms - (double)t.tv_sec * 1e3) * 1e6);
    nanosleep(&t, NULL);
}

/* One append of 8 bytes: whole, whoever else writes. */
static bool note(const struct sheaf_value *file, uint64_t index)
{
    char path[4096]; /* texts need not end in a zero */
    if (file->text_len >= sizeof path)
        return false;
    memcpy(path, file->text, file->text_len);
    path[file->text_len] = '\0';
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, &index, sizeof index) == (ssize_t)sizeof index;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* ms / u^2, u uniform in (0, 1]: half of the tasks take up to four times ms, one in a thousand a million times. */
static double tail_ms(double ms, uint64_t seed)
{
    double u = ((double)(seed >> 11) + 1) * 0x1p-53, times = 1 / (u * u);
    return ms * (times < TAIL_MOST ? times : TAIL_MOST);
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)state;
    bool tail = task->params[P_TAIL].i != 0;
    double ms = tail ? tail_ms(task->params[P_MS].f, task->seed) : task->params[P_MS].f, end = now_ms() + ms;
    bool spin = task->params[P_SPIN].i != 0, polite = task->params[P_POLITE].i != 0;
    double left;
    while ((left = end - now_ms()) > 0) {
        if (polite && host->stop_requested(host))
            break;
        if (!spin)
            nap(left < 10 ? left : 10);
    }
    out[0] = tail ? ms : task->params[P_X].f;
    if (task->params[P_NOTE].text_len > 0 && !note(&task->params[P_NOTE], task->index))
        return host->fail(host, "sleep: the note cannot be written");
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
