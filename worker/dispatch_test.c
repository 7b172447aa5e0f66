/* SPDX-License-Identifier: MIT
 *
 * Tests of dispatch: which slot is given what, how much, and when a task runs a second time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/worker_fixture.h"

#include <string.h>

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
    assert_int_equal(fixture_reported(f, &all), 1000);
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
    assert_int_equal(fixture_reported(f, &all), 1000);
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
        fixture_turn(f, 10 * (int64_t)n);
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
    assert_int_equal(fixture_reported(f, &all), 40);
    intervals_finish(&all);
}

/* A slot runs foreign code: what its page says may be anything. */
static void a_slot_that_says_it_is_far_beyond_its_chunk_is_not_believed(void **state)
{
    struct worker_fixture *f = *state;
    fixture_begin(f, 21);
    for (int i = 0; i < 2; i++) { /* of one task and of four, ten milliseconds each */
        uint32_t n = slot_chunk(f, 0)->count;
        fixture_turn(f, 10 * (int64_t)n);
        slot_tell(f, 0, n, 1);
        fixture_turn(f, 0);
    }
    uint64_t first, rest = lease_take(worker_lease(f->worker, 1, 1), 1000, &first);
    slot_tell(f, 0, slot_chunk(f, 0)->count, 1);
    uint32_t told = slot_chunk(f, 0)->count - 1;
    slot_tell(f, 0, told, 1);
    slot_runs(f, 0, UINT32_MAX);
    f->slots[0].claimed = 0;
    slot_ready(f, 1);
    fixture_turn(f, 10);
    assert_int_equal(f->worker->slots[0].q[0].end, told + 1); /* the last task is its own: it runs */
    lease_put_back(worker_lease(f->worker, 1, 1), first, first + rest);
    struct intervals all = {0};
    fixture_work_off(f);
    assert_int_equal(fixture_reported(f, &all), 21);
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
    assert_int_equal(fixture_reported(f, &all), 2);
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

#define WITH(setup_, test_) cmocka_unit_test_setup_teardown(test_, setup_, fixture_teardown)

static const struct CMUnitTest tests[] = {
    WITH(setup_one_slot, the_first_chunk_is_one_task_and_chunks_grow_fourfold),
    WITH(setup_one_slot, chunks_hold_about_fifty_milliseconds),
    WITH(setup_one_slot, a_slot_has_one_chunk_in_work_and_one_waiting),
    WITH(setup_two_slots, every_position_is_reported_once),
    WITH(setup_many_slots, sixty_four_slots_share_a_lease),
    WITH(setup_two_slots, few_quick_tasks_are_not_worth_a_second_slot),
    WITH(setup_many_slots, a_plugin_with_threads_gets_fewer_slots),
    WITH(setup_two_slots, an_idle_slot_takes_half_of_what_the_busiest_has_to_spare),
    WITH(setup_two_slots, a_slot_that_says_it_is_far_beyond_its_chunk_is_not_believed),
    WITH(setup_two_slots, a_task_that_takes_strangely_long_runs_a_second_time),
    WITH(setup_two_slots, the_slower_of_two_runs_is_stopped_and_counts_nothing),
    WITH(setup_two_slots, a_task_runs_a_second_time_once_only),
    WITH(setup_one_slot, second_looks_run_on_slots_started_for_them),
    WITH(setup_one_slot, a_retry_of_a_second_look_gets_a_slot_of_its_kind),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
