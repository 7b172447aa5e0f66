/* SPDX-License-Identifier: MIT
 *
 * Tests of results: exact text of every kind of file from a real journal read in small pages, in mid-run and complete;
 * what does not fit the plan, or cannot be written, is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/journal.h"
#include "broker/results.h"
#include "common/fsutil.h"
#include "sheaf/plugin.h"
#include "sweep/tally.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *choices[] = {"ic", "eq,\"ual\""};
static struct plan_param params[] = {
    {.name = "n", .type = SHEAF_INT},
    {.name = "how", .type = SHEAF_CHOICE, .choices = choices, .n_choices = 2},
    {.name = "alpha", .type = SHEAF_FLOAT, .def.f = 0.1},
    {.name = "flag", .type = SHEAF_BOOL, .def.i = 1},
};
static struct plan_value ints[] = {{.i = 4}, {.i = -1}};
static struct plan_value texts[] = {{.text = "ic"}, {.text = "eq,\"ual\""}};
static struct plan_axis axes[] = {
    {.name = "n", .param = 0, .kind = AXIS_CHOICES, .values = ints, .n_values = 2, .count = 2},
    {.name = "how", .param = 1, .kind = AXIS_CHOICES, .values = texts, .n_values = 2, .count = 2},
};
static struct plan_score scores[] = {{.name = "sharpe"}, {.name = "a \"b\""}};
static struct plan_score group_values[] = {{.name = "pnl"}};

struct fixture {
    char dir[64];
    struct journal *j;
    struct plan plan; /* 4 trials of 1 key and 2 splits */
    struct arena arenas[4];
    size_t max_bytes;
    struct diag d;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/results_test_XXXXXX");
    if (!mkdtemp(f->dir)) {
        free(f);
        return -1;
    }
    f->plan = (struct plan){
        .plugin = {.params = params,
                   .n_params = 4,
                   .scores = scores,
                   .n_scores = 2,
                   .group_values = group_values,
                   .n_group_values = 1},
        .method = METHOD_GRID,
        .axes = axes,
        .n_axes = 2,
        .trials = 4,
        .keys = 1,
        .splits = 2,
        .reduce_split = REDUCE_MEAN,
        .reduce_key = REDUCE_SUM,
    };
    f->max_bytes = 1; /* a row a page */
    *state = f;
    return journal_open(f->dir, true, &f->j, &f->d);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++)
        arena_finish(&f->arenas[i]);
    journal_close(f->j);
    dir_remove(f->dir);
    free(f);
    return 0;
}

/* As the header asks: a page lives until the next one of its kind. */
static int journal_page(void *ctx, const struct msg_read *read, struct msg_page *page, struct diag *d)
{
    struct fixture *f = ctx;
    arena_reset(&f->arenas[read->kind]);
    return journal_read(f->j, read, f->max_bytes, &f->arenas[read->kind], page, d);
}

static void apply(struct fixture *f, struct journal_op op)
{
    op.sweep = 1;
    assert_int_equal(journal_begin(f->j, &f->d), 0);
    assert_int_equal(journal_apply(f->j, &op, &f->d), 0);
    assert_int_equal(journal_commit(f->j, &f->d), 0);
}

/* Task i scores i + 0.1 and -i. */
static void add_tasks(struct fixture *f, uint64_t first, uint64_t n, const uint8_t *status)
{
    double v[32];
    for (uint64_t i = 0; i < n; i++) {
        v[2 * i] = (double)(first + i) + 0.1;
        v[2 * i + 1] = -(double)(first + i);
    }
    apply(f, (struct journal_op){.kind = JOURNAL_RUN,
                                 .first = first,
                                 .n = n,
                                 .status = {status, status ? n : 0},
                                 .scores = {v, n * 2 * sizeof(double)}});
}

static void add_group(struct fixture *f, uint64_t task, const char *group, double v)
{
    apply(f, (struct journal_op){.kind = JOURNAL_GROUP,
                                 .group = {.position = task, .group = group, .values = {&v, sizeof(v)}}});
}

static int try_write(struct fixture *f, enum results_what what, enum results_format format, char **text, size_t *len)
{
    const struct results_source source = {.ctx = f, .sweep = 1, .page = journal_page};
    *text = NULL;
    FILE *out = open_memstream(text, len);
    int err = results_write(&f->plan, &source, what, format, out, &f->d);
    fclose(out);
    return err;
}

static void check_text(struct fixture *f, enum results_what what, enum results_format format, const char *want)
{
    char *text;
    size_t len;
    if (try_write(f, what, format, &text, &len) != 0)
        fail_msg("%s", f->d.text);
    assert_string_equal(text, want);
    free(text);
}

/* Writes npy, checks the head and returns the numbers: n of them. */
static double *numbers(struct fixture *f, enum results_what what, const char *shape, size_t n)
{
    char *text;
    size_t len;
    assert_int_equal(try_write(f, what, RESULTS_NPY, &text, &len), 0);
    size_t head = 10 + (size_t)(unsigned char)text[8] + 256 * (size_t)(unsigned char)text[9];
    assert_memory_equal(text, "\x93NUMPY\x01\x00", 8);
    assert_int_equal(head % 64, 0);
    assert_int_equal(text[head - 1], '\n');
    text[head - 1] = '\0';
    char want[200];
    snprintf(want, sizeof(want), "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape);
    assert_memory_equal(text + 10, want, strlen(want));
    assert_int_equal(len, head + n * 8);
    double *v = malloc(n * 8);
    memcpy(v, text + head, n * 8);
    free(text);
    return v;
}

/* Trial 0 done, trial 1 with a failure, trial 2 excluded, of trial 3 one task. */
static void add_mixed(struct fixture *f)
{
    static const uint8_t status[4] = {TASK_FAILED, TASK_DONE, TASK_SKIPPED, TASK_SKIPPED};
    add_tasks(f, 7, 1, NULL);
    add_tasks(f, 1, 1, NULL);
    add_tasks(f, 0, 1, NULL);
    add_tasks(f, 2, 4, status);
    apply(f, (struct journal_op){
                 .kind = JOURNAL_FAILURE,
                 .failure = {.position = 2, .kind = FAIL_CRASH, .reason = "signal \"11\"", .attempts = 3}});
}

static void tasks_as_csv(void **state)
{
    struct fixture *f = *state;
    const char *head = "task,trial,key,split,status,sharpe,\"a \"\"b\"\"\"\n";
    check_text(f, RESULTS_TASKS, RESULTS_CSV, head);
    add_mixed(f);
    char want[1024];
    snprintf(want, sizeof(want), "%s%s", head,
             "0,0,0,0,done,0.10000000000000001,-0\n"
             "1,0,0,1,done,1.1000000000000001,-1\n"
             "2,1,0,0,failed,,\n"
             "3,1,0,1,done,3.1000000000000001,-3\n"
             "4,2,0,0,skipped,,\n"
             "5,2,0,1,skipped,,\n"
             "7,3,0,1,done,7.0999999999999996,-7\n");
    check_text(f, RESULTS_TASKS, RESULTS_CSV, want);
    f->max_bytes = 1 << 20;
    check_text(f, RESULTS_TASKS, RESULTS_CSV, want);
}

static void tasks_as_json_lines_with_their_failures(void **state)
{
    struct fixture *f = *state;
    check_text(f, RESULTS_TASKS, RESULTS_JSONL, "");
    add_tasks(f, 1, 1, NULL);
    static const uint8_t failed[2] = {TASK_FAILED, TASK_FAILED};
    add_tasks(f, 2, 2, failed);
    apply(f, (struct journal_op){
                 .kind = JOURNAL_FAILURE,
                 .failure = {.position = 3, .kind = FAIL_CRASH, .reason = "signal \"11\"", .attempts = 3}});
    check_text(f, RESULTS_TASKS, RESULTS_JSONL,
               "{\"task\": 1, \"trial\": 0, \"key\": 0, \"split\": 1, \"status\": \"done\", \"scores\": {\"sharpe\": "
               "1.1000000000000001, \"a \\\"b\\\"\": -1}}\n"
               "{\"task\": 2, \"trial\": 1, \"key\": 0, \"split\": 0, \"status\": \"failed\", \"scores\": {\"sharpe\": "
               "null, \"a \\\"b\\\"\": null}}\n"
               "{\"task\": 3, \"trial\": 1, \"key\": 0, \"split\": 1, \"status\": \"failed\", \"scores\": {\"sharpe\": "
               "null, \"a \\\"b\\\"\": null}, \"failure\": {\"kind\": \"crash\", \"reason\": \"signal \\\"11\\\"\", "
               "\"attempts\": 3}}\n");
}

static void trials_as_csv_once_all_their_tasks_are_there(void **state)
{
    struct fixture *f = *state;
    add_mixed(f);
    check_text(f, RESULTS_TRIALS, RESULTS_CSV,
               "trial,n,how,alpha,flag,sharpe,\"a \"\"b\"\"\",tasks,failed\n"
               "0,4,ic,0.10000000000000001,true,0.60000000000000009,-0.5,2,0\n"
               "1,4,\"eq,\"\"ual\"\"\",0.10000000000000001,true,,,2,1\n");
    add_tasks(f, 6, 1, NULL);
    check_text(f, RESULTS_TRIALS, RESULTS_CSV,
               "trial,n,how,alpha,flag,sharpe,\"a \"\"b\"\"\",tasks,failed\n"
               "0,4,ic,0.10000000000000001,true,0.60000000000000009,-0.5,2,0\n"
               "1,4,\"eq,\"\"ual\"\"\",0.10000000000000001,true,,,2,1\n"
               "3,-1,\"eq,\"\"ual\"\"\",0.10000000000000001,true,6.5999999999999996,-6.5,2,0\n");
}

static void trials_as_json_lines(void **state)
{
    struct fixture *f = *state;
    add_tasks(f, 0, 2, NULL);
    check_text(
        f, RESULTS_TRIALS, RESULTS_JSONL,
        "{\"trial\": 0, \"params\": {\"n\": 4, \"how\": \"ic\", \"alpha\": 0.10000000000000001, \"flag\": true}, "
        "\"scores\": {\"sharpe\": 0.60000000000000009, \"a \\\"b\\\"\": -0.5}, \"spread\": {\"sharpe\": {\"std\": "
        "0.5, \"min\": 0.10000000000000001, \"max\": 1.1000000000000001, \"n\": 2}, \"a \\\"b\\\"\": {\"std\": "
        "0.5, \"min\": -1, \"max\": 0, \"n\": 2}}, \"tasks\": 2, \"failed\": 0}\n");
}

static void tasks_as_npy_with_nan_for_what_is_missing(void **state)
{
    struct fixture *f = *state;
    add_mixed(f);
    double *v = numbers(f, RESULTS_TASKS, "(4, 1, 2, 2)", 16);
    for (size_t i = 0; i < 8; i++) {
        bool done = i == 0 || i == 1 || i == 3 || i == 7;
        assert_true(done ? v[2 * i] == (double)i + 0.1 : isnan(v[2 * i]));
        assert_true(done ? v[2 * i + 1] == -(double)i : isnan(v[2 * i + 1]));
    }
    free(v);
}

static void trials_as_npy_with_nan_for_what_is_missing(void **state)
{
    struct fixture *f = *state;
    add_mixed(f);
    add_tasks(f, 6, 1, NULL);
    double *v = numbers(f, RESULTS_TRIALS, "(4, 2)", 8);
    assert_true(v[1] == -0.5 && v[7] == -6.5);
    for (int i = 2; i < 6; i++)
        assert_true(isnan(v[i]));
    free(v);
}

static void group_rows_are_summed_in_order_of_their_names(void **state)
{
    struct fixture *f = *state;
    f->plan.trials = 2;
    f->plan.keys = 2; /* whatever becomes of scores over splits and keys */
    add_group(f, 3, "b", 1);
    add_group(f, 3, "z", 1);
    add_group(f, 0, "b", 1);
    add_group(f, 1, "b", 1e16); /* the order shows: 1 is lost before 1e16, kept behind its end */
    add_group(f, 2, "b", -1e16);
    add_group(f, 1, "a,", 7);
    add_group(f, 4, "b", 5); /* of a trial that is not complete */
    add_tasks(f, 0, 3, NULL);
    check_text(f, RESULTS_GROUPS, RESULTS_CSV, "trial,group,pnl\n");
    add_tasks(f, 3, 1, NULL);
    check_text(f, RESULTS_GROUPS, RESULTS_CSV, "trial,group,pnl\n0,\"a,\",7\n0,b,1\n0,z,1\n");
    add_tasks(f, 4, 4, NULL);
    check_text(f, RESULTS_GROUPS, RESULTS_JSONL,
               "{\"trial\": 0, \"group\": \"a,\", \"values\": {\"pnl\": 7}}\n"
               "{\"trial\": 0, \"group\": \"b\", \"values\": {\"pnl\": 1}}\n"
               "{\"trial\": 0, \"group\": \"z\", \"values\": {\"pnl\": 1}}\n"
               "{\"trial\": 1, \"group\": \"b\", \"values\": {\"pnl\": 5}}\n");
}

static void what_cannot_be_had_is_said(void **state)
{
    struct fixture *f = *state;
    char *text;
    size_t len;
    assert_int_equal(try_write(f, RESULTS_GROUPS, RESULTS_NPY, &text, &len), SHEAF_EINVAL);
    assert_int_equal(len, 0);
    free(text);
    f->plan.keep_best = 10;
    assert_int_equal(try_write(f, RESULTS_TASKS, RESULTS_CSV, &text, &len), SHEAF_EINVAL);
    assert_string_equal(f->d.text,
                        "this sweep keeps its best 10 trials and no single tasks (keep: best); --trials gives those");
    free(text);
    assert_int_equal(results_write_best(&f->plan, NULL, 0, RESULTS_NPY, stdout, &f->d), SHEAF_EINVAL);
    assert_string_equal(f->d.text,
                        "an .npy file has a row for every trial, but this sweep keeps its best 10 only (keep: "
                        "best): use csv or jsonl");
}

static void pages_that_do_not_fit_the_plan_are_refused(void **state)
{
    struct fixture *f = *state;
    char *text;
    size_t len;
    add_tasks(f, 6, 4, NULL); /* two more than the sweep has */
    assert_int_equal(try_write(f, RESULTS_TASKS, RESULTS_CSV, &text, &len), SHEAF_ECORRUPT);
    free(text);
    f->plan.trials = 10;
    f->plan.plugin.n_scores = 1; /* half of the bytes that are stored */
    assert_int_equal(try_write(f, RESULTS_TASKS, RESULTS_CSV, &text, &len), SHEAF_ECORRUPT);
    free(text);
}

static int standing_page(void *ctx, const struct msg_read *read, struct msg_page *page, struct diag *d)
{
    (void)ctx, (void)d;
    *page = (struct msg_page){.next = read->from};
    return 0;
}

static void a_source_that_does_not_lead_on_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct results_source source = {.sweep = 1, .page = standing_page};
    FILE *out = fopen("/dev/null", "w");
    assert_int_equal(results_write(&f->plan, &source, RESULTS_TASKS, RESULTS_CSV, out, &f->d), SHEAF_ECORRUPT);
    fclose(out);
}

static void a_full_device_is_said(void **state)
{
    struct fixture *f = *state;
    FILE *out = fopen("/dev/full", "w");
    if (!out)
        skip(); /* not every system has one */
    const struct results_source source = {.ctx = f, .sweep = 1, .page = journal_page};
    add_mixed(f);
    assert_int_equal(results_write(&f->plan, &source, RESULTS_TASKS, RESULTS_CSV, out, &f->d), SHEAF_EIO);
    assert_non_null(strstr(f->d.text, "cannot write"));
    fclose(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_as_csv),
        TEST(tasks_as_json_lines_with_their_failures),
        TEST(trials_as_csv_once_all_their_tasks_are_there),
        TEST(trials_as_json_lines),
        TEST(tasks_as_npy_with_nan_for_what_is_missing),
        TEST(trials_as_npy_with_nan_for_what_is_missing),
        TEST(group_rows_are_summed_in_order_of_their_names),
        TEST(what_cannot_be_had_is_said),
        TEST(pages_that_do_not_fit_the_plan_are_refused),
        TEST(a_source_that_does_not_lead_on_is_refused),
        TEST(a_full_device_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
