/* SPDX-License-Identifier: MIT
 *
 * outputs: the output files of a broker's sweeps. The logic (sweeps.c) asks through `struct output_ops` and stays without
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

/* One file to be completed, and what came of it. */
struct output_job {
    struct output_job *next;
    uint64_t sweep;
    struct buf bytes; /* the plan; struct plan points into it */
    struct arena arena;
    struct plan plan;
    struct intervals empty; /* tasks without a row: failed or skipped */
    int err;                /* the answer: 0, and then the digest, or an error with its line */
    uint8_t digest[HASH_BYTES];
    struct diag diag;
};

/* With copies of what it is given. NULL when memory is short. */
struct output_job *output_job_new(uint64_t sweep, const struct buf *plan, const struct intervals *empty);
void output_job_free(struct output_job *job);

/* What the logic may ask. */
struct output_ops {
    void *ctx;
    /* A sweep begins (output_check, output_begin), or goes on (output_check, output_resume). The file is locked from now on. */
    int (*begin)(void *ctx, const struct plan *p, bool resume, struct diag *d);
    /* Takes the job over; it comes back through broker_written. */
    void (*finish)(void *ctx, struct output_job *job);
    /* output_publish, and nobody's lock any more. */
    int (*publish)(void *ctx, const struct plan *p, struct diag *d);
    /* The sweep is removed: output_discard. */
    void (*discard)(void *ctx, const struct plan *p);
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
