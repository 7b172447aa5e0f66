/* SPDX-License-Identifier: MIT
 *
 * Tests of what the broker's logic hands out: how large leases are, what waits, and who gets what at the end of a sweep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"

#include <string.h>

/* ---- grants ---- */

static void the_first_lease_is_small_and_comes_with_the_plan(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 100);
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
    uint64_t sweep = fixture_sweep_of(f, 60000), last = 4;
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
    uint64_t sweep = fixture_sweep_of(f, 60000);
    worker_gets(f, WORKER_A);
    struct msg_lease l = worker_wants_at(f, WORKER_A, sweep, 1e-6)->leases[0];
    assert_int_equal(l.to - l.from, 1);
}

static void a_rate_on_one_sweep_sizes_no_lease_of_another(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep_of(f, 60000);
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
    uint64_t sweep = fixture_sweep_of(f, 100);
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
    uint64_t sweep = fixture_sweep_of(f, 1000000), to = 0;
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
    fixture_sweep_of(f, 1000);
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
    uint64_t sweep = fixture_sweep_of(f, 100);
    fixture_message(f, WORKER_A, MSG_NEED_PLAN, &(struct msg_sweep){.sweep = sweep});
    assert_int_equal(mailbox_count(&f->out, WORKER_A, MSG_PLAN), 1);
    fixture_message(f, WORKER_A, MSG_NEED_PLAN, &(struct msg_sweep){.sweep = 77});
    const struct msg_sweep *m = mailbox_next(&f->out, WORKER_A, MSG_DROP);
    assert_true(m->sweep == 77 && m->now);
}

/* ---- the end of a sweep ---- */

/* Worker A holds all of the sweep, as it says in its beats; B has nothing. */
static struct msg_lease one_has_all(struct broker_fixture *f, uint64_t n)
{
    uint64_t sweep = fixture_sweep_of(f, n);
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

/* Its lease is not put back any more when the sweep has ended. */
static void a_sweep_that_goes_on_gives_second_runs_again(void **state)
{
    struct broker_fixture *f = *state;
    one_task_left(f);
    assert_int_equal(worker_gets(f, WORKER_B).flags, LEASE_SECOND);
    client_asks(f, MSG_CANCEL, 0, true);
    fixture_settle(f);
    assert_true(client_status(f, 0)->final);
    fixture_sweep_of(f, 100);
    fixture_settle(f);
    assert_int_equal(sweep_find(f->broker, 0)->doubled.count, 0);
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

static const struct CMUnitTest tests[] = {
    FIXTURE_TEST(the_first_lease_is_small_and_comes_with_the_plan),
    FIXTURE_TEST(leases_grow_fourfold_up_to_seven_seconds_of_work),
    FIXTURE_TEST(a_slow_worker_gets_at_least_one_task),
    FIXTURE_TEST(a_rate_on_one_sweep_sizes_no_lease_of_another),
    FIXTURE_TEST(near_the_end_workers_share),
    FIXTURE_TEST(leases_are_cut_at_trials),
    FIXTURE_TEST(nothing_is_granted_beyond_the_durable_frontier),
    FIXTURE_TEST(small_pieces_leave_together),
    FIXTURE_TEST(a_worker_that_got_nothing_is_served_when_there_is_something),
    FIXTURE_TEST(a_plan_is_sent_to_who_asks),
    FIXTURE_TEST(the_worker_that_would_finish_last_gives_a_tail_back),
    FIXTURE_TEST(a_lost_answer_to_a_take_is_heard_from_the_next_beat),
    FIXTURE_TEST(a_worker_is_no_faster_than_its_reports),
    FIXTURE_TEST(a_taken_tail_that_is_reported_after_all_counts_once),
    FIXTURE_TEST(nonsense_about_a_taken_tail_changes_nothing),
    FIXTURE_TEST(the_last_task_runs_on_an_idle_worker_as_well),
    FIXTURE_TEST(a_second_run_that_is_lost_leaves_the_task_to_the_first),
    FIXTURE_TEST(another_worker_may_be_its_second_then),
    FIXTURE_TEST(a_sweep_that_goes_on_gives_second_runs_again),
    FIXTURE_TEST(what_comes_back_goes_to_workers_that_are_heard_of),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
