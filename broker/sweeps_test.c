/* SPDX-License-Identifier: MIT
 *
 * Tests of the life of a sweep in the broker's logic: from submission to its end, through cancelling, retries and second looks, and
 * what clients are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- submitting ---- */

static void submitted_means_durable(void **state)
{
    struct broker_fixture *f = *state;
    client_submits(f);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_SUBMITTED), 0);
    fixture_commit(f);
    const struct msg_submitted *m = mailbox_next(&f->out, CLIENT, MSG_SUBMITTED);
    assert_true(m && m->sweep == 1 && m->resumed == 0);
}

static void the_same_sweep_again_is_the_same_sweep(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    assert_int_equal(client_gets_sweep(f), sweep);
    worker_does_all(f, WORKER_A);
    assert_int_equal(client_gets_sweep(f), sweep);
    assert_true(client_status(f, sweep)->final);
    f->plan.plan.seed = 9;
    assert_int_equal(client_gets_sweep(f), sweep + 1);
}

static void a_plan_that_cannot_be_read_is_refused_with_words(void **state)
{
    struct broker_fixture *f = *state;
    fixture_message(f, CLIENT, MSG_SUBMIT, &(struct msg_submit){.plan = {"xx", 2}});
    assert_non_null(client_refused(f));
    assert_true(list_empty(&f->broker->sweeps));
}

static const char *submit_again(struct broker_fixture *f)
{
    mailbox_clear(&f->out);
    client_submits(f);
    return client_refused(f);
}

static void a_sweep_cannot_go_on_with_another_plugin_or_other_data(void **state)
{
    struct broker_fixture *f = *state;
    static uint8_t other[HASH_BYTES] = {9};
    static struct plan_data data[2] = {{.path = "/a", .along = ""}, {.path = "/b", .along = ""}};
    f->plan.plan.data = data;
    f->plan.plan.n_data = 2;
    fixture_finished_sweep(f);
    f->plan.digest[0] = 2;
    assert_non_null(strstr(submit_again(f), "plugin has changed"));
    f->plan.digest[0] = 1;
    data[1].digest = (struct slice){other, HASH_BYTES};
    assert_non_null(strstr(submit_again(f), "data has changed"));
    data[1].digest = (struct slice){0};
    f->plan.plan.key_axis.digest = (struct slice){other, HASH_BYTES};
    assert_non_null(strstr(submit_again(f), "files of its keys have changed"));
}

/* What a position means depends on the number of trials. */
static void in_order_of_keys_a_sweep_does_not_grow(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.method = METHOD_RANDOM;
    f->plan.plan.key_axis.kind = KEYS_RANGE;
    f->plan.plan.order = ORDER_KEY;
    fixture_finished_sweep(f);
    f->plan.plan.trials = 150;
    assert_non_null(strstr(submit_again(f), "another number of trials"));
}

static void other_limits_wait_for_the_end(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep(f);
    f->plan.plan.limits.attempts = 7;
    assert_non_null(strstr(submit_again(f), "running with other limits"));
}

static void more_trials_of_a_random_search_continue_it(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.method = METHOD_RANDOM;
    uint64_t sweep = fixture_finished_sweep(f);
    f->plan.plan.trials = 150;
    mailbox_clear(&f->out);
    assert_int_equal(client_gets_sweep(f), sweep);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->total == 150 && st->done == 100 && st->resumed == 100 && !st->final);
    struct msg_lease l = worker_gets(f, WORKER_A);
    assert_int_equal(l.from, 100);
    assert_int_equal(mailbox_count(&f->out, WORKER_A, MSG_PLAN), 1); /* it has grown */
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    worker_does_all(f, WORKER_A);
    assert_true(client_status(f, sweep)->final && client_status(f, sweep)->done == 150);
    f->plan.plan.trials = 120;
    assert_non_null(strstr(submit_again(f), "more trials already"));
}

/* ---- the end ---- */

static void the_end_is_told_when_it_is_durable(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .every_ms = 100, .top = 3});
    for (const struct msg_grant *m = worker_wants(f, WORKER_A); m->n_leases; m = worker_wants(f, WORKER_A))
        worker_reports(f, WORKER_A, &m->leases[0], m->leases[0].from, m->leases[0].to - m->leases[0].from, true);
    fixture_pass(f, 1000);
    const struct msg_status *st = mailbox_last(&f->out, CLIENT, MSG_STATUS);
    assert_true(st->done == 100 && !st->final);
    fixture_settle(f);
    st = mailbox_last(&f->out, CLIENT, MSG_STATUS);
    assert_true(st->final && st->state == SWEEP_DONE && st->digest.len == HASH_BYTES && !st->qualified[0]);
    assert_true(st->n_best == 3 && st->best[0].trial == 99);
    fixture_pass(f, 3000);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_STATUS), 0); /* that was the last one */
}

static void workers_are_told_that_a_sweep_has_ended(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_finished_sweep(f);
    const struct msg_sweep *m = mailbox_last(&f->out, WORKER_A, MSG_DROP);
    assert_true(m && m->sweep == sweep && m->now);
}

static void the_digest_does_not_depend_on_the_order_of_reports(void **state)
{
    struct broker_fixture *f = *state;
    uint8_t digest[HASH_BYTES];
    uint64_t sweep = fixture_finished_sweep(f);
    memcpy(digest, client_status(f, sweep)->digest.data, HASH_BYTES);
    client_asks(f, MSG_REMOVE, sweep, false);
    worker_hello(f, WORKER_A, 25, NULL, 0);
    sweep = client_gets_sweep(f); /* one lease over all of it */
    struct msg_lease l = worker_gets(f, WORKER_A);
    for (uint64_t at = l.to; at-- > l.from;)
        worker_reports(f, WORKER_A, &l, at, 1, at == l.from);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final);
    assert_memory_equal(st->digest.data, digest, HASH_BYTES);
}

static void different_arithmetic_qualifies_the_digest(void **state)
{
    struct broker_fixture *f = *state;
    static uint8_t other[HASH_BYTES] = {5};
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    fixture_message(f, WORKER_B, MSG_HELLO,
                    &(struct msg_hello){.instance = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                                        .host = "",
                                        .slots = 1,
                                        .fingerprint = {other, HASH_BYTES}});
    worker_does_all(f, WORKER_B);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final);
    assert_string_equal(st->qualified, "workers with different floating-point arithmetic took part");
}

static void a_plugin_that_cannot_be_opened_fails_the_sweep(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    fixture_report(
        f, WORKER_A,
        &(struct msg_report){.seq = 1, .sweep = sweep, .lease = l.lease, .closed = true, .broken = "no such library"});
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->state == SWEEP_FAILED);
    assert_string_equal(st->reason, "no such library");
}

/* Whether a worker has nothing good to say of the plugin by then, or somebody cancels it. */
static void a_sweep_whose_tasks_have_all_ended_is_done(void **state)
{
    struct broker_fixture *f = *state;
    static const double scores[4];
    struct msg_run run = {.n = 4, .scores = {scores, sizeof(scores)}};
    struct msg_report report = {.seq = 1, .runs = &run, .n_runs = 1, .closed = true, .broken = "no such library"};
    f->plan.plan.trials = 4;
    for (int verify = 0; verify < 2; verify++) {
        f->plan.plan.seed = (uint64_t)verify;
        f->plan.plan.verify_ppm = verify ? 1000000 : 0;
        report.sweep = fixture_sweep(f);
        report.lease = worker_gets(f, WORKER_A).lease;
        if (verify) {
            report.broken = "";
            fixture_report(f, WORKER_A, &report);
            client_asks(f, MSG_CANCEL, report.sweep, true);
        } else {
            fixture_report(f, WORKER_A, &report);
        }
        fixture_settle(f);
        const struct msg_status *st = client_status(f, report.sweep);
        assert_true(st->final && st->state == SWEEP_DONE && !st->reason[0] && st->done == 4);
    }
}

static void too_many_failures_stop_the_sweep(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.limits.failures = 3;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports_as(f, WORKER_A, &l, 0, 2, TASK_FAILED, false);
    assert_false(client_status(f, sweep)->limit_hit);
    worker_reports_as(f, WORKER_A, &l, 2, 1, TASK_FAILED, false);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->limit_hit && st->state == SWEEP_FAILED);
    assert_string_equal(st->reason, "stopped by limits.failures: 3 tasks have failed");
    f->plan.plan.limits.failures = 0; /* and goes on with another limit, as if nothing had been */
    assert_int_equal(client_gets_sweep(f), sweep);
    worker_does_all(f, WORKER_A);
    st = client_status(f, sweep);
    assert_true(st->final && !st->limit_hit && st->state == SWEEP_DONE && st->failed == 3 && !st->qualified[0]);
}

/* ---- cancelling ---- */

static void cancelled_a_sweep_lets_running_tasks_finish(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    mailbox_clear(&f->out);
    client_asks(f, MSG_CANCEL, sweep, false);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_DONE), 0); /* not before the journal has it */
    fixture_commit(f);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_DONE), 1);
    const struct msg_sweep *drop = mailbox_next(&f->out, WORKER_A, MSG_DROP);
    assert_true(drop && !drop->now);
    assert_int_equal(worker_wants(f, WORKER_A)->n_leases, 0);
    fixture_settle(f);
    assert_false(client_status(f, sweep)->final);
    worker_reports(f, WORKER_A, &l, 0, 1, true);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->state == SWEEP_CANCELLED && st->done == 1);
}

static void cancelled_at_once_it_waits_for_nobody(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    worker_gets(f, WORKER_A);
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->state == SWEEP_CANCELLED);
    assert_string_equal(st->reason, "cancelled");
    assert_int_equal(sweep_find(f->broker, sweep)->n_leases, 0);
}

static void the_worker_that_is_lost_does_not_hold_up_the_end(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    worker_gets(f, WORKER_A);
    client_asks(f, MSG_CANCEL, sweep, false);
    fixture_pass(f, 7000);
    fixture_settle(f);
    assert_true(client_status(f, sweep)->final);
}

static void a_cancelled_sweep_goes_on_when_asked_for_again(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_settle(f);
    assert_int_equal(client_gets_sweep(f), sweep);
    assert_int_equal(client_status(f, sweep)->resumed, 4);
    worker_does_all(f, WORKER_A);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->state == SWEEP_DONE && st->done == 100 && !st->reason[0]);
}

static void a_cancel_while_the_sweep_is_read_back_waits(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    fixture_settle(f);
    for (int now = 0; now < 2; now++) {
        fixture_restart(f);
        client_asks(f, MSG_CANCEL, sweep, now);
        client_asks(f, MSG_REMOVE, sweep, false);
        assert_non_null(client_refused(f)); /* not under the read */
        fixture_settle(f);
        const struct msg_status *st = client_status(f, sweep);
        assert_true(st->final && st->state == SWEEP_CANCELLED && st->done == 4);
        client_gets_sweep(f); /* once more */
    }
}

/* ---- retry, remove ---- */

static void a_retry_runs_the_failed_tasks_only(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports_as(f, WORKER_A, &l, 1, 2, TASK_FAILED, false);
    worker_reports(f, WORKER_A, &l, 0, 1, true);
    worker_does_all(f, WORKER_A);
    assert_int_equal(client_status(f, sweep)->failed, 2);
    client_asks(f, MSG_RETRY, sweep, false);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(!st->final && st->done == 98 && st->failed == 0 && st->n_failures == 0);
    l = worker_gets(f, WORKER_A);
    assert_true(l.from == 1 && l.to <= 3);
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    worker_does_all(f, WORKER_A);
    assert_true(client_status(f, sweep)->final && client_status(f, sweep)->done == 100);
}

static void a_retry_is_refused_when_it_means_nothing(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    client_asks(f, MSG_RETRY, sweep, false);
    assert_non_null(strstr(client_refused(f), "still at work"));
    worker_does_all(f, WORKER_A);
    client_asks(f, MSG_RETRY, sweep, false);
    assert_non_null(strstr(client_refused(f), "no task of this sweep has failed"));
    f->plan.plan.keep_best = 5;
    uint64_t best = client_gets_sweep(f);
    worker_does_all(f, WORKER_A);
    client_asks(f, MSG_RETRY, best, false);
    assert_non_null(strstr(client_refused(f), "keep: best"));
}

static void a_sweep_is_removed_when_it_has_ended(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    client_asks(f, MSG_REMOVE, sweep, false);
    assert_non_null(strstr(client_refused(f), "cancel it first"));
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_settle(f);
    client_asks(f, MSG_REMOVE, sweep, false);
    fixture_settle(f);
    assert_true(list_empty(&f->broker->sweeps));
    uint64_t seq = worker_reports(f, WORKER_A, &l, 0, 1, true);
    assert_true(worker_acked(f, WORKER_A, seq)); /* it need not keep it */
    fixture_restart(f);
    assert_true(list_empty(&f->broker->sweeps));
}

static void requests_about_no_sweep_are_refused(void **state)
{
    struct broker_fixture *f = *state;
    const uint32_t types[] = {MSG_CANCEL, MSG_RETRY, MSG_REMOVE};
    for (size_t i = 0; i < 3; i++) {
        client_asks(f, types[i], 5, false);
        assert_non_null(strstr(client_refused(f), "no such sweep"));
    }
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = 5});
    assert_non_null(strstr(client_refused(f), "no such sweep"));
    fixture_message(f, CLIENT, MSG_READ, &(struct msg_read){.sweep = 5});
    assert_non_null(strstr(client_refused(f), "no such sweep"));
}

/* ---- second looks ---- */

/* Everything done; every task is to be looked at a second time. */
static uint64_t verifying_sweep(struct broker_fixture *f)
{
    f->plan.plan.verify_ppm = 1000000;
    f->plan.plan.trials = f->plan.axis.count = 8;
    uint64_t sweep = fixture_sweep(f);
    for (int i = 0; i < 2; i++) {
        struct msg_lease l = worker_gets(f, WORKER_A);
        assert_int_equal(l.flags, 0);
        worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    }
    fixture_settle(f);
    assert_false(client_status(f, sweep)->final);
    return sweep;
}

static void second_looks_that_agree_end_the_sweep(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = verifying_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    assert_true(l.flags == LEASE_VERIFY && l.from == 0 && l.to == 8);
    worker_reports(f, WORKER_A, &l, 0, 8, true);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->state == SWEEP_DONE && st->verified == 8 && st->mismatched == 0 && st->done == 8);
}

static void a_second_look_that_differs_is_shown(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = verifying_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 0, 7, false);
    worker_reports_as(f, WORKER_A, &l, 7, 1, TASK_FAILED, true);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->verified == 8 && st->mismatched == 1 && st->failed == 0);
    assert_true(st->n_failures == 1 && st->failures[0].kind == FAIL_VERIFY && st->failures[0].position == 7);
}

static void second_looks_of_a_lost_worker_go_back(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = verifying_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 0, 3, false);
    fixture_message(f, WORKER_A, MSG_BYE, NULL);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    struct msg_lease rest = worker_gets(f, WORKER_B);
    assert_true(rest.flags == LEASE_VERIFY && rest.from == 3 && rest.to == 8);
    worker_reports(f, WORKER_B, &rest, 3, 5, true);
    fixture_settle(f);
    assert_int_equal(client_status(f, sweep)->verified, 8);
}

static void cancelled_second_looks_do_not_hold_up_what_follows(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.method = METHOD_RANDOM;
    uint64_t sweep = verifying_sweep(f);
    client_asks(f, MSG_CANCEL, sweep, false);
    fixture_settle(f);
    assert_true(client_status(f, sweep)->final);
    f->plan.plan.trials = 12;
    assert_int_equal(client_gets_sweep(f), sweep);
    worker_does_all(f, WORKER_A);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->done == 12 && st->verified == 4);
}

/* ---- what clients ask ---- */

static void a_watch_is_served_at_its_pace(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = client_gets_sweep(f);
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .every_ms = 1000});
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .every_ms = 1000}); /* replaces it */
    mailbox_clear(&f->out);
    fixture_pass(f, 5000);
    assert_in_range(mailbox_count(&f->out, CLIENT, MSG_STATUS), 4, 5);
}

static void the_watch_of_a_client_that_is_gone_is_forgotten(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = client_gets_sweep(f);
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .every_ms = 1000});
    f->gone = CLIENT;
    fixture_pass(f, 2000);
    assert_true(list_empty(&f->broker->watches));
}

static void a_watch_of_a_removed_sweep_is_forgotten(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = client_gets_sweep(f);
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .every_ms = 100000});
    sweep_destroy(f->broker, sweep_find(f->broker, sweep));
    fixture_pass(f, 500);
    assert_true(list_empty(&f->broker->watches));
}

static void watching_0_is_watching_the_newest(void **state)
{
    struct broker_fixture *f = *state;
    client_gets_sweep(f);
    f->plan.plan.seed = 2;
    uint64_t newest = client_gets_sweep(f);
    assert_int_equal(client_status(f, 0)->sweep, newest);
}

static void a_status_says_what_is_in_hands(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 0, 1, false);
    fixture_pass(f, 1000);
    worker_beats(f, WORKER_A, &(struct msg_held){0}, 0);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->running == 3 && st->done == 1 && st->seconds > 0.9 && st->tasks_per_second > 0);
    assert_true(st->slots == 1 && st->efficiency > 0 && st->peak_memory_mb >= 1 && st->created_wall_ms == 123456);
}

static void all_sweeps_are_listed(void **state)
{
    struct broker_fixture *f = *state;
    fixture_finished_sweep(f);
    f->plan.plan.seed = 2;
    client_gets_sweep(f);
    fixture_message(f, CLIENT, MSG_LIST, NULL);
    const struct msg_listing *m = mailbox_next(&f->out, CLIENT, MSG_LISTING);
    assert_int_equal(m->n_sweeps, 2);
    assert_true(m->sweeps[0].state == SWEEP_DONE && m->sweeps[0].done == 100 && m->sweeps[1].state == SWEEP_RUNNING);
    assert_string_equal(m->sweeps[0].plugin, "fixture");
}

static void pages_of_the_journal_reach_the_client(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_finished_sweep(f);
    fixture_message(f, CLIENT, MSG_READ, &(struct msg_read){.sweep = sweep, .kind = READ_RUNS, .from = 10});
    fixture_settle(f);
    const struct msg_page *m = mailbox_next(&f->out, CLIENT, MSG_PAGE);
    assert_true(m && m->n_runs >= 1 && m->runs[0].from + m->runs[0].n > 10);
    fixture_message(f, CLIENT, MSG_READ, &(struct msg_read){.sweep = sweep, .kind = 99});
    assert_string_equal(client_refused(f), "no such kind of page");
}

static const struct CMUnitTest tests[] = {
    FIXTURE_TEST(submitted_means_durable),
    FIXTURE_TEST(the_same_sweep_again_is_the_same_sweep),
    FIXTURE_TEST(a_plan_that_cannot_be_read_is_refused_with_words),
    FIXTURE_TEST(a_sweep_cannot_go_on_with_another_plugin_or_other_data),
    FIXTURE_TEST(in_order_of_keys_a_sweep_does_not_grow),
    FIXTURE_TEST(other_limits_wait_for_the_end),
    FIXTURE_TEST(more_trials_of_a_random_search_continue_it),
    FIXTURE_TEST(the_end_is_told_when_it_is_durable),
    FIXTURE_TEST(workers_are_told_that_a_sweep_has_ended),
    FIXTURE_TEST(the_digest_does_not_depend_on_the_order_of_reports),
    FIXTURE_TEST(different_arithmetic_qualifies_the_digest),
    FIXTURE_TEST(a_plugin_that_cannot_be_opened_fails_the_sweep),
    FIXTURE_TEST(a_sweep_whose_tasks_have_all_ended_is_done),
    FIXTURE_TEST(too_many_failures_stop_the_sweep),
    FIXTURE_TEST(cancelled_a_sweep_lets_running_tasks_finish),
    FIXTURE_TEST(cancelled_at_once_it_waits_for_nobody),
    FIXTURE_TEST(the_worker_that_is_lost_does_not_hold_up_the_end),
    FIXTURE_TEST(a_cancelled_sweep_goes_on_when_asked_for_again),
    FIXTURE_TEST(a_cancel_while_the_sweep_is_read_back_waits),
    FIXTURE_TEST(a_retry_runs_the_failed_tasks_only),
    FIXTURE_TEST(a_retry_is_refused_when_it_means_nothing),
    FIXTURE_TEST(a_sweep_is_removed_when_it_has_ended),
    FIXTURE_TEST(requests_about_no_sweep_are_refused),
    FIXTURE_TEST(second_looks_that_agree_end_the_sweep),
    FIXTURE_TEST(a_second_look_that_differs_is_shown),
    FIXTURE_TEST(second_looks_of_a_lost_worker_go_back),
    FIXTURE_TEST(cancelled_second_looks_do_not_hold_up_what_follows),
    FIXTURE_TEST(a_watch_is_served_at_its_pace),
    FIXTURE_TEST(the_watch_of_a_client_that_is_gone_is_forgotten),
    FIXTURE_TEST(a_watch_of_a_removed_sweep_is_forgotten),
    FIXTURE_TEST(watching_0_is_watching_the_newest),
    FIXTURE_TEST(a_status_says_what_is_in_hands),
    FIXTURE_TEST(all_sweeps_are_listed),
    FIXTURE_TEST(pages_of_the_journal_reach_the_client),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
