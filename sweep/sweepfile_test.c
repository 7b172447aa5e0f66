/* SPDX-License-Identifier: MIT
 *
 * Tests of sweepfile: every wrong file gets its line; what is answered before a plan is made; caps.
 */
#include "sweep/sweepfile.h"

#include "sweep/sweepfile_cases.h"
#include "sweep/yamltree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_CASES (sizeof wrong_cases / sizeof wrong_cases[0])

/* The line that this file is refused with; "" when it is not. */
static const char *refusal(const struct wrong_case *c, struct diag *d)
{
    const char *set[] = {c->set};
    struct sweep_overrides o = {set, c->set != NULL, c->seed, c->limit, c->verify, false, 0};
    d->text[0] = '\0';
    struct sweepfile *f = sweepfile_parse("s.yaml", c->yaml, strlen(c->yaml), &o, d);
    if (f == NULL)
        return d->text;
    struct arena arena;
    struct plan plan;
    arena_init(&arena, 0);
    int err = sweepfile_plan(f, &fixture_plugin, fixture_sources(c->data, ""), &arena, &plan, d);
    assert_true(err == 0 || err == SHEAF_EINVAL);
    arena_finish(&arena);
    sweepfile_destroy(f);
    return d->text;
}

static void every_wrong_file_gets_its_line(void **state)
{
    (void)state;
    struct diag d;
    unsigned wrong = 0;
    for (size_t i = 0; i < N_CASES; i++) {
        const char *line = refusal(&wrong_cases[i], &d);
        if (strcmp(line, wrong_cases[i].line) != 0) {
            print_error("%s:\n  expected: %s\n  got:      %s\n", wrong_cases[i].name, wrong_cases[i].line, line);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(N_CASES >= 80);
}

static void every_line_says_where_and_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        const char *line = wrong_cases[i].line;
        assert_true(strncmp(line, "s.yaml:", 7) == 0 || strncmp(line, "--", 2) == 0 || strstr(line, "none/of") != NULL);
        assert_non_null(strstr(line, "; "));
        assert_null(strchr(line, '\n'));
    }
}

static struct sweepfile *parse(const char *yaml, const struct sweep_overrides *o)
{
    struct diag d = {{0}};
    struct sweepfile *f = sweepfile_parse("some/folder/s.yaml", yaml, strlen(yaml), o, &d);
    if (f == NULL)
        print_error("%s\n", d.text);
    assert_non_null(f);
    return f;
}

static struct sweepfile_data data_of(const struct sweepfile *f, uint32_t i)
{
    struct sweepfile_data entry;
    assert_true(sweepfile_data(f, i, &entry));
    return entry;
}

static void what_the_plugin_needs_is_known_before_a_plan(void **state)
{
    (void)state;
    struct sweepfile *f = parse(HEAD "config: {b: [1, 1e-4, x], a: {z: ~, y: true}, c: \"5\"}\n", NULL);
    assert_string_equal(sweepfile_plugin(f), "wfo");
    assert_string_equal(data_of(f, 0).file, "d");
    assert_string_equal(sweepfile_dir(f), "some/folder");
    assert_string_equal(sweepfile_config(f), "{\"a\":{\"y\":true,\"z\":null},\"b\":[1,0.0001,\"x\"],\"c\":\"5\"}");
    assert_string_equal(sweepfile_place(f, "data"), "some/folder/s.yaml:2:7");
    assert_string_equal(sweepfile_place(f, "goal"), "some/folder/s.yaml:1:1");
    sweepfile_destroy(f);
    f = parse("plugin: wfo\n", NULL);
    assert_false(sweepfile_data(f, 0, &(struct sweepfile_data){0}));
    assert_string_equal(sweepfile_config(f), "{}");
    sweepfile_destroy(f);
}

static void options_replace_and_create_fields(void **state)
{
    (void)state;
    const char *set[] = {"plugin=other", "config.deep.er=[1, {a: b}]", "plugin=third", "data=e.sheaf"};
    struct sweep_overrides o = {set, 4, "7", "10", "0.5%", false, 0};
    struct sweepfile *f = parse(HEAD, &o);
    assert_string_equal(sweepfile_plugin(f), "third");
    assert_string_equal(data_of(f, 0).file, "e.sheaf");
    assert_string_equal(sweepfile_config(f), "{\"deep\":{\"er\":[1,{\"a\":\"b\"}]}}");
    assert_string_equal(sweepfile_place(f, "plugin"), "--set plugin=third");
    sweepfile_destroy(f);
}

static void a_missing_file_or_a_folder_is_refused(void **state)
{
    (void)state;
    struct diag d = {{0}};
    struct buf text = {0};
    assert_int_not_equal(sweepfile_load("no/such.yaml", &text, &d), 0);
    assert_string_equal(d.text, "no/such.yaml: there is no such file; check the name of the sweep file");
    assert_int_not_equal(sweepfile_load("/", &text, &d), 0);
    buf_finish(&text);
    assert_non_null(strstr(d.text, "/"));
    sweepfile_destroy(NULL);
}

/* head, then `unit` n times, then tail. */
static const char *refusal_of_many(const char *head, const char *unit, size_t n, const char *tail, struct diag *d)
{
    size_t size = strlen(head) + n * strlen(unit) + strlen(tail) + 1;
    char *yaml = malloc(size);
    assert_non_null(yaml);
    char *at = yaml + strlen(strcpy(yaml, head));
    for (size_t i = 0; i < n; i++, at += strlen(unit))
        memcpy(at, unit, strlen(unit));
    strcpy(at, tail);
    struct wrong_case c = {.yaml = yaml};
    const char *line = refusal(&c, d);
    free(yaml);
    return line;
}

static void sizes_are_capped(void **state)
{
    (void)state;
    struct diag d;
    assert_string_equal(
        refusal_of_many("plugin: wfo\nconfig: {a: [", "1,", YAMLTREE_NODES, "]}\n", &d),
        "s.yaml:2:524288: more than 262144 values; put long lists of trials into a file (search: list)");
    assert_string_equal(refusal_of_many("plugin: ", "x", YAMLTREE_BYTES, "\n", &d),
                        "s.yaml: larger than 8 MiB; put long lists of trials into a file (search: list)");
    assert_non_null(strstr(refusal_of_many("plugin: wfo\nconfig: ", "{a: ", 1000, "", &d), "more than 32 levels deep"));
    assert_non_null(
        strstr(refusal_of_many("plugin: wfo\nconfig: {a: ", "x", 1100000, "}\n" GOAL, &d), "larger than 1 MiB"));
}

static void a_map_has_a_limited_number_of_keys(void **state)
{
    (void)state;
    struct buf yaml = {0};
    struct diag d = {{0}};
    assert_int_equal(buf_printf(&yaml, "plugin: wfo\nconfig:\n"), 0);
    for (unsigned i = 0; i <= YAMLTREE_KEYS; i++)
        assert_int_equal(buf_printf(&yaml, " k%u: 1\n", i), 0);
    assert_null(sweepfile_parse("s.yaml", (const char *)yaml.data, yaml.len, NULL, &d));
    assert_string_equal(d.text, "s.yaml:4099:2: more than 4096 fields in one map; use fewer");
    buf_finish(&yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_file_gets_its_line),
        cmocka_unit_test(every_line_says_where_and_what_to_do),
        cmocka_unit_test(what_the_plugin_needs_is_known_before_a_plan),
        cmocka_unit_test(options_replace_and_create_fields),
        cmocka_unit_test(a_missing_file_or_a_folder_is_refused),
        cmocka_unit_test(sizes_are_capped),
        cmocka_unit_test(a_map_has_a_limited_number_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
