/* SPDX-License-Identifier: MIT
 *
 * Tests of outdir and taskfiles: files of tasks from the folder in which they are written to their names, whose they are, what is
 * refused, and what is left when a task or the broker dies anywhere in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/fsutil.h"
#include "sweep/outdir.h"
#include "sweep/plan_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIALS 6u
#define SPLITS 2u
#define RUN 1234567890123

struct fixture {
    struct plan_fixture p;
    struct plan *plan;
    char root[32], dir[48], work[TASKFILES_PATH];
    struct outdir o;
    struct taskfiles files;
    struct diag d;
    int lock;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    plan_fixture_init(&f->p, TRIALS, SPLITS);
    f->plan = &f->p.plan;
    strcpy(f->root, "/tmp/sheaf-outdir-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    snprintf(f->dir, sizeof f->dir, "%s/out", f->root);
    f->plan->plugin.files = "texts";
    f->plan->output_dir = f->dir;
    assert_int_equal(outdir_work_path(f->plan, f->work, &f->d), 0);
    f->o.dir = f->o.work = f->lock = f->files.fd = -1;
    *state = f;
    return 0;
}

static void let_go(struct fixture *f)
{
    taskfiles_remove(&f->files);
    outdir_close(&f->o);
    if (f->lock >= 0)
        close(f->lock);
    f->lock = -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    let_go(f);
    assert_int_equal(dir_remove(f->root), 0);
    free(f);
    return 0;
}

static void begin(struct fixture *f, bool resume)
{
    let_go(f);
    assert_int_equal(outdir_work_path(f->plan, f->work, &f->d), 0);
    assert_int_equal(resume ? 0 : outdir_check(f->plan, &f->d), 0);
    assert_int_equal(outdir_begin(f->plan, RUN, resume, &f->lock, &f->d), 0);
    assert_int_equal(outdir_open(f->plan, &f->o, &f->d), 0);
    assert_int_equal(outdir_make(&f->o, &f->files, &f->d), 0);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The task in work writes a file. */
static void writes(struct fixture *f, const char *name, const char *text)
{
    char path[TASKFILES_PATH];
    assert_int_equal(taskfiles_path(&f->files, name, path, &f->d), 0);
    put(path, text);
}

/* It has succeeded; the answer. */
static int succeeds(struct fixture *f, uint64_t index)
{
    int err = taskfiles_list(&f->files, &f->d);
    err = err ? err : outdir_publish(&f->o, &f->files, index, &f->d);
    err ? taskfiles_clear(&f->files) : taskfiles_moved(&f->files);
    return err;
}

static void has(const struct fixture *f, const char *name, const char *text)
{
    char path[TASKFILES_PATH], got[64] = "";
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *file = fopen(path, "r");
    if (!text) {
        assert_null(file);
        return;
    }
    assert_non_null(file);
    assert_non_null(fgets(got, sizeof got, file));
    fclose(file);
    assert_string_equal(got, text);
}

/* How many entries a folder has. */
static size_t entries(const char *path)
{
    size_t n = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

/* The sweep ends: tasks [0, done) have ended, `failed` without success. How many files there are. */
static uint64_t ends(struct fixture *f, uint64_t done, uint64_t failed)
{
    struct intervals all = {0}, empty = {0};
    uint64_t files = 0;
    assert_int_equal(intervals_add(&all, 0, done), 0);
    if (failed != UINT64_MAX)
        assert_int_equal(intervals_add(&empty, failed, failed + 1), 0);
    assert_int_equal(outdir_finish(f->plan, &all, &empty, NULL, &files, &f->d), 0);
    intervals_finish(&all);
    intervals_finish(&empty);
    return files;
}

/* It cannot go on. */
static void is_over(struct fixture *f)
{
    let_go(f);
    outdir_discard(f->plan);
}

static void assert_says(const struct fixture *f, const char *what)
{
    if (!strstr(f->d.text, what))
        fail_msg("\"%s\" is not in \"%s\"", what, f->d.text);
}

static void names_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"a",        "a/b",        "a b.txt",
                                       "a.b/c..d", "\xc3\xa9/x", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"};
    static const char *const wrong[] = {
        "",     "/a",   "a/",     "a//b", ".",    "..",   ".a",
        "a/.b", "a/..", "a/../b", "a\nb", "\x7f", "\xff", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    char longest[TASKFILES_NAME + 2];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(taskfiles_fault(good[i]));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(taskfiles_fault(wrong[i]));
    memset(longest, 'n', sizeof longest);
    for (size_t i = 200; i < sizeof longest; i += 200)
        longest[i] = '/';
    longest[TASKFILES_NAME] = '\0';
    assert_null(taskfiles_fault(longest));
    longest[TASKFILES_NAME] = 'n', longest[TASKFILES_NAME + 1] = '\0';
    assert_non_null(taskfiles_fault(longest));
    memset(longest, 'n', TASKFILES_PART);
    longest[TASKFILES_PART] = '\0';
    assert_null(taskfiles_fault(longest));
    longest[TASKFILES_PART] = 'n', longest[TASKFILES_PART + 1] = '\0';
    assert_non_null(taskfiles_fault(longest));
}

static void files_have_their_names_when_the_task_has_succeeded(void **state)
{
    struct fixture *f = *state;
    begin(f, false);
    writes(f, "a", "one");
    writes(f, "x/y/b", "two");
    has(f, "a", NULL);
    assert_int_equal(succeeds(f, 3), 0);
    has(f, "a", "one");
    has(f, "x/y/b", "two");
    assert_int_equal(entries(f->files.root), 1); /* x, for the next one */
    writes(f, "a", "dropped");                   /* of a task that fails */
    taskfiles_clear(&f->files);
    writes(f, "a", "again"); /* the same task once more */
    assert_int_equal(succeeds(f, 3), 0);
    has(f, "a", "again");
    assert_int_equal(entries(f->files.root), 0);
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d/c", i);
        writes(f, name, "many");
    }
    assert_int_equal(succeeds(f, 2), 0);
    assert_int_equal(entries(f->files.root), 0);
    char path[64];
    snprintf(path, sizeof path, "%s/f7/c", f->dir);
    assert_int_equal(unlink(path), 0); /* by somebody */
    assert_int_equal(ends(f, 4, UINT64_MAX), 21);
    is_over(f);
    assert_int_equal(entries(f->dir), 22);
    has(f, "x/y/b", "two");
    assert_int_equal(outdir_present(f->plan, 21, &f->d), 0);
    assert_int_equal(outdir_present(f->plan, 22, &f->d), SHEAF_ENOENT);
    assert_says(f, "of its 22 files 1 is gone: make them again with --fresh --overwrite");
    assert_int_equal(dir_remove(f->dir), 0);
    assert_int_equal(outdir_present(f->plan, 0, &f->d), 0);
    assert_int_equal(outdir_present(f->plan, 1, &f->d), SHEAF_ENOENT);
    assert_says(f, "the folder is gone: make it again with --fresh");
}

static void what_is_no_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[TASKFILES_PATH];
    begin(f, false);
    for (int i = 0; i < 3; i++) {
        writes(f, "good", "1");
        assert_int_equal(taskfiles_path(&f->files, "x/other", path, &f->d), 0);
        if (i == 2)
            strcpy(strrchr(path, '/'), "/.hidden"), put(path, "1");
        else
            assert_int_equal(i == 0 ? symlink("/etc/passwd", path) : mkfifo(path, 0600), 0);
        assert_int_equal(succeeds(f, 1), SHEAF_EINVAL);
        assert_says(f, i == 2 ? "x/.hidden, which it has made, has a part that begins with a dot"
                              : "x/other, which it has made, is no regular file");
        has(f, "good", NULL);
        assert_int_equal(entries(f->files.root), 0);
    }
    assert_int_equal(taskfiles_path(&f->files, "../x", path, &f->d), SHEAF_EINVAL);
    assert_int_equal(taskfiles_path(&f->files, NULL, path, &f->d), SHEAF_EINVAL);
    assert_int_equal(taskfiles_path(&f->files, "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", path, &f->d), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    strcat(path, "/deep");
    put(path, "1");
    assert_int_equal(succeeds(f, 1), SHEAF_ELIMIT);
}

static void a_name_is_one_tasks(void **state)
{
    struct fixture *f = *state;
    begin(f, false);
    writes(f, "a", "three's");
    writes(f, "x/b", "three's");
    assert_int_equal(succeeds(f, 3), 0);
    static const char *const names[] = {"a", "a/c", "x", "x/b"};
    static const char *const why[] = {
        "task 7 writes a, which task 3 has written", "task 7 writes a/c, but task 3 has written a",
        "task 7 writes x, but task 3 has written x/b", "task 7 writes x/b, which task 3 has written"};
    for (int i = 0; i < 4; i++) {
        writes(f, "seven", "7");
        writes(f, names[i], "seven's");
        assert_int_equal(succeeds(f, 7), SHEAF_EBUSY);
        assert_says(f, why[i]);
        has(f, "seven", NULL);
        has(f, "a", "three's");
        has(f, "x/b", "three's");
    }
    writes(f, "x/c", "eight's");
    assert_int_equal(succeeds(f, 8), 0);
    assert_int_equal(ends(f, 9, 7), 3); /* what the seventh has claimed in vain stays the third's */
    has(f, "a", "three's");
    has(f, "x/b", "three's");
}

static void files_of_tasks_that_do_not_count_go(void **state)
{
    struct fixture *f = *state;
    begin(f, false);
    for (uint64_t i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "%llu/f", (unsigned long long)i);
        writes(f, name, "1");
        assert_int_equal(succeeds(f, i), 0);
    }
    writes(f, "left", "by a slot that was killed");
    assert_int_equal(ends(f, 3, 1), 2); /* 1 has failed, 3 was killed before it was counted */
    has(f, "0/f", "1");
    has(f, "2/f", "1");
    assert_int_equal(entries(f->dir), 3); /* they and .sheaf-SWEEP */
    char path[TASKFILES_PATH];            /* a slot that does not know yet has no folder any more */
    assert_int_equal(taskfiles_path(&f->files, "x/late", path, &f->d), SHEAF_ENOENT);
}

/* What a kill in the middle of a write leaves, and what nobody has written. */
static void claims_that_are_cut_short_are_passed_over(void **state)
{
    struct fixture *f = *state;
    char path[TASKFILES_PATH + 32];
    static const char *const torn[] = {"1 2\nx\n", "1 1\nx",      "1 ", "1", "1 99999999999\nx\n",
                                       "x 1\nx\n", "1 1\n../x\n", "\n", ""};
    begin(f, false);
    writes(f, "x", "the third's");
    assert_int_equal(succeeds(f, 3), 0);
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        snprintf(path, sizeof path, "%s/claims/torn%zu", f->work, i);
        put(path, torn[i]);
    }
    snprintf(path, sizeof path, "%s/x", f->root);
    put(path, "a stranger's");
    assert_int_equal(ends(f, 4, 1), 1);
    assert_int_equal(access(path, F_OK), 0);
    has(f, "x", "the third's");
}

static void what_a_dead_slot_leaves_goes_when_the_next_one_begins(void **state)
{
    struct fixture *f = *state;
    struct taskfiles next = {.fd = -1}, other = {.fd = -1};
    char tmp[TASKFILES_PATH + 8], foreign[TASKFILES_PATH + 32];
    begin(f, false);
    writes(f, "x/large", "1");
    snprintf(tmp, sizeof tmp, "%s/tmp", f->work);
    snprintf(foreign, sizeof foreign, "%s/elsewhere-1", tmp);
    assert_int_equal(mkdir(foreign, 0777), 0);
    assert_int_equal(outdir_make(&f->o, &next, &f->d), 0);
    assert_int_equal(entries(tmp), 3);
    close(f->files.fd); /* as a kill would */
    f->files.fd = -1;
    assert_int_equal(outdir_make(&f->o, &other, &f->d), 0);
    assert_int_equal(entries(tmp), 3);
    assert_int_equal(access(f->files.root, F_OK), -1);
    assert_int_equal(access(next.root, F_OK), 0);
    assert_int_equal(access(foreign, F_OK), 0);
    taskfiles_remove(&next);
    taskfiles_remove(&other);
}

static void it_goes_on_and_begins_anew(void **state)
{
    struct fixture *f = *state;
    begin(f, false);
    writes(f, "a", "1");
    assert_int_equal(succeeds(f, 0), 0);
    begin(f, true);
    has(f, "a", "1");
    writes(f, "a", "another's");
    assert_int_equal(succeeds(f, 1), SHEAF_EBUSY);
    begin(f, false); /* the same sweep: what it has made is in nobody's way, and is removed */
    has(f, "a", NULL);
    writes(f, "a", "1");
    assert_int_equal(succeeds(f, 1), 0);
    is_over(f);
    assert_int_equal(outdir_check(f->plan, &f->d), SHEAF_EBUSY);
    assert_says(f,
                "the folder is not empty (a); choose another one, or replace files of the same names with --overwrite");
    f->plan->output_replace = true;
    begin(f, false);
    has(f, "a", "1");
    writes(f, "a", "2");
    assert_int_equal(succeeds(f, 0), 0);
    has(f, "a", "2");
    let_go(f);
    assert_int_equal(dir_remove(f->dir), 0);
    assert_int_equal(outdir_begin(f->plan, RUN, true, &f->lock, &f->d), SHEAF_ENOENT);
    assert_says(f, "the folder is gone: start over with --fresh");
}

static void two_sweeps_are_not_at_work_in_one_folder(void **state)
{
    struct fixture *f = *state;
    int other;
    begin(f, false);
    assert_int_equal(outdir_begin(f->plan, RUN, true, &other, &f->d), SHEAF_EBUSY);
    let_go(f);
    assert_int_equal(outdir_begin(f->plan, RUN + 1, true, &other, &f->d),
                     SHEAF_ENOENT); /* whose tasks have put nothing there */
    begin(f, true);
    f->plan->seed = 1;
    f->plan->output_replace = true;
    assert_int_equal(outdir_check(f->plan, &f->d), 0);
    assert_int_equal(outdir_begin(f->plan, RUN, false, &other, &f->d), SHEAF_EBUSY);
    assert_says(f, "another sweep is at work in it");
    assert_int_equal(entries(f->dir), 1); /* nothing is left of a sweep that has not begun */
    f->plan->seed = 0;
    outdir_discard(f->plan); /* not while it is locked */
    assert_int_equal(access(f->work, F_OK), 0);
    is_over(f);
    assert_int_equal(access(f->work, F_OK), -1);
    f->plan->seed = 1;
    begin(f, false);
}

/* A sweep that was stopped, and another one that begins in its folder. */
static void one_of_two_sweeps_goes_on(void **state)
{
    struct fixture *f = *state;
    char theirs[TASKFILES_PATH];
    int other;
    begin(f, false);
    strcpy(theirs, f->work);
    f->plan->seed = 1;
    assert_int_equal(outdir_check(f->plan, &f->d), SHEAF_EBUSY); /* it may put files there at any moment */
    f->plan->seed = 0;
    let_go(f);
    f->plan->seed = 1;
    assert_int_equal(outdir_check(f->plan, &f->d), 0); /* none of its tasks had succeeded */
    f->plan->seed = 0;
    begin(f, true);
    writes(f, "a", "theirs");
    assert_int_equal(succeeds(f, 0), 0);
    let_go(f);
    assert_int_equal(entries(f->dir), 2);
    f->plan->seed = 1;
    assert_int_equal(outdir_check(f->plan, &f->d), SHEAF_EBUSY);
    assert_int_equal(access(theirs, F_OK), 0);
    f->plan->output_replace = true;
    begin(f, false);
    assert_int_equal(access(theirs, F_OK), -1);
    f->plan->seed = 0;
    assert_int_equal(outdir_begin(f->plan, RUN, true, &other, &f->d), SHEAF_ENOENT);
    assert_says(f, "start over with --fresh --overwrite");
}

static void folders_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    char path[64];
    snprintf(path, sizeof path, "%s/no/out", f->root);
    f->plan->output_dir = path;
    assert_int_equal(outdir_check(f->plan, &f->d), SHEAF_ENOENT);
    snprintf(path, sizeof path, "%s/file", f->root);
    put(path, "1");
    assert_int_equal(outdir_check(f->plan, &f->d), SHEAF_EINVAL);
    assert_says(f, "it is not a folder; choose another name");
    strcat(path, "/out");
    assert_int_equal(outdir_check(f->plan, &f->d) == 0, false);
    char longest[OUTDIR_PATH + 2];
    memset(longest, 'n', sizeof longest);
    longest[0] = '/', longest[OUTDIR_PATH + 1] = '\0';
    f->plan->output_dir = longest;
    assert_int_equal(outdir_check(f->plan, &f->d), SHEAF_ELIMIT);
    assert_int_equal(outdir_open(f->plan, &f->o, &f->d), SHEAF_ELIMIT);
    f->plan->output_dir = f->dir;
    assert_int_equal(outdir_open(f->plan, &f->o, &f->d), SHEAF_ENOENT);
    assert_int_equal(mkdir(f->dir, 0555), 0);
    assert_int_equal(outdir_check(f->plan, &f->d), geteuid() == 0 ? 0 : SHEAF_EINVAL);
}

static void a_stranger_in_the_way_fails_the_task(void **state)
{
    struct fixture *f = *state;
    char path[64];
    begin(f, false);
    snprintf(path, sizeof path, "%s/a", f->dir);
    assert_int_equal(mkdir(path, 0777), 0);
    writes(f, "a", "1");
    assert_int_equal(succeeds(f, 0) == 0, false);
    assert_says(f, "the file a cannot be put there");
    assert_int_equal(ends(f, 1, 0), 0);
    assert_int_equal(access(path, F_OK), 0); /* it is not ours */
}

static void a_strangers_file_is_neither_replaced_nor_removed(void **state)
{
    struct fixture *f = *state;
    char path[64];
    assert_int_equal(mkdir(f->dir, 0777), 0);
    snprintf(path, sizeof path, "%s/old", f->dir);
    put(path, "stranger's");
    f->plan->output_replace = true;
    begin(f, false);
    writes(f, "same", "0");
    assert_int_equal(succeeds(f, 0), 0);
    writes(f, "same", "1"); /* and fails of that */
    writes(f, "old", "1");
    assert_int_equal(succeeds(f, 1), SHEAF_EBUSY);
    assert_int_equal(ends(f, 2, 1), 1);
    has(f, "old", "stranger's");
    f->plan->output_replace = false; /* the sweep goes on without */
    begin(f, true);
    snprintf(path, sizeof path, "%s/new", f->dir);
    put(path, "stranger's");
    writes(f, "new", "2");
    assert_int_equal(succeeds(f, 2), SHEAF_EBUSY);
    assert_says(f, "there is a file new that is not of this sweep");
    assert_int_equal(ends(f, 3, 2), 1);
    has(f, "new", "stranger's");
    assert_int_equal(unlink(path), 0);
    begin(f, true);
    writes(f, "new", "2");
    assert_int_equal(succeeds(f, 2), 0);
    writes(f, "new", "again");
    assert_int_equal(succeeds(f, 2), 0);
    has(f, "new", "again");
}

static void the_end_can_be_broken_off(void **state)
{
    struct fixture *f = *state;
    struct intervals none = {0};
    atomic_bool stop = true;
    uint64_t files;
    begin(f, false);
    writes(f, "a", "1");
    assert_int_equal(succeeds(f, 0), 0);
    assert_int_equal(outdir_finish(f->plan, &none, &none, &stop, &files, &f->d), SHEAF_EGONE);
    has(f, "a", "1");
    stop = false;
    assert_int_equal(outdir_finish(f->plan, &none, &none, &stop, &files, &f->d), 0);
    has(f, "a", NULL);
    assert_int_equal(files, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(names_are_checked),
        T(files_have_their_names_when_the_task_has_succeeded),
        T(what_is_no_file_is_refused),
        T(a_name_is_one_tasks),
        T(files_of_tasks_that_do_not_count_go),
        T(claims_that_are_cut_short_are_passed_over),
        T(what_a_dead_slot_leaves_goes_when_the_next_one_begins),
        T(it_goes_on_and_begins_anew),
        T(two_sweeps_are_not_at_work_in_one_folder),
        T(one_of_two_sweeps_goes_on),
        T(folders_that_cannot_be_are_refused),
        T(a_stranger_in_the_way_fails_the_task),
        T(a_strangers_file_is_neither_replaced_nor_removed),
        T(the_end_can_be_broken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
