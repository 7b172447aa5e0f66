/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/dict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t add(struct dict *d, const char *text)
{
    uint32_t number = UINT32_MAX;
    assert_int_equal(dict_add(d, text, strlen(text), &number), 0);
    return number;
}

static void texts_are_numbered_as_they_come(void **state)
{
    struct dict d = {0};
    (void)state;
    assert_int_equal(add(&d, "MSFT"), 0);
    assert_int_equal(add(&d, "AAPL"), 1);
    assert_int_equal(add(&d, ""), 2);
    assert_int_equal(add(&d, "MSFT"), 0);
    assert_int_equal(add(&d, "MSF"), 3); /* a prefix is another text */
    assert_int_equal(d.n, 4);
    assert_string_equal(dict_text(&d, 1), "AAPL");
    dict_finish(&d);
}

static void sorting_is_bytewise_and_tells_the_ranks(void **state)
{
    struct dict d = {0};
    uint32_t rank[5];
    static const char *const sorted[] = {"", "B", "a", "aa", "\xC3\xA9"};
    (void)state;
    add(&d, "aa");
    add(&d, "\xC3\xA9");
    add(&d, "B");
    add(&d, "");
    add(&d, "a");
    assert_int_equal(dict_sort(&d, rank), 0);
    for (uint32_t i = 0; i < 5; i++)
        assert_string_equal(dict_text(&d, i), sorted[i]);
    assert_int_equal(rank[0], 3);
    assert_int_equal(rank[1], 4);
    assert_int_equal(rank[2], 1);
    assert_int_equal(rank[3], 0);
    assert_int_equal(rank[4], 2);
    assert_int_equal(add(&d, "aa"), 3); /* found under its new number */
    assert_int_equal(add(&d, "new"), 5);
    assert_memory_equal(d.texts.data, "\0B\0a\0aa\0\xC3\xA9\0new\0", 15);
    dict_finish(&d);
}

static void many_texts_keep_their_numbers(void **state)
{
    struct dict d = {0};
    enum { N = 100000 };
    uint32_t *rank = malloc(N * sizeof *rank);
    char text[32];
    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        snprintf(text, sizeof text, "k%u", (i * 7919u) % N);
        assert_int_equal(add(&d, text), i);
    }
    assert_int_equal(dict_sort(&d, rank), 0);
    for (uint32_t i = 0; i < N; i++) {
        snprintf(text, sizeof text, "k%u", (i * 7919u) % N);
        assert_int_equal(add(&d, text), rank[i]);
        assert_true(i == 0 || strcmp(dict_text(&d, i - 1), dict_text(&d, i)) < 0);
    }
    free(rank);
    dict_finish(&d);
}

static void a_cleared_one_begins_anew(void **state)
{
    struct dict d = {0};
    char text[32];
    (void)state;
    dict_clear(&d);
    for (int round = 0; round < 4; round++) { /* with few texts its memory stays, with many it goes */
        for (uint32_t i = 0; i < (round % 2 ? 10u : 3000u); i++) {
            snprintf(text, sizeof text, "%d.%u", round, i);
            assert_int_equal(add(&d, text), i);
        }
        dict_clear(&d);
        assert_int_equal(d.n, 0);
        assert_true(d.n_slots == (round % 2 ? 64 : 0) && (d.texts.cap > 0) == (round % 2));
    }
    dict_finish(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_numbered_as_they_come),
        cmocka_unit_test(sorting_is_bytewise_and_tells_the_ranks),
        cmocka_unit_test(many_texts_keep_their_numbers),
        cmocka_unit_test(a_cleared_one_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
