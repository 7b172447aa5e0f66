/* SPDX-License-Identifier: MIT
 *
 * codec_hostile_test: bytes that a peer should not have sent. Each is refused, the struct stays as it was, and no memory
 * is taken for what the bytes only claim.
 */
#include "common/codec.h"
#include "common/codec_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SCAN(literal) codec_scan("" literal, sizeof(literal) - 1)

/* Decodes a copy of exactly len bytes, so that the address sanitizer sees any read beyond them. */
static int decode(const struct codec *c, const void *bytes, size_t len, struct diag *d)
{
    static const uint8_t filler = 0x5a;
    uint8_t *copy = malloc(len == 0 ? 1 : len), obj[sizeof(struct sample)];
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, bytes, len);
    struct arena arena;
    arena_init(&arena, 0);
    memset(obj, filler, sizeof(obj));
    *d = (struct diag){0};
    int err = codec_decode(c, copy, len, &arena, obj, d);
    for (size_t i = 0; err != 0 && i < sizeof(obj); i++)
        assert_int_equal(obj[i], filler);
    assert_int_equal(err != 0, d->text[0] != '\0');
    arena_finish(&arena);
    free(copy);
    return err;
}

static struct buf encoded_sample(void)
{
    static const char *tags[] = {"tag", "other"};
    static struct sample_item items[] = {{.id = 300, .name = "a", .tags = tags, .n_tags = 2}, {.name = "b"}};
    const struct sample s = {
        .u64 = 70000,
        .i64 = -70000,
        .u32 = 5,
        .f64 = 1.5,
        .flag = true,
        .text = "a text of more than thirty-one bytes",
        .bin = {"\1\2\3", 3},
        .one = {.id = 1, .name = "one"},
        .items = items,
        .n_items = 2,
        .texts = tags,
        .n_texts = 2,
    };
    struct buf b = {0};
    assert_int_equal(codec_encode(&sample_codec, &s, &b), 0);
    return b;
}

static void whole_objects_of_every_type_pass_the_scan(void **state)
{
    (void)state;
    assert_int_equal(SCAN("\x00"), 0);
    assert_int_equal(SCAN("\xff"), 0);
    assert_int_equal(SCAN("\xc0"), 0);
    assert_int_equal(SCAN("\xc4\x01x"), 0);
    assert_int_equal(SCAN("\xc7\x02\x05xy"), 0);
    assert_int_equal(SCAN("\xca\0\0\0\0"), 0);
    assert_int_equal(SCAN("\xd8\x01"
                          "0123456789abcdef"),
                     0);
    assert_int_equal(SCAN("\xdb\0\0\0\x01x"), 0);
    assert_int_equal(SCAN("\x92\x01\x82\x01\x02\x03\x04"), 0);
    assert_int_equal(SCAN("\xde\0\x01\x90\x80"), 0);
    assert_int_equal(SCAN("\xdd\0\0\0\x02\xa0\xa0"), 0);
}

static void five_bytes_cannot_claim_gigabytes(void **state)
{
    (void)state;
    struct diag d;
    static const char *const heads[] = {
        "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff",
        "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff", "\xdd\x08\x10\x10\x10",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        assert_int_equal(codec_scan(heads[i], 5), SHEAF_EPROTO);
        assert_int_equal(decode(&sample_codec, heads[i], 5, &d), SHEAF_EPROTO);
    }
}

static void nested_headers_cannot_claim_the_same_bytes_twice(void **state)
{
    (void)state;
    /* Ten lists of 60 elements one inside the other: each alone would fit into the 100 bytes behind it. */
    uint8_t bytes[200] = {0};
    for (size_t i = 0; i < 10; i++)
        memcpy(bytes + 3 * i, "\xdc\x00\x3c", 3);
    assert_int_equal(codec_scan(bytes, sizeof(bytes)), SHEAF_EPROTO);
}

static void depth_is_limited(void **state)
{
    (void)state;
    uint8_t bytes[1000];
    memset(bytes, 0x91, sizeof(bytes));
    bytes[CODEC_DEPTH] = 0x01;
    assert_int_equal(codec_scan(bytes, CODEC_DEPTH + 1), 0);
    bytes[CODEC_DEPTH] = 0x91;
    bytes[CODEC_DEPTH + 1] = 0x01;
    assert_int_equal(codec_scan(bytes, CODEC_DEPTH + 2), SHEAF_ELIMIT);
    bytes[CODEC_DEPTH] = 0x90; /* an empty one is one too */
    assert_int_equal(codec_scan(bytes, CODEC_DEPTH + 1), SHEAF_ELIMIT);
    memset(bytes, 0x91, sizeof(bytes));
    assert_int_equal(codec_scan(bytes, sizeof(bytes)), SHEAF_ELIMIT);
    memset(bytes, 0x81, sizeof(bytes));
    assert_int_equal(codec_scan(bytes, sizeof(bytes)), SHEAF_ELIMIT);
    struct diag d;
    assert_int_equal(decode(&sample_codec, bytes, sizeof(bytes), &d), SHEAF_ELIMIT);
}

static void levels_end_where_their_elements_end(void **state)
{
    (void)state;
    /* more lists than CODEC_DEPTH, but side by side */
    uint8_t bytes[101];
    memset(bytes, 0x90, sizeof(bytes));
    memcpy(bytes, "\xdc\x00\x62", 3);
    assert_int_equal(codec_scan(bytes, sizeof(bytes)), 0);
}

static void the_number_of_objects_is_limited(void **state)
{
    (void)state;
    size_t n = CODEC_NODES;
    uint8_t *bytes = calloc(n + 5, 1);
    assert_non_null(bytes);
    bytes[0] = 0xdd;
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)((n - 1) >> (24 - 8 * i));
    assert_int_equal(codec_scan(bytes, n - 1 + 5), 0);
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)(n >> (24 - 8 * i));
    assert_int_equal(codec_scan(bytes, n + 5), SHEAF_ELIMIT);
    free(bytes);
}

static void bytes_after_the_object_are_refused(void **state)
{
    (void)state;
    struct buf b = encoded_sample();
    struct diag d;
    assert_int_equal(decode(&sample_codec, b.data, b.len, &d), 0);
    assert_int_equal(buf_append(&b, "\xc0", 1), 0);
    assert_int_equal(codec_scan(b.data, b.len), SHEAF_EPROTO);
    assert_int_equal(decode(&sample_codec, b.data, b.len, &d), SHEAF_EPROTO);
    buf_finish(&b);
}

static void a_message_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct buf b = encoded_sample();
    struct diag d;
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(decode(&sample_codec, b.data, len, &d), SHEAF_EPROTO);
    assert_int_equal(codec_scan(NULL, 0), SHEAF_EPROTO);
    buf_finish(&b);
}

static void the_type_byte_that_never_is_used_is_refused(void **state)
{
    (void)state;
    assert_int_equal(SCAN("\xc1"), SHEAF_EPROTO);
    assert_int_equal(SCAN("\x92\x01\xc1"), SHEAF_EPROTO);
}

static void any_changed_byte_is_refused_or_decoded_without_harm(void **state)
{
    (void)state;
    struct buf b = encoded_sample();
    struct diag d;
    for (size_t i = 0; i < b.len; i++) {
        uint8_t was = b.data[i];
        for (unsigned v = 0; v < 256; v++) {
            b.data[i] = (uint8_t)v;
            int err = decode(&sample_codec, b.data, b.len, &d);
            assert_true(err == 0 || err == SHEAF_EPROTO || err == SHEAF_ELIMIT);
        }
        b.data[i] = was;
    }
    buf_finish(&b);
}

/* A field of sample_item or sample, all before it plausible: the error names it. */
static void assert_refused(const struct codec *c, const char *bytes, size_t len, int want, const char *where)
{
    struct diag d;
    assert_int_equal(decode(c, bytes, len, &d), want);
    if (strstr(d.text, where) == NULL)
        fail_msg("\"%s\" does not name %s", d.text, where);
}
#define REFUSED(c, literal, want, where) assert_refused((c), "" literal, sizeof(literal) - 1, (want), (where))

static void wrong_types_are_refused_and_named(void **state)
{
    (void)state;
    REFUSED(&sample_codec, "\xc0", SHEAF_EPROTO, "malformed struct sample: not a list of fields");
    REFUSED(&sample_codec, "\x80", SHEAF_EPROTO, "not a list of fields");
    REFUSED(&sample_codec, "\x91\xff", SHEAF_EPROTO, ": u64: not an unsigned integer");
    REFUSED(&sample_codec, "\x91\xc0", SHEAF_EPROTO, ": u64: ");
    REFUSED(&sample_codec, "\x92\x00\xa0", SHEAF_EPROTO, ": i64: not an integer");
    REFUSED(&sample_codec, "\x93\x00\x00\xff", SHEAF_EPROTO, ": u32: ");
    REFUSED(&sample_codec, "\x94\x00\x00\x00\x01", SHEAF_EPROTO, ": f64: not a floating-point number");
    REFUSED(&sample_codec, "\x95\x00\x00\x00\xca\0\0\0\0\x01", SHEAF_EPROTO, ": flag: not true or false");
    REFUSED(&sample_codec, "\x96\x00\x00\x00\xca\0\0\0\0\xc2\xc4\x00", SHEAF_EPROTO, ": text: not a text");
    REFUSED(&sample_codec, "\x97\x00\x00\x00\xca\0\0\0\0\xc2\xa0\xa0", SHEAF_EPROTO, ": bin: not binary");
    REFUSED(&sample_codec, "\x98\x00\x00\x00\xca\0\0\0\0\xc2\xa0\xc4\x00\x05", SHEAF_EPROTO, ": one: not a list");
    REFUSED(&sample_codec, "\x99\x00\x00\x00\xca\0\0\0\0\xc2\xa0\xc4\x00\x90\x05", SHEAF_EPROTO, ": items: not a list");
    REFUSED(&sample_codec, "\x99\x00\x00\x00\xca\0\0\0\0\xc2\xa0\xc4\x00\x90\x92\x90\x05", SHEAF_EPROTO,
            ": items[1]: ");
    REFUSED(&sample_item_codec, "\x93\x00\xa0\xa0", SHEAF_EPROTO, ": tags: not a list");
    REFUSED(&sample_item_codec, "\x93\x00\xa0\x92\xa0\x05", SHEAF_EPROTO, ": tags[1]: not a text");
}

static void values_over_their_caps_are_refused_and_named(void **state)
{
    (void)state;
    REFUSED(&sample_item_codec, "\x91\xcd\x03\xe9", SHEAF_ELIMIT, ": id: over its limit"); /* 1001 */
    REFUSED(&sample_item_codec, "\x92\x00\xa9\x31\x32\x33\x34\x35\x36\x37\x38\x39", SHEAF_ELIMIT, ": name: ");
    REFUSED(&sample_item_codec, "\x93\x00\xa0\x94\xa0\xa0\xa0\xa0", SHEAF_ELIMIT, ": tags: ");
    REFUSED(&sample_codec, "\x92\x00\xcf\x80\0\0\0\0\0\0\0", SHEAF_ELIMIT, ": i64: ");
    REFUSED(&sample_codec, "\x93\x00\x00\xcf\0\0\0\x01\0\0\0\0", SHEAF_ELIMIT, ": u32: ");
    REFUSED(&sample_codec, "\x99\x00\x00\x00\xca\0\0\0\0\xc2\xa0\xc4\x00\x90\x95\x90\x90\x90\x90\x90", SHEAF_ELIMIT,
            ": items: ");
    REFUSED(&sample_codec, "\x99\x00\x00\x00\xca\0\0\0\0\xc2\xa0\xc4\x00\x90\x92\x90\x91\xcd\x03\xe9", SHEAF_ELIMIT,
            ": items[1].id: over its limit");
}

static void a_binary_over_its_cap_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[16 + 70001] = "\x97\x00\x00\x00\xca\0\0\0\0\xc2\xa0\xc6\x00\x01\x11\x70"; /* 70000 */
    struct diag d;
    assert_int_equal(decode(&sample_codec, bytes, 16 + 70000, &d), 0);
    bytes[15]++;
    assert_int_equal(decode(&sample_codec, bytes, 16 + 70001, &d), SHEAF_ELIMIT);
    assert_non_null(strstr(d.text, ": bin: over its limit"));
}

static void texts_with_nul_or_broken_utf8_are_refused(void **state)
{
    (void)state;
    REFUSED(&sample_item_codec, "\x92\x00\xa1\x00", SHEAF_EPROTO, ": name: a text with a NUL byte");
    REFUSED(&sample_item_codec, "\x92\x00\xa3x\x00y", SHEAF_EPROTO, ": name: a text with a NUL byte");
    REFUSED(&sample_item_codec, "\x92\x00\xa2x\xff", SHEAF_EPROTO, ": name: a text that is not UTF-8");
    REFUSED(&sample_item_codec, "\x93\x00\xa0\x92\xa0\xa2\xc0\x80", SHEAF_EPROTO,
            ": tags[1]: a text that is not UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_objects_of_every_type_pass_the_scan),
        cmocka_unit_test(five_bytes_cannot_claim_gigabytes),
        cmocka_unit_test(nested_headers_cannot_claim_the_same_bytes_twice),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(levels_end_where_their_elements_end),
        cmocka_unit_test(the_number_of_objects_is_limited),
        cmocka_unit_test(bytes_after_the_object_are_refused),
        cmocka_unit_test(a_message_cut_anywhere_is_refused),
        cmocka_unit_test(the_type_byte_that_never_is_used_is_refused),
        cmocka_unit_test(any_changed_byte_is_refused_or_decoded_without_harm),
        cmocka_unit_test(wrong_types_are_refused_and_named),
        cmocka_unit_test(values_over_their_caps_are_refused_and_named),
        cmocka_unit_test(a_binary_over_its_cap_is_refused),
        cmocka_unit_test(texts_with_nul_or_broken_utf8_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
