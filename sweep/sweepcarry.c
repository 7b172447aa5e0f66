/* SPDX-License-Identifier: MIT
 *
 * sweepcarry: a dataset along the trials of the sweep that made it. Its trials become the slowest axis of this sweep's grid,
 * NAME.trial; the parameters that made them follow from it as NAME.PARAMETER, so that whoever reads the results sees them. Trials that
 * `where` left out there are left out here.
 */
#include "sweep/sweepplan.h"

#include "sweep/dictionary.h"
#include "sweep/sweepschema.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PREFIX "trial."
#define PREFIX_LENGTH (sizeof PREFIX - 1)
#define MAX_TRIALS DICTIONARY_MAX
#define MAX_ALONG 63u  /* bytes of NAME */
#define MAX_PARAM 128u /* and of PARAMETER */

struct carry {
    struct planner *p;
    const struct source *s;
    const struct place *at;
    const uint8_t *run; /* [trials]: not 0 = it has run */
    uint64_t n;         /* trials that ran */
};

static bool is_param(const struct source *s, const struct dataset_array *a)
{
    return strncmp(a->name, PREFIX, PREFIX_LENGTH) == 0 && a->view.rank == 1 && a->view.shape[0] == s->trials;
}

static uint32_t count_params(const struct source *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; s->along != NULL && i < dataset_count(s->ds); i++)
        n += is_param(s, dataset_at(s->ds, i));
    return n;
}

uint32_t sweepcarry_axes(const struct sources *all)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < all->n; i++)
        n += all->at[i].along != NULL ? 1 + count_params(&all->at[i]) : 0;
    return n;
}

/* One more parameter behind those that are there, and an axis of it. NULL when memory is exhausted. */
static struct plan_axis *add_axis(struct carry *c, const char *name, uint32_t type)
{
    struct plan *out = c->p->out;
    struct plan_axis *a = &out->axes[out->n_axes];
    name = arena_printf(c->p->arena, "%s.%s", c->s->along, name);
    if (name == NULL)
        return NULL;
    out->plugin.params[out->plugin.n_params] = (struct plan_param){
        .name = name, .type = type, .def = {.text = ""}, .min = 1, .max = 0, .unit = "", .help = "of an earlier sweep"};
    *a = (struct plan_axis){.name = name,
                            .param = out->plugin.n_params,
                            .count = 1,
                            .from = {.text = ""},
                            .to = {.text = ""},
                            .step = {.text = ""}};
    out->plugin.n_params++;
    out->n_axes++;
    out->n_carried++;
    return a;
}

/* ---- the trials ---- */

static bool has_run(const struct carry *c, uint64_t trial)
{
    return c->run[trial] != 0;
}

static int read_run(struct carry *c)
{
    const struct dataset_array *run = dataset_find(c->s->ds, SOURCES_TRIALS);
    c->run = run->view.data;
    c->n = 0;
    for (uint64_t t = 0; t < c->s->trials; t++)
        c->n += has_run(c, t);
    if (c->s->trials > MAX_TRIALS)
        return place_fail(c->at, c->p->d, "%s has %" PRIu64 " trials; at most %u can be gone along", c->s->along,
                          c->s->trials, MAX_TRIALS);
    return c->n > 0 ? 0 : place_fail(c->at, c->p->d, "none of the trials of %s has run; loosen its where", c->s->along);
}

static struct plan_value int_value(int64_t i)
{
    return (struct plan_value){.f = (double)i, .i = i, .text = ""};
}

static int list_trials(struct carry *c, struct plan_axis *a)
{
    a->values = arena_alloc(c->p->arena, (size_t)c->n * sizeof *a->values);
    if (a->values == NULL)
        return sweepplan_no_memory(c->p);
    for (uint64_t t = 0; t < c->s->trials; t++)
        if (has_run(c, t))
            a->values[a->n_values++] = int_value((int64_t)t);
    a->kind = a->n_values == 1 ? AXIS_CONST : AXIS_CHOICES;
    a->count = a->n_values;
    return 0;
}

static int add_trials(struct carry *c, struct plan_data *data)
{
    struct plan_axis *a = add_axis(c, "trial", SHEAF_INT);
    if (a == NULL)
        return sweepplan_no_memory(c->p);
    data->param = a->param;
    if (c->n < c->s->trials || c->n == 1)
        return list_trials(c, a);
    a->kind = AXIS_INT;
    a->from = int_value(0);
    a->to = int_value((int64_t)c->n - 1);
    a->step = int_value(1);
    a->count = c->n;
    return 0;
}

/* ---- their parameters ---- */

static uint32_t type_of(uint32_t dtype)
{
    switch (dtype) {
    case SHEAF_DT_I64:
        return SHEAF_INT;
    case SHEAF_DT_F64:
        return SHEAF_FLOAT;
    case SHEAF_DT_BOOL:
        return SHEAF_BOOL;
    case SHEAF_DT_CODE:
        return SHEAF_TEXT;
    default:
        return 0;
    }
}

/* What a parameter was in a trial. The file may hold anything. */
static bool read_value(const struct sheaf_view *v, uint64_t trial, struct plan_value *out)
{
    const char *at = (const char *)v->data + (int64_t)trial * v->strides[0];
    int32_t code;
    *out = (struct plan_value){.text = ""};
    switch (v->dtype) {
    case SHEAF_DT_I64:
        memcpy(&out->i, at, sizeof out->i);
        out->f = (double)out->i;
        return true;
    case SHEAF_DT_F64:
        memcpy(&out->f, at, sizeof out->f);
        return isfinite(out->f);
    case SHEAF_DT_BOOL:
        out->i = *at != 0;
        return true;
    default:
        memcpy(&code, at, sizeof code);
        if (code < 0 || (uint64_t)code >= v->n_dictionary)
            return false;
        out->text = v->dictionary[code];
        return true;
    }
}

static int wrong_values(struct carry *c, const struct dataset_array *a)
{
    return place_fail(c->at, c->p->d, "%.200s of %s is no parameter of a sweep; make that file again", a->name,
                      c->s->along);
}

/* The dictionary moves to the plan. */
static int keep_values(struct carry *c, const struct dictionary *dict, struct plan_axis *axis)
{
    axis->values = arena_alloc(c->p->arena, dict->n * sizeof *axis->values);
    if (axis->values == NULL)
        return sweepplan_no_memory(c->p);
    for (uint32_t i = 0; i < dict->n; i++) {
        axis->values[i] = dict->values[i];
        axis->values[i].text = arena_text(c->p->arena, dict->values[i].text, strlen(dict->values[i].text));
        if (axis->values[i].text == NULL)
            return sweepplan_no_memory(c->p);
    }
    axis->n_values = dict->n;
    return 0;
}

static int read_codes(struct carry *c, const struct dataset_array *a, struct dictionary *dict, struct plan_axis *axis)
{
    size_t bytes = (size_t)c->s->trials * 4;
    uint8_t *codes = arena_alloc(c->p->arena, bytes);
    if (codes == NULL)
        return sweepplan_no_memory(c->p);
    for (uint64_t t = 0; t < c->s->trials; t++) {
        struct plan_value value;
        uint32_t code = 0; /* of one that is never asked for */
        if (has_run(c, t) && !read_value(&a->view, t, &value))
            return wrong_values(c, a);
        if (has_run(c, t) && dictionary_code(dict, type_of(a->view.dtype), &value, &code) != 0)
            return sweepplan_no_memory(c->p);
        for (int b = 0; b < 4; b++)
            codes[4 * t + (unsigned)b] = (uint8_t)(code >> (8 * b));
    }
    axis->kind = dict->n == 1 ? AXIS_CONST : AXIS_CARRIED;
    axis->codes = dict->n == 1 ? (struct slice){NULL, 0} : (struct slice){codes, bytes};
    return keep_values(c, dict, axis);
}

static int add_param(struct carry *c, const struct dataset_array *a)
{
    const char *name = a->name + PREFIX_LENGTH;
    struct dictionary dict = {0};
    if (type_of(a->view.dtype) == 0 || name[0] == '\0' || strlen(name) > MAX_PARAM)
        return wrong_values(c, a);
    if (strcmp(name, "trial") == 0)
        return place_fail(c->at, c->p->d,
                          "%s has a parameter called trial, as its trials are here; give it another name", c->s->along);
    struct plan_axis *axis = add_axis(c, name, type_of(a->view.dtype));
    int err = axis != NULL ? read_codes(c, a, &dict, axis) : sweepplan_no_memory(c->p);
    dictionary_finish(&dict);
    return err;
}

/* ---- a source ---- */

static bool is_name(const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", digits[] = "0123456789";
    size_t n = strlen(s);
    if (n == 0 || n > MAX_ALONG || strchr(letters, s[0]) == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        if (strchr(letters, s[i]) == NULL && strchr(digits, s[i]) == NULL)
            return false;
    return true;
}

static int check_name(struct planner *p, uint32_t i, const char *along)
{
    struct sweepfile_data other;
    if (!is_name(along))
        return place_fail(sweepfile_data_at(p->f, i), p->d,
                          "the trials of %.200s need a name of letters, digits and _ (it stands before their "
                          "parameters); add as: NAME",
                          along);
    for (uint32_t k = 0; k < i && sweepfile_data(p->f, k, &other); k++)
        if (other.along != NULL && strcmp(other.along, along) == 0)
            return place_fail(sweepfile_data_at(p->f, i), p->d,
                              "two datasets are called %s; give one of them another name with as: NAME", along);
    if (sweepschema_word(p->f->root, "search.method", sweepschema_methods, METHOD_GRID) != METHOD_GRID)
        return place_fail(sweepfile_at(p->f, "search.method"), p->d,
                          "trials of an earlier sweep (along) are an axis of a grid; use method: grid");
    return 0;
}

int sweepcarry_check(struct planner *p)
{
    struct sweepfile_data entry;
    int err = 0;
    for (uint32_t i = 0; err == 0 && sweepfile_data(p->f, i, &entry); i++)
        if (entry.along != NULL)
            err = check_name(p, i, entry.along);
    return err;
}

static int carry(struct carry *c, struct plan_data *data)
{
    int err = read_run(c);
    if (err == 0)
        err = add_trials(c, data);
    for (uint32_t i = 0; err == 0 && i < dataset_count(c->s->ds); i++)
        if (is_param(c->s, dataset_at(c->s->ds, i)))
            err = add_param(c, dataset_at(c->s->ds, i));
    return err;
}

int sweepcarry_resolve(struct planner *p)
{
    struct plan_plugin *plugin = &p->out->plugin;
    uint32_t n = sweepcarry_axes(p->all);
    if (n == 0)
        return 0;
    if (plugin->n_params + (uint64_t)n > PLAN_MAX_PARAMS)
        return place_fail(sweepfile_at(p->f, "data"), p->d,
                          "with those of earlier sweeps there are %u parameters; at most %u are possible",
                          plugin->n_params + n, PLAN_MAX_PARAMS);
    struct plan_param *params = arena_alloc(p->arena, (plugin->n_params + (size_t)n) * sizeof *params);
    if (params == NULL)
        return sweepplan_no_memory(p);
    if (plugin->n_params > 0)
        memcpy(params, plugin->params, plugin->n_params * sizeof *params);
    plugin->params = params;
    int err = sweepcarry_check(p);
    for (uint32_t i = 0; err == 0 && i < p->all->n; i++) {
        struct carry c = {.p = p, .s = &p->all->at[i], .at = sweepfile_data_at(p->f, i)};
        if (c.s->along != NULL)
            err = carry(&c, &p->out->data[i]);
    }
    return err;
}
