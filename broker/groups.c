/* SPDX-License-Identifier: MIT
 *
 * groups: the share that groups have in the results digest. When every task has ended, the journal's rows pass by once, in index
 * order; each trial's are summed and hashed. What is held is one trial's groups, and nothing of it is stored: a broker that
 * starts again does it again.
 */
#include "broker/broker_impl.h"
#include "sweep/groupsum.h"
#include "sweep/lebytes.h"

#include <stdlib.h>
#include <string.h>

#define NAN_BITS ((uint64_t)0x7ff8000000000000)

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
        uint64_t bits;
        memcpy(&bits, &row->sums[i], sizeof(bits));
        le_store(number, row->sums[i] != row->sums[i] ? NAN_BITS : bits);
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

static int take_row(const struct bsweep *s, struct groups_pass *p, const struct msg_group *g)
{
    if (g->position < p->from || g->position >= s->total || g->values.len != 8 * (size_t)p->sums.n_values)
        return SHEAF_ECORRUPT;
    uint64_t trial = g->position / (s->plan.keys * s->plan.splits);
    int err = trial != p->trial ? close_trial(p) : 0;
    p->trial = trial;
    p->from = g->position;
    return err ? err : groupsum_add(&p->sums, g->group, strlen(g->group), g->values.data);
}

int groups_take(struct bsweep *s, const struct msg_read *read, const struct msg_page *page)
{
    int err = 0;
    if (read->from == 0) { /* from the start, perhaps once more */
        groups_forget(s);
        s->groups = hash_alloc(sizeof(*s->groups));
        if (!s->groups)
            return SHEAF_ENOMEM;
        hash_begin(&s->groups->hash);
        s->groups->sums.n_values = s->plan.plugin.n_group_values;
    }
    for (uint32_t i = 0; err == 0 && i < page->n_groups; i++)
        err = take_row(s, s->groups, &page->groups[i]);
    if (err == 0 && page->end) {
        err = close_trial(s->groups);
        hash_end(&s->groups->hash, s->groups_digest);
        groups_forget(s);
    }
    return err;
}

void groups_join_digest(struct bsweep *s)
{
    hash_state h;
    hash_begin(&h);
    hash_update(&h, s->digest, HASH_BYTES);
    hash_update(&h, s->groups_digest, HASH_BYTES);
    hash_end(&h, s->digest);
}
