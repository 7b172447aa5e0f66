/* SPDX-License-Identifier: MIT
 *
 * Tests of what a broker that starts again makes of its journal, and of the snapshots of keep: best.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"

#include <string.h>

/* ---- restart ---- */

static void what_was_durable_is_not_done_again(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 0, 2, false);
    fixture_settle(f);
    worker_reports(f, WORKER_A, &l, 2, 2, false); /* lost with the broker */
    fixture_restart(f);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->done == 2 && st->resumed == 2);
    worker_hello(f, WORKER_A, 1, NULL, 0);
    fixture_pass(f, 4000);
    worker_beats(f, WORKER_A, NULL, 0);
    fixture_pass(f, 4000);
    worker_beats(f, WORKER_A, NULL, 0);
    fixture_pass(f, 4000);
    assert_int_equal(worker_gets(f, WORKER_A).from, 2);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    worker_does_all(f, WORKER_B);
}

static void below_the_frontier_the_restarted_broker_waits(void **state)
{
    struct broker_fixture *f = *state;
    fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    fixture_restart(f);
    fixture_settle(f);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    assert_int_equal(worker_wants(f, WORKER_B)->n_leases, 0); /* somebody may be at work */
    struct msg_held held = held_of(&l);
    worker_hello(f, WORKER_A, 1, &held, 1);
    for (int i = 0; i < 3; i++) {
        fixture_pass(f, 4000);
        worker_beats(f, WORKER_A, &held, 1);
        worker_beats(f, WORKER_B, NULL, 0);
    }
    const struct msg_grant *m = mailbox_last(&f->out, WORKER_B, MSG_GRANT);
    assert_true(m && m->n_leases == 1 && m->leases[0].from == l.to); /* not what A still holds */
    uint64_t seq = worker_reports(f, WORKER_A, &l, 0, 4, true);
    fixture_commit(f);
    assert_true(worker_acked(f, WORKER_A, seq));
}

static void beyond_the_frontier_it_grants_at_once(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.trials = 1000000;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    uint64_t frontier = sweep_find(f->broker, sweep)->frontier;
    fixture_restart(f);
    fixture_settle(f);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    worker_wants(f, WORKER_B);
    fixture_settle(f); /* the new frontier is durable */
    const struct msg_grant *m = mailbox_last(&f->out, WORKER_B, MSG_GRANT);
    assert_true(m && m->n_leases == 1 && m->leases[0].from == frontier);
    struct msg_held held = held_of(&l);
    worker_hello(f, WORKER_A, 1, &held, 1);
    uint64_t seq = worker_reports(f, WORKER_A, &l, 0, 4, true);
    fixture_settle(f);
    assert_true(worker_acked(f, WORKER_A, seq));
}

static void the_wait_ends_when_every_expected_worker_is_there(void **state)
{
    struct broker_fixture *f = *state;
    f->config.expected_workers = 1;
    fixture_sweep(f);
    worker_gets(f, WORKER_A);
    fixture_restart(f);
    fixture_settle(f);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    assert_int_equal(worker_gets(f, WORKER_B).from, 0);
}

static void a_sweep_that_had_ended_stays_ended(void **state)
{
    struct broker_fixture *f = *state;
    uint8_t digest[HASH_BYTES];
    uint64_t sweep = fixture_finished_sweep(f);
    memcpy(digest, client_status(f, sweep)->digest.data, HASH_BYTES);
    fixture_restart(f);
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .top = 3, .plan = true});
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_STATUS), 0); /* not before it is read back */
    fixture_settle(f);
    const struct msg_status *st = mailbox_last(&f->out, CLIENT, MSG_STATUS);
    assert_true(st->final && st->state == SWEEP_DONE && st->done == 100 && st->plan.len == f->plan_bytes.len);
    assert_memory_equal(st->digest.data, digest, HASH_BYTES);
}

static void asked_for_again_while_it_is_read_back_it_goes_on(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_settle(f);
    fixture_restart(f);
    client_submits(f);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(!st->final && !st->reason[0]);
    worker_hello(f, WORKER_A, 1, NULL, 0);
    fixture_pass(f, 11000);
    worker_hello(f, WORKER_A, 1, NULL, 0);
    worker_does_all(f, WORKER_A);
    st = client_status(f, sweep);
    assert_true(st->final && st->state == SWEEP_DONE && !st->reason[0]);
}

/* A client was told that its sweep goes on: so it does, whatever becomes of the broker. */
static void a_sweep_that_was_taken_up_again_goes_on_after_a_restart(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports_as(f, WORKER_A, &l, l.from, l.to - l.from, TASK_FAILED, true);
    worker_does_all(f, WORKER_A);
    client_asks(f, MSG_RETRY, sweep, false);
    fixture_commit(f);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_DONE), 1);
    fixture_restart(f);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(!st->final && st->done + st->failed == 96);
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_settle(f);
    assert_int_equal(client_gets_sweep(f), sweep);
    fixture_restart(f);
    fixture_settle(f);
    assert_false(client_status(f, sweep)->final);
}

static void a_sweep_that_was_cancelled_is_so_after_a_restart(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    worker_gets(f, WORKER_A);
    client_asks(f, MSG_CANCEL, sweep, false);
    fixture_commit(f);
    assert_false(client_status(f, sweep)->final); /* its tasks may finish */
    fixture_restart(f);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->state == SWEEP_CANCELLED);
}

/* A worker that has slept through it all may still speak of the one that had the number before. */
static void the_number_of_a_removed_sweep_is_not_given_again(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_finished_sweep(f);
    client_asks(f, MSG_REMOVE, sweep, false);
    fixture_settle(f);
    fixture_restart(f);
    assert_true(client_gets_sweep(f) > sweep);
}

static void nothing_is_granted_of_a_sweep_that_may_not_outlive_the_broker(void **state)
{
    struct broker_fixture *f = *state;
    client_submits(f);
    worker_hello(f, WORKER_A, 1, NULL, 0);
    assert_int_equal(worker_wants(f, WORKER_A)->n_leases, 0);
    fixture_commit(f);
    const struct msg_grant *m = mailbox_last(&f->out, WORKER_A, MSG_GRANT);
    assert_int_equal(m->n_leases, 1);
}

static void another_plan_while_it_is_read_back_reads_it_again(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.method = METHOD_RANDOM;
    uint64_t sweep = fixture_finished_sweep(f);
    fixture_restart(f);
    f->plan.plan.trials = 130;
    assert_int_equal(client_gets_sweep(f), sweep);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->total == 130 && st->done == 100 && !st->final);
}

/* The broker had committed the report but nobody heard of it; the worker sends it again, before the new broker has read so far. */
static void reports_wait_until_the_runs_are_read_back(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports(f, WORKER_A, &l, 0, 3, false);
    fixture_settle(f);
    fixture_restart(f);
    struct msg_held held = held_of(&l);
    worker_hello(f, WORKER_A, 1, &held, 1);
    mailbox_clear(&f->out);
    uint64_t seq = worker_reports(f, WORKER_A, &l, 0, 3, false);
    assert_false(worker_acked(f, WORKER_A, seq));
    fixture_settle(f);
    assert_false(worker_acked(f, WORKER_A, seq));
    const struct msg_welcome *m = mailbox_last(&f->out, WORKER_A, MSG_WELCOME);
    assert_true(m && m->resend);
    f->seq = 0;
    seq = worker_reports(f, WORKER_A, &l, 0, 3, false);
    fixture_settle(f);
    assert_true(worker_acked(f, WORKER_A, seq));
    assert_int_equal(f->journaled[JOURNAL_RUN], 1);
    assert_int_equal(client_status(f, sweep)->done, 3);
}

static void all_runs_are_read_back_however_many_failures_there_are(void **state)
{
    struct broker_fixture *f = *state;
    static struct msg_failure failures[30];
    uint64_t sweep = fixture_sweep(f);
    worker_hello(f, WORKER_A, 25, NULL, 0);
    struct msg_lease l = worker_gets(f, WORKER_A);
    for (uint64_t i = 0; i < 30; i++)
        failures[i] = (struct msg_failure){.position = i, .kind = FAIL_ERROR, .reason = "r", .tail = "", .attempts = 1};
    fixture_report(
        f, WORKER_A,
        &(struct msg_report){
            .seq = 1, .sweep = sweep, .lease = l.lease, .failures = failures, .n_failures = 30, .broken = ""});
    for (uint64_t at = 0; at < 60; at += 2)
        worker_reports_as(f, WORKER_A, &l, at, 1, TASK_FAILED, false);
    fixture_settle(f);
    fixture_restart(f);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->failed == 30 && st->n_failures == 20);
}

static void stopped_while_it_reads_it_reads_no_further(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    worker_hello(f, WORKER_A, 25, NULL, 0);
    struct msg_lease l = worker_gets(f, WORKER_A);
    for (uint64_t at = 0; at < 90; at += 2)
        worker_reports(f, WORKER_A, &l, at, 1, false);
    fixture_settle(f);
    fixture_restart(f);
    broker_stop(f->broker);
    assert_true(fixture_answer(f));
    assert_true(broker_finished(f->broker));
    (void)sweep;
}

static uint32_t stored_failures(struct broker_fixture *f, uint64_t sweep)
{
    struct msg_read read = {.sweep = sweep, .kind = READ_FAILURES};
    struct msg_page page;
    struct arena a;
    arena_init(&a, 0);
    SHEAF_ASSERT(journal_read(f->journal, &read, 1 << 20, &a, &page, NULL) == 0);
    arena_finish(&a);
    return page.n_failures;
}

static void log_lines_and_group_rows_of_earlier_runs_count(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    for (uint64_t i = 0; i < 3; i++)
        worker_reports_all_kinds(f, WORKER_A, &l, i, 1);
    fixture_settle(f);
    fixture_restart(f);
    fixture_settle(f);
    assert_true(client_status(f, sweep)->groups == 3 && client_status(f, sweep)->log_lines == 3);
}

static void figures_outlive_the_broker(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    for (uint64_t i = 0; i < 4; i++) {
        fixture_pass(f, 1000);
        for (int copies = 0; copies < 2; copies++) /* each speaks of a microsecond; the second one is not news */
            worker_reports(f, WORKER_A, &l, i, 1, false);
    }
    fixture_settle(f);
    fixture_restart(f);
    fixture_settle(f);
    const struct msg_status *m = client_status(f, sweep);
    double plugin_us = m->efficiency * m->seconds * m->slots * 1e6;
    assert_true(m->seconds >= 3 && plugin_us > 2.5 && plugin_us < 4.5);
}

static void a_task_that_is_reported_twice_has_its_lines_once(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    for (int i = 0; i < 3; i++)
        worker_reports_all_kinds(f, WORKER_A, &l, 0, 1);
    fixture_settle(f);
    assert_int_equal(client_status(f, sweep)->log_lines, 1);
}

static void a_sweep_keeps_so_many_log_lines(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    sweep_find(f->broker, sweep)->log_lines = LOG_LINES_MOST - 2;
    for (uint64_t i = 0; i < 4; i++)
        worker_reports_all_kinds(f, WORKER_A, &l, i, 1);
    fixture_settle(f);
    assert_int_equal(client_status(f, sweep)->log_lines, LOG_LINES_MOST);
    struct msg_page page;
    struct arena a;
    arena_init(&a, 0);
    const struct msg_read read = {.sweep = sweep, .kind = READ_LOGS};
    assert_int_equal(journal_read(f->journal, &read, 1 << 20, &a, &page, NULL), 0);
    assert_int_equal(page.n_logs, 2);
    assert_string_equal(page.logs[0].text, "line");
    assert_string_equal(page.logs[1].text, "sheaf: further lines of this sweep are not kept");
    arena_finish(&a);
}

/* ---- keep: best ---- */

/* They are durable at once, the result that they belong to only with the next snapshot. */
static void keep_best_stores_no_text_twice_when_a_snapshot_is_lost(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.keep_best = 3;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports_all_kinds(f, WORKER_A, &l, 0, 1);
    fixture_settle(f);
    uint64_t seq = worker_reports_all_kinds(f, WORKER_A, &l, 1, 1);
    fixture_commit(f);
    assert_false(worker_acked(f, WORKER_A, seq));
    assert_int_equal(stored_failures(f, sweep), 2);
    fixture_restart(f);
    fixture_settle(f);
    assert_int_equal(client_status(f, sweep)->failed, 1);
    assert_int_equal(stored_failures(f, sweep), 1);
    struct msg_held held = held_of(&l);
    worker_hello(f, WORKER_A, 1, &held, 1);
    worker_reports_all_kinds(f, WORKER_A, &l, 1, 1);
    fixture_settle(f);
    assert_int_equal(client_status(f, sweep)->failed, 2);
    assert_int_equal(stored_failures(f, sweep), 2);
}

static void keep_best_acknowledges_with_the_snapshot(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.keep_best = 3;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    uint64_t seq = worker_reports(f, WORKER_A, &l, 0, 3, false);
    fixture_settle(f);
    assert_true(worker_acked(f, WORKER_A, seq));
    assert_true(f->journaled[JOURNAL_SNAPSHOT] == 1 && f->journaled[JOURNAL_RUN] == 0);
    fixture_restart(f);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->done == 3 && st->n_best == 3 && st->best[0].trial == 2);
}

static void one_snapshot_waits_for_the_other(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.keep_best = 3;
    fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    for (uint64_t at = 0; at < 4; at++) {
        worker_reports(f, WORKER_A, &l, at, 1, false);
        fixture_pass(f, 400);
    }
    uint32_t n = 0;
    for (const struct scribe_batch *b = f->first; b; b = b->next)
        n += b->n_ops && b->ops[0].kind == JOURNAL_SNAPSHOT;
    assert_int_equal(n, 1);
    fixture_settle(f);
    fixture_pass(f, 400);
    fixture_settle(f);
    assert_int_equal(client_status(f, 0)->done, 4);
    assert_true(worker_acked(f, WORKER_A, f->seq));
}

static void keep_best_ends_with_the_same_digest(void **state)
{
    struct broker_fixture *f = *state;
    uint8_t digest[HASH_BYTES];
    memcpy(digest, client_status(f, fixture_finished_sweep(f))->digest.data, HASH_BYTES);
    f->plan.plan.keep_best = 3;
    const struct msg_status *st = client_status(f, fixture_finished_sweep(f));
    assert_true(st->final);
    assert_memory_equal(st->digest.data, digest, HASH_BYTES);
}

static void a_damaged_snapshot_is_noticed(void **state)
{
    struct broker_fixture *f = *state;
    struct diag d = {""};
    f->plan.plan.keep_best = 3;
    client_submits(f);
    struct journal_sweep stored = {
        .sweep = 9, .plan = {f->plan_bytes.data, f->plan_bytes.len}, .reason = "", .snapshot = {"garbage", 7}};
    assert_int_equal(broker_restore(f->broker, &stored, &d), SHEAF_ECORRUPT);
    stored = (struct journal_sweep){.sweep = 10, .plan = {"garbage", 7}, .reason = ""};
    assert_int_equal(broker_restore(f->broker, &stored, &d), SHEAF_ECORRUPT);
}

static const struct CMUnitTest tests[] = {
    FIXTURE_TEST(what_was_durable_is_not_done_again),
    FIXTURE_TEST(below_the_frontier_the_restarted_broker_waits),
    FIXTURE_TEST(beyond_the_frontier_it_grants_at_once),
    FIXTURE_TEST(the_wait_ends_when_every_expected_worker_is_there),
    FIXTURE_TEST(a_sweep_that_had_ended_stays_ended),
    FIXTURE_TEST(asked_for_again_while_it_is_read_back_it_goes_on),
    FIXTURE_TEST(a_sweep_that_was_taken_up_again_goes_on_after_a_restart),
    FIXTURE_TEST(a_sweep_that_was_cancelled_is_so_after_a_restart),
    FIXTURE_TEST(the_number_of_a_removed_sweep_is_not_given_again),
    FIXTURE_TEST(nothing_is_granted_of_a_sweep_that_may_not_outlive_the_broker),
    FIXTURE_TEST(another_plan_while_it_is_read_back_reads_it_again),
    FIXTURE_TEST(reports_wait_until_the_runs_are_read_back),
    FIXTURE_TEST(all_runs_are_read_back_however_many_failures_there_are),
    FIXTURE_TEST(stopped_while_it_reads_it_reads_no_further),
    FIXTURE_TEST(log_lines_and_group_rows_of_earlier_runs_count),
    FIXTURE_TEST(figures_outlive_the_broker),
    FIXTURE_TEST(a_task_that_is_reported_twice_has_its_lines_once),
    FIXTURE_TEST(a_sweep_keeps_so_many_log_lines),
    FIXTURE_TEST(keep_best_stores_no_text_twice_when_a_snapshot_is_lost),
    FIXTURE_TEST(keep_best_acknowledges_with_the_snapshot),
    FIXTURE_TEST(one_snapshot_waits_for_the_other),
    FIXTURE_TEST(keep_best_ends_with_the_same_digest),
    FIXTURE_TEST(a_damaged_snapshot_is_noticed),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
