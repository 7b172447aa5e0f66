/* SPDX-License-Identifier: MIT
 *
 * Tests of listfile: CSV and JSON lines become the same axes; wrong lists get their line.
 */
#include "sweep/listfile.h"

#include "sweep/sweepfile_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/listfile_test.XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

struct fixture {
    struct arena arena;
    struct plan_axis axes[16];
    struct plan plan;
    struct diag d;
};

static int read_list(struct fixture *x, const char *name, const char *text, uint64_t max)
{
    char path[256];
    struct place at = {"s.yaml", 4, 9};
    struct listfile_in in = {name, dir, &fixture_plugin, max, &at};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    memset(x, 0, sizeof *x);
    arena_init(&x->arena, 0);
    x->plan.axes = x->axes;
    int err = listfile_read(&in, &x->arena, &x->plan, &x->d);
    unlink(path);
    return err;
}

static uint32_t code(const struct plan_axis *a, size_t trial)
{
    const uint8_t *c = (const uint8_t *)a->codes.data + trial * 4;
    return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

static void assert_three_trials(const struct fixture *x)
{
    const struct plan_axis *top_n = &x->axes[0], *weighting = &x->axes[1], *label = &x->axes[2];
    assert_true(x->plan.n_axes == 3 && x->plan.trials == 3);
    assert_true(top_n->kind == AXIS_LIST && top_n->param == 0 && top_n->n_values == 2 && top_n->codes.len == 12);
    assert_true(top_n->values[0].i == 3 && top_n->values[1].i == 1);
    assert_true(code(top_n, 0) == 0 && code(top_n, 1) == 1 && code(top_n, 2) == 0);
    assert_true(weighting->param == 6 && weighting->n_values == 2);
    assert_string_equal(weighting->values[code(weighting, 2)].text, "ic");
    assert_string_equal(label->values[code(label, 0)].text, "a, \"b\"");
    assert_string_equal(label->values[code(label, 1)].text, "5");
    assert_string_equal(label->values[code(label, 2)].text, "");
}

static void a_csv_file_becomes_axes(void **state)
{
    (void)state;
    struct fixture x;
    const char *text = "\xEF\xBB\xBFtop_n, weighting ,label\r\n3,ic,\"a, \"\"b\"\"\"\r\n\r\n1,\"equal\" ,5\r\n 3,ic,";
    if (read_list(&x, "t.csv", text, 0) != 0)
        fail_msg("%s", x.d.text);
    assert_three_trials(&x);
    arena_finish(&x.arena);
}

static void json_lines_become_the_same_axes(void **state)
{
    (void)state;
    struct fixture x;
    const char *text = "{\"top_n\": 3, \"weighting\": \"ic\", \"label\": \"a, \\\"b\\\"\"}\n\n"
                       "{\"label\": \"5\", \"top_n\": 1, \"weighting\": \"equal\"}\n"
                       "{\"top_n\": 3, \"weighting\": \"ic\", \"label\": \"\"}";
    if (read_list(&x, "t.jsonl", text, 0) != 0)
        fail_msg("%s", x.d.text);
    assert_three_trials(&x);
    arena_finish(&x.arena);
}

static void no_more_trials_than_asked_are_read(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(read_list(&x, "t.csv", "top_n\n1\n2\nnonsense\n", 2), 0);
    assert_true(x.plan.trials == 2 && x.axes[0].codes.len == 8);
    arena_finish(&x.arena);
}

static void many_values_keep_their_codes(void **state)
{
    (void)state;
    struct fixture x;
    char *text = malloc(10000 * 12);
    assert_non_null(text);
    size_t n = (size_t)sprintf(text, "shift\n");
    for (int i = 0; i < 9000; i++)
        n += (size_t)sprintf(text + n, "%d.5\n", (i * 7) % 3001 - 1500);
    assert_int_equal(read_list(&x, "t.csv", text, 0), 0);
    free(text);
    assert_true(x.plan.trials == 9000 && x.axes[0].n_values == 3001);
    for (int i = 0; i < 9000; i++) {
        int whole = (i * 7) % 3001 - 1500;
        double value = whole < 0 ? whole - 0.5 : whole + 0.5; /* "-3.5" is below -3 */
        assert_memory_equal(&x.axes[0].values[code(&x.axes[0], (size_t)i)].f, &value, sizeof value);
    }
    arena_finish(&x.arena);
}

/* {} stands for the folder. */
static const struct {
    const char *name, *text, *line;
} wrong[] = {
    {"t.txt", "top_n\n1\n", "s.yaml:4:9: t.txt is neither .csv nor .jsonl; name a file of one of these"},
    {"t.csv", "", "{}/t.csv:1:1: no trials; write one a line"},
    {"t.csv", "top_n\n", "{}/t.csv:1:1: no trials; write one a line"},
    {"t.csv", "topn\n1\n",
     "{}/t.csv:1:1: wfo has no parameter topn; did you mean top_n? (known: top_n, n_factors, lookback, alpha, "
     "cost_bps, shift, weighting, verbose, label)"},
    {"t.csv", "top_n,alpha,top_n\n", "{}/t.csv:1:13: the column top_n stands here twice; remove one"},
    {"t.csv", "top_n,\n1,\n", "{}/t.csv:1:7: a column without a name; write the parameter's name"},
    {"t.csv", "top_n,alpha\n1\n", "{}/t.csv:2:1: 1 cell, but the header has 2; add the missing ones"},
    {"t.csv", "top_n\n1,2\n", "{}/t.csv:2:3: a cell too many: the header has 1; remove it"},
    {"t.csv", "top_n,alpha\n1,0\n2,1.5\n", "{}/t.csv:3:3: alpha is 1.5; wfo takes a number from 0 to 1"},
    {"t.csv", "top_n\n1.5\n", "{}/t.csv:2:1: top_n is 1.5; wfo takes a whole number from 1 to 500"},
    {"t.csv", "alpha,top_n\n1,\n", "{}/t.csv:2:3: top_n is empty; wfo takes a whole number from 1 to 500"},
    {"t.csv", "weighting\nequl\n",
     "{}/t.csv:2:1: weighting is \"equl\", not a choice of wfo; did you mean equal? (known: equal, ic)"},
    {"t.csv", "label\n\"a\n", "{}/t.csv:2:1: a quoted cell is not closed on its line; add the missing \""},
    {"t.csv", "label\n\"a\"b\n",
     "{}/t.csv:2:1: text after a quoted cell; put a comma between or double the inner quotes"},
    {"t.csv", "label\n\xff\n", "{}/t.csv:2:1: not UTF-8 text; save the file as UTF-8"},
    {"t.jsonl", "[1]\n", "{}/t.jsonl:1:1: not an object; write {\"PARAMETER\": VALUE, ...}"},
    {"t.jsonl", "{\"top_n\": }\n", NULL},
    {"t.jsonl", "{}\n", "{}/t.jsonl:1:1: an object without parameters; give at least one"},
    {"t.jsonl", "{\"top_n\": 1}\n{}\n",
     "{}/t.jsonl:2:1: top_n is missing, which the first line has; give it on every line"},
    {"t.jsonl", "{\"top_n\": 1}\n{\"top_n\": 1, \"alpha\": 1}\n",
     "{}/t.jsonl:2:1: 2 parameters, but the first line has 1; give the same on every line"},
    {"t.jsonl", "{\"top_n\": [1]}\n", "{}/t.jsonl:1:1: top_n is a list or a map; give one value"},
    {"t.jsonl", "{\"top_n\": 0}\n", "{}/t.jsonl:1:1: top_n is 0; wfo takes a whole number from 1 to 500"},
    {"t.jsonl", "{\"top_n\": 1.0}\n", "{}/t.jsonl:1:1: top_n is 1.0; wfo takes a whole number from 1 to 500"},
    {"t.jsonl", "{\"top_n\": \"1\"}\n", "{}/t.jsonl:1:1: top_n is \"1\"; wfo takes a whole number from 1 to 500"},
    {"t.jsonl", "{\"verbose\": 1}\n", "{}/t.jsonl:1:1: verbose is 1; wfo takes true or false"},
    {"t.jsonl", "{\"label\": null}\n", "{}/t.jsonl:1:1: label is empty; wfo takes a text (numbers in quotes)"},
    {"t.jsonl", "{\"label\": true}\n", "{}/t.jsonl:1:1: label is true; wfo takes a text (numbers in quotes)"},
};

static void wrong_lists_get_their_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fixture x;
        char expected[512];
        bool here = wrong[i].line != NULL && strncmp(wrong[i].line, "{}", 2) == 0;
        assert_int_equal(read_list(&x, wrong[i].name, wrong[i].text, 0), SHEAF_EINVAL);
        snprintf(expected, sizeof expected, "%s%s", here ? dir : "",
                 wrong[i].line != NULL ? wrong[i].line + 2 * here : "");
        if (wrong[i].line != NULL)
            assert_string_equal(x.d.text, expected);
        else /* jansson's own words */
            assert_non_null(strstr(x.d.text, "not JSON: "));
        arena_finish(&x.arena);
    }
}

static void a_line_has_a_limited_length(void **state)
{
    (void)state;
    struct fixture x;
    char *text = malloc(LISTFILE_LINE + 32);
    assert_non_null(text);
    memset(strcpy(text, "label\n") + 6, 'x', LISTFILE_LINE + 1);
    text[6 + LISTFILE_LINE + 1] = '\0';
    assert_int_equal(read_list(&x, "t.csv", text, 0), SHEAF_EINVAL);
    assert_non_null(strstr(x.d.text, ":2:1: a line of more than 1048576 bytes"));
    arena_finish(&x.arena);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_csv_file_becomes_axes),
        cmocka_unit_test(json_lines_become_the_same_axes),
        cmocka_unit_test(no_more_trials_than_asked_are_read),
        cmocka_unit_test(many_values_keep_their_codes),
        cmocka_unit_test(wrong_lists_get_their_line),
        cmocka_unit_test(a_line_has_a_limited_length),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
