/* SPDX-License-Identifier: MIT
 *
 * crew_fixture: see crew_fixture.h.
 */
#include "worker/crew_fixture.h"
#include "worker/pluginhost.h"
#include "worker/tryhost.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- events ---- */

static struct told *told_of(void *ctx, uint32_t slot)
{
    struct crew_fixture *f = ctx;
    assert_true(slot < FIXTURE_SLOTS);
    return &f->told[slot];
}

static void on_ready(void *ctx, uint32_t slot)
{
    assert_false(told_of(ctx, slot)->ready);
    told_of(ctx, slot)->ready = true;
}

static uint64_t on_room(void *ctx, uint32_t slot)
{
    (void)slot;
    return ((struct crew_fixture *)ctx)->room;
}

static void on_records(void *ctx, uint32_t slot, uint64_t n, const uint8_t *status, const double *scores)
{
    struct crew_fixture *f = ctx;
    struct told *t = told_of(ctx, slot);
    size_t size = (size_t)n * f->plan.plugin.n_scores * sizeof(double);
    assert_true(n > 0 && size <= f->room);
    assert_int_equal(buf_append(&t->status, status, (size_t)n), 0);
    assert_int_equal(buf_append(&t->scores, scores, size), 0);
    t->n += n;
}

static void on_side(void *ctx, uint32_t slot, const struct side_head *head, const char *text, uint32_t len)
{
    struct told *t = told_of(ctx, slot);
    /* twice the room at each power of two: a sanitizer's realloc always copies */
    if ((t->n_sides & (t->n_sides - 1)) == 0) {
        struct told_side *grown = realloc(t->sides, (2 * (size_t)t->n_sides + 1) * sizeof *grown);
        assert_non_null(grown);
        t->sides = grown;
    }
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, text, len + 1);
    t->sides[t->n_sides++] = (struct told_side){head->kind, len, head->word, copy};
}

static void on_output(void *ctx, uint32_t slot, int fd, const char *bytes, size_t len)
{
    assert_int_equal(buf_append(&told_of(ctx, slot)->output[fd - 1], bytes, len), 0);
}

static void on_died(void *ctx, uint32_t slot, const struct slot_death *death)
{
    struct told *t = told_of(ctx, slot);
    assert_false(t->died);
    t->died = true;
    t->death = *death;
    snprintf(t->tail, sizeof t->tail, "%s", death->tail);
    t->death.tail = t->tail;
    if (death->open_error) {
        snprintf(t->open_error, sizeof t->open_error, "%s", death->open_error);
        t->death.open_error = t->open_error;
    }
}

/* ---- life ---- */

void fixture_init(struct crew_fixture *f, const char *exe)
{
    memset(f, 0, sizeof *f);
    f->room = UINT64_MAX / 2;
    arena_init(&f->arena, 0);
    struct crew_events events = {.ctx = f,
                                 .ready = on_ready,
                                 .room = on_room,
                                 .records = on_records,
                                 .side = on_side,
                                 .output = on_output,
                                 .died = on_died};
    struct diag d = {{0}};
    f->crew = crew_create(exe, FIXTURE_SLOTS, &events, &d);
    if (!f->crew)
        fail_msg("%s", d.text);
    f->ops = crew_ops(f->crew);
}

static void told_reset(struct told *t)
{
    for (uint32_t i = 0; i < t->n_sides; i++)
        free(t->sides[i].text);
    free(t->sides);
    buf_finish(&t->status);
    buf_finish(&t->scores);
    buf_finish(&t->output[0]);
    buf_finish(&t->output[1]);
    memset(t, 0, sizeof *t);
}

void fixture_finish(struct crew_fixture *f)
{
    crew_destroy(f->crew);
    for (uint32_t i = 0; i < FIXTURE_SLOTS; i++)
        told_reset(&f->told[i]);
    buf_finish(&f->bytes);
    arena_finish(&f->arena);
}

/* ---- plans ---- */

static void describe(struct crew_fixture *f, const char *name)
{
    const struct sheaf_plugin *plugin;
    struct diag d = {{0}};
    char *path = arena_printf(&f->arena, "%s/%s.so", TEST_PLUGINS, name);
    struct tryhost *host = tryhost_create(NULL);
    int rc = pluginhost_load(path, &plugin, &d);
    rc = rc ? rc : pluginhost_describe(plugin, tryhost_host(host), "{}", path, &f->arena, &f->plan.plugin, &d);
    if (rc)
        fail_msg("%s", d.text);
    tryhost_destroy(host);
}

static uint32_t param_at(const struct plan_plugin *p, const char *name)
{
    for (uint32_t i = 0; i < p->n_params; i++)
        if (strcmp(p->params[i].name, name) == 0)
            return i;
    fail_msg("plugin %s has no parameter %s", p->name, name);
    return 0;
}

void fixture_encode(struct crew_fixture *f)
{
    struct plan decoded;
    struct diag d = {{0}};
    f->bytes.len = 0;
    assert_int_equal(plan_encode(&f->plan, &f->bytes), 0);
    if (plan_decode(f->bytes.data, f->bytes.len, &f->arena, &decoded, &d) != 0)
        fail_msg("%s", d.text);
}

void fixture_plan(struct crew_fixture *f, const char *name, uint64_t trials, const struct fixed *fixed)
{
    memset(&f->plan, 0, sizeof f->plan);
    describe(f, name);
    uint32_t n = 1;
    for (const struct fixed *x = fixed; x && x->name; x++)
        n++;
    struct plan_axis *axes = arena_alloc(&f->arena, n * sizeof *axes);
    struct plan_value *values = arena_alloc(&f->arena, n * sizeof *values);
    struct plan_goal *goal = arena_alloc(&f->arena, sizeof *goal);
    assert_true(axes && values && goal);
    axes[0] = (struct plan_axis){.name = "x",
                                 .param = param_at(&f->plan.plugin, "x"),
                                 .kind = AXIS_FLOAT_STEP,
                                 .to.f = (double)(trials - 1),
                                 .step.f = 1,
                                 .count = trials};
    for (uint32_t i = 1; i < n; i++) {
        values[i] =
            (struct plan_value){.f = fixed[i - 1].number, .i = (int64_t)fixed[i - 1].number, .text = fixed[i - 1].text};
        axes[i] = (struct plan_axis){.name = fixed[i - 1].name,
                                     .param = param_at(&f->plan.plugin, fixed[i - 1].name),
                                     .kind = AXIS_CONST,
                                     .values = &values[i],
                                     .n_values = 1,
                                     .count = 1};
    }
    f->plan.version = PLAN_VERSION;
    f->plan.name = f->plan.source = "";
    f->plan.axes = axes;
    f->plan.n_axes = n;
    f->plan.trials = trials;
    f->plan.keys = f->plan.splits = 1;
    f->plan.goals = goal;
    f->plan.n_goals = 1;
    f->plan.limits.attempts = 3;
    f->plan.split.stratify = f->plan.split.row_axis = "";
    fixture_encode(f);
}

/* ---- slots ---- */

void fixture_start(struct crew_fixture *f, uint32_t slot)
{
    told_reset(&f->told[slot]);
    struct slice bytes = {f->bytes.data, f->bytes.len};
    assert_int_equal(f->ops->start(f->ops->ctx, slot, 1, bytes, &f->plan), 0);
}

void fixture_turn(struct crew_fixture *f)
{
    struct pollfd fds[4 * FIXTURE_SLOTS];
    size_t n = crew_fds(f->crew, fds, sizeof fds / sizeof fds[0]);
    int ready = poll(fds, (nfds_t)n, 5);
    crew_service(f->crew, ready == 0);
}

void fixture_wait_ready(struct crew_fixture *f, uint32_t slot)
{
    while (!f->told[slot].ready && !f->told[slot].died)
        fixture_turn(f);
    if (f->told[slot].died)
        fail_msg("the slot died: %s %s", f->told[slot].open_error, f->told[slot].tail);
}

void fixture_start_ready(struct crew_fixture *f, uint32_t slot)
{
    fixture_start(f, slot);
    fixture_wait_ready(f, slot);
}

void fixture_order(struct crew_fixture *f, uint32_t slot, uint32_t seq, uint64_t first, uint32_t count)
{
    struct chunk c = {.seq = seq, .count = count, .first = first, .attempt = 1};
    f->ops->order(f->ops->ctx, slot, &c);
}

void fixture_wait_records(struct crew_fixture *f, uint32_t slot, uint64_t n)
{
    while (f->told[slot].n < n && !f->told[slot].died)
        fixture_turn(f);
    if (f->told[slot].n < n)
        fail_msg("the slot died after %llu records (%s %d): %s", (unsigned long long)f->told[slot].n,
                 f->told[slot].death.by_signal ? "signal" : "exit", f->told[slot].death.code, f->told[slot].tail);
}

void fixture_wait_death(struct crew_fixture *f, uint32_t slot)
{
    while (!f->told[slot].died)
        fixture_turn(f);
}

void fixture_retire(struct crew_fixture *f, uint32_t slot)
{
    f->ops->retire(f->ops->ctx, slot);
    fixture_wait_death(f, slot);
    const struct slot_death *d = &f->told[slot].death;
    assert_true(!d->by_signal && d->code == 0 && d->was_ready && !d->in_task && !d->open_error);
}

double fixture_score(const struct crew_fixture *f, uint32_t slot, uint64_t record)
{
    double score;
    size_t size = f->plan.plugin.n_scores * sizeof score;
    memcpy(&score, f->told[slot].scores.data + record * size, sizeof score);
    return score;
}

uint8_t fixture_status(const struct crew_fixture *f, uint32_t slot, uint64_t record)
{
    return f->told[slot].status.data[record];
}

uint32_t fixture_count(const struct crew_fixture *f, uint32_t slot, uint32_t kind, const char *text)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->told[slot].n_sides; i++) {
        const struct told_side *s = &f->told[slot].sides[i];
        n += s->kind == kind && strstr(s->text + (kind == SIDE_LOG), text) != NULL;
    }
    return n;
}
