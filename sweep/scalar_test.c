/* SPDX-License-Identifier: MIT
 *
 * Tests of scalar and suggest: the YAML 1.2 core schema, and which names are near.
 */
#include "sweep/scalar.h"

#include "sweep/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    uint32_t kind;
    double f;
} cases[] = {
    {"", SCALAR_NULL, 0},
    {"~", SCALAR_NULL, 0},
    {"null", SCALAR_NULL, 0},
    {"nULL", SCALAR_TEXT, 0},
    {"true", SCALAR_BOOL, 1},
    {"FALSE", SCALAR_BOOL, 0},
    {"yes", SCALAR_TEXT, 0},
    {"off", SCALAR_TEXT, 0},
    {"0", SCALAR_INT, 0},
    {"-12", SCALAR_INT, -12},
    {"+12", SCALAR_INT, 12},
    {"007", SCALAR_INT, 7},
    {"0x1F", SCALAR_INT, 31},
    {"0o17", SCALAR_INT, 15},
    {"0o18", SCALAR_TEXT, 0},
    {"0x", SCALAR_TEXT, 0},
    {"1_000", SCALAR_TEXT, 0},
    {"12:30", SCALAR_TEXT, 0},
    {"9223372036854775807", SCALAR_INT, 9223372036854775807.0},
    {"-9223372036854775808", SCALAR_INT, -9223372036854775808.0},
    {"9223372036854775808", SCALAR_HUGE, 0},
    {"0xFFFFFFFFFFFFFFFF", SCALAR_HUGE, 0},
    {"1.", SCALAR_FLOAT, 1},
    {".5", SCALAR_FLOAT, 0.5},
    {"-1.5e3", SCALAR_FLOAT, -1500},
    {"1e-4", SCALAR_FLOAT, 1e-4},
    {"1E+4", SCALAR_FLOAT, 1e4},
    {"1e", SCALAR_TEXT, 0},
    {".", SCALAR_TEXT, 0},
    {"-", SCALAR_TEXT, 0},
    {"1e-999", SCALAR_FLOAT, 0},
    {"1e999", SCALAR_NONFINITE, 0},
    {".inf", SCALAR_NONFINITE, 0},
    {"-.INF", SCALAR_NONFINITE, 0},
    {".nan", SCALAR_NONFINITE, 0},
    {"-.nan", SCALAR_TEXT, 0},
    {"nan", SCALAR_TEXT, 0},
    {"0x1p3", SCALAR_TEXT, 0},
    {"1.5 ", SCALAR_TEXT, 0},
};

static void plain_texts_follow_the_core_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scalar s = scalar_parse(cases[i].text, strlen(cases[i].text), false);
        bool number = s.kind == SCALAR_INT || s.kind == SCALAR_FLOAT || s.kind == SCALAR_BOOL;
        if (s.kind != cases[i].kind || (number && memcmp(&s.f, &cases[i].f, sizeof s.f) != 0))
            fail_msg("\"%s\" is kind %u, %g", cases[i].text, s.kind, s.f);
    }
}

static void quoted_texts_stay_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(scalar_parse(cases[i].text, strlen(cases[i].text), true).kind, SCALAR_TEXT);
}

static const char *shown(const char *text, bool quoted)
{
    static char out[SCALAR_SHOWN];
    struct scalar s = scalar_parse(text, strlen(text), quoted);
    return scalar_show(&s, out);
}

static void values_are_shown_short_and_whole_characters(void **state)
{
    (void)state;
    assert_string_equal(shown("1.50", false), "1.50");
    assert_string_equal(shown("1.50", true), "\"1.50\"");
    assert_string_equal(shown("~", false), "empty");
    assert_string_equal(shown(".inf", false), ".inf (not a finite number)");
    assert_string_equal(shown("123456789012345678901234567890123456789\xC3\xA9x", true),
                        "\"123456789012345678901234567890123456789...\"");
    char out[SCALAR_NUMBER];
    assert_string_equal(scalar_number(1e6, out), "1000000");
    assert_string_equal(scalar_number(0.1, out), "0.1");
    assert_string_equal(scalar_number(-1e300, out), "-1e+300");
}

static const char *nearest(const char *name)
{
    struct suggest s;
    suggest_begin(&s, name);
    suggest_offer(&s, "top_n");
    suggest_offer(&s, "n_factors");
    suggest_offer(&s, "memory_mb");
    return s.nearest != NULL ? s.nearest : "";
}

static void near_names_are_suggested(void **state)
{
    (void)state;
    assert_string_equal(nearest("topn"), "top_n");
    assert_string_equal(nearest("TOP-N"), "top_n");
    assert_string_equal(nearest("tpo_n"), "top_n");
    assert_string_equal(nearest("nfactor"), "n_factors");
    assert_string_equal(nearest("memory"), "memory_mb");
    assert_string_equal(nearest("x"), "");
    assert_string_equal(nearest(""), "");
    assert_string_equal(nearest("speed"), "");
}

static void long_lists_of_names_are_cut(void **state)
{
    (void)state;
    struct suggest s;
    suggest_begin(&s, "zzzzzzzz");
    assert_string_equal(suggest_advice(&s), "remove it, there are none");
    for (int i = 0; i < 100; i++)
        suggest_offer(&s, "a_rather_long_name");
    assert_true(strlen(s.known) < sizeof s.known);
    assert_string_equal(s.known + strlen(s.known) - 5, ", ...");
    assert_int_equal(strncmp(suggest_advice(&s), "use one of: a_rather", 20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts_follow_the_core_schema),
        cmocka_unit_test(quoted_texts_stay_texts),
        cmocka_unit_test(values_are_shown_short_and_whole_characters),
        cmocka_unit_test(near_names_are_suggested),
        cmocka_unit_test(long_lists_of_names_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
