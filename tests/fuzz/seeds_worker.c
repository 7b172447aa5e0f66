/* SPDX-License-Identifier: MIT
 *
 * seeds_worker: what a broker says to a worker, in order, while its slots work.
 */
#include "common/proto.h"
#include "sweep/plan_fixture.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/worker_script.h"

static void step(struct buf *out, enum worker_step kind, uint8_t arg, const void *bytes, size_t len)
{
    script_put(out, (uint8_t)kind, arg, bytes, len);
}

static void say(struct buf *out, uint32_t type, const void *body)
{
    struct buf head = {0}, frame = {0}, bytes = {0};
    uint8_t t = (uint8_t)type;
    SHEAF_ASSERT(proto_encode(type, body, &head, &frame) == 0);
    SHEAF_ASSERT(buf_append(&bytes, &t, 1) == 0 && buf_append(&bytes, frame.data, frame.len) == 0);
    step(out, WORKER_MESSAGE, 0, bytes.data, bytes.len);
    buf_finish(&head);
    buf_finish(&frame);
    buf_finish(&bytes);
}

static void grant(struct buf *out, uint64_t lease, uint64_t from, uint64_t to, uint32_t flags)
{
    struct msg_lease l = {.sweep = 1, .lease = lease, .from = from, .to = to, .flags = flags};
    say(out, MSG_GRANT, &(struct msg_grant){.leases = &l, .n_leases = 1});
}

static void ack(struct buf *out, uint64_t seq)
{
    struct msg_seq one = {seq};
    say(out, MSG_ACK, &(struct msg_ack){.seqs = &one, .n_seqs = 1});
}

static void records(struct buf *out, uint8_t slot, uint8_t n, uint8_t status)
{
    const uint8_t bytes[] = {n, 0, status};
    step(out, WORKER_RECORDS, slot, bytes, sizeof(bytes));
}

static void begin(struct buf *out, const struct plan *plan)
{
    struct buf bytes = {0};
    SHEAF_ASSERT(plan_encode(plan, &bytes) == 0);
    say(out, MSG_WELCOME, &(struct msg_welcome){.epoch = 5, .beat_ms = 1000, .lost_ms = 5000, .resend = true});
    say(out, MSG_PLAN, &(struct msg_plan){1, {bytes.data, bytes.len}});
    grant(out, 1, 0, 40, 0);
    step(out, WORKER_READY, 0, NULL, 0);
    buf_finish(&bytes);
}

static void whole(const char *dir, const struct plan *plan)
{
    struct buf out = {0};
    begin(&out, plan);
    for (uint8_t i = 0; i < 8; i++) {
        records(&out, 0, 10, i == 3 ? 1 : 0);
        step(&out, WORKER_TIME, 3, NULL, 0);
    }
    step(&out, WORKER_SIDE, 0, "\0\0\0\0\0why", 8);
    step(&out, WORKER_SIDE, 0, "\1\0\0\0\0\2line", 10);
    step(&out, WORKER_OUTPUT, 0, "one\ntwo\n", 8);
    records(&out, 0, 40, 2);
    step(&out, WORKER_TIME, 20, NULL, 0);
    ack(&out, 1);
    ack(&out, 2);
    grant(&out, 2, 40, 60, 1);
    step(&out, WORKER_READY, 1, NULL, 0);
    records(&out, 1, 40, 0);
    say(&out, MSG_DROP, &(struct msg_sweep){.sweep = 1, .now = true});
    say(&out, MSG_QUIT, NULL);
    seed_write(dir, "worker", "whole", &out);
    buf_finish(&out);
}

/* A slot dies in a task, another hangs; a tail is taken; the broker starts anew. */
static void trouble(const char *dir, const struct plan *plan)
{
    struct buf out = {0};
    begin(&out, plan);
    records(&out, 0, 1, 0);
    step(&out, WORKER_TIME, 3, NULL, 0);
    step(&out, WORKER_RUNS, 0, "\0\0\0\0\2\1\0\0\0", 9);
    step(&out, WORKER_DIES, 0, "\3\0\0\0\0last words", 15);
    step(&out, WORKER_TIME, 3, NULL, 0);
    step(&out, WORKER_READY, 0, NULL, 0);
    step(&out, WORKER_READY, 1, NULL, 0);
    step(&out, WORKER_CLAIMS, 0, "\2\0\0\0", 4);
    say(&out, MSG_TAKE, &(struct msg_take){.sweep = 1, .lease = 1, .to = 20});
    records(&out, 0, 3, 0);
    step(&out, WORKER_RUNS, 1, "\1\0\0\0\2\0\4\0\0", 9);
    step(&out, WORKER_TIME, 60, NULL, 0);
    say(&out, MSG_BEAT, &(struct msg_beat){.epoch = 6});
    say(&out, MSG_WELCOME, &(struct msg_welcome){.epoch = 6, .beat_ms = 500, .lost_ms = 5000});
    step(&out, WORKER_DIES, 1, "\4\0\0\0\0no such file", 17);
    step(&out, WORKER_RECONNECTED, 0, NULL, 0);
    step(&out, WORKER_CANNOT_START, 1, NULL, 0);
    step(&out, WORKER_TIME, 250, NULL, 0);
    step(&out, WORKER_CANNOT_START, 0, NULL, 0);
    say(&out, MSG_ERROR, &(struct msg_error){.err = SHEAF_EGONE, .text = "who?"});
    step(&out, WORKER_STOP, 0, NULL, 0);
    seed_write(dir, "worker", "trouble", &out);
    buf_finish(&out);
}

void seeds_worker(const char *dir)
{
    struct plan_fixture f;
    plan_fixture_init(&f, 100, 1);
    whole(dir, &f.plan);
    trouble(dir, &f.plan);
}
