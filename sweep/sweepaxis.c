/* SPDX-License-Identifier: MIT
 *
 * sweepaxis: params and search become axes. A constant is an axis of its own kind; a list is its values; a range
 * becomes whole numbers, stepped or continuous floats, or a log scale, as the parameter's type and the method ask.
 */
#include "sweep/sweepplan.h"

#include "sheaf/plugin.h"
#include "sweep/listfile.h"
#include "sweep/space.h"
#include "sweep/suggest.h"
#include "sweep/sweepschema.h"
#include "sweep/sweepvalue.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_POINTS (1u << 20) /* values that an axis may carry one by one, as the plan's decoder allows */
#define MAX_COUNT 9e15

struct axis_job {
    struct planner *p;
    const struct plan_param *param;
    const struct ynode *node; /* what stands under params.NAME */
    struct value_sink sink;
    char what[128]; /* "params.NAME" */
    struct plan_axis *out;
};

static int convert(struct axis_job *j, const struct ynode *n, const char *suffix, struct plan_value *out)
{
    char what[sizeof j->what + 16];
    snprintf(what, sizeof what, "%s%s", j->what, suffix);
    return sweepvalue_convert(&j->sink, &n->value, &n->at, what, out);
}

static int alloc_values(struct axis_job *j, uint32_t n)
{
    j->out->values = arena_alloc(j->p->arena, n * sizeof(struct plan_value));
    j->out->n_values = n;
    return j->out->values != NULL ? 0 : sweepplan_no_memory(j->p);
}

static int make_constant(struct axis_job *j, const struct plan_value *value)
{
    j->out->kind = AXIS_CONST;
    j->out->count = 1;
    int err = alloc_values(j, 1);
    if (err == 0)
        j->out->values[0] = *value;
    return err;
}

struct ranked {
    const struct plan_value *value;
    const struct ynode *node;
    uint32_t type, position;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = sweepvalue_compare(x->type, x->value, y->value);
    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

/* The first value in the file's order that stands there before. Sorted, because a list may have a million. */
static const struct ynode *find_duplicate(const struct axis_job *j, struct ranked *ranked)
{
    uint32_t n = 0, first = UINT32_MAX;
    for (const struct ynode *v = j->node->first; v != NULL; v = v->next, n++)
        ranked[n] = (struct ranked){&j->out->values[n], v, j->param->type, n};
    qsort(ranked, n, sizeof *ranked, compare_ranked);
    const struct ynode *found = NULL;
    for (uint32_t i = 1; i < n; i++) {
        bool same = sweepvalue_compare(j->param->type, ranked[i - 1].value, ranked[i].value) == 0;
        if (same && ranked[i].position < first) {
            first = ranked[i].position;
            found = ranked[i].node;
        }
    }
    return found;
}

static int make_choices(struct axis_job *j)
{
    j->out->kind = AXIS_CHOICES;
    j->out->count = j->node->n;
    int err = alloc_values(j, j->node->n);
    uint32_t i = 0;
    for (const struct ynode *v = j->node->first; v != NULL && err == 0; v = v->next)
        err = convert(j, v, "", &j->out->values[i++]);
    if (err != 0)
        return err;
    struct ranked *ranked = calloc(j->node->n, sizeof *ranked);
    if (ranked == NULL)
        return sweepplan_no_memory(j->p);
    const struct ynode *twin = find_duplicate(j, ranked);
    free(ranked);
    char shown[SCALAR_SHOWN];
    if (twin != NULL)
        return place_fail(&twin->at, j->p->d, "%s has %s twice; remove one", j->what, ynode_show(twin, shown));
    return 0;
}

/* What every range needs: from <= to, an own value of count, a log scale above 0. */
static int check_range(struct axis_job *j, const struct ynode *count)
{
    const struct plan_axis *a = j->out;
    const struct place *at = &ynode_get(j->node, "from")->at;
    char low[SCALAR_SHOWN], high[SCALAR_SHOWN];
    ynode_show(ynode_get(j->node, "from"), low);
    ynode_show(ynode_get(j->node, "to"), high);
    if (a->from.f > a->to.f || (j->param->type == SHEAF_INT && a->from.i > a->to.i))
        return place_fail(at, j->p->d, "%s is empty: from %s is above to %s; swap them", j->what, low, high);
    if (!isfinite(a->to.f - a->from.f))
        return place_fail(at, j->p->d, "%s from %s to %s is too wide for a float64; make it narrower", j->what, low,
                          high);
    if (a->log && !(a->from.f > 0))
        return place_fail(at, j->p->d, "%s has a log scale from %s; begin above 0 or remove scale: log", j->what, low);
    if (count != NULL && j->p->out->method == METHOD_RANDOM)
        return place_fail(&count->key->at, j->p->d,
                          "%s.count is for a grid, random search draws from the whole range; remove it%s", j->what,
                          a->log ? "" : " or give step");
    if (count != NULL && count->value.i == 1 && a->from.f < a->to.f)
        return place_fail(&count->at, j->p->d, "%s.count is 1, but from and to differ; give at least 2", j->what);
    return 0;
}

static int need_count(struct axis_job *j)
{
    return place_fail(&j->node->at, j->p->d, "%s is a range without %s, which a grid needs; add %s", j->what,
                      j->out->log ? "count" : "step or count", j->out->log ? "count: N" : "step: S or count: N");
}

/* `count` whole numbers, equally spaced and rounded: from + floor(k (to - from) / (count - 1) + 1/2). */
static int make_rounded(struct axis_job *j, uint64_t count)
{
    struct plan_axis *a = j->out;
    if (count > MAX_POINTS)
        return place_fail(&j->node->at, j->p->d, "%s has a count above %u; give a step instead", j->what, MAX_POINTS);
    int err = alloc_values(j, (uint32_t)count);
    if (err != 0)
        return err;
    uint32_t n = 0;
    for (uint64_t k = 0; k < count; k++) {
        double offset = floor((double)k * (a->to.f - a->from.f) / (double)(count - 1) + 0.5);
        int64_t i = k + 1 == count ? a->to.i : (int64_t)((uint64_t)a->from.i + (uint64_t)offset);
        if (n == 0 || i > a->values[n - 1].i)
            a->values[n++] = (struct plan_value){.f = (double)i, .i = i, .text = ""};
    }
    a->kind = AXIS_CHOICES;
    a->n_values = n;
    a->count = n;
    return 0;
}

static int make_int_steps(struct axis_job *j, int64_t step)
{
    struct plan_axis *a = j->out;
    uint64_t last = ((uint64_t)a->to.i - (uint64_t)a->from.i) / (uint64_t)step;
    if (last >= PLAN_MAX_TASKS - 1)
        return place_fail(&j->node->at, j->p->d, "%s has 2^63 values or more; make the range narrower", j->what);
    a->kind = AXIS_INT;
    a->step = (struct plan_value){.f = (double)step, .i = step, .text = ""};
    a->count = last + 1;
    return 0;
}

static int make_int_range(struct axis_job *j, const struct ynode *step, const struct ynode *count)
{
    struct plan_axis *a = j->out;
    if (step != NULL && (step->value.kind != SCALAR_INT || step->value.i < 1)) {
        char shown[SCALAR_SHOWN];
        return place_fail(&step->at, j->p->d, "%s.step is %s; %s takes whole numbers, so give a whole step", j->what,
                          ynode_show(step, shown), j->p->plugin->name);
    }
    if (a->log) {
        if (count == NULL && j->p->out->method == METHOD_GRID)
            return need_count(j);
        if (count != NULL && count->value.i > MAX_POINTS)
            return place_fail(&count->at, j->p->d, "%s.count is above %u; give fewer points", j->what, MAX_POINTS);
        a->kind = AXIS_LOG_INT;
        a->count = count != NULL ? (uint64_t)count->value.i : 0;
        return 0;
    }
    if (count == NULL || count->value.i < 2) /* one point: from and to are the same */
        return make_int_steps(j, step != NULL ? step->value.i : 1);
    uint64_t width = (uint64_t)a->to.i - (uint64_t)a->from.i, gaps = (uint64_t)count->value.i - 1;
    if (width % gaps == 0 && width / gaps <= INT64_MAX)
        return make_int_steps(j, (int64_t)(width / gaps));
    return make_rounded(j, gaps + 1);
}

/* Points of a stepped range; `to` counts when rounding alone keeps it out (0 to 0.3 by 0.1). */
static int make_float_steps(struct axis_job *j, const struct ynode *step)
{
    struct plan_axis *a = j->out;
    double steps = (a->to.f - a->from.f) / step->value.f;
    if (!(steps < MAX_COUNT))
        return place_fail(&step->at, j->p->d, "%s has too many values; give a larger step", j->what);
    a->kind = AXIS_FLOAT_STEP;
    a->step = (struct plan_value){.f = step->value.f, .text = ""};
    a->count = (uint64_t)floor(steps * (1 + 1e-12) + 1e-9) + 1;
    return 0;
}

static int make_float_range(struct axis_job *j, const struct ynode *step, const struct ynode *count)
{
    if (step != NULL)
        return make_float_steps(j, step);
    if (count == NULL && j->p->out->method == METHOD_GRID)
        return need_count(j);
    j->out->kind = AXIS_FLOAT;
    j->out->count = count != NULL ? (uint64_t)count->value.i : 0;
    return 0;
}

static int make_range(struct axis_job *j)
{
    struct plan_axis *a = j->out;
    char accepts[SWEEPVALUE_ACCEPTS];
    if (j->param->type != SHEAF_INT && j->param->type != SHEAF_FLOAT)
        return place_fail(&j->node->at, j->p->d, "%s is a range, but %s takes %s; list its values", j->what,
                          j->p->plugin->name, sweepvalue_accepts(j->param, accepts));
    const struct ynode *step = ynode_get(j->node, "step"), *count = ynode_get(j->node, "count");
    int err = convert(j, ynode_get(j->node, "from"), ".from", &a->from);
    if (err == 0)
        err = convert(j, ynode_get(j->node, "to"), ".to", &a->to);
    if (err != 0)
        return err;
    a->log = strcmp(sweepschema_text(j->node, "scale", "linear"), "log") == 0;
    err = check_range(j, count);
    if (err != 0)
        return err;
    bool whole = j->param->type == SHEAF_INT;
    if (whole ? a->from.i == a->to.i : !(a->from.f < a->to.f))
        return make_constant(j, &a->from);
    return whole ? make_int_range(j, step, count) : make_float_range(j, step, count);
}

static int refuse_in_list(const struct axis_job *j)
{
    return place_fail(&j->node->at, j->p->d,
                      "%s has several values, but search: list takes them from %s; give one value here", j->what,
                      sweepschema_text(j->p->f->root, "search.file", ""));
}

static int make_axis(struct axis_job *j)
{
    j->out->name = j->param->name;
    j->out->param = (uint32_t)(j->param - j->p->plugin->params);
    j->out->from.text = j->out->to.text = j->out->step.text = "";
    if (j->node->kind != YNODE_SCALAR && j->p->out->method == METHOD_LIST)
        return refuse_in_list(j);
    if (j->node->kind == YNODE_LIST)
        return make_choices(j);
    if (j->node->kind == YNODE_MAP)
        return make_range(j);
    struct plan_value value;
    int err = convert(j, j->node, "", &value);
    return err != 0 ? err : make_constant(j, &value);
}

static int unknown_param(struct planner *p, const struct ynode *n)
{
    struct suggest near;
    suggest_begin(&near, n->key->value.text);
    for (uint32_t i = 0; i < p->plugin->n_params; i++)
        suggest_offer(&near, p->plugin->params[i].name);
    return place_fail(&n->key->at, p->d, "%s has no parameter %.80s; %s", p->plugin->name, n->key->value.text,
                      suggest_advice(&near));
}

static bool has_axis(const struct plan *plan, uint32_t param)
{
    for (uint32_t i = 0; i < plan->n_axes; i++)
        if (plan->axes[i].param == param)
            return true;
    return false;
}

static int add_axis(struct planner *p, const struct ynode *n)
{
    const struct plan_param *param = NULL;
    for (uint32_t i = 0; i < p->plugin->n_params && param == NULL; i++)
        if (strcmp(p->plugin->params[i].name, n->key->value.text) == 0)
            param = &p->plugin->params[i];
    if (param == NULL)
        return unknown_param(p, n);
    if (has_axis(p->out, (uint32_t)(param - p->plugin->params)))
        return place_fail(&n->key->at, p->d, "params.%s is a column of %s too; remove one", param->name,
                          sweepschema_text(p->f->root, "search.file", ""));
    struct axis_job j = {.p = p, .param = param, .node = n, .out = &p->out->axes[p->out->n_axes]};
    j.sink = (struct value_sink){p->plugin->name, param, p->arena, p->d};
    snprintf(j.what, sizeof j.what, "params.%.100s", param->name);
    int err = make_axis(&j);
    if (err == 0)
        p->out->n_axes++;
    return err;
}

static int check_required(struct planner *p)
{
    for (uint32_t i = 0; i < p->plugin->n_params; i++) {
        const struct plan_param *param = &p->plugin->params[i];
        char accepts[SWEEPVALUE_ACCEPTS];
        if (param->required && !has_axis(p->out, i))
            return place_fail(sweepfile_at(p->f, "params"), p->d, "%s needs the parameter %s; add it to params: %s",
                              p->plugin->name, param->name, sweepvalue_accepts(param, accepts));
    }
    return 0;
}

/* Columns of the list first, then the constants of params. */
static int read_list(struct planner *p)
{
    const struct ynode *file = ynode_find(p->f->root, "search.file");
    int64_t trials = sweepschema_int(p->f->root, "search.trials", 0);
    struct listfile_in in = {.name = file->value.text,
                             .dir = p->f->dir,
                             .plugin = p->plugin,
                             .max_trials = (uint64_t)trials,
                             .at = &file->at};
    int err = listfile_read(&in, p->arena, p->out, p->d);
    if (err == 0 && p->out->trials < (uint64_t)trials)
        return place_fail(sweepfile_at(p->f, "search.trials"), p->d,
                          "search.trials is %lld, but %s has %llu; give at most that many", (long long)trials,
                          file->value.text, (unsigned long long)p->out->trials);
    return err;
}

static int count_grid(struct planner *p)
{
    uint64_t trials = 1;
    for (uint32_t i = 0; i < p->out->n_axes; i++) {
        uint64_t size = p->out->axes[i].kind == AXIS_CARRIED ? 1 : space_axis_size(&p->out->axes[i]);
        if (size == 0)
            return sweepplan_no_memory(p);
        if (size > (PLAN_MAX_TASKS - 1) / trials)
            return place_fail(sweepfile_at(p->f, "params"), p->d,
                              "the grid has 2^63 trials or more; give fewer values or use method: random");
        trials *= size;
    }
    p->out->trials = trials;
    return 0;
}

int sweepaxis_resolve(struct planner *p)
{
    const struct ynode *root = p->f->root;
    p->out->method = sweepschema_word(root, "search.method", sweepschema_methods, METHOD_GRID);
    p->out->seed = (uint64_t)sweepschema_int(root, "search.seed", 0);
    p->out->trials = (uint64_t)sweepschema_int(root, "search.trials", 1);
    uint32_t most = p->plugin->n_params + sweepcarry_axes(p->all) + 1u;
    p->out->axes = arena_alloc(p->arena, most * sizeof(struct plan_axis));
    if (p->out->axes == NULL)
        return sweepplan_no_memory(p);
    int err = sweepcarry_resolve(p);
    if (err == 0 && p->out->method == METHOD_LIST)
        err = read_list(p);
    const struct ynode *params = ynode_get(root, "params");
    for (const struct ynode *n = params != NULL ? params->first : NULL; n != NULL && err == 0; n = n->next)
        err = add_axis(p, n);
    if (err == 0)
        err = check_required(p);
    return err == 0 && p->out->method == METHOD_GRID ? count_grid(p) : err;
}
