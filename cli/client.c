/* SPDX-License-Identifier: MIT
 *
 * client: DEALER socket, two frames a message.
 */
#include "cli/client.h"
#include "cli/address.h"
#include "common/clock.h"
#include "common/fsutil.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#define LINGER_MS 200
#define DESCRIPTORS 16 /* that libzmq needs */
#define PROBE_MS 100   /* silence after which it is looked whether the broker is still there */

struct client {
    void *ctx, *socket;
    char *endpoint;
    struct buf head, frame; /* kept for reuse */
};

void client_msg_init(struct client_msg *m)
{
    memset(m, 0, sizeof *m);
    arena_init(&m->arena, 0);
}

void client_msg_finish(struct client_msg *m)
{
    buf_finish(&m->bytes);
    arena_finish(&m->arena);
    free(m->body);
    client_msg_init(m);
}

int client_msg_decode(struct client_msg *m, uint32_t type, struct diag *d)
{
    if (m->body == NULL)
        m->body = mem_realloc(NULL, PROTO_MAX_STRUCT);
    if (m->body == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    arena_reset(&m->arena);
    m->type = type;
    return proto_body(type, m->bytes.data, m->bytes.len, &m->arena, m->body, d);
}

/* A local broker is started beside us, so a connect that came too early is tried again soon; a remote one is not hurried. */
static void set_options(void *socket, const char *endpoint)
{
    int linger = LINGER_MS, quick = 2, slow = 200, slowest = 5000;
    int64_t most = (int64_t)PROTO_MAX_BODY;
    bool local = strncmp(endpoint, "ipc://", 6) == 0;
    (void)zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    (void)zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    (void)zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, local ? &quick : &slow, sizeof quick);
    if (!local)
        (void)zmq_setsockopt(socket, ZMQ_RECONNECT_IVL_MAX, &slowest, sizeof slowest);
}

int client_open(const char *endpoint, struct client **out, struct diag *d)
{
    int few = descriptors_check(DESCRIPTORS, d);
    if (few != SHEAF_OK)
        return few;
    struct client *c = mem_realloc(NULL, sizeof *c);
    if (c == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    memset(c, 0, sizeof *c);
    int err = SHEAF_OK;
    c->endpoint = strdup(endpoint);
    c->ctx = zmq_ctx_new();
    c->socket = c->ctx != NULL ? zmq_socket(c->ctx, ZMQ_DEALER) : NULL;
    if (c->endpoint == NULL || c->socket == NULL) {
        err = diag_fail(d, SHEAF_EIO, "a socket to the broker: %s", zmq_strerror(zmq_errno()));
        goto fail;
    }
    set_options(c->socket, endpoint);
    if (zmq_connect(c->socket, endpoint) != 0) {
        err = diag_fail(d, SHEAF_EINVAL, "'%s' is no address of a broker (%s); give tcp://HOST:PORT or ipc://PATH",
                        endpoint, zmq_strerror(zmq_errno()));
        goto fail;
    }
    *out = c;
    return SHEAF_OK;
fail:
    client_close(c);
    return err;
}

void client_give_up(struct client *c)
{
    int linger = 0;
    if (c != NULL)
        (void)zmq_setsockopt(c->socket, ZMQ_LINGER, &linger, sizeof linger);
}

void client_close(struct client *c)
{
    if (c == NULL)
        return;
    if (c->socket != NULL)
        (void)zmq_close(c->socket);
    while (c->ctx != NULL && zmq_ctx_term(c->ctx) != 0 && zmq_errno() == EINTR)
        ;
    buf_finish(&c->head);
    buf_finish(&c->frame);
    free(c->endpoint);
    free(c);
}

int client_probe(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path)
        return ENAMETOOLONG;
    memcpy(address.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return errno;
    /* Who listens and has no room in its queue must not hold us up. */
    int err = fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0
                  ? 0
                  : errno;
    if (err == EAGAIN)
        err = 0;
    (void)close(fd);
    return err;
}

/* ZeroMQ would go on trying for ever, so a path where nobody listens is found out by asking the kernel. */
static bool is_gone(const char *endpoint)
{
    return strncmp(endpoint, "ipc://", 6) == 0 && client_probe(endpoint + 6) != 0;
}

bool client_gone(const struct client *c)
{
    return is_gone(c->endpoint);
}

int client_open_live(const char *endpoint, struct client **out, struct diag *d)
{
    int err = address_check(endpoint, false, d);
    if (err != SHEAF_OK)
        return err;
    if (is_gone(endpoint))
        return diag_fail(d, SHEAF_EGONE, "no broker listens on %s; start one with `sheaf broker`, or check the address",
                         endpoint);
    return client_open(endpoint, out, d);
}

int client_send(struct client *c, uint32_t type, const void *body, struct diag *d)
{
    c->head.len = c->frame.len = 0;
    int err = proto_encode(type, body, &c->head, &c->frame);
    if (err != SHEAF_OK)
        return diag_fail(d, err, "message %s: %s", proto_name(type), sheaf_strerror(err));
    if (zmq_send(c->socket, c->head.data, c->head.len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_send(c->socket, c->frame.data, c->frame.len, ZMQ_DONTWAIT) < 0)
        return diag_fail(d, SHEAF_EGONE, "the broker at %s takes no messages: %s", c->endpoint,
                         zmq_strerror(zmq_errno()));
    return SHEAF_OK;
}

static bool more_frames(void *socket)
{
    int more = 0;
    size_t len = sizeof more;
    return zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &len) == 0 && more != 0;
}

/* One frame into out, emptied before. 0, SHEAF_EGONE, SHEAF_ENOMEM. */
static int take_frame(void *socket, struct buf *out)
{
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame);
    int err = SHEAF_EGONE;
    if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0) {
        out->len = 0;
        err = buf_append(out, zmq_msg_data(&frame), zmq_msg_size(&frame));
    }
    (void)zmq_msg_close(&frame);
    return err;
}

static int wait_readable(struct client *c, int timeout_ms, struct diag *d)
{
    int64_t until = clock_mono_ns() + timeout_ms * NS_PER_MS;
    for (;;) {
        int64_t left = until - clock_mono_ns();
        zmq_pollitem_t item = {.socket = c->socket, .events = ZMQ_POLLIN};
        int n = zmq_poll(&item, 1, left <= 0 ? 0 : (long)((left + NS_PER_MS - 1) / NS_PER_MS));
        if (n > 0)
            return SHEAF_OK;
        if (n == 0 || zmq_errno() != EINTR)
            return diag_fail(d, SHEAF_EGONE, "the broker at %s does not answer", c->endpoint);
    }
}

int client_recv(struct client *c, struct client_msg *m, int timeout_ms, struct diag *d)
{
    int err = wait_readable(c, timeout_ms, d);
    if (err != SHEAF_OK)
        return err;
    err = take_frame(c->socket, &c->head);
    bool two = err == SHEAF_OK && more_frames(c->socket);
    if (two)
        err = take_frame(c->socket, &m->bytes);
    while (more_frames(c->socket) && take_frame(c->socket, &c->frame) == SHEAF_OK)
        two = false; /* a third frame: the message is not ours */
    if (err != SHEAF_OK)
        return diag_fail(d, err, "a message of the broker: %s", sheaf_strerror(err));
    if (!two)
        return diag_fail(d, SHEAF_EPROTO, "the broker at %s does not speak our protocol", c->endpoint);
    struct msg_head head;
    err = proto_head(c->head.data, c->head.len, &head, d);
    if (err != SHEAF_OK)
        return err;
    return client_msg_decode(m, head.type, d);
}

const char *client_endpoint(const struct client *c)
{
    return c->endpoint;
}

void *client_socket(struct client *c)
{
    return c->socket;
}

/* client_recv with all the patience there is for a broker that lives. */
static int recv_patiently(struct client *c, struct client_msg *m, struct diag *d)
{
    int err = SHEAF_EGONE;
    for (int waited = 0; err == SHEAF_EGONE && waited < CLIENT_TIMEOUT_MS; waited += PROBE_MS) {
        err = client_recv(c, m, PROBE_MS, d);
        if (err == SHEAF_EGONE && is_gone(c->endpoint))
            return diag_fail(d, err, "the broker at %s has ended", c->endpoint);
    }
    return err;
}

int client_call(struct client *c, uint32_t type, const void *body, uint32_t want, struct client_msg *m, struct diag *d)
{
    int err = client_send(c, type, body, d);
    while (err == SHEAF_OK) {
        err = recv_patiently(c, m, d);
        if (err != SHEAF_OK || m->type == want)
            return err;
        if (m->type == MSG_ERROR)
            return client_refusal(m, d);
    }
    return err;
}

int client_refusal(const struct client_msg *m, struct diag *d)
{
    const struct msg_error *e = m->body;
    int err = e->err < 0 && e->err >= SHEAF_ERR_LAST ? (int)e->err : SHEAF_EPROTO;
    return diag_fail(d, err, "%s", e->text[0] != '\0' ? e->text : sheaf_strerror(err));
}
