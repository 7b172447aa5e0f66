/* SPDX-License-Identifier: MIT
 *
 * broker_script: the steps of the broker's target, as seeds.c writes and broker_fuzz.c reads them.
 */
#ifndef SHEAF_TESTS_FUZZ_BROKER_SCRIPT_H
#define SHEAF_TESTS_FUZZ_BROKER_SCRIPT_H

/* arg: the peer. MESSAGE: a type byte, then the body as it comes off the wire. */
enum broker_step {
    BROKER_MESSAGE, /* from peer arg */
    BROKER_TIME,    /* arg x 100 ms pass */
    BROKER_COMMIT,  /* the oldest batch is durable */
    BROKER_SETTLE,  /* all of them, and every page is read */
    BROKER_ANSWER,  /* a page is read, after everything was committed */
    BROKER_CRASH,   /* the broker is killed, and started again */
    BROKER_GONE,    /* peer arg cannot be reached; 0 = all can again */
    BROKER_STOP,
};

/* Of the first broker of a script: leases are counted up from BROKER_LEASE. */
#define BROKER_EPOCH (((uint64_t)1 << 32) + 1)
#define BROKER_LEASE (((uint64_t)1 << 32) + 1)

#endif
