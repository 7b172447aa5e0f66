/* SPDX-License-Identifier: MIT
 *
 * Tests of the worker's logic towards the broker: hello and beats, asking for work, reports and their acknowledgement, tails
 * given back, sweeps dropped and taken up again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sheaf/plugin.h"
#include "worker/worker_fixture.h"

#include <string.h>

/* ---- hello, beats, a broker that comes back ---- */

static void it_says_hello_until_it_is_welcome(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    const struct msg_hello *m = mailbox_next(&f->out, 0, MSG_HELLO);
    assert_non_null(m);
    assert_string_equal(m->instance, "0123456789abcdef0123456789abcdef");
    assert_true(m->slots == 2 && m->n_held == 0 && m->fingerprint.len == HASH_BYTES);
    fixture_pass(f, 300);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_HELLO), 1);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_BEAT), 0);
    fixture_welcome(f, 1, true);
    mailbox_clear(&f->out);
    fixture_pass(f, 2000);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_HELLO), 0);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_BEAT), 2);
}

static void beats_list_every_lease_with_what_is_left(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 1100);
    const struct msg_beat *m = mailbox_last(&f->out, 0, MSG_BEAT);
    assert_int_equal(m->n_held, 1);
    assert_true(m->held[0].sweep == 1 && m->held[0].lease == 1 && m->held[0].left == 9);
    assert_true(m->held[0].from == 0 && m->held[0].to == 10 && m->held[0].granted_to == 10);
    assert_true(m->cpu_ns == 7 && m->memory_bytes >= 1000);
}

static void the_beat_carries_the_peak_of_memory(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    f->slots[0].sample.pss_bytes = 5000;
    fixture_pass(f, 1100);
    f->slots[0].sample.pss_bytes = 10;
    fixture_pass(f, 1100);
    const struct msg_beat *m = mailbox_last(&f->out, 0, MSG_BEAT);
    assert_int_equal(m->memory_bytes, 6000);
}

static void another_epoch_makes_it_register_again_and_resend(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 550); /* a report goes out and is not acknowledged */
    uint64_t seq = fixture_last_report(f)->seq;
    mailbox_clear(&f->out);
    fixture_message(f, MSG_BEAT, &(struct msg_beat){.epoch = 2});
    const struct msg_hello *m = mailbox_next(&f->out, 0, MSG_HELLO);
    assert_int_equal(m->n_held, 1);
    assert_int_equal(m->held[0].left, 9);
    fixture_welcome(f, 2, false);
    assert_int_equal(fixture_last_report(f)->seq, seq);
}

static void a_welcome_of_the_same_epoch_resends_only_when_asked(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 550);
    mailbox_clear(&f->out);
    fixture_welcome(f, 1, false);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 0);
    fixture_welcome(f, 1, true);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 1);
}

static void told_that_it_is_unknown_it_says_hello_but_not_all_the_time(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    fixture_pass(f, 200);
    mailbox_clear(&f->out);
    for (int i = 0; i < 20; i++)
        fixture_message(f, MSG_ERROR, &(struct msg_error){.err = SHEAF_EGONE, .text = "who?"});
    assert_int_equal(mailbox_count(&f->out, 0, MSG_HELLO), 1);
}

static void a_broker_of_another_version_ends_it(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_message(f, MSG_ERROR, &(struct msg_error){.err = SHEAF_EVERSION, .text = ""});
    assert_true(worker_finished(f->worker));
}

static void other_errors_change_nothing(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    mailbox_clear(&f->out);
    fixture_message(f, MSG_ERROR, &(struct msg_error){.err = SHEAF_EPROTO, .text = ""});
    assert_int_equal(mailbox_count(&f->out, 0, MSG_HELLO), 0);
    assert_false(worker_finished(f->worker));
}

static void messages_that_are_not_for_a_worker_are_refused(void **state)
{
    struct worker_fixture *f = *state;
    assert_int_equal(worker_message(f->worker, MSG_SUBMIT, NULL), SHEAF_EPROTO);
}

static void a_connection_made_anew_is_greeted(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    mailbox_clear(&f->out);
    worker_reconnected(f->worker);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_HELLO), 1);
}

static void a_gap_in_the_clock_is_nobodys_silence(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits.task_seconds = 2;
    fixture_begin(f, 10);
    slot_runs(f, 0, 0);
    fixture_pass(f, 100);
    fixture_turn(f, 3600000); /* suspended for an hour */
    assert_int_equal(f->slots[0].kills, 0);
    fixture_pass(f, 2500);
    assert_int_equal(f->slots[0].kills, 1);
}

/* ---- reports ---- */

static void findings_leave_within_500_ms(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    mailbox_clear(&f->out);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 450);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 0);
    fixture_pass(f, 100);
    const struct msg_report *m = fixture_last_report(f);
    assert_true(!m->closed && m->n_runs == 1 && m->runs[0].n == 1 && m->slots_used == 1);
}

static void what_is_due_takes_along_what_other_leases_have(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 2);
    fixture_grant(f, 2, 2, 100, 0);
    slot_runs(f, 0, 0);
    fixture_pass(f, 100);
    slot_ready(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 400);
    slot_tell(f, 1, 1, 1);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 0);
    fixture_pass(f, 150);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 2);
    const struct msg_report *first = mailbox_next(&f->out, 0, MSG_REPORT);
    assert_true(first->lease != fixture_last_report(f)->lease);
}

static void a_lease_ends_with_a_closing_report_at_once(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    const struct msg_report *m = fixture_last_report(f);
    assert_true(m->closed && m->runs[0].from == 0 && m->runs[0].n == 1);
}

static void a_report_is_sent_again_until_it_is_acknowledged(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    uint64_t seq = fixture_last_report(f)->seq;
    fixture_pass(f, 4900);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 0);
    fixture_pass(f, 5200);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 2);
    fixture_ack(f, seq);
    mailbox_clear(&f->out);
    fixture_pass(f, 6000);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 0);
    const struct msg_beat *beat = mailbox_last(&f->out, 0, MSG_BEAT);
    assert_int_equal(beat->n_held, 0);
}

static void an_acknowledged_lease_stays_while_it_is_open(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 550);
    fixture_ack(f, fixture_last_report(f)->seq);
    fixture_pass(f, 1000);
    const struct msg_beat *beat = mailbox_last(&f->out, 0, MSG_BEAT);
    assert_int_equal(beat->n_held, 1);
}

static void slots_wait_while_too_much_is_unacknowledged(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1000);
    assert_int_equal(f->events.room(f->events.ctx, 0), UNACKED_BYTES);
    slot_tell(f, 0, 1, 1);
    uint64_t room = f->events.room(f->events.ctx, 0);
    assert_true(room < UNACKED_BYTES);
    f->worker->outbox.bytes += UNACKED_BYTES;
    assert_int_equal(f->events.room(f->events.ctx, 0), 0);
    f->worker->outbox.bytes -= UNACKED_BYTES;
    assert_int_equal(f->events.room(f->events.ctx, 0), room);
}

static void a_full_report_does_not_wait_for_the_end_of_the_turn(void **state)
{
    struct worker_fixture *f = *state;
    char reason[4096];
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    fixture_begin(f, 1000);
    struct wlease *l = worker_lease(f->worker, 1, 1);
    uint32_t n = FINDINGS_FULL / sizeof(reason);
    for (uint32_t i = 0; i < n; i++) { /* as other slots might have told in this turn */
        struct msg_failure failure = {.position = 500 + i, .kind = FAIL_ERROR, .reason = reason, .tail = ""};
        assert_int_equal(findings_add_failure(&l->findings, &failure), 0);
    }
    mailbox_clear(&f->out);
    slot_tell(f, 0, 1, 1);
    const struct msg_report *m = fixture_last_report(f);
    assert_true(m->n_runs == 1 && m->n_failures == n && !m->closed);
    assert_int_equal(findings_bytes(&l->findings), 0);
}

static void a_lease_that_was_given_up_has_nothing_left(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1000);
    fixture_message(f, MSG_DROP, &(struct msg_sweep){.sweep = 1});
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    assert_true(fixture_last_report(f)->closed);
    fixture_pass(f, 1000);
    const struct msg_beat *beat = mailbox_last(&f->out, 0, MSG_BEAT); /* or the broker would believe that it goes on */
    assert_true(beat->n_held == 1 && beat->held[0].left == 0);
}

/* ---- asking for work ---- */

static void it_asks_for_work_before_it_runs_dry(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    slot_runs(f, 0, 0);
    fixture_pass(f, 1000); /* a second a task, a hundred of them: enough */
    mailbox_clear(&f->out);
    fixture_pass(f, 1500);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_WANT), 0);
    fixture_work_off(f);
    const struct msg_want *m = mailbox_last(&f->out, 0, MSG_WANT);
    assert_non_null(m);
    assert_true(m->sweep == 1 && m->tasks_per_s > 0);
}

static void told_that_there_is_nothing_it_asks_once_a_second(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_message(f, MSG_GRANT, &(struct msg_grant){0});
    mailbox_clear(&f->out);
    fixture_pass(f, 3100);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_WANT), 3);
}

static void while_nothing_is_measured_it_takes_a_little_only(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_plan(f, 1);
    uint64_t lease = 1;
    mailbox_clear(&f->out);
    for (bool asked = true; asked; lease++) {
        fixture_grant(f, lease, (lease - 1) * 8, lease * 8, 0);
        asked = mailbox_last(&f->out, 0, MSG_WANT) != NULL;
        assert_true(lease < 1000);
    }
    assert_in_range(lease * 8, UNMEASURED * 2, UNMEASURED * 2 + 16);
}

static void it_does_not_gather_leases_without_end(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    uint64_t lease = 2;
    for (; mailbox_last(&f->out, 0, MSG_WANT); lease++) {
        fixture_grant(f, lease, lease, lease + 1, 0);
        assert_true(lease < 10000);
    }
    assert_in_range(lease, LEASES_OPEN, LEASES_OPEN + 4);
}

static void a_grant_that_comes_twice_is_one(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 20);
    fixture_grant(f, 1, 0, 20, 0);
    fixture_work_off(f);
    assert_int_equal(fixture_reported(f, &all), 20);
    intervals_finish(&all);
}

static void a_lease_without_a_plan_asks_for_it(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_grant(f, 1, 0, 10, 0);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_NEED_PLAN), 1);
    assert_int_equal(slots_started(f), 0);
    fixture_pass(f, 1100);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_NEED_PLAN), 2);
    fixture_plan(f, 1);
    assert_int_equal(slots_started(f), 1);
}

/* ---- take, drop, quit ---- */

static uint64_t taken_to(struct worker_fixture *f, uint64_t to)
{
    fixture_message(f, MSG_TAKE, &(struct msg_take){.sweep = 1, .lease = 1, .to = to});
    const struct msg_take *m = mailbox_last(&f->out, 0, MSG_TAKEN);
    assert_non_null(m);
    return m->to;
}

static void a_tail_is_given_back(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 100);
    assert_int_equal(taken_to(f, 50), 50);
    fixture_work_off(f);
    assert_int_equal(fixture_reported(f, &all), 50);
    intervals_finish(&all);
}

static void what_runs_is_kept(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 100);
    slot_runs(f, 0, 0);
    uint64_t to = taken_to(f, 0);
    assert_int_equal(to, 1);
    f->slots[0].claimed = 0;
    fixture_work_off(f);
    assert_int_equal(fixture_reported(f, &all), 1);
    intervals_finish(&all);
}

static void a_take_that_comes_twice_is_answered_twice(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    assert_int_equal(taken_to(f, 50), 50);
    assert_int_equal(taken_to(f, 50), 50);
    assert_int_equal(taken_to(f, 80), 50);
}

static void a_lease_with_nothing_left_gives_back_nothing_but_closes(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_plan(f, 1);
    fixture_grant(f, 1, 10, 20, 0); /* no slot is ready */
    assert_int_equal(taken_to(f, 5), 11);
    fixture_turn(f, 0);
    assert_true(fixture_last_report(f)->closed);
}

static void a_take_of_an_unknown_lease_is_passed_over(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    fixture_message(f, MSG_TAKE, &(struct msg_take){.sweep = 1, .lease = 77, .to = 5});
    assert_int_equal(mailbox_count(&f->out, 0, MSG_TAKEN), 0);
}

static void a_dropped_sweep_finishes_what_runs_and_closes_its_leases(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 100);
    slot_runs(f, 0, 0);
    fixture_message(f, MSG_DROP, &(struct msg_sweep){.sweep = 1});
    assert_int_equal(f->slots[0].kills, 0);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    fixture_turn(f, 0);
    assert_int_equal(f->slots[0].retires, 1);
    assert_int_equal(fixture_reported(f, &all), 1);
    intervals_finish(&all);
}

static void dropped_at_once_running_tasks_are_killed_without_an_attempt(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    slot_runs(f, 0, 0);
    fixture_message(f, MSG_DROP, &(struct msg_sweep){.sweep = 1, .now = true});
    assert_int_equal(f->slots[0].kills, 1);
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9, .seq = 1, .in_task = true});
    fixture_turn(f, 0);
    const struct msg_report *m = fixture_last_report(f);
    assert_true(m->closed && m->n_runs == 0 && m->n_failures == 0);
    fixture_ack(f, m->seq);
    fixture_turn(f, 0);
    assert_null(worker_sweep(f->worker, 1));
}

static void a_drop_of_an_unknown_sweep_is_passed_over(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    fixture_message(f, MSG_DROP, &(struct msg_sweep){.sweep = 9, .now = true});
    assert_int_equal(f->slots[0].kills, 0);
}

/* The sweep was dropped, its slot is still dying, and it is granted again with a plan that has grown. */
static void a_sweep_taken_up_again_uses_its_new_plan(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    slot_runs(f, 0, 0);
    fixture_message(f, MSG_DROP, &(struct msg_sweep){.sweep = 1, .now = true});
    f->plan.plan.trials = f->plan.axis.count = 5000;
    fixture_grant(f, 2, 3000, 3010, 0);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_NEED_PLAN), 1);
    fixture_plan(f, 1);
    assert_int_equal(worker_sweep(f->worker, 1)->plan.trials, 5000);
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9, .seq = 1, .in_task = true});
    struct intervals all = {0};
    f->slots[0].claimed = 0;
    fixture_work_off(f);
    assert_int_equal(fixture_reported(f, &all), 10);
    assert_true(intervals_has_all(&all, 3000, 3010));
    intervals_finish(&all);
}

static void another_plan_replaces_the_one_it_knows(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    fixture_plan(f, 1); /* the same one: nothing happens */
    assert_false(worker_sweep(f->worker, 1)->dropped);
    f->plan.plan.trials = f->plan.axis.count = 5000;
    fixture_plan(f, 1);
    assert_int_equal(worker_sweep(f->worker, 1)->plan.trials, 5000);
    fixture_work_off(f);
    assert_true(fixture_last_report(f)->closed); /* the lease of the old one */
}

static void a_lease_beyond_its_plan_asks_for_the_plan_anew(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    mailbox_clear(&f->out);
    fixture_grant(f, 2, 4000, 5000, 0); /* the plan that is known has 1,000 tasks: the next one was lost */
    assert_int_equal(mailbox_count(&f->out, 0, MSG_NEED_PLAN), 1);
    f->plan.plan.trials = f->plan.axis.count = 5000;
    fixture_plan(f, 1);
    assert_ptr_equal(worker_lease(f->worker, 1, 2)->sweep, worker_sweep(f->worker, 1));
    assert_int_equal(worker_sweep(f->worker, 1)->plan.trials, 5000);
}

static void a_lease_of_tasks_that_do_not_exist_is_forgotten(void **state)
{
    struct worker_fixture *f = *state;
    (void)fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_grant(f, 1, 0, 1000, 0);
    fixture_grant(f, 2, 1000, 1001, 0);
    fixture_plan(f, 1);
    assert_non_null(worker_lease(f->worker, 1, 1));
    assert_null(worker_lease(f->worker, 1, 2));
}

static void a_sweep_without_leases_for_a_minute_is_forgotten(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    fixture_ack(f, fixture_last_report(f)->seq);
    fixture_pass(f, 59000);
    assert_non_null(worker_sweep(f->worker, 1));
    assert_int_equal(f->slots[0].retires, 0);
    fixture_pass(f, 2000);
    assert_int_equal(f->slots[0].retires, 1);
    slot_dies(f, 0, (struct slot_death){.code = 0});
    fixture_turn(f, 0);
    assert_null(worker_sweep(f->worker, 1));
}

static void an_idle_slot_makes_room_for_another_sweep(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    fixture_plan(f, 2);
    struct msg_lease l = {.sweep = 2, .lease = 9, .from = 0, .to = 10};
    fixture_message(f, MSG_GRANT, &(struct msg_grant){.leases = &l, .n_leases = 1});
    assert_int_equal(f->slots[0].retires, 1);
    slot_dies(f, 0, (struct slot_death){.code = 0});
    fixture_turn(f, 0);
    assert_true(f->slots[0].alive && f->worker->slots[0].sweep->id == 2);
}

static void told_to_quit_it_kills_its_slots_and_closes_its_leases(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    slot_runs(f, 0, 0);
    fixture_message(f, MSG_QUIT, NULL);
    assert_int_equal(f->slots[0].kills, 1);
    assert_false(worker_finished(f->worker));
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9, .seq = 1, .in_task = true});
    fixture_turn(f, 0);
    assert_true(fixture_last_report(f)->closed);
    assert_true(worker_finished(f->worker));
}

#define WITH(setup_, test_) cmocka_unit_test_setup_teardown(test_, setup_, fixture_teardown)

/* ---- output files ---- */

/* A worker whose first slot has the only lease of a sweep with an output file. */
static void begin_with_output(struct worker_fixture *f)
{
    static struct plan_output output = {
        .name = "row", .dtype = SHEAF_DT_F64, .unit = "", .help = "", .row_bytes = 8, .offset = 4096};
    f->plan.plan.plugin.outputs = &output;
    f->plan.plan.plugin.n_outputs = 1;
    f->plan.plan.output_path = "/out.sheaf";
    f->plan.plan.output_bytes = 4096 + 8 * 1000;
    fixture_begin(f, 10);
}

static void rows_are_synced_before_they_are_reported(void **state)
{
    struct worker_fixture *f = *state;
    begin_with_output(f);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 400);
    assert_true(f->syncs == 0 && mailbox_count(&f->out, 0, MSG_REPORT) == 0);
    fixture_pass(f, 200);
    assert_true(f->syncs == 1 && mailbox_count(&f->out, 0, MSG_REPORT) == 1);
    fixture_pass(f, 2000); /* nothing new */
    assert_int_equal(f->syncs, 1);
    fixture_work_off(f);
    assert_true(f->syncs >= 2);
}

static void files_are_synced_before_they_are_reported(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.plugin.files = "texts";
    f->plan.plan.output_dir = "/out";
    fixture_begin(f, 10);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 600);
    assert_true(f->syncs == 1 && mailbox_count(&f->out, 0, MSG_REPORT) == 1);
}

static void rows_that_cannot_be_synced_are_not_reported(void **state)
{
    struct worker_fixture *f = *state;
    begin_with_output(f);
    slot_tell(f, 0, 1, 1);
    f->cannot_sync = true;
    fixture_pass(f, 1000);
    const struct msg_report *m = fixture_last_report(f);
    assert_true(m->closed && m->n_runs == 0);
    assert_string_equal(m->broken, "the device is gone");
}

static const struct CMUnitTest tests[] = {
    WITH(setup_two_slots, it_says_hello_until_it_is_welcome),
    WITH(setup_one_slot, beats_list_every_lease_with_what_is_left),
    WITH(setup_one_slot, the_beat_carries_the_peak_of_memory),
    WITH(setup_one_slot, another_epoch_makes_it_register_again_and_resend),
    WITH(setup_one_slot, a_welcome_of_the_same_epoch_resends_only_when_asked),
    WITH(setup_one_slot, told_that_it_is_unknown_it_says_hello_but_not_all_the_time),
    WITH(setup_one_slot, a_broker_of_another_version_ends_it),
    WITH(setup_one_slot, other_errors_change_nothing),
    WITH(setup_one_slot, messages_that_are_not_for_a_worker_are_refused),
    WITH(setup_one_slot, a_connection_made_anew_is_greeted),
    WITH(setup_one_slot, a_gap_in_the_clock_is_nobodys_silence),
    WITH(setup_one_slot, findings_leave_within_500_ms),
    WITH(setup_two_slots, what_is_due_takes_along_what_other_leases_have),
    WITH(setup_one_slot, a_lease_ends_with_a_closing_report_at_once),
    WITH(setup_one_slot, a_report_is_sent_again_until_it_is_acknowledged),
    WITH(setup_one_slot, an_acknowledged_lease_stays_while_it_is_open),
    WITH(setup_one_slot, slots_wait_while_too_much_is_unacknowledged),
    WITH(setup_one_slot, a_lease_that_was_given_up_has_nothing_left),
    WITH(setup_one_slot, a_full_report_does_not_wait_for_the_end_of_the_turn),
    WITH(setup_one_slot, it_asks_for_work_before_it_runs_dry),
    WITH(setup_one_slot, told_that_there_is_nothing_it_asks_once_a_second),
    WITH(setup_two_slots, while_nothing_is_measured_it_takes_a_little_only),
    WITH(setup_one_slot, it_does_not_gather_leases_without_end),
    WITH(setup_one_slot, a_grant_that_comes_twice_is_one),
    WITH(setup_one_slot, a_lease_without_a_plan_asks_for_it),
    WITH(setup_one_slot, a_tail_is_given_back),
    WITH(setup_one_slot, what_runs_is_kept),
    WITH(setup_one_slot, a_take_that_comes_twice_is_answered_twice),
    WITH(setup_one_slot, a_lease_with_nothing_left_gives_back_nothing_but_closes),
    WITH(setup_one_slot, a_take_of_an_unknown_lease_is_passed_over),
    WITH(setup_one_slot, a_dropped_sweep_finishes_what_runs_and_closes_its_leases),
    WITH(setup_one_slot, dropped_at_once_running_tasks_are_killed_without_an_attempt),
    WITH(setup_one_slot, a_drop_of_an_unknown_sweep_is_passed_over),
    WITH(setup_one_slot, a_sweep_taken_up_again_uses_its_new_plan),
    WITH(setup_one_slot, another_plan_replaces_the_one_it_knows),
    WITH(setup_one_slot, a_lease_beyond_its_plan_asks_for_the_plan_anew),
    WITH(setup_one_slot, a_lease_of_tasks_that_do_not_exist_is_forgotten),
    WITH(setup_one_slot, a_sweep_without_leases_for_a_minute_is_forgotten),
    WITH(setup_one_slot, an_idle_slot_makes_room_for_another_sweep),
    WITH(setup_one_slot, told_to_quit_it_kills_its_slots_and_closes_its_leases),
    WITH(setup_one_slot, rows_are_synced_before_they_are_reported),
    WITH(setup_one_slot, files_are_synced_before_they_are_reported),
    WITH(setup_one_slot, rows_that_cannot_be_synced_are_not_reported),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
