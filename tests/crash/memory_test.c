/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out at the N-th allocation, for all N, of our own code and of SQLite's: in the life of a journal, in results, datasets,
 * sweep files and plans. The answer is an error with a line that says so, nothing leaks, and what was acknowledged is there; or the
 * allocation did not matter, and the result is that of any other day. (Broker and worker: broker_memory_test, worker_memory_test.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/results.h"
#include "common/alloc_fixture.h"
#include "common/fsutil.h"
#include "data/dataset.h"
#include "data/npy.h"
#include "data/pack.h"
#include "sheaf/plugin.h"
#include "sweep/plan_fixture.h"
#include "sweep/sweepfile.h"
#include "tests/crash/lives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define STEP 7u /* not every allocation */
#else
#define STEP 1u
#endif

static char root[64];

/* ---- SQLite's allocator ---- */

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int n)
{
    return alloc_fails() ? NULL : sqlite_memory.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
    return alloc_fails() ? NULL : sqlite_memory.xRealloc(p, n);
}

static void take_over_sqlite(void)
{
    sqlite3_mem_methods ours;
    SHEAF_ASSERT(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory) == SQLITE_OK);
    ours = sqlite_memory;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    SHEAF_ASSERT(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK);
    SHEAF_ASSERT(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK); /* every allocation comes to us */
}

/* ---- one operation, all N ---- */

/* Does its operation, of which the allocations count from alloc_inside(true) to (false). 0 or an error with a line in d. */
typedef int (*operation)(struct diag *d);

static void fail_each(operation op)
{
    unsigned n = 1;
    bool failed = true;
    for (; failed; n += STEP) {
        struct diag d = {""};
        alloc_fail_at(n);
        int err = op(&d);
        failed = alloc_has_failed();
        alloc_fail_at(0);
        /* A constructor that answers NULL leaves its caller no more than the line. */
        if (err && (!failed || (err != SHEAF_ENOMEM && !strstr(d.text, "out of memory"))))
            fail_msg("allocation %u: error %d: %s", n, err, d.text);
    }
    assert_true(n > STEP + 1);
}

/* ---- journal ---- */

/* Everything that a broker reads when it starts. */
static int read_all(struct journal *j, struct diag *d)
{
    struct journal_sweep *sweeps = NULL;
    struct arena a;
    uint32_t n = 0;
    arena_init(&a, 0);
    int err = journal_sweeps(j, &a, &sweeps, &n, d);
    for (uint32_t i = 0; i < n && err == 0; i++) {
        static const enum read_kind kinds[] = {READ_RUNS, READ_FAILURES, READ_LOGS, READ_GROUPS};
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && err == 0; k++) {
            struct msg_page page;
            const struct msg_read read = {.sweep = sweeps[i].sweep, .kind = kinds[k]};
            err = journal_read(j, &read, 1 << 16, &a, &page, d);
        }
    }
    arena_finish(&a);
    return err;
}

static int work_and_read(struct lives *t, struct diag *d)
{
    alloc_inside(true);
    int err = journal_open(t->dir, true, &t->journal, d);
    alloc_inside(false);
    if (err)
        return err;
    t->during = alloc_inside;
    for (int i = 0; i < 3 && err == 0; i++) {
        lives_commit(t);
        err = t->err;
        *d = t->d;
    }
    t->during = NULL;
    lives_close(t);
    if (err)
        return err;
    alloc_inside(true);
    err = journal_open(t->dir, false, &t->journal, d);
    err = err ? err : read_all(t->journal, d);
    journal_close(t->journal);
    alloc_inside(false);
    t->journal = NULL;
    return err;
}

/* False when there were fewer than n allocations. */
static bool journal_life(unsigned n)
{
    struct diag d = {""};
    lives_root(root, sizeof(root));
    struct lives *t = lives_new(lives_path(root, "state"), 5);
    alloc_fail_at(n);
    int err = work_and_read(t, &d);
    bool failed = alloc_has_failed();
    alloc_fail_at(0);
    if (err && (!failed || err != SHEAF_ENOMEM || !d.text[0]))
        lives_wrong(t, "another error than expected", d.text);
    if (!lives_open(t, true) || !lives_commit(t))
        lives_wrong(t, "afterwards", t->d.text);
    lives_close(t);
    if (t->wrong[0])
        fail_msg("allocation %u: %s (error %d)", n, t->wrong, err);
    lives_free(t);
    return failed;
}

static void a_journal_loses_nothing_when_memory_runs_out(void **state)
{
    (void)state;
    unsigned n = 1;
    while (journal_life(n))
        n += STEP;
    assert_true(n > 100);
}

/* ---- results ---- */

static struct journal *results_journal;

static int read_page(void *ctx, const struct msg_read *read, struct msg_page *page, struct diag *d)
{
    struct arena *a = ctx;
    arena_reset(a);
    return journal_read(results_journal, read, 64, a, page, d);
}

static int write_results(enum results_what what, enum results_format format, struct diag *d)
{
    static struct plan_fixture f;
    static char bytes[65536];
    struct arena a;
    plan_fixture_init(&f, 20, 1);
    arena_init(&a, 0);
    FILE *out = fmemopen(bytes, sizeof(bytes), "w");
    SHEAF_ASSERT(out);
    const struct results_source source = {.ctx = &a, .sweep = 1, .page = read_page};
    alloc_inside(true);
    int err = results_write(&f.plan, &source, what, format, out, d);
    alloc_inside(false);
    fclose(out);
    arena_finish(&a);
    return err;
}

static int tasks_csv(struct diag *d)
{
    return write_results(RESULTS_TASKS, RESULTS_CSV, d);
}

static int trials_json(struct diag *d)
{
    return write_results(RESULTS_TRIALS, RESULTS_JSONL, d);
}

static int groups_csv(struct diag *d)
{
    return write_results(RESULTS_GROUPS, RESULTS_CSV, d);
}

static int trials_npy(struct diag *d)
{
    return write_results(RESULTS_TRIALS, RESULTS_NPY, d);
}

static void results_are_written_or_refused(void **state)
{
    (void)state;
    double scores[20], value = 2;
    for (int i = 0; i < 20; i++)
        scores[i] = i;
    const struct journal_op run = {.kind = JOURNAL_RUN, .sweep = 1, .n = 20, .scores = {scores, sizeof(scores)}};
    const struct journal_op group = {
        .kind = JOURNAL_GROUP, .sweep = 1, .group = {.position = 3, .group = "g", .values = {&value, 8}}};
    lives_root(root, sizeof(root));
    assert_int_equal(journal_open(lives_path(root, "state"), true, &results_journal, NULL), 0);
    assert_int_equal(journal_begin(results_journal, NULL), 0);
    assert_int_equal(journal_apply(results_journal, &run, NULL), 0);
    assert_int_equal(journal_apply(results_journal, &group, NULL), 0);
    assert_int_equal(journal_commit(results_journal, NULL), 0);
    fail_each(tasks_csv);
    fail_each(trials_json);
    fail_each(groups_csv);
    fail_each(trials_npy);
    journal_close(results_journal);
}

/* ---- datasets ---- */

static int pack_and_open(struct diag *d)
{
    const struct pack_item array = {"a", lives_path(root, "a.npy")}, table = {"t", lives_path(root, "t.csv")};
    const struct pack_job job = {.out = lives_path(root, "out.sheaf"),
                                 .replace = true,
                                 .arrays = &array,
                                 .n_arrays = 1,
                                 .tables = &table,
                                 .n_tables = 1,
                                 .key = "k",
                                 .order = "v"};
    uint8_t digest[HASH_BYTES];
    struct dataset *ds = NULL;
    alloc_inside(true);
    int err = pack_run(&job, digest, d);
    if (err == 0)
        err = dataset_open(job.out, &ds, d);
    if (err == 0)
        err = dataset_verify(ds, d);
    dataset_close(ds);
    alloc_inside(false);
    return err;
}

static void a_dataset_is_packed_and_opened_or_refused(void **state)
{
    (void)state;
    struct buf npy = {0}, csv = {0};
    uint64_t rows = 50;
    lives_root(root, sizeof(root));
    assert_int_equal(npy_header(SHEAF_DT_I32, 1, &rows, &npy), 0);
    assert_int_equal(buf_printf(&csv, "k,v,w\n"), 0);
    for (int32_t i = 0; i < 50; i++) {
        assert_int_equal(buf_append(&npy, &i, sizeof(i)), 0);
        assert_int_equal(buf_printf(&csv, "key%d,%d,word%d\n", i % 7, 50 - i, i % 3), 0);
    }
    assert_int_equal(file_write_atomic(lives_path(root, "a.npy"), npy.data, npy.len, NULL), 0);
    assert_int_equal(file_write_atomic(lives_path(root, "t.csv"), csv.data, csv.len, NULL), 0);
    fail_each(pack_and_open);
    buf_finish(&npy);
    buf_finish(&csv);
}

/* ---- sweep files ---- */

static struct plan_param some_params[] = {
    {.name = "top_n", .type = SHEAF_INT, .min = 1, .max = 0, .unit = "", .help = ""},
    {.name = "x", .type = SHEAF_FLOAT, .min = 1, .max = 0, .unit = "", .help = ""},
};
static struct plan_score some_scores[] = {{.name = "sharpe", .unit = "", .help = ""}};
static const struct plan_plugin some_plugin = {
    .path = "/plugins/p.so",
    .digest = {"0123456789abcdef0123456789abcdef", 32},
    .name = "p",
    .version = "1",
    .summary = "",
    .identity = "",
    .config = "{}",
    .params = some_params,
    .n_params = 2,
    .scores = some_scores,
    .n_scores = 1,
    .threads = 1,
    .abi_major = 1,
};

static int plan_from_file(struct diag *d)
{
    static const char text[] = "plugin: p\nname: all of it\nconfig: {a: [1, 2, {b: c}]}\n"
                               "params: {top_n: [3, 4, 5], x: {from: 0, to: 1, step: 0.25}}\nwhere: top_n < 3 or x > "
                               "0.5\ngoal: {maximize: sharpe}\n"
                               "limits: {attempts: 2, failures: 10}\n";
    const char *set[] = {"params.top_n=[1, 2]"};
    const struct sweep_overrides o = {.set = set, .n_set = 1, .seed = "7"};
    struct arena a;
    struct plan plan = {0};
    struct buf bytes = {0};
    arena_init(&a, 0);
    alloc_inside(true);
    struct sweepfile *f = sweepfile_parse("s.yaml", text, sizeof(text) - 1, &o, d);
    int err = f ? sweepfile_plan(f, &some_plugin, &(const struct sources){.n = 0}, &a, &plan, d) : SHEAF_ENOMEM;
    if (err == 0 && (err = plan_encode(&plan, &bytes)) != 0)
        (void)diag_fail(d, err, "not encoded");
    if (err == 0)
        err = plan_decode(bytes.data, bytes.len, &a, &plan, d);
    sweepfile_destroy(f);
    alloc_inside(false);
    if (!f && !strstr(d->text, "memory"))
        fail_msg("refused: %s", d->text);
    buf_finish(&bytes);
    arena_finish(&a);
    return err;
}

static void a_sweep_file_becomes_a_plan_or_is_refused(void **state)
{
    (void)state;
    fail_each(plan_from_file);
}

static int teardown(void **state)
{
    (void)state;
    return dir_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_loses_nothing_when_memory_runs_out),
        cmocka_unit_test(results_are_written_or_refused),
        cmocka_unit_test(a_dataset_is_packed_and_opened_or_refused),
        cmocka_unit_test(a_sweep_file_becomes_a_plan_or_is_refused),
    };
    take_over_sqlite();
    return cmocka_run_group_tests(tests, NULL, teardown);
}
