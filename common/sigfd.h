/* SPDX-License-Identifier: MIT
 *
 * sigfd: signals as a readable descriptor, so that a loop meets them where it polls and nothing else is ever
 * interrupted. One sigfd a process; open it before any thread starts, so that all threads inherit the mask.
 *
 * A process spawned afterwards must be given an empty signal mask (posix_spawnattr_setsigmask); handlers do not
 * survive an exec, masks do.
 */
#ifndef SHEAF_COMMON_SIGFD_H
#define SHEAF_COMMON_SIGFD_H

#include "common/err.h"

#include <stddef.h>

/* Takes over these n signals. The descriptor (close-on-exec, non-blocking), or SHEAF_EIO with a line in d. */
int sigfd_open(const int *signals, size_t n, struct diag *d);

/* The next signal that arrived, 0 when there is none. Signals of one kind merge: after SIGCHLD reap until nothing is left. */
int sigfd_next(int fd);

/* Gives the signals back to their default action; those that were not read are forgotten. fd < 0 is fine. */
void sigfd_close(int fd);

#endif
