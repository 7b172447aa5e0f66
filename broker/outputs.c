/* SPDX-License-Identifier: MIT
 *
 * outputs: see outputs.h.
 */
#include "broker/outputs.h"
#include "broker/wake.h"
#include "sweep/outdir.h"
#include "sweep/output.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file or folder that is ours. */
struct locked {
    struct locked *next;
    int fd;
    char path[OUTPUT_PATH]; /* of the hidden one: two sweeps may make one file */
};

struct worker_thread {
    struct worker_thread *next;
    pthread_t thread;
    struct outputs *outputs;
    struct output_job *job;
    bool over; /* under the mutex */
};

struct outputs {
    struct output_ops ops;
    struct wake wake;
    pthread_mutex_t mutex;
    struct worker_thread *threads; /* the list is the loop's */
    struct locked *locked;
    atomic_bool stop;
};

struct output_job *output_job_new(uint64_t sweep, const struct buf *plan, const struct output_ends *ends)
{
    struct output_job *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    arena_init(&job->arena, 0);
    job->sweep = sweep;
    job->ends.complete = ends->complete;
    if (buf_append(&job->bytes, plan->data, plan->len) == 0 && intervals_add_all(&job->ends.done, &ends->done) == 0 &&
        intervals_add_all(&job->ends.empty, &ends->empty) == 0 &&
        plan_decode(job->bytes.data, job->bytes.len, &job->arena, &job->plan, &job->diag) == 0)
        return job;
    output_job_free(job);
    return NULL;
}

void output_job_free(struct output_job *job)
{
    if (!job)
        return;
    buf_finish(&job->bytes);
    intervals_finish(&job->ends.done);
    intervals_finish(&job->ends.empty);
    arena_finish(&job->arena);
    free(job);
}

/* ---- locks ---- */

static void let_go(struct outputs *o, const char *path)
{
    for (struct locked **at = &o->locked; *at; at = &(*at)->next) {
        struct locked *l = *at;
        if (strcmp(l->path, path) != 0)
            continue;
        *at = l->next;
        close(l->fd);
        free(l);
        return;
    }
}

static int hold(struct outputs *o, const char *path, int fd, struct diag *d)
{
    struct locked *l = malloc(sizeof(*l));
    if (!l) {
        close(fd);
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    }
    l->fd = fd;
    snprintf(l->path, sizeof(l->path), "%s", path);
    l->next = o->locked;
    o->locked = l;
    return 0;
}

static void unlock(struct outputs *o, const struct plan *p)
{
    char path[OUTPUT_PATH];
    if (plan_has_output(p) && output_part_path(p, path, NULL) == 0)
        let_go(o, path);
    if (plan_has_files(p) && outdir_work_path(p, path, NULL) == 0)
        let_go(o, path);
}

static int begin_file(struct outputs *o, const struct plan *p, int64_t run, bool resume, struct diag *d)
{
    char path[OUTPUT_PATH];
    int fd = -1, err = output_part_path(p, path, d);
    err = err ? err : output_check(p, d);
    if (err == 0)
        err = resume ? output_resume(p, run, &fd, d) : output_begin(p, run, &fd, d);
    return err ? err : hold(o, path, fd, d);
}

static int begin_dir(struct outputs *o, const struct plan *p, int64_t run, bool resume, struct diag *d)
{
    char path[OUTPUT_PATH];
    int fd = -1, err = outdir_work_path(p, path, d);
    err = err ? err : outdir_begin(p, run, resume, &fd, d);
    return err ? err : hold(o, path, fd, d);
}

/* Before anything of what is there is touched. */
static int check_places(const struct plan *p, struct diag *d)
{
    int err = plan_has_files(p) ? outdir_check(p, d) : 0;
    return err == 0 && plan_has_output(p) ? output_check(p, d) : err;
}

static int begin(void *ctx, const struct plan *p, int64_t run, bool resume, struct diag *d)
{
    struct outputs *o = ctx;
    unlock(o, p);                              /* of a run of the same sweep that was stopped */
    int err = resume ? 0 : check_places(p, d); /* who goes on has checked them when it began */
    if (err == 0 && plan_has_files(p))
        err = begin_dir(o, p, run, resume, d);
    bool begun = err == 0 && plan_has_files(p) && !resume;
    if (err == 0 && plan_has_output(p))
        err = begin_file(o, p, run, resume, d);
    if (err != 0)
        unlock(o, p);
    if (err != 0 && begun) /* never what another run has left */
        outdir_discard(p);
    return err;
}

static int publish(void *ctx, const struct plan *p, bool file, bool over, struct diag *d)
{
    int err = file ? output_publish(p, d) : 0;
    if (err == 0)
        unlock(ctx, p);
    if (err == 0 && over)
        outdir_discard(p);
    return err;
}

static int present(void *ctx, const struct plan *p, const uint8_t *digest, const uint64_t *files, struct diag *d)
{
    (void)ctx;
    int err = digest ? output_present(p, digest, d) : 0;
    return err == 0 && files ? outdir_present(p, *files, d) : err;
}

/* ends: the folder is to be tidied. */
static int discard_all(const struct plan *p, int64_t run, const struct output_ends *ends, struct diag *d)
{
    int lock, err = 0;
    uint64_t files;
    if (plan_has_output(p))
        output_discard(p, run);
    if (!plan_has_files(p) || outdir_begin(p, run, true, &lock, NULL) != 0)
        return 0; /* it may be another run's */
    if (ends)
        err = outdir_finish(p, &ends->done, &ends->empty, NULL, &files, d);
    close(lock);
    if (err == 0)
        outdir_discard(p);
    return err;
}

/* A broker has tidied the folder of a sweep that has ended, if it is the sweep's. */
static void discard(void *ctx, const struct plan *p, int64_t run)
{
    unlock(ctx, p);
    (void)discard_all(p, run, NULL, NULL);
}

int output_job_discard(const struct output_job *job, struct diag *d)
{
    return discard_all(&job->plan, job->run, job->tidy ? NULL : &job->ends, d);
}

/* ---- jobs ---- */

static void *carry_out(void *arg)
{
    struct worker_thread *t = arg;
    struct output_job *job = t->job;
    const struct output_ends *e = &job->ends;
    if (plan_has_files(&job->plan))
        job->err = outdir_finish(&job->plan, &e->done, &e->empty, &t->outputs->stop, &job->files, &job->diag);
    if (job->err == 0 && plan_has_output(&job->plan) && e->complete)
        job->err = output_finish(&job->plan, &e->empty, &t->outputs->stop, job->digest, &job->diag);
    pthread_mutex_lock(&t->outputs->mutex);
    t->over = true;
    pthread_mutex_unlock(&t->outputs->mutex);
    wake_set(&t->outputs->wake);
    return NULL;
}

static void finish(void *ctx, struct output_job *job)
{
    struct outputs *o = ctx;
    struct worker_thread *t = calloc(1, sizeof(*t));
    SHEAF_ASSERT(t); /* a broker without memory for this has none for an error either: its successor goes on */
    *t = (struct worker_thread){.next = o->threads, .outputs = o, .job = job};
    o->threads = t;
    if (pthread_create(&t->thread, NULL, carry_out, t) == 0)
        return;
    t->thread = pthread_self(); /* none was made */
    carry_out(t);
}

static struct output_job *take(struct worker_thread **at)
{
    struct worker_thread *t = *at;
    struct output_job *job = t->job;
    *at = t->next;
    if (!pthread_equal(t->thread, pthread_self()))
        pthread_join(t->thread, NULL);
    free(t);
    return job;
}

struct output_job *outputs_news(struct outputs *o)
{
    wake_clear(&o->wake);
    for (struct worker_thread **at = &o->threads; *at; at = &(*at)->next) {
        pthread_mutex_lock(&o->mutex);
        bool over = (*at)->over;
        pthread_mutex_unlock(&o->mutex);
        if (over)
            return take(at);
    }
    return NULL;
}

/* ---- life ---- */

struct outputs *outputs_create(void)
{
    struct outputs *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    if (wake_init(&o->wake) != 0) {
        free(o);
        return NULL;
    }
    pthread_mutex_init(&o->mutex, NULL);
    o->ops = (struct output_ops){
        .ctx = o, .begin = begin, .finish = finish, .publish = publish, .present = present, .discard = discard};
    return o;
}

void outputs_destroy(struct outputs *o)
{
    if (!o)
        return;
    atomic_store(&o->stop, true);
    while (o->threads)
        output_job_free(take(&o->threads));
    while (o->locked) {
        struct locked *l = o->locked;
        o->locked = l->next;
        close(l->fd);
        free(l);
    }
    wake_finish(&o->wake);
    pthread_mutex_destroy(&o->mutex);
    free(o);
}

const struct output_ops *outputs_ops(struct outputs *o)
{
    return &o->ops;
}

int outputs_fd(const struct outputs *o)
{
    return o->wake.fd;
}
