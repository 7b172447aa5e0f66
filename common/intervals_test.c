/* SPDX-License-Identifier: MIT */
#include "common/intervals.h"
#include "common/err.h"
#include "common/mem_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SPACE 200u    /* small, so that random ranges touch, overlap and split all the time */
#define ROUNDS 20000u /* of one seed */

/* splitmix64 */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void random_range(uint64_t *seed, uint64_t *from, uint64_t *to)
{
    *from = next_random(seed) % (SPACE + 1);
    *to = *from + next_random(seed) % 12; /* may be empty */
    if (next_random(seed) % 32 == 0)
        *to = *from + next_random(seed) % SPACE;
    if (*to > SPACE)
        *to = SPACE;
}

static void assert_well_formed(const struct intervals *s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < s->n; i++) {
        assert_true(s->at[i].from < s->at[i].to);
        assert_true(i == 0 || s->at[i - 1].to < s->at[i].from);
        count += s->at[i].to - s->at[i].from;
    }
    assert_true(s->count == count);
    assert_true(s->n <= s->cap);
}

static void assert_same(const struct intervals *s, const bool map[SPACE])
{
    assert_well_formed(s);
    for (uint64_t p = 0; p < SPACE; p++)
        assert_int_equal(intervals_has(s, p), map[p]);
}

/* The first maximal run of `value` in map[from, to). */
static bool naive_next(const bool map[SPACE], bool value, uint64_t from, uint64_t to, struct interval *out)
{
    while (from < to && map[from] != value)
        from++;
    if (from >= to)
        return false;
    out->from = from;
    while (from < to && map[from] == value)
        from++;
    out->to = from;
    return true;
}

static void assert_queries(const struct intervals *s, const bool map[SPACE], uint64_t from, uint64_t to)
{
    uint64_t count = 0;
    for (uint64_t p = from; p < to; p++)
        count += map[p];
    assert_true(intervals_count_in(s, from, to) == count);
    assert_int_equal(intervals_has_all(s, from, to), from >= to || count == to - from);
    struct interval want = {0, 0}, got = {0, 0};
    assert_int_equal(intervals_next_in(s, from, to, &got), naive_next(map, true, from, to, &want));
    assert_memory_equal(&got, &want, sizeof(got));
    got = want = (struct interval){0, 0};
    assert_int_equal(intervals_next_gap(s, from, to, &got), naive_next(map, false, from, to, &want));
    assert_memory_equal(&got, &want, sizeof(got));
}

static void fill(bool map[SPACE], uint64_t from, uint64_t to, bool value)
{
    for (uint64_t p = from; p < to; p++)
        map[p] = value;
}

static void random_operations_equal_a_bitmap(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t random = seed, from, to;
        struct intervals s = {0};
        bool map[SPACE] = {false};
        for (unsigned i = 0; i < ROUNDS; i++) {
            random_range(&random, &from, &to);
            bool add = next_random(&random) % 2 == 0;
            assert_int_equal(add ? intervals_add(&s, from, to) : intervals_remove(&s, from, to), 0);
            fill(map, from, to, add);
            assert_same(&s, map);
            random_range(&random, &from, &to);
            assert_queries(&s, map, from, to);
        }
        intervals_finish(&s);
    }
}

static void random_set(struct intervals *s, bool map[SPACE], uint64_t *random)
{
    uint64_t from, to, n = next_random(random) % 30;
    for (uint64_t i = 0; i < n; i++) {
        random_range(random, &from, &to);
        assert_int_equal(intervals_add(s, from, to), 0);
        fill(map, from, to, true);
    }
}

static void unions_and_differences_equal_a_bitmap(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (unsigned i = 0; i < 2000; i++) {
        struct intervals a = {0}, b = {0};
        bool map_a[SPACE] = {false}, map_b[SPACE] = {false};
        random_set(&a, map_a, &random);
        random_set(&b, map_b, &random);
        bool add = i % 2 == 0;
        assert_int_equal(add ? intervals_add_all(&a, &b) : intervals_remove_all(&a, &b), 0);
        for (unsigned p = 0; p < SPACE; p++)
            map_a[p] = add ? map_a[p] || map_b[p] : map_a[p] && !map_b[p];
        assert_same(&a, map_a);
        assert_same(&b, map_b);
        intervals_finish(&a);
        intervals_finish(&b);
    }
}

static void a_set_can_be_added_to_and_removed_from_itself(void **state)
{
    (void)state;
    struct intervals s = {0};
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(intervals_add(&s, 10 * i, 10 * i + 3), 0);
    assert_int_equal(intervals_add_all(&s, &s), 0);
    assert_int_equal(s.n, 20);
    assert_well_formed(&s);
    assert_int_equal(intervals_remove_all(&s, &s), 0);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.count, 0);
    intervals_finish(&s);
}

static void the_last_positions_do_not_overflow(void **state)
{
    (void)state;
    struct intervals s = {0};
    struct interval piece;
    assert_int_equal(intervals_add(&s, 0, UINT64_MAX), 0);
    assert_true(s.count == UINT64_MAX);
    assert_true(intervals_has(&s, UINT64_MAX - 1));
    assert_false(intervals_has(&s, UINT64_MAX));
    assert_false(intervals_next_gap(&s, 0, UINT64_MAX, &piece));
    assert_int_equal(intervals_remove(&s, 1, UINT64_MAX - 1), 0);
    assert_int_equal(s.n, 2);
    assert_true(s.count == 2);
    assert_true(intervals_next_in(&s, 1, UINT64_MAX, &piece));
    assert_true(piece.from == UINT64_MAX - 1 && piece.to == UINT64_MAX);
    intervals_finish(&s);
}

static void empty_and_reversed_ranges_change_nothing(void **state)
{
    (void)state;
    struct intervals s = {0};
    struct interval piece;
    assert_int_equal(intervals_add(&s, 5, 5), 0);
    assert_int_equal(intervals_add(&s, 6, 5), 0);
    assert_int_equal(intervals_remove(&s, 6, 5), 0);
    assert_int_equal(intervals_remove(&s, 0, 100), 0);
    assert_null(s.at);
    assert_int_equal(intervals_count_in(&s, 9, 3), 0);
    assert_true(intervals_has_all(&s, 3, 3));
    assert_false(intervals_next_in(&s, 0, 9, &piece));
    assert_false(intervals_next_gap(&s, 9, 9, &piece));
    intervals_finish(&s);
}

static void without_memory_the_set_is_unchanged(void **state)
{
    (void)state;
    struct intervals s = {0};
    assert_int_equal(intervals_add(&s, 0, 1), 0);
    while (s.n < s.cap)
        assert_int_equal(intervals_add(&s, 10 * s.n, 10 * s.n + 5), 0);
    size_t n = s.n;
    uint64_t count = s.count;
    mem_fail_after(0);
    int add = intervals_add(&s, 1000, 1001), split = intervals_remove(&s, 12, 13), merge = intervals_add(&s, 15, 20);
    mem_fail_end();
    assert_int_equal(add, SHEAF_ENOMEM);
    assert_int_equal(split, SHEAF_ENOMEM);
    assert_int_equal(merge, 0); /* needs no room */
    assert_int_equal(s.n, n - 1);
    assert_true(s.count == count + 5);
    assert_well_formed(&s);
    intervals_finish(&s);
}

static void many_holes_merge_in_linear_time(void **state)
{
    (void)state;
    /* 200,000 holes: a splice for each would move 10^10 ranges. */
    const uint64_t holes = 200000;
    struct intervals even = {0}, odd = {0};
    for (uint64_t i = 0; i < holes; i++) {
        assert_int_equal(intervals_add(&even, 4 * i, 4 * i + 1), 0);
        assert_int_equal(intervals_add(&odd, 4 * i + 2, 4 * i + 3), 0);
    }
    assert_int_equal(intervals_add_all(&even, &odd), 0);
    assert_int_equal(even.n, 2 * holes);
    assert_int_equal(intervals_remove_all(&even, &odd), 0);
    assert_int_equal(even.n, holes);
    assert_true(even.count == holes);
    assert_well_formed(&even);
    intervals_finish(&even);
    intervals_finish(&odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_equal_a_bitmap),
        cmocka_unit_test(unions_and_differences_equal_a_bitmap),
        cmocka_unit_test(a_set_can_be_added_to_and_removed_from_itself),
        cmocka_unit_test(the_last_positions_do_not_overflow),
        cmocka_unit_test(empty_and_reversed_ranges_change_nothing),
        cmocka_unit_test(without_memory_the_set_is_unchanged),
        cmocka_unit_test(many_holes_merge_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
