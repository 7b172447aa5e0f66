/* SPDX-License-Identifier: MIT
 *
 * describe: the parent's side, see describe.h; the child's is in describe_serve.c. The child is trusted no further than its answer
 * decodes. Everything is non-blocking in one poll loop with one deadline: a plugin that hangs, or reads no config, or floods its
 * stderr, cannot hold us.
 */
#include "worker/describe.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int describe_timeout_ms = 10000;

int describe_probe_ms(const struct plan *plan)
{
    double s = plan->limits.task_seconds;
    return s <= 0 ? 120000 : s < 10 ? 10000 : s < 1e6 ? (int)(s * 1e3) : 1000000000;
}

enum { ANSWER, TALK, CONFIG, N_ENDS };
#define ANSWER_HEAD 5u
#define TAIL_BYTES 1024u

/* One child from start to end. */
struct asking {
    const char *path, *script;
    const char *label; /* what errors call it */
    int timeout_ms;
    bool probe; /* not described: it runs a task */
    pid_t pid;
    int ours[N_ENDS], theirs[N_ENDS]; /* -1 = closed */
    struct slice config;              /* what the child has not yet been sent */
    struct buf answer;
    char tail[TAIL_BYTES]; /* the last bytes that it wrote to stdout or stderr */
    size_t tail_len;
    int status;     /* as waitpid tells it */
    bool timed_out; /* we killed it */
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Above the descriptors 0 to 3 that the child is given: dup2 onto itself would leave it close-on-exec. */
static int move_up(int *fd)
{
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, DESCRIBE_ANSWER_FD + 1);
    if (high < 0)
        return -1;
    close(*fd);
    *fd = high;
    return 0;
}

/* Socket pairs rather than pipes: send can be told not to raise SIGPIPE. */
static int open_ends(struct asking *a)
{
    for (int i = 0; i < N_ENDS; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
            return -1;
        a->ours[i] = pair[0];
        a->theirs[i] = pair[1];
        if (move_up(&a->ours[i]) != 0 || move_up(&a->theirs[i]) != 0 || fcntl(a->ours[i], F_SETFL, O_NONBLOCK) != 0)
            return -1;
    }
    return 0;
}

static int spawn(struct asking *a, const char *self_exe)
{
    const char *words[] = {"sheaf", "describe-plugin", a->probe ? "--probe" : a->path, a->script, NULL};
    char *const *argv = (char *const *)(uintptr_t)words; /* posix_spawn takes char *const[] and writes nothing */
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    rc = rc ? rc : posix_spawnattr_setsigmask(&attr, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault(&attr, &all);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, a->theirs[CONFIG], 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, a->theirs[TALK], 1);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, a->theirs[TALK], 2);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, a->theirs[ANSWER], DESCRIBE_ANSWER_FD);
    rc = rc ? rc : posix_spawn(&a->pid, self_exe, &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* Nothing more to send: the child reads end of file. */
static void send_config(struct asking *a)
{
    while (a->config.len) {
        ssize_t n = send(a->ours[CONFIG], a->config.data, a->config.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            break;
        a->config.data = (const char *)a->config.data + n;
        a->config.len -= (size_t)n;
    }
    close_end(&a->ours[CONFIG]);
}

static void keep_tail(struct asking *a, const char *bytes, size_t n)
{
    if (n > TAIL_BYTES) {
        bytes += n - TAIL_BYTES;
        n = TAIL_BYTES;
    }
    size_t old = a->tail_len + n > TAIL_BYTES ? TAIL_BYTES - n : a->tail_len;
    memmove(a->tail, a->tail + (a->tail_len - old), old);
    memcpy(a->tail + old, bytes, n);
    a->tail_len = old + n;
}

/* Reads what is there from one end; closes it at end of file. 0, or SHEAF_ENOMEM, or SHEAF_ELIMIT. */
static int receive(struct asking *a, int end)
{
    char block[4096];
    ssize_t n = recv(a->ours[end], block, sizeof block, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        close_end(&a->ours[end]);
        return 0;
    }
    if (end == TALK) {
        keep_tail(a, block, (size_t)n);
        return 0;
    }
    if (a->answer.len + (size_t)n > PLAN_MAX_BYTES)
        return SHEAF_ELIMIT;
    return buf_append(&a->answer, block, (size_t)n);
}

/* The length that the answer's head states, and whether it is all there. */
static bool answer_whole(const struct asking *a, size_t *len)
{
    const uint8_t *p = a->answer.data;
    if (a->answer.len < ANSWER_HEAD)
        return false;
    *len = (size_t)p[1] | (size_t)p[2] << 8 | (size_t)p[3] << 16 | (size_t)p[4] << 24;
    return a->answer.len - ANSWER_HEAD >= *len;
}

/* Until the answer is whole, or the child closed its end, or time is up. */
static int converse(struct asking *a)
{
    int64_t deadline = clock_mono_ns() + (int64_t)a->timeout_ms * NS_PER_MS;
    size_t len;
    while (a->ours[ANSWER] >= 0 && !answer_whole(a, &len)) {
        int64_t left = deadline - clock_mono_ns();
        if (left <= 0) {
            a->timed_out = true;
            return 0;
        }
        struct pollfd fds[N_ENDS];
        for (int i = 0; i < N_ENDS; i++)
            fds[i] = (struct pollfd){.fd = a->ours[i], .events = i == CONFIG ? POLLOUT : POLLIN};
        if (poll(fds, N_ENDS, (int)(left / NS_PER_MS) + 1) < 0 && errno != EINTR)
            return SHEAF_EIO;
        if (fds[CONFIG].revents)
            send_config(a);
        int rc = fds[TALK].revents ? receive(a, TALK) : 0;
        if (!rc && fds[ANSWER].revents)
            rc = receive(a, ANSWER);
        if (rc)
            return rc;
    }
    return 0;
}

/* Ends the child, whatever it does, and collects its last words. A child that is ending already (it closed its end of the
 * answer by dying) keeps the status that it ends with. */
static void reap(struct asking *a)
{
    kill(a->pid, SIGKILL);
    while (waitpid(a->pid, &a->status, 0) < 0 && errno == EINTR)
        ;
    ssize_t n;
    char block[4096];
    while (a->ours[TALK] >= 0 && (n = recv(a->ours[TALK], block, sizeof block, 0)) > 0)
        keep_tail(a, block, (size_t)n);
}

/* The end of an error line: the last line that is not empty, if there is one. */
static void last_line(const struct asking *a, char *out, size_t size)
{
    size_t end = a->tail_len;
    while (end && (a->tail[end - 1] == '\n' || a->tail[end - 1] == '\r' || a->tail[end - 1] == ' '))
        end--;
    size_t from = end;
    while (from && a->tail[from - 1] != '\n')
        from--;
    out[0] = 0;
    if (end > from)
        snprintf(out, size, "; it last wrote: %.*s", (int)(end - from), a->tail + from);
}

static int explain_death(const struct asking *a, struct diag *d)
{
    char line[TAIL_BYTES];
    last_line(a, line, sizeof line);
    const char *doing = a->probe ? "ran one task to find out its scores" : "was loaded or described";
    if (a->timed_out)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: did not %s within %g s and was stopped%s", a->label,
                         a->probe ? "end the task that finds out its scores" : "describe itself", a->timeout_ms / 1e3,
                         line);
    if (a->answer.len)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: broke off in the middle of describing itself%s", a->label, line);
    if (WIFSIGNALED(a->status))
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: crashed while it %s: signal %d (%s)%s", a->label, doing,
                         WTERMSIG(a->status), strsignal(WTERMSIG(a->status)), line);
    return diag_fail(d, SHEAF_EINVAL, "plugin %s: ended its process with exit status %d while it %s%s", a->label,
                     WEXITSTATUS(a->status), doing, line);
}

static int take_answer(const struct asking *a, struct arena *arena, struct plan_plugin *out, struct diag *d)
{
    size_t len;
    if (!answer_whole(a, &len))
        return explain_death(a, d);
    if (a->answer.len != len + ANSWER_HEAD)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: describing it gave garbage: bytes after the answer", a->label);
    const char *body = (const char *)a->answer.data + ANSWER_HEAD;
    if (a->answer.data[0] == 'E')
        return diag_fail(d, SHEAF_EINVAL, "%.*s", (int)(len < 1000 ? len : 1000), body);
    void *copy = arena_alloc(arena, len); /* the digest points into it */
    if (!copy)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    memcpy(copy, body, len);
    struct diag inner = {{0}};
    if (a->answer.data[0] != 'P' || codec_decode(&plan_plugin_codec, copy, len, arena, out, &inner) != 0)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: describing it gave garbage: %s", a->label,
                         inner.text[0] ? inner.text : "an unknown tag");
    return 0;
}

/* The conversation with a child that runs, and its end. */
static int hear(struct asking *a, const struct describe_meanwhile *meanwhile, struct arena *arena,
                struct plan_plugin *out, struct diag *d)
{
    send_config(a); /* so that the child is not kept waiting */
    int aside = meanwhile && meanwhile->run ? meanwhile->run(meanwhile->ctx, d) : SHEAF_OK;
    int rc = converse(a);
    reap(a);
    if (aside)
        return aside;
    return rc ? diag_fail(d, rc, "plugin %s: describing it failed: %s", a->label, sheaf_strerror(rc))
              : take_answer(a, arena, out, d);
}

/* One child from beginning to end. */
static int ask(struct asking *a, const char *self_exe, const struct describe_meanwhile *meanwhile, struct arena *arena,
               struct plan_plugin *out, struct diag *d)
{
    a->label = plugin_label(a->path, a->script);
    for (int i = 0; i < N_ENDS; i++)
        a->ours[i] = a->theirs[i] = -1;
    int rc = SHEAF_OK, error = open_ends(a) != 0 ? errno : spawn(a, self_exe);
    for (int i = 0; i < N_ENDS; i++)
        close_end(&a->theirs[i]);
    if (error) {
        rc = diag_fail(d, SHEAF_EIO, "plugin %s: cannot start %s to describe it: %s", a->label, self_exe,
                       strerror(error));
    } else {
        rc = hear(a, meanwhile, arena, out, d);
    }
    for (int i = 0; i < N_ENDS; i++)
        close_end(&a->ours[i]);
    buf_finish(&a->answer);
    return rc;
}

int plugin_describe_child(const char *self_exe, const struct plugin_place *place, const char *config,
                          const struct describe_meanwhile *meanwhile, struct arena *arena, struct plan_plugin *out,
                          struct diag *d)
{
    struct asking a = {.path = place->path,
                       .script = place->script,
                       .timeout_ms = describe_timeout_ms,
                       .config = {config, strlen(config)}};
    return ask(&a, self_exe, meanwhile, arena, out, d);
}

int plugin_probe_child(const char *self_exe, const struct plan *plan, struct arena *arena, struct plan_plugin *out,
                       struct diag *d)
{
    struct buf bytes = {0};
    int rc = plan_encode(plan, &bytes);
    if (rc) {
        buf_finish(&bytes);
        return diag_fail(d, rc, "the sweep is too large for a plan: %s", sheaf_strerror(rc));
    }
    struct asking a = {.path = plan->plugin.path,
                       .script = plan->plugin.script,
                       .timeout_ms = describe_probe_ms(plan),
                       .probe = true,
                       .config = {bytes.data, bytes.len}};
    rc = ask(&a, self_exe, NULL, arena, out, d);
    buf_finish(&bytes);
    return rc;
}
