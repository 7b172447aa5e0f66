/* SPDX-License-Identifier: MIT
 *
 * workerhost: a worker's logic for the targets `worker` and `slot`: messages go through the real decoder, what it sends is read
 * back, and what must hold of it whatever comes is asserted.
 */
#ifndef SHEAF_TESTS_FUZZ_WORKERHOST_H
#define SHEAF_TESTS_FUZZ_WORKERHOST_H

#include "tests/fuzz/script.h"
#include "worker/worker_impl.h"

struct workerhost {
    struct worker *worker;
    struct crew_events events;
    int64_t now;
    struct buf head, frame; /* of the last message */
};

/* Slots are the caller's: worker_set_ops comes next. h must stay where it is. */
void workerhost_init(struct workerhost *h, uint32_t slots);
void workerhost_finish(struct workerhost *h);

/* A message as it comes off the wire: a type byte and the body. What cannot be decoded is passed over, as in the loop. */
void workerhost_message(struct workerhost *h, const struct step *s);

/* Time passes. */
void workerhost_pass(struct workerhost *h, int64_t ns);

/* The end of a turn: the tick, then what must hold. */
void workerhost_turn(struct workerhost *h);

#endif
