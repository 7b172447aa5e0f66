/* SPDX-License-Identifier: MIT
 *
 * Every rule for what a plugin may say of itself: one thing wrong at a time.
 */
#include "worker/descriptor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NO_LIMITS .min = 1, .max = 0

static const char *const colours[] = {"red", "green"};
static struct arena arena;
static struct diag diag;
static struct plan_plugin out;

/* A descriptor that is right, to be spoilt. */
struct sample {
    struct sheaf_param params[3];
    struct sheaf_array arrays[2];
    struct sheaf_score scores[2], values[1];
    struct sheaf_descriptor d;
};

static struct sample *sample(void)
{
    static struct sample s;
    s = (struct sample){
        .params = {{.name = "n", .type = SHEAF_INT, .def = {.i = 3, .f = 3}, .min = 1, .max = 10, .unit = "days"},
                   {.name = "c", .type = SHEAF_CHOICE, .def = {.i = 1}, .choices = colours, .n_choices = 2},
                   {.name = "x", .type = SHEAF_FLOAT, .def = {.f = 2.5}, NO_LIMITS}},
        .arrays = {{.name = "t.col", .dtype = SHEAF_DT_F64, .rank = 1, .row_axis = "day"}, {.name = "b b"}},
        .scores = {{.name = "s"}, {.name = "s2", .unit = "%", .help = "h"}},
        .values = {{.name = "v"}},
        .d = {.name = "p",
              .version = "1",
              .summary = "sum",
              .n_params = 3,
              .n_arrays = 2,
              .n_scores = 2,
              .n_group_values = 1},
    };
    s.d.params = s.params, s.d.arrays = s.arrays, s.d.scores = s.scores, s.d.group_values = s.values;
    return &s;
}

static int copy(const struct sample *s)
{
    memset(&diag, 0, sizeof diag);
    return descriptor_copy(&s->d, &arena, &out, &diag);
}

static void assert_refused(const struct sample *s, const char *words)
{
    assert_int_equal(copy(s), SHEAF_EINVAL);
    if (!strstr(diag.text, words))
        fail_msg("'%s' does not say '%s'", diag.text, words);
}

static void a_right_one_is_copied_deeply(void **state)
{
    (void)state;
    struct sample *s = sample();
    char name[] = "later_gone";
    s->d.name = name;
    assert_int_equal(copy(s), 0);
    memset(name, 'x', sizeof name - 1);
    memset(s, 0, sizeof *s);
    assert_string_equal(out.name, "later_gone");
    assert_string_equal(out.params[0].unit, "days");
    assert_string_equal(out.params[0].help, "");
    assert_int_equal(out.params[0].def.i, 3);
    assert_string_equal(out.params[1].def.text, "green");
    assert_int_equal(out.params[2].def.i, 2);
    assert_string_equal(out.arrays[0].row_axis, "day");
    assert_string_equal(out.arrays[1].name, "b b");
    assert_string_equal(out.scores[1].help, "h");
    assert_string_equal(out.group_values[0].name, "v");
    assert_string_equal(out.identity, "");
    assert_int_equal(out.threads, 1);
}

static void names_are_checked(void **state)
{
    (void)state;
    struct sample *s = sample();
    s->d.name = "Upper";
    assert_refused(s, "'Upper'");
    s = sample(), s->d.name = NULL;
    assert_refused(s, "''");
    s = sample(), s->params[1].name = "n";
    assert_refused(s, "parameter 'n' appears twice");
    s = sample(), s->params[1].name = "2n";
    assert_refused(s, "parameter 2: its name '2n'");
    s = sample(), s->scores[0].name = "a-b";
    assert_refused(s, "score 1: its name");
    s = sample(), s->scores[1].name = "s";
    assert_refused(s, "score 's' appears twice");
    s = sample(), s->arrays[0].name = "";
    assert_refused(s, "array 1 has no name");
    s = sample(), s->arrays[1].name = "t.col";
    assert_refused(s, "array 't.col' appears twice");
    s = sample(), s->values[0].name = "a\nb";
    assert_refused(s, "group value 1: its name is not one line");
    s = sample(), s->d.summary = "\xff";
    assert_refused(s, "its summary is not one line of UTF-8");
    s = sample();
    static char big[2000];
    memset(big, 'a', sizeof big);
    big[sizeof big - 1] = 0;
    s->params[0].help = big;
    assert_refused(s, "its help is longer than 1023");
}

static void files_are_a_line(void **state)
{
    (void)state;
    struct sample *s = sample();
    assert_int_equal(descriptor_copy(&s->d, &arena, &out, &diag), 0);
    assert_false(plugin_makes_files(&out));
    s->d.files = "one a date";
    s->d.n_scores = 0;
    assert_int_equal(descriptor_copy(&s->d, &arena, &out, &diag), 0);
    assert_true(plugin_makes_files(&out) && out.scoreless && out.n_scores == 1);
    assert_string_equal(out.files, "one a date");
    s->d.files = "two\nlines";
    assert_refused(s, "the plugin: its line on files is not one line of UTF-8");
}

static void outputs_are_checked(void **state)
{
    (void)state;
    static const struct sheaf_axis good[] = {{.array = "t.col", .of = 0}, {.n = 3}}, none[] = {{.n = 0}},
                                   deep[] = {{.array = "t.col", .of = SHEAF_MAX_RANK}};
    const struct sheaf_output right = {"rows", SHEAF_DT_F64, 2, good, "%", "help"};
    struct sheaf_output o[2] = {right, {"count", SHEAF_DT_I32, 0, NULL, NULL, NULL}};
    struct sample *s = sample();
    s->d.outputs = o, s->d.n_outputs = 2;
    assert_int_equal(descriptor_copy(&s->d, &arena, &out, &diag), 0);
    assert_true(out.n_outputs == 2 && out.outputs[0].rank == 2 && !out.scoreless);
    assert_string_equal(out.outputs[0].axes[0].array, "t.col");
    assert_int_equal(out.outputs[0].axes[1].n, 3);
    assert_string_equal(out.outputs[1].unit, "");
    s->d.n_scores = 0; /* then it has the host's */
    assert_int_equal(descriptor_copy(&s->d, &arena, &out, &diag), 0);
    assert_true(out.scoreless && out.n_scores == 1);
    assert_string_equal(out.scores[0].name, "done");
    s->d.n_scores = 2;
    o[1].name = "rows";
    assert_refused(s, "output 'rows' appears twice");
    o[1].name = "a.b";
    assert_refused(s, "output 2: its name 'a.b'");
    o[1].name = "count", o[1].dtype = SHEAF_DT_CODE;
    assert_refused(s, "output 'count': its element type 12 cannot be made");
    o[1].dtype = SHEAF_ANY;
    assert_refused(s, "output 'count': its element type 0 cannot be made");
    o[1].dtype = SHEAF_DT_I32, o[1].rank = 6, o[1].axes = good;
    assert_refused(s, "output 'count': a row has at most 5 axes in a table, not 6");
    o[1].rank = 1, o[1].axes = NULL;
    assert_refused(s, "output 'count': a row has at most 5 axes in a table, not 1");
    o[1].axes = none;
    assert_refused(s, "output 'count': its axis 1 has no elements");
    o[1].axes = deep;
    assert_refused(s, "output 'count': its axis 1 is as long as axis 9 of an array, which has at most 8");
    s->d.outputs = NULL;
    assert_refused(s, "it states 2 outputs but their table is NULL");
}

static void defaults_and_limits_are_checked(void **state)
{
    (void)state;
    struct sample *s = sample();
    s->params[0].def = (struct sheaf_value){.i = 11};
    assert_refused(s, "its default 11 is outside of [1, 10]");
    s = sample(), s->params[0].def = (struct sheaf_value){.f = 3};
    assert_refused(s, "an int's is in .i");
    s = sample(), s->params[0].required = true, s->params[0].def.i = 11;
    assert_int_equal(copy(s), 0);
    s = sample(), s->params[0].max = NAN;
    assert_refused(s, "limits are not numbers");
    s = sample(), s->params[1].def.i = 2;
    assert_refused(s, "its default is choice 3 of 2");
    s = sample(), s->params[1].def.text = "red";
    assert_refused(s, "not the choice at its default .i, 'green'");
    s = sample(), s->params[1].n_choices = 0;
    assert_refused(s, "a choice needs 1 to");
    s = sample(), s->params[0].type = 9;
    assert_refused(s, "its type 9 is unknown");
    s = sample(), s->params[0].type = SHEAF_BOOL;
    assert_refused(s, "a bool's is 0 or 1");
}

static void sizes_are_checked(void **state)
{
    (void)state;
    struct sample *s = sample();
    s->d.n_params = PLAN_MAX_PARAMS + 1;
    assert_refused(s, "257 parameters are more than 256");
    s = sample(), s->d.arrays = NULL;
    assert_refused(s, "states 2 arrays but their table is NULL");
    s = sample(), s->d.threads = 1 << 20;
    assert_refused(s, "threads");
    s = sample(), s->arrays[0].rank = SHEAF_MAX_RANK + 1;
    assert_refused(s, "rank 9 is above 8");
    s = sample(), s->arrays[0].dtype = 99;
    assert_refused(s, "element type 99");
    s = sample(), s->arrays[0].row_axis = "a b";
    assert_refused(s, "row axis");
}

static void a_refusal_leaves_the_output_alone(void **state)
{
    (void)state;
    struct sample *s = sample();
    assert_int_equal(copy(s), 0);
    struct plan_plugin before = out;
    s->scores[1].name = "";
    assert_int_equal(copy(s), SHEAF_EINVAL);
    assert_memory_equal(&before, &out, sizeof out);
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct arena tiny;
    arena_init(&tiny, 64);
    assert_int_equal(descriptor_copy(&sample()->d, &tiny, &out, &diag), SHEAF_ENOMEM);
    arena_finish(&tiny);
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
        cmocka_unit_test(a_right_one_is_copied_deeply),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(files_are_a_line),
        cmocka_unit_test(outputs_are_checked),
        cmocka_unit_test(defaults_and_limits_are_checked),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(a_refusal_leaves_the_output_alone),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
