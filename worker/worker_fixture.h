/* SPDX-License-Identifier: MIT
 *
 * worker_fixture: the worker's logic with slots that do nothing by themselves and a broker that only listens. Tests say what
 * happens, turn by turn, on a clock that stands still in between.
 */
#ifndef SHEAF_WORKER_WORKER_FIXTURE_H
#define SHEAF_WORKER_WORKER_FIXTURE_H

#include "common/mailbox_fixture.h"
#include "sweep/plan_fixture.h"
#include "worker/worker_impl.h"

#define FAKE_ORDERS 4096u
#define FAKE_SLOTS 64u

/* What a slot was told, and what it is made to say. */
struct fake_slot {
    bool alive, ready;
    uint32_t starts, kills, retires, n_orders;
    struct chunk orders[FAKE_ORDERS];
    uint32_t n_done;            /* orders whose tasks have all been told */
    uint64_t claimed;           /* page word: tasks up to this one cannot be taken back */
    uint32_t ends[FAKE_ORDERS]; /* as lowered, by order */
    struct slot_sample sample;
};

struct worker_fixture {
    struct worker *worker;
    struct crew_events events;
    struct slot_ops ops;
    struct fake_slot slots[FAKE_SLOTS];
    struct plan_fixture plan;
    struct buf plan_bytes;
    struct mailbox out; /* peer 0 */
    int64_t now;
    bool cannot_start;
    uint32_t syncs;              /* of output files */
    bool cannot_sync;            /* from now on */
    void (*memory)(bool inside); /* told when the logic is entered and left; may be NULL */
};

/* n slots; the plan has 1,000 trials, no limits but 3 attempts. Its bytes are made when the first PLAN is given. */
void fixture_init(struct worker_fixture *f, uint32_t n_slots);
void fixture_finish(struct worker_fixture *f);

/* Time passes, then a turn. Returns what the tick says. */
int64_t fixture_turn(struct worker_fixture *f, int64_t ms);
/* The same in steps of at most 50 ms, as the tick asks for. */
void fixture_pass(struct worker_fixture *f, int64_t ms);

/* Messages of the broker, each followed by a turn without any time. */
void fixture_welcome(struct worker_fixture *f, uint64_t epoch, bool resend);
void fixture_plan(struct worker_fixture *f, uint64_t sweep);
void fixture_grant(struct worker_fixture *f, uint64_t lease, uint64_t from, uint64_t to,
                   uint32_t flags); /* of sweep 1 */
void fixture_message(struct worker_fixture *f, uint32_t type, const void *body);
void fixture_ack(struct worker_fixture *f, uint64_t seq);

/* A worker with sweep 1 and lease 1 over [0, n), its first slot ready and the first chunk ordered. */
void fixture_begin(struct worker_fixture *f, uint64_t n);

/* Slot events, without a turn. */
void slot_ready(struct worker_fixture *f, uint32_t slot);
void slot_tell(struct worker_fixture *f, uint32_t slot, uint32_t n, uint8_t status); /* its next n tasks */
void slot_runs(struct worker_fixture *f, uint32_t slot, uint32_t offset); /* of its first open chunk, from now on */
void slot_dies(struct worker_fixture *f, uint32_t slot, struct slot_death death);
void slot_crashes(struct worker_fixture *f, uint32_t slot); /* signal 11 in the task that is next to be told */

/* The order that a slot works on; NULL when it has none open. */
const struct chunk *slot_chunk(const struct worker_fixture *f, uint32_t slot);
uint32_t slots_started(const struct worker_fixture *f);

/* Lets every slot that lives finish everything that is ordered, turn after turn, until nothing is left. */
void fixture_work_off(struct worker_fixture *f);

/* Reports: what they say is finished goes into `all`, each position once (else the test fails); how many there are by now. */
uint64_t fixture_reported(struct worker_fixture *f, struct intervals *all);
/* The newest report; there is one. */
const struct msg_report *fixture_last_report(struct worker_fixture *f);

/* For cmocka. */
int setup_one_slot(void **state);
int setup_two_slots(void **state);
int setup_many_slots(void **state); /* FAKE_SLOTS */
int fixture_teardown(void **state);

#endif
