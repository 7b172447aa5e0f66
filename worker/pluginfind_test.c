/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* asprintf */
#include "worker/pluginfind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct arena arena;
static struct diag diag;
static char dir[] = "/tmp/pluginfind_test_XXXXXX";
static char path_list[256];

static void touch(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static const char *found;
static struct plugin_place place;
static int find(const char *name)
{
    memset(&diag, 0, sizeof diag);
    int rc = plugin_find(name, dir, &arena, &place, &diag);
    found = place.path;
    return rc;
}

static void assert_found(const char *name, const char *expected)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, expected);
    assert_int_equal(find(name), 0);
    assert_string_equal(found, path);
}

static void two_of_one_name_are_an_ambiguity(void **state)
{
    (void)state;
    assert_found("second", "b/second.so");
    char line[512];
    snprintf(line, sizeof line,
             "two plugins are called 'both': %s/a/both.so and %s/b/both.so; give the path of the one you mean", dir,
             dir);
    assert_int_equal(find("both"), SHEAF_EINVAL);
    assert_string_equal(diag.text, line);
    setenv("SHEAF_PLUGIN_PATH", strchr(path_list, ':') + 1, 1); /* the same folder twice is not two */
    assert_found("second", "b/second.so");
    char *twice = NULL;
    assert_true(asprintf(&twice, "%s/b:%s/b/../b", dir, dir) > 0);
    setenv("SHEAF_PLUGIN_PATH", twice, 1);
    free(twice);
    assert_found("both", "b/both.so");
    setenv("SHEAF_PLUGIN_PATH", path_list, 1);
}

static void a_near_miss_gets_a_hint(void **state)
{
    (void)state;
    assert_int_equal(find("secnd"), SHEAF_ENOENT);
    assert_non_null(strstr(diag.text, "; did you mean second?"));
}

static void a_path_counts_from_the_sweep_files_folder(void **state)
{
    (void)state;
    assert_found("b/both.so", "b/both.so");
    assert_found("./top.so", "top.so");
    assert_found("top.so", "top.so");
    assert_int_equal(find("b/none.so"), SHEAF_ENOENT);
    assert_non_null(strstr(diag.text, "b/none.so"));
}

static void a_miss_lists_every_place(void **state)
{
    (void)state;
    assert_int_equal(find("nowhere"), SHEAF_ENOENT);
    assert_non_null(strstr(diag.text, "no plugin 'nowhere'"));
    assert_non_null(strstr(diag.text, "/a, "));
    assert_non_null(strstr(diag.text, "/b, "));
    assert_non_null(strstr(diag.text, "SHEAF_PLUGIN_PATH"));
}

static void a_folder_is_no_plugin(void **state)
{
    (void)state;
    assert_found("folder", "b/folder.so"); /* a/folder.so is a directory */
}

static void what_cannot_be_a_name_is_refused(void **state)
{
    (void)state;
    assert_int_equal(find("Both"), SHEAF_EINVAL);
    assert_int_equal(find(""), SHEAF_EINVAL);
    assert_int_equal(find("a b"), SHEAF_EINVAL);
    assert_int_equal(find(".."), SHEAF_EINVAL);
}

static void assert_script(const char *name, const char *script)
{
    char line[256];
    snprintf(line, sizeof line, "%s/%s", dir, script);
    assert_int_equal(find(name), 0);
    assert_string_equal(place.script, line);
    snprintf(line, sizeof line, "%s/b/python.so", dir);
    assert_string_equal(place.path, line);
}

static void a_script_is_found_and_run_by_the_plugin_python(void **state)
{
    (void)state;
    touch("b/python.so");
    assert_script("top.py", "top.py");
    assert_script("./b/../top.py:score", "top.py:score");
    assert_script("some.module:score", "some.module:score");
    assert_found("top.so", "top.so");
    assert_string_equal(place.script, "");
    assert_int_equal(find("b/none.py:score"), SHEAF_ENOENT);
    assert_non_null(strstr(diag.text, "there is no plugin "));
    assert_non_null(strstr(diag.text, "b/none.py; check its path"));
    assert_string_equal(plugin_label("a.so", ""), "a.so");
    assert_string_equal(plugin_label("a.so", "b.py"), "b.py");
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    if (!mkdtemp(dir))
        return -1;
    static const char *const folders[] = {"a", "b", "a/folder.so"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        if (mkdir(path, 0755) != 0)
            return -1;
    }
    touch("a/both.so"), touch("b/both.so"), touch("b/second.so"), touch("top.so"), touch("b/folder.so"),
        touch("top.py");
    snprintf(path_list, sizeof path_list, "/nonexistent:%s/a::%s/b", dir, dir);
    return setenv("SHEAF_PLUGIN_PATH", path_list, 1);
}

static int teardown(void **state)
{
    (void)state;
    static const char *const all[] = {"a/both.so", "b/both.so",   "b/second.so", "top.so", "b/folder.so",
                                      "top.py",    "b/python.so", "a/folder.so", "a",      "b",
                                      ""};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", dir, all[i]);
        remove(path);
    }
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_of_one_name_are_an_ambiguity),
        cmocka_unit_test(a_near_miss_gets_a_hint),
        cmocka_unit_test(a_path_counts_from_the_sweep_files_folder),
        cmocka_unit_test(a_miss_lists_every_place),
        cmocka_unit_test(a_folder_is_no_plugin),
        cmocka_unit_test(what_cannot_be_a_name_is_refused),
        cmocka_unit_test(a_script_is_found_and_run_by_the_plugin_python),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
