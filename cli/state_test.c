/* SPDX-License-Identifier: MIT */
#include "cli/state.h"
#include "common/fsutil.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[] = "/tmp/sheaf-state-test-XXXXXX";
static struct arena arena;

static int make_root(void **state)
{
    (void)state;
    strcpy(root + sizeof root - 7, "XXXXXX");
    arena_init(&arena, 0);
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int drop_root(void **state)
{
    (void)state;
    arena_finish(&arena);
    return dir_remove(root);
}

static int enter(uint8_t first_byte, const char *name, struct state_sweep *s, int *fd, struct diag *d)
{
    uint8_t identity[HASH_BYTES] = {first_byte};
    return state_enter(root, identity, name, "/a/sweep.yaml", &arena, s, fd, d);
}

static void numbers_rise_and_are_not_given_again(void **state)
{
    (void)state;
    struct state_sweep a, b, c;
    int fd;
    assert_int_equal(enter(1, "one", &a, &fd, NULL), 0);
    assert_int_equal(a.number, 1);
    (void)close(fd);
    assert_int_equal(enter(2, "two", &b, &fd, NULL), 0);
    assert_int_equal(b.number, 2);
    assert_int_equal(state_remove(&b, NULL), 0);
    (void)close(fd);
    assert_int_equal(enter(3, "", &c, &fd, NULL), 0);
    assert_int_equal(c.number, 3);
    (void)close(fd);
    assert_int_equal(enter(1, "one", &a, &fd, NULL), 0);
    assert_int_equal(a.number, 1); /* the same sweep keeps its own */
    (void)close(fd);
}

static void a_sweep_is_found_by_number_name_and_last(void **state)
{
    (void)state;
    struct state_sweep a, b, s;
    struct diag d;
    int fd;
    assert_int_equal(state_find(root, "last", &arena, &s, &d), SHEAF_ENOENT);
    assert_int_equal(enter(1, "same", &a, &fd, NULL), 0);
    (void)close(fd);
    assert_int_equal(enter(2, "same", &b, &fd, NULL), 0);
    (void)close(fd);
    assert_int_equal(state_find(root, "1", &arena, &s, &d), 0);
    assert_string_equal(s.dir, a.dir);
    assert_string_equal(s.source, "/a/sweep.yaml");
    assert_int_equal(state_find(root, "same", &arena, &s, &d), 0);
    assert_int_equal(s.number, 2);
    assert_int_equal(enter(1, "same", &a, &fd, NULL), 0); /* runs again, so it is the last one now */
    (void)close(fd);
    assert_int_equal(state_find(root, "last", &arena, &s, &d), 0);
    assert_int_equal(s.number, 1);
    assert_int_equal(state_find(root, "3", &arena, &s, &d), SHEAF_ENOENT);
    assert_int_equal(state_find(root, "", &arena, &s, &d), SHEAF_ENOENT);
    assert_int_equal(state_find(root, "99999999999999999999999", &arena, &s, &d), SHEAF_ENOENT);
}

/* Locks are a process's, so the other one has to be a process. */
static int enter_elsewhere(uint8_t first_byte)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct state_sweep s;
        struct diag d = {{0}};
        int fd, err = enter(first_byte, "x", &s, &fd, &d);
        _exit(err == SHEAF_EBUSY && strstr(d.text, "sheaf wait 1") != NULL ? 42 : -err);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void one_process_at_a_time_runs_a_sweep(void **state)
{
    (void)state;
    struct state_sweep s;
    int fd;
    assert_int_equal(enter(1, "x", &s, &fd, NULL), 0);
    assert_int_equal(enter_elsewhere(1), 42);
    assert_int_equal(enter_elsewhere(2), 0);
    (void)close(fd);
    assert_int_equal(enter_elsewhere(1), 0);
}

static void clearing_keeps_the_number_and_drops_the_rest(void **state)
{
    (void)state;
    struct state_sweep s, again;
    char path[4096];
    int fd;
    assert_int_equal(enter(7, "n", &s, &fd, NULL), 0);
    (void)snprintf(path, sizeof path, "%s/journal.db", s.dir);
    assert_int_equal(file_write_atomic(path, "x", 1, NULL), 0);
    assert_int_equal(state_clear(&s, NULL), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(state_find(root, "1", &arena, &again, NULL), 0);
    assert_string_equal(again.name, "n");
    (void)close(fd);
}

static void other_folders_are_passed_over(void **state)
{
    (void)state;
    char path[4096];
    struct state_sweep *all;
    uint32_t n = 99;
    (void)snprintf(path, sizeof path, "%s/notes", root);
    assert_int_equal(dir_make(path, 0700, NULL), 0);
    (void)snprintf(path, sizeof path, "%s/0123456789abcdef", root); /* no number in it yet */
    assert_int_equal(dir_make(path, 0700, NULL), 0);
    assert_int_equal(state_scan(root, &arena, &all, &n, NULL), 0);
    assert_int_equal(n, 0);
    assert_int_equal(state_scan("/nonexistent/sheaf", &arena, &all, &n, NULL), 0);
    assert_int_equal(n, 0);
}

static void the_root_comes_from_flag_then_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("SHEAF_STATE", "/env", 1), 0);
    assert_string_equal(state_root("/flag", &arena, NULL), "/flag");
    assert_string_equal(state_root(NULL, &arena, NULL), "/env");
    assert_int_equal(unsetenv("SHEAF_STATE"), 0);
    assert_int_equal(setenv("XDG_STATE_HOME", "/xdg", 1), 0);
    assert_string_equal(state_root(NULL, &arena, NULL), "/xdg/sheaf");
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    assert_int_equal(setenv("HOME", "/home/u", 1), 0);
    assert_string_equal(state_root(NULL, &arena, NULL), "/home/u/.local/state/sheaf");
    assert_int_equal(unsetenv("HOME"), 0);
    struct diag d = {{0}};
    assert_null(state_root(NULL, &arena, &d));
    assert_non_null(strstr(d.text, "--state"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, drop_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_rise_and_are_not_given_again), TEST(a_sweep_is_found_by_number_name_and_last),
        TEST(one_process_at_a_time_runs_a_sweep),   TEST(clearing_keeps_the_number_and_drops_the_rest),
        TEST(other_folders_are_passed_over),        TEST(the_root_comes_from_flag_then_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
