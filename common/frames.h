/* SPDX-License-Identifier: MIT
 *
 * frames: one message of ours as ZeroMQ frames: [identity,] head, body (common/proto.h). Nothing here blocks.
 */
#ifndef SHEAF_COMMON_FRAMES_H
#define SHEAF_COMMON_FRAMES_H

#include "common/proto.h"

#include <zmq.h>

/* The identity of a peer as ROUTER makes them up; one that a peer chose itself has another length and is refused. */
#define FRAMES_PEER_BYTES 5u

/* Takes one message off the socket. peer: a ROUTER's, filled in; NULL for a DEALER. body: initialised by the caller. 1 = taken, 0 = none
 * there, else SHEAF_EPROTO or SHEAF_EVERSION with a line in d: the message is gone, *peer is 0 or who sent it. */
int frames_receive(void *socket, uint64_t *peer, struct msg_head *head, zmq_msg_t *body, struct diag *d);

/* Sends one message (to a ROUTER's peer, or with NULL on a DEALER) or loses it, when the peer does not read. False when there is no
 * such peer any more. */
bool frames_send(void *socket, const uint64_t *peer, const struct buf *head, const struct buf *body);

/* The same with a body that libzmq has already; it is taken over in any case. */
bool frames_send_msg(void *socket, const uint64_t *peer, const struct buf *head, zmq_msg_t *body);

#endif
