/* SPDX-License-Identifier: MIT
 *
 * sheaf plugin inspect: what a plugin says of itself, as a short-lived child learned it.
 */
#include "cli/args.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/plugin.h"
#include "cli/table.h"
#include "data/dataset.h"
#include "sweep/scalar.h"
#include "worker/describe.h"
#include "worker/descriptor.h"
#include "worker/pluginfind.h"
#include "worker/selfexe.h"

#include <math.h>
#include <string.h>

/* The default as a person would write it into a sweep file. */
static void default_cell(struct table *t, const struct plan_param *p)
{
    if (p->required)
        table_cell(t, "(required)");
    else if (p->type == SHEAF_INT)
        table_printf(t, "%lld", (long long)p->def.i);
    else if (p->type == SHEAF_FLOAT)
        table_printf(t, "%.15g", p->def.f);
    else if (p->type == SHEAF_BOOL)
        table_cell(t, p->def.i ? "true" : "false");
    else
        table_cell(t, p->def.text);
}

static void join_choices(struct table *t, const struct plan_param *p)
{
    struct buf all = {0};
    int rc = 0;
    for (uint32_t i = 0; !rc && i < p->n_choices; i++)
        rc = buf_printf(&all, "%s%s", i ? ", " : "", p->choices[i]);
    table_cell(t, rc ? "?" : (const char *)all.data);
    buf_finish(&all);
}

static void range_cell(struct table *t, const struct plan_param *p)
{
    char min[SCALAR_NUMBER], max[SCALAR_NUMBER];
    if (p->type == SHEAF_CHOICE) {
        join_choices(t, p);
    } else if (p->min > p->max || (p->min == -INFINITY && p->max == INFINITY)) {
        table_cell(t, "");
    } else {
        scalar_number(p->min, min);
        scalar_number(p->max, max);
        if (p->max == INFINITY)
            table_printf(t, "from %s", min);
        else if (p->min == -INFINITY)
            table_printf(t, "up to %s", max);
        else
            table_printf(t, "%s to %s", min, max);
    }
}

static void heading(struct table *t, const char *const *names, uint32_t n)
{
    table_init(t, n);
    for (uint32_t i = 0; i < n; i++)
        table_cell(t, names[i]);
}

/* Prints a table under an empty line. */
static void show(struct table *t)
{
    (void)fputc('\n', stdout);
    (void)table_print(t, stdout);
    table_finish(t);
}

static void print_params(const struct plan_plugin *p)
{
    static const char *const names[] = {"parameter", "type", "default", "values", "unit", ""};
    struct table t;
    if (p->n_params == 0)
        return;
    heading(&t, names, 6);
    for (uint32_t i = 0; i < p->n_params; i++) {
        table_cell(&t, p->params[i].name);
        table_cell(&t, descriptor_type_name(p->params[i].type));
        default_cell(&t, &p->params[i]);
        range_cell(&t, &p->params[i]);
        table_cell(&t, p->params[i].unit);
        table_cell(&t, p->params[i].help);
    }
    show(&t);
}

static void print_arrays(const struct plan_plugin *p)
{
    static const char *const names[] = {"array", "type", "axes", "rows", "needed", ""};
    struct table t;
    if (p->n_arrays == 0)
        return;
    heading(&t, names, 6);
    for (uint32_t i = 0; i < p->n_arrays; i++) {
        const struct plan_array *a = &p->arrays[i];
        table_cell(&t, a->name);
        table_cell(&t, a->dtype == SHEAF_ANY ? "any" : dtype_name(a->dtype));
        if (a->rank)
            table_printf(&t, "%u", a->rank);
        else
            table_cell(&t, "any");
        table_cell(&t, a->row_axis);
        table_cell(&t, a->required ? "yes" : "no");
        table_cell(&t, a->help);
    }
    show(&t);
}

static void print_scores(const char *what, const struct plan_score *s, uint32_t n)
{
    const char *const names[] = {what, "unit", ""};
    struct table t;
    if (n == 0)
        return;
    heading(&t, names, 3);
    for (uint32_t i = 0; i < n; i++) {
        table_cell(&t, s[i].name);
        table_cell(&t, s[i].unit);
        table_cell(&t, s[i].help);
    }
    show(&t);
}

/* "day 252 close[0]": one text for all axes of a row. */
static void axes_cell(struct table *t, const struct plan_output *o)
{
    struct buf all = {0};
    int rc = buf_printf(&all, "%s", o->rank == 0 ? "1" : "");
    for (uint32_t i = 0; !rc && i < o->rank; i++) {
        const struct plan_extent *e = &o->axes[i];
        rc = e->array[0] ? buf_printf(&all, "%s%s[%u]", i ? " x " : "", e->array, e->of)
                         : buf_printf(&all, "%s%llu", i ? " x " : "", (unsigned long long)e->n);
    }
    table_cell(t, rc ? "?" : (const char *)all.data);
    buf_finish(&all);
}

static void print_outputs(const struct plan_plugin *p)
{
    static const char *const names[] = {"output", "type", "row", "unit", ""};
    struct table t;
    if (p->n_outputs == 0)
        return;
    heading(&t, names, 5);
    for (uint32_t i = 0; i < p->n_outputs; i++) {
        table_cell(&t, p->outputs[i].name);
        table_cell(&t, dtype_name(p->outputs[i].dtype));
        axes_cell(&t, &p->outputs[i]);
        table_cell(&t, p->outputs[i].unit);
        table_cell(&t, p->outputs[i].help);
    }
    show(&t);
}

static void print_plugin(const struct plan_plugin *p)
{
    char digest[HASH_TEXT];
    hash_text(p->digest.data, digest);
    printf("%s %s: %s\n%s%s%s\nABI %u.%u, %u %s a task, %s\n", p->name, p->version, p->summary,
           plugin_label(p->path, p->script), p->script[0] ? " run by " : "", p->script[0] ? p->path : "", p->abi_major,
           p->abi_minor, p->threads, p->threads == 1 ? "thread" : "threads", digest);
    print_params(p);
    print_arrays(p);
    print_scores("score", p->scores, p->n_scores);
    if (p->n_scores == 0)
        printf("\nIts scores are found out by one task when a sweep starts.\n");
    print_scores("group value", p->group_values, p->n_group_values);
    print_outputs(p);
    if (plugin_makes_files(p))
        printf("\nIt makes files: %s\n", p->files);
}

static json_t *json_default(const struct plan_param *p)
{
    if (p->required)
        return json_null();
    if (p->type == SHEAF_INT)
        return json_integer(p->def.i);
    if (p->type == SHEAF_FLOAT)
        return json_number(p->def.f);
    if (p->type == SHEAF_BOOL)
        return json_boolean(p->def.i != 0);
    return json_text(p->def.text);
}

static json_t *json_param(const struct plan_param *p)
{
    bool limits = p->min <= p->max;
    json_t *choices = json_array();
    for (uint32_t i = 0; i < p->n_choices; i++)
        (void)json_array_append_new(choices, json_text(p->choices[i]));
    return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:s, s:s}", "name", p->name, "type",
                     descriptor_type_name(p->type), "required", p->required, "default", json_default(p), "min",
                     limits ? json_number(p->min) : json_null(), "max", limits ? json_number(p->max) : json_null(),
                     "choices", choices, "unit", p->unit, "help", p->help);
}

static json_t *json_array_wanted(const struct plan_array *a)
{
    return json_pack("{s:s, s:s, s:i, s:b, s:s, s:s}", "name", a->name, "dtype",
                     a->dtype == SHEAF_ANY ? "any" : dtype_name(a->dtype), "rank", (int)a->rank, "required",
                     a->required, "row_axis", a->row_axis, "help", a->help);
}

static json_t *json_scores(const struct plan_score *s, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "name", s[i].name, "unit", s[i].unit, "help", s[i].help));
    return list;
}

static json_t *json_output(const struct plan_output *o)
{
    json_t *axes = json_array();
    for (uint32_t i = 0; i < o->rank; i++)
        (void)json_array_append_new(
            axes, o->axes[i].array[0] ? json_pack("{s:s, s:i}", "array", o->axes[i].array, "axis", (int)o->axes[i].of)
                                      : json_integer((json_int_t)o->axes[i].n));
    return json_pack("{s:s, s:s, s:o, s:s, s:s}", "name", o->name, "dtype", dtype_name(o->dtype), "row", axes, "unit",
                     o->unit, "help", o->help);
}

static json_t *json_plugin(const struct plan_plugin *p)
{
    char digest[HASH_TEXT];
    hash_text(p->digest.data, digest);
    json_t *params = json_array(), *arrays = json_array(), *outputs = json_array();
    for (uint32_t i = 0; i < p->n_outputs; i++)
        (void)json_array_append_new(outputs, json_output(&p->outputs[i]));
    for (uint32_t i = 0; i < p->n_params; i++)
        (void)json_array_append_new(params, json_param(&p->params[i]));
    for (uint32_t i = 0; i < p->n_arrays; i++)
        (void)json_array_append_new(arrays, json_array_wanted(&p->arrays[i]));
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:[i,i], s:i, s:o, s:o, s:o, s:o, s:o, s:s}", "version", 1,
                     "name", p->name, "plugin_version", p->version, "summary", p->summary, "path", p->path, "script",
                     p->script, "digest", digest, "abi", (int)p->abi_major, (int)p->abi_minor, "threads",
                     (int)p->threads, "params", params, "arrays", arrays, "scores", json_scores(p->scores, p->n_scores),
                     "group_values", json_scores(p->group_values, p->n_group_values), "outputs", outputs, "files",
                     p->files);
}

int plugin_inspect(int argc, char **argv)
{
    const char *name = NULL, *config = "{}";
    bool json = false;
    const struct arg table[] = {
        {"PLUGIN", ARG_WORD, &name, NULL, NULL, "a name on the plugin path, or the path of a .so or .py file", true},
        {"--config", ARG_TEXT, &config, NULL, "JSON", "what the plugin is given when it is described", false},
        {"--json", ARG_FLAG, &json, NULL, NULL, "one object for programs", false},
    };
    const struct args args = {"plugin inspect", "Shows what a plugin takes and returns.", table, 3};
    enum args_result parsed = args_parse(&args, argc, argv);
    if (parsed != ARGS_GO)
        return parsed == ARGS_HELP ? EXIT_ALL_DONE : EXIT_WRONG;

    struct arena arena;
    arena_init(&arena, 0);
    struct diag d = {{0}};
    struct plan_plugin p;
    struct plugin_place place;
    int rc = plugin_check_config(config, &d);
    if (!rc)
        rc = plugin_find(name, ".", &arena, &place, &d);
    if (!rc)
        rc = plugin_describe_child(selfexe_path(), &place, config, NULL, &arena, &p, &d);
    if (!rc && json)
        rc = json_print(json_plugin(&p), stdout, &d);
    else if (!rc)
        print_plugin(&p);
    arena_finish(&arena);
    return rc ? exit_report(rc, &d) : EXIT_ALL_DONE;
}
