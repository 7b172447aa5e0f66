/* SPDX-License-Identifier: MIT
 *
 * lease: positions between the broker's grant and the report of their end.
 */
#include "worker/lease.h"

#include <stdlib.h>
#include <string.h>

struct wlease *lease_create(uint64_t id, struct wsweep *sweep, uint64_t from, uint64_t to, uint32_t flags)
{
    struct wlease *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    list_init(&l->node);
    *l = (struct wlease){
        .node = l->node, .id = id, .sweep = sweep, .from = from, .to = to, .granted_to = to, .flags = flags};
    list_init(&l->node);
    findings_init(&l->findings);
    if (intervals_add(&l->todo, from, to) < 0 || intervals_add(&l->pending, from, to) < 0) {
        lease_destroy(l);
        return NULL;
    }
    return l;
}

void lease_destroy(struct wlease *l)
{
    if (!l)
        return;
    list_remove(&l->node);
    intervals_finish(&l->todo);
    intervals_finish(&l->pending);
    intervals_finish(&l->doubled);
    findings_finish(&l->findings);
    free(l->retries);
    free(l);
}

uint64_t lease_take(struct wlease *l, uint64_t count, uint64_t *first)
{
    if (!l->pending.n || !count)
        return 0;
    struct interval head = l->pending.at[0];
    uint64_t n = head.to - head.from < count ? head.to - head.from : count;
    if (intervals_remove(&l->pending, head.from, head.from + n) < 0)
        return 0;
    *first = head.from;
    return n;
}

int lease_put_back(struct wlease *l, uint64_t from, uint64_t to)
{
    struct interval piece;
    while (intervals_next_in(&l->todo, from, to, &piece)) {
        if (intervals_add(&l->pending, piece.from, piece.to) < 0)
            return SHEAF_ENOMEM;
        from = piece.to;
    }
    return 0;
}

/* The retry of a position whose other run has died, too; NULL when there is none. */
static struct retry *twin(struct wlease *l, uint64_t position)
{
    if (!intervals_has(&l->doubled, position))
        return NULL;
    for (uint32_t i = 0; i < l->n_retries; i++)
        if (l->retries[l->first_retry + i].position == position)
            return &l->retries[l->first_retry + i];
    return NULL;
}

int lease_retry(struct wlease *l, uint64_t position, uint32_t attempts)
{
    struct retry *other = twin(l, position);
    if (other) {
        other->attempts = other->attempts > attempts ? other->attempts : attempts;
        return 0;
    }
    if (l->first_retry + l->n_retries == l->cap_retries && l->first_retry > l->cap_retries / 2) {
        memmove(l->retries, l->retries + l->first_retry, l->n_retries * sizeof(*l->retries));
        l->first_retry = 0;
    }
    if (l->first_retry + l->n_retries == l->cap_retries) {
        uint32_t cap = l->cap_retries ? l->cap_retries * 2 : 8;
        struct retry *grown = realloc(l->retries, cap * sizeof(*grown));
        if (!grown)
            return SHEAF_ENOMEM;
        l->retries = grown;
        l->cap_retries = cap;
    }
    l->retries[l->first_retry + l->n_retries++] = (struct retry){position, attempts};
    return 0;
}

bool lease_take_retry(struct wlease *l, struct retry *out)
{
    while (l->n_retries) {
        *out = l->retries[l->first_retry];
        l->n_retries--;
        l->first_retry = l->n_retries ? l->first_retry + 1 : 0;
        if (intervals_has(&l->todo, out->position)) /* else a second run has finished it meanwhile */
            return true;
    }
    return false;
}

int lease_finish(struct wlease *l, uint64_t first, uint64_t n, const uint8_t *status, const double *scores,
                 uint32_t n_scores, int64_t now)
{
    struct interval piece;
    uint64_t from = first, to = first + n;
    while (intervals_next_in(&l->todo, from, to, &piece)) {
        uint64_t skip = piece.from - first;
        if (findings_add_run(&l->findings, piece.from, piece.to - piece.from, status + skip, scores + skip * n_scores,
                             n_scores) < 0 ||
            intervals_remove(&l->todo, piece.from, piece.to) < 0 ||
            (l->doubled.count &&
             intervals_remove(&l->pending, piece.from, piece.to) < 0)) /* its other run's slot died */
            return SHEAF_ENOMEM;
        if (!l->findings.since)
            l->findings.since = now;
        from = piece.to;
    }
    return 0;
}

/* Drops the retries at or after `to`. */
static void cut_retries(struct wlease *l, uint64_t to)
{
    if (!l->n_retries)
        return;
    struct retry *r = l->retries + l->first_retry;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->n_retries; i++)
        if (r[i].position < to)
            r[kept++] = r[i];
        else
            (void)intervals_remove(&l->todo, r[i].position, r[i].position + 1);
    l->n_retries = kept;
}

int lease_cut(struct wlease *l, uint64_t to)
{
    struct interval piece;
    uint64_t from = to;
    while (intervals_next_in(&l->pending, from, l->to, &piece)) {
        if (intervals_remove(&l->todo, piece.from, piece.to) < 0)
            return SHEAF_ENOMEM;
        from = piece.to;
    }
    if (intervals_remove(&l->pending, to, l->to) < 0)
        return SHEAF_ENOMEM;
    cut_retries(l, to);
    return 0;
}
