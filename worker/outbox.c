/* SPDX-License-Identifier: MIT
 *
 * outbox: gathers findings, numbers reports, keeps them until they are acknowledged.
 */
#include "worker/outbox.h"

#include <stdlib.h>
#include <string.h>

void findings_init(struct findings *f)
{
    memset(f, 0, sizeof(*f));
    arena_init(&f->arena, 0);
}

void findings_finish(struct findings *f)
{
    free(f->runs);
    free(f->failures);
    free(f->logs);
    free(f->groups);
    buf_finish(&f->status);
    buf_finish(&f->scores);
    arena_finish(&f->arena);
    findings_init(f);
}

size_t findings_bytes(const struct findings *f)
{
    return f->status.len + f->scores.len + f->arena.used + f->n_runs * sizeof(*f->runs) +
           f->n_groups * sizeof(*f->groups);
}

/* Makes room for one more element of `size` bytes in a growing array. */
static int grow(void **at, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return 0;
    uint32_t more = *cap ? *cap * 2 : 16;
    void *grown = realloc(*at, more * size);
    if (!grown)
        return SHEAF_ENOMEM;
    *at = grown;
    *cap = more;
    return 0;
}

static bool all_done(const uint8_t *status, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (status[i] != 1)
            return false;
    return true;
}

int findings_add_run(struct findings *f, uint64_t from, uint64_t n, const uint8_t *status, const double *scores,
                     uint32_t n_scores)
{
    struct finding_run run = {.from = from, .n = n, .status_at = f->status.len, .scores_at = f->scores.len};
    run.all_done = all_done(status, n);
    struct finding_run *last = f->n_runs ? &f->runs[f->n_runs - 1] : NULL;
    bool joins = last && last->from + last->n == from;
    if (!joins && grow((void **)&f->runs, f->n_runs, &f->cap_runs, sizeof(run)) < 0)
        return SHEAF_ENOMEM;
    if (buf_reserve(&f->status, n) < 0 || buf_append(&f->scores, scores, n * n_scores * sizeof(double)) < 0)
        return SHEAF_ENOMEM;
    SHEAF_ASSERT(buf_append(&f->status, status, n) == 0);
    if (joins) {
        last->n += n;
        last->all_done = last->all_done && run.all_done;
    } else {
        f->runs[f->n_runs++] = run;
    }
    return 0;
}

static const char *keep_text(struct findings *f, const char *s)
{
    return arena_text(&f->arena, s ? s : "", s ? strlen(s) : 0);
}

int findings_add_failure(struct findings *f, const struct msg_failure *failure)
{
    if (grow((void **)&f->failures, f->n_failures, &f->cap_failures, sizeof(*failure)) < 0)
        return SHEAF_ENOMEM;
    struct msg_failure copy = *failure;
    copy.reason = keep_text(f, failure->reason);
    copy.tail = keep_text(f, failure->tail);
    if (!copy.reason || !copy.tail)
        return SHEAF_ENOMEM;
    f->failures[f->n_failures++] = copy;
    return 0;
}

int findings_add_log(struct findings *f, const struct msg_log *log)
{
    size_t len = strlen(log->text);
    if (f->log_bytes + len > FINDINGS_LOG_BYTES) {
        f->logs_dropped++;
        return 0;
    }
    if (grow((void **)&f->logs, f->n_logs, &f->cap_logs, sizeof(*log)) < 0)
        return SHEAF_ENOMEM;
    struct msg_log copy = *log;
    copy.text = keep_text(f, log->text);
    if (!copy.text)
        return SHEAF_ENOMEM;
    f->log_bytes += len;
    f->logs[f->n_logs++] = copy;
    return 0;
}

int findings_add_group(struct findings *f, const struct msg_group *group)
{
    if (grow((void **)&f->groups, f->n_groups, &f->cap_groups, sizeof(*group)) < 0)
        return SHEAF_ENOMEM;
    struct msg_group copy = *group;
    void *values = arena_alloc(&f->arena, group->values.len);
    copy.group = keep_text(f, group->group);
    if (!copy.group || !values)
        return SHEAF_ENOMEM;
    memcpy(values, group->values.data, group->values.len);
    copy.values.data = values;
    f->groups[f->n_groups++] = copy;
    return 0;
}

void findings_forget(struct findings *f)
{
    f->n_runs = f->n_failures = f->n_logs = f->n_groups = 0;
    f->status.len = f->scores.len = 0;
    f->log_bytes = 0;
    f->logs_dropped = 0;
    f->since = 0;
    arena_reset(&f->arena);
}

void outbox_init(struct outbox *o)
{
    list_init(&o->waiting);
    o->next_seq = 1;
    o->bytes = 0;
}

static void forget(struct outbox *o, struct sent_report *r)
{
    list_remove(&r->node);
    o->bytes -= r->frame.len;
    buf_finish(&r->head);
    buf_finish(&r->frame);
    free(r);
}

void outbox_finish(struct outbox *o)
{
    list_each(it, after, &o->waiting) forget(o, list_entry(it, struct sent_report, node));
}

static int by_position(const void *a, const void *b)
{
    uint64_t x = ((const struct finding_run *)a)->from, y = ((const struct finding_run *)b)->from;
    return x < y ? -1 : x > y;
}

/* Lays the runs' bytes out by position, so that neighbours become one: what several slots found came in turns. 0 or SHEAF_ENOMEM. */
static int order_runs(struct findings *f, struct arena *a, uint32_t n_scores)
{
    qsort(f->runs, f->n_runs, sizeof(*f->runs), by_position);
    uint32_t joins = 0, n = 0;
    for (uint32_t i = 1; i < f->n_runs; i++)
        joins += f->runs[i - 1].from + f->runs[i - 1].n == f->runs[i].from;
    if (!joins)
        return 0;
    size_t row = n_scores * sizeof(double), at = 0;
    uint8_t *status = arena_alloc(a, f->status.len), *scores = arena_alloc(a, f->scores.len + 1);
    if (!status || !scores)
        return SHEAF_ENOMEM;
    for (uint32_t i = 0; i < f->n_runs; i++) {
        struct finding_run r = f->runs[i], *last = n ? &f->runs[n - 1] : NULL;
        memcpy(status + at, f->status.data + r.status_at, r.n);
        memcpy(scores + at * row, f->scores.data + r.scores_at, r.n * row);
        r.status_at = at;
        r.scores_at = at * row;
        at += r.n;
        if (last && last->from + last->n == r.from) {
            last->n += r.n;
            last->all_done = last->all_done && r.all_done;
        } else {
            f->runs[n++] = r;
        }
    }
    f->n_runs = n;
    memcpy(f->status.data, status, at);
    memcpy(f->scores.data, scores, at * row);
    return 0;
}

/* The wire's view of the gathered runs; status is left out where every task is done. */
static struct msg_run *wire_runs(struct findings *f, struct arena *a, uint32_t n_scores)
{
    struct msg_run *runs =
        f->n_runs && order_runs(f, a, n_scores) < 0 ? NULL : arena_alloc(a, (f->n_runs + 1) * sizeof(*runs));
    if (!runs)
        return NULL;
    for (uint32_t i = 0; i < f->n_runs; i++) {
        const struct finding_run *r = &f->runs[i];
        runs[i] = (struct msg_run){.from = r->from, .n = r->n};
        if (!r->all_done)
            runs[i].status = (struct slice){f->status.data + r->status_at, r->n};
        runs[i].scores = (struct slice){f->scores.data + r->scores_at, r->n * n_scores * sizeof(double)};
    }
    return runs;
}

struct sent_report *outbox_post(struct outbox *o, struct findings *f, struct msg_report *report, uint32_t n_scores)
{
    struct sent_report *sent = calloc(1, sizeof(*sent));
    report->runs = sent ? wire_runs(f, &f->arena, n_scores) : NULL;
    if (!report->runs) {
        free(sent);
        return NULL;
    }
    report->seq = sent->seq = o->next_seq;
    report->n_runs = f->n_runs;
    report->failures = f->failures;
    report->n_failures = f->n_failures;
    report->logs = f->logs;
    report->n_logs = f->n_logs;
    report->groups = f->groups;
    report->n_groups = f->n_groups;
    report->logs_dropped = f->logs_dropped;
    list_init(&sent->node);
    if (proto_encode(MSG_REPORT, report, &sent->head, &sent->frame) < 0) {
        buf_finish(&sent->head);
        buf_finish(&sent->frame);
        free(sent);
        return NULL;
    }
    o->next_seq++;
    o->bytes += sent->frame.len;
    list_append(&o->waiting, &sent->node);
    findings_forget(f);
    return sent;
}

bool outbox_ack(struct outbox *o, uint64_t seq, uint64_t *sweep, uint64_t *lease)
{
    list_each(it, after, &o->waiting)
    {
        struct sent_report *r = list_entry(it, struct sent_report, node);
        if (r->seq == seq) {
            *sweep = r->sweep;
            *lease = r->lease;
            forget(o, r);
            return true;
        }
    }
    return false;
}
