/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/field.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void integers_are_what_fits_int64_without_spare_zeros(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"+5", 5},
                {" 12\t", 12},
                {"9223372036854775807", INT64_MAX},
                {"-1", -1},
                {"100", 100},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {"",
                                      " ",
                                      "-",
                                      "+",
                                      "007",
                                      "00",
                                      "1.0",
                                      "1e3",
                                      "0x10",
                                      "1 2",
                                      "--1",
                                      "1,000",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "12a"};
    int64_t v;
    (void)state;
    for (size_t i = 0; i < LEN(good); i++) {
        assert_true(field_int(good[i].text, strlen(good[i].text), &v));
        assert_int_equal(v, good[i].value);
    }
    for (size_t i = 0; i < LEN(bad); i++)
        assert_false(field_int(bad[i], strlen(bad[i]), &v));
}

static void floats_are_rounded_as_strtod_does(void **state)
{
    static const char *const good[] = {"0",
                                       "-0",
                                       "1.5",
                                       ".5",
                                       "5.",
                                       "1e3",
                                       "1E-3",
                                       "+2.25e+2",
                                       "0.1",
                                       "123456789.123456789",
                                       "1e22",
                                       "1e23",
                                       "1e-22",
                                       "1e-23",
                                       "1e308",
                                       "1e309",
                                       "-1e309",
                                       "5e-324",
                                       "2e-324",
                                       "9007199254740993",
                                       "9223372036854775808",
                                       "0.000000000000000000000000000000000001",
                                       "179769313486231580793e289",
                                       "1.7976931348623157e308",
                                       "2.2250738585072011e-308",
                                       "123456789012345678901234567890",
                                       "0.30000000000000004440892098500626",
                                       "1e99999999999",
                                       "1e-99999999999",
                                       "8.41e21"};
    static const char *const bad[] = {"",      ".",   "-",      "e5",      "1e",   "1e+", "1.2.3", "0x1p3", "007.5",
                                      "1_000", "1,5", "nan(1)", "infinit", "1 e5", "- 1", "1f",    "NA",    "null"};
    double v;
    (void)state;
    for (size_t i = 0; i < LEN(good); i++) {
        double expected = strtod(good[i], NULL);
        assert_true(field_float(good[i], strlen(good[i]), &v));
        assert_memory_equal(&v, &expected, sizeof v);
    }
    for (size_t i = 0; i < LEN(bad); i++)
        if (field_float(bad[i], strlen(bad[i]), &v))
            fail_msg("'%s' was taken for a float", bad[i]);
}

static void printed_doubles_read_back_exactly(void **state)
{
    uint64_t x = 88172645463325252ULL;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        double v, back;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(&v, &x, sizeof v);
        if (!isfinite(v))
            continue;
        if (i % 2 == 0)
            v = (double)(int64_t)(x % 2000000001) / 1000.0;
        snprintf(text, sizeof text, i % 3 == 0 ? "%.17g" : "%.15g", v);
        v = strtod(text, NULL);
        assert_true(field_float(text, strlen(text), &back));
        assert_memory_equal(&v, &back, sizeof v);
    }
}

static void special_floats_are_known_in_any_case(void **state)
{
    double v;
    uint64_t bits, plain;
    (void)state;
    assert_true(field_float("NaN", 3, &v));
    assert_true(isnan(v));
    memcpy(&plain, &v, 8);
    assert_true(field_float("-nan", 4, &v));
    memcpy(&bits, &v, 8);
    assert_int_equal(bits, plain); /* one NaN only */
    assert_true(field_float("-Infinity", 9, &v));
    assert_true(isinf(v) && v < 0);
    assert_true(field_float("INF", 3, &v));
    assert_true(isinf(v) && v > 0);
}

static void a_number_longer_than_any_buffer_is_a_number(void **state)
{
    char text[400];
    double v;
    (void)state;
    memset(text, '0', sizeof text);
    memcpy(text, "0.", 2);
    text[398] = '7';
    text[399] = 0;
    assert_true(field_float(text, strlen(text), &v));
    assert_true(v == 0.0);
    text[300] = '7';
    assert_true(field_float(text, strlen(text), &v));
    assert_true(v > 0.0 && v < 1e-298);
}

static void dates_must_exist(void **state)
{
    static const struct {
        const char *text;
        int32_t days;
    } good[] = {{"1970-01-01", 0},      {"1969-12-31", -1},      {"2000-02-29", 11016},   {"2024-02-29", 19782},
                {"1900-03-01", -25508}, {"9999-12-31", 2932896}, {"0001-01-01", -719162}, {" 2013-02-08 ", 15744}};
    static const char *const bad[] = {"1970-1-1",   "1970-13-01",    "1970-00-10", "1970-02-29",
                                      "1900-02-29", "2024-02-30",    "2024-04-31", "0000-01-01",
                                      "1970/01/01", "1970-01-01T00", "19700101",   "197a-01-01"};
    int32_t days;
    (void)state;
    for (size_t i = 0; i < LEN(good); i++) {
        assert_true(field_date(good[i].text, strlen(good[i].text), &days));
        assert_int_equal(days, good[i].days);
    }
    for (size_t i = 0; i < LEN(bad); i++)
        assert_false(field_date(bad[i], strlen(bad[i]), &days));
}

static void every_day_prints_as_it_reads(void **state)
{
    char text[24], last[24] = "0000-12-31";
    int32_t back;
    (void)state;
    for (int32_t day = -719162; day <= 2932896; day++) {
        field_date_text(day, text);
        assert_true(strcmp(last, text) < 0); /* ISO dates sort as the days do */
        assert_true(field_date(text, strlen(text), &back));
        assert_int_equal(back, day);
        memcpy(last, text, sizeof last);
    }
    field_date_text(2932897, text);
    assert_string_equal(text, "2932897");
    field_date_text(INT64_MIN, text);
    assert_string_equal(text, "-9223372036854775808");
}

static void kinds_narrow_down(void **state)
{
    unsigned all = FIELD_INT | FIELD_FLOAT | FIELD_DATE;
    (void)state;
    assert_int_equal(field_kinds("12", 2, all), FIELD_INT | FIELD_FLOAT);
    assert_int_equal(field_kinds("12.5", 4, all), FIELD_FLOAT);
    assert_int_equal(field_kinds("12", 2, FIELD_FLOAT), FIELD_FLOAT);
    assert_int_equal(field_kinds("2020-01-02", 10, all), FIELD_DATE);
    assert_int_equal(field_kinds("2020-01-02", 10, FIELD_INT), 0);
    assert_int_equal(field_kinds("AAPL", 4, all), 0);
    assert_int_equal(field_kinds("037833100", 9, all), 0);
    assert_int_equal(field_kinds("99999999999999999999", 20, all), FIELD_FLOAT);
}

static void bad_utf8_is_found_at_its_byte(void **state)
{
    (void)state;
    assert_int_equal(field_bad_utf8("plain ascii text", 16), 16);
    assert_int_equal(field_bad_utf8("na\xC3\xAFve gr\xC3\xBC\xC3\x9F"
                                    "e",
                                    15),
                     15);
    assert_int_equal(field_bad_utf8("abcdefghij\xFFzz", 13), 10);
    assert_int_equal(field_bad_utf8("ab\xC3", 3), 2);
    assert_int_equal(field_bad_utf8("\xED\xA0\x80", 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_what_fits_int64_without_spare_zeros),
        cmocka_unit_test(floats_are_rounded_as_strtod_does),
        cmocka_unit_test(printed_doubles_read_back_exactly),
        cmocka_unit_test(special_floats_are_known_in_any_case),
        cmocka_unit_test(a_number_longer_than_any_buffer_is_a_number),
        cmocka_unit_test(dates_must_exist),
        cmocka_unit_test(every_day_prints_as_it_reads),
        cmocka_unit_test(kinds_narrow_down),
        cmocka_unit_test(bad_utf8_is_found_at_its_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
