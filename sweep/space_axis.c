/* SPDX-License-Identifier: MIT
 *
 * space_axis: values of one parameter. Every formula here is in docs/index-space.md, operation by operation; a
 * rearrangement changes results.
 */
#include "sweep/space_axis.h"

#include "sweep/detmath.h"
#include "sweep/space.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_MAX 4096u                 /* ranges of at most so many values are tabulated */
#define LOG_INT_MAX ((uint64_t)1 << 20) /* points of a log int range */
#define RANGE_MAX ((uint64_t)INT64_MAX) /* values of an int range */

static int64_t float_as_int(double f)
{
    return f > -9223372036854775808.0 && f < 9223372036854775808.0 ? (int64_t)f : 0;
}

static struct sheaf_value float_value(double f)
{
    return (struct sheaf_value){.f = f, .i = float_as_int(f)};
}

static struct sheaf_value int_value(int64_t i)
{
    return (struct sheaf_value){.f = (double)i, .i = i};
}

static struct sheaf_value text_value(const char *text, int64_t i)
{
    return (struct sheaf_value){.f = (double)i, .i = i, .text = text, .text_len = strlen(text)};
}

int space_value(const struct plan_param *param, const struct plan_value *v, struct sheaf_value *out, struct diag *d)
{
    const char *text = v->text ? v->text : "";
    switch (param->type) {
    case SHEAF_FLOAT:
        *out = float_value(v->f);
        return SHEAF_OK;
    case SHEAF_TEXT:
        *out = text_value(text, 0);
        return SHEAF_OK;
    case SHEAF_CHOICE:
        for (uint32_t i = 0; i < param->n_choices; i++)
            if (strcmp(param->choices[i], text) == 0) {
                *out = text_value(param->choices[i], i);
                return SHEAF_OK;
            }
        return diag_fail(d, SHEAF_EINVAL, "parameter '%s': '%s' is none of its choices", param->name, text);
    default:
        *out = int_value(v->i);
        return SHEAF_OK;
    }
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* x rounded to the nearest integer, a half upwards, and into [low, high]; 1 <= low. */
static int64_t round_into(double x, int64_t low, int64_t high)
{
    if (!(x < (double)high))
        return high;
    int64_t i = (int64_t)(x + 0.5);
    return i < low ? low : i > high ? high : i;
}

/* Point k of a log int grid, before equal neighbours are dropped. */
static int64_t log_int_point(const struct plan_axis *p, double log_from, double log_to, uint64_t k)
{
    if (k == 0)
        return p->from.i;
    if (k + 1 == p->count)
        return p->to.i;
    double x = det_exp(log_from + (log_to - log_from) * (double)k / (double)(p->count - 1));
    return round_into(x, p->from.i, p->to.i);
}

/* The points of a log int grid that differ from those before them; into table unless it is NULL. */
static uint64_t log_int_points(const struct plan_axis *p, struct sheaf_value *table)
{
    double log_from = det_log((double)p->from.i), log_to = det_log((double)p->to.i);
    int64_t last = 0; /* below every point: a log range starts at 1 or above */
    uint64_t n = 0;
    for (uint64_t k = 0; k < p->count; k++) {
        int64_t i = log_int_point(p, log_from, log_to, k);
        if (i <= last)
            continue;
        if (table)
            table[n] = int_value(i);
        last = i;
        n++;
    }
    return n;
}

uint64_t space_axis_size(const struct plan_axis *a)
{
    switch (a->kind) {
    case AXIS_CONST:
        return 1;
    case AXIS_CHOICES:
    case AXIS_LIST:
    case AXIS_CARRIED:
        return a->n_values;
    case AXIS_INT: {
        if (a->step.i < 1 || a->from.i > a->to.i)
            return 0;
        uint64_t last = ((uint64_t)a->to.i - (uint64_t)a->from.i) / (uint64_t)a->step.i;
        return last < RANGE_MAX ? last + 1 : 0;
    }
    case AXIS_LOG_INT:
        return a->count <= LOG_INT_MAX ? log_int_points(a, NULL) : 0;
    default:
        return a->count;
    }
}

static double float_point(const struct space_axis *a, uint64_t k)
{
    const struct plan_axis *p = a->plan;
    double from = p->from.f, to = p->to.f;
    if (p->kind == AXIS_FLOAT_STEP)
        return clamp(from + (double)k * p->step.f, from, to);
    if (k == 0)
        return from;
    if (k + 1 == p->count)
        return to;
    double steps = (double)(p->count - 1);
    if (p->log)
        return clamp(det_exp(a->log_from + (a->log_to - a->log_from) * (double)k / steps), from, to);
    return clamp(from + (to - from) * (double)k / steps, from, to);
}

/* Written in place: a struct that is returned and then copied stalls on the wide loads of what was just stored, which
 * took as long as the rest of a null task's parameters. */
static void compute(const struct space_axis *a, uint64_t k, struct sheaf_value *out)
{
    bool whole = a->plan->kind == AXIS_INT;
    int64_t i = whole ? (int64_t)((uint64_t)a->plan->from.i + k * (uint64_t)a->plan->step.i) : 0;
    double f = whole ? (double)i : float_point(a, k);
    out->f = f;
    out->i = whole ? i : float_as_int(f);
    out->text = NULL;
    out->text_len = 0;
}

void space_axis_at(const struct space_axis *a, uint64_t k, struct sheaf_value *out)
{
    if (a->table)
        *out = a->table[k];
    else
        compute(a, k, out);
}

void space_axis_draw(const struct space_axis *a, struct philox_block bits, struct sheaf_value *out)
{
    const struct plan_axis *p = a->plan;
    if (a->size > 0) {
        space_axis_at(a, philox_below(bits, a->size), out);
        return;
    }
    double u = philox_unit(bits);
    double log_x = a->log_from + (a->log_to - a->log_from) * u;
    if (p->kind == AXIS_LOG_INT)
        *out = int_value(round_into(det_exp(log_x), p->from.i, p->to.i));
    else if (p->log)
        *out = float_value(clamp(det_exp(log_x), p->from.f, p->to.f));
    else
        *out = float_value(clamp(p->from.f + (p->to.f - p->from.f) * u, p->from.f, p->to.f));
}

static void fill_logs(struct space_axis *a, bool random)
{
    const struct plan_axis *p = a->plan;
    if (p->kind == AXIS_LOG_INT) {
        /* In a random search each int owns the stretch half way to its neighbours, as in Optuna. */
        double half = random ? 0.5 : 0;
        a->log_from = det_log((double)p->from.i - half);
        a->log_to = det_log((double)p->to.i + half);
    } else if (p->kind == AXIS_FLOAT && p->log) {
        a->log_from = det_log(p->from.f);
        a->log_to = det_log(p->to.f);
    }
}

static int fill_table(struct space_axis *a, struct diag *d)
{
    const struct plan_axis *p = a->plan;
    bool stored = p->kind == AXIS_CONST || p->kind == AXIS_CHOICES || p->kind == AXIS_LIST || p->kind == AXIS_CARRIED;
    if (!stored && p->kind != AXIS_LOG_INT && a->size > TABLE_MAX)
        return SHEAF_OK;
    struct sheaf_value *table = calloc((size_t)a->size, sizeof(*table));
    if (!table)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory for the values of parameter '%s'", p->name);
    int rc = SHEAF_OK;
    if (p->kind == AXIS_LOG_INT)
        log_int_points(p, table);
    else
        for (uint64_t k = 0; k < a->size && rc == SHEAF_OK; k++)
            if (stored)
                rc = space_value(a->param, &p->values[k], &table[k], d);
            else
                compute(a, k, &table[k]);
    a->table = table;
    return rc;
}

static bool suits(uint32_t kind, uint32_t type)
{
    switch (kind) {
    case AXIS_INT:
    case AXIS_LOG_INT:
        return type == SHEAF_INT || type == SHEAF_FLOAT;
    case AXIS_FLOAT:
    case AXIS_FLOAT_STEP:
        return type == SHEAF_FLOAT;
    default:
        return true;
    }
}

int space_axis_init(struct space_axis *a, const struct plan *p, const struct plan_axis *axis, struct diag *d)
{
    memset(a, 0, sizeof(*a));
    a->plan = axis;
    a->param = &p->plugin.params[axis->param];
    if (!suits(axis->kind, a->param->type))
        return diag_fail(d, SHEAF_EINVAL, "parameter '%s': a range of this kind does not suit its type", axis->name);
    bool random = p->method == METHOD_RANDOM;
    fill_logs(a, random);
    if (random && (axis->kind == AXIS_FLOAT || axis->kind == AXIS_LOG_INT))
        return SHEAF_OK;
    a->size = space_axis_size(axis);
    if (a->size == 0)
        return diag_fail(d, SHEAF_EINVAL, "parameter '%s': its range is empty or has too many values", axis->name);
    return fill_table(a, d);
}

void space_axis_finish(struct space_axis *a)
{
    free(a->table);
    a->table = NULL;
}
