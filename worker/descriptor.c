/* SPDX-License-Identifier: MIT
 *
 * descriptor: see descriptor.h. Each list has one function that copies one entry; `struct copier` carries what all of them
 * need and the words "parameter 3" for the error.
 */
#include "worker/descriptor.h"
#include "common/text.h"
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct copier {
    struct arena *arena;
    struct diag *diag;
    char where[96]; /* "parameter 'top_n'": the entry at hand */
};

/* Whether s is UTF-8 without control characters: what may be shown on a terminal as one line. */
static bool text_is_line(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return text_is_utf8(s, strlen(s));
}

static bool is_identifier(const char *s)
{
    bool first = true;
    for (; *s; s++, first = false) {
        bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_';
        if (!letter && (first || *s < '0' || *s > '9'))
            return false;
    }
    return !first;
}

bool descriptor_name_ok(const char *name)
{
    if (*name < 'a' || *name > 'z' || strlen(name) > DESCRIPTOR_MAX_NAME)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

const char *descriptor_type_name(uint32_t type)
{
    static const char *const names[] = {"?", "int", "float", "choice", "text", "bool"};
    return names[type <= SHEAF_BOOL ? type : 0];
}

/* A missing text is an empty one. */
static int copy_text(struct copier *c, const char *what, const char *s, size_t max, const char **out)
{
    const char *from = s ? s : "";
    size_t len = strnlen(from, max + 1);
    if (len > max)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its %s is longer than %zu bytes", c->where, what, max);
    if (!text_is_line(from))
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its %s is not one line of UTF-8", c->where, what);
    *out = arena_text(c->arena, from, len);
    if (*out)
        return 0;
    diag_fail(c->diag, SHEAF_ENOMEM, "out of memory");
    return SHEAF_ENOMEM;
}

/* Copies the name of entry `i` of a list of `kind` and puts both into c->where. */
static int copy_name(struct copier *c, const char *kind, uint32_t i, const char *s, const char **out)
{
    snprintf(c->where, sizeof c->where, "%s %u", kind, i + 1);
    int rc = copy_text(c, "name", s, DESCRIPTOR_MAX_NAME, out);
    if (rc)
        return rc;
    if (!is_identifier(*out))
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its name '%s' must be letters, digits and _, no digit first",
                         c->where, *out);
    snprintf(c->where, sizeof c->where, "%s '%s'", kind, *out);
    return 0;
}

static int twice(struct copier *c)
{
    return diag_fail(c->diag, SHEAF_EINVAL, "%s appears twice", c->where);
}

static int copy_choices(struct copier *c, const struct sheaf_param *in, struct plan_param *out)
{
    if (!in->choices || in->n_choices == 0 || in->n_choices > DESCRIPTOR_MAX_CHOICES)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: a choice needs 1 to %u choices, not %u", c->where,
                         DESCRIPTOR_MAX_CHOICES, in->choices ? in->n_choices : 0);
    out->n_choices = in->n_choices;
    out->choices = arena_alloc(c->arena, in->n_choices * sizeof *out->choices);
    if (!out->choices)
        return diag_fail(c->diag, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < in->n_choices; i++) {
        int rc = copy_text(c, "choice", in->choices[i], (size_t)4 * DESCRIPTOR_MAX_NAME, &out->choices[i]);
        if (rc)
            return rc;
        if (!*out->choices[i])
            return diag_fail(c->diag, SHEAF_EINVAL, "%s: choice %u is empty", c->where, i + 1);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(out->choices[i], out->choices[j]) == 0)
                return diag_fail(c->diag, SHEAF_EINVAL, "%s: choice '%s' appears twice", c->where, out->choices[i]);
    }
    return 0;
}

static int default_choice(struct copier *c, const struct sheaf_param *in, struct plan_param *out)
{
    int64_t at = in->def.i;
    if (at < 0 || at >= out->n_choices)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its default is choice %lld of %u", c->where, (long long)at + 1,
                         out->n_choices);
    if (in->def.text && strcmp(in->def.text, out->choices[at]) != 0)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its default .text is not the choice at its default .i, '%s'",
                         c->where, out->choices[at]);
    out->def = (struct plan_value){.f = (double)at, .i = at, .text = out->choices[at]};
    return 0;
}

static int default_number(struct copier *c, const struct sheaf_param *in, struct plan_param *out)
{
    double f = in->type == SHEAF_INT ? (double)in->def.i : in->def.f;
    if (in->type == SHEAF_INT && in->def.f != 0 && in->def.f != f)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its default is %lld in .i but %g in .f; an int's is in .i",
                         c->where, (long long)in->def.i, in->def.f);
    if (in->min <= in->max && !(f >= in->min && f <= in->max))
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its default %g is outside of [%g, %g] (no limits are min > max)",
                         c->where, f, in->min, in->max);
    bool fits = f >= -9223372036854775808.0 && f < 9223372036854775808.0;
    out->def.f = f;
    out->def.i = in->type == SHEAF_INT ? in->def.i : fits ? (int64_t)f : 0;
    return 0;
}

static int copy_default(struct copier *c, const struct sheaf_param *in, struct plan_param *out)
{
    out->def.text = "";
    if (in->required)
        return 0;
    switch (in->type) {
    case SHEAF_CHOICE:
        return default_choice(c, in, out);
    case SHEAF_TEXT:
        return copy_text(c, "default", in->def.text, DESCRIPTOR_MAX_TEXT, &out->def.text);
    case SHEAF_BOOL:
        if (in->def.i != 0 && in->def.i != 1)
            return diag_fail(c->diag, SHEAF_EINVAL, "%s: its default .i is %lld; a bool's is 0 or 1", c->where,
                             (long long)in->def.i);
        out->def.i = in->def.i;
        out->def.f = (double)in->def.i;
        return 0;
    default:
        return default_number(c, in, out);
    }
}

static int copy_param(struct copier *c, const struct sheaf_param *in, struct plan_param *list, uint32_t i)
{
    struct plan_param *out = &list[i];
    int rc = copy_name(c, "parameter", i, in->name, &out->name);
    if (rc)
        return rc;
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(list[j].name, out->name) == 0)
            return twice(c);
    if (in->type < SHEAF_INT || in->type > SHEAF_BOOL)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its type %u is unknown", c->where, in->type);
    if (isnan(in->min) || isnan(in->max))
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its limits are not numbers", c->where);
    out->type = in->type;
    out->required = in->required;
    bool number = in->type == SHEAF_INT || in->type == SHEAF_FLOAT;
    out->min = number ? in->min : 1;
    out->max = number ? in->max : 0;
    if (in->type == SHEAF_CHOICE && (rc = copy_choices(c, in, out)) != 0)
        return rc;
    if ((rc = copy_default(c, in, out)) != 0 ||
        (rc = copy_text(c, "unit", in->unit, DESCRIPTOR_MAX_NAME, &out->unit)) != 0)
        return rc;
    return copy_text(c, "help", in->help, DESCRIPTOR_MAX_LINE, &out->help);
}

static int copy_array(struct copier *c, const struct sheaf_array *in, struct plan_array *list, uint32_t i)
{
    struct plan_array *out = &list[i];
    snprintf(c->where, sizeof c->where, "array %u", i + 1);
    int rc = copy_text(c, "name", in->name, DESCRIPTOR_MAX_ARRAY_NAME, &out->name);
    if (rc)
        return rc;
    if (!*out->name)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s has no name", c->where);
    snprintf(c->where, sizeof c->where, "array '%.70s'", out->name);
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(list[j].name, out->name) == 0)
            return twice(c);
    if (in->dtype > SHEAF_DT_DATE)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its element type %u is unknown", c->where, in->dtype);
    if (in->rank > SHEAF_MAX_RANK)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: rank %u is above %u", c->where, in->rank, SHEAF_MAX_RANK);
    out->dtype = in->dtype;
    out->rank = in->rank;
    out->required = in->required;
    if ((rc = copy_text(c, "row axis", in->row_axis, DESCRIPTOR_MAX_NAME, &out->row_axis)) != 0)
        return rc;
    if (*out->row_axis && !is_identifier(out->row_axis))
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its row axis '%s' must be letters, digits and _", c->where,
                         out->row_axis);
    return copy_text(c, "help", in->help, DESCRIPTOR_MAX_LINE, &out->help);
}

static int copy_score(struct copier *c, const char *kind, const struct sheaf_score *in, struct plan_score *list,
                      uint32_t i)
{
    struct plan_score *out = &list[i];
    int rc = copy_name(c, kind, i, in->name, &out->name);
    if (rc)
        return rc;
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(list[j].name, out->name) == 0)
            return twice(c);
    if ((rc = copy_text(c, "unit", in->unit, DESCRIPTOR_MAX_NAME, &out->unit)) != 0)
        return rc;
    return copy_text(c, "help", in->help, DESCRIPTOR_MAX_LINE, &out->help);
}

static int copy_scores(struct copier *c, const char *kind, const struct sheaf_score *in, uint32_t n,
                       struct plan_score **out)
{
    *out = arena_alloc(c->arena, n * sizeof **out);
    if (!*out)
        return diag_fail(c->diag, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        int rc = copy_score(c, kind, &in[i], *out, i);
        if (rc)
            return rc;
    }
    return 0;
}

static int copy_extent(struct copier *c, const struct sheaf_axis *in, uint32_t i, struct plan_extent *out)
{
    int rc = copy_text(c, "axis", in->array, DESCRIPTOR_MAX_ARRAY_NAME, &out->array);
    if (rc)
        return rc;
    if (!*out->array && in->n == 0)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its axis %u has no elements", c->where, i + 1);
    if (*out->array && in->of >= SHEAF_MAX_RANK)
        return diag_fail(c->diag, SHEAF_EINVAL,
                         "%s: its axis %u is as long as axis %u of an array, which has at most %u", c->where, i + 1,
                         in->of + 1, SHEAF_MAX_RANK);
    out->n = *out->array ? 0 : in->n;
    out->of = *out->array ? in->of : 0;
    return 0;
}

static int copy_output(struct copier *c, const struct sheaf_output *in, struct plan_output *list, uint32_t i)
{
    struct plan_output *out = &list[i];
    *out = (struct plan_output){.dtype = in->dtype, .rank = in->rank};
    int rc = copy_name(c, "output", i, in->name, &out->name);
    if (rc)
        return rc;
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(list[j].name, out->name) == 0)
            return twice(c);
    if (dtype_size(in->dtype) == 0 || in->dtype == SHEAF_DT_CODE)
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: its element type %u cannot be made", c->where, in->dtype);
    if (in->rank > PLAN_MAX_ROW_RANK || (in->rank > 0 && !in->axes))
        return diag_fail(c->diag, SHEAF_EINVAL, "%s: a row has at most %u axes in a table, not %u", c->where,
                         PLAN_MAX_ROW_RANK, in->rank);
    out->axes = arena_alloc(c->arena, (in->rank + 1) * sizeof *out->axes);
    if (!out->axes)
        return diag_fail(c->diag, SHEAF_ENOMEM, "out of memory");
    for (uint32_t k = 0; k < in->rank && !rc; k++)
        rc = copy_extent(c, &in->axes[k], k, &out->axes[k]);
    rc = rc ? rc : copy_text(c, "unit", in->unit, DESCRIPTOR_MAX_NAME, &out->unit);
    return rc ? rc : copy_text(c, "help", in->help, DESCRIPTOR_MAX_LINE, &out->help);
}

/* What makes rows or files only has one score all the same, so that nothing else has to know of it. */
static int add_done(struct copier *c, struct plan_plugin *out)
{
    static const struct sheaf_score done = {"done", "", "1: the task has made its rows and files"};
    out->scoreless = true;
    return copy_scores(c, "score", &done, 1, &out->scores);
}

/* A count that is over its cap, or a list that is NULL though its count is not 0. */
static int check_list(struct copier *c, const char *what, const void *list, uint32_t n, uint32_t max)
{
    if (n > max)
        return diag_fail(c->diag, SHEAF_EINVAL, "%u %s are more than %u", n, what, max);
    if (n && !list)
        return diag_fail(c->diag, SHEAF_EINVAL, "it states %u %s but their table is NULL", n, what);
    return 0;
}

static int check_lists(struct copier *c, const struct sheaf_descriptor *in)
{
    int rc = check_list(c, "parameters", in->params, in->n_params, PLAN_MAX_PARAMS);
    if (!rc)
        rc = check_list(c, "arrays", in->arrays, in->n_arrays, DESCRIPTOR_MAX_ARRAYS);
    if (!rc)
        rc = check_list(c, "scores", in->scores, in->n_scores, PLAN_MAX_SCORES);
    if (!rc)
        rc = check_list(c, "group values", in->group_values, in->n_group_values, PLAN_MAX_SCORES);
    if (!rc)
        rc = check_list(c, "outputs", in->outputs, in->n_outputs, PLAN_MAX_OUTPUTS);
    if (!rc && in->threads > DESCRIPTOR_MAX_THREADS)
        rc =
            diag_fail(c->diag, SHEAF_EINVAL, "%u threads a task are more than %u", in->threads, DESCRIPTOR_MAX_THREADS);
    return rc;
}

static int copy_head(struct copier *c, const struct sheaf_descriptor *in, struct plan_plugin *out)
{
    snprintf(c->where, sizeof c->where, "the plugin");
    int rc = copy_text(c, "name", in->name, DESCRIPTOR_MAX_NAME, &out->name);
    if (!rc && !descriptor_name_ok(out->name))
        rc = diag_fail(c->diag, SHEAF_EINVAL, "it calls itself '%s'; a name is a letter a-z, then a-z, 0-9 and _",
                       out->name);
    if (!rc)
        rc = copy_text(c, "version", in->version, DESCRIPTOR_MAX_ARRAY_NAME, &out->version);
    if (!rc)
        rc = copy_text(c, "summary", in->summary, DESCRIPTOR_MAX_LINE, &out->summary);
    if (!rc)
        rc = copy_text(c, "identity", in->identity, DESCRIPTOR_MAX_TEXT, &out->identity);
    if (!rc)
        rc = copy_text(c, "line on files", in->files, DESCRIPTOR_MAX_LINE, &out->files);
    return rc;
}

static int copy_lists(struct copier *c, const struct sheaf_descriptor *in, struct plan_plugin *out)
{
    out->params = arena_alloc(c->arena, in->n_params * sizeof *out->params);
    out->arrays = arena_alloc(c->arena, in->n_arrays * sizeof *out->arrays);
    out->outputs = arena_alloc(c->arena, in->n_outputs * sizeof *out->outputs);
    if (!out->params || !out->arrays || !out->outputs)
        return diag_fail(c->diag, SHEAF_ENOMEM, "out of memory");
    int rc = 0;
    for (uint32_t i = 0; !rc && i < in->n_params; i++)
        rc = copy_param(c, &in->params[i], out->params, i);
    for (uint32_t i = 0; !rc && i < in->n_arrays; i++)
        rc = copy_array(c, &in->arrays[i], out->arrays, i);
    if (!rc && in->n_scores == 0 && (in->n_outputs > 0 || out->files[0]))
        rc = add_done(c, out);
    else if (!rc)
        rc = copy_scores(c, "score", in->scores, in->n_scores, &out->scores);
    if (!rc)
        rc = copy_scores(c, "group value", in->group_values, in->n_group_values, &out->group_values);
    for (uint32_t i = 0; !rc && i < in->n_outputs; i++)
        rc = copy_output(c, &in->outputs[i], out->outputs, i);
    return rc;
}

int descriptor_copy(const struct sheaf_descriptor *in, struct arena *arena, struct plan_plugin *out, struct diag *d)
{
    struct copier c = {.arena = arena, .diag = d};
    struct plan_plugin p = *out;
    p.scoreless = false;
    int rc = check_lists(&c, in);
    if (!rc)
        rc = copy_head(&c, in, &p);
    if (!rc)
        rc = copy_lists(&c, in, &p);
    if (rc)
        return rc;
    p.n_params = in->n_params;
    p.n_arrays = in->n_arrays;
    p.n_scores = p.scoreless ? 1 : in->n_scores;
    p.n_group_values = in->n_group_values;
    p.n_outputs = in->n_outputs;
    p.threads = in->threads ? in->threads : 1;
    *out = p;
    return 0;
}

int descriptor_copy_scores(const struct sheaf_score *in, uint32_t n, struct arena *arena, struct plan_plugin *out,
                           struct diag *d)
{
    struct copier c = {.arena = arena, .diag = d};
    struct plan_score *scores;
    int rc = copy_scores(&c, "score", in, n, &scores);
    if (rc)
        return rc;
    out->scores = scores;
    out->n_scores = n;
    return 0;
}
