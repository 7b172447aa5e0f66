/* SPDX-License-Identifier: MIT
 *
 * broker_fixture: the broker's logic with a real journal in a temporary directory, which commits and answers only when a test
 * says so, and peers that only listen. The clock stands still between turns.
 */
#ifndef SHEAF_BROKER_BROKER_FIXTURE_H
#define SHEAF_BROKER_BROKER_FIXTURE_H

#include "broker/broker_impl.h"
#include "common/mailbox_fixture.h"
#include "sweep/plan_fixture.h"

#define CLIENT ((uint64_t)1000)
#define WORKER_A ((uint64_t)1)
#define WORKER_B ((uint64_t)2)

struct broker_fixture {
    struct broker *broker;
    struct broker_config config;
    char dir[64];
    struct journal *journal;
    struct scribe_batch *first, **last; /* handed over, not durable */
    struct scribe_read *asked;
    struct mailbox out;
    struct plan_fixture plan;
    struct buf plan_bytes;
    int64_t now, cpu_ns;
    void (*memory)(bool inside);      /* told when the logic is entered and left; may be NULL */
    uint64_t gone;                    /* a peer that cannot be reached */
    uint64_t seq;                     /* of the last report */
    const struct output_ops *outputs; /* of brokers to come; NULL at first */
    uint32_t journaled[16];           /* ops by kind */
    bool may_break, broken;           /* the journal may fail; it has: nothing is committed or read any more */
};

/* 100 trials without splits; limits: none but attempts. */
void fixture_init(struct broker_fixture *f);
void fixture_init_in(struct broker_fixture *f, const char *dir); /* which need not be there, and goes at the end */
void fixture_finish(struct broker_fixture *f);

/* The same for cmocka: *state becomes a fixture of its own. FIXTURE_TEST: a row of the table of tests that have it so. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
#define FIXTURE_TEST(test_) cmocka_unit_test_setup_teardown(test_, fixture_setup, fixture_teardown)

/* Another broker takes up what is durable; what was not is lost. */
void fixture_restart(struct broker_fixture *f);

/* Time passes in steps, with a tick each. */
void fixture_pass(struct broker_fixture *f, int64_t ms);

/* The journal commits everything; answers one read; both until there is nothing left. Each with a tick. */
void fixture_commit(struct broker_fixture *f);
bool fixture_answer(struct broker_fixture *f);
void fixture_settle(struct broker_fixture *f);

int fixture_message(struct broker_fixture *f, uint64_t peer, uint32_t type, const void *body);

/* ---- clients ---- */

void client_submits(struct broker_fixture *f);        /* f->plan, as it is now */
uint64_t client_gets_sweep(struct broker_fixture *f); /* submits, settles, checks that it was taken; its number */
void client_asks(struct broker_fixture *f, uint32_t type, uint64_t sweep, bool now); /* CANCEL, RETRY, REMOVE */
const char *client_refused(struct broker_fixture *f); /* the last ERROR's words; NULL = none */
const struct msg_status *client_status(struct broker_fixture *f, uint64_t sweep);

/* ---- workers ---- */

/* f->plan as a sweep, or with n trials, and worker A with one slot; or also all of its tasks done. Return the sweep's number. */
uint64_t fixture_sweep(struct broker_fixture *f);
uint64_t fixture_sweep_of(struct broker_fixture *f, uint64_t n);
uint64_t fixture_finished_sweep(struct broker_fixture *f);

void worker_hello(struct broker_fixture *f, uint64_t peer, uint32_t slots, struct msg_held *held, uint32_t n_held);
void worker_beats(struct broker_fixture *f, uint64_t peer, struct msg_held *held, uint32_t n_held);
const struct msg_grant *worker_wants(struct broker_fixture *f, uint64_t peer); /* nothing measured, one slot idle */
const struct msg_grant *worker_wants_at(struct broker_fixture *f, uint64_t peer, uint64_t sweep, double tasks_per_s);
struct msg_lease worker_gets(struct broker_fixture *f, uint64_t peer); /* wants, and is granted one lease */

/* Reports [from, from + n) of a lease with its true scores; returns the number of the report. */
uint64_t worker_reports(struct broker_fixture *f, uint64_t peer, const struct msg_lease *l, uint64_t from, uint64_t n,
                        bool closed);
/* The same, all of one status. */
uint64_t worker_reports_as(struct broker_fixture *f, uint64_t peer, const struct msg_lease *l, uint64_t from,
                           uint64_t n, uint8_t status, bool closed);
/* The same with everything that a report can carry: n is 1 or 2, the last one has failed, the first has a log line and a group. */
uint64_t worker_reports_all_kinds(struct broker_fixture *f, uint64_t peer, const struct msg_lease *l, uint64_t from,
                                  uint64_t n);
void fixture_report(struct broker_fixture *f, uint64_t peer, const struct msg_report *m);
bool worker_acked(struct broker_fixture *f, uint64_t peer, uint64_t seq);

/* Does everything that is granted, until nothing is. */
void worker_does_all(struct broker_fixture *f, uint64_t peer);

/* The lease as a worker lists it. */
struct msg_held held_of(const struct msg_lease *l);

#endif
