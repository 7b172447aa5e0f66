/* SPDX-License-Identifier: MIT
 *
 * Tests of philox: Random123's known answers, sheaf's layout, the two ways to make a number of a block.
 */
#include "sweep/philox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void check(const uint32_t counter[4], const uint32_t key[2], const uint32_t want[4])
{
    struct philox_block b = philox4x32(counter, key);
    for (int i = 0; i < 4; i++)
        assert_int_equal(b.w[i], want[i]);
}

static void gives_the_known_answers_of_random123(void **state)
{
    (void)state;
    check((uint32_t[4]){0, 0, 0, 0}, (uint32_t[2]){0, 0},
          (uint32_t[4]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    check((uint32_t[4]){0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, (uint32_t[2]){0xffffffff, 0xffffffff},
          (uint32_t[4]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    check((uint32_t[4]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, (uint32_t[2]){0xa4093822, 0x299f31d0},
          (uint32_t[4]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

static void a_draw_lays_out_seed_number_stream_and_attempt(void **state)
{
    (void)state;
    struct philox_block b = philox_draw(0x299f31d0a4093822u, 0x85a308d3243f6a88u, 0x13198a2eu, 0x03707344u);
    assert_int_equal(b.w[0], 0xd16cfe09);
    assert_true(philox_low(b) == 0x94fdccebd16cfe09u);
    assert_true(philox_high(b) == 0x24126ea15001e420u);
}

static void unit_lies_in_zero_to_one(void **state)
{
    (void)state;
    assert_true(philox_unit((struct philox_block){{0, 0, 1, 1}}) == 0);
    assert_true(philox_unit((struct philox_block){{0xffffffff, 0xffffffff, 0, 0}}) == 1 - 0x1p-53);
    assert_true(philox_unit((struct philox_block){{0x7ff, 0x80000000, 0, 0}}) == 0.5);
}

static void below_scales_the_whole_block(void **state)
{
    (void)state;
    struct philox_block most = {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}}, half = {{0, 0, 0, 0x80000000}};
    assert_true(philox_below(most, UINT64_MAX) == UINT64_MAX - 1);
    assert_true(philox_below(most, 1) == 0);
    assert_true(philox_below(half, 10) == 5);
    struct philox_block carry = {{0xffffffff, 0xffffffff, 0x99999999, 0x19999999}};
    assert_true(philox_below(carry, 10) == 1);
    carry.w[1] = 0;
    assert_true(philox_below(carry, 10) == 0);
    assert_true(philox_below((struct philox_block){{0xffffffff, 0xffffffff, 0xffffffff, 0x7fffffff}}, 10) == 4);
}

static void below_is_uniform(void **state)
{
    (void)state;
    uint32_t counts[7] = {0};
    for (uint32_t i = 0; i < 70000; i++)
        counts[philox_below(philox_draw(1, i, PHILOX_PARAM, 0), 7)]++;
    for (int i = 0; i < 7; i++) /* 10,000 expected, standard deviation 93 */
        assert_in_range(counts[i], 9500, 10500);
}

static void several_draws_at_once_are_the_same_draws(void **state)
{
    (void)state;
    const uint64_t firsts[] = {0, 1, UINT32_MAX - 1, (uint64_t)7 << 40, UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        uint64_t seed = firsts[i] * 0x9e3779b97f4a7c15u + 3, lows[PHILOX_LANES];
        philox_lows(seed, firsts[i], PHILOX_PARAM + 5, lows);
        for (uint64_t k = 0; k < PHILOX_LANES; k++)
            assert_true(lows[k] == philox_low(philox_draw(seed, firsts[i] + k, PHILOX_PARAM + 5, 0)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_known_answers_of_random123),
        cmocka_unit_test(a_draw_lays_out_seed_number_stream_and_attempt),
        cmocka_unit_test(unit_lies_in_zero_to_one),
        cmocka_unit_test(below_scales_the_whole_block),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(several_draws_at_once_are_the_same_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
