/* SPDX-License-Identifier: MIT */
#include "cli/args.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct options {
    bool fresh, given;
    const char *file, *state, *out;
    uint64_t slots, task;
    struct arg_list set;
};

static enum args_result parse(struct options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    const struct arg table[] = {
        {"FILE", ARG_WORD, &o->file, NULL, NULL, "a file", true},
        {"--slots", ARG_COUNT, &o->slots, NULL, "N", "", false},
        {"--task", ARG_INDEX, &o->task, &o->given, "I", "", false},
        {"--state", ARG_TEXT, &o->state, NULL, "DIR", "", false},
        {"-o", ARG_TEXT, &o->out, NULL, "FILE", "", false},
        {"--set", ARG_LIST, &o->set, NULL, "F=V", "", false},
        {"--fresh", ARG_FLAG, &o->fresh, NULL, NULL, "", false},
    };
    const struct args args = {"test", "A test.", table, sizeof table / sizeof table[0]};
    return args_parse(&args, argc, argv);
}

#define PARSE(o, ...)                                                                                                  \
    parse(o, (int)(sizeof((char *[]){"test", __VA_ARGS__}) / sizeof(char *)), (char *[]){"test", __VA_ARGS__})

static void options_and_words_come_in_any_order(void **state)
{
    (void)state;
    struct options o;
    assert_int_equal(PARSE(&o, "--slots", "3", "a.yaml", "--fresh", "--set", "a=1", "--set=b=2", "-o", "x"), ARGS_GO);
    assert_string_equal(o.file, "a.yaml");
    assert_string_equal(o.out, "x");
    assert_int_equal(o.slots, 3);
    assert_true(o.fresh);
    assert_int_equal(o.set.n, 2);
    assert_string_equal(o.set.values[0], "a=1");
    assert_string_equal(o.set.values[1], "b=2"); /* only the first '=' divides */
    assert_false(o.given);
}

static void a_double_dash_ends_the_options(void **state)
{
    (void)state;
    struct options o;
    assert_int_equal(PARSE(&o, "--task=0", "--", "--fresh"), ARGS_GO);
    assert_string_equal(o.file, "--fresh");
    assert_false(o.fresh);
    assert_true(o.given);
}

static void wrong_words_are_refused(void **state)
{
    (void)state;
    struct options o;
    assert_int_equal(PARSE(&o, "a", "b"), ARGS_WRONG);
    assert_int_equal(PARSE(&o, "--fresh"), ARGS_WRONG);
    assert_int_equal(PARSE(&o, "a", "--slot", "1"), ARGS_WRONG);
    assert_int_equal(PARSE(&o, "a", "--slots"), ARGS_WRONG);
    assert_int_equal(PARSE(&o, "a", "--fresh=1"), ARGS_WRONG);
}

static void numbers_are_whole_and_fit(void **state)
{
    (void)state;
    struct options o;
    static char *const wrong[] = {"0", "-1", "+1", " 1", "1.5", "1x", "", "0x10", "18446744073709551616"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(PARSE(&o, "a", "--slots", wrong[i]), ARGS_WRONG);
    assert_int_equal(PARSE(&o, "a", "--slots", "18446744073709551615"), ARGS_GO);
    assert_true(o.slots == UINT64_MAX);
    assert_int_equal(PARSE(&o, "a", "--task", "0"), ARGS_GO);
}

static void help_wins_over_errors(void **state)
{
    (void)state;
    struct options o;
    assert_int_equal(PARSE(&o, "--nonsense", "--help"), ARGS_HELP);
}

static void a_list_has_an_end(void **state)
{
    (void)state;
    struct options o;
    char *argv[2 + 2 * (ARGS_MAX_LIST + 1)] = {"test", "a"};
    for (size_t i = 0; i <= ARGS_MAX_LIST; i++) {
        argv[2 + 2 * i] = "--set";
        argv[3 + 2 * i] = "x=1";
    }
    assert_int_equal(parse(&o, 2 + 2 * (int)ARGS_MAX_LIST, argv), ARGS_GO);
    assert_int_equal(parse(&o, 2 + 2 * ((int)ARGS_MAX_LIST + 1), argv), ARGS_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_come_in_any_order),
        cmocka_unit_test(a_double_dash_ends_the_options),
        cmocka_unit_test(wrong_words_are_refused),
        cmocka_unit_test(numbers_are_whole_and_fit),
        cmocka_unit_test(help_wins_over_errors),
        cmocka_unit_test(a_list_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
