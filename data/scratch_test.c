/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/scratch.h"

#include "common/fsutil.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

static char folder[] = "/tmp/sheaf-scratch-XXXXXX";

static int count_files(void)
{
    DIR *dir = opendir(".");
    int n = 0;

    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n - 2;
}

static void publish(const char *text, bool replace, int expected)
{
    struct scratch s;
    assert_int_equal(scratch_open(&s, "final", 0644, NULL), 0);
    assert_int_equal(scratch_write(&s, text, strlen(text), 0, NULL), 0);
    assert_int_equal(scratch_publish(&s, replace, NULL), expected);
    scratch_discard(&s); /* harmless */
}

static void expect_final(const char *text)
{
    struct buf b = {0};
    assert_int_equal(file_read("final", 100, &b, NULL), 0);
    assert_int_equal(b.len, strlen(text));
    assert_memory_equal(b.data, text, b.len);
    buf_finish(&b);
    assert_int_equal(count_files(), 1);
}

static void a_published_file_is_there_whole_and_alone(void **state)
{
    (void)state;
    publish("one", false, 0);
    expect_final("one");
    publish("two", false, SHEAF_EBUSY);
    expect_final("one");
    publish("three", true, 0);
    expect_final("three");
    assert_int_equal(unlink("final"), 0);
    publish("four", true, 0); /* nothing there to replace */
    expect_final("four");
    assert_int_equal(unlink("final"), 0);
}

static void a_discarded_file_is_gone(void **state)
{
    struct scratch s;
    (void)state;
    assert_int_equal(scratch_open(&s, "final", 0644, NULL), 0);
    assert_int_equal(scratch_write(&s, "x", 1, 0, NULL), 0);
    scratch_discard(&s);
    scratch_discard(&s);
    assert_int_equal(count_files(), 0);
}

static void a_map_holds_what_is_stored_and_has_no_name(void **state)
{
    uint64_t size = (uint64_t)10 << 20;
    void *area = NULL;
    (void)state;
    assert_int_equal(scratch_map("final", size, &area, NULL), 0);
    uint8_t *map = area;
    assert_int_equal(count_files(), 0);
    for (uint64_t i = 0; i < size; i += 4096)
        map[i] = (uint8_t)(i >> 12);
    for (uint64_t i = 0; i < size; i += 4096)
        assert_int_equal(map[i], (uint8_t)(i >> 12));
    scratch_unmap(map, size);
    assert_int_equal(scratch_map("final", 0, &area, NULL), 0);
    scratch_unmap(area, 0);
    scratch_unmap(NULL, 0);
}

static void no_room_is_an_error_before_the_first_byte(void **state)
{
    struct rlimit old, tight = {65536, 0};
    struct scratch s;
    struct diag d = {""};
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(scratch_open(&s, "final", 0644, NULL), 0);
    int err = scratch_reserve(&s, 1 << 20, &d);
    void *map = NULL;
    assert_int_equal(scratch_map("final", 1 << 20, &map, NULL), SHEAF_EIO);
    assert_null(map);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(err < 0);
    assert_string_equal(d.text, "final: cannot reserve 1048576 bytes: File too large");
    assert_int_equal(scratch_reserve(&s, UINT64_MAX, &d), SHEAF_ENOSPC);
    scratch_discard(&s);
    assert_int_equal(count_files(), 0);
}

static void a_missing_folder_is_told(void **state)
{
    struct scratch s;
    struct diag d;
    (void)state;
    assert_int_equal(scratch_open(&s, "nowhere/final", 0644, &d), SHEAF_ENOENT);
    assert_string_equal(d.text, "nowhere/final: cannot create the file: No such file or directory");
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return chdir("/") != 0 ? -1 : dir_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_file_is_there_whole_and_alone),
        cmocka_unit_test(a_discarded_file_is_gone),
        cmocka_unit_test(a_map_holds_what_is_stored_and_has_no_name),
        cmocka_unit_test(no_room_is_an_error_before_the_first_byte),
        cmocka_unit_test(a_missing_folder_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
