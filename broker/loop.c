/* SPDX-License-Identifier: MIT
 *
 * loop: one thread owns all state. Each turn: read the clock, drain what is ready up to a budget, take the journal's
 * news, tick. What the logic hands to the journal in a turn leaves together at its end.
 */
#include "broker/loop.h"
#include "broker/broker.h"
#include "broker/door.h"
#include "broker/outflow.h"
#include "common/clock.h"
#include "common/frames.h"
#include "common/fsutil.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/procinfo.h"
#include "common/sigfd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define TURN_MESSAGES 256                   /* taken in one turn at most */
#define BACKLOG_BYTES ((uint64_t)256 << 20) /* above this nothing is read until the journal has caught up */
#define READERS_NS (10 * NS_PER_S)          /* how long a local broker waits for readers of its journal to be through */
#define READERS_POLL_MS 5
#define HANDSHAKE_MS 5000 /* a connection that is not ours by then is closed */
#define PEER_MESSAGES 256 /* of one peer that wait to be read; the rest waits where it is */
#define DESCRIPTORS 24    /* before the first peer */

struct loop {
    const struct broker_options *options;
    char state_dir[4096];
    void *ctx, *socket;
    int sigfd;
    struct door *door;
    struct outflow *outflow;
    struct broker *broker;
    struct scribe *scribe;
    struct outputs *outputs;
    struct scribe_batch *first, **last; /* to hand over at the end of this turn */
    struct scribe_read *first_read, **last_read;
    struct buf head, frame;
    uint64_t bad;
    bool listening, written_down; /* bound; the endpoint file is ours */
};

/* A message with its bytes, for as long as anybody needs them. */
struct inbox {
    struct letter letter; /* first */
    zmq_msg_t msg;
    struct arena arena;
    _Alignas(16) unsigned char body[PROTO_MAX_STRUCT];
};

static void inbox_free(struct letter *l)
{
    struct inbox *in = (struct inbox *)(void *)l;
    zmq_msg_close(&in->msg);
    arena_finish(&in->arena);
    free(in);
}

static struct inbox *inbox_new(void)
{
    struct inbox *in = calloc(1, sizeof(*in));
    if (!in)
        return NULL;
    atomic_init(&in->letter.refs, 1);
    in->letter.free = inbox_free;
    arena_init(&in->arena, 0);
    zmq_msg_init(&in->msg);
    return in;
}

/* ---- what the logic asks for ---- */

static bool env_send(void *ctx, uint64_t peer, uint32_t type, const void *body)
{
    struct loop *l = ctx;
    l->head.len = l->frame.len = 0;
    int err = proto_encode(type, body, &l->head, &l->frame);
    if (err < 0) {
        log_error("cannot encode %s: %s", proto_name(type), sheaf_strerror(err));
        return true;
    }
    return outflow_send(l->outflow, l->socket, peer, &l->head, &l->frame);
}

static void env_journal(void *ctx, struct scribe_batch *batch)
{
    struct loop *l = ctx;
    batch->next = NULL;
    *l->last = batch;
    l->last = &batch->next;
}

/* A read is not to overtake the batches of its turn. */
static void env_read(void *ctx, struct scribe_read *read)
{
    struct loop *l = ctx;
    read->next = NULL;
    *l->last_read = read;
    l->last_read = &read->next;
}

static uint64_t env_pss(void *ctx)
{
    (void)ctx;
    return procinfo_pss_bytes(getpid());
}

static int64_t env_cpu(void *ctx)
{
    (void)ctx;
    return clock_cpu_ns();
}

static int64_t env_wall(void *ctx)
{
    (void)ctx;
    return clock_wall_ms();
}

static void hand_over(struct loop *l)
{
    while (l->first) {
        struct scribe_batch *batch = l->first;
        l->first = batch->next;
        batch->next = NULL;
        scribe_push(l->scribe, batch);
    }
    l->last = &l->first;
    while (l->first_read) {
        struct scribe_read *read = l->first_read;
        l->first_read = read->next;
        scribe_ask(l->scribe, read);
    }
    l->last_read = &l->first_read;
}

/* ---- messages in ---- */

static void refuse(struct loop *l, uint64_t peer, int err, const struct diag *d)
{
    l->bad++;
    if (l->bad == 1)
        log_warn("a malformed message was refused: %s", d->text);
    if (peer)
        env_send(l, peer, MSG_ERROR, &(struct msg_error){.err = err, .text = d->text});
}

/* Takes one message; false when there is none. */
static bool take_message(struct loop *l)
{
    uint64_t peer;
    struct msg_head head;
    struct diag d = {""};
    struct inbox *in = inbox_new();
    if (!in)
        return false;
    int got = frames_receive(l->socket, &peer, &head, &in->msg, &d);
    if (got == 1)
        got = proto_body(head.type, zmq_msg_data(&in->msg), zmq_msg_size(&in->msg), &in->arena, in->body, &d);
    else if (got == 0) {
        letter_unref(in);
        return false;
    }
    in->letter.bytes = sizeof(*in) + in->arena.total + zmq_msg_size(&in->msg);
    int64_t now = clock_mono_ns(); /* a turn takes many reports; the last one may have come long after it began */
    broker_time(l->broker, now);
    if (got < 0)
        refuse(l, peer, got, &d);
    else if (broker_message(l->broker, peer, head.type, in->body, &in->letter) < 0)
        l->bad++;
    else
        door_heard(l->door, &in->msg, now);
    letter_unref(in);
    return true;
}

static void take_messages(struct loop *l)
{
    if (scribe_backlog(l->scribe) > BACKLOG_BYTES)
        return;
    for (int i = 0; i < TURN_MESSAGES && take_message(l); i++)
        ;
}

static int take_news(struct loop *l, struct diag *d)
{
    uint64_t durable;
    struct scribe_read *answered = NULL;
    int err = scribe_news(l->scribe, &durable, &answered, d);
    if (err < 0)
        return err;
    broker_durable(l->broker, durable);
    while (answered) {
        struct scribe_read *r = answered;
        answered = r->next;
        broker_answered(l->broker, r);
    }
    for (struct output_job *job; (job = outputs_news(l->outputs)) != NULL;)
        broker_written(l->broker, job);
    return 0;
}

/* ---- turns ---- */

static bool lifeline_cut(int fd, short revents)
{
    char byte;
    /* The end of a pipe is POLLHUP alone, which zmq_poll reports as ZMQ_POLLERR. */
    if (fd < 0 || !(revents & (ZMQ_POLLIN | ZMQ_POLLERR)))
        return false;
    return read(fd, &byte, 1) <= 0;
}

/* Now and then. Returns when next; what waits for the journal, and what the logic holds of results, is no flood. */
static int64_t look_at_door(struct loop *l)
{
    int64_t now = clock_mono_ns();
    if (door_due(l->door, now)) {
        uint64_t memory = procinfo_private_bytes(getpid());
        uint64_t needed = scribe_backlog(l->scribe) + broker_held_bytes(l->broker);
        door_look(l->door, now, memory > needed ? memory - needed : 0);
    }
    return door_wait(l->door, now);
}

static int turns(struct loop *l, struct diag *d)
{
    zmq_pollitem_t items[] = {{l->socket, 0, ZMQ_POLLIN, 0},
                              {NULL, scribe_fd(l->scribe), ZMQ_POLLIN, 0},
                              {NULL, outputs_fd(l->outputs), ZMQ_POLLIN, 0},
                              {NULL, l->sigfd, ZMQ_POLLIN, 0},
                              {NULL, l->options->lifeline, ZMQ_POLLIN, 0}};
    int n_items = l->options->lifeline >= 0 ? 5 : 4;
    int64_t wait_ns = 0;
    while (!broker_finished(l->broker)) {
        bool full = scribe_backlog(l->scribe) > BACKLOG_BYTES;
        items[0].events = full ? 0 : ZMQ_POLLIN;
        long wait_ms = (long)((wait_ns + NS_PER_MS - 1) / NS_PER_MS);
        if (zmq_poll(items, n_items, wait_ms) < 0 && errno != EINTR)
            return diag_fail(d, SHEAF_EIO, "zmq_poll: %s", zmq_strerror(errno));
        broker_listens(l->broker, !full);
        broker_time(l->broker, clock_mono_ns());
        if (sigfd_next(l->sigfd) != 0 || (n_items == 5 && lifeline_cut(l->options->lifeline, items[4].revents)))
            broker_stop(l->broker);
        if (n_items == 5 && (items[4].revents & (ZMQ_POLLIN | ZMQ_POLLERR)))
            n_items = 4;
        take_messages(l);
        int err = take_news(l, d);
        if (err < 0)
            return err;
        wait_ns = broker_tick(l->broker);
        hand_over(l);
        int64_t look_ns = look_at_door(l);
        wait_ns = look_ns < wait_ns ? look_ns : wait_ns;
        if (broker_failed(l->broker))
            return diag_fail(d, SHEAF_ECORRUPT, "out of memory, or the journal in %s is damaged", l->state_dir);
    }
    return 0;
}

/* ---- start and end ---- */

static int open_socket(struct loop *l, struct diag *d)
{
    int one = 1, linger = 500, handshake = HANDSHAKE_MS, waiting = PEER_MESSAGES;
    int64_t most = (int64_t)PROTO_MAX_BODY;
    descriptors_raise(DESCRIPTORS_ALL); /* every peer takes one: a thousand workers are more than the usual limit */
    int few = descriptors_check(DESCRIPTORS, d);
    if (few < 0)
        return few;
    l->ctx = zmq_ctx_new();
    l->socket = l->ctx ? zmq_socket(l->ctx, ZMQ_ROUTER) : NULL;
    l->outflow = outflow_create();
    if (!l->socket || !l->outflow)
        return diag_fail(d, SHEAF_EIO, "cannot make a ZeroMQ socket: %s", zmq_strerror(errno));
    zmq_setsockopt(l->socket, ZMQ_ROUTER_MANDATORY, &one, sizeof(one));
    zmq_setsockopt(l->socket, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(l->socket, ZMQ_MAXMSGSIZE, &most, sizeof(most));
    zmq_setsockopt(l->socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof(handshake));
    zmq_setsockopt(l->socket, ZMQ_RCVHWM, &waiting, sizeof(waiting));
    return door_open(l->ctx, l->socket, &l->door, d);
}

/* Binds before anything else, so that worker and client find us as soon as they look. */
static int listen_at(struct loop *l, struct diag *d)
{
    int fd = l->options->listen_fd;
    if (fd >= 0)
        zmq_setsockopt(l->socket, ZMQ_USE_FD, &fd, sizeof(fd));
    if (zmq_bind(l->socket, l->options->listen) < 0)
        return diag_fail(d, SHEAF_EINVAL, "cannot listen at %s: %s", l->options->listen, zmq_strerror(errno));
    l->listening = true;
    return 0;
}

/* Where the state is: given, or read from whoever started us before it was known. Nothing: they have changed their mind. */
static int find_state(struct loop *l, struct diag *d)
{
    size_t len = 0;
    ssize_t n;
    if (strcmp(l->options->state_dir, "-") != 0) {
        if (snprintf(l->state_dir, sizeof(l->state_dir), "%s", l->options->state_dir) >= (int)sizeof(l->state_dir))
            return diag_fail(d, SHEAF_EINVAL, "the name of the state directory is too long: %.64s...",
                             l->options->state_dir);
        return 0;
    }
    do {
        n = read(STDIN_FILENO, l->state_dir + len, sizeof(l->state_dir) - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return len ? 0 : SHEAF_EGONE;
}

/* Where `sheaf list` looks for a live broker. It need not outlive a power cut. */
static int write_endpoint(struct loop *l, struct diag *d)
{
    char path[4096], temporary[4096];
    const char *dir = l->state_dir;
    if (snprintf(path, sizeof(path), "%s/endpoint", dir) >= (int)sizeof(path) ||
        snprintf(temporary, sizeof(temporary), "%s/.endpoint.tmp", dir) >= (int)sizeof(temporary))
        return diag_fail(d, SHEAF_EINVAL, "%s: the name of the state directory is too long", dir);
    FILE *f = fopen(temporary, "we");
    bool written = f && fputs(l->options->listen, f) >= 0;
    if (f && fclose(f) != 0)
        written = false;
    if (!written || rename(temporary, path) != 0)
        return diag_fail(d, file_error(errno), "%s: cannot write: %s", path, strerror(errno));
    l->written_down = true;
    return 0;
}

/* Somebody who still lives made the socket, and gives it to the next broker when this one ends early: the next one cannot
 * make its name again. */
static bool socket_is_lent(const struct broker_options *o)
{
    struct pollfd p = {.fd = o->lifeline, .events = POLLIN};
    return o->listen_fd >= 0 && o->lifeline >= 0 && poll(&p, 1, 0) == 0;
}

/* Takes back what others would look for. */
static void unlisten(const struct loop *l)
{
    const struct broker_options *o = l->options;
    char path[4096];
    if (l->listening && !strncmp(o->listen, "ipc://", 6) && !socket_is_lent(o))
        unlink(o->listen + 6);
    if (l->written_down && snprintf(path, sizeof(path), "%s/endpoint", l->state_dir) < (int)sizeof(path))
        unlink(path);
}

/* Takes what the journal holds up into the logic. */
static int restore(struct loop *l, struct journal **journal, struct diag *d)
{
    struct arena a;
    struct journal_sweep *sweeps;
    uint32_t n;
    arena_init(&a, 0);
    int err = journal_sweeps(*journal, &a, &sweeps, &n, d);
    if (err == 0 && !(l->scribe = scribe_start(journal)))
        err = diag_fail(d, SHEAF_ENOMEM, "cannot start the journal's thread");
    broker_time(l->broker, clock_mono_ns());
    for (uint32_t i = 0; err == 0 && i < n; i++)
        err = broker_restore(l->broker, &sweeps[i], d);
    arena_finish(&a);
    return err;
}

/* `sheaf show` and the like hold the journal for a moment when they find no broker; the client that started us has seen to it
 * that nobody else wants it for longer. */
static int open_journal(struct loop *l, struct journal **journal, struct diag *d)
{
    int64_t until = clock_mono_ns() + (l->options->local ? READERS_NS : 0);
    for (;;) {
        int err = journal_open(l->state_dir, true, journal, d);
        if (err != SHEAF_EBUSY || clock_mono_ns() >= until)
            return err;
        struct pollfd lifeline = {l->options->lifeline, POLLIN, 0};
        if (poll(&lifeline, 1, READERS_POLL_MS) > 0)
            return err;
    }
}

static int start(struct loop *l, struct journal **journal, struct diag *d)
{
    const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct broker_config config = {.expected_workers = l->options->local ? 1 : 0};
    struct broker_env env = {.ctx = l,
                             .send = env_send,
                             .journal = env_journal,
                             .read = env_read,
                             .own_pss = env_pss,
                             .own_cpu_ns = env_cpu,
                             .wall_ms = env_wall};
    randombytes_buf(&config.epoch, sizeof(config.epoch));
    config.epoch |= 1;
    l->sigfd = sigfd_open(signals, sizeof(signals) / sizeof(signals[0]), d);
    if (l->sigfd < 0)
        return l->sigfd;
    int err = open_socket(l, d);
    if (err == 0)
        err = listen_at(l, d);
    if (err == 0)
        err = find_state(l, d);
    if (err == 0)
        err = dir_make(l->state_dir, 0700, d);
    if (err == 0)
        err = open_journal(l, journal, d);
    if (err < 0)
        return err;
    err = journal_last_sweep(*journal, &config.last_sweep, d);
    if (err < 0)
        return err;
    l->outputs = outputs_create();
    if (!l->outputs)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory or descriptors");
    env.outputs = outputs_ops(l->outputs);
    l->broker = broker_create(&config, &env);
    if (!l->broker)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    err = restore(l, journal, d);
    return err < 0 ? err : write_endpoint(l, d);
}

int broker_run(const struct broker_options *o, struct diag *d)
{
    struct loop l = {.options = o, .sigfd = -1};
    struct journal *journal = NULL;
    struct diag last = {""};
    l.last = &l.first;
    l.last_read = &l.first_read;
    mem_keep_freed();
    int err = start(&l, &journal, d);
    if (err == 0)
        err = turns(&l, d);
    unlisten(&l); /* before another broker can have the state directory, so before the journal is closed */
    if (l.scribe) {
        hand_over(&l);
        int failed = scribe_finish(l.scribe, err < 0 ? &last : d);
        err = err < 0 ? err : failed;
    }
    outputs_destroy(l.outputs); /* before another broker may have the journal, and with it the files */
    journal_close(journal);
    broker_destroy(l.broker);
    door_close(l.door);
    if (l.socket)
        zmq_close(l.socket);
    if (l.ctx)
        zmq_ctx_term(l.ctx);
    outflow_destroy(l.outflow);
    sigfd_close(l.sigfd);
    buf_finish(&l.head);
    buf_finish(&l.frame);
    return err == SHEAF_EGONE ? 0 : err; /* nobody wanted us after all */
}
