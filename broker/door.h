/* SPDX-License-Identifier: MIT
 *
 * door: who is connected to the broker's socket, and which of them are shown out. libzmq bounds a frame (ZMQ_MAXMSGSIZE), but
 * neither a message, whose frames it gathers out of our sight until the last one comes, nor what waits for a peer that does not
 * read. So the door closes connections:
 *   - that have not brought a message of ours within DOOR_STRANGER_NS;
 *   - that come when there are too many;
 *   - that have been silent for DOOR_SILENT_NS while this process has grown by DOOR_GROWTH bytes, and all of them when that
 *     has not helped as long again.
 * An honest peer connects again by itself, and asks or says again what may have been lost.
 */
#ifndef SHEAF_BROKER_DOOR_H
#define SHEAF_BROKER_DOOR_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#define DOOR_STRANGER_NS (INT64_C(10) * 1000000000)
#define DOOR_SILENT_NS (INT64_C(2) * 1000000000)
#define DOOR_LOOK_NS (INT64_C(100) * 1000000)
#define DOOR_REST_NS (INT64_C(500) * 1000000)
#define DOOR_CALM ((uint64_t)64 << 20)
#define DOOR_GROWTH ((uint64_t)512 << 20)
#define DOOR_MOST 8192u /* connections; fewer where the process may have fewer descriptors */

struct door;

/* Watches a socket that is not bound yet. 0, SHEAF_ENOMEM, SHEAF_EIO. Close it before the socket. */
int door_open(void *ctx, void *socket, struct door **out, struct diag *d);
void door_close(struct door *door); /* NULL is fine */

/* A message of ours came; frame: one that libzmq received, not the identity. */
void door_heard(struct door *door, const zmq_msg_t *frame, int64_t now);

/* Has the last look been DOOR_LOOK_NS ago? */
bool door_due(const struct door *door, int64_t now);

/* How long one may sleep before the next look, in ns: DOOR_REST_NS after the last one, but only DOOR_LOOK_NS where memory had
 * grown by DOOR_CALM then. To wake up costs 50 times what a look does. */
int64_t door_wait(const struct door *door, int64_t now);

/* Looks at everybody. memory: what this process has to itself, apart from what is known to be needed. */
void door_look(struct door *door, int64_t now, uint64_t memory);

/* Connections at present; those that were closed here so far. */
uint32_t door_count(const struct door *door);
uint64_t door_closed(const struct door *door);

#endif
