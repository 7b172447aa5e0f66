/* SPDX-License-Identifier: MIT
 *
 * frames: whatever a peer sends, all its frames are taken off the socket, one at a time, so that an endless message
 * costs no memory and the next message starts where it should.
 */
#include "common/frames.h"

#include <errno.h>
#include <string.h>

struct reading {
    uint64_t *peer;
    struct msg_head *head;
    zmq_msg_t *body;
    struct diag *d;
    int err;
};

/* Frame number n, counted without the identity (n = -1). */
static void take_frame(struct reading *r, int n, zmq_msg_t *frame)
{
    size_t len = zmq_msg_size(frame);
    if (n < 0 && len == FRAMES_PEER_BYTES)
        memcpy(r->peer, zmq_msg_data(frame), len);
    else if (n < 0)
        r->err = diag_fail(r->d, SHEAF_EPROTO, "a peer has chosen an identity of its own");
    else if (n == 0 && r->err == 0)
        r->err = proto_head(zmq_msg_data(frame), len, r->head, r->d);
    else if (n == 1)
        (void)zmq_msg_move(r->body, frame);
}

int frames_receive(void *socket, uint64_t *peer, struct msg_head *head, zmq_msg_t *body, struct diag *d)
{
    struct reading r = {.peer = peer, .head = head, .body = body, .d = d};
    int n = peer ? -1 : 0, more = 1;
    if (peer)
        *peer = 0;
    for (; more; n++) {
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&frame);
            return 0;
        }
        more = zmq_msg_more(&frame);
        take_frame(&r, n, &frame);
        (void)zmq_msg_close(&frame);
    }
    if (r.err == 0 && n != 2)
        r.err = diag_fail(d, SHEAF_EPROTO, "a message has to have two frames, this one has %d", n);
    return r.err < 0 ? r.err : 1;
}

/* Where the body can follow: 1; else 0, or -1 when there is no such peer. */
static int send_head(void *socket, const uint64_t *peer, const struct buf *head)
{
    if (peer && zmq_send(socket, peer, FRAMES_PEER_BYTES, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        return zmq_errno() == EHOSTUNREACH ? -1 : 0;
    return zmq_send(socket, head->data, head->len, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0;
}

bool frames_send(void *socket, const uint64_t *peer, const struct buf *head, const struct buf *body)
{
    int sent = send_head(socket, peer, head);
    if (sent == 1)
        (void)zmq_send(socket, body->data, body->len, ZMQ_DONTWAIT);
    return sent >= 0;
}

bool frames_send_msg(void *socket, const uint64_t *peer, const struct buf *head, zmq_msg_t *body)
{
    int sent = send_head(socket, peer, head);
    if (sent != 1 || zmq_msg_send(body, socket, ZMQ_DONTWAIT) < 0)
        (void)zmq_msg_close(body);
    return sent >= 0;
}
