/* SPDX-License-Identifier: MIT
 *
 * broker: the logic of a broker, without sockets, clocks, threads or files. It takes (now, peer, message) and what the journal
 * says, and answers through the table `broker_env`. The real program (broker/loop.c) and the simulator (tests/sim) drive
 * the same code.
 *
 * It promises: each task of an accepted sweep reaches exactly one recorded end; a position counts once, whoever reports
 * it first; nothing is acknowledged that the journal has not committed.
 */
#ifndef SHEAF_BROKER_BROKER_H
#define SHEAF_BROKER_BROKER_H

#include "broker/outputs.h"
#include "broker/scribe.h"
#include "common/proto.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct broker;

/* A received message whose bytes must outlive its handling: counted references, released on any thread. */
struct letter {
    _Atomic int refs;
    size_t bytes; /* of memory that it takes */
    void (*free)(struct letter *l);
};
void letter_ref(struct letter *l);
void letter_unref(void *letter);

/* What peers can make a broker hold. 0: the default. */
struct broker_limits {
    uint32_t workers;     /* known ones, those lost in the last minutes among them: 16,384 */
    uint32_t leases;      /* of one worker, as it registers them itself: 4,096 */
    uint32_t sweeps;      /* 10,000 */
    uint64_t plan_bytes;  /* of all sweeps: 1 GiB */
    uint32_t watches;     /* clients that are told of sweeps: 4,096 */
    uint32_t reads;       /* pages asked of the journal at once: 256 */
    uint32_t groups;      /* of one trial: 2^24 */
    uint64_t group_bytes; /* their names and sums: 1 GiB */
    uint32_t acks;        /* reports that wait for the journal: 65,536; as many answers to clients besides */
};

struct broker_config {
    uint64_t epoch;            /* of this run; not 0 */
    uint64_t last_sweep;       /* the highest number that the journal has given to a sweep, be it gone or not */
    uint32_t beat_ms, lost_ms; /* 0: 1,000 and 5,000 */
    uint32_t
        expected_workers; /* > 0: once so many have said hello, nothing granted before a restart is waited for any longer */
    struct broker_limits limits;
};

struct broker_env {
    void *ctx;
    /* Sends one message; may lose it. peer: as given to broker_message. False when there is no such peer any more. */
    bool (*send)(void *ctx, uint64_t peer, uint32_t type, const void *body);
    /* Hands a batch to the journal; its ticket comes back through broker_durable. Takes the batch over. */
    void (*journal)(void *ctx, struct scribe_batch *batch);
    /* Asks for a page; comes back through broker_answered. Lent until then. */
    void (*read)(void *ctx, struct scribe_read *read);
    uint64_t (*own_pss)(void *ctx);
    int64_t (*own_cpu_ns)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
    const struct output_ops *outputs; /* NULL: no sweep with an output file is taken on */
};

/* NULL when out of memory. */
struct broker *broker_create(const struct broker_config *config, const struct broker_env *env);
void broker_destroy(struct broker *b);

/* A sweep of the journal, before the first turn; its runs are then read through env->read. 0, SHEAF_ECORRUPT, SHEAF_ENOMEM. */
int broker_restore(struct broker *b, const struct journal_sweep *s, struct diag *d);

/* Each turn: the clock first, then messages and journal news in any order, then the tick. A gap of more than 1.5 s shifts every
 * deadline. */
void broker_time(struct broker *b, int64_t now);

/* While messages are not taken, because the journal has to catch up first, no worker is silent. */
void broker_listens(struct broker *b, bool on);

/* A message. letter: kept (by reference) while the journal needs the body's bytes. 0, or SHEAF_EPROTO when the message is not one that
 * a broker takes; never fatal. */
int broker_message(struct broker *b, uint64_t peer, uint32_t type, const void *body, struct letter *letter);

void broker_durable(struct broker *b, uint64_t ticket);
void broker_answered(struct broker *b, struct scribe_read *read);

/* A job of output_ops.finish is over. Takes it over. */
void broker_written(struct broker *b, struct output_job *job);

/* What output_job_discard is to know of a sweep; the caller's. NULL when the sweep makes no output, or is not there, or memory is short. */
struct output_job *broker_leftover(struct broker *b, uint64_t sweep);

/* Returns how many ns from now on the next tick is due at the latest. */
int64_t broker_tick(struct broker *b);

/* Memory, in bytes, that grows with a sweep's results and is no peer's doing: the groups that are being summed. */
uint64_t broker_held_bytes(const struct broker *b);

/* End: workers are told to quit; finished once everything handed to the journal is durable. */
void broker_stop(struct broker *b);
bool broker_finished(const struct broker *b);

/* Out of memory or the like: the program ends, restarts and reconciles. Until then every call does nothing. */
bool broker_failed(const struct broker *b);

#endif
