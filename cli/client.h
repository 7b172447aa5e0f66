/* SPDX-License-Identifier: MIT
 *
 * client: a connection to a broker: a DEALER socket, requests and replies of common/proto.h. What a broker sends is checked
 * like any peer's bytes; a broker that is silent is SHEAF_EGONE.
 */
#ifndef SHEAF_CLI_CLIENT_H
#define SHEAF_CLI_CLIENT_H

#include "common/proto.h"

#include <stdint.h>

#define CLIENT_TIMEOUT_MS 10000 /* a broker in the middle of a long commit still answers within this */

struct client;

/* A received message: its type, its body as the struct of that type (in memory of its own, so that it may be any struct), and
 * what the body points to. May be moved by assignment. */
struct client_msg {
    uint32_t type;
    void *body; /* NULL before the first message */
    struct buf bytes;
    struct arena arena;
};

void client_msg_init(struct client_msg *m);
void client_msg_finish(struct client_msg *m);

/* Reads m->bytes, the body of a message of that type, into m->body. 0, SHEAF_ENOMEM, or as proto_body. */
int client_msg_decode(struct client_msg *m, uint32_t type, struct diag *d);

/* Connects to "ipc://..." or "tcp://..."; returns at once, also when nobody listens there yet. 0, SHEAF_EINVAL for what is no
 * endpoint, SHEAF_ENOMEM, SHEAF_EIO. Close with client_close (NULL is fine); what was sent has 200 ms left to leave. */
int client_open(const char *endpoint, struct client **out, struct diag *d);
void client_close(struct client *c);

/* What has not left yet, need not. NULL is fine. */
void client_give_up(struct client *c);

/* The same, but SHEAF_EGONE at once when nobody listens on an ipc endpoint. */
int client_open_live(const char *endpoint, struct client **out, struct diag *d);

/* Tries to reach a socket: 0 when somebody listens there, else the errno of connect. */
int client_probe(const char *path);

/* Has an ipc broker ended? (Of a TCP one that cannot be told.) */
bool client_gone(const struct client *c);

/* Sends one message. 0, SHEAF_ENOMEM, SHEAF_ELIMIT, SHEAF_EGONE. */
int client_send(struct client *c, uint32_t type, const void *body, struct diag *d);

/* Takes the next message, waiting up to timeout_ms for it (0: only what is there). 0; SHEAF_EGONE when none came;
 * SHEAF_EPROTO, SHEAF_EVERSION. *m is reused: what it held is gone. */
int client_recv(struct client *c, struct client_msg *m, int timeout_ms, struct diag *d);

/* The ZeroMQ socket, for zmq_poll. */
void *client_socket(struct client *c);

/* The address that it was opened with. */
const char *client_endpoint(const struct client *c);

/* One request and its reply of type `want`; others are passed over. A MSG_ERROR ends it with its error and text. SHEAF_EGONE after
 * CLIENT_TIMEOUT_MS of silence, and soon after an ipc broker has ended. */
int client_call(struct client *c, uint32_t type, const void *body, uint32_t want, struct client_msg *m, struct diag *d);

/* The error that a MSG_ERROR carries (SHEAF_EPROTO when that is no error number of ours), its text in d. */
int client_refusal(const struct client_msg *m, struct diag *d);

#endif
