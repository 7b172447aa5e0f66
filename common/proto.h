/* SPDX-License-Identifier: MIT
 *
 * proto: every message between client, broker and worker (docs/protocol.md). A message is two ZeroMQ frames: the
 * head {major, minor, type} and the body, each one MessagePack array of fixed positions (common/codec.h). Text that is
 * absent is "". Positions and indices: see docs/architecture.md, "Words". Durations, never times, cross machines.
 */
#ifndef SHEAF_COMMON_PROTO_H
#define SHEAF_COMMON_PROTO_H

#include "common/codec.h"

#define PROTO_MAJOR 1u
#define PROTO_MINOR 0u
#define PROTO_MAX_BODY ((size_t)96 << 20) /* bytes of one body frame; a submitted plan is the largest */

enum msg_type {
    MSG_ERROR = 1, /* either way: the last request was wrong, or the peer's version is */
    /* client -> broker */
    MSG_SUBMIT = 16,
    MSG_WATCH, /* asks for MSG_STATUS, once or every so often until the sweep ends */
    MSG_CANCEL,
    MSG_REMOVE,
    MSG_RETRY,
    MSG_LIST,
    MSG_READ, /* asks for MSG_PAGE: results, failures, logs */
    MSG_STOP, /* end the broker: cleanly, leases given up, everything committed */
    /* worker -> broker */
    MSG_HELLO = 48,
    MSG_BEAT, /* heartbeat, either way */
    MSG_WANT,
    MSG_NEED_PLAN,
    MSG_REPORT,
    MSG_TAKEN,
    MSG_BYE,
    /* broker -> worker */
    MSG_WELCOME = 80,
    MSG_PLAN,
    MSG_GRANT,
    MSG_ACK,
    MSG_TAKE,
    MSG_DROP,
    MSG_QUIT,
    /* broker -> client */
    MSG_SUBMITTED = 112,
    MSG_STATUS,
    MSG_LISTING,
    MSG_PAGE,
    MSG_DONE, /* the request was carried out */
};

struct msg_head {
    uint32_t major, minor, type;
};

struct msg_error {
    int64_t err; /* enum sheaf_err */
    const char *text;
};

/* ---- worker and broker ---- */

struct msg_held { /* a lease that a worker holds */
    uint64_t sweep, lease;
    uint64_t from, to; /* positions, as granted (to: as lowered since) */
    uint64_t left;     /* positions still to be finished: 0 once it was given up */
    uint32_t flags;
    uint64_t granted_to; /* where it ended when it was granted: what was reported may reach that far */
};

struct msg_hello {
    const char *instance; /* 32 hex digits made when the worker started */
    const char *host;
    uint32_t pid, slots;
    struct slice fingerprint; /* of its floating-point arithmetic */
    struct msg_held *held;    /* leases it still works on or has not had acknowledged: after a broker restart */
    uint32_t n_held;
};

struct msg_welcome {
    uint64_t epoch;            /* of this run of the broker */
    uint32_t beat_ms, lost_ms; /* heartbeat interval; silence after which a peer counts as lost */
    bool resend;               /* the broker did not know the instance: plans have to be asked for again */
};

struct msg_beat {
    uint64_t epoch;        /* broker's; 0 from a worker */
    struct msg_held *held; /* from a worker: all its leases. A lease missing from two beats goes back */
    uint32_t n_held;
    uint64_t memory_bytes; /* PSS of worker and slots, peak since start */
    int64_t cpu_ns;        /* worker and slots, since start */
};

struct msg_want {
    uint32_t idle;      /* slots without work */
    int64_t backlog_ns; /* work at hand at the measured rate */
    uint64_t sweep;     /* whose rate follows, 0 = none */
    double tasks_per_s; /* of this worker on that sweep, all slots */
};

struct msg_sweep { /* MSG_NEED_PLAN, MSG_DROP, MSG_CANCEL, MSG_REMOVE, MSG_RETRY */
    uint64_t sweep;
    bool now; /* MSG_CANCEL: don't wait for running tasks */
};

struct msg_plan {
    uint64_t sweep;
    struct slice plan;
};

enum lease_flags { LEASE_VERIFY = 1, LEASE_SECOND = 2 };

struct msg_lease {
    uint64_t sweep, lease;
    uint64_t from, to; /* positions */
    uint32_t flags;    /* enum lease_flags */
};

struct msg_grant {
    struct msg_lease *leases; /* none: nothing to grant now; the worker is told when there is */
    uint32_t n_leases;
};

struct msg_run { /* consecutive finished positions */
    uint64_t from, n;
    struct slice status; /* n bytes of enum task_status; empty = all done */
    struct slice scores; /* n x n_scores float64, little-endian */
};

enum fail_kind { FAIL_ERROR = 1, FAIL_CRASH, FAIL_EXIT, FAIL_TIMEOUT, FAIL_MEMORY, FAIL_OPEN, FAIL_VERIFY };

struct msg_failure {
    uint64_t position;
    uint32_t kind;      /* enum fail_kind */
    const char *reason; /* "signal 11", "exit 3", the plugin's own words */
    uint32_t attempts;
    const char *tail; /* last lines of the slot's stderr */
};

struct msg_log {
    uint64_t position;
    bool has_position; /* false: while loading the plugin, or between tasks */
    uint32_t level;
    const char *text;
};

struct msg_group {
    uint64_t position;
    const char *group;
    struct slice values; /* n_group_values float64 */
};

struct msg_report {
    uint64_t seq; /* per worker instance, from 1 */
    uint64_t sweep, lease;
    bool closed; /* the worker has given the lease up: what of it is not done, goes back */
    struct msg_run *runs;
    uint32_t n_runs;
    struct msg_failure *failures;
    uint32_t n_failures;
    struct msg_log *logs;
    uint32_t n_logs;
    struct msg_group *groups;
    uint32_t n_groups;
    uint64_t logs_dropped;
    int64_t plugin_ns;   /* time inside the plugin since the last report of this sweep */
    uint32_t slots_used; /* most slots this worker has had started for this sweep */
    const char *broken;  /* not "": the plugin cannot be opened here at all; the sweep fails with this reason */
};

struct msg_seq {
    uint64_t seq;
};

struct msg_ack {
    struct msg_seq *seqs;
    uint32_t n_seqs;
};

struct msg_take { /* MSG_TAKE: give back positions from `to` on; MSG_TAKEN: the lease now ends at `to` */
    uint64_t sweep, lease, to;
};

/* ---- client and broker ---- */

struct msg_submit {
    struct slice plan;
    struct slice identity; /* plan_identity */
    bool watch;            /* as MSG_WATCH with every_ms, at once */
    uint32_t every_ms;
    uint32_t top;
};

struct msg_submitted {
    uint64_t sweep;
    uint64_t resumed; /* tasks that were done already */
};

struct msg_watch {
    uint64_t sweep;    /* 0 = the newest */
    uint32_t every_ms; /* 0 = once */
    uint32_t top;      /* best trials wanted */
    bool plan;         /* the plan, too */
};

enum sweep_state { SWEEP_QUEUED, SWEEP_RUNNING, SWEEP_PAUSED, SWEEP_DONE, SWEEP_FAILED, SWEEP_CANCELLED };

struct msg_best {
    uint64_t trial;
    bool failed;
    uint64_t n;          /* splits behind the spread */
    struct slice scores; /* n_scores float64 each */
    struct slice std, min, max;
    uint64_t n_failed; /* cells */
};

struct msg_status {
    uint64_t sweep;
    const char *name;
    uint32_t state; /* enum sweep_state */
    bool final;     /* nothing will change any more */
    uint64_t total, done, failed, skipped, running;
    uint64_t resumed; /* of them done before this run of the broker */
    double seconds;   /* from the first lease to the last commit, over all runs */
    double tasks_per_second;
    struct msg_best *best;
    uint32_t n_best;
    double cpu_seconds, efficiency, peak_memory_mb;
    uint64_t groups;
    struct msg_failure *failures; /* the first 20, by index; position = index of the task */
    uint32_t n_failures;
    uint32_t slots;
    struct slice digest;   /* 32 bytes once every task has ended */
    const char *qualified; /* why the digest need not be the same another time; "" = it is */
    const char *reason;    /* why it failed or stopped early */
    bool limit_hit;        /* stopped by limits.failures */
    uint64_t verified, mismatched;
    uint64_t log_lines;
    struct slice plan; /* when asked for */
    int64_t created_wall_ms;
    uint32_t workers;    /* of the broker, at present */
    struct slice output; /* 32 bytes once the output file is complete: its digest */
    bool has_files;      /* the output folder has been tidied, and has */
    uint64_t files;      /* so many files */
};

struct msg_listed {
    uint64_t sweep;
    const char *name;
    uint32_t state;
    uint64_t total, done, failed, trials;
    int64_t created_wall_ms;
    const char *plugin, *source;
};

struct msg_listing {
    struct msg_listed *sweeps;
    uint32_t n_sweeps;
};

enum read_kind { READ_RUNS, READ_FAILURES, READ_LOGS, READ_GROUPS };

struct msg_read {
    uint64_t sweep;
    uint32_t kind;  /* enum read_kind */
    uint64_t from;  /* RUNS: position of a task; FAILURES, GROUPS: index; LOGS: row number; where to go on */
    bool only_task; /* LOGS: lines of task `task` only */
    uint64_t task;
};

struct msg_page {  /* runs in the order of positions; of all others the positions are indices, in their order */
    uint64_t next; /* `from` of the next page */
    bool end;
    struct msg_run *runs;
    uint32_t n_runs;
    struct msg_failure *failures;
    uint32_t n_failures;
    struct msg_log *logs;
    uint32_t n_logs;
    struct msg_group *groups;
    uint32_t n_groups;
};

/* The codec of a message's body; NULL for an unknown type. Types without fields have an empty codec. */
const struct codec *proto_codec(uint32_t type);

/* "REPORT"; "?" for an unknown type. Static. */
const char *proto_name(uint32_t type);

/* Size of the largest body struct, for a caller's buffer. */
#define PROTO_MAX_STRUCT 512

/* Both frames of one message. 0, SHEAF_ENOMEM or SHEAF_ELIMIT. */
int proto_encode(uint32_t type, const void *body, struct buf *head, struct buf *frame);

/* Reads the head: SHEAF_EPROTO for garbage, SHEAF_EVERSION for another major (head is filled then, too). */
int proto_head(const void *bytes, size_t len, struct msg_head *head, struct diag *d);

/* Reads a body of a known type into obj (PROTO_MAX_STRUCT bytes). As codec_decode. */
int proto_body(uint32_t type, const void *bytes, size_t len, struct arena *arena, void *obj, struct diag *d);

#endif
