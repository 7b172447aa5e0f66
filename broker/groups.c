/* SPDX-License-Identifier: MIT
 *
 * groups: the share that groups have in the results digest. When every task has ended, the journal's rows pass by once, in index
 * order; each trial's are summed and hashed. What is held is one trial's groups. What comes out is stored with the sweep's end; a
 * broker that starts again before does it again.
 */
#include "broker/broker_impl.h"
#include "sweep/groupsum.h"
#include "sweep/lebytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct groups_pass {
    hash_state hash;
    struct groupsum sums; /* of `trial` */
    uint64_t trial, from; /* rows of tasks before `from` cannot come any more */
};

bool groups_due(const struct bsweep *s)
{
    return s->plan.keep_best == 0 && s->group_rows > 0 && s->done.count == s->total;
}

void groups_forget(struct bsweep *s)
{
    if (s->groups)
        groupsum_finish(&s->groups->sums);
    free(s->groups);
    s->groups = NULL;
}

uint64_t groups_held(const struct bsweep *s)
{
    return s->groups ? groupsum_held(&s->groups->sums) : 0;
}

static void hash_row(hash_state *h, uint64_t trial, const struct groupsum_row *row, uint32_t n_values)
{
    uint8_t number[8];
    le_store(number, trial);
    hash_update(h, number, sizeof(number));
    hash_update(h, row->name, strlen(row->name) + 1);
    for (uint32_t i = 0; i < n_values; i++) {
        le_store_double(number, row->sums[i]);
        hash_update(h, number, sizeof(number));
    }
}

/* The trial is whole: its groups in bytewise order. */
static int close_trial(struct groups_pass *p)
{
    uint32_t n = groupsum_count(&p->sums);
    struct groupsum_row *rows = groupsum_sorted(&p->sums);
    if (n > 0 && !rows)
        return SHEAF_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        hash_row(&p->hash, p->trial, &rows[i], p->sums.n_values);
    free(rows);
    groupsum_clear(&p->sums);
    return 0;
}

void groups_leave_out(struct bsweep *s, uint32_t state, const char *reason)
{
    groups_forget(s);
    s->groups_are = GROUPS_LEFT_OUT;
    s->state = state;
    snprintf(s->reason, sizeof(s->reason), "%s", reason);
}

static void too_many(const struct broker *b, struct bsweep *s)
{
    char text[256];
    snprintf(text, sizeof(text),
             "trial %llu has more groups than can be summed (%u, or %llu MiB of names and sums): emit fewer, or in "
             "fewer tasks a trial",
             (unsigned long long)s->groups->trial, b->config.limits.groups,
             (unsigned long long)(b->config.limits.group_bytes >> 20));
    groups_leave_out(s, SWEEP_FAILED, text);
}

static bool is_over(const struct broker *b, const struct groupsum *sums)
{
    return groupsum_count(sums) > b->config.limits.groups || groupsum_bytes(sums) > b->config.limits.group_bytes;
}

static int take_row(const struct broker *b, const struct bsweep *s, struct groups_pass *p, const struct msg_group *g)
{
    if (g->position < p->from || g->position >= s->total || g->values.len != 8 * (size_t)p->sums.n_values)
        return SHEAF_ECORRUPT;
    uint64_t trial = g->position / (s->plan.keys * s->plan.splits);
    int err = trial != p->trial ? close_trial(p) : 0;
    p->trial = trial;
    p->from = g->position;
    err = err ? err : groupsum_add(&p->sums, g->group, strlen(g->group), g->values.data);
    return err == 0 && is_over(b, &p->sums) ? SHEAF_ELIMIT : err;
}

/* From the start, perhaps once more. */
static int begin(struct bsweep *s)
{
    groups_forget(s);
    s->groups = hash_alloc(sizeof(*s->groups));
    if (!s->groups)
        return SHEAF_ENOMEM;
    hash_begin(&s->groups->hash);
    s->groups->sums.n_values = s->plan.plugin.n_group_values;
    return 0;
}

int groups_take(struct broker *b, struct bsweep *s, const struct msg_read *read, const struct msg_page *page)
{
    int err = read->from == 0 ? begin(s) : 0;
    for (uint32_t i = 0; err == 0 && i < page->n_groups; i++)
        err = take_row(b, s, s->groups, &page->groups[i]);
    if (err == 0 && page->end)
        err = close_trial(s->groups);
    if (err == 0 && page->end) {
        hash_end(&s->groups->hash, s->groups_digest);
        s->groups_are = GROUPS_SUMMED;
        groups_forget(s);
    }
    if (err == SHEAF_ELIMIT)
        too_many(b, s);
    else if (err == SHEAF_ENOMEM)
        groups_leave_out(s, SWEEP_FAILED,
                         "out of memory for the groups of one trial: run it again where there is more");
    return err == SHEAF_ECORRUPT ? err : 0;
}

struct slice groups_stored(const struct bsweep *s)
{
    static const struct slice as[] = {[GROUPS_TO_SUM] = {"", 0}, [GROUPS_LEFT_OUT] = {"-", 1}};
    return s->groups_are == GROUPS_SUMMED ? (struct slice){s->groups_digest, HASH_BYTES} : as[s->groups_are];
}

void groups_restore(struct bsweep *s, struct slice stored)
{
    s->groups_are = stored.len == HASH_BYTES ? GROUPS_SUMMED : stored.len ? GROUPS_LEFT_OUT : GROUPS_TO_SUM;
    if (s->groups_are == GROUPS_SUMMED)
        memcpy(s->groups_digest, stored.data, HASH_BYTES);
}

void groups_join_digest(struct bsweep *s)
{
    hash_state h;
    if (s->groups_are != GROUPS_SUMMED) {
        s->has_digest = false;
        snprintf(s->qualified, sizeof(s->qualified), "without a digest: its groups were not summed");
        return;
    }
    hash_begin(&h);
    hash_update(&h, s->digest, HASH_BYTES);
    hash_update(&h, s->groups_digest, HASH_BYTES);
    hash_end(&h, s->digest);
}
