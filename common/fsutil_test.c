/* SPDX-License-Identifier: MIT */
#include "common/fsutil.h"
#include "common/mem_fail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* Each test has an empty directory of its own as working directory. */
static char home[PATH_MAX], work[PATH_MAX];

static int enter_work(void **state)
{
    (void)state;
    snprintf(work, sizeof(work), "/tmp/sheaf-fsutil-XXXXXX");
    return mkdtemp(work) == NULL || getcwd(home, sizeof(home)) == NULL || chdir(work) != 0;
}

static int leave_work(void **state)
{
    (void)state;
    return chdir(home) != 0 || dir_remove(work) != 0 || access(work, F_OK) == 0;
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static size_t entries(const char *path)
{
    size_t n = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n - 2; /* "." and ".." */
}

static void assert_file(const char *path, const char *text)
{
    struct buf b = {0};
    assert_int_equal(file_read(path, 1000, &b, NULL), 0);
    assert_int_equal(b.len, strlen(text));
    assert_true(b.len == 0 || memcmp(b.data, text, b.len) == 0);
    buf_finish(&b);
}

static void a_written_file_has_the_new_bytes_and_no_temporary(void **state)
{
    (void)state;
    struct diag d = {0};
    assert_int_equal(file_write_atomic("f", "first text", 10, &d), 0);
    assert_file("f", "first text");
    assert_int_equal(file_write_atomic("./f", "2nd", 3, &d), 0);
    assert_file("f", "2nd");
    assert_int_equal(file_write_atomic("f", NULL, 0, &d), 0);
    assert_file("f", "");
    assert_int_equal(entries("."), 1);
    assert_string_equal(d.text, "");
}

static void a_failed_write_leaves_the_old_state(void **state)
{
    (void)state;
    struct diag d = {0};
    assert_int_equal(mkdir("dir", 0755), 0);
    assert_int_not_equal(file_write_atomic("dir", "x", 1, &d), 0); /* a directory is in the way */
    assert_non_null(strstr(d.text, "cannot write dir: "));
    assert_int_equal(file_write_atomic("none/f", "x", 1, &d), SHEAF_ENOENT);
    assert_non_null(strstr(d.text, "none/f"));
    assert_int_equal(file_write_atomic("f", "x", 1, &d), 0);
    mem_fail_after(0);
    int err = file_write_atomic("f", "y", 1, &d);
    mem_fail_end();
    assert_int_equal(err, SHEAF_ENOMEM);
    assert_file("f", "x");
    assert_int_equal(entries("."), 2);
}

static void reading_appends_up_to_the_limit(void **state)
{
    (void)state;
    struct buf b = {0};
    struct diag d = {0};
    assert_int_equal(file_write_atomic("f", "12345", 5, &d), 0);
    assert_int_equal(buf_append(&b, "0", 1), 0);
    assert_int_equal(file_read("f", 5, &b, &d), 0);
    assert_int_equal(b.len, 6);
    assert_memory_equal(b.data, "012345", 6);
    assert_int_equal(file_read("f", 4, &b, &d), SHEAF_ELIMIT);
    assert_int_equal(b.len, 6);
    assert_non_null(strstr(d.text, "cannot read f: larger than the limit of 4 bytes"));
    assert_int_equal(file_read("none", 5, &b, &d), SHEAF_ENOENT);
    assert_int_equal(file_read("f/f", 5, &b, &d), SHEAF_ENOENT);
    assert_int_equal(file_read(".", 5, &b, &d), SHEAF_EIO);
    assert_int_equal(b.len, 6);
    assert_int_equal(file_read("f", SIZE_MAX, &b, &d), 0);
    assert_int_equal(b.len, 11);
    buf_finish(&b);
}

static void large_files_come_back(void **state)
{
    (void)state;
    struct buf b = {0}, got = {0};
    assert_int_equal(buf_append(&b, NULL, 300000), 0);
    b.data[299999] = 9;
    assert_int_equal(file_write_atomic("f", b.data, b.len, NULL), 0);
    assert_int_equal(file_read("f", 300000, &got, NULL), 0);
    assert_int_equal(got.len, b.len);
    assert_memory_equal(got.data, b.data, b.len);
    assert_int_equal(file_read("f", 299999, &got, NULL), SHEAF_ELIMIT);
    buf_finish(&b);
    buf_finish(&got);
}

static void directories_are_made_with_their_parents(void **state)
{
    (void)state;
    struct diag d = {0};
    assert_int_equal(dir_make("a/b//c/", 0755, &d), 0);
    assert_true(exists("a/b/c"));
    assert_int_equal(dir_make("a/b/c", 0755, &d), 0);
    assert_int_equal(dir_make("/", 0755, &d), 0);
    assert_int_equal(dir_make(".", 0755, &d), 0);
    assert_string_equal(d.text, "");
}

static void a_file_in_the_way_of_a_directory_is_told(void **state)
{
    (void)state;
    struct diag d = {0};
    assert_int_equal(file_write_atomic("f", "x", 1, &d), 0);
    assert_int_not_equal(dir_make("f", 0755, &d), 0);
    assert_int_not_equal(dir_make("f/g", 0755, &d), 0);
    assert_non_null(strstr(d.text, "cannot make directory f/g: "));
    assert_int_not_equal(dir_make("", 0755, &d), 0);
    assert_file("f", "x");
}

static void a_tree_is_removed_and_links_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(dir_make("keep/inside", 0755, NULL), 0);
    assert_int_equal(file_write_atomic("keep/f", "x", 1, NULL), 0);
    assert_int_equal(dir_make("tree/a/b/.hidden", 0755, NULL), 0);
    assert_int_equal(file_write_atomic("tree/a/f", "x", 1, NULL), 0);
    assert_int_equal(symlink("../../keep", "tree/a/link"), 0);
    assert_int_equal(symlink("nowhere", "tree/dangling"), 0);
    assert_int_equal(dir_remove("tree"), 0);
    assert_false(exists("tree"));
    assert_file("keep/f", "x");
    assert_int_equal(symlink("keep", "link"), 0);
    assert_int_equal(dir_remove("link"), 0);
    assert_false(exists("link"));
    assert_true(exists("keep/inside"));
}

static void removing_a_file_or_nothing_works_too(void **state)
{
    (void)state;
    assert_int_equal(file_write_atomic("f", "x", 1, NULL), 0);
    assert_int_equal(dir_remove("f"), 0);
    assert_false(exists("f"));
    assert_int_equal(dir_remove("f"), 0);
    assert_int_equal(dir_remove("none/f"), 0);
}

static void relative_paths_count_from_the_base(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    assert_string_equal(path_absolute(&a, "/base", "/x/../y"), "/x/../y");
    assert_string_equal(path_absolute(&a, "/base", "x"), "/base/x");
    assert_string_equal(path_absolute(&a, "/base/", "././x/y"), "/base/x/y");
    assert_string_equal(path_absolute(&a, "/base", "../x"), "/base/../x");
    assert_string_equal(path_absolute(&a, "/base", "."), "/base");
    assert_string_equal(path_absolute(&a, "/", "x"), "/x");
    char here[PATH_MAX];
    assert_non_null(getcwd(here, sizeof(here)));
    assert_string_equal(path_absolute(&a, NULL, "x"), arena_printf(&a, "%s/x", here));
    assert_string_equal(path_absolute(&a, "", "x"), arena_printf(&a, "%s/x", here));
    assert_string_equal(path_absolute(&a, "sub", "x"), arena_printf(&a, "%s/sub/x", here));
    assert_string_equal(path_absolute(&a, ".", "./x"), arena_printf(&a, "%s/x", here));
    arena_finish(&a);
}

static void paths_of_one_file_are_the_same(void **state)
{
    (void)state;
    char here[PATH_MAX], whole[PATH_MAX + 8];
    assert_non_null(getcwd(here, sizeof(here)));
    char folder[] = "fsutil-same.XXXXXX", made[64], linked[64], absent[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(made, sizeof(made), "%s/a", folder);
    (void)snprintf(linked, sizeof(linked), "%s/b", folder);
    (void)snprintf(absent, sizeof(absent), "%s/../%s//c", folder, folder);
    assert_int_equal(file_write_atomic(made, "x", 1, NULL), 0);
    assert_int_equal(symlink("a", linked), 0);
    assert_true(path_same("no/such", "no/such"));
    assert_false(path_same("no/such", "./no/such")); /* without the folder nothing can be said, and no file be made */
    assert_true(path_same(made, linked));
    assert_true(path_same("absent", "./absent"));
    (void)snprintf(whole, sizeof(whole), "%s/absent", here);
    assert_true(path_same("absent", whole));
    assert_false(path_same(made, "a"));
    assert_false(path_same(absent, made));
    (void)snprintf(made, sizeof(made), "%s/c", folder);
    assert_true(path_same(absent, made));
    assert_int_equal(dir_remove(folder), 0);
}

static void system_errors_become_ours(void **state)
{
    (void)state;
    assert_int_equal(file_error(0), 0);
    assert_int_equal(file_error(ENOENT), SHEAF_ENOENT);
    assert_int_equal(file_error(ENOSPC), SHEAF_ENOSPC);
    assert_int_equal(file_error(ENOMEM), SHEAF_ENOMEM);
    assert_int_equal(file_error(EBUSY), SHEAF_EBUSY);
    assert_int_equal(file_error(EACCES), SHEAF_EIO);
}

static void a_pipe_is_closed_on_exec_and_waits_unless_told_not_to(void **state)
{
    (void)state;
    static const int flags[] = {0, O_NONBLOCK};
    for (size_t i = 0; i < 2; i++) {
        int ends[2];
        char got = 0;
        assert_int_equal(pipe_make(ends, flags[i]), 0);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(fcntl(ends[j], F_GETFD), FD_CLOEXEC);
            assert_int_equal(fcntl(ends[j], F_GETFL) & O_NONBLOCK, flags[i]);
        }
        assert_int_equal(write(ends[1], "x", 1), 1);
        assert_int_equal(read(ends[0], &got, 1), 1);
        assert_int_equal(got, 'x');
        close(ends[0]);
        close(ends[1]);
    }
}

/* The next n descriptors can be had, and no more, until it is set back to what this returns. */
static struct rlimit leave_descriptors(unsigned n)
{
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int next = dup(0);
    assert_true(next >= 0);
    close(next);
    struct rlimit tight = {(rlim_t)next + n, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    return old;
}

static void a_pipe_for_which_there_is_no_room_leaves_nothing(void **state)
{
    (void)state;
    int ends[2] = {7, 7};
    struct rlimit old = leave_descriptors(1);
    int err = pipe_make(ends, 0), why = errno, one = dup(0);
    close(one);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(err, SHEAF_EIO);
    assert_int_equal(why, EMFILE);
    assert_true(ends[0] == -1 && ends[1] == -1);
    assert_true(one >= 0);
}

#define IN_WORK(test) cmocka_unit_test_setup_teardown(test, enter_work, leave_work)

static void too_few_descriptors_are_said_before_they_run_out(void **state)
{
    (void)state;
    struct diag d = {""};
    assert_int_equal(descriptors_check(DESCRIPTORS_MOST, &d), 0);
    struct rlimit old = leave_descriptors(5);
    int enough = descriptors_check(5, &d), few = descriptors_check(6, &d), again = descriptors_check(5, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(enough, 0);
    assert_int_equal(few, SHEAF_EIO);
    assert_int_equal(again, 0);
    assert_string_equal(d.text, "only 5 more files can be opened where 6 are needed (Too many open files); "
                                "raise the limit: ulimit -n");
}

static rlim_t descriptors_now(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

static void descriptors_are_raised_as_far_as_is_asked_and_allowed(void **state)
{
    (void)state;
    struct rlimit old = leave_descriptors(5);
    rlim_t before = descriptors_now();
    descriptors_raise(before - 1);
    rlim_t fewer = descriptors_now();
    descriptors_raise(before + 3);
    rlim_t more = descriptors_now();
    descriptors_raise(DESCRIPTORS_ALL);
    rlim_t most = descriptors_now();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(fewer, before);
    assert_int_equal(more, before + 3);
    assert_int_equal(most, old.rlim_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORK(a_written_file_has_the_new_bytes_and_no_temporary),
        IN_WORK(a_failed_write_leaves_the_old_state),
        IN_WORK(reading_appends_up_to_the_limit),
        IN_WORK(large_files_come_back),
        IN_WORK(directories_are_made_with_their_parents),
        IN_WORK(a_file_in_the_way_of_a_directory_is_told),
        IN_WORK(a_tree_is_removed_and_links_are_not_followed),
        IN_WORK(removing_a_file_or_nothing_works_too),
        IN_WORK(relative_paths_count_from_the_base),
        cmocka_unit_test(paths_of_one_file_are_the_same),
        cmocka_unit_test(system_errors_become_ours),
        cmocka_unit_test(a_pipe_is_closed_on_exec_and_waits_unless_told_not_to),
        cmocka_unit_test(a_pipe_for_which_there_is_no_room_leaves_nothing),
        cmocka_unit_test(descriptors_are_raised_as_far_as_is_asked_and_allowed),
        cmocka_unit_test(too_few_descriptors_are_said_before_they_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
