/* SPDX-License-Identifier: MIT
 *
 * codec_test: what goes in comes out, also between writers and readers of different age.
 */
#include "common/codec.h"
#include "common/codec_sample.h"
#include "common/mem_fail.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const char *tags[] = {"a", "", "caf\xc3\xa9"};
static struct sample_item items[] = {
    {.id = 1000, .name = "12345678", .tags = tags, .n_tags = 3},
    {.id = 0, .name = NULL},
};

static struct sample full_sample(void)
{
    return (struct sample){
        .u64 = UINT64_MAX,
        .i64 = INT64_MIN,
        .u32 = UINT32_MAX,
        .f64 = -0.1,
        .flag = true,
        .text = "wheat \xf0\x9f\x8c\xbe",
        .bin = {"\0\x01\xff", 3},
        .one = {.id = 7, .name = "inner"},
        .items = items,
        .n_items = 2,
        .texts = tags,
        .n_texts = 3,
    };
}

static void assert_item(const struct sample_item *got, const struct sample_item *want)
{
    assert_true(got->id == want->id);
    assert_string_equal(got->name, want->name == NULL ? "" : want->name);
    assert_int_equal(got->n_tags, want->n_tags);
    for (uint32_t i = 0; i < want->n_tags; i++)
        assert_string_equal(got->tags[i], want->tags[i]);
}

static void assert_sample(const struct sample *got, const struct sample *want)
{
    assert_true(got->u64 == want->u64);
    assert_true(got->i64 == want->i64);
    assert_true(got->u32 == want->u32);
    assert_memory_equal(&got->f64, &want->f64, sizeof(double));
    assert_int_equal(got->flag, want->flag);
    assert_string_equal(got->text, want->text == NULL ? "" : want->text);
    assert_int_equal(got->bin.len, want->bin.len);
    if (want->bin.len > 0)
        assert_memory_equal(got->bin.data, want->bin.data, want->bin.len);
    assert_item(&got->one, &want->one);
    assert_int_equal(got->n_items, want->n_items);
    for (uint32_t i = 0; i < want->n_items; i++)
        assert_item(&got->items[i], &want->items[i]);
    assert_int_equal(got->n_texts, want->n_texts);
    for (uint32_t i = 0; i < want->n_texts; i++)
        assert_string_equal(got->texts[i], want->texts[i]);
}

static void assert_round_trip(const struct sample *want)
{
    struct buf bytes = {0};
    struct arena arena;
    struct diag d = {0};
    struct sample got;
    arena_init(&arena, 0);
    assert_int_equal(codec_encode(&sample_codec, want, &bytes), 0);
    assert_int_equal(codec_decode(&sample_codec, bytes.data, bytes.len, &arena, &got, &d), 0);
    assert_string_equal(d.text, "");
    assert_sample(&got, want);
    arena_finish(&arena);
    buf_finish(&bytes);
}

static void every_kind_comes_back_equal(void **state)
{
    (void)state;
    struct sample s = full_sample();
    assert_round_trip(&s);
}

static void zeros_come_back_as_zeros_and_empty_texts(void **state)
{
    (void)state;
    struct sample s = {0}, got;
    struct buf bytes = {0};
    struct arena arena;
    arena_init(&arena, 0);
    assert_round_trip(&s);
    assert_int_equal(codec_encode(&sample_codec, &s, &bytes), 0);
    assert_int_equal(codec_decode(&sample_codec, bytes.data, bytes.len, &arena, &got, NULL), 0);
    assert_null(got.bin.data);
    assert_null(got.items);
    assert_null(got.texts);
    arena_finish(&arena);
    buf_finish(&bytes);
}

static void integers_of_every_size_come_back(void **state)
{
    (void)state;
    for (int bit = 0; bit < 64; bit++) {
        for (int off = -1; off <= 1; off++) {
            uint64_t v = ((uint64_t)1 << bit) + (uint64_t)off;
            struct sample s = {.u64 = v, .u32 = (uint32_t)v};
            memcpy(&s.i64, &v, sizeof(v));
            assert_round_trip(&s);
            v = ~v;
            memcpy(&s.i64, &v, sizeof(v));
            assert_round_trip(&s);
        }
    }
}

static void floats_keep_their_bits(void **state)
{
    (void)state;
    const double values[] = {0.0, -0.0, 1.0 / 3, DBL_MAX, DBL_MIN, DBL_TRUE_MIN, INFINITY, -INFINITY, NAN, -NAN};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct sample s = {.f64 = values[i]};
        assert_round_trip(&s);
    }
}

static void texts_and_binaries_of_every_header_size_come_back(void **state)
{
    (void)state;
    static char text[70001];
    const size_t sizes[] = {1, 31, 32, 255, 256, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(text, 'x', sizes[i]);
        text[sizes[i]] = '\0';
        struct sample s = {.text = text, .bin = {text, sizes[i]}};
        assert_round_trip(&s);
    }
}

static void long_lists_come_back(void **state)
{
    (void)state;
    static const char *many[70000];
    for (size_t i = 0; i < 70000; i++)
        many[i] = i % 3 == 0 ? "x" : "";
    const uint32_t counts[] = {15, 16, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct sample s = {.texts = many, .n_texts = counts[i]};
        assert_round_trip(&s);
    }
}

static void binaries_point_into_the_message_and_texts_do_not(void **state)
{
    (void)state;
    struct sample s = full_sample(), got;
    struct buf bytes = {0};
    struct arena arena;
    arena_init(&arena, 0);
    assert_int_equal(codec_encode(&sample_codec, &s, &bytes), 0);
    assert_int_equal(codec_decode(&sample_codec, bytes.data, bytes.len, &arena, &got, NULL), 0);
    const uint8_t *at = got.bin.data;
    assert_true(at > bytes.data && at + got.bin.len <= bytes.data + bytes.len);
    buf_finish(&bytes);
    assert_string_equal(got.text, s.text);
    assert_string_equal(got.items[0].tags[2], tags[2]);
    arena_finish(&arena);
}

static void encoding_appends(void **state)
{
    (void)state;
    struct sample_item item = {.id = 5, .name = "x"};
    struct buf bytes = {0};
    assert_int_equal(buf_append(&bytes, "head", 4), 0);
    assert_int_equal(codec_encode(&sample_item_codec, &item, &bytes), 0);
    assert_int_equal(bytes.len, 9);
    assert_memory_equal(bytes.data, "head\x93\x05\xa1x\x90", 9);
    buf_finish(&bytes);
}

static void fields_of_a_newer_writer_are_ignored(void **state)
{
    (void)state;
    struct sample_item got;
    struct arena arena;
    arena_init(&arena, 0);
    /* id, name, tags, then a map, an ext and a nested list that this reader does not know */
    static const char bytes[] = "\x96\x05\xa1x\x90\x81\xa1k\xc0\xd4\x07z\x92\xc3\xcb\0\0\0\0\0\0\0\0";
    assert_int_equal(codec_decode(&sample_item_codec, bytes, sizeof(bytes) - 1, &arena, &got, NULL), 0);
    assert_true(got.id == 5);
    assert_string_equal(got.name, "x");
    arena_finish(&arena);
}

static void fields_that_an_older_writer_lacks_read_as_zero(void **state)
{
    (void)state;
    struct sample got;
    struct arena arena;
    arena_init(&arena, 0);
    const struct sample zero = {0};
    memset(&got, 0xff, sizeof(got));
    assert_int_equal(codec_decode(&sample_codec, "\x90", 1, &arena, &got, NULL), 0);
    assert_sample(&got, &zero);
    assert_null(got.items);
    assert_null(got.texts);
    /* an inner struct and an element that are short: u64 .. bin, one = [3], items = [[], [4]] */
    static const char bytes[] = "\x99\x01\x02\x03\xca\x3f\x80\0\0\xc2\xa0\xc4\0\x91\x03\x92\x90\x91\x04";
    struct diag d = {0};
    memset(&got, 0xff, sizeof(got));
    assert_int_equal(codec_decode(&sample_codec, bytes, sizeof(bytes) - 1, &arena, &got, &d), 0);
    struct sample_item two[] = {{0}, {.id = 4}};
    const struct sample want = {.u64 = 1, .i64 = 2, .u32 = 3, .f64 = 1, .one = {.id = 3}, .items = two, .n_items = 2};
    assert_sample(&got, &want);
    arena_finish(&arena);
}

static void text_that_is_not_utf8_is_repaired(void **state)
{
    (void)state;
    struct sample_item item = {.name = "a\xff\xc3\xa9\xe2\x82"}, got;
    struct buf bytes = {0};
    struct arena arena;
    arena_init(&arena, 0);
    assert_int_equal(codec_encode(&sample_item_codec, &item, &bytes), 0);
    assert_int_equal(codec_decode(&sample_item_codec, bytes.data, bytes.len, &arena, &got, NULL), 0);
    assert_string_equal(got.name, "a?\xc3\xa9??");
    arena_finish(&arena);
    buf_finish(&bytes);
}

static void assert_not_encoded(const struct codec *c, const void *obj)
{
    struct buf bytes = {0};
    assert_int_equal(buf_append(&bytes, "x", 1), 0);
    assert_int_equal(codec_encode(c, obj, &bytes), SHEAF_ELIMIT);
    assert_int_equal(bytes.len, 1);
    buf_finish(&bytes);
}

static void a_field_over_its_cap_is_not_encoded(void **state)
{
    (void)state;
    static const char zeros[70001];
    const char *four[] = {"", "", "", ""};
    struct sample_item five[5] = {{0}};
    assert_not_encoded(&sample_item_codec, &(struct sample_item){.id = 1001});
    assert_not_encoded(&sample_item_codec, &(struct sample_item){.name = "123456789"});
    assert_not_encoded(&sample_item_codec, &(struct sample_item){.tags = four, .n_tags = 4});
    assert_not_encoded(&sample_codec, &(struct sample){.bin = {zeros, 70001}});
    assert_not_encoded(&sample_codec, &(struct sample){.items = five, .n_items = 5});
    assert_not_encoded(&sample_codec, &(struct sample){.one = {.id = 1001}});
    five[3].id = 1001;
    assert_not_encoded(&sample_codec, &(struct sample){.items = five, .n_items = 4});
}

static void what_no_reader_would_accept_is_not_encoded(void **state)
{
    (void)state;
    const uint32_t n = CODEC_NODES;
    const char **many = calloc(n, sizeof(*many));
    assert_non_null(many);
    assert_not_encoded(&sample_codec, &(struct sample){.texts = many, .n_texts = n});
    free(many);
}

static void without_memory_nothing_is_encoded_or_decoded(void **state)
{
    (void)state;
    struct sample s = full_sample(), got, before;
    struct buf bytes = {0};
    int err = SHEAF_ENOMEM;
    for (unsigned n = 0; err != 0; n++) {
        buf_finish(&bytes);
        mem_fail_after(n);
        err = codec_encode(&sample_codec, &s, &bytes);
        mem_fail_end();
        assert_true(err == 0 || (err == SHEAF_ENOMEM && bytes.len == 0));
    }
    memset(&got, 0x5a, sizeof(got));
    before = got;
    err = SHEAF_ENOMEM;
    for (size_t limit = 1; err != 0; limit += 16) {
        struct arena arena;
        struct diag d = {0};
        arena_init(&arena, limit);
        err = codec_decode(&sample_codec, bytes.data, bytes.len, &arena, &got, &d);
        assert_true(err == 0 || err == SHEAF_ENOMEM);
        if (err != 0) {
            assert_memory_equal(&got, &before, sizeof(got));
            assert_string_not_equal(d.text, "");
        }
        arena_finish(&arena);
    }
    buf_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_equal),
        cmocka_unit_test(zeros_come_back_as_zeros_and_empty_texts),
        cmocka_unit_test(integers_of_every_size_come_back),
        cmocka_unit_test(floats_keep_their_bits),
        cmocka_unit_test(texts_and_binaries_of_every_header_size_come_back),
        cmocka_unit_test(long_lists_come_back),
        cmocka_unit_test(binaries_point_into_the_message_and_texts_do_not),
        cmocka_unit_test(encoding_appends),
        cmocka_unit_test(fields_of_a_newer_writer_are_ignored),
        cmocka_unit_test(fields_that_an_older_writer_lacks_read_as_zero),
        cmocka_unit_test(text_that_is_not_utf8_is_repaired),
        cmocka_unit_test(a_field_over_its_cap_is_not_encoded),
        cmocka_unit_test(what_no_reader_would_accept_is_not_encoded),
        cmocka_unit_test(without_memory_nothing_is_encoded_or_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
