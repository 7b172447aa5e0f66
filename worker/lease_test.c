/* SPDX-License-Identifier: MIT
 *
 * Tests of lease: each position leaves it once, whatever is taken, put back, tried again or cut in between.
 */
#include "worker/lease.h"

#include "common/mem_fail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const uint8_t done[64] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const double scores[64];

static int setup(void **state)
{
    *state = lease_create(7, NULL, 100, 120, 0);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    lease_destroy(*state);
    return 0;
}

static void finish(struct wlease *l, uint64_t first, uint64_t n)
{
    assert_int_equal(lease_finish(l, first, n, done, scores, 1, 5), 0);
}

static void a_new_lease_has_all_of_its_range_to_do(void **state)
{
    const struct wlease *l = *state;
    assert_true(l->id == 7 && l->from == 100 && l->to == 120 && l->granted_to == 120);
    assert_int_equal(l->todo.count, 20);
    assert_int_equal(l->pending.count, 20);
    assert_false(l->closed);
}

static void positions_are_taken_from_the_front(void **state)
{
    struct wlease *l = *state;
    uint64_t first = 0;
    assert_int_equal(lease_take(l, 8, &first), 8);
    assert_int_equal(first, 100);
    assert_int_equal(lease_take(l, 100, &first), 12);
    assert_int_equal(first, 108);
    assert_int_equal(lease_take(l, 1, &first), 0);
    assert_int_equal(l->todo.count, 20); /* taken is not finished */
}

static void taking_nothing_gives_nothing(void **state)
{
    uint64_t first;
    assert_int_equal(lease_take(*state, 0, &first), 0);
}

static void what_is_put_back_can_be_taken_again(void **state)
{
    struct wlease *l = *state;
    uint64_t first;
    lease_take(l, 20, &first);
    assert_int_equal(lease_put_back(l, 105, 110), 0);
    assert_int_equal(lease_take(l, 20, &first), 5);
    assert_int_equal(first, 105);
}

static void finished_positions_are_not_put_back(void **state)
{
    struct wlease *l = *state;
    uint64_t first;
    lease_take(l, 20, &first);
    finish(l, 104, 2);
    assert_int_equal(lease_put_back(l, 103, 108), 0);
    assert_int_equal(l->pending.count, 3);
    assert_false(intervals_has(&l->pending, 104) || intervals_has(&l->pending, 105));
}

static void a_position_counts_once_whoever_finishes_it_again(void **state)
{
    struct wlease *l = *state;
    finish(l, 103, 4);
    finish(l, 100, 10);
    assert_int_equal(l->todo.count, 10);
    uint64_t n = 0;
    for (uint32_t i = 0; i < l->findings.n_runs; i++)
        n += l->findings.runs[i].n;
    assert_int_equal(n, 10);
}

static void results_outside_of_the_lease_are_dropped(void **state)
{
    struct wlease *l = *state;
    finish(l, 90, 10);
    finish(l, 120, 3);
    assert_int_equal(l->findings.n_runs, 0);
    assert_int_equal(l->findings.since, 0);
    finish(l, 118, 6);
    assert_int_equal(l->findings.runs[0].n, 2);
}

static void the_first_finding_starts_the_clock(void **state)
{
    struct wlease *l = *state;
    lease_finish(l, 100, 1, done, scores, 1, 11);
    lease_finish(l, 101, 1, done, scores, 1, 22);
    assert_int_equal(l->findings.since, 11);
}

static void retries_come_in_the_order_they_went(void **state)
{
    struct wlease *l = *state;
    struct retry r;
    lease_retry(l, 105, 1);
    lease_retry(l, 103, 2);
    assert_true(lease_take_retry(l, &r));
    assert_true(r.position == 105 && r.attempts == 1);
    assert_true(lease_take_retry(l, &r));
    assert_true(r.position == 103 && r.attempts == 2);
    assert_false(lease_take_retry(l, &r));
}

static void a_retry_whose_position_has_finished_is_passed_over(void **state)
{
    struct wlease *l = *state;
    struct retry r;
    lease_retry(l, 105, 1);
    lease_retry(l, 106, 1);
    finish(l, 105, 1);
    assert_true(lease_take_retry(l, &r));
    assert_int_equal(r.position, 106);
}

/* One of its two runs died and was put back, then the other one ended. */
static void what_a_second_run_has_finished_is_not_handed_out_again(void **state)
{
    struct wlease *l = *state;
    uint64_t first;
    assert_int_equal(lease_take(l, 20, &first), 20);
    intervals_add(&l->doubled, 105, 106);
    lease_put_back(l, 105, 106);
    finish(l, 105, 1);
    assert_int_equal(lease_take(l, 20, &first), 0);
}

static void two_runs_that_die_are_one_retry(void **state)
{
    struct wlease *l = *state;
    struct retry r;
    intervals_add(&l->doubled, 105, 106);
    lease_retry(l, 104, 1);
    lease_retry(l, 105, 2);
    lease_retry(l, 105, 1);
    assert_int_equal(l->n_retries, 2);
    assert_true(lease_take_retry(l, &r) && lease_take_retry(l, &r));
    assert_true(r.position == 105 && r.attempts == 2);
}

static void retries_need_no_more_memory_than_wait_at_once(void **state)
{
    struct wlease *l = *state;
    struct retry r;
    for (uint32_t i = 0; i < 10000; i++) {
        lease_retry(l, 100 + i % 20, i);
        lease_retry(l, 100 + i % 20, i);
        assert_true(lease_take_retry(l, &r) && lease_take_retry(l, &r));
        assert_int_equal(r.attempts, i);
    }
    lease_retry(l, 100, 1);
    for (uint32_t i = 0; i < 10000; i++) { /* never quite empty */
        lease_retry(l, 101, 1);
        assert_true(lease_take_retry(l, &r));
    }
    assert_true(l->cap_retries <= 16);
}

static void a_cut_gives_up_what_no_slot_has(void **state)
{
    struct wlease *l = *state;
    uint64_t first;
    lease_take(l, 12, &first); /* 100 .. 112 are in slots */
    assert_int_equal(lease_cut(l, 110), 0);
    assert_int_equal(l->todo.count, 12);
    assert_int_equal(l->pending.count, 0);
    assert_true(intervals_has_all(&l->todo, 100, 112));
}

static void a_cut_gives_up_retries_beyond_it(void **state)
{
    struct wlease *l = *state;
    uint64_t first;
    struct retry r;
    lease_take(l, 20, &first);
    lease_retry(l, 115, 1);
    lease_retry(l, 104, 1);
    assert_true(lease_take_retry(l, &r)); /* 115 runs; the other one waits */
    lease_retry(l, 116, 1);
    assert_int_equal(lease_cut(l, 110), 0);
    assert_true(intervals_has(&l->todo, 115) && !intervals_has(&l->todo, 116));
    assert_true(lease_take_retry(l, &r));
    assert_int_equal(r.position, 104);
    assert_false(lease_take_retry(l, &r));
}

static void without_memory_there_is_no_lease(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        mem_fail_after(n);
        struct wlease *l = lease_create(1, NULL, 0, 10, 0);
        mem_fail_end();
        assert_null(l);
    }
}

static void without_memory_nothing_is_lost(void **state)
{
    struct wlease *l = *state;
    uint64_t first;
    for (uint64_t at = 100; at < 116; at += 2) /* eight pieces: the next one needs room */
        finish(l, at, 1);
    mem_fail_after(0);
    int err = lease_finish(l, 117, 1, done, scores, 1, 5);
    mem_fail_end();
    assert_int_equal(err, SHEAF_ENOMEM);
    assert_true(intervals_has(&l->todo, 117));
    assert_int_equal(lease_take(l, 1, &first), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_lease_has_all_of_its_range_to_do, setup, teardown),
        cmocka_unit_test_setup_teardown(positions_are_taken_from_the_front, setup, teardown),
        cmocka_unit_test_setup_teardown(taking_nothing_gives_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_put_back_can_be_taken_again, setup, teardown),
        cmocka_unit_test_setup_teardown(finished_positions_are_not_put_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_position_counts_once_whoever_finishes_it_again, setup, teardown),
        cmocka_unit_test_setup_teardown(results_outside_of_the_lease_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_finding_starts_the_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(retries_come_in_the_order_they_went, setup, teardown),
        cmocka_unit_test_setup_teardown(a_retry_whose_position_has_finished_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_second_run_has_finished_is_not_handed_out_again, setup, teardown),
        cmocka_unit_test_setup_teardown(two_runs_that_die_are_one_retry, setup, teardown),
        cmocka_unit_test_setup_teardown(retries_need_no_more_memory_than_wait_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_gives_up_what_no_slot_has, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_gives_up_retries_beyond_it, setup, teardown),
        cmocka_unit_test(without_memory_there_is_no_lease),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_lost, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
