/* SPDX-License-Identifier: MIT */
#include "common/hash.h"
#include "common/err.h"
#include "common/fsutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* From Python: hashlib.blake2b(..., digest_size=32). */
static const struct {
    const char *data, *text;
} vectors[] = {
    {"", "b2:0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
    {"abc", "b2:bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"},
};

static void digests_are_blake2b_256(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t digest[HASH_BYTES];
        char text[HASH_TEXT];
        hash_bytes(vectors[i].data, strlen(vectors[i].data), digest);
        hash_text(digest, text);
        assert_string_equal(text, vectors[i].text);
    }
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
    (void)state;
    uint8_t data[1000], whole[HASH_BYTES], pieces[HASH_BYTES];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 31);
    hash_bytes(data, sizeof(data), whole);
    hash_state h;
    hash_begin(&h);
    hash_update(&h, NULL, 0);
    for (size_t at = 0, n = 1; at < sizeof(data); at += n, n = n * 7 % 256 + 1) {
        if (n > sizeof(data) - at)
            n = sizeof(data) - at;
        hash_update(&h, data + at, n);
    }
    hash_end(&h, pieces);
    assert_memory_equal(whole, pieces, HASH_BYTES);
}

static void memory_for_a_state_is_aligned_as_it_asks(void **state)
{
    (void)state;
    uint8_t *p[8];
    for (size_t i = 0; i < 8; i++) {
        size_t size = sizeof(hash_state) + i;
        p[i] = hash_alloc(size);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % _Alignof(hash_state), 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(p[i][j], 0);
        memset(p[i], 0xff, size);
        if (i % 2)
            free(p[i]); /* the next one may find it */
    }
    for (size_t i = 0; i < 8; i += 2)
        free(p[i]);
}

static void a_file_has_the_digest_of_its_bytes(void **state)
{
    (void)state;
    char dir[] = "/tmp/sheaf-hash-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct arena a;
    arena_init(&a, 0);
    char *path = arena_printf(&a, "%s/file", dir);
    size_t len = 200001;
    uint8_t *data = arena_alloc(&a, len), want[HASH_BYTES], got[HASH_BYTES];
    data[len - 1] = 7;
    assert_int_equal(file_write_atomic(path, data, len, NULL), 0);
    hash_bytes(data, len, want);
    assert_int_equal(hash_file(path, got), 0);
    assert_memory_equal(want, got, HASH_BYTES);
    assert_int_equal(hash_file(dir, got), SHEAF_EIO);
    assert_int_equal(dir_remove(dir), 0);
    assert_int_equal(hash_file(path, got), SHEAF_ENOENT);
    arena_finish(&a);
}

static void text_and_digest_convert_both_ways(void **state)
{
    (void)state;
    uint8_t digest[HASH_BYTES];
    char text[HASH_TEXT];
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_true(hash_parse(vectors[i].text, digest));
        hash_text(digest, text);
        assert_string_equal(text, vectors[i].text);
    }
}

static void only_one_text_means_a_digest(void **state)
{
    (void)state;
    uint8_t digest[HASH_BYTES];
    char text[HASH_TEXT + 1];
    assert_false(hash_parse("", digest));
    assert_false(hash_parse("b2:", digest));
    for (size_t i = 0; i < HASH_TEXT - 1; i++) { /* every position counts */
        memcpy(text, vectors[0].text, HASH_TEXT);
        text[i] = i < 3 ? 'x' : 'g';
        assert_false(hash_parse(text, digest));
    }
    memcpy(text, vectors[0].text, HASH_TEXT);
    text[4] = 'E'; /* upper case of what is there */
    assert_false(hash_parse(text, digest));
    memcpy(text, vectors[0].text, HASH_TEXT);
    text[HASH_TEXT - 2] = '\0';
    assert_false(hash_parse(text, digest));
    memcpy(text, vectors[0].text, HASH_TEXT);
    memcpy(text + HASH_TEXT - 1, "0", 2);
    assert_false(hash_parse(text, digest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_blake2b_256),
        cmocka_unit_test(pieces_give_the_digest_of_the_whole),
        cmocka_unit_test(memory_for_a_state_is_aligned_as_it_asks),
        cmocka_unit_test(a_file_has_the_digest_of_its_bytes),
        cmocka_unit_test(text_and_digest_convert_both_ways),
        cmocka_unit_test(only_one_text_means_a_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
