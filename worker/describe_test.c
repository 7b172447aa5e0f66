/* SPDX-License-Identifier: MIT
 *
 * The describing child with real plugins: this program is its own `sheaf describe-plugin`.
 */
#include "worker/describe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define TEST_PLUGIN(name) TEST_PLUGINS "/" name ".so"

static struct arena arena;
static struct diag diag;
static struct plan_plugin plugin;
static const char *self_exe;

static int ask(const char *path, const char *config)
{
    memset(&diag, 0, sizeof diag);
    struct plugin_place place = {path, ""};
    return plugin_describe_child(self_exe, &place, config, NULL, &arena, &plugin, &diag);
}

static void assert_said(const char *words)
{
    if (!strstr(diag.text, words))
        fail_msg("'%s' does not say '%s'", diag.text, words);
}

static void a_good_plugin_is_described(void **state)
{
    (void)state;
    assert_int_equal(ask(TEST_PLUGIN("context"), "{\"k\":[1,2]}"), 0);
    assert_string_equal(plugin.name, "context");
    assert_string_equal(plugin.path, TEST_PLUGIN("context"));
    assert_string_equal(plugin.config, "{\"k\":[1,2]}");
    assert_string_equal(plugin.params[2].choices[2], "blue");
    assert_int_equal(plugin.n_scores, 15);
    assert_int_equal(plugin.digest.len, HASH_BYTES);
}

static void a_refusal_comes_back_in_its_own_words(void **state)
{
    (void)state;
    assert_int_equal(ask(TEST_PLUGIN("describe_fail"), "{}"), SHEAF_EINVAL);
    assert_said("describe failed: the config is not to my taste");
    assert_int_equal(ask(TEST_PLUGIN("abi_major"), "{}"), SHEAF_EINVAL);
    assert_said("built for ABI 2.0");
    assert_int_equal(ask(TEST_PLUGIN("missing_symbol"), "{}"), SHEAF_EINVAL);
    assert_said("refused_nobody_defines_this");
}

static void a_crash_is_told_with_signal_and_last_words(void **state)
{
    (void)state;
    assert_int_equal(ask(TEST_PLUGIN("ctor_crash"), "{}"), SHEAF_EINVAL);
    assert_said("signal 11");
    assert_said("it last wrote: refused: in the constructor");
    assert_int_equal(ask(TEST_PLUGIN("describe_crash"), "{}"), SHEAF_EINVAL);
    assert_said("signal 11");
    assert_said("it last wrote: refused: in describe");
}

static void an_exit_is_told_even_with_status_0(void **state)
{
    (void)state;
    assert_int_equal(ask(TEST_PLUGIN("ctor_exit"), "{}"), SHEAF_EINVAL);
    assert_said("exit status 0");
    assert_int_equal(ask(TEST_PLUGIN("describe_exit"), "{}"), SHEAF_EINVAL);
    assert_said("exit status 3");
}

static void a_hang_is_stopped(void **state)
{
    (void)state;
    int before = describe_timeout_ms;
    describe_timeout_ms = 500;
    int rc = ask(TEST_PLUGIN("describe_hang"), "{}");
    describe_timeout_ms = before;
    assert_int_equal(rc, SHEAF_EINVAL);
    assert_said("did not describe itself within");
}

static void a_config_larger_than_any_buffer_arrives(void **state)
{
    (void)state;
    size_t n = (size_t)2 << 20;
    char *config = malloc(n + 1);
    assert_non_null(config);
    memset(config, ' ', n);
    config[0] = '{', config[n - 1] = '}', config[n] = 0;
    /* The plan's own cap is smaller, so what comes back is that refusal: nothing hangs and nothing is cut. */
    assert_int_equal(ask(TEST_PLUGIN("echo"), config), SHEAF_EINVAL);
    assert_said("too large");
    assert_int_equal(ask(TEST_PLUGIN("ctor_crash"), config), SHEAF_EINVAL);
    assert_said("signal 11");
    free(config);
}

static void an_executable_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    const char *real = self_exe;
    self_exe = "/nonexistent/sheaf";
    int rc = ask(TEST_PLUGIN("echo"), "{}");
    self_exe = real;
    assert_int_equal(rc, SHEAF_EIO);
    assert_said("/nonexistent/sheaf");
}

static void a_program_that_answers_garbage_is_an_error(void **state)
{
    (void)state;
    const char *real = self_exe;
    setenv("DESCRIBE_TEST_GARBAGE", "1", 1);
    int rc = ask(TEST_PLUGIN("echo"), "{}");
    unsetenv("DESCRIBE_TEST_GARBAGE");
    self_exe = real;
    assert_int_equal(rc, SHEAF_EINVAL);
    assert_said("garbage");
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "describe-plugin") == 0) {
        if (getenv("DESCRIBE_TEST_GARBAGE"))
            _exit(write(DESCRIBE_ANSWER_FD, "P\4\0\0\0zzzz", 9) == 9 ? 0 : 1);
        _exit(describe_serve(&(struct plugin_place){argv[2], argv[3]}));
    }
    self_exe = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_plugin_is_described),
        cmocka_unit_test(a_refusal_comes_back_in_its_own_words),
        cmocka_unit_test(a_crash_is_told_with_signal_and_last_words),
        cmocka_unit_test(an_exit_is_told_even_with_status_0),
        cmocka_unit_test(a_hang_is_stopped),
        cmocka_unit_test(a_config_larger_than_any_buffer_arrives),
        cmocka_unit_test(an_executable_that_is_not_there_is_an_error),
        cmocka_unit_test(a_program_that_answers_garbage_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
