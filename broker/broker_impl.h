/* SPDX-License-Identifier: MIT
 *
 * broker_impl: what the files of the broker's logic share. broker.c: life, peers, turns; sweeps.c: the life of a sweep;
 * grants.c: leases; ingest.c: reports, the journal, acknowledgements; groups.c: groups in the digest;
 * sweepfiles.c: output files and folders; status.c: what clients ask.
 */
#ifndef SHEAF_BROKER_BROKER_IMPL_H
#define SHEAF_BROKER_BROKER_IMPL_H

#include "broker/broker.h"
#include "common/clock.h"
#include "common/intervals.h"
#include "common/list.h"
#include "sweep/plan.h"
#include "sweep/tally.h"
#include "sweep/u64map.h"

#define GAP_NS (1500 * NS_PER_MS)
#define LEASE_NS (7 * NS_PER_S)      /* work in one lease */
#define GRACE_NS (10 * NS_PER_S)     /* after a restart: time for workers to say what they hold */
#define SNAPSHOT_NS (50 * NS_PER_MS) /* keep: best is written at most this often, */
#define SNAPSHOT_BYTE_NS 50          /* and at 20 MB/s at most */
#define SNAPSHOT_MAX_NS (2 * NS_PER_S)
#define MEMORY_NS (10 * NS_PER_S) /* between readings of our own memory, which are slow */
#define LOOKS_AT_ONCE 1024u
#define HELP_NS (2 * NS_PER_MS)         /* all idle workers are looked at this often, and */
#define TAKE_NS (100 * NS_PER_MS)       /* each of them causes a TAKE this often, at most */
#define HELP_AT_ONCE 32u                /* of them */
#define TAIL_WORTH_NS (200 * NS_PER_MS) /* what a lease has to last for its tail to be taken */
#define GRANT_PIECES 64u                /* leases in one grant: holes of the done-set are small */
#define FIRST_LEASE_PER_SLOT 4u
#define FRONTIER_STRIDE ((uint64_t)1 << 16) /* tasks that the durable frontier runs ahead at least */
#define FIGURES_NS NS_PER_S                 /* how often seconds and the like are stored */
#define FAILURES_SHOWN 20u
#define LOG_LINES_MOST 1000000u /* of one sweep */
#define READS_OF_ONE 4u         /* pages that a client may ask for before it has the first */
#define VERIFY_MAX 100000u      /* tasks that are looked at a second time at most */

/* The life of a sweep; the table is in sweeps.c. */
enum sweep_phase {
    PHASE_LOADING,
    PHASE_RUNNING,
    PHASE_VERIFYING,
    PHASE_STOPPING,
    PHASE_WRITING,
    PHASE_ENDING,
    PHASE_FINAL,
    N_PHASES
};
enum sweep_event {
    EV_LOADED,   /* its runs were read back */
    EV_COMPLETE, /* every task has ended */
    EV_VERIFIED, /* the second looks are through */
    EV_CANCEL,   /* stop; running tasks may finish */
    EV_ABORT,    /* stop at once: cancel now, limits.failures, a plugin that cannot be opened */
    EV_RELEASED, /* no worker holds a lease any more */
    EV_WRITTEN,  /* its output file is complete, or cannot be completed */
    EV_DURABLE,  /* the end is in the journal */
    EV_REVIVE,   /* retry, or more trials */
    N_EVENTS
};

/* What the digest is to say of a sweep's groups. */
enum groups_are {
    GROUPS_TO_SUM,
    GROUPS_SUMMED,   /* groups_digest holds */
    GROUPS_LEFT_OUT, /* too many, or cancelled meanwhile: there is no digest */
};

struct blease {
    struct list node; /* bworker.leases */
    uint64_t id;
    struct bsweep *sweep;
    struct bworker *worker;
    uint64_t from, to, granted_to; /* to: as lowered since */
    uint64_t left;                 /* as last told */
    uint32_t flags;
    uint32_t missed; /* beats in a row that did not list it */
    bool revoked;    /* its worker was lost: positions went back, late reports still count */
    int64_t granted_at;
    uint64_t take_to; /* asked to end here; 0 = not asked */
    int64_t take_at;
};

struct bworker {
    struct list node;
    uint64_t peer;
    char instance[64], host[128];
    uint32_t slots, slots_used;
    struct list leases;
    int64_t heard;
    bool lost;
    struct list line;                /* broker.hungry: asked for work and got none */
    bool idle;                       /* and has slots without any */
    int64_t asked_at;                /* when somebody was last asked to give it a part of his */
    uint64_t rate_sweep, lease_size; /* of the last grant */
    double rate;
    uint64_t reported; /* tasks since seen_at */
    int64_t seen_at;   /* beat */
    double seen_rate;  /* tasks reported per second before it; 0 = not known */
    uint64_t *plans;   /* sweeps whose plan it was sent */
    uint32_t n_plans, cap_plans;
    uint64_t memory_bytes;
    int64_t cpu_ns;
    uint8_t fingerprint[HASH_BYTES];
};

/* A sampled result that is run again. */
struct second_look {
    uint64_t position;
    uint8_t digest[16]; /* of status and scores */
};

struct bsweep {
    struct list node;
    uint64_t id;
    enum sweep_phase phase;
    uint32_t state; /* enum sweep_state, as people see it */
    struct buf bytes;
    struct arena arena;
    struct plan plan;
    uint64_t total;
    uint8_t identity[HASH_BYTES];
    int64_t wall_ms;
    struct intervals done, pending, doubled;
    uint64_t frontier, frontier_asked, granted; /* durable; handed to the journal; highest position granted */
    uint64_t frontier_ticket;
    bool grace;           /* restored: what lies below where the frontier was may still run somewhere */
    uint64_t grace_below; /* where it was */
    int64_t grace_until;
    uint64_t resumed;      /* tasks that were done when this broker took it up */
    uint32_t stored_state; /* as the journal had it */
    bool reload;           /* read back again from the start */
    bool revived;          /* asked for again: goes on although it had ended */
    enum sweep_event stop; /* asked while it was loading: EV_CANCEL or EV_ABORT */
    struct tally *tally;
    uint32_t n_leases;
    struct msg_failure *failures; /* first FAILURES_SHOWN by index; texts malloc'd */
    uint32_t n_failures;
    struct journal_numbers numbers; /* of earlier runs of the broker */
    double plugin_seconds;          /* of this one */
    int64_t begun, last_commit;     /* first lease, last commit of this run; 0 = none */
    int64_t figures_at;             /* when its figures were stored */
    int64_t cpu_base_ns;            /* broker and workers before it began */
    uint64_t log_lines, group_rows;
    char reason[1024], qualified[256];
    bool limit_hit, mixed;
    uint8_t fingerprint[HASH_BYTES];
    bool has_fingerprint;
    uint64_t end_ticket; /* of the op that records the end */
    uint8_t digest[HASH_BYTES];
    bool has_digest;
    struct groups_pass *groups; /* while the group rows are read for the digest */
    enum groups_are groups_are;
    uint8_t groups_digest[HASH_BYTES]; /* when they have been */
    struct second_look *looks;         /* by position */
    uint32_t n_looks, cap_looks;
    struct intervals looking; /* positions whose second look is not in */
    uint64_t verified, mismatched;
    struct intervals empty; /* indices of tasks that ended without rows or files; only where some are made */
    bool holds_output;      /* its file and folder have been begun, and are locked */
    bool whole;             /* WRITING: every task has ended, the file is to be completed */
    bool writing;           /* that is being done, or the folder tidied */
    uint8_t output[HASH_BYTES];
    bool has_output; /* the file is complete: its digest */
    uint64_t files;  /* in its folder, when */
    bool has_files;  /* it has been tidied */
    bool dirty;      /* keep: best: results that no snapshot holds */
    int64_t snapshot_at;
    uint64_t snapshot_ticket; /* of the last one */
};

/* An acknowledgement that waits for the journal. */
struct pending_ack {
    struct list node;
    uint64_t ticket, peer, seq;
    struct bsweep *snapshot_of;     /* keep: best: waits for its next snapshot first */
    struct msg_submitted submitted; /* sweep not 0: this, rather than a report's number, is acknowledged */
    bool done;                      /* likewise: MSG_DONE */
};

struct watch {
    struct list node;
    uint64_t peer, sweep;
    int64_t every_ns, next;
    uint32_t top;
    bool plan;
};

/* A client's page that the journal reads. */
struct page_ask {
    uint64_t peer;
    struct bsweep *loading; /* or: the sweep that is being read back */
};

struct broker {
    struct broker_config config;
    struct broker_env env;
    bool deaf; /* see broker_listens */
    int64_t real, now, gaps;
    struct list sweeps, workers, acks, watches;
    struct list hungry;  /* bworker.line, first come first served */
    struct u64map peers; /* peer -> struct bworker, of those that are not lost */
    int64_t help_at;     /* when the idle ones are looked at again */
    uint64_t next_sweep, next_lease;
    uint64_t ticket, durable; /* last handed over; last committed */
    uint64_t peak_pss;
    int64_t gone_cpu_ns; /* of workers that are forgotten */
    int64_t next_beat;
    int64_t next_look, look_ns; /* at our own memory; how long after the last one */
    uint64_t *readers;          /* who asked for the pages that are being read; limits.reads of them at most */
    uint32_t n_readers;
    uint32_t n_acks; /* in acks */
    uint32_t hellos; /* workers that have said hello to this run */
    bool stopping, failed;
    uint32_t reads; /* asked and not answered */
};

/* broker.c */
void broker_check(struct broker *b, int err);
struct bworker *broker_worker(struct broker *b, uint64_t peer);
void worker_hangs_up(struct broker *b, struct bworker *w); /* what its peer says is no longer its word */
bool broker_say(struct broker *b, uint64_t peer, uint32_t type, const void *body);
void broker_refuse(struct broker *b, uint64_t peer, int err, const char *text);
uint32_t list_count(const struct list *l);
void workers_resend(struct broker *b); /* asks for every report that is not acknowledged */

/* Asks the journal for a page; broker_answered takes it where `ask` says. */
void broker_ask_page(struct broker *b, const struct msg_read *read, struct page_ask ask);

/* sweeps.c */
struct bsweep *sweep_find(struct broker *b, uint64_t id); /* 0 = the newest */
void sweep_event(struct broker *b, struct bsweep *s, enum sweep_event ev);
void sweep_check(struct broker *b, struct bsweep *s); /* complete? limit reached? released? */
void sweep_abort(struct broker *b, struct bsweep *s, uint32_t state, const char *reason);
void sweep_destroy(struct broker *b, struct bsweep *s);
void sweep_loaded_page(struct broker *b, struct bsweep *s, struct scribe_read *r);
void sweep_submit(struct broker *b, uint64_t peer, const struct msg_submit *m);
void sweep_cancel(struct broker *b, uint64_t peer, const struct msg_sweep *m);
void sweep_retry(struct broker *b, uint64_t peer, const struct msg_sweep *m);
void sweep_remove(struct broker *b, uint64_t peer, const struct msg_sweep *m);
int64_t sweep_cpu_ns(const struct broker *b); /* what all of them have taken so far */
struct journal_numbers sweep_numbers(struct broker *b, const struct bsweep *s);

/* What a broker that starts again is to make of the sweep, with its figures so far: the batch's next op. */
void sweep_state_op(struct broker *b, struct scribe_batch *batch, const struct bsweep *s, uint32_t state);

/* sweepfiles.c: for sweeps with an output file or folder; the others they let pass */
/* For the sweep that was made at wall_ms. 0, or why it cannot. */
int sweep_begin_output(struct broker *b, const struct plan *p, int64_t wall_ms, bool resume, struct diag *d);
void sweep_resume_output(struct broker *b, struct bsweep *s); /* the rows of what is done must still be there */
void sweep_write_output(struct broker *b, struct bsweep *s);  /* WRITING begins in earnest */
/* Gives the complete file its name, ends with the folder. before: an earlier broker may have done so. */
void sweep_publish_output(struct broker *b, struct bsweep *s, bool before);
/* Of a sweep that is done: is what it has made still there? 0 or an error with a line in d. */
int sweep_check_output(struct broker *b, const struct bsweep *s, struct diag *d);
bool sweep_is_untidy(struct broker *b,
                     struct bsweep *s); /* it is over, but its folder is not tidy: begins again with that */
void sweep_discard_output(struct broker *b, struct bsweep *s); /* the sweep is removed */

/* grants.c */
void lease_free(struct broker *b, struct blease *l, bool put_back);
void lease_close(struct broker *b, struct blease *l); /* its worker has given it up */
struct blease *lease_find(struct bworker *w, uint64_t sweep, uint64_t id);
int sweep_put_back(struct bsweep *s, uint64_t from, uint64_t to); /* what is not done becomes pending */
void worker_want(struct broker *b, struct bworker *w, const struct msg_want *m);
void worker_taken(struct broker *b, struct bworker *w, const struct msg_take *m);
void worker_held(struct broker *b, struct bworker *w, const struct msg_held *held, uint32_t n, bool hello);
void worker_lose(struct broker *b, struct bworker *w);
void grants_drop(struct broker *b, struct bsweep *s, bool now);
bool snapshot_due(const struct broker *b, const struct bsweep *s); /* as soon as its time has come */
void grants_tick(struct broker *b);
void looks_begin(struct broker *b, struct bsweep *s);

/* ingest.c */
struct scribe_batch *batch_new(struct broker *b, uint32_t max_ops);
struct journal_op *batch_op(struct scribe_batch *batch, enum journal_kind kind, uint64_t sweep);
uint64_t batch_push(struct broker *b, struct scribe_batch *batch);
void ingest_report(struct broker *b, struct bworker *w, const struct msg_report *m, struct letter *letter);
int ingest_run(struct broker *b, struct bsweep *s, const struct msg_run *run); /* restored from the journal */
void ingest_failure(struct broker *b, struct bsweep *s, const struct msg_failure *f);
void submitted_later(struct broker *b, uint64_t peer, const struct msg_submitted *m); /* once it is durable */
void done_later(struct broker *b, uint64_t peer);                                     /* MSG_DONE, likewise */
void acks_send(struct broker *b);
int look_order(const void *a, const void *b); /* struct second_look by position, for qsort */
void snapshot_push(struct broker *b, struct bsweep *s);
void snapshots_tick(struct broker *b);
int snapshot_load(struct broker *b, struct bsweep *s, struct slice bytes, struct diag *d);
/* keep: best, after a restart: what was stored with results that no snapshot holds goes, because they come again. */
void snapshot_forget_others(struct broker *b, struct bsweep *s);

/* groups.c */
bool groups_due(const struct bsweep *s); /* is everything done, and are there rows that the digest covers? */
/* The next page, or the first. Too many of one trial, or no memory for them: they are left out, and the sweep has FAILED. */
int groups_take(struct broker *b, struct bsweep *s, const struct msg_read *read, const struct msg_page *page);
void groups_leave_out(struct bsweep *s, uint32_t state, const char *reason); /* the sweep ends so, without a digest */
void groups_join_digest(struct bsweep *s);          /* the digest of the tasks becomes that of all results, or goes */
struct slice groups_stored(const struct bsweep *s); /* as the journal keeps what they are */
void groups_restore(struct bsweep *s, struct slice stored);
void groups_forget(struct bsweep *s);
uint64_t groups_held(const struct bsweep *s); /* bytes */

/* status.c */
void status_watch(struct broker *b, uint64_t peer, const struct msg_watch *m);
void status_list(struct broker *b, uint64_t peer);
void status_read(struct broker *b, uint64_t peer, const struct msg_read *m);
void status_page(struct broker *b, uint64_t peer, struct scribe_read *r);
int64_t status_tick(struct broker *b); /* when the next one is due */
void status_final(struct broker *b, const struct bsweep *s);

#endif
