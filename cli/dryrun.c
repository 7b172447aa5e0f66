/* SPDX-License-Identifier: MIT */
#include "cli/dryrun.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/outcome.h"
#include "cli/runtime.h"
#include "common/clock.h"
#include "common/fsutil.h"
#include "sweep/outdir.h"
#include "sweep/output.h"
#include "sweep/space.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROBE_TASKS 64u
#define PROBE_GROWTH 64u /* a probe that was over too soon to mean anything is repeated with so many times the tasks */
#define PROBE_LEAST_SECONDS 0.2
#define PROBE_NS (3 * NS_PER_S)
#define MAX_SCAN 1000000u /* trials looked at for `where` */

struct estimate {
    const struct plan *plan;
    uint64_t slots;
    uint64_t excluded; /* trials; of the first `scanned` */
    uint64_t scanned;
    uint64_t probe_trials;
    uint64_t data_bytes;
    uint64_t probed;     /* tasks that ended in the probe */
    double task_seconds; /* NaN = not known */
    double seconds, memory_mb, probe_seconds;
    char failure[256]; /* why the first probe task failed; "" = none did */
};

/* Goes through the first trials: how many does `where` exclude, and how many make up a probe of so many tasks? */
static int scan_trials(struct estimate *e, uint64_t probe_tasks, struct diag *d)
{
    const struct plan *p = e->plan;
    struct space *space = space_create(p, d);
    if (space == NULL)
        return SHEAF_EINVAL;
    uint64_t per_trial = p->keys * p->splits, wanted = per_trial >= probe_tasks ? 1 : probe_tasks / per_trial, runs = 0;
    e->excluded = 0;
    e->scanned = p->trials < MAX_SCAN ? p->trials : MAX_SCAN;
    e->probe_trials = e->scanned;
    for (uint64_t t = 0; t < e->scanned; t++) {
        const struct sheaf_value *values;
        if (!space_trial(space, t, &values))
            e->excluded++;
        else if (++runs == wanted)
            e->probe_trials = t + 1;
    }
    space_destroy(space);
    return SHEAF_OK;
}

static void take_figures(struct estimate *e, const struct msg_status *s)
{
    double plugin_seconds = s->efficiency * s->seconds * s->slots, slot_seconds = s->seconds * s->slots;
    e->probed = s->done + s->failed;
    e->probe_seconds = s->seconds;
    e->memory_mb = s->peak_memory_mb;
    /* Slots start one by one, so a short probe leaves most of them idle: then what the plugin took says more. */
    double took = plugin_seconds > PROBE_LEAST_SECONDS ? plugin_seconds : slot_seconds;
    e->task_seconds = e->probed > 0 ? took / (double)e->probed : NAN;
    double share = e->scanned > 0 ? (double)(e->scanned - e->excluded) / (double)e->scanned : 1;
    e->seconds = e->task_seconds * (double)plan_tasks(e->plan) * share / (double)e->slots;
}

/* Runs the first trials in a state directory of their own. */
static int probe(const struct run_options *o, struct estimate *e, struct run *r, struct diag *d)
{
    char dir[RUNTIME_PATH], limit[24];
    int err = runtime_path(dir, d);
    if (err != SHEAF_OK)
        return err;
    (void)snprintf(limit, sizeof limit, "%" PRIu64, e->probe_trials);
    struct run_options p = *o;
    p.overrides.limit = limit;
    p.overrides.set = p.set;
    p.state = dir;
    p.broker = NULL;
    p.quiet = true;
    p.fresh = false;
    r->session.stop_after_ns = PROBE_NS;
    err = run_carry_out(&p, r, d);
    (void)dir_remove(dir);
    const struct msg_status *s = session_status(&r->session);
    if (err != SHEAF_OK || s == NULL)
        return err;
    if (s->done == 0 && s->state == SWEEP_FAILED && s->reason[0] != '\0')
        return diag_fail(d, SHEAF_EINVAL, "%s", s->reason);
    take_figures(e, s);
    if (s->n_failures > 0)
        (void)snprintf(e->failure, sizeof e->failure, "%s", s->failures[0].reason);
    return SHEAF_OK;
}

/* A first probe, and a larger one where tasks are so short that the first measured little but the start. */
static int probe_twice(const struct run_options *o, struct estimate *e, struct run *r, struct diag *d)
{
    int err = scan_trials(e, PROBE_TASKS, d);
    if (err != SHEAF_OK || e->excluded == e->scanned)
        return err;
    err = probe(o, e, r, d);
    if (err != SHEAF_OK || session_interrupted(&r->session) || e->probe_trials == e->scanned ||
        e->probe_seconds >= PROBE_LEAST_SECONDS)
        return err;
    run_finish(r);
    err = scan_trials(e, (uint64_t)PROBE_TASKS * PROBE_GROWTH, d);
    return err == SHEAF_OK ? probe(o, e, r, d) : err;
}

static void print_text(const struct estimate *e)
{
    const struct plan *p = e->plan;
    char a[32], b[32], c[32], f[32];
    printf("%s tasks = %s trials", human_count(plan_tasks(p), a, sizeof a), human_count(p->trials, b, sizeof b));
    if (p->key_axis.kind != KEYS_NONE)
        printf(" x %s keys", human_count(p->keys, c, sizeof c));
    if (p->splits > 1)
        printf(" x %s splits", human_count(p->splits, f, sizeof f));
    printf("\n");
    if (e->excluded > 0)
        printf("`where` excludes %s of the first %s trials\n", human_count(e->excluded, a, sizeof a),
               human_count(e->scanned, b, sizeof b));
    printf("memory: %.1f MB in the probe", e->memory_mb);
    if (e->data_bytes > 0)
        printf(", and up to %s of data, one copy for all slots", human_bytes((double)e->data_bytes, a, sizeof a));
    printf("\n");
    if (plan_has_output(p))
        printf("output: %s in %s\n", human_bytes((double)p->output_bytes, a, sizeof a), p->output_path);
    if (plan_has_files(p))
        printf("output: files in %s\n", p->output_dir);
    if (isfinite(e->task_seconds))
        printf("time: about %s with %" PRIu64 " slot%s (%s probe tasks took %.3g ms each)\n",
               human_seconds(e->seconds, a, sizeof a), e->slots, e->slots == 1 ? "" : "s",
               human_count(e->probed, b, sizeof b), e->task_seconds * 1000);
    else
        printf("time: no probe task ended within %d s\n", (int)(PROBE_NS / NS_PER_S));
    if (e->failure[0] != '\0')
        printf("a probe task failed: %s\n", e->failure);
}

static json_t *as_json(const struct estimate *e)
{
    const struct plan *p = e->plan;
    json_t *task_seconds = json_number(e->task_seconds), *seconds = json_number(e->seconds);
    return json_pack("{s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:f, s:s?}", "version", 1, "dry_run", 1,
                     "tasks", (json_int_t)plan_tasks(p), "trials", (json_int_t)p->trials, "keys", (json_int_t)p->keys,
                     "splits", (json_int_t)p->splits, "data_bytes", (json_int_t)e->data_bytes, "output_bytes",
                     (json_int_t)p->output_bytes, "probed", (json_int_t)e->probed, "task_seconds", task_seconds,
                     "seconds", seconds, "peak_memory_mb", e->memory_mb, "failure",
                     e->failure[0] != '\0' ? e->failure : NULL);
}

static uint64_t slots_of(const struct run_options *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (o->slots > 0)
        return o->slots;
    return cores > 0 ? (uint64_t)cores : 1;
}

/* A file that is there may be this very sweep's, which is over. */
static int check_output(const struct plan *p, struct diag *d)
{
    int err = plan_has_output(p) ? output_check(p, d) : 0;
    if (err == 0 && plan_has_files(p))
        err = outdir_check(p, d);
    if (err != SHEAF_EBUSY)
        return err;
    (void)fprintf(stderr, "sheaf: %s\n", d->text);
    return SHEAF_OK;
}

static int dry(const struct run_options *o, struct prepared *whole, struct run *r, json_t *into, struct diag *d)
{
    struct estimate e = {.plan = &whole->plan, .slots = slots_of(o), .task_seconds = NAN, .seconds = NAN};
    int err = prepare_read(whole, o->path, o->text, &o->overrides, d);
    if (err == SHEAF_OK)
        err = prepare_plan(whole, d);
    if (err == SHEAF_OK)
        err = prepare_verify(whole, state_root(o->state, &whole->arena, NULL), d);
    if (err == SHEAF_OK)
        err = check_output(&whole->plan, d);
    e.data_bytes = prepare_data_bytes(whole);
    if (err == SHEAF_OK)
        err = probe_twice(o, &e, r, d);
    if (err != SHEAF_OK || session_interrupted(&r->session))
        return err;
    if (into != NULL)
        return json_array_append_new(into, as_json(&e)) == 0 ? SHEAF_OK : diag_fail(d, SHEAF_ENOMEM, "out of memory");
    if (o->json)
        return json_print(as_json(&e), stdout, d);
    print_text(&e);
    return SHEAF_OK;
}

int dryrun(const struct run_options *o, json_t *into, uint8_t identity[HASH_BYTES])
{
    struct prepared whole;
    struct run r;
    struct diag d = {{0}};
    prepare_init(&whole);
    whole.made = o->made;
    run_init(&r);
    int err = dry(o, &whole, &r, into, &d);
    int code = err != SHEAF_OK ? exit_report(err, &d) : EXIT_ALL_DONE;
    if (session_interrupted(&r.session))
        code = EXIT_CANCELLED;
    if (identity != NULL)
        memcpy(identity, whole.identity, HASH_BYTES);
    run_finish(&r);
    prepare_finish(&whole);
    return code;
}
