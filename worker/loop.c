/* SPDX-License-Identifier: MIT
 *
 * loop: one thread: read the clock, drain the socket and the slots, tick.
 */
#include "worker/loop.h"
#include "common/clock.h"
#include "common/frames.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/procinfo.h"
#include "common/sigfd.h"
#include "common/syncdir.h"
#include "sweep/output.h"
#include "worker/fingerprint.h"
#include "worker/selfexe.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define TURN_MESSAGES 256
#define DESCRIPTORS 32         /* with one slot */
#define STOP_NS (2 * NS_PER_S) /* after a signal slots have this long to be reaped */

/* An output file or folder that is held open. */
struct synced {
    char path[OUTPUT_PATH];
    int fd; /* -1 = none */
};

struct loop {
    const struct worker_options *options;
    void *ctx, *socket;
    int sigfd;
    struct worker *worker;
    struct crew *crew;
    struct buf head, frame;
    struct arena arena;
    char instance[33], host[128];
    struct synced file, dir; /* of the sweep whose output was synced last */
    bool sent_away;          /* by the broker's QUIT */
};

/* ---- what the logic asks for ---- */

static void send_frames(void *ctx, const struct buf *head, const struct buf *frame)
{
    struct loop *l = ctx;
    (void)frames_send(l->socket, NULL, head, frame); /* what the broker has not acknowledged is sent again */
}

static void send_one(void *ctx, uint32_t type, const void *body)
{
    struct loop *l = ctx;
    l->head.len = l->frame.len = 0;
    int err = proto_encode(type, body, &l->head, &l->frame);
    if (err < 0)
        log_error("cannot encode %s: %s", proto_name(type), sheaf_strerror(err));
    else
        send_frames(l, &l->head, &l->frame);
}

static uint64_t own_pss(void *ctx)
{
    (void)ctx;
    return procinfo_pss_bytes(getpid());
}

static int64_t own_cpu(void *ctx)
{
    (void)ctx;
    return clock_cpu_ns();
}

/* Opens what is to be synced, unless it is open: errors since then are told, too. */
static int open_synced(struct synced *s, const char *path, int flags)
{
    if (s->fd >= 0 && strcmp(path, s->path) != 0) {
        close(s->fd);
        s->fd = -1;
    }
    if (s->fd < 0)
        s->fd = open(path, flags | O_CLOEXEC);
    snprintf(s->path, sizeof(s->path), "%s", path);
    return s->fd;
}

static int sync_output(void *ctx, const struct plan *p, struct diag *d)
{
    struct loop *l = ctx;
    char path[OUTPUT_PATH];
    int err = plan_has_output(p) ? output_part_path(p, path, d) : 0, fd;
    if (err)
        return err;
    if (plan_has_output(p) && ((fd = open_synced(&l->file, path, O_WRONLY)) < 0 || fdatasync(fd) != 0))
        return diag_fail(d, file_error(errno), "output %s: what was written cannot be synced: %s", p->output_path,
                         strerror(errno));
    if (plan_has_files(p) &&
        ((fd = open_synced(&l->dir, p->output_dir, O_RDONLY | O_DIRECTORY)) < 0 || syncdir_all(fd) != 0))
        return diag_fail(d, file_error(errno), "output %s: what was written cannot be synced: %s", p->output_dir,
                         strerror(errno));
    return 0;
}

/* ---- messages in ---- */

static bool take_message(struct loop *l)
{
    struct msg_head head;
    struct diag d = {""};
    zmq_msg_t msg;
    zmq_msg_init(&msg);
    arena_reset(&l->arena);
    void *body = arena_alloc(&l->arena, PROTO_MAX_STRUCT); /* memory without a type of its own */
    if (!body)
        return false;
    int got = frames_receive(l->socket, NULL, &head, &msg, &d);
    if (got == 1)
        got = proto_body(head.type, zmq_msg_data(&msg), zmq_msg_size(&msg), &l->arena, body, &d);
    else if (got == 0) {
        zmq_msg_close(&msg);
        return false;
    }
    if (got < 0)
        log_warn("a malformed message of the broker was passed over: %s", d.text);
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): proto_body filled it, or got is below 0 */
    else if (head.type == MSG_ERROR && ((const struct msg_error *)body)->err != SHEAF_EGONE)
        log_error("the broker says: %s", ((const struct msg_error *)body)->text);
    l->sent_away = l->sent_away || (got >= 0 && head.type == MSG_QUIT);
    if (got >= 0)
        (void)worker_message(l->worker, head.type, body);
    zmq_msg_close(&msg);
    return true;
}

/* ---- turns ---- */

static bool lifeline_cut(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    char byte;
    return fd >= 0 && poll(&p, 1, 0) > 0 && read(fd, &byte, 1) <= 0;
}

/* What the loop waits for: the socket, signals, the lifeline, the slots. */
static int poll_items(const struct loop *l, bool lifeline, zmq_pollitem_t *items)
{
    struct pollfd fds[CREW_MAX_FDS];
    int n = 0;
    items[n++] = (zmq_pollitem_t){l->socket, 0, ZMQ_POLLIN, 0};
    items[n++] = (zmq_pollitem_t){NULL, l->sigfd, ZMQ_POLLIN, 0};
    if (lifeline)
        items[n++] = (zmq_pollitem_t){NULL, l->options->lifeline, ZMQ_POLLIN, 0};
    if (crew_fd(l->crew) >= 0) {
        items[n++] = (zmq_pollitem_t){NULL, crew_fd(l->crew), ZMQ_POLLIN, 0};
        return n;
    }
    size_t n_fds = crew_fds(l->crew, fds, CREW_MAX_FDS);
    for (size_t i = 0; i < n_fds; i++)
        items[n++] = (zmq_pollitem_t){NULL, fds[i].fd, fds[i].events, 0};
    return n;
}

/* A broker that sent us away, or whose client has ended as ours has, knows and may be gone: nothing waits for it. */
static void say_bye(struct loop *l)
{
    int linger = 0;
    if (l->sent_away || l->options->local)
        zmq_setsockopt(l->socket, ZMQ_LINGER, &linger, sizeof(linger));
    else
        send_one(l, MSG_BYE, NULL);
}

static int turns(struct loop *l, struct diag *d)
{
    static zmq_pollitem_t items[CREW_MAX_FDS + 4];
    bool lifeline = l->options->lifeline >= 0;
    int64_t wait_ns = 0, stop_at = 0;
    while (!worker_finished(l->worker)) {
        long wait_ms = (long)((wait_ns + NS_PER_MS - 1) / NS_PER_MS);
        if (zmq_poll(items, poll_items(l, lifeline, items), wait_ms) < 0 && errno != EINTR)
            return diag_fail(d, SHEAF_EIO, "zmq_poll: %s", zmq_strerror(errno));
        int64_t now = clock_mono_ns();
        worker_time(l->worker, now);
        if (!stop_at && (sigfd_next(l->sigfd) != 0 || lifeline_cut(l->options->lifeline))) {
            worker_stop(l->worker);
            stop_at = now + STOP_NS;
            lifeline = false;
        }
        for (int i = 0; i < TURN_MESSAGES && take_message(l); i++)
            ;
        crew_service(l->crew, true);
        wait_ns = worker_tick(l->worker);
        if (stop_at && now > stop_at)
            break;
    }
    say_bye(l);
    const char *trouble = worker_trouble(l->worker);
    return trouble ? diag_fail(d, SHEAF_EIO, "%s", trouble) : 0;
}

/* ---- start and end ---- */

/* Reconnects soon after a broker's restart, but a thousand workers not all at once. */
static int open_socket(struct loop *l, struct diag *d)
{
    int linger = 300, first = l->options->local ? 2 : 200 + (int)randombytes_uniform(1800), last = 15000;
    int64_t most = (int64_t)PROTO_MAX_BODY;
    int few = descriptors_check(DESCRIPTORS, d);
    if (few < 0)
        return few;
    l->ctx = zmq_ctx_new();
    l->socket = l->ctx ? zmq_socket(l->ctx, ZMQ_DEALER) : NULL;
    if (!l->socket)
        return diag_fail(d, SHEAF_EIO, "cannot make a ZeroMQ socket: %s", zmq_strerror(errno));
    zmq_setsockopt(l->socket, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(l->socket, ZMQ_MAXMSGSIZE, &most, sizeof(most));
    zmq_setsockopt(l->socket, ZMQ_RECONNECT_IVL, &first, sizeof(first));
    if (!l->options->local)
        zmq_setsockopt(l->socket, ZMQ_RECONNECT_IVL_MAX, &last, sizeof(last));
    if (zmq_connect(l->socket, l->options->broker) < 0)
        return diag_fail(d, SHEAF_EINVAL, "cannot connect to %s: %s", l->options->broker, zmq_strerror(errno));
    return 0;
}

static uint32_t cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > (long)CREW_MAX_SLOTS ? CREW_MAX_SLOTS : (uint32_t)n;
}

static int start(struct loop *l, struct diag *d)
{
    const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    uint8_t id[16];
    struct worker_config config = {.instance = l->instance,
                                   .host = l->host,
                                   .pid = (uint32_t)getpid(),
                                   .slots = l->options->slots ? l->options->slots : cores()};
    struct worker_env env = {.ctx = l,
                             .send = send_one,
                             .send_frames = send_frames,
                             .own_pss = own_pss,
                             .own_cpu_ns = own_cpu,
                             .sync_output = sync_output};
    if (config.slots > CREW_MAX_SLOTS)
        return diag_fail(d, SHEAF_EINVAL, "--slots %u: at most %u", config.slots, CREW_MAX_SLOTS);
    randombytes_buf(id, sizeof(id));
    sodium_bin2hex(l->instance, sizeof(l->instance), id, sizeof(id));
    if (gethostname(l->host, sizeof(l->host) - 1) != 0)
        l->host[0] = '\0';
    fingerprint_compute(config.fingerprint);
    l->sigfd = sigfd_open(signals, sizeof(signals) / sizeof(signals[0]), d);
    if (l->sigfd < 0)
        return l->sigfd;
    int err = open_socket(l, d);
    if (err < 0)
        return err;
    l->worker = worker_create(&config, &env);
    if (!l->worker)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    struct crew_events events = worker_events(l->worker);
    l->crew = crew_create(selfexe_path(), config.slots, &events, d);
    if (!l->crew)
        return SHEAF_ENOMEM;
    worker_set_ops(l->worker, crew_ops(l->crew));
    return 0;
}

int worker_run(const struct worker_options *o, struct diag *d)
{
    struct loop l = {.options = o, .sigfd = -1, .file.fd = -1, .dir.fd = -1};
    arena_init(&l.arena, 0);
    mem_keep_freed();
    int err = start(&l, d);
    if (err == 0)
        err = turns(&l, d);
    crew_destroy(l.crew);
    worker_destroy(l.worker);
    if (l.socket)
        zmq_close(l.socket);
    if (l.ctx)
        zmq_ctx_term(l.ctx);
    sigfd_close(l.sigfd);
    if (l.file.fd >= 0)
        close(l.file.fd);
    if (l.dir.fd >= 0)
        close(l.dir.fd);
    arena_finish(&l.arena);
    buf_finish(&l.head);
    buf_finish(&l.frame);
    return err;
}
