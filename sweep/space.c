/* SPDX-License-Identifier: MIT
 *
 * space: from a trial's number to the values of its parameters.
 *
 * The values live in one array that always holds the trial asked for last. Constants and defaults are written once.
 * A grid then counts like an odometer: the next trial writes the last digit, and one more for every carry, which is
 * what makes 50 million trials a second possible; any other trial is decoded by division.
 */
#include "sweep/space.h"

#include "sweep/philox.h"
#include "sweep/space_axis.h"
#include "sweep/where.h"

#include <stdlib.h>

struct space {
    const struct plan *plan;
    struct sheaf_value *values; /* of trial `at` */
    struct space_axis *axes;    /* those that vary, the slowest first */
    struct space_axis *carried; /* of earlier sweeps: n_carried[i] of them follow from axes[i], in this order */
    uint32_t *n_carried;
    uint64_t *digits; /* grid */
    uint32_t n_axes;
    struct where **where;
    uint64_t at;
    bool positioned; /* values, digits and at belong together */
    bool allowed;    /* and this is what `where` says of them */
};

static int set_defaults(struct space *s, struct diag *d)
{
    const struct plan_plugin *plugin = &s->plan->plugin;
    bool given[PLAN_MAX_PARAMS] = {false};
    for (uint32_t i = 0; i < s->plan->n_axes; i++)
        given[s->plan->axes[i].param] = true;
    for (uint32_t i = 0; i < plugin->n_params; i++) {
        if (given[i])
            continue;
        if (plugin->params[i].required)
            return diag_fail(d, SHEAF_EINVAL, "the plugin requires parameter '%s', which the sweep does not give",
                             plugin->params[i].name);
        int rc = space_value(&plugin->params[i], &plugin->params[i].def, &s->values[i], d);
        if (rc != SHEAF_OK)
            return rc;
    }
    return SHEAF_OK;
}

static int compile_axes(struct space *s, struct diag *d)
{
    uint32_t n_carried = 0;
    for (uint32_t i = 0; i < s->plan->n_axes; i++) {
        const struct plan_axis *axis = &s->plan->axes[i];
        if (axis->kind == AXIS_CONST) {
            int rc = axis->n_values < 1 ? diag_fail(d, SHEAF_EINVAL, "parameter '%s' has no value", axis->name)
                                        : space_value(&s->plan->plugin.params[axis->param], &axis->values[0],
                                                      &s->values[axis->param], d);
            if (rc != SHEAF_OK)
                return rc;
            continue;
        }
        bool carried = axis->kind == AXIS_CARRIED && s->n_axes > 0;
        struct space_axis *to = carried ? &s->carried[n_carried++] : &s->axes[s->n_axes++];
        if (carried)
            s->n_carried[s->n_axes - 1]++;
        int rc = space_axis_init(to, s->plan, axis, d);
        if (rc != SHEAF_OK)
            return rc;
    }
    return SHEAF_OK;
}

/* Is the grid as large as the plan says? It may be larger: `run --limit` takes the first trials only. */
static int check_size(const struct space *s, struct diag *d)
{
    uint64_t product = 1;
    if (s->plan->method != METHOD_GRID)
        return SHEAF_OK;
    for (uint32_t i = 0; i < s->n_axes; i++) {
        if (s->axes[i].size > PLAN_MAX_TASKS / product)
            return SHEAF_OK; /* over 2^63, so over any number of trials */
        product *= s->axes[i].size;
    }
    if (product < s->plan->trials)
        return diag_fail(d, SHEAF_EINVAL, "the grid has %llu trials, not the %llu of the plan",
                         (unsigned long long)product, (unsigned long long)s->plan->trials);
    return SHEAF_OK;
}

static int compile_where(struct space *s, struct diag *d)
{
    for (uint32_t i = 0; i < s->plan->n_where; i++) {
        struct diag why = {""};
        s->where[i] = where_compile(s->plan->where[i], &s->plan->plugin, &why);
        if (!s->where[i])
            return diag_fail(d, SHEAF_EINVAL, "where \"%.200s\": %s", s->plan->where[i], why.text);
    }
    return SHEAF_OK;
}

struct space *space_create(const struct plan *p, struct diag *d)
{
    struct space *s = calloc(1, sizeof(*s));
    if (!s)
        goto no_memory;
    s->plan = p;
    s->values = calloc(p->plugin.n_params + 1u, sizeof(*s->values));
    s->axes = calloc(p->n_axes + 1u, sizeof(*s->axes));
    s->carried = calloc(p->n_axes + 1u, sizeof(*s->carried));
    s->n_carried = calloc(p->n_axes + 1u, sizeof(*s->n_carried));
    s->digits = calloc(p->n_axes + 1u, sizeof(*s->digits));
    s->where = calloc(p->n_where + 1u, sizeof(struct where *));
    if (!s->values || !s->axes || !s->carried || !s->n_carried || !s->digits || !s->where)
        goto no_memory;
    if (set_defaults(s, d) != SHEAF_OK || compile_axes(s, d) != SHEAF_OK || check_size(s, d) != SHEAF_OK ||
        compile_where(s, d) != SHEAF_OK) {
        space_destroy(s);
        return NULL;
    }
    return s;
no_memory:
    diag_fail(d, SHEAF_ENOMEM, "out of memory for the sweep's parameters");
    space_destroy(s);
    return NULL;
}

void space_destroy(struct space *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; s->axes && i < s->n_axes; i++)
        space_axis_finish(&s->axes[i]);
    for (uint32_t i = 0; s->carried && i < s->plan->n_axes; i++)
        space_axis_finish(&s->carried[i]);
    for (uint32_t i = 0; s->where && i < s->plan->n_where; i++)
        where_destroy(s->where[i]);
    free(s->where);
    free(s->digits);
    free(s->n_carried);
    free(s->carried);
    free(s->axes);
    free(s->values);
    free(s);
}

static uint32_t code_at(const struct space_axis *a, uint64_t i)
{
    const uint8_t *c = (const uint8_t *)a->plan->codes.data + 4 * i;
    return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

/* The value of axis i has changed: so have those that it carries. */
static void write_carried(struct space *s, uint32_t i)
{
    const struct space_axis *a = s->carried;
    uint64_t trial = (uint64_t)s->values[s->axes[i].plan->param].i;
    for (uint32_t k = 0; k < i; k++)
        a += s->n_carried[k];
    for (uint32_t k = 0; k < s->n_carried[i]; k++)
        s->values[a[k].plan->param] = a[k].table[code_at(&a[k], trial)];
}

static void write_digit(struct space *s, uint32_t i)
{
    space_axis_at(&s->axes[i], s->digits[i], &s->values[s->axes[i].plan->param]);
    if (s->n_carried[i] > 0)
        write_carried(s, i);
}

static void grid_seek(struct space *s, uint64_t trial)
{
    for (uint32_t i = s->n_axes; i-- > 0;) {
        s->digits[i] = trial % s->axes[i].size;
        trial /= s->axes[i].size;
        write_digit(s, i);
    }
}

static void grid_next(struct space *s)
{
    for (uint32_t i = s->n_axes; i-- > 0;) {
        bool carry = ++s->digits[i] == s->axes[i].size;
        if (carry)
            s->digits[i] = 0;
        write_digit(s, i);
        if (!carry)
            return;
    }
}

static void list_seek(struct space *s, uint64_t trial)
{
    for (uint32_t i = 0; i < s->n_axes; i++) {
        const struct space_axis *a = &s->axes[i];
        s->values[a->plan->param] = a->table[code_at(a, trial)];
    }
}

static void draw(struct space *s, uint64_t trial, uint32_t attempt)
{
    for (uint32_t i = 0; i < s->n_axes; i++) {
        const struct space_axis *a = &s->axes[i];
        struct philox_block bits = philox_draw(s->plan->seed, trial, PHILOX_PARAM + a->plan->param, attempt);
        space_axis_draw(a, bits, &s->values[a->plan->param]);
    }
}

static bool all_hold(const struct space *s)
{
    for (uint32_t i = 0; i < s->plan->n_where; i++)
        if (!where_holds(s->where[i], s->values))
            return false;
    return true;
}

static bool draw_until_allowed(struct space *s, uint64_t trial)
{
    for (uint32_t attempt = 0; attempt <= SPACE_REDRAWS; attempt++) {
        draw(s, trial, attempt);
        if (all_hold(s))
            return true;
    }
    return false;
}

bool space_trial(struct space *s, uint64_t trial, const struct sheaf_value **values)
{
    *values = s->values;
    if (s->positioned && s->at == trial)
        return s->allowed;
    SHEAF_ASSERT(trial < s->plan->trials);
    switch (s->plan->method) {
    case METHOD_GRID:
        if (s->positioned && trial == s->at + 1)
            grid_next(s);
        else
            grid_seek(s, trial);
        s->allowed = all_hold(s);
        break;
    case METHOD_RANDOM:
        s->allowed = draw_until_allowed(s, trial);
        break;
    default:
        list_seek(s, trial);
        s->allowed = all_hold(s);
    }
    s->at = trial;
    s->positioned = true;
    return s->allowed;
}

uint64_t space_task_seed(uint64_t seed, uint64_t index)
{
    return philox_low(philox_draw(seed, index, PHILOX_TASK, 0));
}

struct cell space_cell(const struct plan *p, uint64_t index)
{
    uint64_t rest = index / p->splits;
    return (struct cell){.trial = rest / p->keys, .key = rest % p->keys, .split = index % p->splits};
}

static bool in_order(const struct plan *p)
{
    return p->order == ORDER_TRIAL || p->keys == 1 || p->trials == 1;
}

uint64_t space_index(const struct plan *p, uint64_t position)
{
    if (in_order(p))
        return position;
    uint64_t block = position / p->splits, key = block / p->trials, trial = block % p->trials;
    return (trial * p->keys + key) * p->splits + position % p->splits;
}

uint64_t space_position(const struct plan *p, uint64_t index)
{
    if (in_order(p))
        return index;
    struct cell c = space_cell(p, index);
    return (c.key * p->trials + c.trial) * p->splits + c.split;
}

uint64_t space_stretch(const struct plan *p, uint64_t from, uint64_t to)
{
    if (in_order(p))
        return to;
    uint64_t end = from - from % p->splits + p->splits; /* of the splits of one trial and key */
    return end < to ? end : to;
}
