/* SPDX-License-Identifier: MIT
 *
 * slotmsg: what crew and slot say to each other on the order socket: a fixed head, at most SLOTMSG_MAX bytes of text, and
 * with SLOT_BUILD and SLOT_CACHE a descriptor. Both are one executable on one machine, so the structs travel as they are.
 */
#ifndef SHEAF_WORKER_SLOTMSG_H
#define SHEAF_WORKER_SLOTMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTMSG_MAX 4096u

enum slotmsg_type {
    /* to the slot */
    SLOT_ORDER = 1, /* seq, count, first, attempt */
    SLOT_WAKE,      /* there is room in a ring again */
    SLOT_RETIRE,    /* close and exit 0 */
    SLOT_BUILD,     /* answer to SLOT_ASK: build it in this memory (descriptor) and say SLOT_BUILT or SLOT_UNBUILT */
    SLOT_CACHE,     /* answer to SLOT_ASK or SLOT_BUILT: here it is (descriptor) */
    SLOT_NO_CACHE,  /* answer to SLOT_ASK or SLOT_BUILT: no; text */
    /* from the slot */
    SLOT_READY = 16, /* open has succeeded */
    SLOT_FAILED,     /* it has not, the process ends; text */
    SLOT_NEWS,       /* look at the rings */
    SLOT_ASK,        /* size, text: name of a cache */
    SLOT_BUILT,      /* the memory is filled and unmapped */
    SLOT_UNBUILT,    /* the build failed; no answer */
    SLOT_SCOPE,      /* size: which trial of earlier sweeps it works on now; what it asks for is for that one */
};

struct slotmsg {
    uint32_t type, len; /* len: bytes of text that follow */
    uint32_t seq, count;
    uint64_t first, size;
    uint32_t attempt, unused;
};

/* Sends one message; text has m->len bytes, fd -1 = none. wait: until there is room. 0, SHEAF_EBUSY when there is
 * none, SHEAF_EGONE. */
int slotmsg_send(int sock, const struct slotmsg *m, const char *text, int fd, bool wait);

/* Waits for one message. text: SLOTMSG_MAX + 1 bytes, NUL-terminated. *fd: -1, or a descriptor that is the caller's. 0,
 * SHEAF_EGONE, SHEAF_EPROTO. */
int slotmsg_receive(int sock, struct slotmsg *m, char *text, int *fd);

/* Bytes that have arrived so far from a slot that is never waited for. */
struct slotmsg_inbox {
    size_t len;
    char bytes[2 * (sizeof(struct slotmsg) + SLOTMSG_MAX)];
};

/* Reads what there is and fits. 1 = something came, 0 = nothing now, SHEAF_EGONE. */
int slotmsg_fill(struct slotmsg_inbox *in, int sock);

/* Takes the next whole message out. 1, 0 = none yet, SHEAF_EPROTO. */
int slotmsg_next(struct slotmsg_inbox *in, struct slotmsg *m, char *text);

#endif
