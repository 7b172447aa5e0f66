/* SPDX-License-Identifier: MIT */
#include "common/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char logged[8192];

/* Runs f with stderr in a pipe; its lines are in `logged` then. They fit into the pipe. */
static void capture(void (*f)(void))
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    f();
    dup2(saved, STDERR_FILENO);
    close(saved);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], logged + len, sizeof(logged) - 1 - len)) > 0)
        len += (size_t)n;
    logged[len] = '\0';
    close(ends[0]);
}

static void log_all_levels(void)
{
    log_error("e%d", 1);
    log_warn("w%d", 2);
    log_info("i%d", 3);
    log_debug("d%d", 4);
}

static void log_before_init(void **state)
{
    (void)state;
    capture(log_all_levels);
    assert_string_equal(logged, "sheaf: error: e1\nsheaf: warning: w2\n");
}

static void lines_below_the_level_are_dropped(void **state)
{
    (void)state;
    unsetenv("SHEAF_LOG");
    log_init("broker", LOG_INFO);
    capture(log_all_levels);
    assert_string_equal(logged, "sheaf broker: error: e1\nsheaf broker: warning: w2\nsheaf broker: info: i3\n");
}

static void the_environment_overrides_the_level(void **state)
{
    (void)state;
    setenv("SHEAF_LOG", "error", 1);
    log_init("run", LOG_DEBUG);
    capture(log_all_levels);
    assert_string_equal(logged, "sheaf run: error: e1\n");
    setenv("SHEAF_LOG", "debug", 1);
    log_init("run", LOG_ERROR);
    capture(log_all_levels);
    assert_non_null(strstr(logged, "sheaf run: debug: d4\n"));
    setenv("SHEAF_LOG", "warn", 1);
    log_init("run", LOG_ERROR);
    capture(log_all_levels);
    assert_string_equal(logged, "sheaf run: error: e1\nsheaf run: warning: w2\n");
}

static void init_with_loud(void)
{
    setenv("SHEAF_LOG", "loud", 1);
    log_init("run", LOG_WARN);
    unsetenv("SHEAF_LOG");
}

static void an_unknown_level_is_told_and_ignored(void **state)
{
    (void)state;
    capture(init_with_loud);
    assert_string_equal(logged, "sheaf run: warning: SHEAF_LOG=loud is no level; use error, warn, info or debug\n");
}

static void log_dirty(void)
{
    errno = EDOM;
    log_error("a\nb\x1b[0m\xff");
    assert_int_equal(errno, EDOM);
}

static void a_message_is_one_clean_line_and_errno_survives(void **state)
{
    (void)state;
    log_init("run", LOG_WARN);
    capture(log_dirty);
    assert_string_equal(logged, "sheaf run: error: a b [0m?\n");
}

static void log_long(void)
{
    log_error("%05000d", 1);
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
    (void)state;
    capture(log_long);
    assert_in_range(strlen(logged), 1000, 2048);
    assert_ptr_equal(strchr(logged, '\n'), logged + strlen(logged) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_before_init), /* first: it sees the state at start */
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(the_environment_overrides_the_level),
        cmocka_unit_test(an_unknown_level_is_told_and_ignored),
        cmocka_unit_test(a_message_is_one_clean_line_and_errno_survives),
        cmocka_unit_test(a_long_line_is_cut_and_still_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
