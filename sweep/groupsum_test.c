/* SPDX-License-Identifier: MIT
 *
 * Tests of groupsum: sums in the order of the calls, names in bytewise order, empty and long names, many groups.
 */
#include "sweep/groupsum.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void add(struct groupsum *g, const char *name, double a, double b)
{
    const double values[] = {a, b};
    assert_int_equal(groupsum_add(g, name, strlen(name), values), 0);
}

static void rows_are_added_up_by_name(void **state)
{
    (void)state;
    struct groupsum g = {.n_values = 2};
    assert_null(groupsum_sorted(&g));
    add(&g, "b", 1, -0.0);
    add(&g, "a", 5, 1);
    add(&g, "b", 1e16, 2); /* from left to right: the 1 is lost */
    add(&g, "b", -1e16, 3);
    add(&g, "", (double)NAN, 4);
    assert_true(groupsum_count(&g) == 3 && groupsum_bytes(&g) == 5 + 6 * sizeof(double));
    assert_string_equal(groupsum_at(&g, 0).name, "b");
    assert_true(groupsum_at(&g, 0).sums[0] == 0 && groupsum_at(&g, 0).sums[1] == 5);
    struct groupsum_row *rows = groupsum_sorted(&g);
    assert_non_null(rows);
    assert_true(!strcmp(rows[0].name, "") && !strcmp(rows[1].name, "a") && !strcmp(rows[2].name, "b"));
    assert_true(isnan(rows[0].sums[0]) && rows[0].sums[1] == 4 && rows[1].sums[0] == 5);
    free(rows);
    groupsum_finish(&g);
}

static void a_sum_begins_with_zero(void **state)
{
    (void)state;
    struct groupsum g = {.n_values = 2};
    for (int round = 0; round < 2; round++) { /* not with what was there before, either */
        add(&g, "a", -0.0, 3);
        assert_false(signbit(groupsum_at(&g, 0).sums[0]));
        assert_true(groupsum_at(&g, 0).sums[1] == 3);
        groupsum_clear(&g);
        assert_int_equal(groupsum_count(&g), 0);
    }
    groupsum_finish(&g);
}

static void many_groups_are_kept_apart(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct groupsum g = {.n_values = 2};
    char name[16];
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < N; i++) {
            snprintf(name, sizeof(name), "%05d", (i * 7919) % N);
            add(&g, name, (i * 7919) % N, 1);
        }
    struct groupsum_row *rows = groupsum_sorted(&g);
    assert_int_equal(groupsum_count(&g), N);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "%05d", i);
        assert_string_equal(rows[i].name, name);
        assert_true(rows[i].sums[0] == 3 * i && rows[i].sums[1] == 3);
    }
    free(rows);
    groupsum_clear(&g); /* gives much memory back */
    assert_null(g.sums);
    add(&g, "again", 1, 2);
    assert_true(groupsum_at(&g, 0).sums[1] == 2);
    groupsum_finish(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_added_up_by_name),
        cmocka_unit_test(a_sum_begins_with_zero),
        cmocka_unit_test(many_groups_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
