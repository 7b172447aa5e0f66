/* SPDX-License-Identifier: MIT
 *
 * sweepplan: a checked sweep file, a plugin's descriptor and a dataset become a plan. Parameters first (most mistakes are
 * there), then data and split, goal, constraints, and the number of tasks.
 */
#include "sweep/sweepplan.h"

#include "sweep/space.h"
#include "sweep/suggest.h"
#include "sweep/sweepschema.h"
#include "sweep/where.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A grid or list up to this size is searched for a trial that `where` lets pass. */
#define WHERE_TRIALS 1000000u
#define WHERE_DRAWN 1000u /* and so many trials of a random search, each of which draws SPACE_REDRAWS times more */
#define MAX_GOALS 64u
#define MAX_WHERE 1024u

int sweepplan_no_memory(const struct planner *p)
{
    return diag_fail(p->d, SHEAF_ENOMEM, "%s: out of memory while making the plan", p->f->path);
}

static const char *copy_text(const struct planner *p, const char *text)
{
    return arena_text(p->arena, text, strlen(text));
}

static int resolve_data(struct planner *p)
{
    struct plan *out = p->out;
    out->data = arena_alloc(p->arena, (p->all->n + (size_t)1) * sizeof *out->data);
    if (out->data == NULL)
        return sweepplan_no_memory(p);
    for (uint32_t i = 0; i < p->all->n; i++) {
        const struct source *s = &p->all->at[i];
        void *digest = arena_alloc(p->arena, HASH_BYTES);
        struct plan_data to = {.path = copy_text(p, s->path),
                               .digest = {digest, HASH_BYTES},
                               .made = s->made,
                               .along = copy_text(p, s->along != NULL ? s->along : ""),
                               .trials = s->trials};
        if (digest == NULL || to.path == NULL || to.along == NULL)
            return sweepplan_no_memory(p);
        memcpy(digest, dataset_digest(s->ds), HASH_BYTES);
        out->data[out->n_data++] = to;
    }
    return 0;
}

/* A stage is named after the file, too. */
static const char *name_of(const struct planner *p)
{
    const char *title = sweepschema_text(p->f->whole, "name", ""), *name = sweepschema_text(p->f->root, "name", "");
    if (p->f->whole == p->f->root || title[0] == '\0')
        return copy_text(p, name);
    return arena_printf(p->arena, "%s: %s", title, name);
}

static int resolve_head(struct planner *p)
{
    struct plan *out = p->out;
    out->version = PLAN_VERSION;
    out->plugin = *p->plugin;
    out->name = name_of(p);
    out->source = copy_text(p, p->f->absolute);
    return out->name != NULL && out->source != NULL ? resolve_data(p) : sweepplan_no_memory(p);
}

static void resolve_rest(struct planner *p)
{
    const struct ynode *root = p->f->root;
    struct plan *out = p->out;
    out->order = sweepschema_word(root, "order", sweepschema_orders, ORDER_TRIAL);
    out->reduce_split = sweepschema_word(root, "reduce.split", sweepschema_reductions, REDUCE_MEAN);
    out->reduce_key = sweepschema_word(root, "reduce.key", sweepschema_reductions, REDUCE_MEAN);
    out->limits.task_seconds = sweepschema_number(root, "limits.task_seconds", 0);
    out->limits.memory_mb = (uint64_t)sweepschema_int(root, "limits.memory_mb", 0);
    out->limits.attempts = (uint32_t)sweepschema_int(root, "limits.attempts", 3);
    out->limits.failures = (uint64_t)sweepschema_int(root, "limits.failures", 0);
    out->keep_best = (uint64_t)sweepschema_int(root, "keep.best", 0);
    out->verify_ppm = p->f->verify_ppm;
}

static int add_goal(struct planner *p, const struct ynode *map)
{
    const struct ynode *n = map->first; /* maximize or minimize: the schema lets one through */
    struct plan_goal *goal = &p->out->goals[p->out->n_goals];
    struct suggest near;
    suggest_begin(&near, n->value.text);
    for (uint32_t i = 0; i < p->plugin->n_scores; i++) {
        suggest_offer(&near, p->plugin->scores[i].name);
        if (strcmp(p->plugin->scores[i].name, n->value.text) != 0)
            continue;
        for (uint32_t g = 0; g < p->out->n_goals; g++)
            if (p->out->goals[g].score == i)
                return place_fail(&n->at, p->d, "goal has %s twice; remove one", n->value.text);
        *goal = (struct plan_goal){.score = i, .maximize = strcmp(n->key->value.text, "maximize") == 0};
        p->out->n_goals++;
        return 0;
    }
    return place_fail(&n->at, p->d, "%s has no score %.80s; %s", p->plugin->name, n->value.text, suggest_advice(&near));
}

static int missing_goal(struct planner *p)
{
    struct suggest known;
    suggest_begin(&known, "");
    for (uint32_t i = 0; i < p->plugin->n_scores; i++)
        suggest_offer(&known, p->plugin->scores[i].name);
    return place_fail(&p->f->root->at, p->d, "goal is missing; add goal: {maximize: SCORE} with one of: %s",
                      known.known);
}

static int resolve_goals(struct planner *p)
{
    const struct ynode *goal = ynode_get(p->f->root, "goal");
    if (goal == NULL && p->plugin->scoreless)
        return 0; /* it makes output arrays only */
    if (goal == NULL)
        return missing_goal(p);
    uint32_t n = goal->kind == YNODE_LIST ? goal->n : 1;
    if (n > MAX_GOALS)
        return place_fail(&goal->at, p->d, "goal has %u objectives; give at most %u", n, MAX_GOALS);
    p->out->goals = arena_alloc(p->arena, n * sizeof(struct plan_goal));
    if (p->out->goals == NULL)
        return sweepplan_no_memory(p);
    if (goal->kind == YNODE_MAP)
        return add_goal(p, goal);
    int err = 0;
    for (const struct ynode *g = goal->first; g != NULL && err == 0; g = g->next)
        err = add_goal(p, g);
    return err;
}

/* The compiler of constraints names a column; when a parameter's name is wanted there, say which there are. */
static int wrong_where(struct planner *p, const struct ynode *n, const char *why)
{
    const char *text = n->value.text, *wrong = strstr(why, "has no parameter '");
    if (wrong == NULL)
        return place_fail(&n->at, p->d, "where \"%.200s\": %s; correct it", text, why);
    char name[64] = "";
    (void)sscanf(wrong, "has no parameter '%63[A-Za-z0-9_.]", name);
    struct suggest near;
    suggest_begin(&near, name);
    for (uint32_t i = 0; i < p->out->plugin.n_params; i++)
        suggest_offer(&near, p->out->plugin.params[i].name);
    return place_fail(&n->at, p->d, "where \"%.200s\": %s; %s", text, why, suggest_advice(&near));
}

/* A parameter of an earlier sweep whose file is yet to be made? */
static bool may_be_carried(const struct planner *p, const char *why)
{
    struct sweepfile_data entry;
    const char *wrong = strstr(why, "has no parameter '");
    const char *name = wrong != NULL ? strchr(wrong, '\'') + 1 : "";
    for (uint32_t i = 0; p->all->n == 0 && sweepfile_data(p->f, i, &entry); i++) {
        size_t n = entry.along != NULL ? strlen(entry.along) : 0;
        if (n > 0 && strncmp(name, entry.along, n) == 0 && name[n] == '.')
            return true;
    }
    return false;
}

static int add_where(struct planner *p, const struct ynode *n)
{
    struct diag why = {{0}};
    const char *text = copy_text(p, n->value.text);
    if (text == NULL)
        return sweepplan_no_memory(p);
    struct where *w = where_compile(text, &p->out->plugin, &why);
    if (w == NULL)
        return may_be_carried(p, why.text) ? 0 : wrong_where(p, n, why.text);
    where_destroy(w);
    p->out->where[p->out->n_where++] = text;
    return 0;
}

static int resolve_where(struct planner *p)
{
    const struct ynode *where = ynode_get(p->f->root, "where");
    if (where == NULL)
        return 0;
    uint32_t n = where->kind == YNODE_LIST ? where->n : 1;
    if (n > MAX_WHERE)
        return place_fail(&where->at, p->d, "where has %u constraints; give at most %u", n, MAX_WHERE);
    p->out->where = arena_alloc(p->arena, n * sizeof(const char *));
    if (p->out->where == NULL)
        return sweepplan_no_memory(p);
    if (where->kind == YNODE_SCALAR)
        return add_where(p, where);
    int err = 0;
    for (const struct ynode *e = where->first; e != NULL && err == 0; e = e->next)
        err = add_where(p, e);
    return err;
}

/* Is there a trial that `where` lets pass? Of a long grid or list that is not known; a random search draws so often for each
 * trial that the first ones speak for all. */
static int check_satisfiable(struct planner *p)
{
    bool drawn = p->out->method == METHOD_RANDOM;
    uint64_t trials = p->out->trials;
    if (p->out->n_where == 0 || (!drawn && trials > WHERE_TRIALS))
        return 0;
    if (drawn && trials > WHERE_DRAWN)
        trials = WHERE_DRAWN;
    struct diag why = {{0}};
    struct space *space = space_create(p->out, &why);
    const struct place *at = sweepfile_at(p->f, "where");
    if (space == NULL)
        return place_fail(at, p->d, "%s", why.text);
    const struct sheaf_value *values;
    bool found = false;
    for (uint64_t t = 0; t < trials && !found; t++)
        found = space_trial(space, t, &values);
    space_destroy(space);
    if (!found && drawn)
        return place_fail(at, p->d, "where let none of %" PRIu64 " draws pass; loosen it or change the params",
                          trials * (SPACE_REDRAWS + 1));
    if (!found && p->f->limit > 0)
        return place_fail(
            at, p->d, "where excludes all trials that --limit leaves (%" PRIu64 "); raise it, or loosen where", trials);
    if (!found)
        return place_fail(at, p->d, "where excludes every trial (%" PRIu64 " in all); loosen it or change the params",
                          trials);
    return 0;
}

static int check_tasks(struct planner *p)
{
    struct plan *out = p->out;
    if (p->f->limit > 0 && out->trials > p->f->limit) {
        out->trials = p->f->limit;
        for (uint32_t i = 0; i < out->n_axes; i++)
            if (out->axes[i].kind == AXIS_LIST)
                out->axes[i].codes.len = (size_t)out->trials * 4;
    }
    uint64_t cells, tasks;
    const struct place *at = sweepfile_at(p->f, out->keys > 1 ? "keys" : "params");
    bool whole = !__builtin_mul_overflow(out->keys, out->splits, &cells) &&
                 !__builtin_mul_overflow(cells, out->trials, &tasks) && tasks < PLAN_MAX_TASKS;
    if (!whole && out->keys > 1)
        return place_fail(at, p->d,
                          "%" PRIu64 " trials x %" PRIu64 " keys x %" PRIu64
                          " splits are 2^63 tasks or more; give fewer of each",
                          out->trials, out->keys, out->splits);
    if (!whole)
        return place_fail(at, p->d,
                          "%" PRIu64 " trials x %" PRIu64 " splits are 2^63 tasks or more; give fewer of either",
                          out->trials, out->splits);
    uint64_t most = plan_max_cells(p->plugin);
    if (cells > most)
        return place_fail(at, p->d,
                          "a trial has %" PRIu64 " tasks (keys x splits), but with %u scores each at most %" PRIu64
                          " are possible; make more of it trials",
                          cells, p->plugin->n_scores, most);
    return 0;
}

/* What is wrong with it whatever the keys are. */
static int check_order_fields(struct planner *p)
{
    const struct place *at = sweepfile_at(p->f, "order");
    if (p->out->order == ORDER_TRIAL)
        return 0;
    if (ynode_get(p->f->root, "keys") == NULL)
        return place_fail(at, p->d, "order is key, but the sweep has no keys; remove it, or add keys");
    if (p->out->keep_best > 0)
        return place_fail(
            at, p->d,
            "order: key has no trial complete before the last key, so that keep: best saves nothing; remove either");
    return 0;
}

static int check_order(struct planner *p)
{
    const struct plan *out = p->out;
    int err = check_order_fields(p);
    if (err == 0 && out->order != ORDER_TRIAL && plan_open_bytes(out) > PLAN_MAX_TRIAL_BYTES)
        return place_fail(sweepfile_at(p->f, "order"), p->d,
                          "in order: key the scores of all %" PRIu64
                          " tasks are held until the last key, and that is over %" PRIu64 " MiB; use order: trial",
                          plan_tasks(out), PLAN_MAX_TRIAL_BYTES >> 20);
    return err;
}

/* A dataset that a stage makes is not partitioned. */
static int check_made_keys(struct planner *p)
{
    const struct ynode *keys = ynode_get(p->f->root, "keys");
    struct sweepfile_data first;
    if (keys == NULL || keys->kind != YNODE_SCALAR || !sweepfile_data(p->f, 0, &first) || first.stage == NULL)
        return 0;
    return place_fail(
        &keys->at, p->d,
        "what the stage %s makes is not partitioned by %.80s, nor by anything; write keys: {range: [0, N]}, "
        "or put the partitioned file first in data",
        first.stage, keys->value.text);
}

int sweepfile_plan(const struct sweepfile *f, const struct plan_plugin *plugin, const struct sources *all,
                   struct arena *arena, struct plan *out, struct diag *d)
{
    struct plan plan;
    memset(&plan, 0, sizeof plan);
    struct planner p = {
        .f = f, .plugin = plugin, .all = all, .ds = sources_first(all), .arena = arena, .out = &plan, .d = d};
    int err = resolve_head(&p);
    if (err == 0)
        err = sweepaxis_resolve(&p);
    if (err == 0)
        err = sweepkeys_resolve(&p);
    if (err == 0)
        err = sweepdata_resolve(&p);
    if (err == 0)
        err = resolve_goals(&p);
    if (err == 0)
        err = resolve_where(&p);
    if (err != 0)
        return err;
    resolve_rest(&p);
    err = check_tasks(&p);
    if (err == 0)
        err = check_order(&p);
    if (err == 0)
        err = sweepoutput_resolve(&p);
    if (err == 0)
        err = check_satisfiable(&p);
    if (err == 0)
        *out = plan;
    return err;
}

int sweepfile_check(const struct sweepfile *f, const struct plan_plugin *plugin, struct arena *arena, struct plan *out,
                    struct diag *d)
{
    const struct sources none = {.n = 0};
    struct plan plan;
    memset(&plan, 0, sizeof plan);
    struct planner p = {.f = f, .plugin = plugin, .all = &none, .arena = arena, .out = &plan, .d = d};
    int err = resolve_head(&p);
    if (err == 0)
        err = sweepcarry_check(&p);
    if (err == 0)
        err = sweepaxis_resolve(&p);
    if (err == 0)
        err = check_made_keys(&p);
    if (err == 0 && plugin->n_scores > 0)
        err = resolve_goals(&p);
    if (err == 0)
        err = resolve_where(&p);
    if (err != 0)
        return err;
    plan.key_axis.column = "";
    plan.split.stratify = plan.split.on = "";
    resolve_rest(&p);
    err = check_order_fields(&p);
    if (err == 0)
        err = sweepoutput_names(&p);
    if (err == 0)
        *out = plan;
    return err;
}
