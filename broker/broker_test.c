/* SPDX-License-Identifier: MIT
 *
 * Tests of the broker's logic towards workers: who is known, what is granted, what of their reports counts, when they are
 * acknowledged, and what becomes of the leases of those who are lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"

#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    struct broker_fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    fixture_init(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

static const struct msg_error *refused(struct broker_fixture *f, uint64_t peer)
{
    return mailbox_last(&f->out, peer, MSG_ERROR);
}

/* A sweep of n trials, and worker A with one slot. */
static uint64_t sweep_and_worker(struct broker_fixture *f, uint64_t n)
{
    f->plan.plan.trials = f->plan.axis.count = n;
    uint64_t sweep = client_gets_sweep(f);
    worker_hello(f, WORKER_A, 1, NULL, 0);
    return sweep;
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
    sweep_and_worker(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    struct msg_lease again = worker_gets(f, WORKER_B);
    assert_int_equal(again.from, l.from); /* without waiting for the old one's silence */
}

static void workers_that_come_and_go_leave_nothing(void **state)
{
    struct broker_fixture *f = *state;
    sweep_and_worker(f, 100);
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
    uint64_t sweep = sweep_and_worker(f, 100);
    worker_gets(f, WORKER_A);
    worker_beats(f, WORKER_A, NULL, 0); /* a second of CPU time */
    fixture_message(f, WORKER_A, MSG_BYE, NULL);
    assert_true(client_status(f, sweep)->cpu_seconds == 1.0);
}

/* ---- grants ---- */

static void the_first_lease_is_small_and_comes_with_the_plan(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 100);
    const struct msg_grant *m = worker_wants(f, WORKER_A);
    assert_int_equal(m->n_leases, 1);
    assert_true(m->leases[0].sweep == sweep && m->leases[0].from == 0 && m->leases[0].to == 4);
    const struct msg_plan *plan = mailbox_next(&f->out, WORKER_A, MSG_PLAN);
    assert_true(plan->sweep == sweep && plan->plan.len == f->plan_bytes.len);
    worker_wants(f, WORKER_A);
    assert_int_equal(mailbox_count(&f->out, WORKER_A, MSG_PLAN), 0);
}

static void leases_grow_fourfold_up_to_seven_seconds_of_work(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 60000), last = 4;
    worker_gets(f, WORKER_A);
    for (int i = 0; i < 8; i++) {
        struct msg_lease l = worker_wants_at(f, WORKER_A, sweep, 100)->leases[0];
        assert_true(l.to - l.from == (last * 4 < 700 ? last * 4 : 700));
        last = l.to - l.from;
    }
    assert_int_equal(last, 700);
}

static void a_slow_worker_gets_at_least_one_task(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 60000);
    worker_gets(f, WORKER_A);
    struct msg_lease l = worker_wants_at(f, WORKER_A, sweep, 1e-6)->leases[0];
    assert_int_equal(l.to - l.from, 1);
}

static void a_rate_on_one_sweep_sizes_no_lease_of_another(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 60000);
    worker_gets(f, WORKER_A);
    worker_wants_at(f, WORKER_A, sweep, 1e6);
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_settle(f);
    f->plan.plan.seed = 5;
    client_gets_sweep(f);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    for (int i = 0; i < 5; i++) { /* nothing measured, and another one waits: no growth */
        struct msg_lease l = worker_gets(f, WORKER_A);
        assert_int_equal(l.to - l.from, 4);
    }
}

static void near_the_end_workers_share(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 100);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    worker_gets(f, WORKER_A);
    uint64_t most = 0;
    for (uint64_t left = 96; left > 0;) {
        struct msg_lease l = worker_wants_at(f, WORKER_A, sweep, 1e6)->leases[0];
        assert_true(l.to - l.from <= left / 4 + 1);
        left -= l.to - l.from;
        most = l.to - l.from > most ? l.to - l.from : most;
    }
    assert_true(most > 10);
}

static void leases_are_cut_at_trials(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.splits = 10;
    f->plan.plan.split =
        (struct plan_split){.kind = SPLIT_K_FOLD, .k = 10, .n_rows = 100, .stratify = "", .row_axis = "row"};
    f->plan.plan.trials = f->plan.axis.count = 50;
    client_gets_sweep(f);
    worker_hello(f, WORKER_A, 4, NULL, 0); /* 16 tasks at first */
    struct msg_lease l = worker_gets(f, WORKER_A);
    assert_int_equal(l.to, 10);
}

static void nothing_is_granted_beyond_the_durable_frontier(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 1000000), to = 0;
    worker_gets(f, WORKER_A);
    for (;;) {
        const struct msg_grant *m = worker_wants_at(f, WORKER_A, sweep, 1e6);
        if (!m->n_leases)
            break;
        to = m->leases[0].to;
    }
    assert_int_equal(to, FRONTIER_STRIDE);
    fixture_commit(f); /* the worker was hungry: it is served in the next turn */
    const struct msg_grant *m = mailbox_last(&f->out, WORKER_A, MSG_GRANT);
    assert_true(m && m->n_leases == 1 && m->leases[0].from == FRONTIER_STRIDE);
}

static void small_pieces_leave_together(void **state)
{
    struct broker_fixture *f = *state;
    sweep_and_worker(f, 1000);
    struct msg_lease l = {.sweep = 1, .lease = 0};
    struct bsweep *s = sweep_find(f->broker, 0);
    for (uint64_t at = 0; at < 1000; at += 2) /* every other position is done already */
        intervals_remove(&s->pending, at, at + 1);
    worker_hello(f, WORKER_B, 64, NULL, 0);
    const struct msg_grant *m = worker_wants(f, WORKER_B);
    assert_int_equal(m->n_leases, GRANT_PIECES);
    for (uint32_t i = 0; i < m->n_leases; i++) {
        assert_true(m->leases[i].from == 2 * i + 1 && m->leases[i].to == 2 * i + 2);
        assert_true(m->leases[i].lease != l.lease);
        l = m->leases[i];
    }
}

static void a_worker_that_got_nothing_is_served_when_there_is_something(void **state)
{
    struct broker_fixture *f = *state;
    worker_hello(f, WORKER_A, 1, NULL, 0);
    assert_int_equal(worker_wants(f, WORKER_A)->n_leases, 0);
    mailbox_clear(&f->out);
    client_gets_sweep(f);
    const struct msg_grant *m = mailbox_last(&f->out, WORKER_A, MSG_GRANT);
    assert_true(m && m->n_leases == 1);
}

static void a_plan_is_sent_to_who_asks(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 100);
    fixture_message(f, WORKER_A, MSG_NEED_PLAN, &(struct msg_sweep){.sweep = sweep});
    assert_int_equal(mailbox_count(&f->out, WORKER_A, MSG_PLAN), 1);
    fixture_message(f, WORKER_A, MSG_NEED_PLAN, &(struct msg_sweep){.sweep = 77});
    const struct msg_sweep *m = mailbox_next(&f->out, WORKER_A, MSG_DROP);
    assert_true(m->sweep == 77 && m->now);
}

/* ---- reports ---- */

static void a_report_is_acknowledged_when_it_is_durable(void **state)
{
    struct broker_fixture *f = *state;
    sweep_and_worker(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    uint64_t seq = worker_reports(f, WORKER_A, &l, 0, 2, false);
    assert_false(worker_acked(f, WORKER_A, seq));
    fixture_commit(f);
    assert_true(worker_acked(f, WORKER_A, seq));
}

static void a_copy_is_not_acknowledged_before_the_first_one_is_safe(void **state)
{
    struct broker_fixture *f = *state;
    sweep_and_worker(f, 100);
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
    uint64_t sweep = sweep_and_worker(f, 100);
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
    uint64_t sweep = sweep_and_worker(f, 100);
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
    uint64_t sweep = sweep_and_worker(f, 100);
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
    assert_int_equal(client_status(f, sweep)->done, 0);
    assert_false(broker_failed(f->broker));
}

static void a_lease_that_nobody_granted_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 100);
    struct msg_lease made_up = {.sweep = sweep, .lease = 4711, .from = 0, .to = 10};
    uint64_t seq = worker_reports(f, WORKER_A, &made_up, 0, 2, false);
    assert_int_equal(refused(f, WORKER_A)->err, SHEAF_EGONE);
    assert_false(worker_acked(f, WORKER_A, seq));
    assert_int_equal(client_status(f, sweep)->done, 0);
}

static void the_lease_of_another_worker_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    worker_reports(f, WORKER_B, &l, 0, 2, false);
    assert_int_equal(refused(f, WORKER_B)->err, SHEAF_EGONE);
    assert_int_equal(client_status(f, sweep)->done, 0);
}

static void a_late_copy_of_what_is_done_is_acknowledged(void **state)
{
    struct broker_fixture *f = *state;
    sweep_and_worker(f, 100);
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
    sweep_and_worker(f, 100);
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
    uint64_t sweep = sweep_and_worker(f, 100);
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
    uint64_t sweep = sweep_and_worker(f, 400);
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
    sweep_and_worker(f, 100);
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
    uint64_t sweep = sweep_and_worker(f, 100);
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
    uint64_t sweep = sweep_and_worker(f, 100);
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
    sweep_and_worker(f, 100);
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
    sweep_and_worker(f, 100);
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
    sweep_and_worker(f, 100);
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
    sweep_and_worker(f, 100);
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
    sweep_and_worker(f, 100);
    worker_gets(f, WORKER_A);
    fixture_message(f, WORKER_A, MSG_BYE, NULL);
    assert_int_equal(sweep_find(f->broker, 0)->pending.count, 100);
    assert_true(list_empty(&f->broker->workers));
}

static void a_gap_in_the_clock_loses_nobody(void **state)
{
    struct broker_fixture *f = *state;
    sweep_and_worker(f, 100);
    worker_gets(f, WORKER_A);
    f->now += 3600 * NS_PER_S;
    fixture_pass(f, 500);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 1);
}

static void a_lease_of_a_sweep_that_has_ended_is_dropped(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = sweep_and_worker(f, 100);
    struct msg_lease l = worker_gets(f, WORKER_A);
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_settle(f);
    mailbox_clear(&f->out);
    struct msg_held held = held_of(&l);
    worker_beats(f, WORKER_A, &held, 1);
    const struct msg_sweep *m = mailbox_next(&f->out, WORKER_A, MSG_DROP);
    assert_true(m->sweep == sweep && m->now);
}

/* ---- the end of a sweep ---- */

/* Worker A holds all of the sweep, as it says in its beats; B has nothing. */
static struct msg_lease one_has_all(struct broker_fixture *f, uint64_t n)
{
    uint64_t sweep = sweep_and_worker(f, n);
    struct msg_lease l = {0};
    for (const struct msg_grant *m = worker_wants_at(f, WORKER_A, sweep, 1e6); m->n_leases;
         m = worker_wants_at(f, WORKER_A, sweep, 1e6)) {
        if (l.lease)
            worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
        l = m->leases[0];
    }
    worker_wants_at(f, WORKER_A, sweep, 1); /* a task a second, as it turns out */
    worker_hello(f, WORKER_B, 1, NULL, 0);
    return l;
}

static void the_worker_that_would_finish_last_gives_a_tail_back(void **state)
{
    struct broker_fixture *f = *state;
    struct msg_lease l = one_has_all(f, 100);
    assert_int_equal(worker_wants(f, WORKER_B)->n_leases, 0);
    const struct msg_take *take = mailbox_next(&f->out, WORKER_A, MSG_TAKE);
    assert_non_null(take);
    assert_true(take->lease == l.lease && take->to == l.to - (l.to - l.from) / 2);
    worker_wants(f, WORKER_B);
    assert_int_equal(mailbox_count(&f->out, WORKER_A, MSG_TAKE), 0); /* it was asked already */
    fixture_message(f, WORKER_A, MSG_TAKEN, take);
    const struct msg_grant *m = mailbox_last(&f->out, WORKER_B, MSG_GRANT);
    assert_non_null(m);
    assert_int_equal(m->n_leases, 1);
    assert_in_range(m->leases[0].from, take->to, l.to - 1);
}

static void a_lost_answer_to_a_take_is_heard_from_the_next_beat(void **state)
{
    struct broker_fixture *f = *state;
    struct msg_lease l = one_has_all(f, 100);
    worker_wants(f, WORKER_B);
    const struct msg_take *take = mailbox_next(&f->out, WORKER_A, MSG_TAKE);
    assert_non_null(take);
    struct msg_held held = held_of(&l);
    held.to = take->to;
    worker_beats(f, WORKER_A, &held, 1);
    assert_in_range(worker_gets(f, WORKER_B).from, held.to, l.to - 1);
}

/* Its rate was measured in a bad moment: what it reports says how fast it is. */
static void a_worker_is_no_faster_than_its_reports(void **state)
{
    struct broker_fixture *f = *state;
    struct msg_lease l = one_has_all(f, 100);
    worker_wants_at(f, WORKER_A, l.sweep, 1e9);
    struct msg_held held = held_of(&l);
    for (uint64_t i = 0; i < 3; i++) {
        worker_reports(f, WORKER_A, &l, l.from + i, 1, false);
        held.left--;
        worker_beats(f, WORKER_A, &held, 1);
        fixture_pass(f, 1000);
    }
    worker_wants(f, WORKER_B);
    assert_true(mailbox_count(&f->out, WORKER_A, MSG_TAKE) > 0);
}

static void a_taken_tail_that_is_reported_after_all_counts_once(void **state)
{
    struct broker_fixture *f = *state;
    struct msg_lease l = one_has_all(f, 100);
    worker_wants(f, WORKER_B);
    const struct msg_take *take = mailbox_next(&f->out, WORKER_A, MSG_TAKE);
    fixture_message(f, WORKER_A, MSG_TAKEN, take);
    fixture_message(f, WORKER_A, MSG_TAKEN, take); /* twice */
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    worker_does_all(f, WORKER_B);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, 0);
    assert_true(st->final && st->done == 100);
}

static void nonsense_about_a_taken_tail_changes_nothing(void **state)
{
    struct broker_fixture *f = *state;
    struct msg_lease l = one_has_all(f, 100);
    struct bsweep *s = sweep_find(f->broker, 0);
    fixture_message(f, WORKER_A, MSG_TAKEN, &(struct msg_take){.sweep = 1, .lease = 999, .to = l.from});
    fixture_message(f, WORKER_A, MSG_TAKEN, &(struct msg_take){.sweep = 1, .lease = l.lease, .to = l.to + 5});
    if (l.from)
        fixture_message(f, WORKER_A, MSG_TAKEN, &(struct msg_take){.sweep = 1, .lease = l.lease, .to = l.from - 1});
    assert_int_equal(s->pending.count, 0);
}

/* A has one task left, and has had it for a while. */
static struct msg_lease one_task_left(struct broker_fixture *f)
{
    struct msg_lease l = one_has_all(f, 100);
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from - 1, false);
    struct msg_held held = held_of(&l);
    held.left = 1;
    for (int i = 0; i < 3; i++) {
        fixture_pass(f, 1000);
        worker_beats(f, WORKER_A, &held, 1);
        worker_beats(f, WORKER_B, NULL, 0);
    }
    return l;
}

static void the_last_task_runs_on_an_idle_worker_as_well(void **state)
{
    struct broker_fixture *f = *state;
    struct msg_lease l = one_task_left(f);
    struct msg_lease second = worker_gets(f, WORKER_B);
    assert_true(second.flags == LEASE_SECOND && second.from == l.to - 1 && second.to == l.to);
    assert_int_equal(worker_wants(f, WORKER_B)->n_leases, 0); /* once only */
    worker_reports(f, WORKER_B, &second, second.from, 1, true);
    fixture_settle(f);
    assert_int_equal(client_status(f, 0)->done, 100);
    worker_reports(f, WORKER_A, &l, l.to - 1, 1, true);
    fixture_settle(f);
    assert_true(client_status(f, 0)->final && client_status(f, 0)->done == 100);
}

static void a_second_run_that_is_lost_leaves_the_task_to_the_first(void **state)
{
    struct broker_fixture *f = *state;
    struct msg_lease l = one_task_left(f);
    worker_gets(f, WORKER_B);
    fixture_message(f, WORKER_B, MSG_BYE, NULL);
    assert_int_equal(sweep_find(f->broker, 0)->pending.count, 0);
    worker_reports(f, WORKER_A, &l, l.to - 1, 1, true);
    fixture_settle(f);
    assert_true(client_status(f, 0)->final);
}

static void another_worker_may_be_its_second_then(void **state)
{
    struct broker_fixture *f = *state;
    one_task_left(f);
    worker_gets(f, WORKER_B);
    fixture_message(f, WORKER_B, MSG_BYE, NULL);
    worker_hello(f, WORKER_B, 1, NULL, 0);
    assert_int_equal(worker_gets(f, WORKER_B).flags, LEASE_SECOND);
}

/* B has asked for work and died; nobody knows yet. */
static void what_comes_back_goes_to_workers_that_are_heard_of(void **state)
{
    struct broker_fixture *f = *state;
    struct msg_lease l = one_has_all(f, 100);
    (void)worker_wants(f, WORKER_B);
    struct msg_held held = held_of(&l);
    for (int i = 0; i < 2; i++) {
        fixture_pass(f, 1000);
        worker_beats(f, WORKER_A, &held, 1);
    }
    mailbox_clear(&f->out);
    worker_reports(f, WORKER_A, &l, l.from, 0, true); /* gives it up */
    fixture_pass(f, 500);
    assert_int_equal(mailbox_count(&f->out, WORKER_B, MSG_GRANT), 0);
    assert_true(mailbox_count(&f->out, WORKER_A, MSG_GRANT) > 0);
}

/* ---- stopping ---- */

static void told_to_stop_it_sends_workers_home_and_waits_for_the_journal(void **state)
{
    struct broker_fixture *f = *state;
    sweep_and_worker(f, 100);
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

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, setup, teardown)

static const struct CMUnitTest tests[] = {
    TEST(only_hello_is_taken_from_a_stranger),
    TEST(a_malformed_hello_is_refused),
    TEST(a_message_that_is_not_for_a_broker_is_refused),
    TEST(a_known_worker_need_not_resend),
    TEST(the_broker_beats_every_second),
    TEST(of_a_single_expected_worker_a_new_one_displaces_the_old),
    TEST(workers_that_come_and_go_leave_nothing),
    TEST(the_time_of_workers_that_are_gone_still_counts),
    TEST(the_first_lease_is_small_and_comes_with_the_plan),
    TEST(leases_grow_fourfold_up_to_seven_seconds_of_work),
    TEST(a_slow_worker_gets_at_least_one_task),
    TEST(a_rate_on_one_sweep_sizes_no_lease_of_another),
    TEST(near_the_end_workers_share),
    TEST(leases_are_cut_at_trials),
    TEST(nothing_is_granted_beyond_the_durable_frontier),
    TEST(small_pieces_leave_together),
    TEST(a_worker_that_got_nothing_is_served_when_there_is_something),
    TEST(a_plan_is_sent_to_who_asks),
    TEST(a_report_is_acknowledged_when_it_is_durable),
    TEST(a_copy_is_not_acknowledged_before_the_first_one_is_safe),
    TEST(a_position_counts_once),
    TEST(positions_outside_of_the_lease_are_refused),
    TEST(malformed_runs_are_refused),
    TEST(a_lease_that_nobody_granted_is_refused),
    TEST(the_lease_of_another_worker_is_refused),
    TEST(a_late_copy_of_what_is_done_is_acknowledged),
    TEST(what_a_closed_lease_leaves_goes_back),
    TEST(failures_logs_and_groups_are_kept_with_the_first_result),
    TEST(the_first_twenty_failures_by_index_are_shown),
    TEST(a_silent_worker_is_lost_and_its_leases_go_back),
    TEST(any_message_counts_as_a_sign_of_life),
    TEST(what_a_lost_worker_reports_late_counts_where_nobody_was_faster),
    TEST(a_lost_worker_that_comes_back_keeps_its_lease),
    TEST(a_lease_that_two_beats_do_not_list_goes_back),
    TEST(a_lease_that_was_given_up_too_early_is_taken_again),
    TEST(leases_that_cannot_be_are_not_taken_again),
    TEST(a_worker_that_says_bye_gives_its_leases_up_at_once),
    TEST(a_gap_in_the_clock_loses_nobody),
    TEST(a_lease_of_a_sweep_that_has_ended_is_dropped),
    TEST(the_worker_that_would_finish_last_gives_a_tail_back),
    TEST(a_lost_answer_to_a_take_is_heard_from_the_next_beat),
    TEST(a_worker_is_no_faster_than_its_reports),
    TEST(a_taken_tail_that_is_reported_after_all_counts_once),
    TEST(nonsense_about_a_taken_tail_changes_nothing),
    TEST(the_last_task_runs_on_an_idle_worker_as_well),
    TEST(a_second_run_that_is_lost_leaves_the_task_to_the_first),
    TEST(another_worker_may_be_its_second_then),
    TEST(what_comes_back_goes_to_workers_that_are_heard_of),
    TEST(told_to_stop_it_sends_workers_home_and_waits_for_the_journal),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
