/* SPDX-License-Identifier: MIT
 *
 * Tests of slotbook: what records, deaths, limits and output of slots come to mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/worker_fixture.h"

#include <string.h>

/* A worker that was away hears of two chunks at once: the second one did not take no time. */
static void chunks_that_come_to_light_together_teach_nothing_wrong(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 1000);
    for (int i = 0; i < 40; i++) {
        fixture_turn(f, 10);
        for (int k = 0; k < 2 && slot_chunk(f, 0); k++)
            slot_tell(f, 0, slot_chunk(f, 0)->count, 1);
    }
    const struct wsweep *s = worker_sweep(f->worker, 1);
    assert_true(s && s->task_ns >= 1e4);
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
    assert_int_equal(fixture_reported(f, &all), 4);
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
    assert_int_equal(fixture_reported(f, &all), 50);
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
    fixture_pass(f, 550);
    const struct msg_report *m = fixture_last_report(f);
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
    const struct msg_report *m = fixture_last_report(f);
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
    assert_string_equal(fixture_last_report(f)->failures[0].reason, "failed without a reason");
}

static void an_exit_says_its_status(void **state)
{
    struct worker_fixture *f = *state;
    f->plan.plan.limits.attempts = 1;
    fixture_begin(f, 1);
    slot_dies(f, 0, (struct slot_death){.code = 3, .seq = 1, .offset = 0, .in_task = true});
    fixture_turn(f, 0);
    const struct msg_report *m = fixture_last_report(f);
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
    const struct msg_report *m = fixture_last_report(f);
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
    const struct msg_report *m = fixture_last_report(f);
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
    const struct msg_report *m = fixture_last_report(f);
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
    const struct msg_report *m = fixture_last_report(f);
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
        fixture_pass(f, 550);
        assert_int_equal(f->slots[0].starts, i + 1);
    }
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 6, .tail = "abort"});
    fixture_turn(f, 0);
    assert_string_equal(fixture_last_report(f)->broken,
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
    assert_string_equal(fixture_last_report(f)->broken, "plugin /fixture.so: died outside of its tasks (signal 11)");
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
    assert_int_equal(fixture_reported(f, &all), 10);
    intervals_finish(&all);
}

static void a_plugin_that_never_opens_is_killed_and_not_tried_again(void **state)
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
    slot_dies(f, 0, (struct slot_death){.by_signal = true, .code = 9, .tail = ""});
    fixture_turn(f, 0);
    assert_non_null(strstr(fixture_last_report(f)->broken, "killed after 20 s"));
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

static void a_worker_that_gets_no_slot_at_all_gives_up(void **state)
{
    struct worker_fixture *f = *state;
    f->cannot_start = true;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_plan(f, 1);
    fixture_grant(f, 1, 0, 10, 0);
    fixture_pass(f, 3000);
    assert_null(worker_trouble(f->worker));
    assert_false(worker_finished(f->worker));
    fixture_pass(f, 4000);
    assert_true(worker_finished(f->worker));
    assert_string_equal(worker_trouble(f->worker),
                        "no slot could be started, again and again; the line above says why");
}

static void a_plan_that_cannot_be_read_breaks_the_sweep(void **state)
{
    struct worker_fixture *f = *state;
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_grant(f, 1, 0, 10, 0);
    fixture_message(f, MSG_PLAN, &(struct msg_plan){1, {"xx", 2}});
    const struct msg_report *m = fixture_last_report(f);
    assert_true(m->closed && m->broken[0]);
}

/* ---- records and what is said beside them ---- */

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
    const struct msg_report *m = fixture_last_report(f);
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
    assert_int_equal(fixture_last_report(f)->n_groups, 0);
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
    fixture_pass(f, 550);
    const struct msg_report *m = fixture_last_report(f);
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
    fixture_pass(f, 550);
    const struct msg_report *m = fixture_last_report(f);
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
    assert_int_equal(fixture_reported(f, &all), 3);
    intervals_finish(&all);
}

#define WITH(setup_, test_) cmocka_unit_test_setup_teardown(test_, setup_, fixture_teardown)

static const struct CMUnitTest tests[] = {
    WITH(setup_one_slot, chunks_that_come_to_light_together_teach_nothing_wrong),
    WITH(setup_one_slot, a_crashed_task_is_tried_again_alone_on_a_fresh_slot),
    WITH(setup_two_slots, a_slot_that_has_worked_leaves_retries_to_a_fresh_one),
    WITH(setup_one_slot, what_a_dead_slot_had_before_it_goes_on_without_an_attempt),
    WITH(setup_one_slot, after_its_attempts_a_task_has_failed_with_its_reason),
    WITH(setup_one_slot, the_number_of_attempts_is_the_plans),
    WITH(setup_one_slot, an_error_of_the_plugin_is_final),
    WITH(setup_one_slot, an_error_without_words_has_some),
    WITH(setup_one_slot, an_exit_says_its_status),
    WITH(setup_one_slot, a_task_that_runs_too_long_is_killed_and_says_so),
    WITH(setup_one_slot, the_task_after_one_that_ran_too_long_pays_nothing),
    WITH(setup_one_slot, progress_keeps_a_slot_alive),
    WITH(setup_one_slot, waiting_for_a_cache_is_not_task_time),
    WITH(setup_one_slot, a_task_that_takes_too_much_memory_is_killed_and_says_so),
    WITH(setup_one_slot, a_plugin_that_says_why_it_cannot_be_opened_breaks_the_sweep),
    WITH(setup_one_slot, a_worker_that_gets_no_slot_at_all_gives_up),
    WITH(setup_one_slot, dying_at_open_is_tried_again_after_a_pause_and_then_breaks_the_sweep),
    WITH(setup_one_slot, dying_outside_of_tasks_again_and_again_breaks_the_sweep),
    WITH(setup_one_slot, a_slot_that_has_finished_tasks_may_die_between_them),
    WITH(setup_one_slot, a_plugin_that_never_opens_is_killed_and_not_tried_again),
    WITH(setup_one_slot, a_process_that_cannot_be_started_is_tried_again_later),
    WITH(setup_one_slot, a_plan_that_cannot_be_read_breaks_the_sweep),
    WITH(setup_one_slot, groups_travel_with_the_task_that_made_them),
    WITH(setup_one_slot, groups_of_a_failed_task_are_dropped),
    WITH(setup_one_slot, many_side_entries_find_their_tasks),
    WITH(setup_one_slot, log_lines_know_their_task),
    WITH(setup_one_slot, output_is_cut_into_lines),
    WITH(setup_one_slot, records_beyond_what_was_ordered_cost_the_slot),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
