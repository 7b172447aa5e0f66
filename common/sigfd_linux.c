/* SPDX-License-Identifier: MIT
 *
 * sigfd with signalfd(2). The portable twin is sigfd_portable.c.
 */
#define _GNU_SOURCE
#include "common/sigfd.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t taken;

int sigfd_open(const int *signals, size_t n, struct diag *d)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < n; i++)
        (void)sigaddset(&set, signals[i]);
    int err = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (err != 0)
        return diag_fail(d, SHEAF_EIO, "signals cannot be blocked: %s", strerror(err));
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        err = errno;
        (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        return diag_fail(d, SHEAF_EIO, "signalfd: %s", strerror(err));
    }
    taken = set;
    return fd;
}

int sigfd_next(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n;
    do
        n = read(fd, &info, sizeof info);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

/* What has come and was not read must not strike now. Ignoring a signal for a moment drops it. */
static void forget_pending(const sigset_t *set)
{
    static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        struct sigaction old, ignore;
        if (sigismember(set, deadly[i]) != 1)
            continue;
        memset(&ignore, 0, sizeof ignore);
        ignore.sa_handler = SIG_IGN;
        if (sigaction(deadly[i], &ignore, &old) == 0)
            (void)sigaction(deadly[i], &old, NULL);
    }
}

void sigfd_close(int fd)
{
    if (fd < 0)
        return;
    (void)close(fd);
    forget_pending(&taken);
    (void)pthread_sigmask(SIG_UNBLOCK, &taken, NULL);
}
