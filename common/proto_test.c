/* SPDX-License-Identifier: MIT
 *
 * Tests of proto: every message type makes the round trip and equals its golden bytes under tests/golden, hostile bytes are
 * refused. `proto_test --write` writes the golden files anew: only for a new message or appended fields, since a
 * file that changes means that older peers can no longer be understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/proto.h"

#include <stdio.h>
#include <string.h>

#define GOLDEN_DIR SHEAF_SOURCE_DIR "/tests/golden"
#define MAX_TYPE 200u

union body {
    uint64_t align;
    unsigned char bytes[PROTO_MAX_STRUCT];
};

/* ---- a sample of every message: field number k, counted in the order of encoding, holds a value made from k ---- */

struct filler {
    struct arena *arena;
    uint64_t k;
};

static void fill_struct(struct filler *f, const struct codec *c, char *obj);

static uint64_t sample_u64(uint64_t k, uint64_t max)
{
    static const uint64_t base[] = {0, 200, 60000, 1u << 20, (uint64_t)1 << 40}; /* each width that MessagePack has */
    uint64_t v = base[k % 5] + k;
    return max && v > max ? max : v;
}

static struct slice sample_bin(struct filler *f, size_t len)
{
    unsigned char *p = arena_alloc(f->arena, len);
    for (size_t i = 0; i < len; i++)
        p[i] = (unsigned char)(f->k + i);
    return (struct slice){.data = p, .len = len};
}

static void fill_list(struct filler *f, const struct codec_field *field, char *obj)
{
    uint32_t n = 2;
    char *items = arena_alloc(f->arena, n * field->of->size);
    for (uint32_t i = 0; i < n; i++)
        fill_struct(f, field->of, items + i * field->of->size);
    memcpy(obj + field->offset, &items, sizeof(items));
    memcpy(obj + field->count_offset, &n, sizeof(n));
}

static void fill_field(struct filler *f, const struct codec_field *field, char *obj)
{
    char *at = obj + field->offset;
    f->k++;
    switch (field->kind) {
    case CODEC_U64:
        *(uint64_t *)(void *)at = sample_u64(f->k, field->max);
        break;
    case CODEC_I64:
        *(int64_t *)(void *)at = (f->k % 2 ? -1 : 1) * (int64_t)sample_u64(f->k, 0);
        break;
    case CODEC_U32:
        *(uint32_t *)(void *)at = (uint32_t)sample_u64(f->k, field->max ? field->max : UINT32_MAX);
        break;
    case CODEC_F64:
        *(double *)(void *)at = (double)f->k + 0.1;
        break;
    case CODEC_BOOL:
        *(bool *)(void *)at = true;
        break;
    case CODEC_TEXT:
        *(const char **)(void *)at = arena_printf(f->arena, "text \xc3\xa9 %u", (unsigned)f->k);
        break;
    case CODEC_BIN:
        *(struct slice *)(void *)at = sample_bin(f, 8);
        break;
    case CODEC_ARRAY:
        fill_list(f, field, obj);
        break;
    case CODEC_STRUCT:
    case CODEC_TEXTS:
        fail_msg("no message has a field of this kind yet");
    }
}

static void fill_struct(struct filler *f, const struct codec *c, char *obj)
{
    for (size_t i = 0; i < c->n_fields; i++)
        fill_field(f, &c->fields[i], obj);
}

/* Lengths and ranges that a reader checks have to fit together. */
static void fit_runs(struct filler *f, struct msg_run *runs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        runs[i].n = 8;
        runs[i].scores = sample_bin(f, 64);
    }
}

static void fit_held(struct msg_held *held, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        held[i].to = held[i].from + 1000;
        held[i].granted_to = held[i].to + 500;
    }
}

static void fill_body(uint32_t type, struct arena *a, union body *b)
{
    struct filler f = {.arena = a};
    memset(b, 0, sizeof(*b));
    fill_struct(&f, proto_codec(type), (char *)b->bytes);
    struct msg_report *report = (void *)b;
    struct msg_page *page = (void *)b;
    struct msg_hello *hello = (void *)b;
    struct msg_beat *beat = (void *)b;
    struct msg_grant *grant = (void *)b;
    if (type == MSG_REPORT)
        fit_runs(&f, report->runs, report->n_runs);
    if (type == MSG_PAGE)
        fit_runs(&f, page->runs, page->n_runs);
    if (type == MSG_HELLO)
        fit_held(hello->held, hello->n_held);
    if (type == MSG_BEAT)
        fit_held(beat->held, beat->n_held);
    for (uint32_t i = 0; type == MSG_GRANT && i < grant->n_leases; i++)
        grant->leases[i].to = grant->leases[i].from + 1000;
}

/* ---- equality, field by field ---- */

static void assert_same(const struct codec *c, const char *x, const char *y);

static void assert_same_list(const struct codec_field *field, const char *x, const char *y)
{
    uint32_t n, m;
    memcpy(&n, x + field->count_offset, sizeof(n));
    memcpy(&m, y + field->count_offset, sizeof(m));
    assert_int_equal(n, m);
    const char *p = *(const char *const *)(const void *)(x + field->offset);
    const char *q = *(const char *const *)(const void *)(y + field->offset);
    for (uint32_t i = 0; i < n; i++)
        assert_same(field->of, p + i * field->of->size, q + i * field->of->size);
}

static void assert_same(const struct codec *c, const char *x, const char *y)
{
    for (size_t i = 0; i < c->n_fields; i++) {
        const struct codec_field *field = &c->fields[i];
        const void *p = x + field->offset, *q = y + field->offset;
        const struct slice *s = p, *t = q;
        switch (field->kind) {
        case CODEC_BOOL:
            assert_int_equal(*(const bool *)p, *(const bool *)q);
            break;
        case CODEC_U32:
            assert_memory_equal(p, q, 4);
            break;
        case CODEC_TEXT:
            assert_string_equal(*(const char *const *)p, *(const char *const *)q);
            break;
        case CODEC_BIN:
            assert_int_equal(s->len, t->len);
            assert_memory_equal(s->data, t->data, s->len);
            break;
        case CODEC_ARRAY:
            assert_same_list(field, x, y);
            break;
        default:
            assert_memory_equal(p, q, 8);
        }
    }
}

/* ---- tests ---- */

static void every_type_makes_the_round_trip(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < MAX_TYPE; type++) {
        if (!proto_codec(type))
            continue;
        struct arena a;
        arena_init(&a, 0);
        union body in, out;
        struct buf head = {0}, frame = {0};
        struct msg_head h = {0};
        struct diag d = {{0}};
        fill_body(type, &a, &in);
        assert_int_equal(proto_encode(type, &in, &head, &frame), 0);
        assert_int_equal(proto_head(head.data, head.len, &h, &d), 0);
        assert_int_equal(h.type, type);
        assert_int_equal(h.major, PROTO_MAJOR);
        assert_int_equal(proto_body(type, frame.data, frame.len, &a, &out, &d), 0);
        assert_same(proto_codec(type), (char *)in.bytes, (char *)out.bytes);
        buf_finish(&head);
        buf_finish(&frame);
        arena_finish(&a);
    }
}

static FILE *golden_open(uint32_t type, const char *mode)
{
    char path[1024];
    snprintf(path, sizeof(path), GOLDEN_DIR "/%s.bin", proto_name(type));
    return fopen(path, mode);
}

/* Head and body, one after the other, as two ZeroMQ frames carry them. */
static void golden_bytes(uint32_t type, struct buf *out)
{
    struct arena a;
    arena_init(&a, 0);
    union body b;
    struct buf frame = {0};
    fill_body(type, &a, &b);
    assert_int_equal(proto_encode(type, &b, out, &frame), 0);
    assert_int_equal(buf_append(out, frame.data, frame.len), 0);
    buf_finish(&frame);
    arena_finish(&a);
}

static void every_type_has_its_golden_bytes(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < MAX_TYPE; type++) {
        if (!proto_codec(type))
            continue;
        struct buf now = {0};
        static unsigned char then[1 << 16];
        golden_bytes(type, &now);
        FILE *f = golden_open(type, "rb");
        if (!f)
            fail_msg("no golden bytes of %s under " GOLDEN_DIR, proto_name(type));
        size_t n = fread(then, 1, sizeof(then), f);
        fclose(f);
        if (n != now.len || memcmp(then, now.data, n) != 0)
            fail_msg("%s is no longer encoded as in its golden bytes", proto_name(type));
        buf_finish(&now);
    }
}

static void types_have_names_and_unknown_ones_have_none(void **state)
{
    (void)state;
    assert_string_equal(proto_name(MSG_REPORT), "REPORT");
    assert_string_equal(proto_name(MSG_NEED_PLAN), "NEED_PLAN");
    assert_string_equal(proto_name(0), "?");
    assert_string_equal(proto_name(2), "?");
    assert_string_equal(proto_name(UINT32_MAX), "?");
    assert_null(proto_codec(0));
    assert_null(proto_codec(47));
    assert_null(proto_codec(UINT32_MAX));
    for (uint32_t type = 0; type < MAX_TYPE; type++)
        assert_true((proto_codec(type) != NULL) == (strcmp(proto_name(type), "?") != 0));
}

static void a_head_of_another_major_is_told_apart_from_garbage(void **state)
{
    (void)state;
    struct diag d = {{0}};
    struct msg_head h = {0};
    const unsigned char other[] = {0x93, 0x07, 0x02, 0x33};
    assert_int_equal(proto_head(other, sizeof(other), &h, &d), SHEAF_EVERSION);
    assert_int_equal(h.major, 7);
    assert_int_equal(h.minor, 2);
    assert_int_equal(h.type, 0x33);
    assert_non_null(strstr(d.text, "7.2"));
    assert_non_null(strstr(d.text, "1.0"));
    const unsigned char strange[] = {0x92, 0x07, 0xa1, 'x'}; /* what follows the major is that version's own affair */
    assert_int_equal(proto_head(strange, sizeof(strange), &h, &d), SHEAF_EVERSION);
    assert_int_equal(h.major, 7);
    const unsigned char text[] = {0xa3, 'a', 'b', 'c'}, cut[] = {0x93, 0x01, 0x00}, trailing[] = {0x93, 1, 0, 1, 0};
    assert_int_equal(proto_head(text, sizeof(text), &h, &d), SHEAF_EPROTO);
    assert_int_equal(proto_head(cut, sizeof(cut), &h, &d), SHEAF_EPROTO);
    assert_int_equal(proto_head(trailing, sizeof(trailing), &h, &d), SHEAF_EPROTO);
    assert_int_equal(proto_head(NULL, 0, &h, &d), SHEAF_EPROTO);
    static const unsigned char huge[4096] = {0xdc, 0x0f};
    assert_int_equal(proto_head(huge, sizeof(huge), &h, &d), SHEAF_EPROTO);
}

static void fields_appended_by_a_newer_minor_are_ignored(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct diag d = {{0}};
    struct msg_head h = {0};
    struct msg_take take = {0};
    const unsigned char head[] = {0x94, 0x01, 0x05, 0x54, 0xa1, 'x'}, body[] = {0x94, 1, 2, 3, 0xc0};
    assert_int_equal(proto_head(head, sizeof(head), &h, &d), 0);
    assert_int_equal(h.minor, 5);
    assert_int_equal(proto_body(MSG_TAKE, body, sizeof(body), &a, &take, &d), 0);
    assert_int_equal(take.to, 3);
    const unsigned char older[] = {0x92, 7, 8};
    assert_int_equal(proto_body(MSG_TAKE, older, sizeof(older), &a, &take, &d), 0);
    assert_int_equal(take.lease, 8);
    assert_int_equal(take.to, 0);
    arena_finish(&a);
}

/* Decodes hostile bytes from a block of exactly their size, so that the address sanitizer sees a step beyond. */
static int decode_exact(uint32_t type, const unsigned char *bytes, size_t len)
{
    struct arena a;
    arena_init(&a, 16 << 20);
    struct buf copy = {0};
    assert_int_equal(buf_append(&copy, bytes, len), 0);
    union body b;
    struct diag d = {{0}};
    int err = proto_body(type, copy.data, len, &a, &b, &d);
    assert_true(err <= 0);
    assert_true(err == 0 || d.text[0]);
    buf_finish(&copy);
    arena_finish(&a);
    return err;
}

static void cut_bytes_are_refused_and_flipped_bytes_are_survived(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < MAX_TYPE; type++) {
        if (!proto_codec(type) || proto_codec(type)->n_fields == 0)
            continue;
        struct arena a;
        arena_init(&a, 0);
        union body in;
        struct buf head = {0}, frame = {0};
        fill_body(type, &a, &in);
        assert_int_equal(proto_encode(type, &in, &head, &frame), 0);
        for (size_t len = 0; len < frame.len; len++)
            assert_int_equal(decode_exact(type, frame.data, len), SHEAF_EPROTO);
        for (size_t i = 0; i < frame.len * 8; i++) {
            frame.data[i / 8] ^= (unsigned char)(1u << (i % 8));
            decode_exact(type, frame.data, frame.len);
            frame.data[i / 8] ^= (unsigned char)(1u << (i % 8));
        }
        buf_finish(&head);
        buf_finish(&frame);
        arena_finish(&a);
    }
}

static void unknown_types_and_counts_without_bytes_are_refused(void **state)
{
    (void)state;
    const unsigned char bomb[] = {0x91, 0xdd, 0xff, 0xff, 0xff, 0xff}, empty[] = {0x90};
    assert_int_equal(decode_exact(MSG_GRANT, bomb, sizeof(bomb)), SHEAF_EPROTO);
    assert_int_equal(decode_exact(3, empty, sizeof(empty)), SHEAF_EPROTO);
    assert_int_equal(decode_exact(100000, empty, sizeof(empty)), SHEAF_EPROTO);
    assert_int_equal(decode_exact(MSG_STOP, empty, sizeof(empty)), 0);
}

static int report_with(struct msg_run run)
{
    struct arena a;
    arena_init(&a, 0);
    struct msg_report report = {.seq = 1, .runs = &run, .n_runs = 1}, back = {.seq = 77};
    struct buf head = {0}, frame = {0};
    struct diag d;
    assert_int_equal(proto_encode(MSG_REPORT, &report, &head, &frame), 0);
    int err = proto_body(MSG_REPORT, frame.data, frame.len, &a, &back, &d);
    assert_true(err == 0 || back.seq == 77); /* untouched unless it succeeds */
    buf_finish(&head);
    buf_finish(&frame);
    arena_finish(&a);
    return err;
}

static void runs_whose_lengths_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const double v[6] = {1, 2, 3, 4, 5, 6};
    const struct slice six = {v, 48}, odd = {v, 47}, two = {v, 2}, none = {NULL, 0};
    assert_int_equal(report_with((struct msg_run){.from = 9, .n = 2, .status = two, .scores = six}), 0);
    assert_int_equal(report_with((struct msg_run){.from = 9, .n = 3, .status = none, .scores = six}), 0);
    assert_int_equal(report_with((struct msg_run){.from = 9, .n = 0, .scores = six}), SHEAF_EPROTO);
    assert_int_equal(report_with((struct msg_run){.from = 9, .n = 3, .status = two, .scores = six}), SHEAF_EPROTO);
    assert_int_equal(report_with((struct msg_run){.from = 9, .n = 2, .scores = odd}), SHEAF_EPROTO);
    assert_int_equal(report_with((struct msg_run){.from = 9, .n = 4, .scores = six}), SHEAF_EPROTO);
    assert_int_equal(report_with((struct msg_run){.from = UINT64_MAX - 1, .n = 2, .scores = six}), SHEAF_EPROTO);
}

static void what_is_over_its_cap_is_not_sent(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    struct buf head = {0}, frame = {0};
    const struct msg_error error = {.err = -1, .text = text};
    assert_int_equal(buf_append(&frame, "abc", 3), 0);
    assert_int_equal(proto_encode(MSG_ERROR, &error, &head, &frame), SHEAF_ELIMIT);
    assert_int_equal(head.len, 0);
    assert_int_equal(frame.len, 3);
    buf_finish(&head);
    buf_finish(&frame);
}

static int write_golden(void)
{
    for (uint32_t type = 0; type < MAX_TYPE; type++) {
        if (!proto_codec(type))
            continue;
        struct buf now = {0};
        golden_bytes(type, &now);
        FILE *f = golden_open(type, "wb");
        if (!f || fwrite(now.data, 1, now.len, f) != now.len || fclose(f) != 0) {
            perror(GOLDEN_DIR);
            return 1;
        }
        buf_finish(&now);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--write") == 0)
        return write_golden();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_makes_the_round_trip),
        cmocka_unit_test(every_type_has_its_golden_bytes),
        cmocka_unit_test(types_have_names_and_unknown_ones_have_none),
        cmocka_unit_test(a_head_of_another_major_is_told_apart_from_garbage),
        cmocka_unit_test(fields_appended_by_a_newer_minor_are_ignored),
        cmocka_unit_test(cut_bytes_are_refused_and_flipped_bytes_are_survived),
        cmocka_unit_test(unknown_types_and_counts_without_bytes_are_refused),
        cmocka_unit_test(runs_whose_lengths_do_not_fit_are_refused),
        cmocka_unit_test(what_is_over_its_cap_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
