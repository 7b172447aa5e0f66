/* SPDX-License-Identifier: MIT
 *
 * sheaf cancel, rm, retry: changing what is stored or runs.
 */
#include "broker/outputs.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/offline.h"
#include "cli/run.h"
#include "cli/target.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define IDLE_WAIT_MS 10000

static bool is_remote(const struct target_options *o)
{
    return o->broker != NULL && o->broker[0] != '\0';
}

/* ---- cancel ---- */

static int cancel(struct target *t, const struct target_options *o, bool now, struct diag *d)
{
    int err = target_open(t, o, d);
    if (err == SHEAF_OK)
        err = target_status(t, 1, d);
    if (err != SHEAF_OK)
        return err;
    const struct msg_status *s = target_last_status(t);
    if (!target_live(t) || s->final)
        return diag_fail(d, SHEAF_EINVAL, "sweep %" PRIu64 " does not run (%s)", t->number,
                         outcome_state(s->state, target_live(t)));
    struct msg_sweep m = {.sweep = t->sweep, .now = now};
    return target_call(t, MSG_CANCEL, &m, MSG_DONE, d);
}

int cmd_cancel(int argc, char **argv)
{
    struct target_options o = {.broker = getenv("SHEAF_BROKER")};
    bool now = false;
    const struct arg table[] = {
        TARGET_ARGS(&o),
        {"--now", ARG_FLAG, &now, NULL, NULL, "don't wait for running tasks", false},
    };
    const struct args args = {"cancel", "Stops a running sweep. What is done is kept; `sheaf run` goes on from there.",
                              table, sizeof table / sizeof table[0]};
    enum args_result r = args_parse(&args, argc, argv);
    if (r != ARGS_GO)
        return r == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    struct target t;
    struct diag d = {{0}};
    target_init(&t);
    int err = cancel(&t, &o, now, &d);
    target_close(&t);
    return err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, &d);
}

/* ---- rm ---- */

static int remove_remote(const struct target_options *o, struct diag *d)
{
    struct target t;
    target_init(&t);
    int err = target_open(&t, o, d);
    struct msg_sweep m = {.sweep = t.sweep};
    if (err == SHEAF_OK)
        err = target_call(&t, MSG_REMOVE, &m, MSG_DONE, d);
    target_close(&t);
    return err;
}

/* A file that is half made goes with its sweep, and so does what tells whose files there are. What has its name stays. */
static int discard_output(const struct state_sweep *s, struct diag *d)
{
    struct offline *stored = NULL;
    if (offline_open(s->dir, &stored, NULL) != SHEAF_OK)
        return SHEAF_OK; /* there is nothing that could be known */
    struct output_job *job = offline_leftover(stored);
    int err = job != NULL ? output_job_discard(job, d) : SHEAF_OK;
    output_job_free(job);
    offline_close(stored);
    return err;
}

static int remove_folder(const struct target_options *o, struct arena *a, struct diag *d)
{
    const char *root = state_root(o->state, a, d);
    struct state_sweep s;
    int fd, err = root != NULL ? state_find(root, o->which, a, &s, d) : SHEAF_EINVAL;
    if (err == SHEAF_OK)
        err = state_lock(&s, &fd, d);
    if (err != SHEAF_OK)
        return err;
    err = state_wait_idle(&s, IDLE_WAIT_MS, d);
    if (err == SHEAF_OK)
        err = discard_output(&s, d);
    if (err == SHEAF_OK)
        err = state_remove(&s, d);
    (void)close(fd);
    return err;
}

int cmd_rm(int argc, char **argv)
{
    struct target_options o = {.broker = getenv("SHEAF_BROKER")};
    const struct arg table[] = {TARGET_ARGS(&o)};
    const struct args args = {"rm", "Removes a sweep and its results. One that runs has to be cancelled first.", table,
                              sizeof table / sizeof table[0]};
    enum args_result r = args_parse(&args, argc, argv);
    if (r != ARGS_GO)
        return r == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    struct arena a;
    struct diag d = {{0}};
    arena_init(&a, 0);
    int err = is_remote(&o) ? remove_remote(&o, &d) : remove_folder(&o, &a, &d);
    arena_finish(&a);
    return err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, &d);
}

/* ---- retry ---- */

struct retry_options {
    struct target_options target;
    struct run_options run; /* slots, top, json */
    bool failed;
};

/* A broker that runs anyway, here or elsewhere, only has to be told. */
static int retry_live(struct target *t, struct diag *d)
{
    struct msg_sweep m = {.sweep = t->sweep};
    return target_call(t, MSG_RETRY, &m, MSG_DONE, d);
}

/* Starts broker and worker on the folder of a sweep that nobody runs, and follows. */
static int retry_here(const struct retry_options *o, const struct target *t, struct run *r, struct diag *d)
{
    int err = session_begin(&r->session, d);
    if (err == SHEAF_OK)
        err = session_start_local(&r->session, o->run.slots, d);
    if (err == SHEAF_OK)
        err = session_enter_state(&r->session, r->folder.dir, d);
    /* Answered once the broker has read the sweep back; before that it would refuse. */
    struct msg_watch once = {.sweep = t->sweep};
    if (err == SHEAF_OK)
        err = session_call(&r->session, MSG_WATCH, &once, MSG_STATUS, d);
    struct msg_sweep retry = {.sweep = t->sweep};
    if (err == SHEAF_OK)
        err = session_call(&r->session, MSG_RETRY, &retry, MSG_DONE, d);
    struct msg_watch watch = {.sweep = t->sweep, .every_ms = progress_every_ms(), .top = (uint32_t)o->run.top};
    r->session.plan = &t->plan;
    r->session.sweep = t->sweep;
    r->session.may_cancel = true;
    if (err == SHEAF_OK)
        err = session_follow(&r->session, MSG_WATCH, &watch, d);
    session_end(&r->session);
    return err;
}

static int report(const struct retry_options *o, const struct target *t, const struct run *r, struct diag *d)
{
    struct outcome out = {.number = t->number, .status = session_status(&r->session), .plan = &t->plan};
    if (out.status == NULL)
        return EXIT_CANCELLED;
    int err = o->run.json ? outcome_print_json(&out, stdout, d) : outcome_print(&out, stdout, d);
    if (err != SHEAF_OK)
        return exit_report(err, d);
    return out.status->final ? outcome_exit(out.status) : EXIT_CANCELLED;
}

static int retry(const struct retry_options *o, struct target *t, struct run *r, struct diag *d)
{
    int err = target_open(t, &o->target, d);
    if (err == SHEAF_OK)
        err = target_status(t, 1, d);
    if (err == SHEAF_OK)
        err = outcome_check_top(&t->plan, o->run.top, d);
    if (err == SHEAF_OK && target_live(t))
        err = retry_live(t, d);
    if (err != SHEAF_OK || target_live(t))
        return err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, d);
    if (target_last_status(t)->failed == 0)
        return exit_usage("sweep %" PRIu64 " has no failed tasks", t->number);
    if (!target_last_status(t)->final)
        return exit_usage("sweep %" PRIu64 " was broken off; first let `sheaf run %s` finish it", t->number,
                          t->plan.source);
    r->folder = t->folder;
    err = state_lock(&r->folder, &r->lock_fd, d);
    if (err == SHEAF_OK) {
        offline_close(t->offline); /* gives the journal's lock up */
        t->offline = NULL;
        err = state_wait_idle(&r->folder, IDLE_WAIT_MS, d);
    }
    if (err == SHEAF_OK)
        err = retry_here(o, t, r, d);
    if (err != SHEAF_OK && !session_interrupted(&r->session))
        return exit_report(err, d);
    return report(o, t, r, d);
}

int cmd_retry(int argc, char **argv)
{
    struct retry_options o = {.target.broker = getenv("SHEAF_BROKER"), .run.top = OUTCOME_TOP};
    const struct arg table[] = {
        TARGET_ARGS(&o.target),
        {"--failed", ARG_FLAG, &o.failed, NULL, NULL, "the failed tasks (so far there is nothing else)", false},
        {"--slots", ARG_COUNT, &o.run.slots, NULL, "N", "tasks at a time (default: all cores)", false},
        {"--top", ARG_COUNT, &o.run.top, NULL, "K",
         "how many trials to print (default 10; at most 1,000 unless keep: best keeps more)", false},
        {"--json", ARG_FLAG, &o.run.json, NULL, NULL, "print the JSON object of `run --json`", false},
    };
    const struct args args = {"retry", "Runs the failed tasks of a sweep again.", table,
                              sizeof table / sizeof table[0]};
    enum args_result a = args_parse(&args, argc, argv);
    if (a != ARGS_GO)
        return a == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    if (!o.failed)
        return exit_usage("retry: say which tasks: sheaf retry %s --failed", o.target.which);
    if (run_check_counts("retry", o.run.slots, o.run.top) != SHEAF_OK)
        return EXIT_WRONG;
    struct target t;
    struct run r;
    struct diag d = {{0}};
    target_init(&t);
    run_init(&r);
    int code = retry(&o, &t, &r, &d);
    r.folder = (struct state_sweep){0};
    run_finish(&r);
    target_close(&t);
    return code;
}
