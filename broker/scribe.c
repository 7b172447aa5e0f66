/* SPDX-License-Identifier: MIT
 *
 * scribe: the journal thread. Two lists go in (batches, reads), two things come out (the latest durable ticket, answered
 * reads); one mutex guards all four, and is never held during I/O. The journal belongs to the thread alone.
 *
 * When to commit: a commit costs an fsync whatever it holds, so under load there is one in COMMIT_EVERY_NS and it takes all
 * that has come together. But a sweep of one task is a chain of a few commits, each waiting for the one before,
 * so up to BURST commits go at once before that pace holds: an allowance that fills up while nothing happens.
 *
 * After a failed write or commit nothing more is written: what is in the file is unknown until it is opened again. Batches are
 * dropped, reads are answered with the error, until scribe_finish.
 */
#include "broker/scribe.h"

#include "broker/wake.h"
#include "common/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define COMMIT_EVERY_NS (20 * NS_PER_MS)
#define BURST 8
#define GROUP_BYTES ((uint64_t)32 << 20) /* of one transaction, so that the oldest batch does not wait for the newest */

struct batch_list {
    struct scribe_batch *first, **last;
};

struct read_list {
    struct scribe_read *first, **last;
};

struct scribe {
    struct journal *journal; /* the thread's */
    pthread_t thread;
    struct wake wake;
    _Atomic uint64_t backlog;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct batch_list batches;
    struct read_list reads, answered;
    uint64_t durable;
    uint64_t pushed, written; /* batches, counted */
    int err;
    struct diag diag;
    bool stop, awake; /* awake: the caller was told and has not asked since */

    int64_t allowance_ns, measured_ns; /* the thread's: time saved up for commits, as of when */
};

/* ---- lists ---- */

static void batches_init(struct batch_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static void batches_append(struct batch_list *l, struct scribe_batch *b)
{
    b->next = NULL;
    *l->last = b;
    l->last = &b->next;
}

static struct scribe_batch *batches_take(struct batch_list *l)
{
    struct scribe_batch *b = l->first;
    l->first = b->next;
    if (!l->first)
        l->last = &l->first;
    return b;
}

static void reads_init(struct read_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static void reads_append(struct read_list *l, struct scribe_read *r)
{
    r->next = NULL;
    *l->last = r;
    l->last = &r->next;
}

static struct scribe_read *reads_take(struct read_list *l)
{
    struct scribe_read *r = l->first;
    l->first = r->next;
    if (!l->first)
        l->last = &l->first;
    return r;
}

static void reads_free(struct read_list *l)
{
    while (l->first) {
        struct scribe_read *r = reads_take(l);
        arena_finish(&r->arena);
        free(r);
    }
}

static void batch_free(struct scribe_batch *b)
{
    if (b->keep_free)
        b->keep_free(b->keep);
    arena_finish(&b->arena);
    free(b);
}

/* What a batch holds on to: its arena, and the message that its ops point into. */
static uint64_t batch_bytes(const struct scribe_batch *b)
{
    return sizeof(*b) + b->arena.total + b->keep_bytes;
}

/* ---- the thread ---- */

/* With the mutex held. */
static void tell(struct scribe *s)
{
    if (!s->awake)
        wake_set(&s->wake);
    s->awake = true;
}

/* How long the batches at hand may wait for company; 0 = commit now. */
static int64_t commit_wait_ns(struct scribe *s)
{
    int64_t now = clock_mono_ns();
    s->allowance_ns += now - s->measured_ns;
    if (s->allowance_ns > BURST * COMMIT_EVERY_NS)
        s->allowance_ns = BURST * COMMIT_EVERY_NS;
    s->measured_ns = now;
    return s->allowance_ns >= COMMIT_EVERY_NS ? 0 : COMMIT_EVERY_NS - s->allowance_ns;
}

/* With the mutex held: moves the batches of one transaction, at least one, and returns their bytes. */
static uint64_t take_group(struct scribe *s, struct batch_list *group)
{
    uint64_t bytes = 0;
    batches_init(group);
    while (s->batches.first && (!group->first || bytes + batch_bytes(s->batches.first) <= GROUP_BYTES)) {
        struct scribe_batch *b = batches_take(&s->batches);
        bytes += batch_bytes(b);
        batches_append(group, b);
    }
    return bytes;
}

static int apply_group(struct journal *j, const struct scribe_batch *b, struct diag *d)
{
    int err = 0;
    for (; b && err == 0; b = b->next) {
        for (uint32_t i = 0; i < b->n_ops && err == 0; i++)
            err = journal_apply(j, &b->ops[i], d);
    }
    return err;
}

static int write_group(struct journal *j, const struct scribe_batch *first, struct diag *d)
{
    bool empty = true;
    for (const struct scribe_batch *b = first; b && empty; b = b->next)
        empty = b->n_ops == 0;
    if (empty)
        return 0;
    int err = journal_begin(j, d);
    if (err)
        return err;
    err = apply_group(j, first, d);
    err = err ? err : journal_commit(j, d);
    if (err)
        journal_rollback(j);
    return err;
}

/* With the mutex held, which is let go in between. */
static void commit_group(struct scribe *s)
{
    struct batch_list group;
    uint64_t bytes = take_group(s, &group), ticket = 0, n = 0;
    struct diag d = {{0}};
    int err = s->err;
    pthread_mutex_unlock(&s->mutex);
    if (err == 0) {
        s->allowance_ns -= COMMIT_EVERY_NS;
        err = write_group(s->journal, group.first, &d);
    }
    for (const struct scribe_batch *b = group.first; b; b = b->next, n++)
        ticket = b->ticket;
    atomic_fetch_sub(&s->backlog, bytes);
    pthread_mutex_lock(&s->mutex);
    if (err == 0)
        s->durable = ticket;
    s->written += n;
    if (err && s->err == 0) {
        s->err = err;
        s->diag = d;
    }
    tell(s);
    pthread_mutex_unlock(&s->mutex);
    while (group.first) /* the news is out; now there is time to clean up */
        batch_free(batches_take(&group));
    pthread_mutex_lock(&s->mutex);
}

/* A read sees every batch that was handed over before it: it waits for them. */
static bool can_read(const struct scribe *s)
{
    return s->reads.first && (s->reads.first->after <= s->written || s->err);
}

/* With the mutex held, which is let go in between. */
static void answer_read(struct scribe *s)
{
    struct scribe_read *r = reads_take(&s->reads);
    r->err = s->err;
    r->diag = s->diag;
    pthread_mutex_unlock(&s->mutex);
    if (r->err == 0)
        r->err = journal_read(s->journal, &r->read, r->max_bytes, &r->arena, &r->page, &r->diag);
    pthread_mutex_lock(&s->mutex);
    reads_append(&s->answered, r);
    tell(s);
}

static void wait_for_work(struct scribe *s, int64_t ns)
{
    int64_t until = clock_mono_ns() + ns;
    const struct timespec t = {.tv_sec = (time_t)(until / NS_PER_S), .tv_nsec = (long)(until % NS_PER_S)};
    pthread_cond_timedwait(&s->work, &s->mutex, &t);
}

/* A commit when one is due, then one page, then the next commit: neither side starves the other. */
static void *scribe_main(void *arg)
{
    struct scribe *s = arg;
    pthread_mutex_lock(&s->mutex);
    while (!s->stop || s->batches.first || s->reads.first) {
        bool hurry = s->stop || s->err;
        int64_t wait = s->batches.first && !hurry ? commit_wait_ns(s) : 0;
        if (s->batches.first && wait == 0)
            commit_group(s);
        if (can_read(s))
            answer_read(s);
        else if (s->batches.first && wait > 0)
            wait_for_work(s, wait);
        else if (!s->batches.first && !s->stop)
            pthread_cond_wait(&s->work, &s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

/* ---- the caller's side ---- */

static int init_locks(struct scribe *s)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return SHEAF_ENOMEM;
    int err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&s->work, &attr) == 0
                  ? 0
                  : SHEAF_EIO;
    pthread_condattr_destroy(&attr);
    if (err == 0 && pthread_mutex_init(&s->mutex, NULL) != 0) {
        pthread_cond_destroy(&s->work);
        err = SHEAF_EIO;
    }
    return err;
}

static void finish_locks(struct scribe *s)
{
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->work);
}

struct scribe *scribe_start(struct journal **j)
{
    struct scribe *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    batches_init(&s->batches);
    reads_init(&s->reads);
    reads_init(&s->answered);
    s->allowance_ns = BURST * COMMIT_EVERY_NS;
    s->measured_ns = clock_mono_ns();
    if (init_locks(s) != 0)
        goto no_locks;
    if (wake_init(&s->wake) != 0)
        goto no_wake;
    s->journal = *j;
    if (pthread_create(&s->thread, NULL, scribe_main, s) != 0)
        goto no_thread;
    *j = NULL;
    return s;
no_thread:
    wake_finish(&s->wake);
no_wake:
    finish_locks(s);
no_locks:
    free(s);
    return NULL;
}

int scribe_finish(struct scribe *s, struct diag *d)
{
    if (!s)
        return 0;
    pthread_mutex_lock(&s->mutex);
    s->stop = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
    int err = s->err;
    if (err && d)
        *d = s->diag;
    reads_free(&s->answered);
    journal_close(s->journal);
    wake_finish(&s->wake);
    finish_locks(s);
    free(s);
    return err;
}

void scribe_push(struct scribe *s, struct scribe_batch *b)
{
    atomic_fetch_add(&s->backlog, batch_bytes(b));
    pthread_mutex_lock(&s->mutex);
    batches_append(&s->batches, b);
    s->pushed++;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->mutex);
}

void scribe_ask(struct scribe *s, struct scribe_read *r)
{
    pthread_mutex_lock(&s->mutex);
    r->after = s->pushed;
    reads_append(&s->reads, r);
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->mutex);
}

int scribe_fd(const struct scribe *s)
{
    return s->wake.fd;
}

int scribe_news(struct scribe *s, uint64_t *durable, struct scribe_read **answered, struct diag *d)
{
    pthread_mutex_lock(&s->mutex);
    if (s->awake)
        wake_clear(&s->wake);
    s->awake = false;
    *durable = s->durable;
    *answered = s->answered.first;
    reads_init(&s->answered);
    int err = s->err;
    if (err && d)
        *d = s->diag;
    pthread_mutex_unlock(&s->mutex);
    return err;
}

uint64_t scribe_backlog(const struct scribe *s)
{
    return atomic_load(&s->backlog);
}
