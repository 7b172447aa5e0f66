/* SPDX-License-Identifier: MIT */
#include "cli/again.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void check(const struct run_options *o, const char *expected)
{
    struct buf out = {0};
    assert_int_equal(again_command(o, &out), 0);
    assert_string_equal((const char *)out.data, expected);
    buf_finish(&out);
}

static void a_plain_run_is_its_file(void **state)
{
    (void)state;
    check(&(struct run_options){.path = "dir/sweep.yaml", .slots = 4, .top = 3, .json = true, .fresh = true},
          "sheaf run dir/sweep.yaml");
}

static void what_makes_it_another_sweep_is_repeated(void **state)
{
    (void)state;
    const char *set[] = {"params.top_n=3", "params.x={from: 1, to: 2}"};
    check(&(struct run_options){.path = "s.yaml",
                                .overrides = {.set = set, .n_set = 2, .seed = "7", .limit = "100", .verify = "1%"},
                                .state = "/var/state",
                                .broker = "tcp://10.0.0.1:77"},
          "sheaf run s.yaml --set params.top_n=3 --set 'params.x={from: 1, to: 2}' --seed 7 --limit 100 --verify 1%"
          " --state /var/state --broker tcp://10.0.0.1:77");
}

static void what_a_shell_would_take_apart_is_quoted(void **state)
{
    (void)state;
    const char *set[] = {"name=it's $HOME", ""};
    check(&(struct run_options){.path = "a b.yaml", .overrides = {.set = set, .n_set = 2}},
          "sheaf run 'a b.yaml' --set 'name=it'\\''s $HOME' --set ''");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_run_is_its_file),
        cmocka_unit_test(what_makes_it_another_sweep_is_repeated),
        cmocka_unit_test(what_a_shell_would_take_apart_is_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
