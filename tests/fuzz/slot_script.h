/* SPDX-License-Identifier: MIT
 *
 * slot_script: the steps of the slot channel's target, as seeds_slot.c writes and slot_fuzz.c reads them.
 */
#ifndef SHEAF_TESTS_FUZZ_SLOT_SCRIPT_H
#define SHEAF_TESTS_FUZZ_SLOT_SCRIPT_H

/* arg: the slot. Numbers little-endian. */
enum slot_step {
    SLOT_STEP_SOCKET,  /* bytes on the order socket */
    SLOT_STEP_MESSAGE, /* one whole message: 1 byte type, 8: size; the rest: its text */
    SLOT_STEP_WORD,    /* 1 byte: which word of the page, 1: added (0) or stored (1), 8: the number */
    SLOT_STEP_BYTES,   /* 4 bytes: where in the page; the rest goes there */
    SLOT_STEP_RECORDS, /* 2 bytes: so many records are published; the rest: statuses, the last one for all others */
    SLOT_STEP_SIDE,    /* 1 byte: kind, 8: word; the rest: text of an entry of the side ring */
    SLOT_STEP_OUTPUT,  /* to stderr */
    SLOT_STEP_CLOSE,   /* its end of the socket */
    SLOT_STEP_DIES,
    SLOT_STEP_TIME,   /* arg x 20 ms pass */
    SLOT_STEP_BROKER, /* a message of the broker: a type byte and the body */
};

/* What every script begins with: sweep 1 with SLOT_ALL tasks, and its lease SLOT_LEASE over [0, SLOT_TASKS). */
#define SLOT_TASKS 21u
#define SLOT_ALL 100000u
#define SLOT_LEASE 1u

#endif
