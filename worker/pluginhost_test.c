/* SPDX-License-Identifier: MIT
 *
 * Loading real shared objects: TEST_PLUGINS holds those of tests/plugins.
 */
#include "worker/pluginhost.h"
#include "worker/tryhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEST_PLUGIN(name) TEST_PLUGINS "/" name ".so"

static struct diag diag;
static const struct sheaf_plugin *plugin;

static int load(const char *path)
{
    memset(&diag, 0, sizeof diag);
    plugin = NULL;
    return pluginhost_load(path, &plugin, &diag);
}

static void assert_said(const char *words)
{
    if (!strstr(diag.text, words))
        fail_msg("'%s' does not say '%s'", diag.text, words);
}

static void a_good_plugin_loads(void **state)
{
    (void)state;
    assert_int_equal(load(TEST_PLUGIN("echo")), 0);
    assert_non_null(plugin);
    assert_int_equal(plugin->abi_major, SHEAF_ABI_MAJOR);
}

static void what_is_no_plugin_is_refused_with_its_path(void **state)
{
    (void)state;
    assert_int_equal(load(TEST_PLUGIN("there_is_none")), SHEAF_ENOENT);
    assert_said("there_is_none.so");
    assert_int_equal(load(TEST_PLUGINS), SHEAF_EINVAL);
    assert_said("not a file");
    assert_int_equal(load(__FILE__), SHEAF_EINVAL);
    assert_said("not a shared object; compile it with -shared -fPIC");
    assert_int_equal(load(TEST_PLUGIN("no_entry")), SHEAF_EINVAL);
    assert_said("exports no sheaf_plugin_entry");
    assert_int_equal(load(TEST_PLUGIN("missing_symbol")), SHEAF_EINVAL);
    assert_said("refused_nobody_defines_this");
    assert_null(plugin);
}

static void another_abi_is_refused_with_both_versions(void **state)
{
    (void)state;
    assert_int_equal(load(TEST_PLUGIN("abi_major")), SHEAF_EVERSION);
    assert_said("built for ABI 2.0");
    assert_said("this sheaf has 1.0 (another major)");
    assert_int_equal(load(TEST_PLUGIN("abi_minor")), SHEAF_EVERSION);
    assert_said("built for ABI 1.1, but this sheaf has 1.0 (a newer minor)");
    assert_int_equal(load(TEST_PLUGIN("struct_size")), SHEAF_EVERSION);
    assert_said("has 8 bytes");
    assert_int_equal(load(TEST_PLUGIN("no_run")), SHEAF_EINVAL);
    assert_said("no function 'run'");
}

struct described {
    struct arena arena;
    struct tryhost *host;
    struct plan_plugin p;
    int rc;
};

static void describe(struct described *x, const char *path)
{
    arena_init(&x->arena, 0);
    x->host = tryhost_create(NULL);
    assert_int_equal(load(path), 0);
    x->rc = pluginhost_describe(plugin, tryhost_host(x->host), "{\"a\":1}", path, &x->arena, &x->p, &diag);
}

static void finish(struct described *x)
{
    tryhost_destroy(x->host);
    arena_finish(&x->arena);
}

static void describe_copies_everything(void **state)
{
    (void)state;
    struct described x;
    describe(&x, TEST_PLUGIN("context"));
    assert_int_equal(x.rc, 0);
    assert_string_equal(x.p.name, "context");
    assert_string_equal(x.p.config, "{\"a\":1}");
    assert_int_equal(x.p.n_params, 5);
    assert_string_equal(x.p.params[2].choices[1], "green");
    assert_string_equal(x.p.params[2].def.text, "red");
    assert_string_equal(x.p.params[3].def.text, "abc");
    assert_string_equal(x.p.arrays[0].row_axis, "row");
    assert_int_equal(x.p.n_scores, 15);
    assert_int_equal(x.p.threads, 1);
    finish(&x);
}

static void the_digest_is_that_of_the_file_and_the_identity(void **state)
{
    (void)state;
    uint8_t file[HASH_BYTES], plain[HASH_BYTES], more[HASH_BYTES];
    const char *path = TEST_PLUGIN("echo");
    assert_int_equal(hash_file(path, file), 0);
    assert_int_equal(pluginhost_digest(path, "", plain, &diag), 0);
    assert_int_equal(pluginhost_digest(path, "script", more, &diag), 0);
    assert_memory_equal(file, plain, HASH_BYTES);
    assert_memory_not_equal(file, more, HASH_BYTES);
    assert_int_equal(pluginhost_digest(TEST_PLUGIN("there_is_none"), "", plain, &diag), SHEAF_EIO);
}

static void a_describe_that_fails_is_quoted(void **state)
{
    (void)state;
    struct described x;
    describe(&x, TEST_PLUGIN("describe_fail"));
    assert_int_equal(x.rc, SHEAF_EINVAL);
    assert_said("describe failed: the config is not to my taste");
    finish(&x);
    describe(&x, TEST_PLUGIN("no_score"));
    assert_int_equal(x.rc, SHEAF_EINVAL);
    assert_said("no_score.so: it returns no score");
    finish(&x);
    describe(&x, TEST_PLUGIN("bad_name"));
    assert_said("'Not A Name'");
    finish(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_plugin_loads),
        cmocka_unit_test(what_is_no_plugin_is_refused_with_its_path),
        cmocka_unit_test(another_abi_is_refused_with_both_versions),
        cmocka_unit_test(describe_copies_everything),
        cmocka_unit_test(the_digest_is_that_of_the_file_and_the_identity),
        cmocka_unit_test(a_describe_that_fails_is_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
