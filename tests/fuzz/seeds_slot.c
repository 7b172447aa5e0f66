/* SPDX-License-Identifier: MIT
 *
 * seeds_slot: what honest slots do, and a few things that they do not.
 */
#include "common/err.h"
#include "common/proto.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/slot_script.h"
#include "worker/page.h"
#include "worker/slotmsg.h"

#include <string.h>

static void step(struct buf *out, enum slot_step kind, uint8_t slot, const void *bytes, size_t len)
{
    script_put(out, (uint8_t)kind, slot, bytes, len);
}

static void message(struct buf *out, uint8_t slot, uint8_t type, uint8_t size, const char *text)
{
    uint8_t bytes[64] = {type, size};
    size_t len = strlen(text);
    memcpy(bytes + 9, text, len);
    step(out, SLOT_STEP_MESSAGE, slot, bytes, 9 + len);
}

/* stored: at most four bytes of the number are needed here. */
static void word(struct buf *out, uint8_t slot, uint8_t which, uint32_t seq, uint32_t offset)
{
    uint8_t bytes[10] = {which, 1};
    uint64_t v = page_pack(seq, offset);
    memcpy(bytes + 2, &v, sizeof(v));
    step(out, SLOT_STEP_WORD, slot, bytes, sizeof(bytes));
}

static void records(struct buf *out, uint8_t slot, uint8_t n, uint8_t status)
{
    const uint8_t bytes[] = {n, 0, status};
    step(out, SLOT_STEP_RECORDS, slot, bytes, sizeof(bytes));
    step(out, SLOT_STEP_TIME, 1, NULL, 0);
}

static void side(struct buf *out, uint8_t slot, uint8_t kind, uint8_t seq, const char *text, size_t len)
{
    uint8_t bytes[64] = {kind};
    bytes[5] = seq;
    memcpy(bytes + 9, text, len);
    step(out, SLOT_STEP_SIDE, slot, bytes, 9 + len);
}

/* Beside the lease that every script begins with. */
static void grant(struct buf *out, uint64_t lease, uint64_t from, uint64_t to)
{
    struct buf head = {0}, frame = {0}, bytes = {0};
    struct msg_lease l = {.sweep = 1, .lease = lease, .from = from, .to = to};
    uint8_t type = MSG_GRANT;
    SHEAF_ASSERT(proto_encode(MSG_GRANT, &(struct msg_grant){.leases = &l, .n_leases = 1}, &head, &frame) == 0);
    SHEAF_ASSERT(buf_append(&bytes, &type, 1) == 0 && buf_append(&bytes, frame.data, frame.len) == 0);
    step(out, SLOT_STEP_BROKER, 0, bytes.data, bytes.len);
    buf_finish(&head);
    buf_finish(&frame);
    buf_finish(&bytes);
}

static void works(const char *dir)
{
    struct buf out = {0};
    grant(&out, 2, 1000, 50000);
    message(&out, 0, SLOT_READY, 0, "");
    side(&out, 0, SIDE_LOG, 1, "\1a line", 7);
    side(&out, 0, SIDE_GROUP, 1, "g\0\0\0\0\0\0\0\0\0", 10);
    side(&out, 0, SIDE_FAIL, 1, "why", 3);
    records(&out, 0, 1, 2);
    records(&out, 0, 4, 1);
    records(&out, 0, 16, 3);
    step(&out, SLOT_STEP_TIME, 20, NULL, 0);
    message(&out, 0, SLOT_ASK, 99, "cache");
    message(&out, 0, SLOT_BUILT, 0, "");
    message(&out, 0, SLOT_SCOPE, 3, "");
    message(&out, 0, SLOT_ASK, 99, "cache");
    message(&out, 1, SLOT_READY, 0, "");
    records(&out, 1, 1, 1);
    word(&out, 1, 0, 2, 1);
    word(&out, 1, 9, 0, PAGE_RUNNING);
    step(&out, SLOT_STEP_OUTPUT, 1, "one\ntwo\n", 8);
    step(&out, SLOT_STEP_DIES, 1, NULL, 0);
    message(&out, 0, SLOT_NEWS, 0, "");
    step(&out, SLOT_STEP_CLOSE, 0, NULL, 0);
    seed_write(dir, "slot", "works", &out);
    buf_finish(&out);
}

static void lies(const char *dir)
{
    struct buf out = {0};
    message(&out, 0, SLOT_READY, 0, "");
    records(&out, 0, 1, 1);
    records(&out, 0, 4, 1);
    word(&out, 0, 0, 3, UINT32_MAX);
    word(&out, 0, 1, 3, 0);
    message(&out, 1, SLOT_READY, 0, "");
    step(&out, SLOT_STEP_TIME, 60, NULL, 0);
    records(&out, 1, 1, 1);
    word(&out, 0, 2, 0, UINT32_MAX);
    word(&out, 1, 3, 0, 24);
    message(&out, 1, SLOT_FAILED, 0, "no such file");
    step(&out, SLOT_STEP_SOCKET, 1, "\x10\0\0\0\xff\xff\xff\xff", 8);
    word(&out, 1, 12, 1, 5);
    step(&out, SLOT_STEP_DIES, 1, NULL, 0);
    seed_write(dir, "slot", "lies", &out);
    buf_finish(&out);
}

/* It says that it runs a task far beyond its chunk, and forgets what it has claimed, while another has nothing to do. */
static void runs_beyond(const char *dir)
{
    struct buf out = {0};
    message(&out, 0, SLOT_READY, 0, "");
    records(&out, 0, 1, 1);
    records(&out, 0, 4, 1);
    message(&out, 1, SLOT_READY, 0, "");
    word(&out, 0, 0, 3, UINT32_MAX);
    word(&out, 0, 1, 0, 0);
    records(&out, 0, 10, 1);
    word(&out, 0, 9, 0, PAGE_RUNNING);
    for (int i = 0; i < 3; i++)
        step(&out, SLOT_STEP_TIME, 40, NULL, 0);
    seed_write(dir, "slot", "runs_beyond", &out);
    buf_finish(&out);
}

void seeds_slot(const char *dir)
{
    runs_beyond(dir);
    works(dir);
    lies(dir);
}
