/* SPDX-License-Identifier: MIT
 *
 * sigfd with handlers that write the signal's number to a pipe (the twin of sigfd_linux.c for any POSIX system).
 */
#include "common/sigfd.h"

#include "common/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define MAX_SIGNALS 16

static int pipe_ends[2] = {-1, -1};
static int taken[MAX_SIGNALS];
static size_t n_taken;

/* A full pipe already wakes the loop, so a byte that does not fit only loses a repetition. */
static void on_signal(int signal_number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)signal_number;
    ssize_t n = write(pipe_ends[1], &byte, 1);
    (void)n;
    errno = saved;
}

/* Whoever started us may have blocked them, and a mask is inherited. */
static void unblock(const int *signals, size_t n)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < n; i++)
        (void)sigaddset(&set, signals[i]);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int sigfd_open(const int *signals, size_t n, struct diag *d)
{
    SHEAF_ASSERT(n <= MAX_SIGNALS && pipe_ends[0] < 0);
    if (pipe_make(pipe_ends, O_NONBLOCK) != 0)
        return diag_fail(d, SHEAF_EIO, "a pipe for signals: %s", strerror(errno));
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    (void)sigfillset(&action.sa_mask);
    for (n_taken = 0; n_taken < n; n_taken++) {
        struct sigaction old;
        taken[n_taken] = signals[n_taken];
        /* What our parent wants ignored (nohup) stays so, as signalfd never sees it either. */
        if (sigaction(signals[n_taken], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        if (sigaction(signals[n_taken], &action, NULL) != 0) {
            int err = errno;
            sigfd_close(pipe_ends[0]);
            return diag_fail(d, SHEAF_EIO, "signal %d cannot be caught: %s", signals[n_taken], strerror(err));
        }
    }
    unblock(signals, n);
    return pipe_ends[0];
}

int sigfd_next(int fd)
{
    unsigned char byte;
    ssize_t n;
    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    return n == 1 ? byte : 0;
}

void sigfd_close(int fd)
{
    if (fd < 0)
        return;
    for (size_t i = 0; i < n_taken; i++) {
        struct sigaction now;
        if (sigaction(taken[i], NULL, &now) == 0 && now.sa_handler == on_signal)
            (void)signal(taken[i], SIG_DFL);
    }
    n_taken = 0;
    for (int i = 0; i < 2; i++) {
        if (pipe_ends[i] >= 0)
            (void)close(pipe_ends[i]);
        pipe_ends[i] = -1;
    }
}
