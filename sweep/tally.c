/* SPDX-License-Identifier: MIT
 *
 * tally: what comes in as a run of tasks goes three ways: into the digest, into the counts, and trial by trial into the
 * ranking. A trial that lies whole inside the run is reduced from the run itself; the others wait, cell by cell, in a
 * table of open trials. Most trials are turned away by one comparison of their goal with the worst of the best.
 */
#include "sweep/tally_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t open_bytes(const struct tally *t)
{
    uint64_t score_bytes = 8 * (uint64_t)t->shape.n_scores;
    if (t->cells > (SIZE_MAX / 2 - sizeof(struct open_trial)) / (1 + score_bytes))
        return 0;
    return sizeof(struct open_trial) + t->cells * (1 + score_bytes);
}

struct open_trial *tally_open_trial(struct tally *t, uint64_t trial)
{
    struct open_trial *o = u64map_get(&t->open, trial);
    if (o)
        return o;
    uint64_t bytes = open_bytes(t);
    o = bytes > 0 ? calloc(1, (size_t)bytes) : NULL;
    if (!o || u64map_put(&t->open, trial, o) != SHEAF_OK) {
        free(o);
        return NULL;
    }
    o->status = (uint8_t *)(o->cells + t->cells * t->shape.n_scores);
    return o;
}

struct tally *tally_create(const struct plan *p, uint64_t best)
{
    struct tally *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->plan = p;
    t->shape = reduce_shape_of(p);
    t->cells = p->keys * p->splits;
    t->goal = p->n_goals > 0 ? p->goals[0] : (struct plan_goal){.maximize = true};
    digest_init(&t->digest, plan_tasks(p), p->plugin.n_scores);
    rank_init(&t->rank, p->plugin.n_scores, best > p->keep_best ? best : p->keep_best);
    uint64_t scratch = reduce_scratch(&t->shape);
    t->scratch = scratch > 0 ? malloc((size_t)scratch * sizeof(*t->scratch)) : NULL;
    t->values = malloc((size_t)p->plugin.n_scores * 4 * sizeof(*t->values) + 1);
    if (!t->scratch || !t->values) {
        tally_destroy(t);
        return NULL;
    }
    return t;
}

void tally_destroy(struct tally *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->open.cap; i++)
        free(t->open.at[i].value);
    u64map_finish(&t->open);
    digest_finish(&t->digest);
    rank_finish(&t->rank);
    free(t->scratch);
    free(t->values);
    free(t);
}

static void count(struct tally *t, uint64_t n, const uint8_t *status)
{
    uint64_t done = n, failed = 0, skipped = 0;
    if (status) {
        done = 0;
        for (uint64_t i = 0; i < n; i++) {
            done += status[i] == TASK_DONE;
            failed += status[i] == TASK_FAILED;
            skipped += status[i] == TASK_SKIPPED;
        }
        SHEAF_ASSERT(done + failed + skipped == n);
    }
    t->counts.done += done;
    t->counts.failed += failed;
    t->counts.skipped += skipped;
}

static bool all_done(const uint8_t *status, uint64_t n)
{
    uint8_t other = 0;
    for (uint64_t i = 0; i < n; i++)
        other |= status[i] ^ TASK_DONE;
    return other == 0;
}

double tally_key(const struct tally *t, double score)
{
    return t->goal.maximize ? -score : score;
}

/* Reduces a trial whose cells are all there and ranks it. */
static int close_trial(struct tally *t, uint64_t trial, const uint8_t *status, const void *cells)
{
    t->counts.trials_closed++;
    if (!status || all_done(status, t->cells)) {
        status = NULL;
        double score = reduce_score(&t->shape, cells, t->goal.score, t->scratch);
        if (!rank_wants(&t->rank, tally_key(t, score)))
            return SHEAF_OK;
    }
    struct trial_result result = {.trial = trial};
    reduce_trial(&t->shape, status, cells, t->scratch, t->values, &result);
    if (result.skipped)
        return SHEAF_OK;
    return rank_add(&t->rank, &result, tally_key(t, result.scores[t->goal.score]));
}

/* Some cells of one trial. */
static int add_cells(struct tally *t, uint64_t trial, uint64_t at, uint64_t n, const uint8_t *status,
                     const uint8_t *scores)
{
    struct open_trial *o = tally_open_trial(t, trial);
    if (!o)
        return SHEAF_ENOMEM;
    if (status)
        memcpy(o->status + at, status, (size_t)n);
    else
        memset(o->status + at, TASK_DONE, (size_t)n);
    memcpy(o->cells + at * t->shape.n_scores, scores, (size_t)n * 8 * t->shape.n_scores);
    o->have += n;
    SHEAF_ASSERT(o->have <= t->cells);
    if (o->have < t->cells)
        return SHEAF_OK;
    int rc = close_trial(t, trial, o->status, o->cells);
    u64map_remove(&t->open, trial);
    free(o);
    return rc;
}

/* Smaller is better. */
static double plain_key(const struct tally *t, const uint8_t *cell)
{
    double score;
    memcpy(&score, cell + 8 * (size_t)t->goal.score, sizeof(score));
    return tally_key(t, score);
}

/* Plain trials (reduce_is_plain), all done: the score alone decides. Scores often rise or fall with the trial, and then
 * either every trial beats all before it, or, from the other end, a few turn all others away. */
static int add_plain(struct tally *t, uint64_t first, uint64_t n, const uint8_t *scores)
{
    size_t stride = 8 * (size_t)t->shape.n_scores;
    bool backwards = plain_key(t, scores + (n - 1) * stride) < plain_key(t, scores);
    for (uint64_t k = 0; k < n; k++) {
        uint64_t i = backwards ? n - 1 - k : k;
        const uint8_t *cell = scores + i * stride;
        if (!rank_wants(&t->rank, plain_key(t, cell)))
            continue;
        struct trial_result result = {.trial = first + i};
        reduce_plain(&t->shape, cell, t->values, &result);
        int rc = rank_add(&t->rank, &result, tally_key(t, result.scores[t->goal.score]));
        if (rc != SHEAF_OK)
            return rc;
    }
    t->counts.trials_closed += n;
    return SHEAF_OK;
}

static int add_trials(struct tally *t, uint64_t first, uint64_t n, const uint8_t *status, const uint8_t *scores)
{
    uint64_t row = 8 * (uint64_t)t->shape.n_scores;
    if (!status && n > 0 && reduce_is_plain(&t->shape))
        return add_plain(t, first, n, scores);
    int rc = SHEAF_OK;
    while (n > 0 && rc == SHEAF_OK) {
        uint64_t trial = first / t->cells, at = first % t->cells, room = t->cells - at;
        uint64_t now = n < room ? n : room;
        rc = now == t->cells ? close_trial(t, trial, status, scores) : add_cells(t, trial, at, now, status, scores);
        first += now;
        n -= now;
        status = status ? status + now : NULL;
        scores += now * row;
    }
    return rc;
}

int tally_add(struct tally *t, uint64_t first, uint64_t n, const uint8_t *status, const void *scores)
{
    uint64_t tasks = plan_tasks(t->plan);
    SHEAF_ASSERT(first <= tasks && n <= tasks - first);
    count(t, n, status);
    if (status && all_done(status, n))
        status = NULL;
    int rc = digest_add(&t->digest, first, n, status, scores);
    return rc != SHEAF_OK ? rc : add_trials(t, first, n, status, scores);
}

struct tally_counts tally_counts(const struct tally *t)
{
    return t->counts;
}

uint64_t tally_best(struct tally *t, struct trial_result *out, uint64_t max)
{
    const struct rank_entry *e = rank_sorted(&t->rank);
    uint64_t n = t->rank.n < max ? t->rank.n : max, n_scores = t->shape.n_scores;
    for (uint64_t i = 0; i < n; i++)
        out[i] = (struct trial_result){.trial = e[i].trial,
                                       .failed = e[i].class == RANK_FAILED,
                                       .n_failed = e[i].n_failed,
                                       .scores = e[i].values,
                                       .std = e[i].values + n_scores,
                                       .min = e[i].values + 2 * n_scores,
                                       .max = e[i].values + 3 * n_scores,
                                       .n = e[i].n};
    return n;
}

bool tally_digest(const struct tally *t, uint8_t out[HASH_BYTES])
{
    return digest_result(&t->digest, out);
}

int tally_reduce(const struct plan *p, uint64_t trial, const uint8_t *status, const double *cells, struct arena *arena,
                 struct trial_result *out)
{
    struct reduce_shape shape = reduce_shape_of(p);
    uint64_t scratch_n = reduce_scratch(&shape);
    double *scratch = scratch_n > 0 ? arena_alloc(arena, (size_t)scratch_n * sizeof(*scratch)) : NULL;
    double *values = arena_alloc(arena, (size_t)shape.n_scores * 4 * sizeof(*values));
    if (!scratch || !values)
        return SHEAF_ENOMEM;
    struct trial_result result = {.trial = trial};
    reduce_trial(&shape, status, cells, scratch, values, &result);
    *out = result;
    return SHEAF_OK;
}
