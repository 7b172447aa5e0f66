/* SPDX-License-Identifier: MIT
 *
 * children: posix_spawn, waitpid, and a pipe.
 */
#include "cli/children.h"
#include "common/clock.h"
#include "common/fsutil.h"
#include "common/sigfd.h"
#include "worker/crew.h"
#include "worker/selfexe.h"
#include "worker/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIFELINE_FD 3
#define LISTEN_FD 4 /* and the broker the socket that it listens at */
#define BACKLOG 64
#define MAX_RESTARTS 3u

static const char *const role_names[CHILD_ROLES] = {"broker", "worker"};

/* A socket that accepts nothing yet: whoever connects waits in its queue for the broker. */
static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    runtime_draft(path, address.sun_path);
    bool bound = fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
                 bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (bound && listen(fd, BACKLOG) == 0 && rename(address.sun_path, path) == 0)
        return fd;
    int error = errno;
    if (bound)
        (void)unlink(address.sun_path);
    if (fd >= 0)
        (void)close(fd);
    errno = error;
    return -1;
}

int children_init(struct children *c, uint64_t slots, int sigfd, struct diag *d)
{
    memset(c, 0, sizeof *c);
    c->sigfd = sigfd;
    c->lifeline[0] = c->lifeline[1] = c->state_pipe = c->listening = -1;
    c->slots = slots;
    if (slots > CREW_MAX_SLOTS)
        return diag_fail(d, SHEAF_EINVAL, "--slots %" PRIu64 ": at most %u", slots, CREW_MAX_SLOTS);
    int err = runtime_path(c->socket_path, d);
    if (err != SHEAF_OK) {
        c->socket_path[0] = '\0';
        return err;
    }
    (void)snprintf(c->endpoint, sizeof c->endpoint, "ipc://%s", c->socket_path);
    if (pipe_make(c->lifeline, 0) != 0)
        return diag_fail(d, SHEAF_EIO, "a pipe: %s", strerror(errno));
    c->listening = listen_at(c->socket_path);
    return c->listening >= 0 ? SHEAF_OK
                             : diag_fail(d, SHEAF_EIO, "%s: cannot listen: %s", c->socket_path, strerror(errno));
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* What a child reads: nothing, or where its state is, which it will be told. */
static int open_input(struct children *c, enum child_role role, struct diag *d)
{
    int ends[2];
    if (role != CHILD_BROKER || c->state_dir != NULL) {
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return nothing >= 0 ? nothing : diag_fail(d, SHEAF_EIO, "/dev/null: %s", strerror(errno));
    }
    close_fd(&c->state_pipe);
    if (pipe_make(ends, 0) != 0)
        return diag_fail(d, SHEAF_EIO, "a pipe: %s", strerror(errno));
    c->state_pipe = ends[1];
    return ends[0];
}

/* A child finds its input, our stderr for both outputs, and the lifeline. */
static int spawn(struct children *c, enum child_role role, const char *const argv[], struct diag *d)
{
    int input = open_input(c, role, d);
    if (input < 0)
        return input;
    const struct spawn_fd fds[] = {{input, STDIN_FILENO},
                                   {STDERR_FILENO, STDOUT_FILENO},
                                   {c->lifeline[0], LIFELINE_FD},
                                   {c->listening, LISTEN_FD}}; /* the last one for a broker only */
    size_t n_fds = sizeof fds / sizeof fds[0] - (role == CHILD_BROKER ? 0 : 1);
    struct spawn_spec spec = {.argv = argv, .fds = fds, .n_fds = n_fds, .own_group = true};
    int err = spawn_process(&spec, &c->at[role].pid, d);
    (void)close(input);
    return err;
}

int children_tell_state(struct children *c, const char *dir, struct diag *d)
{
    size_t len = strlen(dir);
    c->state_dir = dir;
    if (c->state_pipe < 0)
        return SHEAF_OK;
    ssize_t written = write(c->state_pipe, dir, len); /* far below a pipe's capacity */
    close_fd(&c->state_pipe);
    /* A broker that has died meanwhile is started again, with its directory. */
    return written == (ssize_t)len || errno == EPIPE
               ? SHEAF_OK
               : diag_fail(d, SHEAF_EIO, "the broker's pipe: %s", strerror(errno));
}

int children_start(struct children *c, enum child_role role, struct diag *d)
{
    char slots[24], lifeline[8], listening[8];
    (void)snprintf(slots, sizeof slots, "%" PRIu64, c->slots);
    (void)snprintf(lifeline, sizeof lifeline, "%d", LIFELINE_FD);
    (void)snprintf(listening, sizeof listening, "%d", LISTEN_FD);
    const char *exe = selfexe_path();
    const char *state = c->state_dir != NULL ? c->state_dir : "-";
    const char *broker[] = {exe,       "broker",     "--state", state,         "--listen", c->endpoint,
                            "--local", "--lifeline", lifeline,  "--listen-fd", listening,  NULL};
    /* How many slots a worker has by itself is its own affair. */
    const char *worker[] = {exe,       "worker",     "--broker", c->endpoint,
                            "--local", "--lifeline", lifeline,   c->slots > 0 ? "--slots" : NULL,
                            slots,     NULL};
    int err = spawn(c, role, role == CHILD_BROKER ? broker : worker, d);
    if (err == SHEAF_OK)
        c->at[role].wanted = true;
    return err;
}

/* Has it ended? Its status is kept. */
static bool reap(struct child *child)
{
    int status;
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return false;
    child->pid = 0;
    child->status = status;
    return true;
}

const char *children_how(int status)
{
    static char text[48];
    if (WIFSIGNALED(status))
        (void)snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    else
        (void)snprintf(text, sizeof text, "exit status %d", WEXITSTATUS(status));
    return text;
}

int children_tend(struct children *c, bool *broker_again, struct diag *d)
{
    *broker_again = false;
    for (int role = 0; role < CHILD_ROLES; role++) {
        struct child *child = &c->at[role];
        if (!reap(child) || !child->wanted)
            continue;
        /* It has said why, and the next one would say the same. */
        if (WIFEXITED(child->status) && WEXITSTATUS(child->status) != 0)
            return diag_fail(d, SHEAF_EIO, "the %s gave up (%s); the line above says why", role_names[role],
                             children_how(child->status));
        if (child->restarts == MAX_RESTARTS)
            return diag_fail(d, SHEAF_EIO,
                             "the %s ended %u times without any progress, at last with %s; "
                             "what is done is kept, the same command goes on from there",
                             role_names[role], MAX_RESTARTS + 1, children_how(child->status));
        child->restarts++;
        int err = children_start(c, (enum child_role)role, d);
        if (err != SHEAF_OK)
            return err;
        *broker_again |= role == CHILD_BROKER;
    }
    return SHEAF_OK;
}

void children_progress(struct children *c)
{
    c->progress = true;
    for (int role = 0; role < CHILD_ROLES; role++)
        c->at[role].restarts = 0;
}

static bool all_ended(struct children *c)
{
    bool all = true;
    for (int role = 0; role < CHILD_ROLES; role++) {
        (void)reap(&c->at[role]);
        all &= c->at[role].pid == 0;
    }
    return all;
}

/* Waits for the ends of all children until `until`; Ctrl-C meanwhile ends the patience. */
static bool wait_all(struct children *c, int64_t until)
{
    while (!all_ended(c)) {
        int64_t left = until - clock_mono_ns();
        if (left <= 0)
            return false;
        struct pollfd news = {.fd = c->sigfd, .events = POLLIN};
        (void)poll(&news, 1, (int)((left + NS_PER_MS - 1) / NS_PER_MS));
        for (int sig; (sig = sigfd_next(c->sigfd)) != 0;)
            if (sig != SIGCHLD) {
                until = 0;
                c->interrupted = true;
            }
    }
    return true;
}

void children_finish(struct children *c, int grace_ms)
{
    for (int role = 0; role < CHILD_ROLES; role++)
        c->at[role].wanted = false;
    close_fd(&c->state_pipe);
    close_fd(&c->listening);
    close_fd(&c->lifeline[0]);
    close_fd(&c->lifeline[1]);
    if (!wait_all(c, clock_mono_ns() + grace_ms * NS_PER_MS)) {
        for (int role = 0; role < CHILD_ROLES; role++)
            if (c->at[role].pid > 0)
                (void)kill(-c->at[role].pid, SIGKILL);
        (void)wait_all(c, clock_mono_ns() + 5 * NS_PER_S);
    }
    if (c->socket_path[0] != '\0')
        (void)unlink(c->socket_path);
    c->socket_path[0] = '\0';
}
