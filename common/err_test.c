/* SPDX-License-Identifier: MIT */
#include "common/err.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void every_error_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = SHEAF_ERR_LAST; a <= 0; a++) {
        assert_non_null(sheaf_strerror(a));
        assert_string_not_equal(sheaf_strerror(a), "");
        assert_string_not_equal(sheaf_strerror(a), "unknown error");
        for (int b = SHEAF_ERR_LAST; b < a; b++)
            assert_string_not_equal(sheaf_strerror(a), sheaf_strerror(b));
    }
}

static void numbers_that_are_no_error_have_a_name_too(void **state)
{
    (void)state;
    const int strange[] = {1, SHEAF_ERR_LAST - 1, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
        assert_string_equal(sheaf_strerror(strange[i]), "unknown error");
}

static void a_diag_is_one_clean_line(void **state)
{
    (void)state;
    struct diag d = {0};
    assert_int_equal(diag_fail(&d, SHEAF_EINVAL, "%s:%d: no\nsuch\x1b[1mthing", "a.yaml", 3), SHEAF_EINVAL);
    assert_string_equal(d.text, "a.yaml:3: no such [1mthing");
}

static void a_diag_is_cut_to_fit(void **state)
{
    (void)state;
    struct diag d;
    char longer[2 * sizeof(d.text)];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(diag_fail(&d, SHEAF_EIO, "%s", longer), SHEAF_EIO);
    assert_int_equal(strlen(d.text), sizeof(d.text) - 1);
}

static void a_caller_can_put_context_in_front(void **state)
{
    (void)state;
    struct diag d;
    diag_fail(&d, SHEAF_EIO, "disk on fire");
    assert_int_equal(diag_fail(&d, SHEAF_EIO, "cannot pack: %s", d.text), SHEAF_EIO);
    assert_string_equal(d.text, "cannot pack: disk on fire");
}

static void nobody_has_to_want_the_text(void **state)
{
    (void)state;
    assert_int_equal(diag_fail(NULL, SHEAF_EGONE, "%d", 1), SHEAF_EGONE);
}

static void a_failed_assertion_names_the_place_and_aborts(void **state)
{
    (void)state;
    int err[2];
    assert_int_equal(pipe(err), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(err[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        SHEAF_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    close(err[1]);
    char text[512] = "";
    size_t len = 0;
    ssize_t n;
    while (len < sizeof(text) - 1 && (n = read(err[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    close(err[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "err_test.c:"));
    assert_non_null(strstr(text, "1 + 1 == 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_of_its_own),
        cmocka_unit_test(numbers_that_are_no_error_have_a_name_too),
        cmocka_unit_test(a_diag_is_one_clean_line),
        cmocka_unit_test(a_diag_is_cut_to_fit),
        cmocka_unit_test(a_caller_can_put_context_in_front),
        cmocka_unit_test(nobody_has_to_want_the_text),
        cmocka_unit_test(a_failed_assertion_names_the_place_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
