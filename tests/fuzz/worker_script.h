/* SPDX-License-Identifier: MIT
 *
 * worker_script: the steps of the worker's target, as seeds_worker.c writes and worker_fuzz.c reads them.
 */
#ifndef SHEAF_TESTS_FUZZ_WORKER_SCRIPT_H
#define SHEAF_TESTS_FUZZ_WORKER_SCRIPT_H

/* arg: the slot, where there is one. Numbers little-endian. */
enum worker_step {
    WORKER_MESSAGE, /* a type byte, then the body as it comes off the wire */
    WORKER_TIME,    /* arg x 20 ms pass */
    WORKER_READY,   /* the slot's plugin is open */
    WORKER_RECORDS, /* 2 bytes: so many tasks of the slot end; the rest: their statuses, the last one for all others */
    WORKER_DIES, /* 1 byte: signal (bit 0), in a task (1), open error (2); 4: offset of the task; the rest: last words */
    WORKER_RUNS,   /* 4 bytes: offset of the task that runs, 1: enum page_state, 4: MB of memory */
    WORKER_SIDE,   /* 1 byte: kind, 4: offset; the rest: its text */
    WORKER_OUTPUT, /* what the slot's process prints */
    WORKER_RECONNECTED,
    WORKER_STOP,
    WORKER_CANNOT_START, /* arg: from now on, or not */
    WORKER_CLAIMS,       /* 4 bytes: offset up to which the slot has claimed its chunk */
};

#endif
