/* SPDX-License-Identifier: MIT
 *
 * lease: a half-open range of positions that the broker gave to this worker, and what has become of each of them:
 *   todo     not finished (whether handed out or not)
 *   pending  of those, not handed to a slot
 *   retries  of those, waiting alone for a fresh slot after a death
 * A position leaves todo once, when its first result comes; whatever comes later for it is dropped.
 */
#ifndef SHEAF_WORKER_LEASE_H
#define SHEAF_WORKER_LEASE_H

#include "common/intervals.h"
#include "common/list.h"
#include "worker/outbox.h"

struct wsweep;

struct retry {
    uint64_t position;
    uint32_t attempts; /* made so far */
};

struct wlease {
    struct list node; /* worker.leases */
    uint64_t id;
    struct wsweep *sweep;
    uint64_t from, to, granted_to;           /* as granted; `to` as lowered since */
    uint32_t flags;                          /* enum lease_flags */
    int64_t begun;                           /* when it came */
    struct intervals todo, pending, doubled; /* doubled: run a second time at the end */
    struct retry *retries;                   /* [first_retry, first_retry + n_retries) wait */
    uint32_t first_retry, n_retries, cap_retries;
    struct findings findings;
    uint32_t unacked; /* reports in the outbox */
    bool closed;      /* its last report was posted */
};

/* NULL when out of memory. */
struct wlease *lease_create(uint64_t id, struct wsweep *sweep, uint64_t from, uint64_t to, uint32_t flags);
void lease_destroy(struct wlease *l);

/* Takes up to `count` consecutive pending positions; 0 = none (also when memory is short: later). */
uint64_t lease_take(struct wlease *l, uint64_t count, uint64_t *first);

/* Gives handed-out positions back that have not finished; finished ones are left out. 0 or SHEAF_ENOMEM. */
int lease_put_back(struct wlease *l, uint64_t from, uint64_t to);

/* A position waits for a fresh slot, once, also when both runs of it have died. 0 or SHEAF_ENOMEM. */
int lease_retry(struct wlease *l, uint64_t position, uint32_t attempts);

/* The retry that waits longest; false when there is none. */
bool lease_take_retry(struct wlease *l, struct retry *out);

/* Results for [first, first + n): what of them is still todo goes to the findings. now: for findings.since. */
int lease_finish(struct wlease *l, uint64_t first, uint64_t n, const uint8_t *status, const double *scores,
                 uint32_t n_scores, int64_t now);

/* Gives up what is neither finished nor in a slot's hands, from `to` on or everywhere (to = from): the lease shrinks. */
int lease_cut(struct wlease *l, uint64_t to);

#endif
