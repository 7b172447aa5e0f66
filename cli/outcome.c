/* SPDX-License-Identifier: MIT */
#include "cli/outcome.h"
#include "cli/human.h"
#include "cli/table.h"
#include "common/hash.h"
#include "common/text.h"
#include "sweep/space.h"
#include "sweep/tally.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define SHOWN_SCORES 6u /* besides the goal's */
#define SHOWN_FAILURES 5u

const char *outcome_state(uint32_t state, bool live)
{
    static const char *const names[] = {"queued", "running", "paused", "done", "failed", "cancelled"};
    if (!live && state == SWEEP_RUNNING)
        state = SWEEP_PAUSED;
    return state < sizeof names / sizeof names[0] ? names[state] : "?";
}

const char *outcome_failure(uint32_t kind)
{
    static const char *const names[] = {"?", "error", "crash", "exit", "timeout", "memory", "open", "verify"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

static bool all_excluded(const struct msg_status *s)
{
    return s->state == SWEEP_DONE && s->total > 0 && s->skipped == s->total;
}

const char *outcome_reason(const struct msg_status *s)
{
    bool say = s->reason[0] == '\0' && all_excluded(s);
    return say ? "where excludes every trial; loosen it or change the params" : s->reason;
}

int outcome_check_top(const struct plan *p, uint64_t top, struct diag *d)
{
    uint64_t ranked = p->keep_best > 0 ? p->keep_best : TALLY_BEST;
    if (top <= OUTCOME_TOP || top <= ranked || p->trials <= ranked)
        return SHEAF_OK;
    if (p->keep_best > 0)
        return diag_fail(d, SHEAF_EINVAL,
                         "--top %" PRIu64 ": this sweep keeps its best %" PRIu64 " trials; ask for at most so many",
                         top, ranked);
    return diag_fail(d, SHEAF_EINVAL,
                     "--top %" PRIu64 ": %" PRIu64 " trials are ranked; for more of them set keep: {best: %" PRIu64
                     "}, or see `sheaf results`",
                     top, ranked, top);
}

int outcome_exit(const struct msg_status *s)
{
    if (s->limit_hit)
        return EXIT_STOPPED;
    if (s->state == SWEEP_CANCELLED)
        return EXIT_CANCELLED;
    if (s->failed > 0)
        return s->done == 0 ? EXIT_ALL_FAILED : EXIT_SOME_FAILED;
    if (s->mismatched > 0) /* done, but a second look saw other scores */
        return EXIT_SOME_FAILED;
    return s->state == SWEEP_FAILED || all_excluded(s) ? EXIT_WRONG : EXIT_ALL_DONE;
}

double outcome_score(const struct slice *scores, uint32_t i)
{
    double v;
    if (scores->len / sizeof v <= i)
        return NAN;
    memcpy(&v, (const char *)scores->data + i * sizeof v, sizeof v);
    return v;
}

static void param_cell(struct table *t, const struct sheaf_value *v, uint32_t type)
{
    char text[40];
    if (type == SHEAF_INT)
        table_printf(t, "%" PRId64, v->i);
    else if (type == SHEAF_FLOAT)
        table_cell(t, human_score(v->f, text, sizeof text));
    else if (type == SHEAF_BOOL)
        table_cell(t, v->i != 0 ? "true" : "false");
    else
        table_cell(t, v->text != NULL ? v->text : "");
}

/* Which columns the table has: the parameters that vary, the goal's score with its spread, some more scores. */
struct layout {
    const struct plan *plan;
    uint32_t goal, n_shown, shown[SHOWN_SCORES];
    bool spread;
};

static struct layout layout_of(const struct plan *p)
{
    struct layout l = {.plan = p, .goal = p->n_goals > 0 ? p->goals[0].score : 0, .spread = p->splits > 1};
    for (uint32_t i = 0; i < p->plugin.n_scores && l.n_shown < SHOWN_SCORES; i++)
        if (i != l.goal)
            l.shown[l.n_shown++] = i;
    return l;
}

static uint32_t count_varying(const struct plan *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_axes; i++)
        n += p->axes[i].kind != AXIS_CONST;
    return n;
}

static void heading(struct table *t, const struct layout *l)
{
    const struct plan *p = l->plan;
    table_cell(t, "trial");
    for (uint32_t i = 0; i < p->n_axes; i++)
        if (p->axes[i].kind != AXIS_CONST)
            table_cell(t, p->plugin.params[p->axes[i].param].name);
    table_cell(t, p->plugin.scores[l->goal].name);
    if (l->spread) {
        table_cell(t, "+-std");
        table_cell(t, "min");
        table_cell(t, "max");
    }
    for (uint32_t i = 0; i < l->n_shown; i++)
        table_cell(t, p->plugin.scores[l->shown[i]].name);
}

static void score_cell(struct table *t, const struct msg_best *b, const struct slice *scores, uint32_t i)
{
    char text[40];
    table_cell(t, human_score(b->failed ? NAN : outcome_score(scores, i), text, sizeof text));
}

static void best_row(struct table *t, const struct layout *l, struct space *space, const struct msg_best *b)
{
    const struct plan *p = l->plan;
    const struct sheaf_value *values;
    (void)space_trial(space, b->trial, &values);
    table_printf(t, "%" PRIu64, b->trial);
    for (uint32_t i = 0; i < p->n_axes; i++)
        if (p->axes[i].kind != AXIS_CONST)
            param_cell(t, &values[p->axes[i].param], p->plugin.params[p->axes[i].param].type);
    score_cell(t, b, &b->scores, l->goal);
    if (l->spread) {
        score_cell(t, b, &b->std, l->goal);
        score_cell(t, b, &b->min, l->goal);
        score_cell(t, b, &b->max, l->goal);
    }
    for (uint32_t i = 0; i < l->n_shown; i++)
        score_cell(t, b, &b->scores, l->shown[i]);
}

static int print_best(const struct outcome *o, FILE *out, struct diag *d)
{
    if (o->status->n_best == 0)
        return SHEAF_OK;
    struct space *space = space_create(o->plan, d);
    if (space == NULL)
        return SHEAF_EINVAL;
    struct layout l = layout_of(o->plan);
    struct table t;
    table_init(&t, 1 + count_varying(o->plan) + 1 + (l.spread ? 3 : 0) + l.n_shown);
    heading(&t, &l);
    for (uint32_t i = 0; i < o->status->n_best; i++)
        best_row(&t, &l, space, &o->status->best[i]);
    int err = table_print(&t, out);
    table_finish(&t);
    space_destroy(space);
    if (err != SHEAF_OK)
        return diag_fail(d, err, "out of memory");
    (void)fputc('\n', out);
    return SHEAF_OK;
}

/* The last line that says something; "" when there is none. */
static const char *last_line(const char *text)
{
    const char *line = text;
    for (const char *p = text; *p != '\0'; p++)
        if (*p == '\n' && p[1] != '\0' && p[1] != '\n')
            line = p + 1;
    return line;
}

/* " (key AAPL)", nothing where there are no keys. Returns out. */
const char *outcome_key(const struct keynames *keys, uint64_t index, char out[OUTCOME_KEY])
{
    char space[KEYNAMES_NUMBER];
    out[0] = '\0';
    if (keys->plan->key_axis.kind != KEYS_NONE)
        (void)snprintf(out, OUTCOME_KEY, " (key %.200s)",
                       keynames_text(keys, space_cell(keys->plan, index).key, space));
    text_one_line(out);
    return out;
}

static void print_failures(const struct outcome *o, const struct keynames *keys, FILE *out)
{
    const struct msg_status *s = o->status;
    for (uint32_t i = 0; i < s->n_failures && i < SHOWN_FAILURES; i++) {
        const char *tail = last_line(s->failures[i].tail);
        char line[512], key[OUTCOME_KEY];
        (void)snprintf(line, sizeof line, "%s%s%.300s", s->failures[i].reason, tail[0] != '\0' ? ": " : "", tail);
        text_one_line(line);
        (void)fprintf(out, "task %" PRIu64 "%s failed (%s, attempt %" PRIu32 "): %s\n", s->failures[i].position,
                      outcome_key(keys, s->failures[i].position, key), outcome_failure(s->failures[i].kind),
                      s->failures[i].attempts, line);
    }
    if (s->failed > SHOWN_FAILURES && o->plan->keep_best > 0)
        (void)fprintf(out, "and so did %" PRIu64 " more\n", s->failed - SHOWN_FAILURES);
    else if (s->failed > SHOWN_FAILURES)
        (void)fprintf(out, "and so did %" PRIu64 " more; `sheaf results %" PRIu64 " --tasks` has all\n",
                      s->failed - SHOWN_FAILURES, o->number);
}

static void print_counts(const struct outcome *o, FILE *out)
{
    const struct msg_status *s = o->status;
    char a[32], b[32], c[32], e[32];
    (void)fprintf(out, "%s: %s of %s tasks done", outcome_state(s->state, o->live), human_count(s->done, a, sizeof a),
                  human_count(s->total, b, sizeof b));
    if (s->failed > 0)
        (void)fprintf(out, ", %s failed", human_count(s->failed, a, sizeof a));
    if (s->skipped > 0)
        (void)fprintf(out, ", %s skipped", human_count(s->skipped, a, sizeof a));
    (void)fprintf(out, ", %s trials", human_count(o->plan->trials, a, sizeof a));
    if (o->plan->key_axis.kind != KEYS_NONE)
        (void)fprintf(out, ", %s keys", human_count(o->plan->keys, a, sizeof a));
    (void)fprintf(out, "; %s, %s, %" PRIu32 " slot%s, %.0f%% in the plugin, peak %.1f MB\n",
                  human_seconds(s->seconds, c, sizeof c), human_rate(s->tasks_per_second, e, sizeof e), s->slots,
                  s->slots == 1 ? "" : "s", isfinite(s->efficiency) ? s->efficiency * 100 : 0.0, s->peak_memory_mb);
}

static void print_digest(const struct outcome *o, FILE *out)
{
    const struct msg_status *s = o->status;
    if (s->digest.len != HASH_BYTES)
        return;
    char text[HASH_TEXT];
    hash_text(s->digest.data, text);
    (void)fprintf(out, "digest %s", text);
    if (s->qualified[0] != '\0')
        (void)fprintf(out, " (may differ another time: %s)", s->qualified);
    (void)fputc('\n', out);
}

static void print_output(const struct outcome *o, FILE *out)
{
    char text[HASH_TEXT];
    if (o->status->output.len == HASH_BYTES) {
        hash_text(o->status->output.data, text);
        (void)fprintf(out, "output %s %s\n", o->plan->output_path, text);
    }
    if (o->status->has_files)
        (void)fprintf(out, "output %s: %" PRIu64 " files\n", o->plan->output_dir, o->status->files);
}

int outcome_print(const struct outcome *o, FILE *out, struct diag *d)
{
    const struct msg_status *s = o->status;
    struct keynames keys;
    int err = print_best(o, out, d);
    if (err != SHEAF_OK)
        return err;
    if (keynames_init(&keys, o->plan) != 0)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    print_failures(o, &keys, out);
    keynames_finish(&keys);
    print_counts(o, out);
    if (outcome_reason(s)[0] != '\0')
        (void)fprintf(out, "reason: %s\n", outcome_reason(s));
    if (o->plan->verify_ppm > 0)
        (void)fprintf(out, "verified: %" PRIu64 " tasks run twice, %" PRIu64 " with other scores\n", s->verified,
                      s->mismatched);
    print_digest(o, out);
    print_output(o, out);
    (void)fprintf(out, "sweep %" PRIu64 "; %s: sheaf results %" PRIu64 "\n", o->number,
                  o->plan->keep_best > 0 ? "kept trials" : "all scores", o->number);
    bool written = !ferror(out) && fflush(out) == 0;
    return written || errno == EPIPE ? SHEAF_OK : diag_fail(d, SHEAF_EIO, "the output cannot be written");
}
