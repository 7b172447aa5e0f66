/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* fmemopen */
#include "cli/human.h"
#include "cli/table.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static void expect(const struct table *t, const char *text)
{
    char out[512] = "";
    FILE *f = fmemopen(out, sizeof out, "w");
    assert_non_null(f);
    assert_int_equal(table_print(t, f), 0);
    assert_int_equal(fclose(f), 0);
    assert_string_equal(out, text);
}

static void numbers_stand_right_and_text_left(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 3);
    static const char *const cells[] = {"name", "n", "kind", "a", "1,024", "x", "long name", "-", "yy"};
    for (size_t i = 0; i < 9; i++)
        table_cell(&t, cells[i]);
    expect(&t, "name           n  kind\n"
               "a          1,024  x\n"
               "long name      -  yy\n");
    table_finish(&t);
}

static void width_counts_characters_and_cells_are_one_line(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 2);
    table_cell(&t, "h");
    table_cell(&t, "k");
    table_cell(&t, "\xc3\xa4\xc3\xb6");
    table_cell(&t, "1");
    table_printf(&t, "a%sb", "\x1b\n");
    table_printf(&t, "%d", 12);
    expect(&t, "h      k\n"
               "\xc3\xa4\xc3\xb6     1\n"
               "a  b  12\n");
    table_finish(&t);
}

static void a_heading_alone_is_fine(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 1);
    table_cell(&t, "only");
    expect(&t, "only\n");
    table_finish(&t);
}

#define READS(call, want)                                                                                              \
    do {                                                                                                               \
        char text_[64];                                                                                                \
        assert_string_equal(call, want);                                                                               \
    } while (0)
#define T text_, sizeof text_

static void people_read_counts_rates_and_times(void **state)
{
    (void)state;
    READS(human_count(0, T), "0");
    READS(human_count(999, T), "999");
    READS(human_count(1000, T), "1,000");
    READS(human_count(UINT64_MAX, T), "18,446,744,073,709,551,615");
    READS(human_rate(0, T), "0/s");
    READS(human_rate(NAN, T), "0/s");
    READS(human_rate(0.25, T), "0.25/s");
    READS(human_rate(950, T), "950/s");
    READS(human_rate(9701, T), "9.7 k/s");
    READS(human_rate(2.5e7, T), "25 M/s");
    READS(human_seconds(1.94, T), "1.9 s");
    READS(human_seconds(59.4, T), "59 s");
    READS(human_seconds(59.6, T), "1:00");
    READS(human_seconds(3599.6, T), "1:00:00");
    READS(human_seconds(86400 * 2 + 3700, T), "2 d 1 h");
    READS(human_seconds(NAN, T), "?");
    READS(human_seconds(INFINITY, T), "?");
    READS(human_score(NAN, T), "-");
    READS(human_score(1.23456789, T), "1.2346");
    READS(human_bytes(9123456, T), "9.1 MB");
    READS(human_bytes(12, T), "12 B");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_right_and_text_left),
        cmocka_unit_test(width_counts_characters_and_cells_are_one_line),
        cmocka_unit_test(a_heading_alone_is_fine),
        cmocka_unit_test(people_read_counts_rates_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
