/* SPDX-License-Identifier: MIT
 *
 * fault: everything that can go wrong inside run, at chosen tasks: those with index % every == at, only in their first
 * `attempts` attempts (0: in all of them), and only while a file exists (if one is named), so that a test can mend the world.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { P_MODE, P_EVERY, P_AT, P_ATTEMPTS, P_MB, P_X, P_FILE };
enum mode {
    NONE,
    SEGV,
    ABORT,
    EXIT,
    QUIT,
    KILL,
    HANG,
    SPIN,
    LEAK,
    ERROR,
    SILENT,
    NANS,
    PRINT,
    FPE,
    DEEP,
    HOARD,
    BROOD
};

static const char *const modes[] = {"none",  "segv", "abort",         "exit",  "exit_ok",   "kill",
                                    "hang",  "spin", "leak",          "error", "no_reason", "nan",
                                    "print", "fpe",  "stackoverflow", "hoard", "brood"};

static const struct sheaf_param params[] = {
    {.name = "mode",
     .type = SHEAF_CHOICE,
     .def = {.i = SEGV},
     NO_LIMITS,
     .choices = modes,
     .n_choices = COUNT(modes),
     .unit = "",
     .help = "what goes wrong"},
    PARAM_INT("every", 100, 1, 1e18, "faulty are the tasks with index % every == at"),
    PARAM_INT("at", 0, 0, 1e18, "see every"),
    PARAM_INT("attempts", 0, 0, 1000000, "go wrong in that many first attempts only; 0 = always"),
    PARAM_INT("mb", 1, 0, 1000000,
              "leak, hoard (which then waits): megabytes a task; print: megabytes to stdout and as many to stderr"),
    PARAM_FLOAT("x", 1, "the score of a task that went well is half of it"),
    {.name = "file",
     .type = SHEAF_TEXT,
     .def = {.text = "", .text_len = 0},
     NO_LIMITS,
     .unit = "",
     .help = "go wrong only while this file exists; empty = always"},
};
static const struct sheaf_array arrays[] = {{"rows", SHEAF_ANY, 0, false, "row", "not read: for splits"}};
static const struct sheaf_score scores[] = {{"value", "", "x / 2"}};

KIT_STATELESS

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "fault", out->version = "1", out->summary = "crashes, hangs, leaks, lies, as it is told";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = scores, out->n_scores = COUNT(scores);
    return SHEAF_OK_STATUS;
}

/* Touches every page, so that the memory is really there. */
static int32_t leak(const struct sheaf_host *host, int64_t mb)
{
    for (int64_t i = 0; i < mb; i++) {
        volatile char *p = malloc((size_t)1 << 20);
        if (!p)
            return host->fail(host, "malloc returned NULL");
        for (size_t at = 0; at < (size_t)1 << 20; at += 4096)
            p[at] = (char)(i + 1);
    }
    return SHEAF_OK_STATUS;
}

static void print(int64_t mb)
{
    for (int64_t i = 0; i < mb * 16384; i++) {
        printf("%063lld\n", (long long)i);
        fprintf(stderr, "%063lld\n", (long long)i);
    }
    fflush(stdout);
}

/* Not a tail call, and each frame is used after the call: the compiler cannot flatten it. */
static int64_t deeper(volatile int64_t depth)
{
    volatile char frame[4096];
    if (depth < 0)
        return 0;
    memset((void *)(uintptr_t)frame, (int)(depth & 127), sizeof frame);
    return deeper(depth + 1) + frame[depth & 4095];
}

static int32_t die(enum mode mode)
{
    volatile int zero = 0;
    switch (mode) {
    case SEGV:
        *(volatile int *)(uintptr_t)(8 + (uintptr_t)zero) = 1;
        break;
    case ABORT:
        abort();
    case EXIT:
        fprintf(stderr, "fault: exit 7 as told\n");
        exit(7);
    case QUIT:
        exit(0);
    case KILL:
        raise(SIGKILL);
        break;
    case FPE:
        raise(SIGFPE); /* an integer division by zero does not trap everywhere */
        break;
    case DEEP:
        return (int32_t)deeper(zero);
    case BROOD:
        if (fork() == 0)
            execlp("sleep", "sleep", "100000", (char *)NULL);
        return die(HANG);
    case HANG:
        for (;;)
            pause();
    default:
        for (volatile uint64_t spins = 0;; spins++)
            ;
    }
    return SHEAF_OK_STATUS;
}

static int32_t go_wrong(const struct sheaf_host *host, const struct sheaf_task *task, double *out)
{
    enum mode mode = (enum mode)task->params[P_MODE].i;
    switch (mode) {
    case NONE:
        return SHEAF_OK_STATUS;
    case LEAK:
        return leak(host, task->params[P_MB].i);
    case HOARD:
        (void)leak(host, task->params[P_MB].i);
        return die(HANG);
    case PRINT:
        print(task->params[P_MB].i);
        return SHEAF_OK_STATUS;
    case ERROR:
        return host->fail(host, "fault: an error as told");
    case SILENT:
        return SHEAF_FAILED;
    case NANS:
        out[0] = NAN;
        return SHEAF_OK_STATUS;
    default:
        return die(mode);
    }
}

/* Is there such a file, or none named? */
static bool switched_on(const struct sheaf_value *file)
{
    char path[4096]; /* texts need not end in a zero */
    if (file->text_len >= sizeof path)
        return false;
    memcpy(path, file->text, file->text_len);
    path[file->text_len] = '\0';
    return path[0] == '\0' || access(path, F_OK) == 0;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)state;
    const struct sheaf_value *p = task->params;
    out[0] = p[P_X].f * 0.5;
    bool chosen = task->index % (uint64_t)p[P_EVERY].i == (uint64_t)p[P_AT].i;
    bool now = p[P_ATTEMPTS].i == 0 || (int64_t)task->attempt <= p[P_ATTEMPTS].i;
    return chosen && now && switched_on(&p[P_FILE]) ? go_wrong(host, task, out) : SHEAF_OK_STATUS;
}

KIT_ENTRY;
