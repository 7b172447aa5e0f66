/* SPDX-License-Identifier: MIT
 *
 * results_pages: see the header. Each page is asked for when the one before is used up; a page that does not lead on is refused
 * rather than asked for for ever.
 */
#include "broker/results_pages.h"

#include "sweep/space.h"
#include "sweep/tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void pages_init(struct pages *p, const struct plan *plan, const struct results_source *source, enum read_kind kind)
{
    *p = (struct pages){.plan = plan, .source = source, .read = {.sweep = source->sweep, .kind = kind}};
}

static int corrupt(const char *what, uint64_t index, struct diag *d)
{
    return diag_fail(d, SHEAF_ECORRUPT, "the results do not fit the sweep: %s at task %" PRIu64, what, index);
}

static uint32_t items_of(const struct pages *p)
{
    if (p->read.kind == READ_RUNS)
        return p->page.n_runs;
    return p->read.kind == READ_FAILURES ? p->page.n_failures : p->page.n_groups;
}

/* True when item p->at is there; asks for pages until it is. */
static bool advance(struct pages *p, int *err, struct diag *d)
{
    while (p->at >= items_of(p) && !p->ended) {
        uint64_t from = p->read.from;
        if (p->page.end) {
            p->ended = true;
            break;
        }
        p->at = 0;
        p->page = (struct msg_page){0};
        *err = p->source->page(p->source->ctx, &p->read, &p->page, d);
        if (*err == 0 && !p->page.end && p->page.next <= from)
            *err = corrupt("a page that leads nowhere", from, d);
        if (*err) {
            p->page = (struct msg_page){0};
            p->ended = true;
            return false;
        }
        p->read.from = p->page.next;
    }
    return !p->ended;
}

void pages_finish(struct pages *p)
{
    free(p->held.status);
    free(p->held.scores);
    p->held = (struct pages_held){0};
}

/* The next run as it is stored. */
static const struct msg_run *stored_run(struct pages *p, int *err, struct diag *d)
{
    if (!advance(p, err, d))
        return NULL;
    const struct msg_run *r = &p->page.runs[p->at++];
    uint64_t total = plan_tasks(p->plan), task_bytes = (uint64_t)p->plan->plugin.n_scores * 8;
    bool ok = r->from >= p->behind && r->from < total && r->n > 0 && r->n <= total - r->from &&
              (r->status.len == 0 || r->status.len == r->n) && r->scores.len / task_bytes == r->n &&
              r->scores.len % task_bytes == 0;
    if (!ok) {
        *err = corrupt("a run of tasks", r->from, d);
        return NULL;
    }
    p->behind = r->from + r->n;
    return r;
}

static int hold_all(struct pages *p, struct diag *d)
{
    uint64_t total = plan_tasks(p->plan), bytes = (uint64_t)p->plan->plugin.n_scores * 8;
    const struct msg_run *run;
    int err = 0;
    p->held.status = calloc((size_t)total, 1);
    p->held.scores = calloc((size_t)total, (size_t)bytes);
    if (p->held.status == NULL || p->held.scores == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory for the scores of %" PRIu64 " tasks", total);
    while ((run = stored_run(p, &err, d)) != NULL) {
        const uint8_t *status = run->status.data, *scores = run->scores.data;
        for (uint64_t i = 0; i < run->n; i++) {
            uint64_t index = space_index(p->plan, run->from + i);
            p->held.status[index] = status != NULL ? status[i] : TASK_DONE;
            memcpy(p->held.scores + index * bytes, scores + i * bytes, (size_t)bytes);
        }
    }
    return err;
}

/* The next stretch of tasks that are there, in index order. */
static const struct msg_run *held_run(struct pages *p)
{
    struct pages_held *h = &p->held;
    uint64_t total = plan_tasks(p->plan), bytes = (uint64_t)p->plan->plugin.n_scores * 8;
    while (h->at < total && h->status[h->at] == 0)
        h->at++;
    uint64_t from = h->at;
    while (h->at < total && h->status[h->at] != 0)
        h->at++;
    uint64_t n = h->at - from;
    h->run = (struct msg_run){.from = from, .n = n, .status = {h->status + from, (size_t)n}};
    h->run.scores = (struct slice){h->scores + from * bytes, (size_t)(n * bytes)};
    return n > 0 ? &h->run : NULL;
}

const struct msg_run *pages_run(struct pages *p, int *err, struct diag *d)
{
    if (p->plan->order == ORDER_TRIAL)
        return stored_run(p, err, d);
    if (p->held.status == NULL && (*err = hold_all(p, d)) != 0)
        return NULL;
    return held_run(p);
}

const struct msg_failure *pages_failure(struct pages *p, int *err, struct diag *d)
{
    if (!advance(p, err, d))
        return NULL;
    const struct msg_failure *f = &p->page.failures[p->at++];
    if (f->position < p->behind || f->position >= plan_tasks(p->plan)) {
        *err = corrupt("a failure", f->position, d);
        return NULL;
    }
    p->behind = f->position;
    return f;
}

const struct msg_group *pages_group(struct pages *p, int *err, struct diag *d)
{
    if (!advance(p, err, d))
        return NULL;
    const struct msg_group *g = &p->page.groups[p->at++];
    bool ok = g->position >= p->behind && g->position < plan_tasks(p->plan) &&
              g->values.len == (size_t)p->plan->plugin.n_group_values * 8;
    if (!ok) {
        *err = corrupt("a group row", g->position, d);
        return NULL;
    }
    p->behind = g->position;
    return g;
}

void pages_back(struct pages *p)
{
    p->at--;
}
