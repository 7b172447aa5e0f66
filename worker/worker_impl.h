/* SPDX-License-Identifier: MIT
 *
 * worker_impl: what the files of the worker's logic share. worker.c: life, messages, reports; dispatch.c: which slot
 * does what; slotbook.c: what slots tell.
 */
#ifndef SHEAF_WORKER_WORKER_IMPL_H
#define SHEAF_WORKER_WORKER_IMPL_H

#include "common/clock.h"
#include "common/list.h"
#include "worker/lease.h"
#include "worker/worker.h"

#define CHUNK_NS (50 * NS_PER_MS)        /* work in one chunk */
#define REPORT_NS (500 * NS_PER_MS)      /* findings wait this long at most */
#define RESEND_NS (5 * NS_PER_S)         /* an unacknowledged report goes out again */
#define WANT_NS (2 * NS_PER_S)           /* with less work at hand the worker asks for more */
#define UNACKED_BYTES ((size_t)24 << 20) /* above this slots wait: the broker is slower than they are */
#define LOOK_NS (200 * NS_PER_MS)        /* memory is read once in so long, when leases end, */
#define LOOK_WORTH_NS (20 * NS_PER_MS)   /* and for those that lasted so long only */
#define SAMPLE_NS (50 * NS_PER_MS)       /* how often running slots are looked at */
#define GAP_NS (1500 * NS_PER_MS)        /* a longer turn is a suspend or SIGSTOP */
#define START_COST_NS (4 * NS_PER_MS)    /* what a slot costs before the first one has been measured */
#define OPEN_NS (120 * NS_PER_S) /* a plugin may take this long to open, or task_seconds, but never less than: */
#define OPEN_LEAST_NS (10 * NS_PER_S)
#define FORGET_NS (60 * NS_PER_S) /* a sweep without leases for so long makes way */
#define LEASES_OPEN 256u          /* with so many the worker asks for no more */
#define LEARN_NS (2 * NS_PER_MS)  /* in less time than this nothing is learnt: chunks may come to light together */
#define UNMEASURED 64u            /* tasks a slot that are enough while nothing is known of their time */
#define SECOND_NS NS_PER_S        /* a task is run a second time only when it has run this long */

/* A sweep as this worker knows it. Once dropped it is not used again: should the broker grant more of it, that is a new one of the
 * same id beside it, whose plan comes anew (it may have grown), while the old one's slots die. */
struct wsweep {
    struct list node;
    uint64_t id;
    struct buf bytes; /* the plan; struct plan points into it */
    struct arena arena;
    struct plan plan;
    uint32_t n_scores;
    bool have_plan;
    bool dropped;   /* nothing of it is handed out any more */
    bool dry;       /* the broker had nothing more when last asked */
    double task_ns; /* time of one task in one slot; 0 = not known */
    uint64_t largest_chunk;
    uint32_t slots_used;   /* most slots alive at once */
    uint32_t deaths_early; /* before their first task, in a row */
    int64_t backoff_until;
    int64_t plugin_ns;  /* not reported yet */
    const char *broken; /* in arena: the plugin cannot be opened here */
    bool broken_told;
    int64_t asked_plan_at;
    int64_t idle_since; /* without leases; 0 = it has some */
    bool synced;        /* its output file, since the last records of a slot */
};

/* A chunk that a slot holds. */
struct wchunk {
    struct chunk c;
    uint64_t lease; /* id; the lease may have ended since */
    uint64_t sweep;
    uint32_t end;  /* offset; below c.count once a tail was taken */
    uint32_t seen; /* records that came */
};

/*            order       died
 * EMPTY -> STARTING -> READY -> ENDING -> EMPTY
 *      start      ready    retire, kill   died        (died leads to EMPTY from everywhere) */
enum wslot_state { WSLOT_EMPTY, WSLOT_STARTING, WSLOT_READY, WSLOT_ENDING };

/* Why this worker killed a slot; FAIL_TIMEOUT and FAIL_MEMORY besides. */
enum { KILL_NONE = 0, KILL_UNWANTED = 100 };

/* A side entry that waits for the record of its task. */
struct aside {
    uint64_t word;
    uint32_t kind, len;
    char *bytes;
};

struct wslot {
    enum wslot_state state;
    struct wsweep *sweep; /* not NULL unless EMPTY */
    bool verify;          /* started for a second look */
    bool worked;          /* has been given a chunk: no longer fresh */
    bool told;            /* a task of it has finished */
    struct wchunk q[2];   /* q[0] is in work or next */
    uint32_t nq, next_seq;
    int64_t learnt_at;  /* up to when its time has taught what a task takes, */
    uint64_t unlearnt;  /* and how many tasks have ended since */
    uint32_t killed;    /* enum fail_kind or KILL_* */
    uint64_t killed_at; /* FAIL_TIMEOUT: page word of the task that ran too long */
    struct slot_sample last;
    int64_t last_change; /* when `current` last moved */
    int64_t plugin_seen; /* plugin_ns accounted */
    int64_t started;
    struct aside *asides; /* [first_aside, first_aside + n_asides) wait */
    uint32_t first_aside, n_asides, cap_asides;
};

struct worker {
    struct worker_config config;
    struct worker_env env;
    const struct slot_ops *ops;
    int64_t real, now; /* the clock as given; less the gaps */
    int64_t gaps;
    struct list sweeps, leases;
    struct outbox outbox;
    struct wslot *slots;
    int64_t start_cost; /* measured: from start to ready */
    uint64_t epoch;     /* of the broker; 0 = no welcome yet */
    int64_t beat_ns, next_beat, heard, hello_at, want_at;
    int64_t look_at;              /* when idle slots should look for work to take over again */
    int64_t sample_at, looked_at; /* slots; memory besides */
    uint64_t peak_pss;
    int64_t dead_cpu_ns;
    uint32_t start_failures; /* of slots, in a row */
    bool idle_told;          /* the last WANT spoke of idle slots */
    bool stopping, no_memory, no_slots;
};

/* worker.c */
struct wsweep *worker_sweep(struct worker *w, uint64_t id); /* the newest of that id */
struct wlease *worker_lease(struct worker *w, uint64_t sweep, uint64_t id);
void worker_break_sweep(struct worker *w, struct wsweep *s, const char *reason);
/* Any failed allocation in the steady state ends the worker in good order: its leases go back to others. */
void worker_check(struct worker *w, int err);

/* Sends what a lease has found, if that is much: with many slots one turn may bring many megabytes. A lease that is through
 * waits for its last report. */
void worker_post_full(struct worker *w, struct wlease *l);

/* dispatch.c */
void dispatch(struct worker *w);
uint32_t slots_alive(const struct worker *w, const struct wsweep *s);
int64_t backlog_ns(const struct worker *w);
/* Chunks that have ended make way for the one behind them. */
void slot_advance(struct worker *w, struct wslot *s);
void slot_kill(struct worker *w, uint32_t slot, uint32_t why);
/* Takes back everything of a slot's chunks that has not begun. */
void slot_unload(struct worker *w, uint32_t slot);
/* Looks at every running slot: progress, time and memory limits. */
void slots_sample(struct worker *w, bool with_pss);
/* The chunk's positions from offset `from` to `to` go back to its lease, if that still lives. */
void chunk_put_back(struct worker *w, const struct wchunk *c, uint32_t from, uint32_t to);

#endif
