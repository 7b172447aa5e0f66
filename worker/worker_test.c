/* SPDX-License-Identifier: MIT
 *
 * Tests of the worker's logic: what slots are given, what their ends and deaths mean, what the broker hears of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/worker_fixture.h"

#include <stdlib.h>
#include <string.h>

static int setup_slots(void **state, uint32_t n)
{
    struct worker_fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    fixture_init(f, n);
    *state = f;
    return 0;
}

static int one_slot(void **state)
{
    return setup_slots(state, 1);
}

static int two_slots(void **state)
{
    return setup_slots(state, 2);
}

static int many_slots(void **state)
{
    return setup_slots(state, FAKE_SLOTS);
}

static int teardown(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

/* Everything that was reported as finished so far, by position; each position once. */
static uint64_t reported(struct worker_fixture *f, struct intervals *all)
{
    for (const struct msg_report *m = mailbox_next(&f->out, 0, MSG_REPORT); m; m = mailbox_next(&f->out, 0, MSG_REPORT))
        for (uint32_t i = 0; i < m->n_runs; i++) {
            assert_int_equal(intervals_count_in(all, m->runs[i].from, m->runs[i].from + m->runs[i].n), 0);
            intervals_add(all, m->runs[i].from, m->runs[i].from + m->runs[i].n);
        }
    return all->count;
}

static const struct msg_report *last_report(struct worker_fixture *f)
{
    const struct msg_report *m = mailbox_last(&f->out, 0, MSG_REPORT);
    assert_non_null(m);
    return m;
}

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
    fixture_pass(f, 250); /* a report goes out and is not acknowledged */
    uint64_t seq = last_report(f)->seq;
    mailbox_clear(&f->out);
    fixture_message(f, MSG_BEAT, &(struct msg_beat){.epoch = 2});
    const struct msg_hello *m = mailbox_next(&f->out, 0, MSG_HELLO);
    assert_int_equal(m->n_held, 1);
    assert_int_equal(m->held[0].left, 9);
    fixture_welcome(f, 2, false);
    assert_int_equal(last_report(f)->seq, seq);
}

static void a_welcome_of_the_same_epoch_resends_only_when_asked(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 250);
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
    fixture_turn(f, 3600 * 1000); /* suspended for an hour */
    assert_int_equal(f->slots[0].kills, 0);
    fixture_pass(f, 2500);
    assert_int_equal(f->slots[0].kills, 1);
}

/* ---- chunks ---- */

static void the_first_chunk_is_one_task_and_chunks_grow_fourfold(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.trials = f->plan.axis.count = 100000;
    fixture_begin(f, 100000);
    assert_int_equal(f->slots[0].orders[0].count, 1);
    for (uint32_t i = 0; i < 6; i++) { /* a task takes next to nothing */
        slot_tell(f, 0, slot_chunk(f, 0)->count, 1);
        fixture_turn(f, 0);
    }
    for (uint32_t i = 2; i < 6; i++)
        assert_true(f->slots[0].orders[i].count <= 4 * f->slots[0].orders[i - 1].count &&
                    f->slots[0].orders[i].count > f->slots[0].orders[i - 1].count);
}

static void chunks_hold_about_fifty_milliseconds(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1000);
    for (uint32_t i = 0; i < 30 && slot_chunk(f, 0); i++) {
        uint32_t n = slot_chunk(f, 0)->count;
        slot_runs(f, 0, 0);
        fixture_turn(f, n); /* a millisecond a task */
        slot_tell(f, 0, n, 1);
        fixture_turn(f, 0);
    }
    uint32_t most = 0;
    for (uint32_t i = 0; i < f->slots[0].n_orders; i++)
        most = f->slots[0].orders[i].count > most ? f->slots[0].orders[i].count : most;
    assert_in_range(most, 30, 70);
}

static void a_slot_has_one_chunk_in_work_and_one_waiting(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    assert_int_equal(f->slots[0].n_orders, 2);
    assert_true(f->slots[0].orders[1].seq == f->slots[0].orders[0].seq + 1);
    assert_int_equal(f->slots[0].orders[1].first, f->slots[0].orders[0].first + f->slots[0].orders[0].count);
    fixture_pass(f, 100);
    assert_int_equal(f->slots[0].n_orders, 2);
}

static void every_position_is_reported_once(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 1000);
    fixture_work_off(f);
    assert_int_equal(reported(f, &all), 1000);
    intervals_finish(&all);
}

static void sixty_four_slots_share_a_lease(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 1000);
    slot_runs(f, 0, 0);
    fixture_pass(f, 500); /* the first task takes long: every slot is worth its cost */
    for (int i = 0; i < 10; i++) {
        for (uint32_t k = 0; k < FAKE_SLOTS; k++)
            if (f->slots[k].alive && !f->slots[k].ready)
                slot_ready(f, k);
        fixture_turn(f, 1);
    }
    assert_int_equal(slots_started(f), FAKE_SLOTS);
    fixture_work_off(f);
    assert_int_equal(reported(f, &all), 1000);
    intervals_finish(&all);
}

static void few_quick_tasks_are_not_worth_a_second_slot(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 20);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    assert_int_equal(slots_started(f), 1);
}

static void a_plugin_with_threads_gets_fewer_slots(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.plugin.threads = 16;
    fixture_begin(f, 1000);
    slot_runs(f, 0, 0);
    for (int i = 0; i < 20; i++) {
        fixture_pass(f, 500);
        for (uint32_t k = 0; k < FAKE_SLOTS; k++)
            if (f->slots[k].alive && !f->slots[k].ready)
                slot_ready(f, k);
    }
    assert_int_equal(slots_started(f), 4);
}

static void an_idle_slot_takes_half_of_what_the_busiest_has_to_spare(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 40);
    for (int i = 0; i < 4; i++) { /* ten milliseconds a task */
        uint32_t n = slot_chunk(f, 0)->count;
        fixture_turn(f, 10 * n);
        slot_tell(f, 0, n, 1);
        fixture_turn(f, 0);
    }
    uint32_t left = f->worker->slots[0].q[0].end + f->worker->slots[0].q[1].end;
    assert_int_equal(slots_started(f), 2);
    slot_runs(f, 0, 0);
    struct wlease *l = worker_lease(f->worker, 1, 1);
    uint64_t first, rest = lease_take(l, 1000, &first); /* nothing is pending: only the other's is left */
    slot_ready(f, 1);
    fixture_turn(f, 1);
    assert_non_null(slot_chunk(f, 1));
    assert_true(f->worker->slots[0].q[0].end + (f->worker->slots[0].nq == 2 ? f->worker->slots[0].q[1].end : 0) < left);
    lease_put_back(l, first, first + rest);
    struct intervals all = {0};
    f->slots[0].claimed = 0;
    fixture_work_off(f);
    assert_int_equal(reported(f, &all), 40);
    intervals_finish(&all);
}

/* ---- second runs ---- */

/* Two slots; slot 0 runs position 0, the last one, slot 1 is ready and idle; the broker has nothing more. */
static void last_task_hangs(struct worker_fixture *f)
{
    fixture_begin(f, 2);
    slot_runs(f, 0, 0);
    fixture_pass(f, 200);
    slot_ready(f, 1);
    fixture_turn(f, 0);
    fixture_message(f, MSG_GRANT, &(struct msg_grant){0});
    if (slot_chunk(f, 1))
        slot_tell(f, 1, slot_chunk(f, 1)->count, 1);
    fixture_turn(f, 0);
}

static void a_task_that_takes_strangely_long_runs_a_second_time(void **state)
{
    struct worker_fixture *f = *state;
    last_task_hangs(f);
    assert_null(slot_chunk(f, 1));
    fixture_pass(f, 1500);
    assert_non_null(slot_chunk(f, 1));
    assert_int_equal(slot_chunk(f, 1)->first, slot_chunk(f, 0)->first);
}

static void the_slower_of_two_runs_is_stopped_and_counts_nothing(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    last_task_hangs(f);
    fixture_pass(f, 1500);
    slot_tell(f, 1, 1, 1);
    fixture_turn(f, 0);
    assert_int_equal(f->slots[0].kills, 1);
    slot_tell(f, 0, 1, 1); /* it was done after all before it died */
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9});
    fixture_pass(f, 300);
    assert_int_equal(reported(f, &all), 2);
    intervals_finish(&all);
}

static void a_task_runs_a_second_time_once_only(void **state)
{
    struct worker_fixture *f = *state;
    last_task_hangs(f);
    fixture_pass(f, 1500);
    uint32_t orders = f->slots[1].n_orders;
    slot_crashes(f, 1);
    fixture_pass(f, 3000);
    assert_true(f->slots[1].n_orders <= orders);
}

/* ---- deaths ---- */

static void a_crashed_task_is_tried_again_alone_on_a_fresh_slot(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 6);
    uint64_t guilty = slot_chunk(f, 0)->first;
    slot_crashes(f, 0);
    fixture_turn(f, 0);
    assert_true(f->slots[0].alive);
    slot_ready(f, 0);
    fixture_turn(f, 0);
    assert_true(f->slots[0].orders[0].first == guilty && f->slots[0].orders[0].count == 1);
    assert_int_equal(f->slots[0].orders[0].attempt, 2);
    assert_int_equal(f->slots[0].n_orders, 1); /* alone */
}

static void a_slot_that_has_worked_leaves_retries_to_a_fresh_one(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 4);
    slot_runs(f, 0, 0);
    fixture_pass(f, 100);
    slot_ready(f, 1);
    fixture_turn(f, 0);
    assert_non_null(slot_chunk(f, 1));
    slot_crashes(f, 0);
    while (slot_chunk(f, 1)) {
        slot_tell(f, 1, slot_chunk(f, 1)->count, 1);
        fixture_turn(f, 0);
    }
    for (uint32_t i = 0; i < f->slots[1].n_orders; i++)
        assert_int_equal(f->slots[1].orders[i].attempt, 1);
    fixture_work_off(f);
    assert_int_equal(reported(f, &all), 4);
    intervals_finish(&all);
}

static void what_a_dead_slot_had_before_it_goes_on_without_an_attempt(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 50);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    slot_crashes(f, 0);
    fixture_work_off(f);
    assert_int_equal(reported(f, &all), 50);
    intervals_finish(&all);
}

static const struct msg_failure *failure_after(struct worker_fixture *f, uint32_t attempts)
{
    for (uint32_t i = 0; i < attempts; i++) {
        slot_crashes(f, 0);
        fixture_turn(f, 0);
        if (i + 1 < attempts) {
            slot_ready(f, 0);
            fixture_turn(f, 0);
        }
    }
    fixture_pass(f, 250);
    const struct msg_report *m = last_report(f);
    return m->n_failures ? &m->failures[0] : NULL;
}

static void after_its_attempts_a_task_has_failed_with_its_reason(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    const struct msg_failure *failure = failure_after(f, 3);
    assert_non_null(failure);
    assert_true(failure->position == 0 && failure->kind == FAIL_CRASH && failure->attempts == 3);
    assert_string_equal(failure->reason, "signal 11");
    assert_string_equal(failure->tail, "last words");
}

static void the_number_of_attempts_is_the_plans(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits.attempts = 1;
    fixture_begin(f, 1);
    const struct msg_failure *failure = failure_after(f, 1);
    assert_int_equal(failure->attempts, 1);
}

static void an_error_of_the_plugin_is_final(void **state)
{
    struct worker_fixture *f = *state;
    struct side_head head = {.word = page_pack(1, 0), .kind = SIDE_FAIL};
    fixture_begin(f, 1);
    f->events.side(f->events.ctx, 0, &head, "no rows", 7);
    slot_tell(f, 0, 1, 2);
    fixture_turn(f, 0);
    const struct msg_report *m = last_report(f);
    assert_true(m->closed && m->n_failures == 1 && m->failures[0].kind == FAIL_ERROR && m->failures[0].attempts == 1);
    assert_string_equal(m->failures[0].reason, "no rows");
    assert_memory_equal(m->runs[0].status.data, "\2", 1);
}

static void an_error_without_words_has_some(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 2);
    fixture_turn(f, 0);
    assert_string_equal(last_report(f)->failures[0].reason, "failed without a reason");
}

static void an_exit_says_its_status(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits.attempts = 1;
    fixture_begin(f, 1);
    slot_dies(f, 0, (struct slot_death){.code = 3, .seq = 1, .offset = 0, .in_task = true});
    fixture_turn(f, 0);
    const struct msg_report *m = last_report(f);
    assert_int_equal(m->failures[0].kind, FAIL_EXIT);
    assert_string_equal(m->failures[0].reason, "exit 3");
}

static void a_task_that_runs_too_long_is_killed_and_says_so(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits = (struct plan_limits){.attempts = 1, .task_seconds = 0.5};
    fixture_begin(f, 1);
    slot_runs(f, 0, 0);
    fixture_pass(f, 400);
    assert_int_equal(f->slots[0].kills, 0);
    fixture_pass(f, 300);
    assert_int_equal(f->slots[0].kills, 1);
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9, .seq = 1, .in_task = true});
    fixture_turn(f, 0);
    const struct msg_report *m = last_report(f);
    assert_int_equal(m->failures[0].kind, FAIL_TIMEOUT);
    assert_string_equal(m->failures[0].reason, "ran longer than task_seconds: 0.5");
}

static void the_task_after_one_that_ran_too_long_pays_nothing(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits = (struct plan_limits){.attempts = 1, .task_seconds = 0.5};
    fixture_begin(f, 3);
    slot_runs(f, 0, 0);
    fixture_pass(f, 700);
    slot_tell(f, 0, 1, 1); /* it ended just before the kill */
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9, .seq = 2, .in_task = true});
    f->slots[0].claimed = 0;
    fixture_work_off(f);
    const struct msg_report *m = last_report(f);
    assert_true(m->closed && m->n_failures == 0);
}

static void progress_keeps_a_slot_alive(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits.task_seconds = 0.5;
    fixture_begin(f, 100);
    for (int i = 0; i < 20; i++) {
        fixture_pass(f, 300);
        uint32_t n = slot_chunk(f, 0)->count;
        slot_tell(f, 0, n < 4 ? n : 4, 1);
        slot_runs(f, 0, f->worker->slots[0].q[0].seen);
    }
    assert_int_equal(f->slots[0].kills, 0);
}

static void waiting_for_a_cache_is_not_task_time(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits.task_seconds = 0.5;
    fixture_begin(f, 1);
    slot_runs(f, 0, 0);
    f->slots[0].sample.state = PAGE_WAITING;
    fixture_pass(f, 5000);
    assert_int_equal(f->slots[0].kills, 0);
}

static void a_task_that_takes_too_much_memory_is_killed_and_says_so(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits = (struct plan_limits){.attempts = 1, .memory_mb = 100};
    fixture_begin(f, 1);
    slot_runs(f, 0, 0);
    f->slots[0].sample.memory_bytes = (uint64_t)100 << 20;
    fixture_pass(f, 100);
    assert_int_equal(f->slots[0].kills, 0);
    f->slots[0].sample.memory_bytes = ((uint64_t)100 << 20) + 1;
    fixture_pass(f, 100);
    assert_int_equal(f->slots[0].kills, 1);
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9, .seq = 1, .in_task = true});
    fixture_turn(f, 0);
    const struct msg_report *m = last_report(f);
    assert_int_equal(m->failures[0].kind, FAIL_MEMORY);
    assert_string_equal(m->failures[0].reason, "used more than memory_mb: 100");
}

/* ---- plugins that cannot be opened ---- */

static void a_plugin_that_says_why_it_cannot_be_opened_breaks_the_sweep(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_plan(f, 1);
    fixture_grant(f, 1, 0, 10, 0);
    slot_dies(f, 0, (struct slot_death){.code = 1, .open_error = "no such symbol"});
    fixture_turn(f, 0);
    const struct msg_report *m = last_report(f);
    assert_true(m->closed);
    assert_string_equal(m->broken, "no such symbol");
}

static void dying_at_open_is_tried_again_after_a_pause_and_then_breaks_the_sweep(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_plan(f, 1);
    fixture_grant(f, 1, 0, 10, 0);
    for (uint32_t i = 1; i <= 2; i++) {
        slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 6, .tail = "abort"});
        fixture_turn(f, 0);
        assert_false(f->slots[0].alive); /* not at once */
        fixture_pass(f, 250);
        assert_int_equal(f->slots[0].starts, i + 1);
    }
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 6, .tail = "abort"});
    fixture_turn(f, 0);
    assert_string_equal(last_report(f)->broken,
                        "plugin /fixture.so: died while it was loaded and opened (signal 6): abort");
}

static void dying_outside_of_tasks_again_and_again_breaks_the_sweep(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 10);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_non_null(slot_chunk(f, 0));
        slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 11});
        fixture_turn(f, 0);
        if (i == 3)
            break;
        assert_false(f->slots[0].alive);
        fixture_pass(f, 500);
        slot_ready(f, 0);
        fixture_turn(f, 0);
    }
    assert_string_equal(last_report(f)->broken, "plugin /fixture.so: died outside of its tasks (signal 11)");
}

static void a_slot_that_has_finished_tasks_may_die_between_them(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 10);
    for (uint32_t i = 0; i < 5; i++) {
        slot_tell(f, 0, 1, 1);
        fixture_turn(f, 0);
        slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9});
        fixture_turn(f, 0);
        slot_ready(f, 0);
        fixture_turn(f, 0);
    }
    fixture_work_off(f);
    assert_int_equal(reported(f, &all), 10);
    intervals_finish(&all);
}

static void a_plugin_that_never_opens_is_killed(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits.task_seconds = 20;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_plan(f, 1);
    fixture_grant(f, 1, 0, 10, 0);
    fixture_pass(f, 19000);
    assert_int_equal(f->slots[0].kills, 0);
    fixture_pass(f, 2000);
    assert_int_equal(f->slots[0].kills, 1);
}

static void a_process_that_cannot_be_started_is_tried_again_later(void **state)
{
    struct worker_fixture *f = *state;
    f->cannot_start = true;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_plan(f, 1);
    fixture_grant(f, 1, 0, 10, 0);
    f->cannot_start = false;
    fixture_turn(f, 50);
    assert_int_equal(slots_started(f), 0);
    fixture_pass(f, 100);
    assert_int_equal(slots_started(f), 1);
}

static void a_plan_that_cannot_be_read_breaks_the_sweep(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_grant(f, 1, 0, 10, 0);
    fixture_message(f, MSG_PLAN, &(struct msg_plan){1, {"xx", 2}});
    const struct msg_report *m = last_report(f);
    assert_true(m->closed && m->broken[0]);
}

/* ---- reports ---- */

static void findings_leave_within_200_ms(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 100);
    mailbox_clear(&f->out);
    slot_tell(f, 0, 1, 1);
    fixture_pass(f, 150);
    assert_int_equal(mailbox_count(&f->out, 0, MSG_REPORT), 0);
    fixture_pass(f, 100);
    const struct msg_report *m = last_report(f);
    assert_true(!m->closed && m->n_runs == 1 && m->runs[0].n == 1 && m->slots_used == 1);
}

static void a_lease_ends_with_a_closing_report_at_once(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    const struct msg_report *m = last_report(f);
    assert_true(m->closed && m->runs[0].from == 0 && m->runs[0].n == 1);
}

static void a_report_is_sent_again_until_it_is_acknowledged(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    uint64_t seq = last_report(f)->seq;
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
    fixture_pass(f, 250);
    fixture_ack(f, last_report(f)->seq);
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

static void groups_travel_with_the_task_that_made_them(void **state)
{
    struct worker_fixture *f = *state;
    char entry[2 + 8] = "g";
    double value = 2.5;
    memcpy(entry + 2, &value, 8);
    fixture_begin(f, 1);
    f->events.side(f->events.ctx, 0, &(struct side_head){.word = page_pack(1, 0), .kind = SIDE_GROUP}, entry, 10);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    const struct msg_report *m = last_report(f);
    assert_true(m->n_groups == 1 && m->groups[0].position == 0);
    assert_string_equal(m->groups[0].group, "g");
    assert_memory_equal(m->groups[0].values.data, &value, 8);
}

static void groups_of_a_failed_task_are_dropped(void **state)
{
    struct worker_fixture *f = *state;
    char entry[2 + 8] = "g";
    fixture_begin(f, 1);
    f->events.side(f->events.ctx, 0, &(struct side_head){.word = page_pack(1, 0), .kind = SIDE_GROUP}, entry, 10);
    slot_tell(f, 0, 1, 2);
    fixture_turn(f, 0);
    assert_int_equal(last_report(f)->n_groups, 0);
}

static void many_side_entries_find_their_tasks(void **state)
{
    struct worker_fixture *f = *state;
    char entry[2 + 8] = "g";
    fixture_begin(f, 500);
    uint32_t told = 0;
    while (slot_chunk(f, 0)) {
        struct chunk c = *slot_chunk(f, 0);
        for (uint32_t i = 0; i < c.count; i++)
            f->events.side(f->events.ctx, 0, &(struct side_head){.word = page_pack(c.seq, i), .kind = SIDE_GROUP},
                           entry, 10);
        slot_tell(f, 0, c.count, 1);
        told += c.count;
        fixture_turn(f, 0);
    }
    uint32_t groups = 0;
    for (const struct msg_report *m = mailbox_next(&f->out, 0, MSG_REPORT); m; m = mailbox_next(&f->out, 0, MSG_REPORT))
        for (uint32_t i = 0; i < m->n_groups; i++)
            assert_int_equal(m->groups[i].position, groups++);
    assert_int_equal(told, 500);
    assert_int_equal(groups, 500);
}

static void log_lines_know_their_task(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 4);
    f->events.side(f->events.ctx, 0, &(struct side_head){.word = page_pack(1, 0), .kind = SIDE_LOG}, "\2hello", 6);
    f->events.side(f->events.ctx, 0, &(struct side_head){.word = page_pack(9, 0), .kind = SIDE_LOG}, "\2lost", 5);
    fixture_pass(f, 250);
    const struct msg_report *m = last_report(f);
    assert_int_equal(m->n_logs, 2);
    assert_true(m->logs[0].has_position && m->logs[0].position == 0 && m->logs[0].level == 2);
    assert_string_equal(m->logs[0].text, "hello");
    assert_false(m->logs[1].has_position);
}

static void output_is_cut_into_lines(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 4);
    slot_runs(f, 0, 0);
    f->events.output(f->events.ctx, 0, 2, "one\ntwo\n\nthree", 14);
    fixture_pass(f, 250);
    const struct msg_report *m = last_report(f);
    assert_int_equal(m->n_logs, 3);
    assert_string_equal(m->logs[2].text, "three");
    assert_true(m->logs[0].has_position);
}

static void records_beyond_what_was_ordered_cost_the_slot(void **state)
{
    struct worker_fixture *f = *state;
    struct intervals all = {0};
    fixture_begin(f, 3);
    uint8_t st[64];
    double scores[64] = {0};
    memset(st, 1, sizeof(st));
    f->events.records(f->events.ctx, 0, 64, st, scores);
    assert_int_equal(f->slots[0].kills, 1);
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9});
    fixture_work_off(f);
    assert_int_equal(reported(f, &all), 3);
    intervals_finish(&all);
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
    assert_int_equal(reported(f, &all), 20);
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
    assert_int_equal(reported(f, &all), 50);
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
    assert_int_equal(reported(f, &all), 1);
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
    assert_true(last_report(f)->closed);
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
    assert_int_equal(reported(f, &all), 1);
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
    const struct msg_report *m = last_report(f);
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
    assert_int_equal(reported(f, &all), 10);
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
    assert_true(last_report(f)->closed); /* the lease of the old one */
}

static void a_sweep_without_leases_for_a_minute_is_forgotten(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    fixture_ack(f, last_report(f)->seq);
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
    assert_true(last_report(f)->closed);
    assert_true(worker_finished(f->worker));
}

/* ---- second looks ---- */

static void second_looks_run_on_slots_started_for_them(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    fixture_grant(f, 2, 0, 1, LEASE_VERIFY);
    fixture_turn(f, 0);
    assert_int_equal(f->slots[0].retires, 1);
    slot_dies(f, 0, (struct slot_death){.code = 0});
    fixture_turn(f, 0);
    slot_ready(f, 0);
    fixture_turn(f, 0);
    assert_true(f->worker->slots[0].verify);
    assert_int_equal(slot_chunk(f, 0)->first, 0);
}

/* The idle slot has done nothing, but it is of the other kind. */
static void a_retry_of_a_second_look_gets_a_slot_of_its_kind(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1);
    slot_tell(f, 0, 1, 1);
    fixture_turn(f, 0);
    f->worker->slots[0].worked = false;
    fixture_grant(f, 2, 0, 1, LEASE_VERIFY);
    struct wlease *l = worker_lease(f->worker, 1, 2);
    uint64_t first;
    lease_take(l, 1, &first);
    lease_retry(l, 0, 1);
    fixture_turn(f, 0);
    assert_int_equal(f->slots[0].retires, 1);
}

#define WITH(setup_, test_) cmocka_unit_test_setup_teardown(test_, setup_, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(two_slots, it_says_hello_until_it_is_welcome),
        WITH(one_slot, beats_list_every_lease_with_what_is_left),
        WITH(one_slot, the_beat_carries_the_peak_of_memory),
        WITH(one_slot, another_epoch_makes_it_register_again_and_resend),
        WITH(one_slot, a_welcome_of_the_same_epoch_resends_only_when_asked),
        WITH(one_slot, told_that_it_is_unknown_it_says_hello_but_not_all_the_time),
        WITH(one_slot, a_broker_of_another_version_ends_it),
        WITH(one_slot, other_errors_change_nothing),
        WITH(one_slot, messages_that_are_not_for_a_worker_are_refused),
        WITH(one_slot, a_connection_made_anew_is_greeted),
        WITH(one_slot, a_gap_in_the_clock_is_nobodys_silence),
        WITH(one_slot, the_first_chunk_is_one_task_and_chunks_grow_fourfold),
        WITH(one_slot, chunks_hold_about_fifty_milliseconds),
        WITH(one_slot, a_slot_has_one_chunk_in_work_and_one_waiting),
        WITH(two_slots, every_position_is_reported_once),
        WITH(many_slots, sixty_four_slots_share_a_lease),
        WITH(two_slots, few_quick_tasks_are_not_worth_a_second_slot),
        WITH(many_slots, a_plugin_with_threads_gets_fewer_slots),
        WITH(two_slots, an_idle_slot_takes_half_of_what_the_busiest_has_to_spare),
        WITH(two_slots, a_task_that_takes_strangely_long_runs_a_second_time),
        WITH(two_slots, the_slower_of_two_runs_is_stopped_and_counts_nothing),
        WITH(two_slots, a_task_runs_a_second_time_once_only),
        WITH(one_slot, a_crashed_task_is_tried_again_alone_on_a_fresh_slot),
        WITH(two_slots, a_slot_that_has_worked_leaves_retries_to_a_fresh_one),
        WITH(one_slot, what_a_dead_slot_had_before_it_goes_on_without_an_attempt),
        WITH(one_slot, after_its_attempts_a_task_has_failed_with_its_reason),
        WITH(one_slot, the_number_of_attempts_is_the_plans),
        WITH(one_slot, an_error_of_the_plugin_is_final),
        WITH(one_slot, an_error_without_words_has_some),
        WITH(one_slot, an_exit_says_its_status),
        WITH(one_slot, a_task_that_runs_too_long_is_killed_and_says_so),
        WITH(one_slot, the_task_after_one_that_ran_too_long_pays_nothing),
        WITH(one_slot, progress_keeps_a_slot_alive),
        WITH(one_slot, waiting_for_a_cache_is_not_task_time),
        WITH(one_slot, a_task_that_takes_too_much_memory_is_killed_and_says_so),
        WITH(one_slot, a_plugin_that_says_why_it_cannot_be_opened_breaks_the_sweep),
        WITH(one_slot, dying_at_open_is_tried_again_after_a_pause_and_then_breaks_the_sweep),
        WITH(one_slot, dying_outside_of_tasks_again_and_again_breaks_the_sweep),
        WITH(one_slot, a_slot_that_has_finished_tasks_may_die_between_them),
        WITH(one_slot, a_plugin_that_never_opens_is_killed),
        WITH(one_slot, a_process_that_cannot_be_started_is_tried_again_later),
        WITH(one_slot, a_plan_that_cannot_be_read_breaks_the_sweep),
        WITH(one_slot, findings_leave_within_200_ms),
        WITH(one_slot, a_lease_ends_with_a_closing_report_at_once),
        WITH(one_slot, a_report_is_sent_again_until_it_is_acknowledged),
        WITH(one_slot, an_acknowledged_lease_stays_while_it_is_open),
        WITH(one_slot, slots_wait_while_too_much_is_unacknowledged),
        WITH(one_slot, groups_travel_with_the_task_that_made_them),
        WITH(one_slot, groups_of_a_failed_task_are_dropped),
        WITH(one_slot, many_side_entries_find_their_tasks),
        WITH(one_slot, log_lines_know_their_task),
        WITH(one_slot, output_is_cut_into_lines),
        WITH(one_slot, records_beyond_what_was_ordered_cost_the_slot),
        WITH(one_slot, it_asks_for_work_before_it_runs_dry),
        WITH(one_slot, told_that_there_is_nothing_it_asks_once_a_second),
        WITH(two_slots, while_nothing_is_measured_it_takes_a_little_only),
        WITH(one_slot, it_does_not_gather_leases_without_end),
        WITH(one_slot, a_grant_that_comes_twice_is_one),
        WITH(one_slot, a_lease_without_a_plan_asks_for_it),
        WITH(one_slot, a_tail_is_given_back),
        WITH(one_slot, what_runs_is_kept),
        WITH(one_slot, a_take_that_comes_twice_is_answered_twice),
        WITH(one_slot, a_lease_with_nothing_left_gives_back_nothing_but_closes),
        WITH(one_slot, a_take_of_an_unknown_lease_is_passed_over),
        WITH(one_slot, a_dropped_sweep_finishes_what_runs_and_closes_its_leases),
        WITH(one_slot, dropped_at_once_running_tasks_are_killed_without_an_attempt),
        WITH(one_slot, a_drop_of_an_unknown_sweep_is_passed_over),
        WITH(one_slot, a_sweep_taken_up_again_uses_its_new_plan),
        WITH(one_slot, another_plan_replaces_the_one_it_knows),
        WITH(one_slot, a_sweep_without_leases_for_a_minute_is_forgotten),
        WITH(one_slot, an_idle_slot_makes_room_for_another_sweep),
        WITH(one_slot, told_to_quit_it_kills_its_slots_and_closes_its_leases),
        WITH(one_slot, second_looks_run_on_slots_started_for_them),
        WITH(one_slot, a_retry_of_a_second_look_gets_a_slot_of_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
