/* SPDX-License-Identifier: MIT
 *
 * scribe: the journal thread. The broker's loop hands it batches of ops; it commits them in groups (at once when idle, else as many
 * as have come together, 20 ms at most) and says which batches are durable. Reads are done between commits, a page at a time.
 * A failed write or commit ends the scribe: the broker ends too, restarts and reconciles.
 */
#ifndef SHEAF_BROKER_SCRIBE_H
#define SHEAF_BROKER_SCRIBE_H

#include "broker/journal.h"

struct scribe;

/* One batch: ops with everything that they point to, owned by the batch. On the heap: the scribe frees it. */
struct scribe_batch {
    struct scribe_batch *next;
    uint64_t ticket;        /* the caller's: rises from batch to batch */
    struct journal_op *ops; /* in `arena` */
    uint32_t n_ops, max_ops;
    struct arena arena;
    void *keep; /* released with keep_free on the scribe's thread when the batch is durable (a message's bytes) */
    void (*keep_free)(void *keep);
    size_t keep_bytes; /* what it takes: counts for scribe_backlog */
};

/* A page to be read, and its answer. On the heap, with `arena` initialised. Owned by the caller until asked, and again once
 * scribe_news has handed it back. */
struct scribe_read {
    struct scribe_read *next;
    struct msg_read read;
    size_t max_bytes;
    struct arena arena; /* answer */
    struct msg_page page;
    int err;
    struct diag diag;
    void *who;      /* the caller's */
    uint64_t after; /* the scribe's */
};

/* Starts the thread; takes the journal over (null afterwards). NULL when that fails. */
struct scribe *scribe_start(struct journal **j);

/* Commits everything, joins the thread, closes the journal. The error of the failed commit if there was one. Reads that were
 * asked and not handed back are freed (not what `who` points to). NULL is fine. */
int scribe_finish(struct scribe *s, struct diag *d);

/* Hands a batch over. Never blocks. */
void scribe_push(struct scribe *s, struct scribe_batch *b);

/* Asks for a page, which shows every batch that was pushed before. Never blocks. */
void scribe_ask(struct scribe *s, struct scribe_read *r);

/* A descriptor that is readable when there is news; scribe_news clears it. */
int scribe_fd(const struct scribe *s);

/* Latest durable ticket; err < 0 once the scribe has failed. answered: a list of answered reads. */
int scribe_news(struct scribe *s, uint64_t *durable, struct scribe_read **answered, struct diag *d);

/* Bytes handed over and not yet durable: the loop stops taking reports above its bound. */
uint64_t scribe_backlog(const struct scribe *s);

#endif
