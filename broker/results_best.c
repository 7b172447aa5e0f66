/* SPDX-License-Identifier: MIT
 *
 * results_best: the results of a sweep with keep: best, which come with its status and not from the journal's runs.
 */
#include "broker/results.h"

#include "broker/results_rows.h"
#include "sweep/space.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int by_trial(const void *a, const void *b)
{
    const struct msg_best *x = *(const struct msg_best *const *)a, *y = *(const struct msg_best *const *)b;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* The wire's bytes as numbers. */
static const double *numbers(const struct slice *bytes, uint32_t n, struct arena *a)
{
    double *copy = arena_alloc(a, n * sizeof *copy);
    if (copy != NULL && bytes->len == n * sizeof *copy)
        memcpy(copy, bytes->data, bytes->len);
    return copy;
}

static int write_row(struct sink *s, const struct plan *p, enum results_format format, const struct msg_best *b,
                     struct space *space)
{
    struct arena a;
    arena_init(&a, 0);
    uint32_t n = p->plugin.n_scores;
    struct trial_result r = {.trial = b->trial, .failed = b->failed, .n_failed = b->n_failed, .n = b->n};
    r.scores = numbers(&b->scores, n, &a);
    r.std = numbers(&b->std, n, &a);
    r.min = numbers(&b->min, n, &a);
    r.max = numbers(&b->max, n, &a);
    int err = r.scores && r.std && r.min && r.max ? 0 : SHEAF_ENOMEM;
    struct trial_row row = {.result = &r, .tasks = p->keys * p->splits};
    if (err == 0) {
        space_trial(space, b->trial, &row.params);
        rows_trial(s, p, format, &row);
    }
    arena_finish(&a);
    return err != 0 ? err : s->err;
}

static int write_rows(struct sink *s, const struct plan *p, const struct msg_best **rows, uint32_t n,
                      enum results_format format, struct diag *d)
{
    struct space *space = space_create(p, d);
    if (space == NULL)
        return SHEAF_EINVAL;
    int err = 0;
    if (format == RESULTS_CSV)
        rows_head(s, p, RESULTS_TRIALS);
    for (uint32_t i = 0; i < n && err == 0; i++)
        err = rows[i]->trial < p->trials ? write_row(s, p, format, rows[i], space) : SHEAF_ECORRUPT;
    space_destroy(space);
    return err != 0 && err != s->err ? diag_fail(d, err, "the kept trials: %s", sheaf_strerror(err))
                                     : sink_settle(s, d);
}

int results_write_best(const struct plan *plan, const struct msg_best *best, uint32_t n, enum results_format format,
                       FILE *out, struct diag *d)
{
    if (format == RESULTS_NPY)
        return diag_fail(d, SHEAF_EINVAL,
                         "an .npy file has a row for every trial, but this sweep keeps its best %" PRIu64
                         " only (keep: best): use csv or jsonl",
                         plan->keep_best);
    const struct msg_best **rows = malloc((n + 1) * sizeof(void *));
    if (rows == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory for %" PRIu32 " trials", n);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = &best[i];
    qsort(rows, n, sizeof(void *), by_trial);
    struct sink s = {.out = out};
    int err = write_rows(&s, plan, rows, n, format, d);
    sink_finish(&s);
    free(rows);
    return err;
}
