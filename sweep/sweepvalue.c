/* SPDX-License-Identifier: MIT
 *
 * sweepvalue: the rules by type. Whole numbers and floats keep their type (a float parameter takes both); a choice is
 * matched by its spelling, so that one named "2" needs no quotes; a text needs them when it looks like a number.
 */
#include "sweep/sweepvalue.h"

#include "sheaf/plugin.h"
#include "sweep/suggest.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

const char *sweepvalue_accepts(const struct plan_param *param, char out[SWEEPVALUE_ACCEPTS])
{
    if (param->type != SHEAF_INT && param->type != SHEAF_FLOAT) {
        bool text = param->type == SHEAF_TEXT, choice = param->type == SHEAF_CHOICE;
        snprintf(out, SWEEPVALUE_ACCEPTS, "%s",
                 text     ? "a text (numbers in quotes)"
                 : choice ? "one of its choices"
                          : "true or false");
        return out;
    }
    const char *number = param->type == SHEAF_INT ? "a whole number" : "a number";
    char low[SCALAR_NUMBER], high[SCALAR_NUMBER];
    scalar_number(param->min, low);
    scalar_number(param->max, high);
    bool limited = param->min <= param->max;
    double none = param->type == SHEAF_INT ? 9.2e18 : DBL_MAX; /* bounds that bound nothing */
    bool from = limited && param->min > -none, to = limited && param->max < none;
    if (from && to)
        snprintf(out, SWEEPVALUE_ACCEPTS, "%s from %s to %s", number, low, high);
    else if (from || to)
        snprintf(out, SWEEPVALUE_ACCEPTS, "%s of at %s %s", number, from ? "least" : "most", from ? low : high);
    else
        snprintf(out, SWEEPVALUE_ACCEPTS, "%s", number);
    return out;
}

static int wrong(const struct value_sink *sink, const struct scalar *s, const struct place *at, const char *what)
{
    char shown[SCALAR_SHOWN], accepts[SWEEPVALUE_ACCEPTS];
    return place_fail(at, sink->d, "%s is %s; %s takes %s", what, scalar_show(s, shown), sink->plugin,
                      sweepvalue_accepts(sink->param, accepts));
}

static int convert_choice(const struct value_sink *sink, const struct scalar *s, const struct place *at,
                          const char *what, struct plan_value *out)
{
    struct suggest near;
    suggest_begin(&near, s->text);
    for (uint32_t i = 0; i < sink->param->n_choices; i++) {
        if (strcmp(sink->param->choices[i], s->text) == 0) {
            *out = (struct plan_value){.f = (double)i, .i = (int64_t)i, .text = sink->param->choices[i]};
            return 0;
        }
        suggest_offer(&near, sink->param->choices[i]);
    }
    char shown[SCALAR_SHOWN];
    return place_fail(at, sink->d, "%s is %s, not a choice of %s; %s", what, scalar_show(s, shown), sink->plugin,
                      suggest_advice(&near));
}

static int convert_text(const struct value_sink *sink, const struct scalar *s, struct plan_value *out)
{
    const char *copy = arena_text(sink->arena, s->text, s->len);
    if (copy == NULL)
        return diag_fail(sink->d, SHEAF_ENOMEM, "out of memory while reading the parameters");
    *out = (struct plan_value){.text = copy};
    return 0;
}

/* The float as a whole number, cut; 0 where that does not fit. */
static int64_t truncated(double f)
{
    return f > -9.2e18 && f < 9.2e18 ? (int64_t)f : 0;
}

int sweepvalue_convert(const struct value_sink *sink, const struct scalar *s, const struct place *at, const char *what,
                       struct plan_value *out)
{
    const struct plan_param *p = sink->param;
    bool number = s->kind == SCALAR_INT || (s->kind == SCALAR_FLOAT && p->type == SHEAF_FLOAT);
    switch (p->type) {
    case SHEAF_INT:
    case SHEAF_FLOAT:
        if (!number || (p->min <= p->max && (s->f < p->min || s->f > p->max)))
            return wrong(sink, s, at, what);
        *out = (struct plan_value){.f = s->f, .i = p->type == SHEAF_INT ? s->i : truncated(s->f), .text = ""};
        return 0;
    case SHEAF_CHOICE:
        return convert_choice(sink, s, at, what, out);
    case SHEAF_TEXT:
        return s->kind == SCALAR_TEXT ? convert_text(sink, s, out) : wrong(sink, s, at, what);
    default:
        if (s->kind != SCALAR_BOOL)
            return wrong(sink, s, at, what);
        *out = (struct plan_value){.f = s->f, .i = s->i, .text = ""};
        return 0;
    }
}

int sweepvalue_compare(uint32_t type, const struct plan_value *a, const struct plan_value *b)
{
    if (type == SHEAF_TEXT)
        return strcmp(a->text, b->text);
    if (type == SHEAF_FLOAT)
        return (a->f > b->f) - (a->f < b->f);
    return (a->i > b->i) - (a->i < b->i);
}
