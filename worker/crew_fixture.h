/* SPDX-License-Identifier: MIT
 *
 * crew_fixture: a crew with real slot processes for tests: it makes plans for the test plugins, and writes down what
 * it is told. The test program itself is the executable of the slots.
 */
#ifndef SHEAF_WORKER_CREW_FIXTURE_H
#define SHEAF_WORKER_CREW_FIXTURE_H

#include "common/arena.h"
#include "worker/crew.h"

#define FIXTURE_SLOTS 4u

struct told_side {
    uint32_t kind, len;
    uint64_t word;
    char *text;
};

/* What was told of one slot since it was started. */
struct told {
    bool ready, died;
    uint64_t n; /* records */
    struct buf status, scores;
    struct told_side *sides;
    uint32_t n_sides;
    struct buf output[2];
    struct slot_death death; /* texts copied below */
    char tail[4096], open_error[5000];
};

struct crew_fixture {
    struct crew *crew;
    const struct slot_ops *ops;
    struct told told[FIXTURE_SLOTS];
    uint64_t room; /* what the logic answers; UINT64_MAX / 2 at first */
    struct arena arena;
    struct plan plan;
    struct buf bytes; /* the plan's */
};

/* A value that the plan fixes for a parameter; text for choices. */
struct fixed {
    const char *name;
    double number;
    const char *text;
};

void fixture_init(struct crew_fixture *f, const char *exe);
void fixture_finish(struct crew_fixture *f);

/* f->plan and f->bytes: `trials` trials of plugin `name` with x = the trial's number, other parameters as fixed (ended
 * by a NULL name; NULL = defaults). */
void fixture_plan(struct crew_fixture *f, const char *name, uint64_t trials, const struct fixed *fixed);

/* Encodes f->plan again after a change. */
void fixture_encode(struct crew_fixture *f);

/* Starts a slot, with a clean sheet. */
void fixture_start(struct crew_fixture *f, uint32_t slot);
/* ... and waits until it is ready. */
void fixture_start_ready(struct crew_fixture *f, uint32_t slot);

void fixture_order(struct crew_fixture *f, uint32_t slot, uint32_t seq, uint64_t first, uint32_t count);

/* One turn of a loop: waits for news, then serves. */
void fixture_turn(struct crew_fixture *f);
void fixture_wait_ready(struct crew_fixture *f, uint32_t slot);
void fixture_wait_records(struct crew_fixture *f, uint32_t slot, uint64_t n);
void fixture_wait_death(struct crew_fixture *f, uint32_t slot);
/* Retires the slot and checks that it ends well. */
void fixture_retire(struct crew_fixture *f, uint32_t slot);

double fixture_score(const struct crew_fixture *f, uint32_t slot, uint64_t record);
uint8_t fixture_status(const struct crew_fixture *f, uint32_t slot, uint64_t record);

/* Side entries of a kind that contain a text. */
uint32_t fixture_count(const struct crew_fixture *f, uint32_t slot, uint32_t kind, const char *text);

#endif
