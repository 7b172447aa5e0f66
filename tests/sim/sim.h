/* SPDX-License-Identifier: MIT
 *
 * sim: the real logic of one broker and several workers under a virtual clock, network, disk and slots, from a seed.
 * Everything that happens is an event in one heap; the same seed gives the same run, to the last bit.
 *
 * After every step: each position is journaled once at most; what the broker acknowledges is durable; a worker reports only what
 * it was granted; no position is lost between done, pending and leases; counts of leases are true; queues are bounded. At the
 * end: all tasks have ended, and the results digest is that of a plain computation.
 */
#ifndef SHEAF_TESTS_SIM_H
#define SHEAF_TESTS_SIM_H

#include "broker/broker.h"
#include "broker/broker_impl.h"
#include "common/clock.h"
#include "worker/worker_impl.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_WORKERS 8u
#define SIM_SLOTS 8u

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
double rng_unit(struct rng *r); /* [0, 1) */
bool rng_chance(struct rng *r, double p);
int64_t rng_between(struct rng *r, int64_t from, int64_t to); /* inclusive */
uint64_t hash_of(uint64_t a, uint64_t b);

/* What a seed stands for. */
struct weather {
    uint32_t workers, slots;
    uint64_t trials, splits, keep_best, verify_ppm;
    double drop, duplicate, reorder; /* of messages */
    int64_t delay_ns, delay_spread_ns;
    double flaky, poison, fails; /* of tasks: crash once, crash always, return an error */
    int64_t task_ns;
    double task_tail; /* share of tasks that take a hundred times as long */
    int64_t faults_until;
    int64_t mean_between_faults; /* 0 = none */
    double disk_error;           /* share of commits that fail, as long as there are faults */
};

enum sim_event_kind {
    SIM_TO_BROKER,
    SIM_TO_WORKER,
    SIM_BROKER_TURN,
    SIM_WORKER_TURN,
    SIM_SLOT,
    SIM_COMMIT,
    SIM_READ,
    SIM_FAULT,
    SIM_CLIENT
};

struct sim_event {
    int64_t at;
    uint64_t order; /* ties: first made, first done */
    enum sim_event_kind kind;
    uint32_t worker, slot, life; /* life: of the process that it is meant for */
    uint64_t peer;
    struct buf head, frame;
};

struct vchunk {
    struct chunk c;
    uint32_t end, done; /* done: told or waiting to be told */
};

/* A slot that computes in no time but the clock's. */
struct vslot {
    bool alive, ready, told_ready, dying, stuck;
    uint32_t life;
    uint64_t sweep;
    struct vchunk q[2];
    uint32_t nq;
    bool running; /* q[0]'s task `done` runs, until task_end */
    int64_t task_end;
    uint8_t status[4096];
    double scores[4096];
    uint32_t n_records;
    struct slot_death death;
    bool dead_told;
    uint64_t done_tasks;
    int64_t busy_ns;
};

struct granted { /* a lease that has reached a worker */
    uint64_t lease, from, to;
};

struct sent { /* a report, by its number */
    uint64_t seq;
    struct interval *runs;
    uint32_t n;
};

struct vworker {
    struct sim *sim;
    uint32_t index;
    struct worker *logic;
    struct crew_events events;
    struct slot_ops ops;
    struct vslot slots[SIM_SLOTS];
    char instance[33];
    uint32_t life;
    uint64_t peer;
    int64_t paused_until, cut_in_until, cut_out_until; /* SIGSTOP; partitions, either way */
    bool turn_due;                                     /* its slots have news */
    uint64_t appointment;                              /* only the newest counts */
    struct sent *sent;
    uint32_t n_sent;
    struct granted *granted;
    uint32_t n_granted;
};

/* What is on the disk. */
struct vdisk {
    bool has_sweep;
    struct buf plan, snapshot;
    uint8_t identity[HASH_BYTES];
    uint8_t *status; /* per position; 0 = not there */
    double *scores;
    uint8_t *snapshot_done;
    uint64_t frontier;
    uint32_t state;
    char reason[256];
    struct journal_numbers numbers;
    struct scribe_batch *first, **last; /* handed over, not durable */
    int64_t free_at;                    /* when the disk is idle again */
    struct scribe_read *reading;        /* at most one: there is one sweep */
};

struct sim {
    uint64_t seed;
    struct rng rng;
    struct weather weather;
    struct plan plan;
    struct buf plan_bytes;
    uint8_t identity[HASH_BYTES], expected[HASH_BYTES];
    int64_t now;
    struct sim_event *heap;
    uint32_t n_events, cap_events;
    uint64_t order, steps;
    struct broker *broker;
    uint32_t broker_life;
    int64_t broker_busy, broker_paused;
    uint64_t durable_ticket;
    struct vworker workers[SIM_WORKERS];
    struct vdisk disk;
    bool finished;
    uint32_t final_state;
    uint64_t final_done, final_failed;
    bool trace;
    const char *wrong; /* the invariant that broke */
    char detail[256];
};

/* Runs one seed to its end; false with sim->wrong set when an invariant broke. */
bool sim_run(struct sim *s, uint64_t seed, bool trace);

/* sim.c */
void sim_at(struct sim *s, struct sim_event ev);
void sim_broker_crashes(struct sim *s);
void sim_wrong(struct sim *s, const char *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* simdisk.c */
void disk_push(struct sim *s, struct scribe_batch *b);
void disk_commit(struct sim *s); /* the oldest batch */
void disk_crash(struct sim *s,
                bool written); /* written: some of what was handed over made it, although nobody was told */
bool disk_restore(struct sim *s);
void disk_ask(struct sim *s, struct scribe_read *r);
void disk_answer(struct sim *s);
bool disk_holds(const struct sim *s, uint64_t position);

/* simcheck.c */
void check_broker(struct sim *s);
void check_ack(struct sim *s, const struct vworker *w, const struct msg_ack *m);
void check_worker(struct sim *s, const struct vworker *w);
void note_grant(struct vworker *w, const struct msg_grant *m);
void note_report(struct vworker *w, const struct buf *frame);
void forget_notes(struct vworker *w);

/* simslots.c */
void slots_init(struct vworker *w);
void slots_event(struct vworker *w, uint32_t slot, uint32_t life);
void worker_appointment(struct vworker *w, int64_t in_ns); /* sim.c: its next turn */
void slots_tell(struct vworker *w);                        /* in the worker's turn */
void slot_fault(struct vworker *w);                        /* kills one at random */
uint8_t task_status_of(const struct sim *s, uint64_t position);
double task_score_of(uint64_t position);

#endif
