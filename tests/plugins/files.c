/* SPDX-License-Identifier: MIT
 *
 * files: tasks that make files. What a file holds says which task made it: a line with its x, `lines` times. Each task makes x.txt, and
 * sub/DIGIT/x.txt; the config {"rows": true} has it fill an output array besides. `how` says what else it does, when x is `at`: goes wrong in one of many ways.
 */
#define _POSIX_C_SOURCE 200809L
#include "kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const hows[] = {"well",  "fail", "crash",    "link", "fifo",   "absolute", "dots", "hidden",
                                   "empty", "long", "unlooked", "same", "inside", "around",   "many"};
enum how { WELL, FAIL, CRASH, LINK, FIFO, ABSOLUTE, DOTS, HIDDEN, EMPTY, LONG, UNLOOKED, SAME, INSIDE, AROUND, MANY };

static const struct sheaf_param params[] = {
    PARAM_FLOAT("x", 0, "which files"),
    PARAM_INT("lines", 1, 0, 1e9, "of each"),
    PARAM_INT("spin", 0, 0, 1e9, "rounds of work a task"),
    {.name = "how",
     .type = SHEAF_CHOICE,
     .def = {.text = "well"},
     .choices = hows,
     .n_choices = COUNT(hows),
     NO_LIMITS},
    PARAM_FLOAT("at", -1, "the x of which this holds; -1: of all"),
};

static const struct sheaf_output outputs[] = {{"one", SHEAF_DT_F64, 0, NULL, "", "x"}};

KIT_STATELESS

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host;
    if (strstr(config, "\"rows\":true"))
        out->outputs = outputs, out->n_outputs = COUNT(outputs);
    out->name = "files", out->version = "1", out->summary = "makes files";
    out->params = params, out->n_params = COUNT(params);
    out->files = "two texts a task";
    return SHEAF_OK_STATUS;
}

/* Writes one file, looking at nothing but the sum of what was written when careful. */
static int32_t write_lines(const struct sheaf_host *host, const char *name, double x, int64_t lines, bool careful)
{
    const struct sheaf_files *files = host->table(host, SHEAF_FILES_TABLE);
    const char *path = files ? files->path(host, name) : NULL;
    FILE *f = path ? fopen(path, "w") : NULL;
    if (!f && careful)
        return path ? host->fail(host, "the file cannot be made") : SHEAF_FAILED;
    for (int64_t i = 0; f && i < lines; i++)
        fprintf(f, "%.0f\n", x);
    int wrong = f ? ferror(f) : 0;
    wrong = f && fclose(f) != 0 ? 1 : wrong;
    return wrong && careful ? host->fail(host, "the file cannot be written") : SHEAF_OK_STATUS;
}

/* A file that is none. */
static int32_t make_other(const struct sheaf_host *host, enum how how)
{
    const struct sheaf_files *files = host->table(host, SHEAF_FILES_TABLE);
    const char *path = files->path(host, "other");
    if (!path)
        return SHEAF_FAILED;
    return (how == LINK ? symlink("/etc/passwd", path) : mkfifo(path, 0600)) == 0 ? SHEAF_OK_STATUS : SHEAF_FAILED;
}

static int32_t many(const struct sheaf_host *host)
{
    char name[32];
    for (int i = 0; i <= 65536; i++) {
        snprintf(name, sizeof name, "m/%d", i);
        if (write_lines(host, name, i, 0, true) != SHEAF_OK_STATUS)
            return SHEAF_FAILED;
    }
    return SHEAF_OK_STATUS;
}

/* What else is done once the task's own files are there. */
static int32_t do_more(const struct sheaf_host *host, enum how how)
{
    static char longest[300];
    memset(longest, 'n', sizeof longest - 1);
    const char *const names[] = {[ABSOLUTE] = "/etc/x", [DOTS] = "a/../x", [HIDDEN] = "a/.x",   [EMPTY] = "a//x",
                                 [LONG] = longest,      [SAME] = "same",   [INSIDE] = "same/x", [AROUND] = "sub"};
    switch (how) {
    case FAIL:
        return host->fail(host, "as it was told");
    case CRASH:
        raise(SIGKILL);
        return SHEAF_FAILED;
    case LINK:
    case FIFO:
        return make_other(host, how);
    case MANY:
        return many(host);
    case WELL:
    case UNLOOKED:
        return SHEAF_OK_STATUS;
    default:
        (void)write_lines(host, names[how], 0, 1, false); /* what path returns is passed over: the host knows */
        return SHEAF_OK_STATUS;
    }
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    (void)state, (void)scores;
    double x = task->params[0].f, at = task->params[4].f;
    enum how how = at < 0 || x == at ? (enum how)task->params[3].i : WELL;
    char name[64];
    snprintf(name, sizeof name, "%.0f.txt", x);
    int32_t status = write_lines(host, name, x, task->params[1].i, how != UNLOOKED);
    const struct sheaf_output_rows *rows = host->table(host, SHEAF_OUTPUT_TABLE);
    double *row = rows->row(host, 0);
    if (row)
        *row = x;
    volatile double spun = 0;
    for (int64_t i = 0; i < task->params[2].i; i++)
        spun = spun + 1;
    snprintf(name, sizeof name, "sub/%d/%.0f.txt", (int)x % 10, x);
    if (status == SHEAF_OK_STATUS)
        status = write_lines(host, name, x, task->params[1].i, how != UNLOOKED);
    return status == SHEAF_OK_STATUS ? do_more(host, how) : status;
}

KIT_ENTRY;
