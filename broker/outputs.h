/* SPDX-License-Identifier: MIT
 *
 * outputs: the output files and folders of a broker's sweeps. The logic (sweeps.c) asks through `struct output_ops` and stays without
 * files; here they are. Completing one takes as long as reading it does, so each is completed on a thread of its own, and
 * comes back as news.
 */
#ifndef SHEAF_BROKER_OUTPUTS_H
#define SHEAF_BROKER_OUTPUTS_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/intervals.h"
#include "sweep/plan.h"

#include <stdbool.h>
#include <stdint.h>

/* How tasks have ended. */
struct output_ends {
    bool complete;          /* all have: the file is to be completed */
    struct intervals done;  /* positions of those that have */
    struct intervals empty; /* indices of those of them that have made nothing: failed or skipped */
};

/* One sweep's file to be completed, or its folder to be tidied, and what came of it. */
struct output_job {
    struct output_job *next;
    uint64_t sweep;
    struct buf bytes; /* the plan; struct plan points into it */
    struct arena arena;
    struct plan plan;
    struct output_ends ends;
    int64_t run; /* when the sweep was made, in ms */
    bool tidy;   /* its folder is tidied */
    int err;     /* the answer: 0, and then the digest and the number of files, or an error with its line */
    uint8_t digest[HASH_BYTES];
    uint64_t files;
    struct diag diag;
};

/* With copies of what it is given. NULL when memory is short. */
struct output_job *output_job_new(uint64_t sweep, const struct buf *plan, const struct output_ends *ends);
void output_job_free(struct output_job *job);

/* The sweep is removed, and nobody is at work on it: removes what is half made, and the files of tasks that do not count, if that has not been done. An
 * output that is another run's or gone is left alone. 0 or an error with a line in d. */
int output_job_discard(const struct output_job *job, struct diag *d);

/* What the logic may ask. */
struct output_ops {
    void *ctx;
    /* A sweep begins, or goes on: its file (output_check, output_begin, output_resume) and its folder (outdir_check, outdir_begin). They are
     * locked from now on. run: when the sweep was made, in ms (output.h). */
    int (*begin)(void *ctx, const struct plan *p, int64_t run, bool resume, struct diag *d);
    /* Takes the job over; it comes back through broker_written. */
    void (*finish)(void *ctx, struct output_job *job);
    /* file: it is complete and gets its name (output_publish). over: the sweep cannot go on, and what is beside the files in its folder is
     * removed (outdir_discard). Neither is locked any more. */
    int (*publish)(void *ctx, const struct plan *p, bool file, bool over, struct diag *d);
    /* Is what a sweep has made still there? digest: of its file, or NULL; files: how many in its folder, or NULL (output_present, outdir_present). */
    int (*present)(void *ctx, const struct plan *p, const uint8_t *digest, const uint64_t *files, struct diag *d);
    /* The sweep is removed: output_discard, outdir_discard. */
    void (*discard)(void *ctx, const struct plan *p, int64_t run);
};

struct outputs;

/* NULL when out of memory or descriptors. */
struct outputs *outputs_create(void);
/* Breaks off what is at work. NULL is fine. */
void outputs_destroy(struct outputs *o);

const struct output_ops *outputs_ops(struct outputs *o);

/* Readable when there is news; outputs_news clears it and gives the next finished job, the caller's, or NULL. */
int outputs_fd(const struct outputs *o);
struct output_job *outputs_news(struct outputs *o);

#endif
