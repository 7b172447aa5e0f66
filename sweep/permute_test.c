/* SPDX-License-Identifier: MIT
 *
 * Tests of permute: a bijection for every n, its inverse, its dependence on the seed, golden values.
 */
#include "sweep/permute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

static void is_a_bijection_for_every_small_n(void **state)
{
    (void)state;
    static bool seen[1100];
    for (uint64_t n = 1; n <= 1100; n += n < 70 ? 1 : 103) {
        struct permute p;
        permute_init(&p, n, 42, 0);
        memset(seen, 0, sizeof(seen));
        for (uint64_t i = 0; i < n; i++) {
            uint64_t j = permute_at(&p, i);
            assert_true(j < n && !seen[j]);
            seen[j] = true;
            assert_true(permute_inverse(&p, j) == i);
        }
    }
}

static void inverts_for_the_largest_n(void **state)
{
    (void)state;
    struct permute p;
    permute_init(&p, UINT64_MAX, 7, 0);
    for (uint64_t i = UINT64_MAX - 1000; i < UINT64_MAX; i++)
        assert_true(permute_inverse(&p, permute_at(&p, i)) == i);
}

static void depends_on_seed_and_which(void **state)
{
    (void)state;
    struct permute p, q, r;
    permute_init(&p, 1000, 0, 0);
    permute_init(&q, 1000, 1, 0);
    permute_init(&r, 1000, 0, 1);
    int same_q = 0, same_r = 0, fixed = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        same_q += permute_at(&p, i) == permute_at(&q, i);
        same_r += permute_at(&p, i) == permute_at(&r, i);
        fixed += permute_at(&p, i) == i;
    }
    assert_true(same_q < 10 && same_r < 10 && fixed < 10);
}

static void gives_the_documented_values(void **state)
{
    (void)state;
    static const uint64_t ten[10] = {7, 8, 4, 1, 0, 5, 2, 6, 3, 9};
    struct permute p;
    permute_init(&p, 10, 0, 0);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(permute_at(&p, i), ten[i]);
    permute_init(&p, 1000000007, 123456789, 0);
    assert_int_equal(permute_at(&p, 0), 471659636);
    assert_int_equal(permute_at(&p, 1000000006), 980043905);
    permute_init(&p, UINT64_MAX, 7, 0);
    assert_true(permute_at(&p, ((uint64_t)1 << 63) + 5) == 11653157335922683173u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_bijection_for_every_small_n),
        cmocka_unit_test(inverts_for_the_largest_n),
        cmocka_unit_test(depends_on_seed_and_which),
        cmocka_unit_test(gives_the_documented_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
