/* SPDX-License-Identifier: MIT
 *
 * plan: the tables that turn a plan and a plugin's description into bytes and back, and the checks after which the
 * arithmetic on a plan (products of counts, positions in tables) needs no further care. What needs the index space
 * or the splits to be built is checked where they are built: space_create and splitter_create.
 */
#include "sweep/plan.h"

#include "data/dataset.h"
#include "sheaf/plugin.h"

#include <stddef.h>
#include <string.h>

/* Caps of texts, generous for people and tight for a broken peer. */
#define MAX_NAME 256u
#define MAX_ARRAY 511u /* as a dataset has it */
#define MAX_LINE 4096u
#define MAX_TEXT (1u << 20)
#define MAX_VALUES (1u << 20)
#define MAX_WHERE 1024u
#define MAX_GOALS 64u

static const struct codec_field value_fields[] = {
    CODEC_F(CODEC_F64, struct plan_value, f, 0),
    CODEC_F(CODEC_I64, struct plan_value, i, 0),
    CODEC_F(CODEC_TEXT, struct plan_value, text, MAX_TEXT),
};
static const struct codec value_codec = CODEC_OF(struct plan_value, value_fields);

static const struct codec_field param_fields[] = {
    CODEC_F(CODEC_TEXT, struct plan_param, name, MAX_NAME),
    CODEC_F(CODEC_U32, struct plan_param, type, SHEAF_BOOL),
    CODEC_F(CODEC_BOOL, struct plan_param, required, 0),
    CODEC_SUB(struct plan_param, def, &value_codec),
    CODEC_F(CODEC_F64, struct plan_param, min, 0),
    CODEC_F(CODEC_F64, struct plan_param, max, 0),
    CODEC_STRINGS(struct plan_param, choices, n_choices, MAX_VALUES),
    CODEC_F(CODEC_TEXT, struct plan_param, unit, MAX_NAME),
    CODEC_F(CODEC_TEXT, struct plan_param, help, MAX_LINE),
};
static const struct codec param_codec = CODEC_OF(struct plan_param, param_fields);

static const struct codec_field array_fields[] = {
    CODEC_F(CODEC_TEXT, struct plan_array, name, MAX_NAME),
    CODEC_F(CODEC_U32, struct plan_array, dtype, SHEAF_DT_DATE),
    CODEC_F(CODEC_U32, struct plan_array, rank, SHEAF_MAX_RANK),
    CODEC_F(CODEC_BOOL, struct plan_array, required, 0),
    CODEC_F(CODEC_TEXT, struct plan_array, row_axis, MAX_NAME),
    CODEC_F(CODEC_TEXT, struct plan_array, help, MAX_LINE),
};
static const struct codec array_codec = CODEC_OF(struct plan_array, array_fields);

static const struct codec_field score_fields[] = {
    CODEC_F(CODEC_TEXT, struct plan_score, name, MAX_NAME),
    CODEC_F(CODEC_TEXT, struct plan_score, unit, MAX_NAME),
    CODEC_F(CODEC_TEXT, struct plan_score, help, MAX_LINE),
};
static const struct codec score_codec = CODEC_OF(struct plan_score, score_fields);

static const struct codec_field extent_fields[] = {
    CODEC_F(CODEC_U64, struct plan_extent, n, 0),
    CODEC_F(CODEC_TEXT, struct plan_extent, array, MAX_NAME),
    CODEC_F(CODEC_U32, struct plan_extent, of, SHEAF_MAX_RANK),
};
static const struct codec extent_codec = CODEC_OF(struct plan_extent, extent_fields);

static const struct codec_field output_fields[] = {
    CODEC_F(CODEC_TEXT, struct plan_output, name, MAX_NAME),
    CODEC_F(CODEC_U32, struct plan_output, dtype, SHEAF_DT_DATE),
    CODEC_LIST(struct plan_output, axes, rank, &extent_codec, PLAN_MAX_ROW_RANK),
    CODEC_F(CODEC_TEXT, struct plan_output, unit, MAX_NAME),
    CODEC_F(CODEC_TEXT, struct plan_output, help, MAX_LINE),
    CODEC_F(CODEC_U64, struct plan_output, row_bytes, PLAN_MAX_ROW_BYTES),
    CODEC_F(CODEC_U64, struct plan_output, offset, PLAN_MAX_OUTPUT_BYTES),
};
static const struct codec output_codec = CODEC_OF(struct plan_output, output_fields);

static const struct codec_field plugin_fields[] = {
    CODEC_F(CODEC_TEXT, struct plan_plugin, path, PLAN_MAX_PATH),
    CODEC_F(CODEC_TEXT, struct plan_plugin, script, PLAN_MAX_PATH),
    CODEC_F(CODEC_BIN, struct plan_plugin, digest, HASH_BYTES),
    CODEC_F(CODEC_TEXT, struct plan_plugin, name, MAX_NAME),
    CODEC_F(CODEC_TEXT, struct plan_plugin, version, MAX_NAME),
    CODEC_F(CODEC_TEXT, struct plan_plugin, summary, MAX_LINE),
    CODEC_F(CODEC_TEXT, struct plan_plugin, identity, MAX_TEXT),
    CODEC_F(CODEC_TEXT, struct plan_plugin, config, MAX_TEXT),
    CODEC_LIST(struct plan_plugin, params, n_params, &param_codec, PLAN_MAX_PARAMS),
    CODEC_LIST(struct plan_plugin, arrays, n_arrays, &array_codec, PLAN_MAX_PARAMS),
    CODEC_LIST(struct plan_plugin, scores, n_scores, &score_codec, PLAN_MAX_SCORES),
    CODEC_LIST(struct plan_plugin, group_values, n_group_values, &score_codec, PLAN_MAX_SCORES),
    CODEC_LIST(struct plan_plugin, outputs, n_outputs, &output_codec, PLAN_MAX_OUTPUTS),
    CODEC_F(CODEC_TEXT, struct plan_plugin, files, MAX_LINE),
    CODEC_F(CODEC_BOOL, struct plan_plugin, scoreless, 0),
    CODEC_F(CODEC_U32, struct plan_plugin, threads, 0),
    CODEC_F(CODEC_U32, struct plan_plugin, abi_major, 0),
    CODEC_F(CODEC_U32, struct plan_plugin, abi_minor, 0),
};
const struct codec plan_plugin_codec = CODEC_OF(struct plan_plugin, plugin_fields);

static const struct codec_field axis_fields[] = {
    CODEC_F(CODEC_TEXT, struct plan_axis, name, MAX_NAME),
    CODEC_F(CODEC_U32, struct plan_axis, param, PLAN_MAX_PARAMS),
    CODEC_F(CODEC_U32, struct plan_axis, kind, AXIS_CARRIED),
    CODEC_LIST(struct plan_axis, values, n_values, &value_codec, MAX_VALUES),
    CODEC_SUB(struct plan_axis, from, &value_codec),
    CODEC_SUB(struct plan_axis, to, &value_codec),
    CODEC_SUB(struct plan_axis, step, &value_codec),
    CODEC_F(CODEC_U64, struct plan_axis, count, 0),
    CODEC_F(CODEC_BOOL, struct plan_axis, log, 0),
    CODEC_F(CODEC_BIN, struct plan_axis, codes, 0),
};
static const struct codec axis_codec = CODEC_OF(struct plan_axis, axis_fields);

static const struct codec_field split_fields[] = {
    CODEC_F(CODEC_U32, struct plan_split, kind, SPLIT_K_FOLD),
    CODEC_F(CODEC_U64, struct plan_split, train, 0),
    CODEC_F(CODEC_U64, struct plan_split, test, 0),
    CODEC_F(CODEC_U64, struct plan_split, step, 0),
    CODEC_F(CODEC_U64, struct plan_split, gap, 0),
    CODEC_F(CODEC_BOOL, struct plan_split, anchored, 0),
    CODEC_F(CODEC_U64, struct plan_split, k, 0),
    CODEC_F(CODEC_BOOL, struct plan_split, shuffle, 0),
    CODEC_F(CODEC_TEXT, struct plan_split, stratify, MAX_NAME),
    CODEC_F(CODEC_U64, struct plan_split, n_rows, 0),
    CODEC_F(CODEC_TEXT, struct plan_split, row_axis, MAX_NAME),
    CODEC_F(CODEC_BOOL, struct plan_split, keyed, 0),
    CODEC_F(CODEC_TEXT, struct plan_split, on, MAX_ARRAY),
    CODEC_F(CODEC_TEXT, struct plan_split, order, MAX_ARRAY),
};
static const struct codec split_codec = CODEC_OF(struct plan_split, split_fields);

static const struct codec_field key_axis_fields[] = {
    CODEC_F(CODEC_U32, struct plan_key_axis, kind, KEYS_FILES),
    CODEC_F(CODEC_TEXT, struct plan_key_axis, column, PLAN_MAX_PATH),
    CODEC_F(CODEC_U32, struct plan_key_axis, dtype, SHEAF_DT_DATE),
    CODEC_F(CODEC_I64, struct plan_key_axis, from, 0),
    CODEC_F(CODEC_BIN, struct plan_key_axis, names, PLAN_MAX_KEY_NAMES),
    CODEC_F(CODEC_BIN, struct plan_key_axis, digest, HASH_BYTES),
};
static const struct codec key_axis_codec = CODEC_OF(struct plan_key_axis, key_axis_fields);

static const struct codec_field data_fields[] = {
    CODEC_F(CODEC_TEXT, struct plan_data, path, PLAN_MAX_PATH),
    CODEC_F(CODEC_BIN, struct plan_data, digest, HASH_BYTES),
    CODEC_F(CODEC_BOOL, struct plan_data, made, 0),
    CODEC_F(CODEC_TEXT, struct plan_data, along, MAX_NAME),
    CODEC_F(CODEC_U64, struct plan_data, trials, 0),
    CODEC_F(CODEC_U32, struct plan_data, param, PLAN_MAX_PARAMS),
};
static const struct codec data_codec = CODEC_OF(struct plan_data, data_fields);

static const struct codec_field goal_fields[] = {
    CODEC_F(CODEC_U32, struct plan_goal, score, PLAN_MAX_SCORES),
    CODEC_F(CODEC_BOOL, struct plan_goal, maximize, 0),
};
static const struct codec goal_codec = CODEC_OF(struct plan_goal, goal_fields);

static const struct codec_field limits_fields[] = {
    CODEC_F(CODEC_F64, struct plan_limits, task_seconds, 0),
    CODEC_F(CODEC_U64, struct plan_limits, memory_mb, 0),
    CODEC_F(CODEC_U32, struct plan_limits, attempts, 0),
    CODEC_F(CODEC_U64, struct plan_limits, failures, 0),
};
static const struct codec limits_codec = CODEC_OF(struct plan_limits, limits_fields);

static const struct codec_field plan_fields[] = {
    CODEC_F(CODEC_U32, struct plan, version, 0),
    CODEC_F(CODEC_TEXT, struct plan, name, MAX_NAME),
    CODEC_F(CODEC_TEXT, struct plan, source, PLAN_MAX_PATH),
    CODEC_SUB(struct plan, plugin, &plan_plugin_codec),
    CODEC_LIST(struct plan, data, n_data, &data_codec, PLAN_MAX_DATA),
    CODEC_F(CODEC_U32, struct plan, method, METHOD_LIST),
    CODEC_F(CODEC_U64, struct plan, seed, 0),
    CODEC_LIST(struct plan, axes, n_axes, &axis_codec, PLAN_MAX_PARAMS),
    CODEC_F(CODEC_U32, struct plan, n_carried, PLAN_MAX_PARAMS),
    CODEC_STRINGS(struct plan, where, n_where, MAX_WHERE),
    CODEC_F(CODEC_U64, struct plan, trials, 0),
    CODEC_F(CODEC_U64, struct plan, keys, 0),
    CODEC_F(CODEC_U64, struct plan, splits, 0),
    CODEC_SUB(struct plan, key_axis, &key_axis_codec),
    CODEC_F(CODEC_U32, struct plan, order, ORDER_KEY),
    CODEC_SUB(struct plan, split, &split_codec),
    CODEC_F(CODEC_U32, struct plan, reduce_split, REDUCE_SUM),
    CODEC_F(CODEC_U32, struct plan, reduce_key, REDUCE_SUM),
    CODEC_LIST(struct plan, goals, n_goals, &goal_codec, MAX_GOALS),
    CODEC_SUB(struct plan, limits, &limits_codec),
    CODEC_F(CODEC_TEXT, struct plan, output_path, PLAN_MAX_PATH),
    CODEC_F(CODEC_BOOL, struct plan, output_replace, 0),
    CODEC_F(CODEC_U64, struct plan, output_bytes, PLAN_MAX_OUTPUT_BYTES),
    CODEC_F(CODEC_TEXT, struct plan, output_dir, PLAN_MAX_PATH),
    CODEC_F(CODEC_U64, struct plan, keep_best, 0),
    CODEC_F(CODEC_U64, struct plan, verify_ppm, 1000000),
};
const struct codec plan_codec = CODEC_OF(struct plan, plan_fields);

int plan_encode(const struct plan *p, struct buf *out)
{
    size_t before = out->len;
    int rc = codec_encode(&plan_codec, p, out);
    if (rc == SHEAF_OK && out->len - before > PLAN_MAX_BYTES)
        rc = SHEAF_ELIMIT;
    if (rc != SHEAF_OK)
        out->len = before;
    return rc;
}

static int bad(struct diag *d, const char *what)
{
    return diag_fail(d, SHEAF_EINVAL, "the plan is malformed: %s", what);
}

static int bad_axis(const struct plan_axis *a, struct diag *d, const char *what)
{
    return diag_fail(d, SHEAF_EINVAL, "the plan is malformed: parameter '%s': %s", a->name, what);
}

/* Comparisons that are false for NaN, and no infinities. */
static bool finite(double x)
{
    return x - x == 0;
}

static int check_codes(uint64_t trials, const struct plan_axis *a, struct diag *d)
{
    if (trials > SIZE_MAX / 4 || a->codes.len != trials * 4)
        return bad_axis(a, d, "its list is not as long as the number of trials");
    const uint8_t *at = a->codes.data;
    for (uint64_t t = 0; t < trials; t++, at += 4) {
        uint32_t code = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        if (code >= a->n_values)
            return bad_axis(a, d, "its list names a value that does not exist");
    }
    return SHEAF_OK;
}

static int check_int_axis(const struct plan_axis *a, struct diag *d)
{
    if (a->from.i > a->to.i)
        return bad_axis(a, d, "its range is empty");
    if (a->kind == AXIS_LOG_INT)
        return a->from.i >= 1 ? SHEAF_OK : bad_axis(a, d, "a log range starts at 1 or above");
    if (a->step.i < 1)
        return bad_axis(a, d, "its step is below 1");
    uint64_t last = ((uint64_t)a->to.i - (uint64_t)a->from.i) / (uint64_t)a->step.i;
    return last < PLAN_MAX_TASKS ? SHEAF_OK : bad_axis(a, d, "its range has too many values");
}

static int check_float_axis(const struct plan_axis *a, struct diag *d)
{
    if (!finite(a->from.f) || !finite(a->to.f) || !finite(a->to.f - a->from.f) || !(a->from.f <= a->to.f))
        return bad_axis(a, d, "its range is empty or not finite");
    if (a->log && !(a->from.f > 0))
        return bad_axis(a, d, "a log range starts above 0");
    if (a->kind == AXIS_FLOAT_STEP && (!finite(a->step.f) || !(a->step.f > 0)))
        return bad_axis(a, d, "its step is not above 0");
    return SHEAF_OK;
}

/* Are all values of the axis numbers of trials, of which there are n? */
static bool counts_trials(const struct plan *p, const struct plan_axis *a, uint64_t n)
{
    if (p->plugin.params[a->param].type != SHEAF_INT || n < 1 || n > INT64_MAX)
        return false;
    if (a->kind == AXIS_INT)
        return a->from.i >= 0 && a->to.i < (int64_t)n;
    if (a->kind != AXIS_CHOICES && a->kind != AXIS_CONST)
        return false;
    for (uint32_t i = 0; i < a->n_values; i++)
        if (a->values[i].i < 0 || a->values[i].i >= (int64_t)n)
            return false;
    return true;
}

static int check_carried(const struct plan *p, const struct plan_axis *a, struct diag *d)
{
    const struct plan_axis *before = a;
    while (before > p->axes && (before->kind == AXIS_CARRIED || before->kind == AXIS_CONST))
        before--;
    if (p->method != METHOD_GRID || before->kind == AXIS_CARRIED || before->kind == AXIS_CONST || a->n_values < 1)
        return bad_axis(a, d, "it is carried by nothing");
    if (before->param >= p->plugin.n_params || !counts_trials(p, before, a->codes.len / 4))
        return bad_axis(a, d, "what carries it is no trial of its list");
    return check_codes(a->codes.len / 4, a, d);
}

static int check_axis(const struct plan *p, const struct plan_axis *a, struct diag *d)
{
    if (a->param >= p->plugin.n_params)
        return bad_axis(a, d, "the plugin has no such parameter");
    bool listed = a->kind == AXIS_LIST;
    if (a->kind == AXIS_CARRIED)
        return check_carried(p, a, d);
    if (p->method == METHOD_LIST ? !listed && a->kind != AXIS_CONST : listed)
        return bad_axis(a, d, "its kind does not suit the search method");
    bool ranged = a->kind == AXIS_FLOAT || a->kind == AXIS_FLOAT_STEP || a->kind == AXIS_LOG_INT;
    bool counted = ranged && (p->method == METHOD_GRID || a->kind == AXIS_FLOAT_STEP);
    if (counted && (a->count < 1 || a->count >= PLAN_MAX_TASKS))
        return bad_axis(a, d, "its count is out of range");
    switch (a->kind) {
    case AXIS_INT:
    case AXIS_LOG_INT:
        return check_int_axis(a, d);
    case AXIS_FLOAT:
    case AXIS_FLOAT_STEP:
        return check_float_axis(a, d);
    default:
        if (a->n_values < 1)
            return bad_axis(a, d, "it has no values");
        return listed ? check_codes(p->trials, a, d) : SHEAF_OK;
    }
}

static int check_axes(const struct plan *p, struct diag *d)
{
    bool seen[PLAN_MAX_PARAMS] = {false};
    for (uint32_t i = 0; i < p->n_axes; i++) {
        const struct plan_axis *a = &p->axes[i];
        int rc = check_axis(p, a, d);
        if (rc != SHEAF_OK)
            return rc;
        if (seen[a->param])
            return bad_axis(a, d, "it is given twice");
        seen[a->param] = true;
    }
    return p->n_carried <= p->n_axes ? SHEAF_OK : bad(d, "it has more parameters of earlier sweeps than parameters");
}

/* The trial of an earlier sweep that a task sees must be one. After check_axes. */
static int check_data(const struct plan *p, struct diag *d)
{
    for (uint32_t i = 0; i < p->n_data; i++) {
        const struct plan_data *from = &p->data[i];
        const struct plan_axis *axis = NULL;
        if (from->digest.len != 0 && from->digest.len != HASH_BYTES)
            return bad(d, "a digest that is not 32 bytes long");
        if (from->along[0] == '\0')
            continue;
        for (uint32_t k = 0; k < p->n_axes && axis == NULL; k++)
            if (p->axes[k].param == from->param)
                axis = &p->axes[k];
        if (axis == NULL || !counts_trials(p, axis, from->trials))
            return bad(d, "a dataset along trials that it does not have");
    }
    return SHEAF_OK;
}

static int check_counts(const struct plan *p, struct diag *d)
{
    if (p->trials < 1 || p->keys < 1 || p->splits < 1)
        return bad(d, "a sweep without tasks");
    uint64_t left = PLAN_MAX_TASKS - 1;
    if (p->trials > left || p->keys > left / p->trials || p->splits > left / p->trials / p->keys)
        return diag_fail(d, SHEAF_ELIMIT, "the sweep has 2^63 tasks or more; give fewer values, keys or splits");
    if (p->keys * p->splits > plan_max_cells(&p->plugin))
        return diag_fail(
            d, SHEAF_ELIMIT,
            "one trial has %llu tasks (keys x splits) of %u scores, over %llu MiB; give fewer keys or splits",
            (unsigned long long)(p->keys * p->splits), p->plugin.n_scores,
            (unsigned long long)(PLAN_MAX_TRIAL_BYTES >> 20));
    return SHEAF_OK;
}

/* Keys with names have one each; without an axis of keys there is one key. */
static int check_keys(const struct plan *p, struct diag *d)
{
    const struct plan_key_axis *k = &p->key_axis;
    bool named = k->kind == KEYS_COLUMN || k->kind == KEYS_FILES;
    const char *at = k->names.len > 0 ? k->names.data : "", *end = at + k->names.len;
    uint64_t n = 0;
    for (; at != end; n++) {
        const char *nul = memchr(at, 0, (size_t)(end - at));
        if (nul == NULL)
            return bad(d, "a key's name without an end");
        at = nul + 1;
    }
    if (n != (named ? p->keys : 0))
        return bad(d, "it has not as many names of keys as keys");
    if (k->kind == KEYS_NONE && p->keys != 1)
        return bad(d, "keys of no kind");
    if (k->kind == KEYS_RANGE && k->from > 0 && p->keys - 1 > (uint64_t)(INT64_MAX - k->from))
        return bad(d, "its keys are too large");
    if (k->digest.len != 0 && k->digest.len != HASH_BYTES)
        return bad(d, "a digest that is not 32 bytes long");
    return SHEAF_OK;
}

/* In order of keys all trials are open until the last key. */
static int check_order(const struct plan *p, struct diag *d)
{
    if (p->order == ORDER_TRIAL)
        return SHEAF_OK;
    if (p->keep_best > 0)
        return bad(d, "order: key with keep: best");
    return plan_open_bytes(p) <= PLAN_MAX_TRIAL_BYTES ? SHEAF_OK : bad(d, "too many tasks for order: key");
}

static int check_limits(const struct plan *p, struct diag *d)
{
    const struct plan_limits *l = &p->limits;
    if (l->attempts < 1 || l->attempts > PLAN_MAX_ATTEMPTS)
        return bad(d, "limits.attempts is out of range");
    if (!(l->task_seconds >= 0 && l->task_seconds <= PLAN_MAX_TASK_SECONDS))
        return bad(d, "limits.task_seconds is out of range");
    if (l->memory_mb > PLAN_MAX_MEMORY_MB)
        return bad(d, "limits.memory_mb is out of range");
    return p->keep_best <= PLAN_MAX_BEST ? SHEAF_OK : bad(d, "keep.best is out of range");
}

/* Rows must have the size that their axes say, and lie in the file. */
static int check_output(const struct plan *p, const struct plan_output *o, uint64_t tasks, struct diag *d)
{
    uint64_t row = dtype_size(o->dtype), all;
    for (uint32_t i = 0; i < o->rank; i++)
        if (o->axes[i].n < 1 || __builtin_mul_overflow(row, o->axes[i].n, &row))
            return bad(d, "an axis of an output is out of range");
    if (o->name[0] == '\0' || row == 0 || o->dtype == SHEAF_DT_CODE || row != o->row_bytes)
        return bad(d, "an output without a name, a type or the right size");
    if (plan_has_output(p) && (__builtin_mul_overflow(row, tasks, &all) || all > PLAN_MAX_OUTPUT_BYTES ||
                               o->offset > p->output_bytes || all > p->output_bytes - o->offset))
        return bad(d, "an output outside its file");
    return SHEAF_OK;
}

static int check_outputs(const struct plan *p, struct diag *d)
{
    uint64_t tasks = plan_tasks(p), row_bytes = 0;
    int rc = SHEAF_OK;
    for (uint32_t i = 0; i < p->plugin.n_outputs && rc == SHEAF_OK; i++) {
        rc = check_output(p, &p->plugin.outputs[i], tasks, d);
        row_bytes += p->plugin.outputs[i].row_bytes;
    }
    if (rc != SHEAF_OK)
        return rc;
    if (row_bytes > PLAN_MAX_ROW_BYTES)
        return bad(d, "the rows of a task are too large");
    if (plan_has_files(p) && (p->output_dir[0] != '/' || !plugin_makes_files(&p->plugin) || p->keep_best > 0))
        return bad(d, "a folder of files that cannot be");
    if (!plan_has_output(p))
        return SHEAF_OK;
    if (p->output_path[0] != '/' || p->plugin.n_outputs == 0 || p->keep_best > 0)
        return bad(d, "an output file that cannot be");
    return SHEAF_OK;
}

static int check_plan(const struct plan *p, struct diag *d)
{
    if (p->plugin.digest.len != 0 && p->plugin.digest.len != HASH_BYTES)
        return bad(d, "a digest that is not 32 bytes long");
    for (uint32_t i = 0; i < p->plugin.n_params; i++)
        if (p->plugin.params[i].type < SHEAF_INT)
            return bad(d, "a parameter without a type");
    if (p->n_goals < 1 && !p->plugin.scoreless)
        return bad(d, "it has no goal");
    for (uint32_t i = 0; i < p->n_goals; i++)
        if (p->goals[i].score >= p->plugin.n_scores)
            return bad(d, "its goal is no score of the plugin");
    int rc = check_limits(p, d);
    rc = rc != SHEAF_OK ? rc : check_counts(p, d);
    rc = rc != SHEAF_OK ? rc : check_keys(p, d);
    rc = rc != SHEAF_OK ? rc : check_order(p, d);
    rc = rc != SHEAF_OK ? rc : check_outputs(p, d);
    rc = rc != SHEAF_OK ? rc : check_axes(p, d);
    return rc != SHEAF_OK ? rc : check_data(p, d);
}

int plan_decode(const void *bytes, size_t len, struct arena *arena, struct plan *out, struct diag *d)
{
    if (len > PLAN_MAX_BYTES)
        return diag_fail(d, SHEAF_ELIMIT, "the plan has %zu bytes; at most %llu are allowed", len,
                         (unsigned long long)PLAN_MAX_BYTES);
    struct plan p;
    memset(&p, 0, sizeof(p));
    int rc = codec_decode(&plan_codec, bytes, len, arena, &p, d);
    if (rc != SHEAF_OK)
        return rc;
    if (p.version != PLAN_VERSION)
        return diag_fail(d, SHEAF_EVERSION,
                         "the plan has version %u, this program reads version %u; use one release on "
                         "all machines",
                         p.version, PLAN_VERSION);
    rc = check_plan(&p, d);
    if (rc == SHEAF_OK)
        *out = p;
    return rc;
}

uint64_t plan_max_cells(const struct plan_plugin *plugin)
{
    return PLAN_MAX_TRIAL_BYTES / (1 + sizeof(double) * plugin->n_scores);
}

#define OPEN_TRIAL_BYTES 128u /* beside its cells */

uint64_t plan_open_bytes(const struct plan *p)
{
    uint64_t task = 2 * (1 + sizeof(double) * p->plugin.n_scores); /* in the tally, and in the digest */
    uint64_t tasks = plan_tasks(p);
    if (tasks > PLAN_MAX_TRIAL_BYTES || p->trials > PLAN_MAX_TRIAL_BYTES)
        return UINT64_MAX;
    return tasks * task + p->trials * OPEN_TRIAL_BYTES;
}

uint64_t plan_tasks(const struct plan *p)
{
    return p->trials * p->keys * p->splits;
}
