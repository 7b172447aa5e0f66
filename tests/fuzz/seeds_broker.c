/* SPDX-License-Identifier: MIT
 *
 * seeds_broker: what clients and workers say to a broker, in order.
 */
#include "common/clock.h"
#include "common/proto.h"
#include "sweep/plan_fixture.h"
#include "sweep/tally.h"
#include "tests/fuzz/broker_script.h"
#include "tests/fuzz/seeds.h"

#include <math.h>
#include <stdio.h>

#define CLIENT 9u
#define TASKS 40u

static void step(struct buf *out, enum broker_step kind, uint8_t arg)
{
    script_put(out, (uint8_t)kind, arg, NULL, 0);
}

static void say(struct buf *out, uint8_t peer, uint32_t type, const void *body)
{
    struct buf head = {0}, frame = {0}, bytes = {0};
    uint8_t t = (uint8_t)type;
    SHEAF_ASSERT(proto_encode(type, body, &head, &frame) == 0);
    SHEAF_ASSERT(buf_append(&bytes, &t, 1) == 0 && buf_append(&bytes, frame.data, frame.len) == 0);
    script_put(out, BROKER_MESSAGE, peer, bytes.data, bytes.len);
    buf_finish(&head);
    buf_finish(&frame);
    buf_finish(&bytes);
}

static void submit(struct buf *out, const struct plan *plan)
{
    struct buf bytes = {0};
    SHEAF_ASSERT(plan_encode(plan, &bytes) == 0);
    say(out, CLIENT, MSG_SUBMIT,
        &(struct msg_submit){.plan = {bytes.data, bytes.len}, .watch = true, .every_ms = 100, .top = 3});
    buf_finish(&bytes);
}

static struct msg_held held(uint64_t n, uint64_t from, uint64_t to)
{
    return (struct msg_held){
        .sweep = 1, .lease = BROKER_LEASE + n, .from = from, .to = to, .left = to - from, .granted_to = to};
}

static void hello(struct buf *out, uint8_t peer, struct msg_held *h, uint32_t n)
{
    char instance[40];
    uint8_t fingerprint[HASH_BYTES] = {peer};
    snprintf(instance, sizeof(instance), "%032u", (unsigned)peer);
    say(out, peer, MSG_HELLO,
        &(struct msg_hello){.instance = instance,
                            .host = "h",
                            .slots = 2,
                            .fingerprint = {fingerprint, HASH_BYTES},
                            .held = h,
                            .n_held = n});
}

static void want(struct buf *out, uint8_t peer, double rate)
{
    say(out, peer, MSG_WANT, &(struct msg_want){.idle = 1, .sweep = 1, .tasks_per_s = rate});
}

/* Positions [from, to) of lease n; every seventh has failed, with a reason, a line and a group. */
static void report(struct buf *out, uint8_t peer, uint64_t n, uint64_t from, uint64_t to, bool closed)
{
    uint8_t status[TASKS];
    double scores[TASKS];
    for (uint64_t p = from; p < to; p++) {
        status[p - from] = p % 7 == 3 ? TASK_FAILED : TASK_DONE;
        scores[p - from] = p % 7 == 3 ? NAN : (double)p;
    }
    struct msg_run run = {
        .from = from, .n = to - from, .status = {status, to - from}, .scores = {scores, (to - from) * sizeof(double)}};
    struct msg_failure failure = {
        .position = from, .kind = FAIL_CRASH, .reason = "signal 11", .attempts = 3, .tail = "last words"};
    struct msg_log line = {.position = from, .has_position = true, .level = 1, .text = "a line"};
    struct msg_group group = {.position = from, .group = "g", .values = {scores, sizeof(double)}};
    say(out, peer, MSG_REPORT,
        &(struct msg_report){.seq = from + 1,
                             .sweep = 1,
                             .lease = BROKER_LEASE + n,
                             .closed = closed,
                             .runs = &run,
                             .n_runs = 1,
                             .failures = &failure,
                             .n_failures = 1,
                             .logs = &line,
                             .n_logs = 1,
                             .groups = &group,
                             .n_groups = 1,
                             .slots_used = 2,
                             .plugin_ns = 1000000,
                             .broken = ""});
}

static void ask(struct buf *out, uint32_t type, bool now)
{
    say(out, CLIENT, type, &(struct msg_sweep){.sweep = 1, .now = now});
}

static void begin(struct buf *out, const struct plan *plan)
{
    submit(out, plan);
    step(out, BROKER_SETTLE, 0);
    hello(out, 1, NULL, 0);
    want(out, 1, 0);
}

/* One worker, from the submission to the last page. */
static void whole(const char *dir, struct plan *plan)
{
    struct buf out = {0};
    begin(&out, plan);
    report(&out, 1, 0, 0, 8, true);
    want(&out, 1, 1000);
    report(&out, 1, 1, 8, TASKS, true);
    step(&out, BROKER_COMMIT, 0);
    step(&out, BROKER_SETTLE, 0);
    for (uint32_t kind = READ_RUNS; kind <= READ_GROUPS; kind++)
        say(&out, CLIENT, MSG_READ, &(struct msg_read){.sweep = 1, .kind = kind, .from = kind});
    step(&out, BROKER_ANSWER, 0);
    step(&out, BROKER_SETTLE, 0);
    say(&out, CLIENT, MSG_LIST, NULL);
    say(&out, CLIENT, MSG_WATCH, &(struct msg_watch){.top = 5, .plan = true});
    ask(&out, MSG_RETRY, false);
    step(&out, BROKER_SETTLE, 0);
    want(&out, 1, 10);
    ask(&out, MSG_CANCEL, true);
    step(&out, BROKER_SETTLE, 0);
    ask(&out, MSG_REMOVE, false);
    step(&out, BROKER_SETTLE, 0);
    seed_write(dir, "broker", plan->keep_best ? "whole_best" : "whole", &out);
    buf_finish(&out);
}

/* Two workers: a tail is taken, one is lost and comes back late. */
static void two(const char *dir, const struct plan *plan, const char *name)
{
    struct buf out = {0};
    begin(&out, plan);
    hello(&out, 2, NULL, 0);
    want(&out, 2, 0.5);
    want(&out, 2, 0.5);
    say(&out, 1, MSG_TAKEN, &(struct msg_take){.sweep = 1, .lease = BROKER_LEASE, .to = 4});
    step(&out, BROKER_TIME, 60);
    report(&out, 1, 0, 0, 4, true);
    struct msg_held h = held(1, 8, 16);
    say(&out, 2, MSG_BEAT, &(struct msg_beat){.held = &h, .n_held = 1, .cpu_ns = NS_PER_S});
    say(&out, 1, MSG_NEED_PLAN, &(struct msg_sweep){.sweep = 1});
    report(&out, 2, 1, 8, 16, false);
    say(&out, 2, MSG_BYE, NULL);
    step(&out, BROKER_GONE, 2);
    step(&out, BROKER_TIME, 20);
    ask(&out, MSG_CANCEL, false);
    step(&out, BROKER_SETTLE, 0);
    seed_write(dir, "broker", name, &out);
    buf_finish(&out);
}

/* The broker is killed between a report and its commit, and twice while it reads back. */
static void crashes(const char *dir, struct plan *plan)
{
    struct buf out = {0};
    begin(&out, plan);
    report(&out, 1, 0, 0, 4, false);
    step(&out, BROKER_COMMIT, 0);
    report(&out, 1, 0, 4, 8, true);
    step(&out, BROKER_CRASH, 0);
    step(&out, BROKER_ANSWER, 0);
    step(&out, BROKER_CRASH, 0);
    struct msg_held h = held(0, 0, 8);
    hello(&out, 1, &h, 1);
    step(&out, BROKER_SETTLE, 0);
    report(&out, 1, 0, 4, 8, true);
    plan->trials += 10;
    submit(&out, plan);
    plan->trials -= 10;
    step(&out, BROKER_TIME, 110);
    want(&out, 1, 0);
    step(&out, BROKER_STOP, 0);
    seed_write(dir, "broker", plan->keep_best ? "crashes_best" : "crashes", &out);
    buf_finish(&out);
}

void seeds_broker(const char *dir)
{
    struct plan_fixture f;
    plan_fixture_init(&f, TASKS, 1);
    f.plan.method = METHOD_RANDOM;
    whole(dir, &f.plan);
    two(dir, &f.plan, "two");
    crashes(dir, &f.plan);
    f.plan.verify_ppm = 500000;
    f.plan.limits.failures = 3;
    two(dir, &f.plan, "two_verify");
    plan_fixture_init(&f, TASKS / 4, 4);
    f.plan.keep_best = 2;
    whole(dir, &f.plan);
    crashes(dir, &f.plan);
}
