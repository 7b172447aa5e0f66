/* SPDX-License-Identifier: MIT
 *
 * children: the broker and the worker that `sheaf run` starts beside itself, the very same programs as anywhere else. They are
 * started with posix_spawn in process groups of their own (so that Ctrl-C reaches us alone), end when the lifeline is cut
 * (a pipe whose other end we hold: it breaks however we end), and are started again when they are killed or told to end. One
 * that ends with an error of its own has said why, and is not.
 */
#ifndef SHEAF_CLI_CHILDREN_H
#define SHEAF_CLI_CHILDREN_H

#include "cli/runtime.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum child_role { CHILD_BROKER, CHILD_WORKER, CHILD_ROLES };

struct child {
    pid_t pid;         /* 0 = none */
    bool wanted;       /* started, and not yet told to end */
    uint32_t restarts; /* since there was progress */
    int status;        /* of waitpid, of the last one that ended */
};

struct children {
    int lifeline[2];                /* read end goes to the children; -1 = closed */
    char socket_path[RUNTIME_PATH]; /* "" = none */
    char endpoint[RUNTIME_PATH + 8];
    int listening; /* the broker's socket: ours, so that worker and client connect at once, and a new broker takes over; -1 = none */
    int sigfd;
    uint64_t slots;        /* 0 = as many as the worker thinks fit */
    const char *state_dir; /* of the broker; the caller's. NULL = not known yet */
    int state_pipe;        /* the broker that waits for it reads it here; -1 = none */
    bool progress;         /* they have done something: a child that ends is worth starting again */
    bool interrupted;      /* a signal other than SIGCHLD came while they ended */
    struct child at[CHILD_ROLES];
};

/* Makes socket path and lifeline; starts nothing. sigfd (common/sigfd.h) brings SIGCHLD, and stays the caller's. 0 or an error. */
int children_init(struct children *c, uint64_t slots, int sigfd, struct diag *d);

/* Starts one. A broker may be started before its state directory is known: it loads and listens meanwhile. 0, or SHEAF_EIO. */
int children_start(struct children *c, enum child_role role, struct diag *d);

/* Tells the broker where its state is. dir stays the caller's. 0, or SHEAF_EIO. */
int children_tell_state(struct children *c, const char *dir, struct diag *d);

/* Notices the ends of children (after SIGCHLD) and starts those again that should live. SHEAF_OK; SHEAF_EIO with a line in d when
 * one of them has given up or dies again and again. *broker_again: a new broker runs, which has to be asked again. */
int children_tend(struct children *c, bool *broker_again, struct diag *d);

/* The broker has answered, or tasks were done: deaths from before no longer count. */
void children_progress(struct children *c);

/* Cuts the lifeline, waits up to grace_ms for all to end, kills (with their process groups) whatever is left, removes the socket.
 * Harmless when nothing was started or after an earlier call. */
void children_finish(struct children *c, int grace_ms);

/* "signal 9", "exit status 1". Static storage. */
const char *children_how(int status);

#endif
