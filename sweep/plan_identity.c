/* SPDX-License-Identifier: MIT
 *
 * plan_identity: which state directory a sweep belongs to, and whether a sweep with more trials continues another.
 *
 * The identity covers what the user wrote and not what follows from plugin and data (positions in the descriptor,
 * rows, windows): those may change with a new build or a longer dataset, and then the same directory must be found
 * so that the change is noticed. Every text goes in with its length, so that no two sweeps run together.
 */
#include "sweep/plan.h"

#include <string.h>

static void put_u64(hash_state *h, uint64_t x)
{
    uint8_t b[8];
    for (int i = 0; i < 8; i++)
        b[i] = (uint8_t)(x >> (8 * i));
    hash_update(h, b, sizeof(b));
}

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static void put_text(hash_state *h, const char *s)
{
    size_t n = s ? strlen(s) : 0;
    put_u64(h, n);
    if (n > 0)
        hash_update(h, s, n);
}

static void put_value(hash_state *h, const struct plan_value *v)
{
    put_u64(h, bits_of(v->f));
    put_u64(h, (uint64_t)v->i);
    put_text(h, v->text);
}

/* The value of a list axis at a trial; codes were checked when the plan was decoded. */
static const struct plan_value *list_value(const struct plan_axis *a, uint64_t trial)
{
    if (a->kind == AXIS_CONST)
        return &a->values[0];
    const uint8_t *at = (const uint8_t *)a->codes.data + 4 * trial;
    return &a->values[(uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24];
}

static void put_axis(hash_state *h, const struct plan_axis *a)
{
    put_text(h, a->name);
    put_u64(h, a->kind);
    put_u64(h, a->log);
    if (a->kind == AXIS_LIST) {
        /* A longer list is the same sweep, so only its first trial tells lists apart; plan_continues does the rest. */
        put_value(h, list_value(a, 0));
        return;
    }
    put_u64(h, a->count);
    put_u64(h, a->n_values);
    for (uint32_t i = 0; i < a->n_values; i++)
        put_value(h, &a->values[i]);
    put_value(h, &a->from);
    put_value(h, &a->to);
    put_value(h, &a->step);
}

static void put_split(hash_state *h, const struct plan_split *s)
{
    put_u64(h, s->kind);
    put_u64(h, s->train);
    put_u64(h, s->test);
    put_u64(h, s->step);
    put_u64(h, s->gap);
    put_u64(h, s->anchored);
    put_u64(h, s->k);
    put_u64(h, s->shuffle);
    put_text(h, s->stratify);
    put_text(h, s->on);
}

/* What an earlier stage has made is known by what it holds: it is made anew under the same name when that stage is changed. */
static void put_data(hash_state *h, const struct plan *p)
{
    put_u64(h, p->n_data);
    for (uint32_t i = 0; i < p->n_data; i++) {
        const struct plan_data *from = &p->data[i];
        put_u64(h, from->made ? from->digest.len : 0);
        if (from->made)
            hash_update(h, from->digest.data, from->digest.len);
        else
            put_text(h, from->path);
        put_text(h, from->along);
    }
}

static void put_keys(hash_state *h, const struct plan *p)
{
    const struct plan_key_axis *k = &p->key_axis;
    put_u64(h, k->kind);
    put_text(h, k->column);
    put_u64(h, (uint64_t)k->from);
    put_u64(h, k->kind == KEYS_RANGE ? p->keys : 0);
}

static void put_goals(hash_state *h, const struct plan *p)
{
    put_u64(h, p->n_goals);
    for (uint32_t i = 0; i < p->n_goals; i++) {
        put_text(h, p->plugin.scores[p->goals[i].score].name);
        put_u64(h, p->goals[i].maximize);
    }
}

int plan_identity(const struct plan *p, uint8_t out[HASH_BYTES])
{
    for (uint32_t i = 0; i < p->n_goals; i++)
        if (p->goals[i].score >= p->plugin.n_scores)
            return SHEAF_EINVAL;
    hash_state h;
    hash_begin(&h);
    put_text(&h, "sheaf sweep 1");
    put_text(&h, p->plugin.path);
    put_text(&h, p->plugin.script);
    put_text(&h, p->plugin.config);
    put_data(&h, p);
    put_u64(&h, p->method);
    put_u64(&h, p->method == METHOD_GRID ? p->trials : 0);
    put_keys(&h, p);
    put_u64(&h, p->seed);
    put_u64(&h, p->n_axes - p->n_carried);
    for (uint32_t i = p->n_carried; i < p->n_axes; i++)
        put_axis(&h, &p->axes[i]);
    put_u64(&h, p->n_where);
    for (uint32_t i = 0; i < p->n_where; i++)
        put_text(&h, p->where[i]);
    put_u64(&h, p->order);
    put_split(&h, &p->split);
    put_u64(&h, p->reduce_split);
    put_u64(&h, p->reduce_key);
    put_goals(&h, p);
    put_u64(&h, p->keep_best);
    put_text(&h, p->output_path);
    put_text(&h, p->output_dir);
    /* an output file has as many rows as there are trials, and a folder of files is made once: neither can grow */
    put_u64(&h, plan_has_output(p) || plan_has_files(p) ? p->trials : 0);
    hash_end(&h, out);
    return SHEAF_OK;
}

static bool same_value(const struct plan_value *a, const struct plan_value *b)
{
    return bits_of(a->f) == bits_of(b->f) && a->i == b->i &&
           strcmp(a->text ? a->text : "", b->text ? b->text : "") == 0;
}

bool plan_continues(const struct plan *before, const struct plan *now)
{
    uint8_t a[HASH_BYTES], b[HASH_BYTES];
    if (plan_identity(before, a) != SHEAF_OK || plan_identity(now, b) != SHEAF_OK || memcmp(a, b, HASH_BYTES) != 0)
        return false;
    if (now->method != METHOD_LIST)
        return true;
    uint64_t both = before->trials < now->trials ? before->trials : now->trials;
    for (uint32_t i = 0; i < now->n_axes; i++)
        for (uint64_t t = 0; t < both; t++)
            if (!same_value(list_value(&before->axes[i], t), list_value(&now->axes[i], t)))
                return false;
    return true;
}
