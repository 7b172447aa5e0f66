/* SPDX-License-Identifier: MIT
 *
 * outflow: what is on its way to peers. libzmq queues a thousand messages for a peer that does not read, however large they are;
 * here each large one is followed until it has left this process, and a peer that has OUTFLOW_MOST bytes before it gets no
 * more: it asks again once it has read those.
 */
#ifndef SHEAF_BROKER_OUTFLOW_H
#define SHEAF_BROKER_OUTFLOW_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define OUTFLOW_LARGE ((size_t)64 << 10) /* smaller messages are not followed: a thousand of them are no burden */
#define OUTFLOW_MOST ((uint64_t)16 << 20)

struct outflow;

/* NULL when out of memory. Destroy it after the ZeroMQ context. */
struct outflow *outflow_create(void);
void outflow_destroy(struct outflow *o);

/* As frames_send, to a ROUTER's peer. A large body's memory is taken over: *body is empty afterwards. */
bool outflow_send(struct outflow *o, void *socket, uint64_t peer, const struct buf *head, struct buf *body);

/* Bytes of large messages that have not left for that peer. */
uint64_t outflow_waiting(const struct outflow *o, uint64_t peer);

#endif
