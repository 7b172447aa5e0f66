/* SPDX-License-Identifier: MIT
 *
 * Tests of the journal: what is committed comes back in index order after a restart, retry cuts, remove deletes, and files
 * that are not ours, too new, damaged or in use are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/journal_db.h"
#include "common/fsutil.h"
#include "sweep/tally.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    struct journal *j;
    struct arena arena;
    struct diag d;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/journal_test_XXXXXX");
    if (!mkdtemp(f->dir)) {
        free(f);
        return -1;
    }
    arena_init(&f->arena, 0);
    *state = f;
    return journal_open(f->dir, true, &f->j, &f->d);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    journal_close(f->j);
    arena_finish(&f->arena);
    dir_remove(f->dir);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    journal_close(f->j);
    f->j = NULL;
    assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), 0);
}

static void begin(struct fixture *f)
{
    assert_int_equal(journal_begin(f->j, &f->d), 0);
}

static void commit(struct fixture *f)
{
    assert_int_equal(journal_commit(f->j, &f->d), 0);
}

static void apply(struct fixture *f, struct journal_op op)
{
    if (journal_apply(f->j, &op, &f->d) != 0)
        fail_msg("%s", f->d.text);
}

/* Score of task i, so that any mix-up shows. */
static double score(uint64_t i)
{
    return (double)i * 1.25 - 7;
}

static void apply_run(struct fixture *f, uint64_t sweep, uint64_t first, uint64_t n, const uint8_t *status)
{
    double *scores = malloc(n * sizeof(*scores));
    for (uint64_t i = 0; i < n; i++)
        scores[i] = score(first + i);
    apply(f, (struct journal_op){.kind = JOURNAL_RUN,
                                 .sweep = sweep,
                                 .first = first,
                                 .n = n,
                                 .status = {status, status ? n : 0},
                                 .scores = {scores, n * sizeof(*scores)}});
    free(scores);
}

static struct msg_page read_page(struct fixture *f, uint64_t sweep, uint32_t kind, uint64_t from, size_t max_bytes)
{
    struct msg_page page = {0};
    const struct msg_read read = {.sweep = sweep, .kind = kind, .from = from};
    if (journal_read(f->j, &read, max_bytes, &f->arena, &page, &f->d) != 0)
        fail_msg("%s", f->d.text);
    return page;
}

/* Reads all runs in pages and checks order, scores and statuses; returns how many tasks, and how many pages in *pages. */
static uint64_t read_all(struct fixture *f, uint64_t sweep, size_t max_bytes, uint32_t *pages, uint64_t *failed)
{
    uint64_t from = 0, tasks = 0;
    bool end = false;
    *pages = 0;
    *failed = 0;
    while (!end) {
        struct msg_page p = read_page(f, sweep, READ_RUNS, from, max_bytes);
        for (uint32_t i = 0; i < p.n_runs; i++) {
            const struct msg_run *r = &p.runs[i];
            const uint8_t *status = r->status.data;
            assert_true(r->from >= from && r->n > 0);
            assert_int_equal(r->scores.len, r->n * sizeof(double));
            for (uint64_t k = 0; k < r->n; k++) {
                assert_true(((const double *)r->scores.data)[k] == score(r->from + k));
                *failed += status && status[k] == TASK_FAILED;
            }
            from = r->from + r->n;
            tasks += r->n;
        }
        end = p.end;
        assert_true(end || p.next == from);
        ++*pages;
    }
    arena_reset(&f->arena);
    return tasks;
}

static void a_sweep_comes_back_after_a_restart(void **state)
{
    struct fixture *f = *state;
    const struct journal_numbers numbers = {1.5, 2.5, 3.5, 4.5, 6, 7, 8};
    begin(f);
    apply(f, (struct journal_op){.kind = JOURNAL_SWEEP,
                                 .sweep = 7,
                                 .name = "one",
                                 .wall_ms = 1234567890123,
                                 .blob = {"the plan", 8},
                                 .identity = {"0123456789abcdef0123456789abcdef", 32}});
    apply(f, (struct journal_op){.kind = JOURNAL_SWEEP, .sweep = 9, .blob = {"p", 1}});
    apply(f, (struct journal_op){.kind = JOURNAL_PLAN, .sweep = 7, .blob = {"longer plan", 11}});
    apply(f, (struct journal_op){.kind = JOURNAL_FRONTIER, .sweep = 7, .first = (uint64_t)1 << 40});
    apply(f, (struct journal_op){.kind = JOURNAL_SNAPSHOT, .sweep = 7, .blob = {"snap 1", 6}});
    apply(f, (struct journal_op){.kind = JOURNAL_SNAPSHOT, .sweep = 7, .blob = {"snap 22", 7}});
    apply(f, (struct journal_op){.kind = JOURNAL_STATE,
                                 .sweep = 7,
                                 .state = SWEEP_CANCELLED,
                                 .reason = "because",
                                 .limit_hit = true,
                                 .blob = {"output", 6},
                                 .groups = {"groups", 6},
                                 .files = 12,
                                 .numbers = numbers});
    commit(f);
    reopen(f);
    struct journal_sweep *s;
    uint32_t n;
    assert_int_equal(journal_sweeps(f->j, &f->arena, &s, &n, &f->d), 0);
    assert_int_equal(n, 2);
    assert_int_equal(s[0].sweep, 7);
    assert_string_equal(s[0].name, "one");
    assert_string_equal(s[0].reason, "because");
    assert_int_equal(s[0].plan.len, 11);
    assert_memory_equal(s[0].plan.data, "longer plan", 11);
    assert_int_equal(s[0].identity.len, 32);
    assert_memory_equal(s[0].snapshot.data, "snap 22", 7);
    assert_int_equal(s[0].state, SWEEP_CANCELLED);
    assert_true(s[0].limit_hit);
    assert_true(s[0].output.len == 6 && !memcmp(s[0].output.data, "output", 6));
    assert_true(s[0].groups.len == 6 && !memcmp(s[0].groups.data, "groups", 6));
    assert_int_equal(s[0].wall_ms, 1234567890123);
    assert_true(s[0].frontier == (uint64_t)1 << 40);
    assert_memory_equal(&s[0].numbers, &numbers, sizeof(double) * 4);
    assert_int_equal(s[0].numbers.slots, 6);
    assert_int_equal(s[0].numbers.verified, 7);
    assert_int_equal(s[0].numbers.mismatched, 8);
    assert_int_equal(s[1].sweep, 9);
    assert_string_equal(s[1].name, "");
    assert_int_equal(s[1].snapshot.len, 0);
    assert_true(s[1].output.len == 0 && s[1].groups.len == 0);
    assert_true(s[0].files == 12 && s[1].files == -1);
}

static void runs_come_back_in_index_order_and_in_pages(void **state)
{
    struct fixture *f = *state;
    uint32_t pages;
    uint64_t failed;
    begin(f);
    apply_run(f, 1, 5000, 1000, NULL);
    apply_run(f, 1, 0, 5000, NULL);
    apply_run(f, 2, 0, 3, NULL);
    commit(f);
    begin(f);
    apply_run(f, 1, 10000, 400000, NULL); /* more than one row's bytes */
    commit(f);
    reopen(f);
    assert_int_equal(read_all(f, 1, 1 << 30, &pages, &failed), 406000);
    assert_int_equal(pages, 1);
    assert_int_equal(read_all(f, 1, 50000, &pages, &failed), 406000);
    assert_true(pages > 4);
    assert_int_equal(read_all(f, 2, 50000, &pages, &failed), 3);
    assert_int_equal(read_all(f, 3, 50000, &pages, &failed), 0);
    assert_int_equal(pages, 1);
}

static void a_page_begins_at_the_task_that_was_asked_for(void **state)
{
    struct fixture *f = *state;
    uint8_t status[100];
    memset(status, TASK_DONE, sizeof(status));
    status[60] = TASK_FAILED;
    begin(f);
    apply_run(f, 1, 100, 100, status);
    apply_run(f, 1, 300, 100, NULL);
    commit(f);
    struct msg_page p = read_page(f, 1, READ_RUNS, 150, 1 << 20);
    assert_int_equal(p.n_runs, 2);
    assert_int_equal(p.runs[0].from, 150);
    assert_int_equal(p.runs[0].n, 50);
    assert_int_equal(((const uint8_t *)p.runs[0].status.data)[10], TASK_FAILED);
    assert_true(((const double *)p.runs[0].scores.data)[0] == score(150));
    assert_int_equal(read_page(f, 1, READ_RUNS, 250, 1 << 20).runs[0].from, 300);
    p = read_page(f, 1, READ_RUNS, 400, 1 << 20);
    assert_int_equal(p.n_runs, 0);
    assert_true(p.end);
    assert_true(read_page(f, 1, READ_RUNS, UINT64_MAX, 1 << 20).end);
}

static uint64_t rows_of(struct fixture *f)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(f->j->db, "SELECT count(*) FROM run", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    uint64_t n = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

static void adjacent_runs_of_a_transaction_share_a_row(void **state)
{
    struct fixture *f = *state;
    const uint8_t mixed[4] = {TASK_DONE, TASK_FAILED, TASK_SKIPPED, TASK_DONE};
    uint32_t pages;
    uint64_t failed;
    begin(f);
    for (uint64_t at = 0; at < 1000; at += 10)
        apply_run(f, 1, at, 10, NULL);
    apply_run(f, 1, 1000, 4, mixed);
    apply_run(f, 1, 1004, 10, NULL);
    apply_run(f, 2, 1014, 10, NULL);
    commit(f);
    assert_int_equal(rows_of(f), 2);
    assert_int_equal(read_all(f, 1, 1 << 20, &pages, &failed), 1014);
    assert_int_equal(failed, 1);
    struct msg_run r = read_page(f, 1, READ_RUNS, 0, 1 << 20).runs[0];
    assert_int_equal(r.status.len, 1014);
    assert_memory_equal((const uint8_t *)r.status.data + 1000, mixed, 4);
    assert_int_equal(((const uint8_t *)r.status.data)[999], TASK_DONE);
    assert_int_equal(((const uint8_t *)r.status.data)[1004], TASK_DONE);
}

static void a_done_set_without_scores_costs_nothing(void **state)
{
    struct fixture *f = *state;
    const uint8_t failed = TASK_FAILED;
    const uint64_t trillion = 1000000000000;
    begin(f);
    apply(f, (struct journal_op){.kind = JOURNAL_RUN, .sweep = 1, .first = 0, .n = trillion});
    apply(f, (struct journal_op){.kind = JOURNAL_RUN, .sweep = 1, .first = trillion, .n = 1, .status = {&failed, 1}});
    apply(f, (struct journal_op){.kind = JOURNAL_RUN, .sweep = 1, .first = trillion + 1, .n = trillion});
    commit(f);
    struct msg_page p = read_page(f, 1, READ_RUNS, 0, 1 << 20);
    assert_int_equal(p.n_runs, 3);
    assert_true(p.runs[0].n == trillion && p.runs[2].n == trillion);
    assert_int_equal(p.runs[0].status.len, 0);
    assert_int_equal(p.runs[1].status.len, 1);
}

static void runs_whose_lengths_do_not_fit_are_refused(void **state)
{
    struct fixture *f = *state;
    begin(f);
    struct journal_op op = {.kind = JOURNAL_RUN, .sweep = 1, .n = 3, .scores = {"12345678", 8}};
    assert_int_equal(journal_apply(f->j, &op, &f->d), SHEAF_EINVAL);
    op = (struct journal_op){.kind = JOURNAL_RUN, .sweep = 1, .n = 0};
    assert_int_equal(journal_apply(f->j, &op, &f->d), SHEAF_EINVAL);
    op = (struct journal_op){.kind = JOURNAL_RUN, .sweep = 1, .first = UINT64_MAX - 1, .n = 1};
    assert_int_equal(journal_apply(f->j, &op, &f->d), SHEAF_EINVAL);
    op = (struct journal_op){.kind = JOURNAL_RUN, .sweep = 1, .n = 2, .status = {"1", 1}};
    assert_int_equal(journal_apply(f->j, &op, &f->d), SHEAF_EINVAL);
    journal_rollback(f->j);
}

static void what_is_rolled_back_is_gone(void **state)
{
    struct fixture *f = *state;
    uint32_t pages;
    uint64_t failed;
    begin(f);
    apply_run(f, 1, 0, 10, NULL);
    journal_rollback(f->j);
    begin(f);
    apply_run(f, 1, 10, 10, NULL); /* must not join what was rolled back */
    commit(f);
    assert_int_equal(read_all(f, 1, 1 << 20, &pages, &failed), 10);
}

static void retry_cuts_failed_tasks_out(void **state)
{
    struct fixture *f = *state;
    uint8_t status[10] = {2, 1, 1, 2, 2, 3, 1, 1, 1, 2}, all[3] = {2, 2, 2};
    uint32_t pages;
    uint64_t failed;
    begin(f);
    apply_run(f, 1, 0, 100, NULL);
    apply_run(f, 1, 200, 10, status);
    apply_run(f, 1, 300, 3, all);
    apply_run(f, 2, 200, 10, status);
    apply(f, (struct journal_op){
                 .kind = JOURNAL_FAILURE, .sweep = 1, .failure = {.position = 200, .kind = FAIL_CRASH, .reason = "x"}});
    apply(f, (struct journal_op){
                 .kind = JOURNAL_FAILURE, .sweep = 2, .failure = {.position = 200, .kind = FAIL_CRASH, .reason = "x"}});
    apply(f, (struct journal_op){.kind = JOURNAL_RETRY, .sweep = 1}); /* also what this transaction wrote */
    commit(f);
    assert_int_equal(read_all(f, 1, 1 << 20, &pages, &failed), 106);
    assert_int_equal(failed, 0);
    struct msg_page p = read_page(f, 1, READ_RUNS, 200, 1 << 20);
    assert_int_equal(p.n_runs, 2);
    assert_int_equal(p.runs[0].from, 201);
    assert_int_equal(p.runs[0].n, 2);
    assert_int_equal(p.runs[0].status.len, 0);
    assert_int_equal(p.runs[1].from, 205);
    assert_int_equal(p.runs[1].n, 4);
    assert_int_equal(((const uint8_t *)p.runs[1].status.data)[0], TASK_SKIPPED);
    assert_int_equal(read_page(f, 1, READ_FAILURES, 0, 1 << 20).n_failures, 0);
    assert_int_equal(read_page(f, 2, READ_FAILURES, 0, 1 << 20).n_failures, 1);
    assert_int_equal(read_all(f, 2, 1 << 20, &pages, &failed), 10);
    assert_int_equal(failed, 4);
}

static void write_everything(struct fixture *f, uint64_t sweep)
{
    apply(f, (struct journal_op){.kind = JOURNAL_SWEEP, .sweep = sweep, .name = "n", .blob = {"p", 1}});
    apply_run(f, sweep, 0, 10, NULL);
    apply(f, (struct journal_op){.kind = JOURNAL_SNAPSHOT, .sweep = sweep, .blob = {"s", 1}});
    apply(f, (struct journal_op){.kind = JOURNAL_FAILURE, .sweep = sweep, .failure = {.position = 3, .reason = "r"}});
    apply(f, (struct journal_op){.kind = JOURNAL_LOG, .sweep = sweep, .log = {.text = "line"}});
    apply(f, (struct journal_op){.kind = JOURNAL_GROUP, .sweep = sweep, .group = {.position = 3, .group = "g"}});
}

static void remove_deletes_a_sweep_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    begin(f);
    write_everything(f, 1);
    write_everything(f, 2);
    apply(f, (struct journal_op){.kind = JOURNAL_REMOVE, .sweep = 1});
    commit(f);
    reopen(f);
    struct journal_sweep *s;
    uint32_t n;
    assert_int_equal(journal_sweeps(f->j, &f->arena, &s, &n, &f->d), 0);
    assert_int_equal(n, 1);
    assert_int_equal(s[0].sweep, 2);
    for (uint64_t sweep = 1; sweep <= 2; sweep++) {
        uint32_t want = sweep == 2;
        assert_int_equal(read_page(f, sweep, READ_RUNS, 0, 1 << 20).n_runs, want);
        assert_int_equal(read_page(f, sweep, READ_FAILURES, 0, 1 << 20).n_failures, want);
        assert_int_equal(read_page(f, sweep, READ_LOGS, 0, 1 << 20).n_logs, want);
        assert_int_equal(read_page(f, sweep, READ_GROUPS, 0, 1 << 20).n_groups, want);
    }
}

static void failures_and_log_lines_come_in_pages(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (uint64_t i = 100; i-- > 0;) {
        char text[32];
        snprintf(text, sizeof(text), "line %u", (unsigned)i);
        apply(f,
              (struct journal_op){
                  .kind = JOURNAL_FAILURE,
                  .sweep = 1,
                  .failure = {
                      .position = i * 3, .kind = FAIL_EXIT, .reason = text, .attempts = 2, .tail = "tail \xc3\xa9"}});
        apply(f, (struct journal_op){.kind = JOURNAL_LOG,
                                     .sweep = 1,
                                     .log = {.position = i % 10, .has_position = i > 50, .text = text}});
    }
    commit(f);
    uint64_t from = 0, n = 0;
    for (bool end = false; !end;) {
        struct msg_page p = read_page(f, 1, READ_FAILURES, from, 500);
        for (uint32_t i = 0; i < p.n_failures; i++, n++)
            assert_int_equal(p.failures[i].position, n * 3);
        assert_true(p.n_failures < 20);
        from = p.next;
        end = p.end;
    }
    assert_int_equal(n, 100);
    struct msg_failure one = read_page(f, 1, READ_FAILURES, 30, 1).failures[0];
    assert_string_equal(one.reason, "line 10");
    assert_string_equal(one.tail, "tail \xc3\xa9");
    assert_int_equal(one.kind, FAIL_EXIT);
    assert_int_equal(one.attempts, 2);
    struct msg_page logs = read_page(f, 1, READ_LOGS, 0, 1 << 20);
    assert_int_equal(logs.n_logs, 100);
    assert_string_equal(logs.logs[0].text, "line 99"); /* as they came */
    assert_true(logs.logs[0].has_position);
    assert_false(logs.logs[99].has_position);
    const struct msg_read of_task = {.sweep = 1, .kind = READ_LOGS, .only_task = true, .task = 7};
    assert_int_equal(journal_read(f->j, &of_task, 1 << 20, &f->arena, &logs, &f->d), 0);
    assert_int_equal(logs.n_logs, 5);
}

static void group_rows_of_a_task_stay_on_one_page(void **state)
{
    struct fixture *f = *state;
    const double v[2] = {1, 2};
    begin(f);
    for (uint64_t i = 0; i < 60; i++)
        apply(f, (struct journal_op){.kind = JOURNAL_GROUP,
                                     .sweep = 1,
                                     .group = {.position = 9 - i % 10, .group = "group", .values = {v, sizeof(v)}}});
    commit(f);
    uint64_t from = 0, n = 0;
    for (bool end = false; !end;) {
        struct msg_page p = read_page(f, 1, READ_GROUPS, from, 300);
        assert_int_equal(p.n_groups % 6, 0);
        for (uint32_t i = 0; i < p.n_groups; i++, n++) {
            assert_int_equal(p.groups[i].position, n / 6);
            assert_int_equal(p.groups[i].values.len, sizeof(v));
        }
        from = p.next;
        end = p.end;
    }
    assert_int_equal(n, 60);
}

static void an_unknown_kind_of_results_is_refused(void **state)
{
    struct fixture *f = *state;
    struct msg_page p;
    const struct msg_read read = {.sweep = 1, .kind = 99};
    assert_int_equal(journal_read(f->j, &read, 100, &f->arena, &p, &f->d), SHEAF_EINVAL);
}

static void a_second_process_is_told_who_has_it(void **state)
{
    struct fixture *f = *state;
    pid_t child = fork();
    if (child == 0) {
        struct journal *second = NULL;
        struct diag d = {{0}};
        char pid[32];
        snprintf(pid, sizeof(pid), "process %ld", (long)getppid());
        int err = journal_open(f->dir, true, &second, &d);
        _exit(err == SHEAF_EBUSY && strstr(d.text, pid) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void files_are_for_their_owner_only(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"journal.db", "journal.db-wal", "lock"};
        snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    snprintf(path, sizeof(path), "%s/journal.db-shm", f->dir);
    assert_int_not_equal(stat(path, &st), 0); /* locking_mode=EXCLUSIVE needs none */
    snprintf(path, sizeof(path), "%s/new/state", f->dir);
    struct journal *j = NULL;
    assert_int_equal(journal_open(path, true, &j, &f->d), 0);
    journal_close(j);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_directory_without_state_is_left_alone(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct journal *j = NULL;
    snprintf(path, sizeof(path), "%s/none", f->dir);
    assert_int_equal(journal_open(path, false, &j, &f->d), SHEAF_ENOENT);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(journal_open(path, false, &j, &f->d), SHEAF_ENOENT);
    assert_null(j);
    assert_int_equal(rmdir(path), 0); /* still empty */
}

static void change_file(struct fixture *f, const char *sql_text)
{
    char path[128];
    sqlite3 *db;
    journal_close(f->j);
    f->j = NULL;
    snprintf(path, sizeof(path), "%s/journal.db", f->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql_text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *f = *state;
    change_file(f, "PRAGMA user_version=6");
    assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), SHEAF_EVERSION);
    assert_non_null(strstr(f->d.text, "format 6, this program reads format 5; use a newer sheaf"));
}

static void another_programs_database_is_refused(void **state)
{
    struct fixture *f = *state;
    change_file(f, "PRAGMA application_id=12345");
    assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), SHEAF_ECORRUPT);
    assert_non_null(strstr(f->d.text, "another program"));
}

static void a_missing_table_is_refused(void **state)
{
    struct fixture *f = *state;
    change_file(f, "DROP TABLE run");
    assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), SHEAF_ECORRUPT);
}

/* Writes the log back into the database, as another program that opened and closed it would. */
static void settle(struct fixture *f)
{
    change_file(f, "UPDATE sweep SET name = name");
}

static void overwrite(struct fixture *f, off_t at, const char *bytes, size_t n)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/journal.db", f->dir);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    journal_close(f->j);
    f->j = NULL;
    settle(f);
    overwrite(f, 0, "this is a text file", 19);
    assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), SHEAF_ECORRUPT);
    assert_non_null(strstr(f->d.text, "journal.db"));
}

static void a_log_without_its_database_is_refused_and_kept(void **state)
{
    struct fixture *f = *state;
    char path[128], log[128];
    struct stat before, after;
    snprintf(path, sizeof(path), "%s/journal.db", f->dir);
    snprintf(log, sizeof(log), "%s/journal.db-wal", f->dir);
    begin(f);
    apply_run(f, 1, 0, 10, NULL);
    commit(f);
    journal_close(f->j);
    f->j = NULL;
    assert_int_equal(stat(log, &before), 0);
    for (int missing = 0; missing < 2; missing++) {
        assert_int_equal(missing ? unlink(path) : truncate(path, 0), 0);
        for (int create = 0; create < 2; create++) {
            assert_int_equal(journal_open(f->dir, create, &f->j, &f->d), SHEAF_ECORRUPT);
            assert_non_null(strstr(f->d.text, "is damaged: it is empty or missing, and its log is not"));
        }
    }
    assert_int_equal(stat(log, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
}

static void an_empty_file_is_no_state_and_is_made_a_journal(void **state)
{
    struct fixture *f = *state;
    char path[128];
    static const char zeros[4096];
    snprintf(path, sizeof(path), "%s/journal.db-wal", f->dir);
    journal_close(f->j);
    f->j = NULL;
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/journal.db", f->dir);
    for (int size = 0; size < 2; size++) {
        assert_int_equal(truncate(path, 0), 0);
        overwrite(f, 0, zeros, size ? sizeof(zeros) : 0);
        assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), SHEAF_ENOENT);
        assert_non_null(strstr(f->d.text, "is empty; there is no state"));
    }
    assert_int_equal(journal_open(f->dir, true, &f->j, &f->d), 0);
    begin(f);
    apply_run(f, 1, 0, 10, NULL);
    commit(f);
    reopen(f);
}

static void a_damaged_page_is_noticed_when_it_is_read(void **state)
{
    struct fixture *f = *state;
    static const char garbage[200];
    begin(f);
    for (uint64_t i = 0; i < 2000; i++)
        apply_run(f, 1, i * 20, 10, NULL);
    commit(f);
    journal_close(f->j);
    f->j = NULL;
    settle(f);
    for (off_t page = 2; page < 12; page++)
        overwrite(f, page * 32768, garbage, sizeof(garbage)); /* the pages' headers */
    int err = journal_open(f->dir, false, &f->j, &f->d);
    struct msg_page p;
    const struct msg_read read = {.sweep = 1, .kind = READ_RUNS};
    if (err == 0)
        err = journal_read(f->j, &read, 1 << 30, &f->arena, &p, &f->d);
    assert_int_equal(err, SHEAF_ECORRUPT);
}

static void a_stored_run_that_lies_about_its_size_is_noticed(void **state)
{
    struct fixture *f = *state;
    begin(f);
    apply_run(f, 1, 0, 10, NULL);
    commit(f);
    change_file(f, "UPDATE run SET n = 7");
    assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), 0);
    struct msg_page p;
    const struct msg_read read = {.sweep = 1, .kind = READ_RUNS};
    assert_int_equal(journal_read(f->j, &read, 1 << 20, &f->arena, &p, &f->d), SHEAF_ECORRUPT);
}

static void a_full_device_is_said_and_loses_nothing_committed(void **state)
{
    struct fixture *f = *state;
    uint64_t done = 0, failed;
    uint32_t pages;
    int err = 0;
    assert_int_equal(sqlite3_exec(f->j->db, "PRAGMA max_page_count=100", NULL, NULL, NULL), SQLITE_OK);
    for (; done < 100; done++) {
        static double scores[20000];
        for (uint64_t i = 0; i < 20000; i++)
            scores[i] = score(done * 20000 + i);
        const struct journal_op op = {
            .kind = JOURNAL_RUN, .sweep = 1, .first = done * 20000, .n = 20000, .scores = {scores, sizeof(scores)}};
        begin(f);
        err = journal_apply(f->j, &op, &f->d);
        err = err ? err : journal_commit(f->j, &f->d);
        if (err)
            break;
    }
    assert_int_equal(err, SHEAF_ENOSPC);
    assert_true(done > 2 && done < 100);
    journal_rollback(f->j);
    reopen(f);
    assert_int_equal(read_all(f, 1, 1 << 20, &pages, &failed), done * 20000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sweep_comes_back_after_a_restart),
        TEST(runs_come_back_in_index_order_and_in_pages),
        TEST(a_page_begins_at_the_task_that_was_asked_for),
        TEST(adjacent_runs_of_a_transaction_share_a_row),
        TEST(a_done_set_without_scores_costs_nothing),
        TEST(runs_whose_lengths_do_not_fit_are_refused),
        TEST(what_is_rolled_back_is_gone),
        TEST(retry_cuts_failed_tasks_out),
        TEST(remove_deletes_a_sweep_and_nothing_else),
        TEST(failures_and_log_lines_come_in_pages),
        TEST(group_rows_of_a_task_stay_on_one_page),
        TEST(an_unknown_kind_of_results_is_refused),
        TEST(a_second_process_is_told_who_has_it),
        TEST(files_are_for_their_owner_only),
        TEST(a_directory_without_state_is_left_alone),
        TEST(a_newer_format_is_refused),
        TEST(another_programs_database_is_refused),
        TEST(a_missing_table_is_refused),
        TEST(a_file_that_is_no_database_is_refused),
        TEST(a_log_without_its_database_is_refused_and_kept),
        TEST(an_empty_file_is_no_state_and_is_made_a_journal),
        TEST(a_damaged_page_is_noticed_when_it_is_read),
        TEST(a_stored_run_that_lies_about_its_size_is_noticed),
        TEST(a_full_device_is_said_and_loses_nothing_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
