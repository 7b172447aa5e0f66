/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/dataset.h"
#include "data/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEAR "/tmp/sheaf-order"

static void ordinals_sort_as_values_do(void **state)
{
    static double floats[] = {-INFINITY, -1e308, -1.0, -5e-324, 0.0, 5e-324, 1.0, INFINITY, NAN};
    static int64_t ints[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    static int32_t days[] = {INT32_MIN, -1, 0, INT32_MAX};
    struct column f = {.dtype = SHEAF_DT_F64, .data = floats}, i = {.dtype = SHEAF_DT_I64, .data = ints};
    struct column day = {.dtype = SHEAF_DT_DATE, .data = days};
    double zeros[] = {-0.0, 0.0, -NAN, NAN};
    struct column z = {.dtype = SHEAF_DT_F64, .data = zeros};
    (void)state;
    for (uint64_t k = 1; k < sizeof floats / sizeof floats[0]; k++)
        assert_true(order_ordinal(&f, k - 1) < order_ordinal(&f, k));
    for (uint64_t k = 0; k < 5; k++) {
        assert_true(k == 0 || order_ordinal(&i, k - 1) < order_ordinal(&i, k));
        assert_true(order_value(order_ordinal(&i, k)) == ints[k]);
    }
    for (uint64_t k = 0; k < 4; k++) {
        assert_true(k == 0 || order_ordinal(&day, k - 1) < order_ordinal(&day, k));
        assert_true(order_value(order_ordinal(&day, k)) == days[k]);
    }
    assert_true(order_ordinal(&z, 0) == order_ordinal(&z, 1));
    assert_true(order_ordinal(&z, 2) == order_ordinal(&z, 3));
}

/* Keys that repeat, in no order. */
static struct frame shuffled(int64_t *keys, uint64_t n)
{
    uint64_t x = 99;

    for (uint64_t i = 0; i < n; i++) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        keys[i] = (int64_t)(x >> 33) % 50 - 25;
    }
    return (struct frame){.rows = n, .near = NEAR};
}

static void rows_are_sorted_stably_at_every_length(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 200; n++) {
        int64_t keys[200];
        struct frame f = shuffled(keys, n);
        struct column key = {.dtype = SHEAF_DT_I64, .data = keys};
        struct order o;
        assert_int_equal(order_make(&f, &key, NULL, &o, NULL), 0);
        for (uint64_t i = 1; i < n; i++) {
            int64_t before = keys[o.rows[i - 1].row], here = keys[o.rows[i].row];
            assert_true(before < here || (before == here && o.rows[i - 1].row < o.rows[i].row));
        }
        order_finish(&o);
    }
}

static void a_sorted_table_is_not_moved(void **state)
{
    int64_t keys[] = {1, 1, 2, 3}, by[] = {5, 6, 1, 1}, other[] = {6, 5, 1, 1};
    struct frame f = {.rows = 4, .near = NEAR};
    struct column key = {.dtype = SHEAF_DT_I64, .data = keys}, good = {.dtype = SHEAF_DT_I64, .data = by};
    struct column bad = {.dtype = SHEAF_DT_I64, .data = other};
    struct order o;
    (void)state;
    assert_int_equal(order_make(&f, &key, &good, &o, NULL), 0);
    assert_false(o.moved);
    order_finish(&o);
    assert_int_equal(order_make(&f, &key, &bad, &o, NULL), 0);
    assert_true(o.moved);
    order_finish(&o);
}

static void blocks_put_every_row_in_its_place(void **state)
{
    enum { N = 1000 };
    (void)state;
    for (uint64_t least = 1; least <= (uint64_t)2 * N; least = least * 3 + 1) {
        int64_t keys[N], expected[N], got[N];
        struct frame f = shuffled(keys, N);
        struct column key = {.dtype = SHEAF_DT_I64, .data = keys};
        struct order o;
        assert_int_equal(order_make(&f, &key, NULL, &o, NULL), 0);
        for (uint64_t i = 0; i < N; i++)
            expected[i] = (int64_t)o.rows[i].row;
        assert_int_equal(order_cut(&o, least, NEAR, NULL), 0);
        assert_true(o.block >= least && o.block >= N / 64);
        memset(got, 0xFF, sizeof got);
        for (uint64_t i = 0; i < N; i++) {
            uint64_t from = i / o.block * o.block;
            assert_true(i == from || o.rows[i - 1].row < o.rows[i].row);
            got[from + o.rows[i].order] = (int64_t)o.rows[i].row;
        }
        assert_memory_equal(got, expected, sizeof got);
        order_finish(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinals_sort_as_values_do),
        cmocka_unit_test(rows_are_sorted_stably_at_every_length),
        cmocka_unit_test(a_sorted_table_is_not_moved),
        cmocka_unit_test(blocks_put_every_row_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
