/* SPDX-License-Identifier: MIT
 *
 * proto_caps_test: every cap of every message, out of the tables themselves: as much as is allowed is not too much, one more is,
 * and is found out before anything is allocated for it.
 */
#include "common/proto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONGEST ((uint64_t)8 << 20) /* texts and blobs with a higher cap are tried by their length alone */

static void put(struct buf *out, const void *bytes, size_t n)
{
    assert_int_equal(buf_append(out, bytes, n), 0);
}

static void put_head(struct buf *out, uint8_t tag, uint64_t n)
{
    const uint8_t head[] = {tag, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    put(out, head, sizeof(head));
}

/* The smallest value of a kind. */
static void put_least(struct buf *out, enum codec_kind kind)
{
    static const uint8_t zero_float[9] = {0xcb};
    static const struct {
        const char *bytes;
        size_t n;
    } least[] = {[CODEC_U64] = {"\0", 1},      [CODEC_I64] = {"\0", 1},     [CODEC_U32] = {"\0", 1},
                 [CODEC_BOOL] = {"\xc2", 1},   [CODEC_TEXT] = {"\xa0", 1},  [CODEC_BIN] = {"\xc4\0", 2},
                 [CODEC_STRUCT] = {"\x90", 1}, [CODEC_ARRAY] = {"\x90", 1}, [CODEC_TEXTS] = {"\x90", 1}};
    if (kind == CODEC_F64)
        put(out, zero_float, sizeof(zero_float));
    else
        put(out, least[kind].bytes, least[kind].n);
}

/* A value of size n: that number, so many bytes, or so many items. */
static void put_sized(struct buf *out, enum codec_kind kind, uint64_t n)
{
    uint8_t tag = kind == CODEC_U32 || kind == CODEC_U64 ? 0xce
                  : kind == CODEC_TEXT                   ? 0xdb
                  : kind == CODEC_BIN                    ? 0xc6
                                                         : 0xdd;
    put_head(out, tag, n);
    size_t at = out->len;
    if (tag == 0xce)
        return;
    put(out, NULL, (size_t)n);
    memset(out->data + at,
           kind == CODEC_TEXT || kind == CODEC_BIN ? 'a'
           : kind == CODEC_TEXTS                   ? 0xa0
                                                   : 0x90,
           (size_t)n);
}

/* A body in which field i has size n, and those before it are as small as can be. */
static int decode_with(uint32_t type, const struct codec *c, size_t i, uint64_t n)
{
    struct buf body = {0};
    struct arena arena;
    struct diag d = {""};
    _Alignas(16) unsigned char out[PROTO_MAX_STRUCT];
    arena_init(&arena, (size_t)64 << 20);
    put_head(&body, 0xdd, i + 1);
    for (size_t k = 0; k < i; k++)
        put_least(&body, c->fields[k].kind);
    put_sized(&body, c->fields[i].kind, n);
    int err = proto_body(type, body.data, body.len, &arena, out, &d);
    if (err == SHEAF_ELIMIT)
        assert_true(arena.total <= 4096); /* a block for what came before it */
    buf_finish(&body);
    arena_finish(&arena);
    return err;
}

static void one_more_than_each_cap_is_refused(void **state)
{
    (void)state;
    unsigned tried = 0;
    for (uint32_t type = 0; type < 256; type++) {
        const struct codec *c = proto_codec(type);
        for (size_t i = 0; c && i < c->n_fields; i++) {
            const struct codec_field *f = &c->fields[i];
            if (f->max == 0 || f->max > LONGEST)
                continue;
            if (decode_with(type, c, i, f->max + 1) != SHEAF_ELIMIT)
                fail_msg("%s.%s: %llu is not refused", proto_name(type), f->name, (unsigned long long)f->max + 1);
            if (decode_with(type, c, i, f->max) == SHEAF_ELIMIT)
                fail_msg("%s.%s: %llu is refused", proto_name(type), f->name, (unsigned long long)f->max);
            tried++;
        }
    }
    assert_true(tried > 25);
}

/* Nothing that a peer sizes is without a cap: numbers apart. */
static void everything_that_has_a_size_has_a_cap(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 256; type++) {
        const struct codec *c = proto_codec(type);
        for (size_t i = 0; c && i < c->n_fields; i++) {
            const struct codec_field *f = &c->fields[i];
            bool sized =
                f->kind == CODEC_TEXT || f->kind == CODEC_BIN || f->kind == CODEC_ARRAY || f->kind == CODEC_TEXTS;
            if (sized && (f->max == 0 || f->max > PROTO_MAX_BODY))
                fail_msg("%s.%s has no cap", proto_name(type), f->name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_more_than_each_cap_is_refused),
        cmocka_unit_test(everything_that_has_a_size_has_a_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
