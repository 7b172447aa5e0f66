/* SPDX-License-Identifier: MIT */
#include "common/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define LEN(s) (sizeof(s) - 1)

static void characters_of_every_length_are_measured(void **state)
{
    (void)state;
    assert_int_equal(text_utf8_next("a", 1), 1);
    assert_int_equal(text_utf8_next("\0", 1), 1);
    assert_int_equal(text_utf8_next("\xc3\xa9", 2), 2);
    assert_int_equal(text_utf8_next("\xe2\x82\xac!", 4), 3);
    assert_int_equal(text_utf8_next("\xf0\x9f\x8c\xbe", 4), 4);
    assert_int_equal(text_utf8_next("\xf4\x8f\xbf\xbf", 4), 4);
    assert_int_equal(text_utf8_next("", 0), 0);
}

static void what_rfc_3629_forbids_is_no_character(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe2\x82",
        "\xf0\x9f\x8c",
        "\xc3",
        "\xc3(",
        "\xe2\x82(",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (text_utf8_next(bad[i], strlen(bad[i])) != 0)
            fail_msg("sequence %zu was accepted", i);
    }
}

static void utf8_is_checked_to_the_end(void **state)
{
    (void)state;
    assert_true(text_is_utf8("", 0));
    assert_true(text_is_utf8("caf\xc3\xa9 \xf0\x9f\x8c\xbe", 10));
    assert_false(text_is_utf8("caf\xc3\xa9 \xf0\x9f\x8c\xbe", 9));
    assert_false(text_is_utf8("caf\xe9", 4));
}

static void a_line_keeps_characters_and_loses_controls(void **state)
{
    (void)state;
    char s[] = "caf\xc3\xa9\n\t\x1b[31m\x7f \xc2\x9b \xe9 \xe2\x82";
    text_one_line(s);
    assert_string_equal(s, "caf\xc3\xa9   [31m     ? ??");
    char empty[] = "";
    text_one_line(empty);
    assert_string_equal(empty, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_of_every_length_are_measured),
        cmocka_unit_test(what_rfc_3629_forbids_is_no_character),
        cmocka_unit_test(utf8_is_checked_to_the_end),
        cmocka_unit_test(a_line_keeps_characters_and_loses_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
