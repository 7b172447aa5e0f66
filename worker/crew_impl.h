/* SPDX-License-Identifier: MIT
 *
 * crew_impl: what the files of the crew share. crew.c: its life, what the logic may ask, the turn; crewslot.c: how a slot
 * process starts and ends; crewdrain.c: what it says.
 */
#ifndef SHEAF_WORKER_CREW_IMPL_H
#define SHEAF_WORKER_CREW_IMPL_H

#include "worker/crew.h"
#include "worker/keeper.h"
#include "worker/memfile.h"
#include "worker/slotmsg.h"
#include "worker/watch.h"

#include <sys/types.h>

#define CREW_TAIL 2048u
#define CREW_OUTPUT 65536u /* raw bytes of stdout and of stderr that are passed on between two orders */
#define CREW_ORDERS 4u

enum crew_state {
    CREW_EMPTY = 0,
    CREW_LIVE,  /* a process */
    CREW_ENDED, /* it was reaped; what it left behind is being drained */
};

/* What of a slot can be read; in the low bits of a watch's tag. */
enum crew_source { SOURCE_SOCK, SOURCE_OUT, SOURCE_ERR, SOURCE_END, N_SOURCES = 4 };

struct crew_pipe {
    int fd; /* -1 = closed */
    uint64_t left, dropped;
};

/* A chunk that was ordered. `end` is settled: the slot runs exactly the tasks below. */
struct crew_order {
    struct chunk chunk;
    uint32_t end;
};

struct crew_slot {
    enum crew_state state;
    pid_t pid;
    int sock, end_fd; /* -1 = none */
    struct crew_pipe pipes[2];
    void *map;
    size_t map_size;
    struct page_reader reader;
    uint32_t n_group_values;
    /* oldest first; the slot has been told the first n_sent. Two can be in its page: the others wait here */
    struct crew_order orders[CREW_ORDERS];
    uint32_t n_orders, n_sent;
    uint32_t done; /* records taken of orders[0] */
    bool news;     /* look at its rings */
    bool woken;    /* since its last news: */
    bool owed;     /* a wake that was not sent because of that */
    bool ready;
    const char *broken; /* not NULL: what it did to lose our trust */
    int wait_status;
    int64_t cpu_ns;
    bool has_open_error;
    char open_error[SLOTMSG_MAX + 1];
    size_t raw_len; /* written to descriptor 2 so far; raw holds the last of it */
    char raw[CREW_TAIL];
    struct slotmsg_inbox inbox;
};

struct crew {
    struct crew_events ev;
    struct slot_ops ops;
    const char *exe;
    uint32_t n_slots;
    struct watch *watch;
    struct keeper *keeper;
    int null_fd;
    bool cannot_start; /* the last start has failed */
    int lifeline[2];   /* a pipe that nobody writes to: slots see by its end that we are gone */
    /* the plan that was handed to a slot last, sealed */
    struct memfile plan_file;
    void *plan_map;
    int64_t dead_cpu_ns;
    char *side;      /* PAGE_SIDE_MAX + 1: an entry */
    uint8_t *status; /* a whole ring of records */
    double *scores;
    struct crew_slot *slots;
};

/* crewslot.c */
int crewslot_start(struct crew *c, uint32_t slot, struct slice plan_bytes, const struct plan *plan, struct diag *d);
/* Has the process ended? Then it is reaped. */
bool crewslot_reap(struct crew *c, uint32_t slot, bool wait);
void crewslot_kill(struct crew *c, uint32_t slot);
/* Stops trusting a slot. */
void crewslot_break(struct crew *c, uint32_t slot, const char *why);
/* Forgets a slot whose process has ended, without a word. */
void crewslot_clear(struct crew *c, uint32_t slot);
/* Tells of the death and clears the slot. */
void crewslot_bury(struct crew *c, uint32_t slot);

/* crewdrain.c */
void crewdrain_messages(struct crew *c, uint32_t slot);
void crewdrain_output(struct crew *c, uint32_t slot, int which);
/* True when nothing is left in the rings. */
bool crewdrain_rings(struct crew *c, uint32_t slot);

/* crew.c */
void crew_send(struct crew *c, uint32_t slot, const struct slotmsg *m, int fd, const char *text);
/* Drops orders that are finished and tells the slot those for which there is room in its page now. */
void crew_advance(struct crew *c, uint32_t slot);

#endif
