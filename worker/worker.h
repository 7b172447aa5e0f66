/* SPDX-License-Identifier: MIT
 *
 * worker: the logic of a worker, without sockets, clocks, threads or processes. It takes (now, message) and what its slots
 * tell, and answers through two tables: `send` for messages, `slot_ops` for slots. The real program (worker/loop.c) and
 * the simulator (tests/sim) drive the same code.
 *
 * It promises: every position of a lease is reported once it has ended, again and again until the broker acknowledges
 * it; a lease ends with a report that says closed; a task that kills its slot costs attempts of that task only.
 */
#ifndef SHEAF_WORKER_WORKER_H
#define SHEAF_WORKER_WORKER_H

#include "common/hash.h"
#include "common/proto.h"
#include "worker/crew.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;

struct worker_config {
    const char *instance; /* 32 hex digits, new at each start; static storage, as host */
    const char *host;
    uint32_t pid, slots; /* 1 .. CREW_MAX_SLOTS */
    uint8_t fingerprint[HASH_BYTES];
};

struct worker_env {
    void *ctx;
    /* Sends one message to the broker; may lose it (what matters is sent again). */
    void (*send)(void *ctx, uint32_t type, const void *body);
    /* The same for a message that is encoded already. */
    void (*send_frames)(void *ctx, const struct buf *head, const struct buf *frame);
    /* PSS of this process, 0 when unknown; CPU time of this process. Read once a second. */
    uint64_t (*own_pss)(void *ctx);
    int64_t (*own_cpu_ns)(void *ctx);
    /* Forces what slots have written to the sweep's output file and folder to the device; only for plans that have one. 0 or an error with a
     * line in d. */
    int (*sync_output)(void *ctx, const struct plan *p, struct diag *d);
};

/* NULL when out of memory. ops: see worker_set_ops; events of the crew: worker_events. */
struct worker *worker_create(const struct worker_config *config, const struct worker_env *env);
void worker_destroy(struct worker *w);

void worker_set_ops(struct worker *w, const struct slot_ops *ops);
struct crew_events worker_events(struct worker *w);

/* Each turn: the clock first, then messages and slot events in any order, then the tick. now: monotonic ns. A gap of more than 1.5 s
 * since the last turn (suspend, SIGSTOP) shifts every deadline. */
void worker_time(struct worker *w, int64_t now);

/* A message of the broker. 0, or SHEAF_EPROTO for one that a worker does not take. */
int worker_message(struct worker *w, uint32_t type, const void *body);

/* Hands out chunks, reports, beats. Returns how many ns from now on the next tick is due at the latest. */
int64_t worker_tick(struct worker *w);

/* Give everything up (SIGTERM, the broker's MSG_QUIT): finish is true once no slot lives and reports were sent. */
void worker_stop(struct worker *w);
bool worker_finished(const struct worker *w);

/* Why it has given up by itself, NULL when it has not. Static. */
const char *worker_trouble(const struct worker *w);

/* The connection was made anew: say hello again. */
void worker_reconnected(struct worker *w);

#endif
