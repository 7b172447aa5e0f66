/* SPDX-License-Identifier: MIT
 *
 * sheaf list, show, wait: how sweeps stand.
 */
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/run.h"
#include "cli/table.h"
#include "cli/target.h"
#include "common/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WATCH_MS 250u

/* ---- list ---- */

struct list_row {
    uint64_t number;
    const char *name, *source, *plugin;
    const char *state;
    uint64_t total, done, failed, trials;
    int64_t wall_ms;
};

/* A broker's answer to MSG_LIST as rows. number 0: the broker's own. */
static int take_listing(const struct msg_listing *l, uint64_t number, bool live, struct arena *a, struct buf *rows)
{
    for (uint32_t i = 0; i < l->n_sweeps; i++) {
        const struct msg_listed *s = &l->sweeps[i];
        struct list_row row = {
            .number = number > 0 ? number : s->sweep,
            .name = arena_text(a, s->name, strlen(s->name)),
            .source = arena_text(a, s->source, strlen(s->source)),
            .plugin = arena_text(a, s->plugin, strlen(s->plugin)),
            .state = outcome_state(s->state, live),
            .total = s->total,
            .done = s->done,
            .failed = s->failed,
            .trials = s->trials,
            .wall_ms = s->created_wall_ms,
        };
        if (row.name == NULL || row.source == NULL || row.plugin == NULL ||
            buf_append(rows, &row, sizeof row) != SHEAF_OK)
            return SHEAF_ENOMEM;
    }
    return SHEAF_OK;
}

static int list_target(struct target *t, struct arena *a, struct buf *rows, struct diag *d)
{
    int err = target_ask(t, MSG_LIST, NULL, MSG_LISTING, d);
    if (err == SHEAF_OK)
        err = take_listing(t->msg.body, t->number, target_live(t), a, rows);
    return err == SHEAF_ENOMEM ? diag_fail(d, err, "out of memory") : err;
}

/* A folder that cannot be read still has a row, so that one damaged journal does not hide the other sweeps. */
static int list_folder(const struct state_sweep *folder, struct arena *a, struct buf *rows)
{
    struct target t;
    struct diag d = {{0}};
    size_t before = rows->len;
    target_init(&t);
    int err = target_open_folder(&t, folder, &d);
    if (err == SHEAF_OK)
        err = list_target(&t, a, rows, &d);
    target_close(&t);
    struct list_row row = {.number = folder->number,
                           .name = folder->name,
                           .source = folder->source,
                           .plugin = "",
                           .state = err == SHEAF_ENOENT || err == SHEAF_OK ? "empty" : "?"};
    if (rows->len > before)
        return SHEAF_OK;
    if (err != SHEAF_OK && err != SHEAF_ENOENT)
        (void)fprintf(stderr, "sheaf: sweep %" PRIu64 ": %s\n", folder->number, d.text);
    return buf_append(rows, &row, sizeof row);
}

static int list_all(const struct target_options *o, struct arena *a, struct buf *rows, struct diag *d)
{
    if (o->broker != NULL && o->broker[0] != '\0') {
        struct target t;
        target_init(&t);
        int err = client_open_live(o->broker, &t.client, d);
        if (err == SHEAF_OK)
            err = list_target(&t, a, rows, d);
        target_close(&t);
        return err;
    }
    const char *root = state_root(o->state, a, d);
    struct state_sweep *all;
    uint32_t n = 0;
    int err = root != NULL ? state_scan(root, a, &all, &n, d) : SHEAF_EINVAL;
    for (uint32_t i = 0; err == SHEAF_OK && i < n; i++)
        if (list_folder(&all[i], a, rows) != SHEAF_OK)
            err = diag_fail(d, SHEAF_ENOMEM, "out of memory");
    return err;
}

static char *local_time(int64_t wall_ms, char *out, size_t cap)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    out[0] = '\0';
    if (wall_ms > 0 && localtime_r(&seconds, &tm) != NULL)
        (void)strftime(out, cap, "%Y-%m-%d %H:%M", &tm);
    return out;
}

static int print_rows(const struct list_row *rows, size_t n)
{
    static const char *const headings[] = {"N", "name", "state", "done", "tasks", "failed", "trials", "begun", "file"};
    struct table t;
    table_init(&t, sizeof headings / sizeof headings[0]);
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        table_cell(&t, headings[i]);
    for (size_t i = 0; i < n; i++) {
        char text[64];
        table_printf(&t, "%" PRIu64, rows[i].number);
        table_cell(&t, rows[i].name);
        table_cell(&t, rows[i].state);
        table_cell(&t, human_count(rows[i].done, text, sizeof text));
        table_cell(&t, human_count(rows[i].total, text, sizeof text));
        table_cell(&t, human_count(rows[i].failed, text, sizeof text));
        table_cell(&t, human_count(rows[i].trials, text, sizeof text));
        table_cell(&t, local_time(rows[i].wall_ms, text, sizeof text));
        table_cell(&t, rows[i].source);
    }
    int err = table_print(&t, stdout);
    table_finish(&t);
    return err;
}

static json_t *rows_json(const struct list_row *rows, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct list_row *r = &rows[i];
        json_t *name = json_text(r->name), *source = json_text(r->source), *plugin = json_text(r->plugin);
        json_t *row =
            json_pack("{s:I, s:o, s:s, s:{s:I, s:I, s:I}, s:I, s:I, s:o, s:o}", "sweep", (json_int_t)r->number, "name",
                      name, "state", r->state, "tasks", "total", (json_int_t)r->total, "done", (json_int_t)r->done,
                      "failed", (json_int_t)r->failed, "trials", (json_int_t)r->trials, "begun_ms",
                      (json_int_t)r->wall_ms, "source", source, "plugin", plugin);
        if (json_array_append_new(list, row) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:i, s:o}", "version", 1, "sweeps", list);
}

int cmd_list(int argc, char **argv)
{
    struct target_options o = {.broker = getenv("SHEAF_BROKER")};
    bool json = false;
    const struct arg table[] = {
        {"--json", ARG_FLAG, &json, NULL, NULL, "print one JSON object", false},
        TARGET_PLACE_ARGS(&o),
    };
    const struct args args = {"list", "Lists the sweeps of the state directory.", table,
                              sizeof table / sizeof table[0]};
    enum args_result r = args_parse(&args, argc, argv);
    if (r != ARGS_GO)
        return r == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    struct arena a;
    struct buf rows = {0};
    struct diag d = {{0}};
    arena_init(&a, 0);
    int err = list_all(&o, &a, &rows, &d);
    const struct list_row *at = (const struct list_row *)(const void *)rows.data;
    size_t n = rows.len / sizeof *at;
    if (err == SHEAF_OK)
        err = json ? json_print(rows_json(at, n), stdout, &d) : print_rows(at, n);
    int code = err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, &d);
    buf_finish(&rows);
    arena_finish(&a);
    return code;
}

/* ---- show ---- */

struct show_options {
    struct target_options target;
    uint64_t top;
    bool json;
};

static int parse_show(const char *command, const char *summary, int argc, char **argv, struct show_options *o)
{
    const struct arg table[] = {
        TARGET_ARGS(&o->target),
        {"--top", ARG_COUNT, &o->top, NULL, "K",
         "how many trials to print (default 10; at most 1,000 unless keep: best keeps more)", false},
        {"--json", ARG_FLAG, &o->json, NULL, NULL, "print the JSON object of `run --json`", false},
    };
    const struct args args = {command, summary, table, sizeof table / sizeof table[0]};
    o->target.broker = getenv("SHEAF_BROKER");
    o->top = OUTCOME_TOP;
    enum args_result r = args_parse(&args, argc, argv);
    if (r == ARGS_GO && run_check_counts(command, 0, o->top) != SHEAF_OK)
        return EXIT_WRONG;
    if (r != ARGS_GO)
        return r == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    return -1;
}

static int print_outcome(const struct outcome *out, bool json, struct diag *d)
{
    return json ? outcome_print_json(out, stdout, d) : outcome_print(out, stdout, d);
}

int cmd_show(int argc, char **argv)
{
    struct show_options o = {.top = OUTCOME_TOP};
    int code = parse_show("show", "Says how a sweep stands: counts, best trials, failures, digest.", argc, argv, &o);
    if (code >= 0)
        return code;
    struct target t;
    struct diag d = {{0}};
    target_init(&t);
    int err = target_open(&t, &o.target, &d);
    if (err == SHEAF_OK)
        err = target_status(&t, (uint32_t)o.top, &d);
    if (err == SHEAF_OK)
        err = outcome_check_top(&t.plan, o.top, &d);
    if (err == SHEAF_OK) {
        struct outcome out = target_outcome(&t);
        err = print_outcome(&out, o.json, &d);
    }
    code = err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, &d);
    target_close(&t);
    return code;
}

/* ---- wait ---- */

/* Follows a broker that is not ours until the sweep ends. */
static int follow(struct target *t, const struct show_options *o, int *code, struct diag *d)
{
    struct session s;
    session_init(&s);
    int err = session_begin(&s, d);
    if (err == SHEAF_OK)
        err = session_connect(&s, t->endpoint, d);
    struct msg_watch m = {.sweep = t->sweep, .every_ms = WATCH_MS, .top = (uint32_t)o->top};
    s.plan = &t->plan;
    if (err == SHEAF_OK)
        err = session_follow(&s, MSG_WATCH, &m, d);
    session_end(&s);
    const struct msg_status *last = session_status(&s);
    if (err == SHEAF_OK && last != NULL && last->final) {
        struct outcome out = {.number = t->number, .status = last, .plan = &t->plan};
        *code = outcome_exit(last);
        err = print_outcome(&out, o->json, d);
    } else if (err == SHEAF_OK) {
        *code = EXIT_CANCELLED; /* Ctrl-C ends the watching, not the sweep */
    }
    session_finish(&s);
    return err;
}

static int wait_for(struct target *t, const struct show_options *o, int *code, struct diag *d)
{
    int err = target_open(t, &o->target, d);
    if (err == SHEAF_OK)
        err = target_status(t, (uint32_t)o->top, d);
    if (err == SHEAF_OK)
        err = outcome_check_top(&t->plan, o->top, d);
    if (err != SHEAF_OK)
        return err;
    if (target_live(t))
        return follow(t, o, code, d);
    const struct msg_status *s = target_last_status(t);
    if (!s->final)
        return diag_fail(d, SHEAF_EINVAL, "nobody runs sweep %" PRIu64 "; `sheaf run %s` goes on with it", t->number,
                         t->plan.source);
    struct outcome out = target_outcome(t);
    *code = outcome_exit(s);
    return print_outcome(&out, o->json, d);
}

int cmd_wait(int argc, char **argv)
{
    struct show_options o = {.top = OUTCOME_TOP};
    int code = parse_show("wait", "Waits until a sweep has ended, then prints it as `run` does, with its exit code.",
                          argc, argv, &o);
    if (code >= 0)
        return code;
    struct target t;
    struct diag d = {{0}};
    target_init(&t);
    int err = wait_for(&t, &o, &code, &d);
    /* The broker of a local run ends with it: what was missed meanwhile stands in the journal. */
    if (err == SHEAF_EGONE && t.folder.dir != NULL) {
        target_close(&t);
        d.text[0] = '\0';
        err = wait_for(&t, &o, &code, &d);
    }
    if (err != SHEAF_OK)
        code = exit_report(err, &d);
    target_close(&t);
    return code;
}
