/* SPDX-License-Identifier: MIT
 *
 * "*" in a descriptor becomes the arrays of the dataset.
 */
#include "sweep/planarrays.h"
#include "sheaf/plugin.h"
#include "sweep/sweepfile_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct arena arena;
static struct diag diag;
static char said[512];

/* The arrays of a plugin that asks for `n` entries of `asked`, as "name:row axis ..." */
static const char *expand(struct plan_array *asked, uint32_t n, enum fixture_data which)
{
    struct plan_plugin p = {.name = "p", .arrays = asked, .n_arrays = n};
    size_t at = 0;
    said[0] = '\0';
    assert_int_equal(planarrays_expand(&p, fixture_sources(which, ""), &arena, &diag), 0);
    for (uint32_t i = 0; i < p.n_arrays; i++)
        at += (size_t)snprintf(said + at, sizeof said - at, "%s%s:%s", i ? " " : "", p.arrays[i].name,
                               p.arrays[i].row_axis);
    return said;
}

static void every_array_is_put_in_the_place_of_the_star(void **state)
{
    (void)state;
    struct plan_array star[] = {{.name = "*", .row_axis = "", .required = true}};
    assert_string_equal(expand(star, 1, DATA_NO_RETURNS), "factors:");
    assert_string_equal(expand(star, 1, DATA_NONE), "");
    struct plan_array both[] = {{.name = "names", .row_axis = ""}, {.name = "*", .row_axis = "row"}};
    assert_string_equal(expand(both, 2, DATA_GOOD), "names: factors:row returns:row regime:row");
}

static void a_plugin_that_names_its_arrays_is_left_alone(void **state)
{
    (void)state;
    struct plan_array named[] = {{.name = "other", .row_axis = "row"}};
    assert_string_equal(expand(named, 1, DATA_GOOD), "other:row");
}

static void arrays_of_other_lengths_have_no_row_axis(void **state)
{
    (void)state;
    struct plan_array star[] = {{.name = "*", .row_axis = "row"}};
    assert_string_equal(expand(star, 1, DATA_GOOD), "factors: returns: regime: names:");
    assert_string_equal(expand(star, 1, DATA_NO_RETURNS), "factors:row");
    struct plan_array named[] = {{.name = "regime", .row_axis = "row"}, {.name = "*", .row_axis = ""}};
    assert_string_equal(expand(named, 2, DATA_GOOD), "regime:row factors: returns: names:");
}

static void more_arrays_than_a_plugin_may_have_are_refused(void **state)
{
    (void)state;
    static struct plan_array many[PLAN_MAX_PARAMS];
    for (uint32_t i = 0; i < PLAN_MAX_PARAMS; i++)
        many[i] = (struct plan_array){.name = i ? "x" : "*", .row_axis = ""};
    struct plan_plugin p = {.name = "p", .arrays = many, .n_arrays = PLAN_MAX_PARAMS};
    assert_int_equal(planarrays_expand(&p, fixture_sources(DATA_GOOD, ""), &arena, &diag), SHEAF_EINVAL);
    assert_non_null(strstr(diag.text, "the data has 4 arrays, and p asks for all of them"));
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_array_is_put_in_the_place_of_the_star),
        cmocka_unit_test(a_plugin_that_names_its_arrays_is_left_alone),
        cmocka_unit_test(arrays_of_other_lengths_have_no_row_axis),
        cmocka_unit_test(more_arrays_than_a_plugin_may_have_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
