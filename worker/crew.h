/* SPDX-License-Identifier: MIT
 *
 * crew: the slots of a worker, as processes. It starts them (posix_spawn of this executable as `sheaf slot`, never a fork),
 * orders chunks through a socketpair, drains their score and side rings and their stdout and stderr, builds caches once a
 * machine, and reaps them. It decides nothing: when to start, what to order, what a death means and when to kill is
 * the worker's logic (worker/worker.h), which reaches it through `struct slot_ops`, as the simulator's slots are reached.
 *
 * Nothing has a name: memory is memfd (portable twin: an unlinked file), so nothing is left behind whoever is killed.
 * A slot dies with its worker (PR_SET_PDEATHSIG, and end of file on the order socket).
 */
#ifndef SHEAF_WORKER_CREW_H
#define SHEAF_WORKER_CREW_H

#include "common/buf.h"
#include "common/err.h"
#include "sweep/plan.h"
#include "worker/page.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CREW_MAX_SLOTS 1024u

/* A chunk: tasks at positions [first, first + count) of the slot's sweep. */
struct chunk {
    uint32_t seq;   /* rises by one from chunk to chunk of a slot process, from 1 */
    uint32_t count; /* 1 .. ring capacity / 2 */
    uint64_t first;
    uint32_t attempt; /* 1 the first time */
};

struct slot_sample {
    uint64_t current;      /* page word: what runs, or ran last */
    uint32_t state;        /* enum page_state */
    uint64_t memory_bytes; /* private (anonymous) memory of the process now; 0 when it cannot be read */
    uint64_t pss_bytes;    /* proportional set size now; read only when asked for, else 0 */
    int64_t plugin_ns;     /* inside the plugin since the slot started */
    int64_t cpu_ns;        /* user and system time of the process */
};

/* How a slot ended. */
struct slot_death {
    bool by_signal;
    int code;             /* signal or exit status */
    uint32_t seq, offset; /* what it was running; seq 0 = nothing yet */
    bool in_task;         /* it died inside run */
    bool was_ready;       /* open had succeeded */
    const char
        *open_error;  /* not NULL: loading, describing or opening the plugin failed in good order, with these words */
    const char *tail; /* last lines of stderr, at most 2 KiB; "" */
    int64_t cpu_ns;   /* of the whole process */
};

/* What the worker's logic may ask of slots; `slot` < the number of slots. None blocks. */
struct slot_ops {
    void *ctx;
    /* Starts the process of an empty slot for a sweep. Answered by ready or died. 0 or an error (then nothing was started). */
    int (*start)(void *ctx, uint32_t slot, uint64_t sweep, struct slice plan_bytes, const struct plan *plan);
    /* Orders a chunk; at most two are outstanding. */
    void (*order)(void *ctx, uint32_t slot, const struct chunk *c);
    /* page_lower: takes back the tail of a chunk from `offset` on; returns where the taken tail starts, count = nothing. */
    uint32_t (*lower)(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset, uint32_t count);
    /* Sets the stop flag for task (seq, offset): stop_requested and report tell the plugin. */
    void (*stop)(void *ctx, uint32_t slot, uint32_t seq, uint32_t offset);
    /* SIGKILL; answered by died. A second call does nothing. */
    void (*kill)(void *ctx, uint32_t slot);
    /* Lets an idle slot end by itself (close, exit 0); answered by died. */
    void (*retire)(void *ctx, uint32_t slot);
    void (*sample)(void *ctx, uint32_t slot, bool with_pss, struct slot_sample *out);
};

/* What the crew tells; called from crew_service only. */
struct crew_events {
    void *ctx;
    void (*ready)(void *ctx, uint32_t slot);
    /* n finished tasks, in order, following those told before. Asked first how many bytes of scores may be taken now: */
    uint64_t (*room)(void *ctx, uint32_t slot);
    void (*records)(void *ctx, uint32_t slot, uint64_t n, const uint8_t *status, const double *scores);
    /* A side ring entry, always before the record of the task it belongs to. text: len bytes, NUL-terminated. */
    void (*side)(void *ctx, uint32_t slot, const struct side_head *head, const char *text, uint32_t len);
    /* Raw bytes from the slot's stdout (fd 1) or stderr (fd 2). */
    void (*output)(void *ctx, uint32_t slot, int fd, const char *bytes, size_t len);
    /* The last thing told of this process; its rings were drained before. The slot is empty then. */
    void (*died)(void *ctx, uint32_t slot, const struct slot_death *death);
};

struct crew;

/* exe: this executable. NULL with a line in d. */
struct crew *crew_create(const char *exe, uint32_t n_slots, const struct crew_events *ev, struct diag *d);
/* Kills and reaps every slot, frees everything. */
void crew_destroy(struct crew *c);

const struct slot_ops *crew_ops(struct crew *c);

/* One descriptor that is readable when any slot has news (an epoll). -1 in the portable twin: then poll crew_fds, at most
 * CREW_MAX_FDS, and serve once a tick besides. */
#define CREW_MAX_FDS ((size_t)4 * CREW_MAX_SLOTS)
int crew_fd(const struct crew *c);
size_t crew_fds(const struct crew *c, struct pollfd *out, size_t cap);

/* Takes what there is, up to a budget, and calls the events. `drain` = also look at rings of slots that have not woken us (the tick). */
void crew_service(struct crew *c, bool drain);

/* Sum of cpu of dead slots, and peak of the summed PSS as sampled. */
int64_t crew_dead_cpu_ns(const struct crew *c);

#endif
