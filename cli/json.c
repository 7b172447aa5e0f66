/* SPDX-License-Identifier: MIT
 *
 * json: jansson keeps the order in which fields are set, and so does the contract. A NULL anywhere below (out of memory) makes
 * json_object_set_new fail, which sticks in `struct maker`.
 */
#include "cli/json.h"
#include "common/hash.h"
#include "common/text.h"
#include "sweep/space.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 17

json_t *json_number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

json_t *json_text(const char *s)
{
    json_t *text = json_string(s);
    if (text != NULL)
        return text;
    char *clean = strdup(s);
    if (clean == NULL)
        return NULL;
    text_one_line(clean);
    text = json_string(clean);
    free(clean);
    return text;
}

int json_print(json_t *value, FILE *out, struct diag *d)
{
    if (value == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    int r = json_dumpf(value, out, JSON_REAL_PRECISION(DIGITS) | JSON_COMPACT);
    json_decref(value);
    bool written = r == 0 && fputc('\n', out) != EOF && fflush(out) == 0;
    /* Whoever closed the pipe, as head does, has had enough. */
    return written || errno == EPIPE ? SHEAF_OK : diag_fail(d, SHEAF_EIO, "the output cannot be written");
}

struct maker {
    bool failed;
};

static void set(struct maker *m, json_t *object, const char *name, json_t *value)
{
    if (object == NULL || json_object_set_new(object, name, value) != 0)
        m->failed = true;
}

static void append(struct maker *m, json_t *array, json_t *value)
{
    if (array == NULL || json_array_append_new(array, value) != 0)
        m->failed = true;
}

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *digest_text(const struct slice *digest)
{
    char text[HASH_TEXT];
    if (digest->len != HASH_BYTES)
        return json_null();
    hash_text(digest->data, text);
    return json_string(text);
}

static json_t *param_value(const struct sheaf_value *v, uint32_t type)
{
    switch (type) {
    case SHEAF_INT:
        return json_integer((json_int_t)v->i);
    case SHEAF_FLOAT:
        return json_number(v->f);
    case SHEAF_BOOL:
        return json_boolean(v->i != 0);
    default:
        return json_text(v->text != NULL ? v->text : "");
    }
}

/* The parameters that the sweep file gives, in its order. */
static json_t *trial_params(struct maker *m, const struct plan *p, struct space *space, uint64_t trial)
{
    json_t *params = json_object();
    const struct sheaf_value *values;
    (void)space_trial(space, trial, &values);
    for (uint32_t i = 0; i < p->n_axes; i++) {
        uint32_t at = p->axes[i].param;
        set(m, params, p->plugin.params[at].name, param_value(&values[at], p->plugin.params[at].type));
    }
    return params;
}

static json_t *trial_spread(struct maker *m, const struct msg_best *b, uint32_t score)
{
    json_t *spread = json_object();
    set(m, spread, "std", json_number(outcome_score(&b->std, score)));
    set(m, spread, "min", json_number(outcome_score(&b->min, score)));
    set(m, spread, "max", json_number(outcome_score(&b->max, score)));
    set(m, spread, "n", count(b->n));
    return spread;
}

static json_t *best_trial(struct maker *m, const struct plan *p, struct space *space, const struct msg_best *b)
{
    json_t *trial = json_object(), *scores = json_object(), *spread = json_object();
    for (uint32_t i = 0; i < p->plugin.n_scores; i++) {
        set(m, scores, p->plugin.scores[i].name, b->failed ? json_null() : json_number(outcome_score(&b->scores, i)));
        set(m, spread, p->plugin.scores[i].name, b->failed ? json_null() : trial_spread(m, b, i));
    }
    set(m, trial, "trial", count(b->trial));
    set(m, trial, "params", trial_params(m, p, space, b->trial));
    set(m, trial, "scores", scores);
    set(m, trial, "spread", spread);
    return trial;
}

static json_t *best_list(struct maker *m, const struct outcome *o)
{
    json_t *list = json_array();
    struct space *space = o->status->n_best > 0 ? space_create(o->plan, NULL) : NULL;
    if (o->status->n_best > 0 && space == NULL)
        m->failed = true;
    for (uint32_t i = 0; space != NULL && i < o->status->n_best; i++)
        append(m, list, best_trial(m, o->plan, space, &o->status->best[i]));
    space_destroy(space);
    return list;
}

static json_t *goal(struct maker *m, const struct plan *p, uint32_t i)
{
    json_t *object = json_object();
    set(m, object, p->goals[i].maximize ? "maximize" : "minimize", json_text(p->plugin.scores[p->goals[i].score].name));
    return object;
}

static json_t *goals(struct maker *m, const struct plan *p)
{
    if (p->n_goals == 0)
        return json_null();
    if (p->n_goals == 1)
        return goal(m, p, 0);
    json_t *list = json_array();
    for (uint32_t i = 0; i < p->n_goals; i++)
        append(m, list, goal(m, p, i));
    return list;
}

json_t *json_key(const struct keynames *keys, uint64_t index)
{
    char space[KEYNAMES_NUMBER];
    const char *name = keynames_text(keys, space_cell(keys->plan, index).key, space);
    return keynames_are_numbers(keys->plan) ? json_integer(strtoll(name, NULL, 10)) : json_text(name);
}

static json_t *failures(struct maker *m, const struct outcome *o)
{
    const struct msg_status *s = o->status;
    json_t *list = json_array();
    struct keynames keys;
    m->failed = m->failed || keynames_init(&keys, o->plan) != 0;
    if (m->failed)
        return list;
    for (uint32_t i = 0; i < s->n_failures; i++) {
        const struct msg_failure *f = &s->failures[i];
        json_t *one = json_object();
        set(m, one, "task", count(f->position));
        if (o->plan->key_axis.kind != KEYS_NONE)
            set(m, one, "key", json_key(&keys, f->position));
        set(m, one, "kind", json_string(outcome_failure(f->kind)));
        set(m, one, "reason", json_text(f->reason));
        set(m, one, "attempts", count(f->attempts));
        set(m, one, "tail", json_text(f->tail));
        append(m, list, one);
    }
    keynames_finish(&keys);
    return list;
}

static json_t *tasks(struct maker *m, const struct msg_status *s)
{
    json_t *object = json_object();
    set(m, object, "total", count(s->total));
    set(m, object, "done", count(s->done));
    set(m, object, "failed", count(s->failed));
    set(m, object, "skipped", count(s->skipped));
    return object;
}

/* Of one dataset its digest, of several a list of them. */
static json_t *data_digests(struct maker *m, const struct plan *p)
{
    if (p->n_data <= 1)
        return p->n_data == 1 ? digest_text(&p->data[0].digest) : json_null();
    json_t *list = json_array();
    for (uint32_t i = 0; i < p->n_data; i++)
        append(m, list, digest_text(&p->data[i].digest));
    return list;
}

static void set_figures(struct maker *m, json_t *object, const struct outcome *o)
{
    const struct msg_status *s = o->status;
    set(m, object, "cpu_seconds", json_number(s->cpu_seconds));
    set(m, object, "efficiency", json_number(s->efficiency));
    set(m, object, "peak_memory_mb", json_number(s->peak_memory_mb));
    set(m, object, "groups", count(s->groups));
    set(m, object, "failures", failures(m, o));
    set(m, object, "slots", count(s->slots));
    set(m, object, "plugin", digest_text(&o->plan->plugin.digest));
    set(m, object, "data", data_digests(m, o->plan));
    set(m, object, "digest", digest_text(&s->digest));
}

/* What the sweep makes beside scores. */
static json_t *output(struct maker *m, const struct outcome *o)
{
    const struct msg_status *s = o->status;
    json_t *object = json_object();
    if (plan_has_output(o->plan)) {
        set(m, object, "path", json_text(o->plan->output_path));
        set(m, object, "digest", digest_text(&s->output));
    }
    if (plan_has_files(o->plan)) {
        set(m, object, "dir", json_text(o->plan->output_dir));
        set(m, object, "files", s->has_files ? count(s->files) : json_null());
    }
    return object;
}

/* Beyond the contract's example. */
static void set_more(struct maker *m, json_t *object, const struct outcome *o)
{
    const struct msg_status *s = o->status;
    set(m, object, "qualified", s->qualified[0] != '\0' ? json_text(s->qualified) : json_null());
    const char *reason = outcome_reason(s);
    set(m, object, "reason", reason[0] != '\0' ? json_text(reason) : json_null());
    set(m, object, "resumed", count(s->resumed));
    set(m, object, "keys", count(o->plan->keys));
    set(m, object, "splits", count(o->plan->splits));
    if (plan_has_output(o->plan) || plan_has_files(o->plan))
        set(m, object, "output", output(m, o));
    if (o->plan->verify_ppm > 0) {
        json_t *verify = json_object();
        set(m, verify, "tasks", count(s->verified));
        set(m, verify, "mismatched", count(s->mismatched));
        set(m, object, "verify", verify);
    }
}

json_t *json_outcome(const struct outcome *o)
{
    struct maker m = {false};
    const struct msg_status *s = o->status;
    json_t *object = json_object();
    set(&m, object, "version", json_integer(1));
    set(&m, object, "sweep", count(o->number));
    set(&m, object, "name", json_text(o->plan->name));
    set(&m, object, "state", json_string(outcome_state(s->state, o->live)));
    set(&m, object, "tasks", tasks(&m, s));
    set(&m, object, "trials", count(o->plan->trials));
    set(&m, object, "seconds", json_number(s->seconds));
    set(&m, object, "tasks_per_second", json_number(s->tasks_per_second));
    set(&m, object, "goal", goals(&m, o->plan));
    set(&m, object, "best", best_list(&m, o));
    set_figures(&m, object, o);
    set_more(&m, object, o);
    if (o->stages != NULL)
        set(&m, object, "stages", json_incref(o->stages));
    if (!m.failed)
        return object;
    json_decref(object);
    return NULL;
}

int outcome_print_json(const struct outcome *o, FILE *out, struct diag *d)
{
    return json_print(json_outcome(o), out, d);
}
