/* SPDX-License-Identifier: MIT
 *
 * sheaf results: all scores as a file, also of a sweep that still runs. What the files look like stands in broker/results.h.
 */
#include "broker/results.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/run.h"
#include "cli/target.h"
#include "common/fsutil.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_KINDS (READ_GROUPS + 1)

struct results_options {
    struct target_options target;
    const char *format_name, *file;
    bool trials, tasks, groups;
    enum results_what what;
    enum results_format format;
};

static int parse(int argc, char **argv, struct results_options *o)
{
    const struct arg table[] = {
        TARGET_ARGS(&o->target),
        {"--trials", ARG_FLAG, &o->trials, NULL, NULL, "a row a trial, reduced over splits and keys (default)", false},
        {"--tasks", ARG_FLAG, &o->tasks, NULL, NULL, "a row a task", false},
        {"--groups", ARG_FLAG, &o->groups, NULL, NULL, "the rows that the plugin emitted, a row a trial and group",
         false},
        {"--format", ARG_TEXT, &o->format_name, NULL, "F", "csv (default), jsonl or npy", false},
        {"-o", ARG_TEXT, &o->file, NULL, "FILE", "write there instead of stdout", false},
    };
    const struct args args = {"results", "Writes the scores of a sweep, also of one that still runs.", table,
                              sizeof table / sizeof table[0]};
    o->target.broker = getenv("SHEAF_BROKER");
    o->format_name = "csv";
    enum args_result r = args_parse(&args, argc, argv);
    if (r != ARGS_GO)
        return r == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    if (o->trials + o->tasks + o->groups > 1)
        return exit_usage("results: choose one of --trials, --tasks and --groups");
    o->what = o->tasks ? RESULTS_TASKS : o->groups ? RESULTS_GROUPS : RESULTS_TRIALS;
    static const char *const formats[] = {[RESULTS_CSV] = "csv", [RESULTS_JSONL] = "jsonl", [RESULTS_NPY] = "npy"};
    for (unsigned i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i], o->format_name) != 0)
            continue;
        o->format = (enum results_format)i;
        if (o->format == RESULTS_NPY && o->file == NULL && isatty(STDOUT_FILENO) == 1)
            return exit_usage("results: an .npy file is nothing for a terminal; give -o FILE");
        return -1;
    }
    return exit_usage("results --format: '%s' is none of csv, jsonl, npy", o->format_name);
}

/* A page stays while pages of other kinds are read. */
struct pages {
    struct target *target;
    struct client_msg of[PAGE_KINDS];
};

static int read_page(void *ctx, const struct msg_read *read, struct msg_page *page, struct diag *d)
{
    struct pages *p = ctx;
    struct client_msg *m = &p->of[read->kind];
    int err = target_read(p->target, read, m, d);
    if (err == SHEAF_OK)
        *page = *(const struct msg_page *)m->body;
    return err;
}

/* What a sweep with keep: best has kept comes with its status. */
static int write_best(struct target *t, const struct results_options *o, FILE *out, struct diag *d)
{
    uint64_t kept = t->plan.keep_best < t->plan.trials ? t->plan.keep_best : t->plan.trials;
    int err = target_status(t, (uint32_t)(kept < RUN_MAX_TOP ? kept : RUN_MAX_TOP), d);
    const struct msg_status *s = target_last_status(t);
    if (err == SHEAF_OK)
        err = results_write_best(&t->plan, s->best, s->n_best, o->format, out, d);
    if (err == SHEAF_OK && kept > RUN_MAX_TOP)
        (void)fprintf(stderr, "sheaf: these are the best %u of the %" PRIu64 " trials that are kept\n", RUN_MAX_TOP,
                      kept);
    return err;
}

static int write_to(struct target *t, const struct results_options *o, FILE *out, struct diag *d)
{
    if (t->plan.keep_best > 0 && o->what == RESULTS_TRIALS)
        return write_best(t, o, out, d);
    struct pages pages = {.target = t};
    for (size_t i = 0; i < PAGE_KINDS; i++)
        client_msg_init(&pages.of[i]);
    struct results_source source = {.ctx = &pages, .sweep = t->sweep, .page = read_page};
    int err = results_write(&t->plan, &source, o->what, o->format, out, d);
    for (size_t i = 0; i < PAGE_KINDS; i++)
        client_msg_finish(&pages.of[i]);
    return err;
}

static int write_straight(struct target *t, const struct results_options *o, struct diag *d)
{
    FILE *out = fopen(o->file, "we");
    if (out == NULL)
        return diag_fail(d, SHEAF_EINVAL, "%s cannot be written: %s", o->file, strerror(errno));
    int err = write_to(t, o, out, d);
    if (fclose(out) != 0 && err == SHEAF_OK)
        err = diag_fail(d, file_error(errno), "%s cannot be written: %s", o->file, strerror(errno));
    return err;
}

/* The file appears under its name only when it is whole. */
static int write_file(struct target *t, const struct results_options *o, struct diag *d)
{
    char part[4096];
    struct stat st;
    if (stat(o->file, &st) == 0 && !S_ISREG(st.st_mode)) /* a device or pipe, /dev/stdout: not to be replaced */
        return write_straight(t, o, d);
    if ((size_t)snprintf(part, sizeof part, "%s.part", o->file) >= sizeof part)
        return diag_fail(d, SHEAF_EINVAL, "the name %s is too long", o->file);
    FILE *out = fopen(part, "we");
    if (out == NULL)
        return diag_fail(d, SHEAF_EINVAL, "%s cannot be written: %s", o->file, strerror(errno));
    int err = write_to(t, o, out, d);
    if (fclose(out) != 0 && err == SHEAF_OK)
        err = diag_fail(d, file_error(errno), "%s cannot be written: %s", o->file, strerror(errno));
    if (err == SHEAF_OK && rename(part, o->file) != 0)
        err = diag_fail(d, SHEAF_EINVAL, "%s cannot be written: %s", o->file, strerror(errno));
    if (err != SHEAF_OK)
        (void)unlink(part);
    return err;
}

int cmd_results(int argc, char **argv)
{
    struct results_options o = {.file = NULL};
    int code = parse(argc, argv, &o);
    if (code >= 0)
        return code;
    (void)signal(SIGPIPE, SIG_DFL); /* `| head` is no error */
    struct target t;
    struct diag d = {{0}};
    target_init(&t);
    int err = target_open(&t, &o.target, &d);
    if (err == SHEAF_OK)
        err = target_status(&t, 1, &d);
    if (err == SHEAF_OK)
        err = o.file != NULL ? write_file(&t, &o, &d) : write_to(&t, &o, stdout, &d);
    target_close(&t);
    return err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, &d);
}
