/* SPDX-License-Identifier: MIT
 *
 * run: the steps of `sheaf run`, which --dry-run takes, too.
 */
#ifndef SHEAF_CLI_RUN_H
#define SHEAF_CLI_RUN_H

#include "cli/args.h"
#include "cli/exit.h"
#include "cli/prepare.h"
#include "cli/session.h"
#include "cli/state.h"

#define RUN_MAX_TOP 10000u /* best trials in one status */

struct run_options {
    const char *path;       /* of the sweep file */
    const struct buf *text; /* what it said when the run began */
    uint64_t slots;         /* 0 = the worker's default */
    uint64_t top;
    struct sweep_overrides overrides;
    const char *set[ARGS_MAX_LIST]; /* overrides.set points here */
    const char *state, *broker;
    bool json, fresh, dry_run, quiet;
    const struct prepare_made *made; /* by the stages before; NULL = it is none */
    const int *sigfd;                /* one sigfd for several runs; NULL = each has its own */
};

struct json_t;

struct run {
    struct arena arena;
    struct prepared prepared;
    struct session session;
    struct state_sweep folder;
    int lock_fd;
};

/* Are --slots (0: not given) and --top within what there can be? SHEAF_OK, or SHEAF_EINVAL with the line on stderr. */
int run_check_counts(const char *command, uint64_t slots, uint64_t top);

void run_init(struct run *r);
void run_finish(struct run *r);

/* From the sweep file to the end of the sweep; every process has ended afterwards. 0 (also after Ctrl-C), or an error with a line
 * in d. */
int run_carry_out(const struct run_options *o, struct run *r, struct diag *d);

/* The same, but a stored sweep of which nothing is done gives way to one that could not go on with it; o->fresh is set then. */
int run_go(struct run_options *o, struct run *r, struct diag *d);

/* Says by which command what was stopped goes on. */
void run_say_how_to_go_on(const struct run_options *o);

/* Prints how it ended; with --json also what the stages before it were like (NULL: there are none). Returns the exit code. */
int run_report(const struct run_options *o, struct run *r, struct json_t *stages);

#endif
