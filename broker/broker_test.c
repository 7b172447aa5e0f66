/* SPDX-License-Identifier: MIT
 *
 * Tests of the broker's logic towards workers: who is known, what of their reports counts, when they are
 * acknowledged, and what becomes of the leases of those who are lost. What is granted: grants_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"

#include <string.h>

static const struct msg_error *refused(struct broker_fixture *f, uint64_t peer)
{
    return mailbox_last(&f->out, peer, MSG_ERROR);
}

/* ---- who is known ---- */

static void only_hello_is_taken_from_a_stranger(void **state)
{
    struct broker_fixture *f = *state;
    assert_int_equal(fixture_message(f, WORKER_A, MSG_WANT, &(struct msg_want){.idle = 1}), 0);
    assert_int_equal(refused(f, WORKER_A)->err, SHEAF_EGONE);
}

static void a_malformed_hello_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    fixture_message(f, WORKER_A, MSG_HELLO, &(struct msg_hello){.instance = "short", .host = "", .slots = 1});
    assert_int_equal(refused(f, WORKER_A)->err, SHEAF_EPROTO);
    worker_hello(f, WORKER_A, 0, NULL, 0);
    assert_int_equal(refused(f, WORKER_A)->err, SHEAF_EPROTO);
    assert_int_equal(mailbox_count(&f->out, WORKER_A, MSG_WELCOME), 0);
}

static void a_message_that_is_not_for_a_broker_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    assert_int_equal(fixture_message(f, WORKER_A, MSG_GRANT, &(struct msg_grant){0}), SHEAF_EPROTO);
    assert_int_equal(refused(f, WORKER_A)->err, SHEAF_EPROTO);
}

static void a_known_worker_need_not_resend(void **state)
{
    struct broker_fixture *f = *state;
    worker_hello(f, WORKER_A, 1, NULL, 0);
    const struct msg_welcome *m = mailbox_next(&f->out, WORKER_A, MSG_WELCOME);
    assert_true(m->resend && m->epoch == f->config.epoch && m->beat_ms == 1000 && m->lost_ms == 5000);
    worker_hello(f, WORKER_A, 1, NULL, 0);
    m = mailbox_next(&f->out, WORKER_A, MSG_WELCOME);
    assert_false(m->resend);
}

static void the_broker_beats_every_second(void **state)
{
    struct broker_fixture *f = *state;
    worker_hello(f, WORKER_A, 1, NULL, 0);
    mailbox_clear(&f->out);
    fixture_pass(f, 3000);
    assert_in_range(mailbox_count(&f->out, WORKER_A, MSG_BEAT), 3, 4);
}

static void of_a_single_expected_worker_a_new_one_displaces_the_old(void **state)
{
    struct broker_fixture *f = *state;
    f->config.expected_workers = 1;
    fixture_restart(f);
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    struct msg_lease again = worker_gets(f, WORKER_B);
    assert_int_equal(again.from, l.from); /* without waiting for the old one's silence */
}

static void workers_that_come_and_go_leave_nothing(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    for (uint64_t peer = 10; peer < 200; peer++) {
        worker_hello(f, peer, 1, NULL, 0);
        worker_wants(f, peer);
        if (peer % 2)
            fixture_message(f, peer, MSG_BYE, NULL);
    }
    fixture_pass(f, 700000);
    assert_true(list_empty(&f->broker->workers));
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 0);
    assert_int_equal(sweep_find(f->broker, 0)->pending.count, 100);
}

static void the_time_of_workers_that_are_gone_still_counts(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
    worker_gets(f, WORKER_A);
    worker_beats(f, WORKER_A, NULL, 0); /* a second of CPU time */
    fixture_message(f, WORKER_A, MSG_BYE, NULL);
    assert_true(client_status(f, sweep)->cpu_seconds == 1.0);
}

/* ---- reports ---- */

static void a_report_is_acknowledged_when_it_is_durable(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    uint64_t seq = worker_reports(f, WORKER_A, &l, 0, 2, false);
    assert_false(worker_acked(f, WORKER_A, seq));
    fixture_commit(f);
    assert_true(worker_acked(f, WORKER_A, seq));
}

static void a_copy_is_not_acknowledged_before_the_first_one_is_safe(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 0, 2, false);
    uint64_t copy = worker_reports(f, WORKER_A, &l, 0, 2, false);
    assert_false(worker_acked(f, WORKER_A, copy));
    fixture_commit(f);
    assert_true(worker_acked(f, WORKER_A, copy));
    copy = worker_reports(f, WORKER_A, &l, 0, 2, false);
    assert_true(worker_acked(f, WORKER_A, copy)); /* nothing waits: at once */
}

static void a_position_counts_once(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 0, 3, false);
    worker_reports(f, WORKER_A, &l, 1, 3, false);
    fixture_commit(f);
    assert_int_equal(client_status(f, sweep)->done, 4);
    assert_int_equal(f->journaled[JOURNAL_RUN], 2);
}

static void positions_outside_of_the_lease_are_refused(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 3, 2, false);
    assert_int_equal(refused(f, WORKER_A)->err, SHEAF_EPROTO);
    assert_int_equal(client_status(f, sweep)->done, 0);
}

static void report_run(struct broker_fixture *f, const struct msg_lease *l, struct msg_run run)
{
    fixture_report(f, WORKER_A,
                   &(struct msg_report){
                       .seq = ++f->seq, .sweep = l->sweep, .lease = l->lease, .runs = &run, .n_runs = 1, .broken = ""});
}

static void malformed_runs_are_refused(void **state)
{
    struct broker_fixture *f = *state;
    static const double scores[8];
    uint64_t sweep = fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    const struct msg_run bad[] = {
        {.from = 0, .n = 2, .scores = {scores, 32}},                        /* two scores a task */
        {.from = 0, .n = 2, .status = {"\1\7", 2}, .scores = {scores, 16}}, /* no such status */
        {.from = 99, .n = 2, .scores = {scores, 16}},                       /* beyond the sweep */
        {.from = 1000, .n = 1, .scores = {scores, 8}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        report_run(f, &l, bad[i]);
        const struct msg_error *m = refused(f, WORKER_A);
        assert_true(m && m->err == SHEAF_EPROTO);
    }
    struct msg_run overlap[] = {{.from = 0, .n = 2, .scores = {scores, 16}},
                                {.from = 1, .n = 2, .scores = {scores, 16}}};
    mailbox_clear(&f->out);
    fixture_report(
        f, WORKER_A,
        &(struct msg_report){
            .seq = ++f->seq, .sweep = l.sweep, .lease = l.lease, .runs = overlap, .n_runs = 2, .broken = ""});
    assert_int_equal(refused(f, WORKER_A)->err, SHEAF_EPROTO);
    assert_int_equal(client_status(f, sweep)->done, 0);
    assert_false(broker_failed(f->broker));
}

static void a_lease_that_nobody_granted_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
    struct msg_lease made_up = {.sweep = sweep, .lease = 4711, .from = 0, .to = 10};
    uint64_t seq = worker_reports(f, WORKER_A, &made_up, 0, 2, false);
    assert_int_equal(refused(f, WORKER_A)->err, SHEAF_EGONE);
    assert_false(worker_acked(f, WORKER_A, seq));
    assert_int_equal(client_status(f, sweep)->done, 0);
}

static void the_lease_of_another_worker_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    worker_reports(f, WORKER_B, &l, 0, 2, false);
    assert_int_equal(refused(f, WORKER_B)->err, SHEAF_EGONE);
    assert_int_equal(client_status(f, sweep)->done, 0);
}

static void a_late_copy_of_what_is_done_is_acknowledged(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true); /* the lease is gone with it */
    fixture_commit(f);
    uint64_t seq = worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    assert_true(worker_acked(f, WORKER_A, seq));
    struct msg_lease gone = {.sweep = 77, .lease = 1, .from = 0, .to = 5};
    seq = worker_reports(f, WORKER_A, &gone, 0, 5, true); /* of a sweep that is not there any more */
    assert_true(worker_acked(f, WORKER_A, seq));
}

static void what_a_closed_lease_leaves_goes_back(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 0, 2, true);
    struct bsweep *s = sweep_find(f->broker, 0);
    assert_int_equal(s->n_leases, 0);
    assert_int_equal(s->pending.count, 98);
    worker_reports(f, WORKER_A, &l, 2, 1, false); /* reordered on its way: it still counts */
    fixture_commit(f);
    assert_int_equal(client_status(f, 0)->done, 3);
    assert_int_equal(s->pending.count, 97);
}

static void failures_logs_and_groups_are_kept_with_the_first_result(void **state)
{
    struct broker_fixture *f = *state;
    static const double value = 3;
    uint64_t sweep = fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    struct msg_run run = {.from = 0, .n = 2, .status = {"\1\2", 2}, .scores = {(double[]){1, __builtin_nan("")}, 16}};
    struct msg_failure failure = {.position = 1, .kind = FAIL_TIMEOUT, .reason = "slow", .attempts = 3, .tail = "t"};
    struct msg_log logs[] = {{.position = 0, .has_position = true, .level = 1, .text = "hi"},
                             {.position = 5000, .has_position = true, .text = "nowhere"}};
    struct msg_group groups[] = {{.position = 0, .group = "g", .values = {&value, 8}},
                                 {.position = 0, .group = "too short", .values = {&value, 0}}};
    struct msg_report m = {.seq = 1,
                           .sweep = sweep,
                           .lease = l.lease,
                           .runs = &run,
                           .n_runs = 1,
                           .failures = &failure,
                           .n_failures = 1,
                           .logs = logs,
                           .n_logs = 2,
                           .groups = groups,
                           .n_groups = 2,
                           .broken = ""};
    fixture_report(f, WORKER_A, &m);
    fixture_report(f, WORKER_A, &m);
    fixture_commit(f);
    assert_true(f->journaled[JOURNAL_FAILURE] == 1 && f->journaled[JOURNAL_GROUP] == 1);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->failed == 1 && st->n_failures == 1 && st->failures[0].position == 1 && st->groups == 1);
    assert_string_equal(st->failures[0].reason, "slow");
    assert_string_equal(st->qualified, "a task ran into task_seconds");
}

static void the_first_twenty_failures_by_index_are_shown(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 400);
    struct bsweep *s = sweep_find(f->broker, sweep);
    for (uint64_t i = 0; i < 100; i++)
        ingest_failure(f->broker, s, &(struct msg_failure){.position = 99 - i, .reason = "r", .tail = ""});
    ingest_failure(f->broker, s, &(struct msg_failure){.position = 3, .reason = "again", .tail = ""});
    const struct msg_status *st = client_status(f, sweep);
    assert_int_equal(st->n_failures, 20);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(st->failures[i].position, i);
    assert_string_equal(st->failures[3].reason, "r");
}

/* ---- lost workers ---- */

static void a_silent_worker_is_lost_and_its_leases_go_back(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    fixture_pass(f, 4500);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 1);
    worker_beats(f, WORKER_B, NULL, 0);
    fixture_pass(f, 2000);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 0);
    assert_int_equal(worker_gets(f, WORKER_B).from, l.from);
}

static void any_message_counts_as_a_sign_of_life(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
    worker_gets(f, WORKER_A);
    for (int i = 0; i < 5; i++) {
        fixture_pass(f, 3000);
        fixture_message(f, WORKER_A, MSG_NEED_PLAN, &(struct msg_sweep){.sweep = sweep});
    }
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 1);
}

static void what_a_lost_worker_reports_late_counts_where_nobody_was_faster(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    fixture_pass(f, 7000);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    struct msg_lease other = worker_gets(f, WORKER_B);
    assert_int_equal(other.from, 0);
    worker_reports(f, WORKER_B, &other, 0, 1, false);
    worker_hello(f, WORKER_A, 1, NULL, 0); /* it holds nothing, but a report of it was on its way */
    worker_reports(f, WORKER_A, &l, 0, 4, true);
    fixture_commit(f);
    assert_int_equal(client_status(f, sweep)->done, 4);
}

static void a_lost_worker_that_comes_back_keeps_its_lease(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    fixture_pass(f, 7000);
    struct msg_held held = held_of(&l);
    worker_hello(f, WORKER_A, 1, &held, 1);
    struct bsweep *s = sweep_find(f->broker, 0);
    assert_int_equal(s->n_leases, 1);
    assert_false(intervals_count_in(&s->pending, l.from, l.to));
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    assert_int_equal(s->n_leases, 0);
}

static void a_lease_that_two_beats_do_not_list_goes_back(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    worker_gets(f, WORKER_A); /* the grant was lost on its way */
    worker_beats(f, WORKER_A, NULL, 0);
    worker_beats(f, WORKER_A, NULL, 0); /* two at once, for figures: the grant may still be on its way */
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 1);
    fixture_pass(f, 2100);
    worker_beats(f, WORKER_A, NULL, 0);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 0);
    assert_int_equal(sweep_find(f->broker, 0)->pending.count, 100);
}

static void a_lease_that_was_given_up_too_early_is_taken_again(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_beats(f, WORKER_A, NULL, 0);
    fixture_pass(f, 2100);
    worker_beats(f, WORKER_A, NULL, 0);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 0);
    struct msg_held held = held_of(&l); /* the grant was only late */
    worker_beats(f, WORKER_A, &held, 1);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 1);
    assert_int_equal(sweep_find(f->broker, 0)->pending.count, 96);
}

static void leases_that_cannot_be_are_not_taken_again(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_held bad[] = {
        {.sweep = 1, .lease = 5, .from = 7, .to = 7, .left = 1, .granted_to = 9},
        {.sweep = 1, .lease = 6, .from = 0, .to = 9, .left = 1, .granted_to = 8},
        {.sweep = 1, .lease = 7, .from = 0, .to = 900, .left = 1, .granted_to = 900},
        {.sweep = 1, .lease = 8, .from = 0, .to = 9, .left = 1, .granted_to = 9, .flags = LEASE_VERIFY},
    };
    worker_hello(f, WORKER_A, 1, bad, 4);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 0);
    assert_int_equal(sweep_find(f->broker, 0)->pending.count, 100);
}

static void a_worker_that_says_bye_gives_its_leases_up_at_once(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    worker_gets(f, WORKER_A);
    fixture_message(f, WORKER_A, MSG_BYE, NULL);
    assert_int_equal(sweep_find(f->broker, 0)->pending.count, 100);
    assert_true(list_empty(&f->broker->workers));
}

static void a_gap_in_the_clock_loses_nobody(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    worker_gets(f, WORKER_A);
    f->now += 3600 * NS_PER_S;
    fixture_pass(f, 500);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 1);
}

/* Texts and group rows are as much in memory as scores: the loop reads no more when too much waits for the journal. */
static void what_a_report_holds_on_to_is_counted(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    fixture_settle(f);
    char *text = malloc(16384);
    memset(text, 'x', 16383);
    text[16383] = '\0';
    struct msg_log log = {.position = 0, .has_position = true, .text = text};
    fixture_report(f, WORKER_A,
                   &(struct msg_report){
                       .seq = ++f->seq, .sweep = l.sweep, .lease = l.lease, .logs = &log, .n_logs = 1, .broken = ""});
    assert_true(f->first && f->first->n_ops == 1 && f->first->keep_bytes > 16384);
    free(text);
}

static void a_broker_that_does_not_listen_loses_nobody(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    worker_gets(f, WORKER_A);
    broker_listens(f->broker, false);
    fixture_pass(f, 60000);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 1);
    broker_listens(f->broker, true);
    fixture_pass(f, 7000);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 0);
}

static void a_lease_of_a_sweep_that_has_ended_is_dropped(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_settle(f);
    mailbox_clear(&f->out);
    struct msg_held held = held_of(&l);
    worker_beats(f, WORKER_A, &held, 1);
    const struct msg_sweep *m = mailbox_next(&f->out, WORKER_A, MSG_DROP);
    assert_true(m->sweep == sweep && m->now);
}

/* ---- stopping ---- */

static void told_to_stop_it_sends_workers_home_and_waits_for_the_journal(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep_of(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    fixture_message(f, CLIENT, MSG_STOP, NULL);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_DONE), 1);
    assert_int_equal(mailbox_count(&f->out, WORKER_A, MSG_QUIT), 1);
    worker_reports(f, WORKER_A, &l, 0, 1, true);
    assert_false(broker_finished(f->broker));
    mailbox_clear(&f->out);
    fixture_message(f, WORKER_A, MSG_WANT, &(struct msg_want){.idle = 1});
    assert_int_equal(mailbox_count(&f->out, WORKER_A, MSG_GRANT), 0);
    broker_stop(f->broker); /* a second time changes nothing */
    fixture_commit(f);
    assert_true(broker_finished(f->broker));
}

static const struct CMUnitTest tests[] = {
    FIXTURE_TEST(only_hello_is_taken_from_a_stranger),
    FIXTURE_TEST(a_malformed_hello_is_refused),
    FIXTURE_TEST(a_message_that_is_not_for_a_broker_is_refused),
    FIXTURE_TEST(a_known_worker_need_not_resend),
    FIXTURE_TEST(the_broker_beats_every_second),
    FIXTURE_TEST(of_a_single_expected_worker_a_new_one_displaces_the_old),
    FIXTURE_TEST(workers_that_come_and_go_leave_nothing),
    FIXTURE_TEST(the_time_of_workers_that_are_gone_still_counts),
    FIXTURE_TEST(a_report_is_acknowledged_when_it_is_durable),
    FIXTURE_TEST(a_copy_is_not_acknowledged_before_the_first_one_is_safe),
    FIXTURE_TEST(a_position_counts_once),
    FIXTURE_TEST(positions_outside_of_the_lease_are_refused),
    FIXTURE_TEST(malformed_runs_are_refused),
    FIXTURE_TEST(a_lease_that_nobody_granted_is_refused),
    FIXTURE_TEST(the_lease_of_another_worker_is_refused),
    FIXTURE_TEST(a_late_copy_of_what_is_done_is_acknowledged),
    FIXTURE_TEST(what_a_closed_lease_leaves_goes_back),
    FIXTURE_TEST(failures_logs_and_groups_are_kept_with_the_first_result),
    FIXTURE_TEST(the_first_twenty_failures_by_index_are_shown),
    FIXTURE_TEST(a_silent_worker_is_lost_and_its_leases_go_back),
    FIXTURE_TEST(any_message_counts_as_a_sign_of_life),
    FIXTURE_TEST(what_a_lost_worker_reports_late_counts_where_nobody_was_faster),
    FIXTURE_TEST(a_lost_worker_that_comes_back_keeps_its_lease),
    FIXTURE_TEST(a_lease_that_two_beats_do_not_list_goes_back),
    FIXTURE_TEST(a_lease_that_was_given_up_too_early_is_taken_again),
    FIXTURE_TEST(leases_that_cannot_be_are_not_taken_again),
    FIXTURE_TEST(a_worker_that_says_bye_gives_its_leases_up_at_once),
    FIXTURE_TEST(a_gap_in_the_clock_loses_nobody),
    FIXTURE_TEST(a_broker_that_does_not_listen_loses_nobody),
    FIXTURE_TEST(what_a_report_holds_on_to_is_counted),
    FIXTURE_TEST(a_lease_of_a_sweep_that_has_ended_is_dropped),
    FIXTURE_TEST(told_to_stop_it_sends_workers_home_and_waits_for_the_journal),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
