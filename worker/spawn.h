/* SPDX-License-Identifier: MIT
 *
 * spawn: starts a process by posix_spawn, never by a fork of a process that holds a ZeroMQ context. The child gets the
 * descriptors that it is given and no others (ours are close-on-exec throughout), an empty signal mask and default signals.
 */
#ifndef SHEAF_WORKER_SPAWN_H
#define SHEAF_WORKER_SPAWN_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct spawn_fd {
    int from; /* ours; stays open here */
    int to;   /* the child's number */
};

struct spawn_spec {
    const char *const *argv; /* argv[0] is the path of the executable; NULL at the end */
    const struct spawn_fd *fds;
    size_t n_fds; /* at most SPAWN_MAX_FDS; 0, 1 and 2 are ours unless given */
    const char *const
        *env;       /* "NAME=value" on top of our environment, replacing the same names; NULL at the end, or NULL */
    bool own_group; /* a process group of its own: a Ctrl-C in the terminal does not reach it */
};

#define SPAWN_MAX_FDS 16u

/* 0 and *pid, or SHEAF_ENOENT, SHEAF_ENOMEM, SHEAF_EIO with a line in d. The caller reaps. */
int spawn_process(const struct spawn_spec *spec, pid_t *pid, struct diag *d);

#endif
