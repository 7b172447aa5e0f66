/* SPDX-License-Identifier: MIT
 *
 * sheaf plugin try: one task of a plugin in this process: no broker, no slot, no time limit. Foreign code runs here, on purpose:
 * `gdb --args sheaf plugin try ...` stops where it crashes.
 */
#include "cli/args.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/plugin.h"
#include "cli/table.h"
#include "common/clock.h"
#include "common/fsutil.h"
#include "common/text.h"
#include "data/dataset.h"
#include "sweep/keyview.h"
#include "sweep/output.h"
#include "sweep/planarrays.h"
#include "sweep/scalar.h"
#include "sweep/space.h"
#include "sweep/suggest.h"
#include "sweep/sweepvalue.h"
#include "worker/pluginfind.h"
#include "worker/pluginhost.h"
#include "worker/probe.h"
#include "worker/tryhost.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RANGES 64u

struct options {
    const char *plugin, *data, *config, *train, *test, *key, *output;
    struct arg_list set;
    uint64_t index, seed;
    bool json;
};

/* Everything that one task needs. */
struct attempt {
    struct arena arena;
    struct tryhost *host;
    const struct sheaf_plugin *plugin;
    struct plan_plugin p;
    struct sheaf_script script;
    struct dataset *data;
    struct sheaf_value *params;
    struct keyview keyview;
    struct sheaf_task task;
    struct sheaf_range train[MAX_RANGES], test[MAX_RANGES];
    uint64_t n_rows; /* of the row axis */
    void *state;
    double *scores;
    int64_t open_ns, run_ns;
    int32_t status;                /* of run */
    const struct taskfiles *files; /* that it has made; NULL = none */
};

static int load(struct attempt *a, const struct options *o, struct diag *d)
{
    struct plugin_place place;
    int rc = plugin_check_config(o->config, d);
    if (!rc)
        rc = plugin_find(o->plugin, ".", &a->arena, &place, d);
    if (!rc)
        rc = pluginhost_load(place.path, &a->plugin, d);
    a->host = rc ? NULL : tryhost_create(stderr);
    if (!rc && !a->host)
        rc = diag_fail(d, SHEAF_ENOMEM, "out of memory");
    if (rc)
        return rc;
    a->script = (struct sheaf_script){.struct_size = sizeof a->script, .script = *place.script ? place.script : NULL};
    tryhost_set_script(a->host, &a->script);
    return pluginhost_describe(a->plugin, tryhost_host(a->host), o->config, place.path, &a->arena, &a->p, d);
}

/* Is an array what the plugin takes, and how many rows has it? have: NULL when it is absent. */
static int check_array(struct attempt *a, const struct plan_array *want, const struct sheaf_view *have, struct diag *d)
{
    if (!have)
        return want->required ? diag_fail(d, SHEAF_EINVAL, "%s needs the array %s (%s): give it with --data FILE.sheaf",
                                          a->p.name, want->name, dtype_name(want->dtype))
                              : 0;
    if ((want->dtype != SHEAF_ANY && want->dtype != have->dtype) || (want->rank && want->rank != have->rank))
        return diag_fail(d, SHEAF_EINVAL, "the array %s is %s with %u axes, but %s takes %s with %u", want->name,
                         dtype_name(have->dtype), have->rank, a->p.name, dtype_name(want->dtype), want->rank);
    if (*want->row_axis && have->rank) {
        if (a->task.row_axis && a->n_rows != have->shape[0])
            return diag_fail(d, SHEAF_EINVAL, "the array %s has %" PRIu64 " rows, another one %" PRIu64, want->name,
                             have->shape[0], a->n_rows);
        a->task.row_axis = want->row_axis;
        a->n_rows = have->shape[0];
    }
    return 0;
}

/* A key of the dataset by its name. */
static int find_key(struct attempt *a, const char *name, struct diag *d)
{
    struct suggest near;
    struct sheaf_key *key = &a->task.key;
    char space[24];
    suggest_begin(&near, name);
    for (uint64_t i = 0; i < dataset_keys(a->data); i++) {
        const char *is = dataset_key_name(a->data, i, space);
        suggest_offer(&near, is);
        if (strcmp(is, name) != 0)
            continue;
        *key = (struct sheaf_key){.kind = dataset_key_dtype(a->data) == SHEAF_DT_CODE ? SHEAF_KEY_TEXT : SHEAF_KEY_INT,
                                  .index = i,
                                  .i = dataset_key_int(a->data, i),
                                  .text = dataset_key_text(a->data, i)};
        keyview_enter(&a->keyview, i);
        return 0;
    }
    return diag_fail(d, SHEAF_EINVAL, "--key %s: the data has no such key; %s", name, suggest_advice(&near));
}

/* A key of a sweep whose keys are integers or files. */
static int make_key(struct attempt *a, const char *text, struct diag *d)
{
    struct scalar number = scalar_parse(text, strlen(text), false);
    if (number.kind == SCALAR_INT) {
        a->task.key = (struct sheaf_key){.kind = SHEAF_KEY_INT, .i = number.i};
        return 0;
    }
    a->task.key = (struct sheaf_key){.kind = SHEAF_KEY_PATH, .text = path_absolute(&a->arena, NULL, text)};
    return a->task.key.text ? 0 : diag_fail(d, SHEAF_ENOMEM, "out of memory");
}

static int find_arrays(struct attempt *a, const struct options *o, struct diag *d)
{
    int rc = o->data ? dataset_open(o->data, &a->data, d) : 0;
    const struct sources sources = sources_one(rc ? NULL : a->data, o->data);
    rc = rc ? rc : planarrays_expand(&a->p, &sources, &a->arena, d);
    rc = rc ? rc : pluginhost_script(&a->p, &a->arena, &a->script, d);
    if (rc)
        return rc;
    tryhost_set_script(a->host, &a->script);
    bool cut = o->key && a->data && dataset_key_column(a->data)[0];
    if (keyview_init(&a->keyview, &a->p, &sources, cut, &a->arena))
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    if (o->key)
        rc = cut ? find_key(a, o->key, d) : make_key(a, o->key, d);
    tryhost_set_key(a->host, &a->task.key);
    for (uint32_t i = 0; !rc && i < a->p.n_arrays; i++)
        rc = check_array(a, &a->p.arrays[i], a->keyview.views[i], d);
    return rc;
}

static struct sheaf_value as_value(const struct plan_param *p, const struct plan_value *v)
{
    bool text = p->type == SHEAF_CHOICE || p->type == SHEAF_TEXT;
    return (struct sheaf_value){v->f, v->i, text ? v->text : NULL, text ? strlen(v->text) : 0};
}

static const struct plan_param *param_named(const struct attempt *a, const char *name, size_t len)
{
    for (uint32_t i = 0; i < a->p.n_params; i++)
        if (strncmp(a->p.params[i].name, name, len) == 0 && !a->p.params[i].name[len])
            return &a->p.params[i];
    return NULL;
}

static int set_param(struct attempt *a, const char *text, bool *given, struct diag *d)
{
    size_t len = strcspn(text, "=");
    const struct plan_param *param = param_named(a, text, len);
    if (!text[len])
        return diag_fail(d, SHEAF_EINVAL, "--set %s: write NAME=VALUE", text);
    if (!param) {
        struct suggest s;
        char *name = arena_text(&a->arena, text, len);
        suggest_begin(&s, name ? name : text);
        for (uint32_t i = 0; i < a->p.n_params; i++)
            suggest_offer(&s, a->p.params[i].name);
        return diag_fail(d, SHEAF_EINVAL, "--set %s: %s has no such parameter; %s", text, a->p.name,
                         suggest_advice(&s));
    }
    const char *written = text + len + 1;
    struct scalar scalar = scalar_parse(written, strlen(written), false);
    struct place at = {.source = arena_printf(&a->arena, "--set %s", text)};
    struct value_sink sink = {.plugin = a->p.name, .param = param, .arena = &a->arena, .d = d};
    struct plan_value value;
    int rc = sweepvalue_convert(&sink, &scalar, &at, param->name, &value);
    if (rc)
        return rc;
    a->params[param - a->p.params] = as_value(param, &value);
    given[param - a->p.params] = true;
    return 0;
}

static int set_params(struct attempt *a, const struct options *o, struct diag *d)
{
    bool given[PLAN_MAX_PARAMS] = {false};
    a->params = arena_alloc(&a->arena, a->p.n_params * sizeof *a->params);
    if (!a->params) {
        diag_fail(d, SHEAF_ENOMEM, "out of memory");
        return SHEAF_ENOMEM;
    }
    int rc = 0;
    for (uint32_t i = 0; i < a->p.n_params; i++)
        a->params[i] = as_value(&a->p.params[i], &a->p.params[i].def);
    for (uint32_t i = 0; !rc && i < o->set.n; i++)
        rc = set_param(a, o->set.values[i], given, d);
    for (uint32_t i = 0; !rc && i < a->p.n_params; i++)
        if (a->p.params[i].required && !given[i])
            rc = diag_fail(d, SHEAF_EINVAL, "%s requires the parameter %s: give it with --set %s=VALUE", a->p.name,
                           a->p.params[i].name, a->p.params[i].name);
    return rc;
}

/* One "from:to" at *text, which moves behind it. */
static bool parse_range(const char **text, struct sheaf_range *r)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    r->from = strtoull(*text, &end, 10);
    if (*end != ':' || end[1] < '0' || end[1] > '9')
        return false;
    r->to = strtoull(end + 1, &end, 10);
    *text = end;
    return r->from < r->to;
}

/* "0:252" or "0:100,150:252": ascending, disjoint, inside of the rows. */
static int parse_rows(const struct attempt *a, const char *flag, const char *text, struct sheaf_range *ranges,
                      struct sheaf_rows *out, struct diag *d)
{
    uint64_t last = 0;
    out->ranges = ranges;
    if (!a->task.row_axis)
        return diag_fail(d, SHEAF_EINVAL, "%s: %s names no row axis to split", flag, a->p.name);
    for (const char *at = text;; at++) {
        struct sheaf_range *r = &ranges[out->n_ranges];
        if (out->n_ranges == MAX_RANGES || !parse_range(&at, r) || r->from < last || r->to > a->n_rows ||
            (*at && *at != ','))
            return diag_fail(d, SHEAF_EINVAL,
                             "%s %s: write FROM:TO, or several with commas, ascending, within 0:%" PRIu64, flag, text,
                             a->n_rows);
        last = r->to;
        out->n += r->to - r->from;
        out->n_ranges++;
        if (!*at)
            return 0;
    }
}

static int set_task(struct attempt *a, const struct options *o, struct diag *d)
{
    struct sheaf_task *t = &a->task;
    t->params = a->params;
    t->views = a->keyview.views;
    t->index = t->trial = o->index;
    t->seed = space_task_seed(o->seed, o->index);
    t->attempt = 1;
    int rc = o->train ? parse_rows(a, "--train", o->train, a->train, &t->train, d) : 0;
    if (!rc && o->test)
        return parse_rows(a, "--test", o->test, a->test, &t->test, d);
    if (!rc && a->n_rows) { /* as without `split` */
        a->test[0] = (struct sheaf_range){0, a->n_rows};
        t->test = (struct sheaf_rows){.n = a->n_rows, .ranges = a->test, .n_ranges = 1};
    }
    return rc;
}

/* How long the rows of its outputs are with these data. */
static int size_outputs(struct attempt *a, struct diag *d)
{
    struct plan plan = {.plugin = a->p};
    for (uint32_t i = 0; i < a->p.n_outputs; i++)
        for (uint32_t k = 0; k < a->p.outputs[i].rank; k++) {
            struct plan_extent *e = &a->p.outputs[i].axes[k];
            const struct sheaf_view *v = NULL;
            for (uint32_t j = 0; j < a->p.n_arrays; j++)
                if (strcmp(a->p.arrays[j].name, e->array) == 0)
                    v = a->keyview.views[j];
            if (e->array[0] && (!v || e->of >= v->rank))
                return diag_fail(d, SHEAF_EINVAL,
                                 "the output %s is as long as axis %u of the array %s, which is not there",
                                 a->p.outputs[i].name, e->of + 1, e->array);
            e->n = e->array[0] ? v->shape[e->of] : e->n;
        }
    int rc = output_rows(&plan, d);
    if (!rc)
        tryhost_set_outputs(a->host, a->p.outputs, a->p.n_outputs);
    return rc;
}

static int open_and_run(struct attempt *a, const char *config, struct diag *d)
{
    const struct sheaf_host *host = tryhost_host(a->host);
    struct sheaf_dataset dataset = {a->keyview.whole, a->p.n_arrays};
    int64_t start = clock_mono_ns();
    if (a->plugin->open(host, config, &dataset, &a->state) != SHEAF_OK_STATUS)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: open failed: %s", plugin_label(a->p.path, a->p.script),
                         tryhost_reason(a->host));
    a->open_ns = clock_mono_ns() - start;
    const struct probe_question q = {a->plugin, a->host, a->state, &a->task, ""};
    int rc = a->p.n_scores == 0 ? probe_ask(&q, &a->arena, &a->p, d) : 0;
    if (rc)
        return rc;
    a->scores = arena_alloc(&a->arena, a->p.n_scores * sizeof *a->scores);
    if (!a->scores)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < a->p.n_scores; i++)
        a->scores[i] = a->p.scoreless ? 1 : NAN;
    tryhost_begin_task(a->host, a->p.n_group_values);
    start = clock_mono_ns();
    a->status = a->plugin->run(host, a->state, &a->task, a->scores);
    a->run_ns = clock_mono_ns() - start;
    struct diag why = {{0}};
    if (tryhost_refused(a->host)) /* as in a sweep */
        a->status = SHEAF_FAILED;
    else if (a->status == SHEAF_OK_STATUS && tryhost_files(a->host, &a->files, &why) != 0)
        a->status = host->fail(host, why.text);
    a->plugin->close(host, a->state);
    return 0;
}

static void print_scores(const struct attempt *a)
{
    struct tryhost_counts c = tryhost_counts(a->host);
    if (a->status != SHEAF_OK_STATUS)
        printf("the task failed: %s\n", *tryhost_reason(a->host) ? tryhost_reason(a->host) : "(no reason given)");
    struct table t;
    table_init(&t, 3);
    table_cell(&t, "score"), table_cell(&t, "value"), table_cell(&t, "unit");
    for (uint32_t i = 0; a->status == SHEAF_OK_STATUS && i < a->p.n_scores; i++) {
        table_cell(&t, a->p.scores[i].name);
        table_printf(&t, "%.17g", a->scores[i]);
        table_cell(&t, a->p.scores[i].unit);
    }
    if (a->status == SHEAF_OK_STATUS)
        (void)table_print(&t, stdout);
    table_finish(&t);
    for (uint32_t i = 0; i < a->p.n_outputs; i++)
        printf("output %s: a row of %" PRIu64 " bytes%s\n", a->p.outputs[i].name, a->p.outputs[i].row_bytes,
               tryhost_row(a->host, i) ? "" : ", not asked for");
    const char *name = a->files ? (const char *)a->files->names.data : NULL;
    for (uint32_t i = 0; a->status == SHEAF_OK_STATUS && a->files && i < a->files->n; i++, name += strlen(name) + 1)
        printf("file %s\n", name);
    printf("open %.3f ms, run %.3f ms, scratch %" PRIu64 " bytes, %" PRIu64 " caches of %" PRIu64 " bytes, %" PRIu64
           " group rows\n",
           (double)a->open_ns / 1e6, (double)a->run_ns / 1e6, c.scratch_bytes, c.caches, c.cache_bytes, c.rows);
}

static int print_json(const struct attempt *a, struct diag *d)
{
    json_t *scores = json_object();
    for (uint32_t i = 0; i < a->p.n_scores; i++)
        (void)json_object_set_new(scores, a->p.scores[i].name, json_number(a->scores[i]));
    bool ok = a->status == SHEAF_OK_STATUS;
    json_t *files = json_array();
    const char *name = ok && a->files ? (const char *)a->files->names.data : NULL;
    for (uint32_t i = 0; name != NULL && i < a->files->n; i++, name += strlen(name) + 1)
        (void)json_array_append_new(files, json_text(name));
    return json_print(json_pack("{s:i, s:s, s:o, s:o, s:o, s:f, s:f}", "version", 1, "status", ok ? "done" : "failed",
                                "reason", ok ? json_null() : json_text(tryhost_reason(a->host)), "scores", scores,
                                "files", files, "open_seconds", (double)a->open_ns / 1e9, "run_seconds",
                                (double)a->run_ns / 1e9),
                      stdout, d);
}

/* The folder in which its files are kept. */
static int make_folder(struct attempt *a, const struct options *o, struct diag *d)
{
    if (o->output == NULL)
        return 0;
    int rc = dir_make(o->output, 0777, d);
    if (rc == 0)
        tryhost_set_folder(a->host, o->output);
    return rc;
}

/* They have their names from now on. */
static int keep_files(const struct attempt *a, const struct options *o, struct diag *d)
{
    if (o->output == NULL || a->files == NULL || a->status != SHEAF_OK_STATUS)
        return 0;
    int fd = open(o->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    const char *name = (const char *)a->files->names.data;
    for (uint32_t i = 0; rc == 0 && i < a->files->n; i++, name += strlen(name) + 1)
        if (taskfiles_folders(fd, name) != 0 || renameat(a->files->fd, name, fd, name) != 0)
            rc = diag_fail(d, SHEAF_EIO, "%s/%s: %s", o->output, name, strerror(errno));
    (void)close(fd);
    return rc;
}

static int attempt_run(struct attempt *a, const struct options *o, struct diag *d)
{
    int rc = load(a, o, d);
    if (!rc)
        rc = find_arrays(a, o, d);
    if (!rc)
        rc = set_params(a, o, d);
    if (!rc)
        rc = set_task(a, o, d);
    if (!rc)
        rc = size_outputs(a, d);
    if (!rc)
        rc = make_folder(a, o, d);
    if (!rc)
        rc = open_and_run(a, o->config, d);
    if (!rc)
        rc = keep_files(a, o, d);
    if (!rc && o->json)
        rc = print_json(a, d);
    else if (!rc)
        print_scores(a);
    return rc;
}

int plugin_try(int argc, char **argv)
{
    struct options o = {.config = "{}"};
    const struct arg table[] = {
        {"PLUGIN", ARG_WORD, &o.plugin, NULL, NULL, "a name on the plugin path, or the path of a .so or .py file",
         true},
        {"--data", ARG_TEXT, &o.data, NULL, "FILE.sheaf", "the dataset", false},
        {"--set", ARG_LIST, &o.set, NULL, "NAME=VALUE", "a parameter; others take their defaults", false},
        {"--key", ARG_TEXT, &o.key, NULL, "KEY", "a key of the data, or an integer, or a path", false},
        {"--train", ARG_TEXT, &o.train, NULL, "FROM:TO", "train rows, half open; several with commas", false},
        {"--test", ARG_TEXT, &o.test, NULL, "FROM:TO", "test rows (default: all)", false},
        {"--config", ARG_TEXT, &o.config, NULL, "JSON", "the sweep file's config", false},
        {"--index", ARG_INDEX, &o.index, NULL, "N", "the task's index (default 0)", false},
        {"--seed", ARG_INDEX, &o.seed, NULL, "N", "the sweep's seed (default 0)", false},
        {"--output", ARG_TEXT, &o.output, NULL, "FOLDER", "where its files are kept (default: nowhere)", false},
        {"--json", ARG_FLAG, &o.json, NULL, NULL, "one object for programs", false},
    };
    const struct args args = {"plugin try",
                              "Runs one task in this process: gdb --args sheaf plugin try PLUGIN ...\n"
                              "What the plugin logs, reports and emits goes to stderr. Exit code 4: the task failed.",
                              table, sizeof table / sizeof table[0]};
    enum args_result parsed = args_parse(&args, argc, argv);
    if (parsed != ARGS_GO)
        return parsed == ARGS_HELP ? EXIT_ALL_DONE : EXIT_WRONG;

    struct attempt a = {.status = SHEAF_FAILED};
    struct diag d = {{0}};
    arena_init(&a.arena, 0);
    int rc = attempt_run(&a, &o, &d);
    tryhost_destroy(a.host);
    dataset_close(a.data);
    arena_finish(&a.arena);
    if (rc)
        return exit_report(rc, &d);
    return a.status == SHEAF_OK_STATUS ? EXIT_ALL_DONE : EXIT_ALL_FAILED;
}
