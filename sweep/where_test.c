/* SPDX-License-Identifier: MIT
 *
 * Tests of where: what constraints mean, exactness of ints, and the column of every error.
 */
#include "sweep/where.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *choices[] = {"equal", "ic"};
static struct plan_param params[] = {
    {.name = "fast", .type = SHEAF_INT},
    {.name = "slow", .type = SHEAF_INT},
    {.name = "alpha", .type = SHEAF_FLOAT},
    {.name = "weighting", .type = SHEAF_CHOICE, .choices = choices, .n_choices = 2},
    {.name = "note", .type = SHEAF_TEXT},
    {.name = "flag", .type = SHEAF_BOOL},
    {.name = "min", .type = SHEAF_INT},
};
static const struct plan_plugin plugin = {.params = params, .n_params = 7};
static const struct sheaf_value values[] = {
    {.i = 5, .f = 5}, {.i = 20, .f = 20}, {.f = 0.25},        {.i = 1, .text = "ic"},
    {.text = "x y"},  {.i = 1},           {.i = -7, .f = -7},
};

static bool holds(const char *text)
{
    struct diag d = {""};
    struct where *w = where_compile(text, &plugin, &d);
    if (!w)
        fail_msg("%s: %s", text, d.text);
    bool yes = where_holds(w, values);
    where_destroy(w);
    return yes;
}

static void refused(const char *text, const char *why)
{
    struct diag d = {""};
    struct where *w = where_compile(text, &plugin, &d);
    where_destroy(w);
    if (w || !strstr(d.text, why))
        fail_msg("%s: '%s', wanted '%s'", text, d.text, why);
}

static void compares_numbers(void **state)
{
    (void)state;
    assert_true(holds("fast < slow"));
    assert_false(holds("fast > slow"));
    assert_true(holds("fast <= 5 and fast >= 5 and fast == 5 and fast != 6"));
    assert_true(holds("alpha < fast and 0.25 == alpha and 1e-3 < alpha"));
    assert_false(holds("fast<5"));
}

static void chains_comparisons(void **state)
{
    (void)state;
    assert_true(holds("0 < fast < slow <= 20"));
    assert_false(holds("0 < fast < 5"));
    assert_false(holds("30 > fast > slow > 1"));
    assert_true(holds("1 < 2 + 1 < fast < fast * 4 == slow != 3"));
}

static void binds_as_in_school(void **state)
{
    (void)state;
    assert_true(holds("2 + 3 * 4 == 14 and (2 + 3) * 4 == 20"));
    assert_true(holds("10 - 3 - 2 == 5 and 20 / 4 / 5 == 1"));
    assert_true(holds("-fast + 6 == 1 and - - fast == 5 and 2 * -3 == -6"));
    assert_true(holds("true or false and false"));
    assert_false(holds("(true or false) and false"));
    assert_true(holds("not false and not fast > slow"));
    assert_false(holds("not (fast < slow or false)"));
}

static void divides_and_takes_remainders(void **state)
{
    (void)state;
    assert_true(holds("7 / 2 == 3.5"));
    assert_true(holds("slow % fast == 0 and 7 % 3 == 1"));
    assert_true(holds("min % 3 == 2 and 7 % -3 == -2 and -6 % 3 == 0"));
    assert_false(holds("5 % 0 == 0"));
    assert_true(holds("5 % 0 != 5 % 0"));
    assert_true(holds("1 / 0 > 1e300"));
    assert_true(holds("(-9223372036854775807 - 1) % -1 == 0"));
}

static void calls_functions(void **state)
{
    (void)state;
    assert_true(holds("abs(fast - slow) == 15 and abs(-0.5) == 0.5"));
    assert_true(holds("min(fast, slow, 3) == 3 and max(1, 2.5, fast) == 5 and min(2) == 2"));
    assert_true(holds("min == -7 and min (min, 0) == -7"));
    assert_true(holds("max(fast, 3) % 2 == 1"));
}

static void compares_texts_choices_and_bools(void **state)
{
    (void)state;
    assert_true(holds("weighting == \"ic\" and weighting != 'equal'"));
    assert_true(holds("note == 'x y' and 'x' != note"));
    assert_true(holds("flag and flag == true and not (flag == false)"));
    assert_true(holds("weighting == 'equal' or slow > 10"));
    assert_true(holds("'a' == 'a' == 'a'"));
}

static void keeps_ints_exact(void **state)
{
    (void)state;
    assert_true(holds("9223372036854775807 > 9223372036854775806"));
    assert_true(holds("9007199254740993 != 9007199254740992"));
    assert_false(holds("9007199254740993 == 9007199254740992 + 0"));
    assert_true(holds("9007199254740993 == 9007199254740992.0")); /* a float took part */
    assert_true(holds("9223372036854775807 + 1 > 9223372036854774784"));
    assert_true(holds("9223372036854775807 * 2 == 18446744073709551614.0"));
    assert_true(holds("-(-9223372036854775807 - 1) == 9223372036854775808.0"));
    assert_true(holds("9223372036854775808 == 9223372036854775808.0"));
}

static void names_the_column_of_an_error(void **state)
{
    (void)state;
    refused("fast < quick", "column 8: the plugin has no parameter 'quick'");
    refused("fast < ", "column 8: the constraint ends too early");
    refused("", "column 1: the constraint ends");
    refused("fast < slow slow", "column 13: 's' does not belong here");
    refused("fast = 3", "column 6: write ==");
    refused("(fast < slow", "column 13: a ')' is missing");
    refused("min(fast, 3 < 4", "column 13: a ')' is missing after the arguments of min");
    refused("fast < 1x", "column 8: this is no number");
    refused("note == 'open", "column 9: the text that begins here has no closing '");
    refused("fast & slow", "column 6: '&' does not belong here");
    refused("abs(1, 2) == 1", "column 1: abs takes one number");
}

static void refuses_types_that_do_not_fit(void **state)
{
    (void)state;
    refused("fast", "column 1: a constraint needs conditions, this is an int");
    refused("fast and slow", "column 1: and needs conditions");
    refused("true or slow", "column 9: or needs conditions");
    refused("not fast", "column 5: not needs conditions");
    refused("weighting < 'ic'", "column 1: a text has no order");
    refused("weighting == 3", "column 14: an int cannot be compared with a text");
    refused("weighting == 'iic'", "column 14: 'iic' is no choice of weighting");
    refused("-note == 'x'", "column 2: - needs numbers, this is a text");
    refused("fast + flag < 3", "column 8: + needs numbers, this is a condition");
    refused("alpha % 2 == 0", "column 1: % takes ints");
    refused("1 < fast < true", "column 12: a condition cannot be compared with an int");
}

static void survives_deep_and_long_input(void **state)
{
    (void)state;
    static char text[400000];
    memset(text, '(', sizeof(text) - 1);
    refused(text, "nested too deeply");
    memset(text, '-', sizeof(text) - 1);
    refused(text, "nested too deeply");
    size_t n = 0;
    for (int i = 0; i < 60000; i++)
        n += (size_t)sprintf(text + n, "%s1", i ? "<" : "");
    refused(text, "too long");
    n = 0;
    for (int i = 0; i < 60; i++)
        n += (size_t)sprintf(text + n, "(1<2<");
    refused(text, "column");
    n = 0;
    for (int i = 0; i < 60; i++)
        n += (size_t)sprintf(text + n, "1+(");
    n += (size_t)sprintf(text + n, "0");
    for (int i = 0; i < 60; i++)
        n += (size_t)sprintf(text + n, ")");
    sprintf(text + n, " == 60");
    assert_true(holds(text));
}

static void refuses_every_prefix_or_takes_it(void **state)
{
    (void)state;
    const char *whole = "not (abs(fast - 1.5e+2) <= max(slow, 3)) or weighting != \"ic\" and -fast % 7 < 2 < 3";
    for (size_t n = 0; n <= strlen(whole); n++) {
        char *cut = malloc(n + 1); /* exact size, so that a sanitizer sees a read beyond it */
        assert_non_null(cut);
        memcpy(cut, whole, n);
        cut[n] = 0;
        struct diag d = {""};
        struct where *w = where_compile(cut, &plugin, &d);
        assert_true((w == NULL) == (d.text[0] != 0));
        where_destroy(w);
        free(cut);
    }
    assert_true(holds(whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_numbers),
        cmocka_unit_test(chains_comparisons),
        cmocka_unit_test(binds_as_in_school),
        cmocka_unit_test(divides_and_takes_remainders),
        cmocka_unit_test(calls_functions),
        cmocka_unit_test(compares_texts_choices_and_bools),
        cmocka_unit_test(keeps_ints_exact),
        cmocka_unit_test(names_the_column_of_an_error),
        cmocka_unit_test(refuses_types_that_do_not_fit),
        cmocka_unit_test(survives_deep_and_long_input),
        cmocka_unit_test(refuses_every_prefix_or_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
