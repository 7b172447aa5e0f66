/* SPDX-License-Identifier: MIT
 *
 * Tests of the life of a sweep with an output file in the broker's logic: what is asked of the file, when, and what becomes of
 * the sweep when the answer is no. The file itself is only a record of what was asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"

#include "sheaf/plugin.h"

#include <string.h>

/* What was asked, and the answers to come. */
struct record {
    struct output_ops ops;
    uint32_t begun, resumed, published, discarded;
    int begin_err, publish_err, present_err;
    bool replace, file, over; /* as last published */
    struct output_job *job;
};

struct files {
    struct broker_fixture f;
    struct record r;
    struct plan_output output;
};

static int begin(void *ctx, const struct plan *p, int64_t run, bool resume, struct diag *d)
{
    struct record *r = ctx;
    assert_int_equal(run, 123456); /* the clock of the fixture */
    assert_string_equal(plan_has_files(p) ? p->output_dir : p->output_path, plan_has_files(p) ? "/out" : "/out.sheaf");
    resume ? r->resumed++ : r->begun++;
    return r->begin_err ? diag_fail(d, r->begin_err, "the file cannot be") : 0;
}

static void finish(void *ctx, struct output_job *job)
{
    struct record *r = ctx;
    assert_null(r->job);
    r->job = job;
}

static int publish(void *ctx, const struct plan *p, bool file, bool over, struct diag *d)
{
    struct record *r = ctx;
    r->file = file;
    r->over = over;
    r->published++;
    r->replace = p->output_replace;
    return r->publish_err ? diag_fail(d, r->publish_err, "the name is taken") : 0;
}

static int present(void *ctx, const struct plan *p, const uint8_t *digest, const uint64_t *files, struct diag *d)
{
    const struct record *r = ctx;
    assert_true(plan_has_files(p) ? files && *files == 12 && !digest : digest && digest[0] == 7 && !files);
    return r->present_err ? diag_fail(d, r->present_err, "it is gone") : 0;
}

static void discard(void *ctx, const struct plan *p, int64_t run)
{
    (void)p;
    assert_int_equal(run, 123456);
    ((struct record *)ctx)->discarded++;
}

static void restart(struct files *s)
{
    output_job_free(s->r.job);
    s->r.job = NULL;
    fixture_restart(&s->f);
    fixture_settle(&s->f);
}

static int setup(void **state)
{
    static struct files s;
    memset(&s, 0, sizeof(s));
    fixture_init(&s.f);
    s.r.ops = (struct output_ops){
        .ctx = &s.r, .begin = begin, .finish = finish, .publish = publish, .present = present, .discard = discard};
    s.f.outputs = &s.r.ops;
    fixture_restart(&s.f);
    s.output = (struct plan_output){
        .name = "row", .dtype = SHEAF_DT_F64, .unit = "", .help = "", .row_bytes = 8, .offset = 4096};
    s.f.plan.plan.plugin.outputs = &s.output;
    s.f.plan.plan.plugin.n_outputs = 1;
    s.f.plan.plan.output_path = "/out.sheaf";
    s.f.plan.plan.output_bytes = 4096 + 8 * 100;
    *state = &s;
    return 0;
}

/* The same with a folder instead of a file. */
static int setup_folder(void **state)
{
    struct files *s;
    setup(state);
    s = *state;
    s->f.plan.plan.plugin.n_outputs = 0;
    s->f.plan.plan.plugin.files = "texts";
    s->f.plan.plan.output_path = "";
    s->f.plan.plan.output_bytes = 0;
    s->f.plan.plan.output_dir = "/out";
    return 0;
}

static int teardown(void **state)
{
    struct files *s = *state;
    output_job_free(s->r.job);
    fixture_finish(&s->f);
    return 0;
}

/* The file is complete, or cannot be. */
static void written(struct files *s, int err)
{
    struct output_job *job = s->r.job;
    assert_non_null(job);
    s->r.job = NULL;
    job->err = err;
    memset(job->digest, 7, HASH_BYTES);
    job->files = 12;
    if (err)
        diag_fail(&job->diag, err, "it cannot be written");
    broker_written(s->f.broker, job);
}

static uint64_t all_done(struct files *s)
{
    uint64_t sweep = fixture_sweep(&s->f);
    worker_does_all(&s->f, WORKER_A);
    fixture_settle(&s->f);
    return sweep;
}

static void the_file_is_complete_before_the_end_and_named_after_it(void **state)
{
    struct files *s = *state;
    uint64_t sweep = all_done(s);
    assert_int_equal(s->r.begun, 1);
    assert_int_equal(s->r.job->plan.trials, 100);
    assert_false(client_status(&s->f, sweep)->final);
    assert_int_equal(client_status(&s->f, sweep)->output.len, 0);
    written(s, 0);
    assert_int_equal(s->r.published, 0); /* its digest is not durable yet */
    fixture_settle(&s->f);
    assert_int_equal(s->r.published, 1);
    const struct msg_status *st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_DONE);
    assert_int_equal(st->output.len, HASH_BYTES);
    assert_int_equal(*(const uint8_t *)st->output.data, 7);
}

static void it_waits_for_whoever_may_still_write(void **state)
{
    struct files *s = *state;
    struct broker_fixture *f = &s->f;
    fixture_sweep_of(f, 8);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    s->f.plan.plan.output_bytes = 4096 + 8 * 100;
    struct msg_lease a = worker_gets(f, WORKER_A), b = worker_gets(f, WORKER_B);
    worker_reports(f, WORKER_A, &a, b.from, b.to - b.from, false); /* what B has, too */
    worker_reports(f, WORKER_A, &a, a.from, a.to - a.from, true);
    worker_does_all(f, WORKER_A);
    fixture_settle(f);
    assert_null(s->r.job);
    worker_reports(f, WORKER_B, &b, b.from, b.to - b.from, true);
    fixture_settle(f);
    assert_non_null(s->r.job);
}

static void failed_and_skipped_tasks_have_no_rows(void **state)
{
    struct files *s = *state;
    struct broker_fixture *f = &s->f;
    fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    assert_true(l.from == 0 && l.to >= 4);
    worker_reports_as(f, WORKER_A, &l, 0, 2, TASK_FAILED, false);
    worker_reports_as(f, WORKER_A, &l, 3, 1, TASK_SKIPPED, false);
    worker_reports(f, WORKER_A, &l, 0, l.to, true); /* whoever came first counts */
    worker_does_all(f, WORKER_A);
    fixture_settle(f);
    const struct intervals *empty = &s->r.job->ends.empty;
    assert_int_equal(empty->count, 3);
    assert_true(intervals_has_all(empty, 0, 2) && intervals_has(empty, 3));
    restart(s); /* and the next broker knows it, too */
    worker_hello(f, WORKER_A, 1, NULL, 0);
    fixture_settle(f);
    assert_int_equal(s->r.job->ends.empty.count, 3);
    assert_int_equal(s->r.resumed, 1);
}

static void a_file_that_cannot_be_begun_refuses_the_sweep(void **state)
{
    struct files *s = *state;
    s->r.begin_err = SHEAF_EBUSY;
    client_submits(&s->f);
    assert_string_equal(client_refused(&s->f), "the file cannot be");
    assert_true(list_empty(&s->f.broker->sweeps));
}

static void a_file_that_cannot_be_completed_fails_the_sweep_which_may_go_on(void **state)
{
    struct files *s = *state;
    uint64_t sweep = all_done(s);
    written(s, SHEAF_EIO);
    fixture_settle(&s->f);
    const struct msg_status *st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_FAILED && st->output.len == 0);
    assert_string_equal(st->reason, "it cannot be written");
    assert_int_equal(s->r.published, 0);
    assert_int_equal(client_gets_sweep(&s->f), sweep);
    fixture_settle(&s->f);
    written(s, 0);
    fixture_settle(&s->f);
    assert_int_equal(client_status(&s->f, sweep)->state, SWEEP_DONE);
}

static void a_name_that_is_taken_is_tried_again_when_asked_for(void **state)
{
    struct files *s = *state;
    uint64_t sweep = all_done(s);
    s->r.publish_err = SHEAF_EBUSY;
    written(s, 0);
    fixture_settle(&s->f);
    const struct msg_status *st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_FAILED);
    assert_string_equal(st->reason, "the name is taken");
    s->r.publish_err = 0;
    s->f.plan.plan.output_replace = true;
    assert_int_equal(client_gets_sweep(&s->f), sweep);
    assert_true(s->r.replace);
    st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_DONE && st->reason[0] == '\0');
}

static void a_broker_that_ended_before_the_name_was_given_leaves_it_to_the_next(void **state)
{
    struct files *s = *state;
    uint64_t sweep = all_done(s);
    written(s, 0);
    fixture_settle(&s->f);
    assert_int_equal(s->r.published, 1);
    restart(s);
    assert_int_equal(s->r.published, 2);
    assert_null(s->r.job);
    const struct msg_status *st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_DONE && st->output.len == HASH_BYTES);
}

static void what_is_gone_is_told_to_who_asks_for_it(void **state)
{
    struct files *s = *state;
    uint64_t sweep = all_done(s);
    written(s, 0);
    fixture_settle(&s->f);
    s->r.present_err = SHEAF_ENOENT;
    s->r.publish_err = plan_has_files(&s->f.plan.plan) ? 0 : SHEAF_ENOENT;
    restart(s);
    assert_int_equal(client_status(&s->f, sweep)->state, SWEEP_DONE); /* it is not this broker's to judge */
    client_submits(&s->f);
    assert_string_equal(client_refused(&s->f), "it is gone");
    assert_int_equal(client_status(&s->f, sweep)->state, SWEEP_DONE);
    s->r.present_err = s->r.publish_err = 0;
    assert_int_equal(client_gets_sweep(&s->f), sweep);
}

static void a_broker_that_ended_before_the_end_completes_the_file_again(void **state)
{
    struct files *s = *state;
    uint64_t sweep = all_done(s);
    written(s, 0); /* and its digest is lost */
    restart(s);
    assert_int_equal(s->r.resumed, 1);
    assert_int_equal(s->r.published, 0);
    written(s, 0);
    fixture_settle(&s->f);
    assert_int_equal(client_status(&s->f, sweep)->state, SWEEP_DONE);
}

static void a_half_made_file_that_has_gone_fails_the_sweep(void **state)
{
    struct files *s = *state;
    uint64_t sweep = fixture_sweep(&s->f);
    s->r.begin_err = SHEAF_ENOENT;
    restart(s);
    const struct msg_status *st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_FAILED);
    assert_string_equal(st->reason, "the file cannot be");
}

static void a_cancelled_sweep_keeps_what_is_half_made_until_it_is_removed(void **state)
{
    struct files *s = *state;
    uint64_t sweep = fixture_sweep(&s->f);
    client_asks(&s->f, MSG_CANCEL, sweep, true);
    fixture_settle(&s->f);
    assert_null(s->r.job);
    assert_int_equal(client_status(&s->f, sweep)->state, SWEEP_CANCELLED);
    assert_int_equal(s->r.discarded, 0);
    client_asks(&s->f, MSG_REMOVE, sweep, false);
    assert_int_equal(s->r.discarded, 1);
}

static void a_complete_file_is_not_begun_again(void **state)
{
    struct files *s = *state;
    uint64_t sweep = all_done(s);
    client_asks(&s->f, MSG_CANCEL, sweep, true); /* too late */
    written(s, 0);
    fixture_settle(&s->f);
    assert_int_equal(client_status(&s->f, sweep)->state, SWEEP_DONE);
    client_asks(&s->f, MSG_RETRY, sweep, false);
    assert_non_null(strstr(client_refused(&s->f), "output file of this sweep is complete"));
    s->f.plan.plan.limits.attempts = 9;
    assert_int_equal(client_gets_sweep(&s->f), sweep);
    fixture_settle(&s->f);
    assert_null(s->r.job);
    assert_int_equal(s->r.begun, 1);
}

static void a_job_of_a_sweep_that_has_gone_is_dropped(void **state)
{
    struct files *s = *state;
    all_done(s);
    s->r.job->sweep = 99;
    written(s, 0);
    fixture_settle(&s->f);
    assert_int_equal(s->r.published, 0);
}

/* ---- folders ---- */

static void a_folder_is_tidied_and_over_when_every_task_has_succeeded(void **state)
{
    struct files *s = *state;
    uint64_t sweep = all_done(s);
    assert_int_equal(s->r.begun, 1);
    assert_true(s->r.job->ends.complete && s->r.job->ends.done.count == 100 && s->r.job->ends.empty.count == 0);
    assert_false(client_status(&s->f, sweep)->has_files);
    written(s, 0);
    fixture_settle(&s->f);
    const struct msg_status *st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_DONE && st->has_files && st->files == 12 && st->output.len == 0);
    assert_true(s->r.published == 1 && !s->r.file && s->r.over);
    restart(s); /* it may not have come to that */
    assert_int_equal(s->r.published, 2);
    assert_null(s->r.job);
    s->f.plan.plan.limits.attempts = 9;
    assert_int_equal(client_gets_sweep(&s->f), sweep);
    fixture_settle(&s->f);
    st = client_status(&s->f, sweep);
    assert_true(s->r.job == NULL && s->r.resumed == 0 && st->has_files && st->files == 12);
}

static void a_folder_is_tidied_when_the_sweep_is_cancelled_also_by_the_next_broker(void **state)
{
    struct files *s = *state;
    uint64_t sweep = fixture_sweep(&s->f);
    struct msg_lease l = worker_gets(&s->f, WORKER_A);
    worker_reports(&s->f, WORKER_A, &l, l.from, 2, false);
    client_asks(&s->f, MSG_CANCEL, sweep, true);
    fixture_settle(&s->f);
    assert_true(!s->r.job->ends.complete && s->r.job->ends.done.count == 2);
    restart(s);
    assert_int_equal(s->r.resumed, 1);
    worker_hello(&s->f, WORKER_A, 1, NULL, 0);
    fixture_settle(&s->f);
    assert_true(!s->r.job->ends.complete && s->r.job->ends.done.count == 2);
    written(s, 0);
    fixture_settle(&s->f);
    const struct msg_status *st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_CANCELLED && st->files == 12);
    assert_true(s->r.published == 1 && !s->r.file && !s->r.over); /* it can go on */
    client_asks(&s->f, MSG_REMOVE, sweep, false);
    assert_int_equal(s->r.discarded, 1);
}

static void a_folder_waits_for_failed_tasks_to_be_tried_again(void **state)
{
    struct files *s = *state;
    struct broker_fixture *f = &s->f;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports_as(f, WORKER_A, &l, 0, 1, TASK_FAILED, false);
    worker_reports(f, WORKER_A, &l, 1, l.to - 1, true);
    worker_does_all(f, WORKER_A);
    fixture_settle(f);
    assert_true(s->r.job->ends.complete && intervals_has(&s->r.job->ends.empty, 0) && s->r.job->ends.empty.count == 1);
    written(s, 0);
    fixture_settle(f);
    assert_true(s->r.published == 1 && !s->r.over);
    client_asks(f, MSG_RETRY, sweep, false);
    fixture_settle(f);
    assert_true(s->r.resumed == 1 && !client_status(f, sweep)->has_files);
    worker_does_all(f, WORKER_A);
    fixture_settle(f);
    assert_int_equal(s->r.job->ends.empty.count, 0);
    written(s, 0);
    fixture_settle(f);
    assert_true(s->r.published == 2 && s->r.over);
}

static void a_folder_that_is_anothers_is_not_tidied(void **state)
{
    struct files *s = *state;
    uint64_t sweep = fixture_sweep(&s->f);
    s->r.begin_err = SHEAF_EBUSY;
    restart(s);
    const struct msg_status *st = client_status(&s->f, sweep);
    assert_true(st->final && st->state == SWEEP_FAILED && !st->has_files);
    assert_string_equal(st->reason, "the file cannot be");
    assert_null(s->r.job);
    restart(s); /* the next one would tidy it, and still cannot */
    assert_null(s->r.job);
    assert_true(client_status(&s->f, sweep)->final);
}

int main(void)
{
#define FOLDER_TEST(test_) cmocka_unit_test_setup_teardown(test_, setup_folder, teardown)
#define FILES_TEST(test_) cmocka_unit_test_setup_teardown(test_, setup, teardown)
    const struct CMUnitTest tests[] = {
        FILES_TEST(the_file_is_complete_before_the_end_and_named_after_it),
        FILES_TEST(it_waits_for_whoever_may_still_write),
        FILES_TEST(failed_and_skipped_tasks_have_no_rows),
        FILES_TEST(a_file_that_cannot_be_begun_refuses_the_sweep),
        FILES_TEST(a_file_that_cannot_be_completed_fails_the_sweep_which_may_go_on),
        FILES_TEST(a_name_that_is_taken_is_tried_again_when_asked_for),
        FILES_TEST(a_broker_that_ended_before_the_name_was_given_leaves_it_to_the_next),
        FILES_TEST(a_broker_that_ended_before_the_end_completes_the_file_again),
        FILES_TEST(a_half_made_file_that_has_gone_fails_the_sweep),
        FILES_TEST(a_cancelled_sweep_keeps_what_is_half_made_until_it_is_removed),
        FILES_TEST(a_complete_file_is_not_begun_again),
        FILES_TEST(what_is_gone_is_told_to_who_asks_for_it),
        FOLDER_TEST(what_is_gone_is_told_to_who_asks_for_it),
        FILES_TEST(a_job_of_a_sweep_that_has_gone_is_dropped),
        FOLDER_TEST(a_folder_is_tidied_and_over_when_every_task_has_succeeded),
        FOLDER_TEST(a_folder_is_tidied_when_the_sweep_is_cancelled_also_by_the_next_broker),
        FOLDER_TEST(a_folder_waits_for_failed_tasks_to_be_tried_again),
        FOLDER_TEST(a_folder_that_is_anothers_is_not_tidied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
