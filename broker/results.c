/* SPDX-License-Identifier: MIT
 *
 * results: the streams of runs, failures and group rows on one side, a file on the other, at most one trial in between. Tasks
 * are written as they pass; a trial's cells are copied until all are there (they may come in several runs and pages), then
 * reduced by the same code that ranks them.
 */
#include "broker/results.h"

#include "broker/results_groups.h"
#include "broker/results_pages.h"
#include "broker/results_rows.h"
#include "sweep/keynames.h"
#include "sweep/space.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct results {
    const struct plan *plan;
    enum results_what what;
    enum results_format format;
    struct sink sink;
    struct diag *d;
    struct pages runs, failures, groups;
    struct space *space;
    struct keynames keys;
    uint64_t written; /* npy: tasks or trials that the file holds so far */
    /* the trial whose cells are being gathered */
    uint64_t cells, trial, filled;
    uint8_t *status;
    double *scores;
    struct arena arena;
};

static int out_of_memory(struct results *r)
{
    return diag_fail(r->d, SHEAF_ENOMEM, "out of memory for a trial of %" PRIu64 " tasks", r->cells);
}

static uint8_t status_of(const struct msg_run *run, uint64_t i)
{
    return run->status.len ? ((const uint8_t *)run->status.data)[i] : TASK_DONE;
}

/* ---- npy ---- */

/* Magic, version, length, then a Python dictionary padded so that the data starts at a multiple of 64. */
static void npy_head(struct results *r)
{
    const struct plan *p = r->plan;
    char shape[128], text[320];
    if (r->what == RESULTS_TASKS)
        snprintf(shape, sizeof(shape), "%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu32, p->trials, p->keys, p->splits,
                 p->plugin.n_scores);
    else
        snprintf(shape, sizeof(shape), "%" PRIu64 ", %" PRIu32, p->trials, p->plugin.n_scores);
    int n = snprintf(text, sizeof(text), "{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }", shape);
    size_t len = (size_t)n + 1, padded = (len + 10 + 63) / 64 * 64 - 10;
    const unsigned char head[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(padded & 0xff), (unsigned char)(padded >> 8)};
    sink_bytes(&r->sink, head, sizeof(head));
    sink_bytes(&r->sink, text, (size_t)n);
    for (size_t i = len; i < padded; i++)
        sink_text(&r->sink, " ");
    sink_text(&r->sink, "\n");
}

/* NaN up to row `to` of n_scores each. */
static void npy_fill(struct results *r, uint64_t to)
{
    for (; r->written < to && r->sink.err == 0; r->written++)
        sink_nans(&r->sink, r->plan->plugin.n_scores);
}

static void npy_run(struct results *r, const struct msg_run *run)
{
    size_t bytes = (size_t)r->plan->plugin.n_scores * 8;
    npy_fill(r, run->from);
    for (uint64_t i = 0, end; i < run->n; i = end) { /* the wire's bytes are the file's: whole stretches at once */
        bool done = status_of(run, i) == TASK_DONE;
        for (end = i + 1; end < run->n && (status_of(run, end) == TASK_DONE) == done; end++)
            ;
        if (done)
            sink_bytes(&r->sink, (const uint8_t *)run->scores.data + i * bytes, (size_t)(end - i) * bytes);
        r->written += done ? end - i : 0;
        npy_fill(r, run->from + end);
    }
}

/* ---- tasks ---- */

/* The failure of a task, or NULL when none is stored (of a sweep that still runs it may come later than its status). */
static const struct msg_failure *failure_of(struct results *r, uint64_t index, int *err)
{
    const struct msg_failure *f;
    do
        f = pages_failure(&r->failures, err, r->d);
    while (f && f->position < index);
    if (f && f->position > index) {
        pages_back(&r->failures);
        return NULL;
    }
    return f;
}

static int task_rows(struct results *r, const struct msg_run *run)
{
    size_t bytes = (size_t)r->plan->plugin.n_scores * 8;
    int err = 0;
    char space[KEYNAMES_NUMBER];
    for (uint64_t i = 0; i < run->n && err == 0; i++) {
        uint64_t index = run->from + i;
        struct task_row row = {
            .index = index,
            .key = keynames_text(&r->keys, space_cell(r->plan, index).key, space),
            .status = status_of(run, i),
            .scores = (const uint8_t *)run->scores.data + i * bytes,
        };
        if (row.status == TASK_FAILED && r->format == RESULTS_JSONL)
            row.failure = failure_of(r, row.index, &err);
        rows_task(&r->sink, r->plan, r->format, &row);
        err = err ? err : r->sink.err;
    }
    return err;
}

static int write_tasks(struct results *r)
{
    const struct msg_run *run;
    int err = 0;
    while (err == 0 && (run = pages_run(&r->runs, &err, r->d))) {
        if (r->format == RESULTS_NPY)
            npy_run(r, run);
        else
            err = task_rows(r, run);
        err = err ? err : r->sink.err;
    }
    if (err == 0 && r->format == RESULTS_NPY)
        npy_fill(r, plan_tasks(r->plan));
    return err;
}

/* ---- trials and their groups ---- */

/* A trial's scores as an npy row; a number that is not one has one form. */
static void npy_trial(struct results *r, const struct trial_result *t)
{
    npy_fill(r, t->trial);
    for (uint32_t i = 0; i < r->plan->plugin.n_scores; i++)
        sink_f64(&r->sink, t->scores[i]);
    r->written++;
}

static int trial_complete(struct results *r)
{
    struct trial_result t;
    arena_reset(&r->arena);
    if (tally_reduce(r->plan, r->trial, r->status, r->scores, &r->arena, &t) != 0)
        return out_of_memory(r);
    if (t.skipped || (r->what == RESULTS_GROUPS && t.failed))
        return 0;
    if (r->what == RESULTS_GROUPS)
        return results_groups_trial(&r->groups, r->trial, r->format, &r->sink, r->d);
    if (r->format == RESULTS_NPY) {
        npy_trial(r, &t);
        return r->sink.err;
    }
    struct trial_row row = {.result = &t, .tasks = r->cells};
    space_trial(r->space, r->trial, &row.params);
    rows_trial(&r->sink, r->plan, r->format, &row);
    return r->sink.err;
}

/* Copies the part of a run that belongs to one trial. Runs come in index order: a trial with a gap never fills up. */
static int trial_part(struct results *r, const struct msg_run *run, uint64_t at, uint64_t n)
{
    size_t n_scores = r->plan->plugin.n_scores;
    uint64_t trial = (run->from + at) / r->cells, cell = (run->from + at) % r->cells;
    if (trial != r->trial) {
        r->trial = trial;
        r->filled = 0;
    }
    for (uint64_t i = 0; i < n; i++)
        r->status[cell + i] = status_of(run, at + i);
    memcpy(r->scores + cell * n_scores, (const uint8_t *)run->scores.data + at * n_scores * 8,
           (size_t)n * n_scores * 8);
    r->filled += n;
    return r->filled == r->cells ? trial_complete(r) : 0;
}

static int gather_begin(struct results *r)
{
    uint64_t n_scores = r->plan->plugin.n_scores;
    if (r->cells > SIZE_MAX / 8 / n_scores)
        return out_of_memory(r);
    r->trial = UINT64_MAX;
    r->status = malloc((size_t)r->cells);
    r->scores = malloc((size_t)(r->cells * n_scores * 8));
    return r->status && r->scores ? 0 : out_of_memory(r);
}

static int write_trials(struct results *r)
{
    const struct msg_run *run;
    int err = gather_begin(r);
    while (err == 0 && (run = pages_run(&r->runs, &err, r->d))) {
        for (uint64_t at = 0, n; at < run->n && err == 0; at += n) {
            n = r->cells - (run->from + at) % r->cells;
            n = n < run->n - at ? n : run->n - at;
            err = trial_part(r, run, at, n);
        }
    }
    if (err == 0 && r->format == RESULTS_NPY)
        npy_fill(r, r->plan->trials);
    return err;
}

/* ---- the whole ---- */

static int check(const struct plan *p, enum results_what what, enum results_format format, struct diag *d)
{
    if (what == RESULTS_GROUPS && format == RESULTS_NPY)
        return diag_fail(d, SHEAF_EINVAL, "group rows have names: there is no npy of them, use csv or jsonl");
    if (p->keep_best > 0)
        return diag_fail(d, SHEAF_EINVAL,
                         "this sweep keeps its best %" PRIu64 " trials and no %s (keep: best); --trials gives those",
                         p->keep_best, what == RESULTS_GROUPS ? "group rows" : "single tasks");
    if (p->plugin.n_scores == 0)
        return diag_fail(d, SHEAF_EINVAL, "the plugin of this sweep returns no scores");
    return 0;
}

static int write_all(struct results *r)
{
    if (r->format == RESULTS_CSV)
        rows_head(&r->sink, r->plan, r->what);
    if (r->format == RESULTS_NPY)
        npy_head(r);
    int err = r->what == RESULTS_TASKS ? write_tasks(r) : write_trials(r);
    if (err != 0 && err != r->sink.err)
        return err;
    err = sink_settle(&r->sink, r->d);
    return err == SHEAF_ENOMEM ? out_of_memory(r) : err;
}

int results_write(const struct plan *plan, const struct results_source *source, enum results_what what,
                  enum results_format format, FILE *out, struct diag *d)
{
    int err = check(plan, what, format, d);
    if (err)
        return err;
    struct results r = {.plan = plan, .what = what, .format = format, .sink = {.out = out}, .d = d};
    r.cells = plan->keys * plan->splits;
    arena_init(&r.arena, 0);
    pages_init(&r.runs, plan, source, READ_RUNS);
    pages_init(&r.failures, plan, source, READ_FAILURES);
    pages_init(&r.groups, plan, source, READ_GROUPS);
    if (what == RESULTS_TRIALS && format != RESULTS_NPY)
        err = (r.space = space_create(plan, d)) ? 0 : SHEAF_EINVAL;
    if (err == 0 && keynames_init(&r.keys, plan))
        err = out_of_memory(&r);
    if (err == 0)
        err = write_all(&r);
    keynames_finish(&r.keys);
    pages_finish(&r.runs);
    space_destroy(r.space);
    free(r.status);
    free(r.scores);
    arena_finish(&r.arena);
    sink_finish(&r.sink);
    return err;
}
