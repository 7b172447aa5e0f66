/* SPDX-License-Identifier: MIT
 *
 * results_rows: see the header.
 */
#include "broker/results_rows.h"

#include "sweep/keynames.h"
#include "sweep/lebytes.h"
#include "sweep/space.h"

#include <math.h>
#include <string.h>

static const char *status_name(uint8_t status)
{
    static const char *const names[] = {[TASK_DONE] = "done", [TASK_FAILED] = "failed", [TASK_SKIPPED] = "skipped"};
    return status >= TASK_DONE && status <= TASK_SKIPPED ? names[status] : "unknown";
}

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {
        [FAIL_ERROR] = "error",   [FAIL_CRASH] = "crash", [FAIL_EXIT] = "exit",     [FAIL_TIMEOUT] = "timeout",
        [FAIL_MEMORY] = "memory", [FAIL_OPEN] = "open",   [FAIL_VERIFY] = "verify",
    };
    return kind >= FAIL_ERROR && kind <= FAIL_VERIFY ? names[kind] : "unknown";
}

static double load(const uint8_t *at)
{
    uint64_t bits = le_load(at);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

/* ---- CSV ---- */

static void csv_names(struct sink *s, const struct plan_score *scores, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        sink_text(s, ",");
        sink_csv(s, scores[i].name);
    }
}

void rows_head(struct sink *s, const struct plan *p, enum results_what what)
{
    const struct plan_plugin *plugin = &p->plugin;
    switch (what) {
    case RESULTS_TASKS:
        sink_text(s, "task,trial,key,split,status");
        csv_names(s, plugin->scores, plugin->n_scores);
        break;
    case RESULTS_TRIALS:
        sink_text(s, "trial");
        for (uint32_t i = 0; i < plugin->n_params; i++) {
            sink_text(s, ",");
            sink_csv(s, plugin->params[i].name);
        }
        csv_names(s, plugin->scores, plugin->n_scores);
        sink_text(s, ",tasks,failed");
        break;
    case RESULTS_GROUPS:
        sink_text(s, "trial,group");
        csv_names(s, plugin->group_values, plugin->n_group_values);
        break;
    }
    sink_text(s, "\n");
}

static void csv_u64(struct sink *s, uint64_t v)
{
    sink_text(s, ",");
    sink_u64(s, v);
}

static void csv_numbers(struct sink *s, const double *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        sink_text(s, ",");
        sink_number(s, v[i], "");
    }
}

static void csv_task(struct sink *s, const struct plan *p, const struct task_row *row)
{
    struct cell cell = space_cell(p, row->index);
    sink_u64(s, row->index);
    csv_u64(s, cell.trial);
    sink_text(s, ",");
    sink_csv(s, row->key);
    csv_u64(s, cell.split);
    sink_text(s, ",");
    sink_text(s, status_name(row->status));
    for (uint32_t i = 0; i < p->plugin.n_scores; i++) {
        sink_text(s, ",");
        sink_number(s, row->status == TASK_DONE ? load(row->scores + (size_t)i * 8) : NAN, "");
    }
    sink_text(s, "\n");
}

static void csv_param(struct sink *s, uint32_t type, const struct sheaf_value *v)
{
    sink_text(s, ",");
    switch (type) {
    case SHEAF_INT:
        sink_i64(s, v->i);
        break;
    case SHEAF_BOOL:
        sink_text(s, v->i ? "true" : "false");
        break;
    case SHEAF_FLOAT:
        sink_number(s, v->f, "");
        break;
    default:
        sink_csv(s, v->text ? v->text : "");
    }
}

static void csv_trial(struct sink *s, const struct plan *p, const struct trial_row *row)
{
    sink_u64(s, row->result->trial);
    for (uint32_t i = 0; i < p->plugin.n_params; i++)
        csv_param(s, p->plugin.params[i].type, &row->params[i]);
    csv_numbers(s, row->result->scores, p->plugin.n_scores);
    csv_u64(s, row->tasks);
    csv_u64(s, row->result->n_failed);
    sink_text(s, "\n");
}

/* ---- JSON lines ---- */

static void json_key(struct sink *s, uint32_t i, const char *name)
{
    sink_text(s, i > 0 ? ", " : "");
    sink_json(s, name);
    sink_text(s, ": ");
}

static void json_u64(struct sink *s, const char *lead, uint64_t v)
{
    sink_text(s, lead);
    sink_u64(s, v);
}

static void json_failure(struct sink *s, const struct msg_failure *f)
{
    sink_text(s, ", \"failure\": {\"kind\": \"");
    sink_text(s, kind_name(f->kind));
    sink_text(s, "\", \"reason\": ");
    sink_json(s, f->reason ? f->reason : "");
    json_u64(s, ", \"attempts\": ", f->attempts);
    sink_text(s, "}");
}

static void json_task(struct sink *s, const struct plan *p, const struct task_row *row)
{
    struct cell cell = space_cell(p, row->index);
    json_u64(s, "{\"task\": ", row->index);
    json_u64(s, ", \"trial\": ", cell.trial);
    sink_text(s, ", \"key\": ");
    if (keynames_are_numbers(p))
        sink_text(s, row->key);
    else
        sink_json(s, row->key);
    json_u64(s, ", \"split\": ", cell.split);
    sink_text(s, ", \"status\": \"");
    sink_text(s, status_name(row->status));
    sink_text(s, "\", \"scores\": {");
    for (uint32_t i = 0; i < p->plugin.n_scores; i++) {
        json_key(s, i, p->plugin.scores[i].name);
        sink_number(s, row->status == TASK_DONE ? load(row->scores + (size_t)i * 8) : NAN, "null");
    }
    sink_text(s, "}");
    if (row->failure)
        json_failure(s, row->failure);
    sink_text(s, "}\n");
}

static void json_numbers(struct sink *s, const struct plan_score *names, const double *v, uint32_t n)
{
    sink_text(s, "{");
    for (uint32_t i = 0; i < n; i++) {
        json_key(s, i, names[i].name);
        sink_number(s, v[i], "null");
    }
    sink_text(s, "}");
}

static void json_param(struct sink *s, uint32_t type, const struct sheaf_value *v)
{
    switch (type) {
    case SHEAF_INT:
        sink_i64(s, v->i);
        break;
    case SHEAF_BOOL:
        sink_text(s, v->i ? "true" : "false");
        break;
    case SHEAF_FLOAT:
        sink_number(s, v->f, "null");
        break;
    default:
        sink_json(s, v->text ? v->text : "");
    }
}

static void json_spread(struct sink *s, const struct plan *p, const struct trial_result *t)
{
    sink_text(s, ", \"spread\": {");
    for (uint32_t i = 0; i < p->plugin.n_scores; i++) {
        json_key(s, i, p->plugin.scores[i].name);
        sink_text(s, "{\"std\": ");
        sink_number(s, t->std[i], "null");
        sink_text(s, ", \"min\": ");
        sink_number(s, t->min[i], "null");
        sink_text(s, ", \"max\": ");
        sink_number(s, t->max[i], "null");
        json_u64(s, ", \"n\": ", t->n);
        sink_text(s, "}");
    }
    sink_text(s, "}");
}

static void json_trial(struct sink *s, const struct plan *p, const struct trial_row *row)
{
    json_u64(s, "{\"trial\": ", row->result->trial);
    sink_text(s, ", \"params\": {");
    for (uint32_t i = 0; i < p->plugin.n_params; i++) {
        json_key(s, i, p->plugin.params[i].name);
        json_param(s, p->plugin.params[i].type, &row->params[i]);
    }
    sink_text(s, "}, \"scores\": ");
    json_numbers(s, p->plugin.scores, row->result->scores, p->plugin.n_scores);
    json_spread(s, p, row->result);
    json_u64(s, ", \"tasks\": ", row->tasks);
    json_u64(s, ", \"failed\": ", row->result->n_failed);
    sink_text(s, "}\n");
}

/* ---- either ---- */

void rows_task(struct sink *s, const struct plan *p, enum results_format format, const struct task_row *row)
{
    if (format == RESULTS_CSV)
        csv_task(s, p, row);
    else
        json_task(s, p, row);
}

void rows_trial(struct sink *s, const struct plan *p, enum results_format format, const struct trial_row *row)
{
    if (format == RESULTS_CSV)
        csv_trial(s, p, row);
    else
        json_trial(s, p, row);
}

void rows_group(struct sink *s, const struct plan *p, enum results_format format, const struct group_row *row)
{
    if (format == RESULTS_CSV) {
        sink_u64(s, row->trial);
        sink_text(s, ",");
        sink_csv(s, row->group);
        csv_numbers(s, row->values, p->plugin.n_group_values);
        sink_text(s, "\n");
        return;
    }
    json_u64(s, "{\"trial\": ", row->trial);
    sink_text(s, ", \"group\": ");
    sink_json(s, row->group);
    sink_text(s, ", \"values\": ");
    json_numbers(s, p->plugin.group_values, row->values, p->plugin.n_group_values);
    sink_text(s, "}\n");
}
