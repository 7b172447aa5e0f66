/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700 /* open_memstream, fork */
#include "worker/tryhost.h"
#include "sweep/groupsum.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
    struct tryhost *t;
    const struct sheaf_host *host;
    FILE *log;
    char *said;
    size_t said_len;
    int builds;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->log = open_memstream(&f->said, &f->said_len);
    f->t = tryhost_create(f->log);
    f->host = tryhost_host(f->t);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tryhost_destroy(f->t);
    fclose(f->log);
    free(f->said);
    free(f);
    return 0;
}

static void assert_said(struct fixture *f, const char *words)
{
    fflush(f->log);
    if (!strstr(f->said, words))
        fail_msg("'%s' does not say '%s'", f->said, words);
}

static int32_t build(const struct sheaf_host *host, void *memory, uint64_t size, void *user)
{
    struct fixture *f = user;
    (void)host;
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(((char *)memory)[i], 0);
    memset(memory, 7, size);
    f->builds++;
    return SHEAF_OK_STATUS;
}

static int32_t build_badly(const struct sheaf_host *host, void *memory, uint64_t size, void *user)
{
    (void)memory, (void)size, (void)user;
    return (host->fail)(host, "no luck");
}

static int32_t build_nested(const struct sheaf_host *host, void *memory, uint64_t size, void *user)
{
    (void)memory;
    assert_null(host->cache(host, "inner", size, build, user));
    return SHEAF_OK_STATUS;
}

static void a_cache_is_built_once_a_name(void **state)
{
    struct fixture *f = *state;
    const char *a = f->host->cache(f->host, "a", 5000, build, f);
    assert_non_null(a);
    assert_int_equal((uintptr_t)a % 4096, 0);
    assert_int_equal(a[4999], 7);
    assert_ptr_equal(f->host->cache(f->host, "a", 5000, build, f), a);
    assert_int_equal(f->builds, 1);
    assert_ptr_not_equal(f->host->cache(f->host, "b", 10, build, f), a);
    assert_int_equal(f->builds, 2);
    assert_int_equal(tryhost_counts(f->t).caches, 2);
    assert_int_equal(tryhost_counts(f->t).cache_bytes, 5010);
}

static int32_t make(const struct sheaf_host *host, void *user, const void **bytes, uint64_t *size)
{
    struct fixture *f = user;
    if (f->builds++ == 0)
        return (host->fail)(host, "no luck");
    *bytes = "abcdefg";
    *size = 8;
    return SHEAF_OK_STATUS;
}

static void a_cache_may_be_of_the_size_that_its_builder_tells(void **state)
{
    struct fixture *f = *state;
    const struct sheaf_cache *table = f->host->table(f->host, SHEAF_CACHE_TABLE);
    uint64_t size = 0;
    assert_null(table->get(f->host, "a", make, f, &size));
    assert_string_equal(tryhost_reason(f->t), "no luck");
    const char *a = table->get(f->host, "a", make, f, &size);
    assert_string_equal(a, "abcdefg");
    assert_int_equal(size, 8);
    size = 0;
    assert_ptr_equal(table->get(f->host, "a", make, f, &size), a);
    assert_int_equal(size, 8);
    assert_int_equal(f->builds, 2);
    assert_null(f->host->table(f->host, "sheaf.nothing/1"));
}

static void a_failed_build_is_tried_again(void **state)
{
    struct fixture *f = *state;
    assert_null(f->host->cache(f->host, "a", 64, build_badly, f));
    assert_string_equal(tryhost_reason(f->t), "no luck");
    assert_non_null(f->host->cache(f->host, "a", 64, build, f));
}

static void writing_to_a_cache_is_a_crash(void **state)
{
    struct fixture *f = *state;
    char *a = (char *)(uintptr_t)f->host->cache(f->host, "a", 64, build, f);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)a = 1;
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void wrong_calls_are_named(void **state)
{
    struct fixture *f = *state;
    assert_non_null(f->host->cache(f->host, "a", 64, build, f));
    assert_null(f->host->cache(f->host, "a", 65, build, f));
    assert_said(f, "another size");
    assert_non_null(f->host->cache(f->host, "outer", 64, build_nested, f));
    assert_said(f, "inside a build function");
    double value = 1;
    tryhost_begin_task(f->t, 0);
    assert_int_equal(f->host->emit(f->host, "g", &value), SHEAF_FAILED);
    assert_said(f, "names no group values");
}

static void files_are_made_in_a_folder_that_goes(void **state)
{
    struct fixture *f = *state;
    const struct sheaf_files *table = f->host->table(f->host, SHEAF_FILES_TABLE);
    const struct taskfiles *files;
    struct diag d;
    char dir[] = "/tmp/sheaf-tryhost-XXXXXX", kept[TASKFILES_PATH];
    assert_non_null(mkdtemp(dir));
    tryhost_set_folder(f->t, dir);
    tryhost_begin_task(f->t, 0);
    assert_int_equal(tryhost_files(f->t, &files, &d), 0);
    assert_null(files);
    const char *path = table->path(f->host, "a/b");
    assert_non_null(path);
    strcpy(kept, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(tryhost_counts(f->t).scratch_bytes, 0);
    assert_int_equal(tryhost_files(f->t, &files, &d), 0);
    assert_int_equal(files->n, 1);
    assert_string_equal(files->names.data, "a/b");
    assert_null(table->path(f->host, "../b"));
    assert_true(tryhost_refused(f->t));
    assert_said(f, "plugin bug: the name of the file \"../b\" has a part that begins with a dot");
    tryhost_begin_task(f->t, 0);
    assert_int_equal(access(kept, F_OK), -1);
    tryhost_destroy(f->t);
    f->t = NULL;
    assert_int_equal(rmdir(dir), 0); /* nothing is left in it */
}

static void what_a_sweep_refuses_to_emit_is_refused(void **state)
{
    struct fixture *f = *state;
    double value = 1;
    char *name = malloc(GROUPSUM_NAME_BYTES + 2);
    assert_non_null(name);
    memset(name, 'n', GROUPSUM_NAME_BYTES + 1);
    name[GROUPSUM_NAME_BYTES + 1] = '\0';
    const char *const wrong[] = {NULL, "caf\xe9", name};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        tryhost_begin_task(f->t, 1);
        assert_false(tryhost_refused(f->t));
        assert_int_equal(f->host->emit(f->host, wrong[i], &value), SHEAF_FAILED);
        assert_true(tryhost_refused(f->t));
        assert_string_equal(tryhost_reason(f->t), "emit: a group's name has to be UTF-8 of at most 65,535 bytes");
    }
    for (uint32_t bytes = 8; bytes <= 512; bytes += 504) { /* too many; too long together */
        uint32_t n = bytes == 8 ? GROUPSUM_TASK_GROUPS : (uint32_t)(GROUPSUM_TASK_BYTES / (bytes + 9));
        tryhost_begin_task(f->t, 1);
        for (uint32_t i = 0; i <= n; i++) {
            name[bytes] = '\0';
            snprintf(name, 9, "%08x", i);
            name[8] = bytes == 8 ? '\0' : 'n';
            assert_int_equal(f->host->emit(f->host, name, &value), i < n ? SHEAF_OK_STATUS : SHEAF_FAILED);
        }
        assert_string_equal(tryhost_reason(f->t), "emit: more than 65,536 groups, or 16 MiB of them, in one task");
    }
    free(name);
}

static void what_a_task_says_is_written_down(void **state)
{
    struct fixture *f = *state;
    double values[] = {1.5, 2};
    tryhost_begin_task(f->t, 2);
    f->host->log(f->host, SHEAF_LOG_WARN, "careful");
    assert_true(f->host->report(f->host, 3, 0.25));
    assert_int_equal(f->host->emit(f->host, "north", values), SHEAF_OK_STATUS);
    assert_false(f->host->stop_requested(f->host));
    assert_null(f->host->table(f->host, "sheaf.none/1"));
    assert_said(f, "plugin warning: careful\nplugin report: step 3: 0.25\nplugin emit: north: 1.5 2\n");
    assert_int_equal(tryhost_counts(f->t).rows, 1);
    assert_int_equal((f->host->fail)(f->host, "one"), SHEAF_FAILED);
    (f->host->fail)(f->host, "two");
    assert_string_equal(tryhost_reason(f->t), "two");
    tryhost_begin_task(f->t, 2);
    assert_string_equal(tryhost_reason(f->t), "");
    assert_int_equal(tryhost_counts(f->t).rows, 0);
}

static void scratch_is_aligned_and_counted(void **state)
{
    struct fixture *f = *state;
    tryhost_begin_task(f->t, 0);
    for (uint64_t size = 0; size < 300; size += 37) {
        char *p = f->host->scratch(f->host, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        memset(p, 1, size);
    }
    assert_null(f->host->scratch(f->host, UINT64_MAX));
    assert_null(f->host->scratch(f->host, UINT64_MAX - 64));
    assert_int_equal(tryhost_counts(f->t).scratch_bytes, 37 * 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cache_is_built_once_a_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cache_may_be_of_the_size_that_its_builder_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_build_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(writing_to_a_cache_is_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_calls_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_made_in_a_folder_that_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_sweep_refuses_to_emit_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_task_says_is_written_down, setup, teardown),
        cmocka_unit_test_setup_teardown(scratch_is_aligned_and_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
