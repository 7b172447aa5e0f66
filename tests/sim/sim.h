/* SPDX-License-Identifier: MIT
 *
 * sim: the real logic of one broker and several workers, with clients, under virtual clocks, network, disk and slots, from a
 * seed. Everything that happens is an event in one heap; the same seed gives the same run, to the last bit.
 *
 * After every step: each position of each sweep is journaled once at most and with its right result; what the broker
 * acknowledges and what it says of an ended sweep is durable; a worker reports only what it was granted; no position is
 * lost between done, pending and leases; counts are true; queues are bounded. At the end: every sweep has ended as its
 * client wants it, and its results digest is that of a plain computation.
 */
#ifndef SHEAF_TESTS_SIM_H
#define SHEAF_TESTS_SIM_H

#include "broker/broker.h"
#include "broker/broker_impl.h"
#include "common/clock.h"
#include "worker/worker_impl.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_WORKERS 6u
#define SIM_SLOTS 4u
#define SIM_SWEEPS 3u
#define SIM_TASKS 4096u /* of one sweep at most */
#define SIM_ATTEMPTS 3u
#define SIM_ACKS 64u        /* that wait for the journal: few, so that seeds reach the limit */
#define SIM_TASK_SECONDS 15 /* limit of tasks where some hang; twice as long as a slot is stopped at most */

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
double rng_unit(struct rng *r); /* [0, 1) */
bool rng_chance(struct rng *r, double p);
int64_t rng_between(struct rng *r, int64_t from, int64_t to); /* inclusive */
uint64_t hash_of(uint64_t a, uint64_t b);

/* What a seed stands for, as far as it concerns all sweeps. */
struct weather {
    uint32_t workers, slots, sweeps;
    bool local;                      /* a broker that expects one worker, as `sheaf run` starts it */
    double drop, duplicate, reorder; /* of messages */
    int64_t delay_ns, delay_spread_ns;
    int64_t faults_until;
    int64_t mean_between_faults;
    double disk_error; /* share of commits that fail, as long as there are faults */
    double deeds;      /* what clients do at each turn besides waiting, as long as there are faults */
    bool mixed;        /* workers with two kinds of arithmetic */
};

enum sim_event_kind {
    SIM_TO_BROKER, /* from a worker */
    SIM_TO_WORKER,
    SIM_BROKER_TURN,
    SIM_WORKER_TURN,
    SIM_WORKER_BEGINS,
    SIM_SLOT,
    SIM_COMMIT,
    SIM_READ,
    SIM_FAULT,
    SIM_FROM_CLIENT,
    SIM_TO_CLIENT,
    SIM_CLIENT_TURN
};

struct sim_event {
    int64_t at;
    uint64_t order; /* ties: first made, first done */
    enum sim_event_kind kind;
    uint32_t node, slot, life; /* node: of the worker or client; life: of the process that it is meant for */
    uint64_t peer;
    struct buf head, frame;
};

/* ---- slots and workers ---- */

struct vchunk {
    struct chunk c;
    uint32_t end, done; /* done: told or waiting to be told */
};

/* A slot that computes in no time but the clock's. */
struct vslot {
    bool alive, ready, told_ready, dying, was_paused, open_fails;
    uint32_t life;
    const struct vsweep *user;
    struct vchunk q[2];
    uint32_t nq;
    bool running; /* q[0]'s task `done` runs, until task_end; 0 = until it is killed */
    int64_t task_end, paused_until;
    uint8_t status[4096];
    double scores[4096];
    uint32_t n_records;
    struct slot_death death;
    int64_t busy_ns;
};

struct granted { /* a lease that has reached a worker */
    uint64_t sweep, lease, from, to;
};

struct sent { /* a report, by its number */
    uint64_t seq, sweep;
    bool passed_over; /* it came when its sweep took no results: acknowledged, but not kept */
    struct interval *runs;
    uint32_t n;
};

struct vworker {
    struct sim *sim;
    uint32_t index;
    struct worker *logic; /* NULL between two lives */
    struct crew_events events;
    struct slot_ops ops;
    struct vslot slots[SIM_SLOTS];
    char instance[33];
    uint32_t life;
    uint64_t peer;
    int64_t clock;                                     /* what its clock is ahead of virtual time */
    int64_t paused_until, cut_in_until, cut_out_until; /* SIGSTOP; partitions, either way */
    bool turn_due;                                     /* its slots have news */
    bool says_bye;                                     /* it ends by its own will */
    uint64_t appointment;                              /* only the newest counts */
    struct sent *sent;
    uint32_t n_sent;
    struct granted *granted;
    uint32_t n_granted;
};

/* ---- sweeps, as their users see them ---- */

struct vclient {
    uint64_t peer, id; /* id: the broker's number of its sweep; 0 = not known */
    uint32_t life;
    int64_t heard, cut_in_until, cut_out_until, paused_until;
    bool wants_whole; /* asks for all trials now */
    bool settled;     /* has seen the end that it wants */
};

struct vsweep {
    uint32_t index;
    char name[16];
    struct plan plan;
    struct plan_value value;
    struct plan_axis axis;
    struct plan_param param;
    struct plan_score score;
    struct plan_goal goal;
    struct buf whole, part; /* encoded; part: fewer trials, empty when it never grows */
    uint64_t part_trials;
    uint8_t identity[HASH_BYTES], expected[HASH_BYTES], part_expected[HASH_BYTES];
    uint64_t total, failing;                     /* tasks; of them such as always fail */
    double flaky, poison, stuck, fails, skipped; /* of tasks: crash once, always, hang, return an error; of trials */
    int64_t task_ns;
    double task_tail; /* share of tasks that take a hundred times as long */
    bool opens;       /* false: the plugin cannot be opened as long as there are faults */
    bool ever_cancelled;
    struct vclient client;
};

/* ---- the disk ---- */

struct vstored { /* a sweep in the journal */
    uint64_t id;
    struct vsweep *user;
    struct buf plan, snapshot;
    uint8_t identity[HASH_BYTES];
    uint8_t *status; /* per position; 0 = not there */
    uint8_t *kind;   /* of its failure; 0 = none recorded */
    double *scores;
    uint8_t *snapshot_done;
    uint64_t frontier;
    uint32_t state;
    bool limit_hit, retried;
    int64_t files;       /* -1: none counted */
    uint32_t arithmetic; /* bit by bit: of the workers whose results are here */
    char reason[256];
    struct journal_numbers numbers;
};

struct vbatch { /* handed over, not durable */
    struct vbatch *next;
    struct scribe_batch *batch;
    uint8_t *done; /* keep: best: the done-set of the moment */
    uint32_t arithmetic;
};

struct vread {
    struct vread *next;
    struct scribe_read *read;
    uint64_t after;
};

struct vdisk {
    struct vstored *stored[64];
    uint32_t n_stored;
    struct vbatch *first, **last;
    struct vread *reads;
    uint64_t last_sweep; /* the highest number ever */
    int64_t free_at;     /* when the disk is idle again */
    int64_t full_until;  /* every commit fails */
};

/* ---- all of it ---- */

struct sim {
    uint64_t seed;
    struct rng rng;
    struct weather weather;
    struct vsweep sweeps[SIM_SWEEPS];
    int64_t now;
    struct sim_event *heap;
    uint32_t n_events, cap_events;
    uint64_t order, steps;
    struct broker *broker;
    uint32_t broker_life;
    int64_t broker_busy, broker_paused, broker_clock;
    uint64_t durable_ticket;
    uint32_t reporting; /* arithmetic of the worker whose message the broker takes now */
    struct vworker workers[SIM_WORKERS];
    struct vdisk disk;
    bool finished, trace;
    const char *wrong; /* the invariant that broke */
    char detail[256];
};

/* Runs one seed to its end; false with sim->wrong set when an invariant broke. */
bool sim_run(struct sim *s, uint64_t seed, bool trace);

/* sim.c */
void sim_wrong(struct sim *s, const char *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* simnet.c: the heap of events, and what travels. */
void sim_at(struct sim *s, struct sim_event ev);
struct sim_event sim_next(struct sim *s);
void event_drop(struct sim_event *ev);
void sim_carry(struct sim *s, struct sim_event ev, bool cut, const struct buf *head, const struct buf *frame);
void sim_post(struct sim *s, struct sim_event ev, bool cut, uint32_t type, const void *body);
/* The body of a message, in `a`; one that cannot be read is wrong. */
void *sim_decode(struct sim *s, const struct sim_event *ev, struct arena *a, uint32_t *type);
/* The same as a letter that holds its own copy of the bytes; *body lives as long. One reference, the caller's. */
struct letter *sim_letter(struct sim *s, const struct sim_event *ev, uint32_t *type, void **body);

/* simweather.c */
void weather_choose(struct sim *s);
/* Whatever of its plan is not chosen; and encodes it. */
void sweep_fill(struct vsweep *v);
void sweeps_make(struct sim *s); /* plans, and what a plain loop computes */
void sweeps_free(struct sim *s);
uint8_t task_status_of(const struct sim *s, const struct vsweep *v, uint64_t position);
double task_score_of(const struct vsweep *v, uint64_t position);
bool task_share(const struct sim *s, const struct vsweep *v, uint64_t position, uint64_t salt, double p);

/* simworker.c */
void worker_begin(struct sim *s, uint32_t index);
void worker_end(struct vworker *w); /* at once, as by kill -9 */
void worker_turn(struct sim *s, struct vworker *w);
void worker_appointment(struct vworker *w, int64_t in_ns); /* its next turn */
void worker_takes(struct sim *s, const struct sim_event *ev);
struct vworker *worker_by_peer(struct sim *s, uint64_t peer);

/* simbroker.c */
void broker_begin(struct sim *s);
void broker_crashes(struct sim *s);
void broker_turn(struct sim *s);
void broker_clock(struct sim *s);
void broker_takes(struct sim *s, const struct sim_event *ev);

/* simclient.c */
void client_begin(struct sim *s, struct vsweep *v); /* the first one, or one that has forgotten everything */
void client_turn(struct sim *s, struct vsweep *v);
void client_hears(struct sim *s, const struct sim_event *ev);
bool clients_settled(struct sim *s);

/* simfault.c */
void sim_fault(struct sim *s);

/* simdisk.c */
void disk_push(struct sim *s, struct scribe_batch *b);
void disk_commit(struct sim *s); /* the oldest batch */
/* written: some of what was handed over made it, although nobody was told */
void disk_crash(struct sim *s, bool written);
void disk_restore(struct sim *s);
void disk_ask(struct sim *s, struct scribe_read *r);
void disk_answer(struct sim *s);
void disk_free(struct sim *s);
struct vstored *disk_find(const struct sim *s, uint64_t sweep);
bool disk_holds(const struct vstored *d, uint64_t position);

/* simcheck.c */
void check_broker(struct sim *s);
void check_ack(struct sim *s, const struct vworker *w, const struct msg_ack *m);
void check_final(struct sim *s, const struct msg_status *m);
void check_worker(struct sim *s, const struct vworker *w);
void note_grant(struct vworker *w, const struct msg_grant *m);
void note_report(struct vworker *w, const struct buf *frame);
void note_passed_over(struct sim *s, const struct vworker *w, const struct msg_report *m);
void forget_notes(struct vworker *w);

/* simslots.c */
void slots_init(struct vworker *w);
void slots_event(struct vworker *w, const struct sim_event *ev);
void slots_tell(struct vworker *w);              /* in the worker's turn */
void slot_fault(struct vworker *w);              /* kills one at random */
void slot_pause(struct vslot *v, int64_t until); /* once in its life: limits have to hold */

#endif
