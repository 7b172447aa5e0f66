/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All records as one text: fields end with '|', records with '/'. */
static char *dump(struct csv *c)
{
    struct buf out = {0};
    struct diag d = {""};
    const struct csv_field *fields;
    uint32_t n;
    int more;

    assert_non_null(c);
    while ((more = csv_next(c, &fields, &n, &d)) == 1) {
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(strlen(fields[i].text), fields[i].len);
            buf_append(&out, fields[i].text, fields[i].len);
            buf_append(&out, "|", 1);
        }
        buf_append(&out, "/", 1);
    }
    assert_string_equal(d.text, "");
    assert_int_equal(more, 0);
    buf_append(&out, "", 1);
    return (char *)out.data;
}

static void expect_bytes(const char *csv, size_t len, const char *expected)
{
    struct csv *c = csv_open_memory("t.csv", csv, len, NULL);
    char *got = dump(c);
    assert_string_equal(got, expected);
    free(got);
    csv_close(c);
}

static void expect(const char *csv, const char *expected)
{
    expect_bytes(csv, strlen(csv), expected);
}

static void refused_bytes(const char *csv, size_t len, const char *line)
{
    struct csv *c = csv_open_memory("t.csv", csv, len, NULL);
    const struct csv_field *fields;
    struct diag d = {""};
    uint32_t n;
    int more;

    assert_non_null(c);
    do {
        more = csv_next(c, &fields, &n, &d);
    } while (more == 1);
    assert_int_equal(more, SHEAF_EINVAL);
    assert_string_equal(d.text, line);
    csv_close(c);
}

static void refused(const char *csv, const char *line)
{
    refused_bytes(csv, strlen(csv), line);
}

static void records_end_with_any_line_end(void **state)
{
    (void)state;
    expect("a,b\n1,2\n", "a|b|/1|2|/");
    expect("a,b\r\n1,2\r\n", "a|b|/1|2|/");
    expect("a,b\r1,2\r", "a|b|/1|2|/");
    expect("a,b\n1,2", "a|b|/1|2|/");
    expect("", "");
    expect("a\n", "a|/");
}

static void quoted_fields_hold_anything(void **state)
{
    (void)state;
    expect("\"a,b\",\"c\"\"d\"\n\"x\ny\",\"\"\n", "a,b|c\"d|/x\ny||/");
    expect("\"x\r\ny\",1\r\n", "x\r\ny|1|/");
    expect("\"\"\"\"\n", "\"|/");
    expect("\"a\"", "a|/");
}

static void empty_fields_and_lines(void **state)
{
    (void)state;
    expect("a,b\n,\n1,\n,2\n", "a|b|/||/1||/|2|/");
    expect("a,b\n\n1,2\n\r\n\n", "a|b|/1|2|/"); /* more than one column: nothing */
    expect("a\n1\n\n2\n", "a|/1|/|/2|/");       /* one column: an empty cell */
    expect("\n\na,b\n1,2\n", "a|b|/1|2|/");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    struct csv *c = csv_open_memory("t.csv",
                                    "\xEF\xBB\xBF"
                                    "a,b\n1,2\n",
                                    11, NULL);
    const struct csv_field *fields;
    uint32_t n;
    char *got;
    (void)state;
    assert_int_equal(csv_next(c, &fields, &n, NULL), 1);
    assert_string_equal(fields[0].text, "a");
    assert_int_equal(fields[0].column, 1);
    assert_int_equal(csv_rewind(c, NULL), 0);
    got = dump(c);
    assert_string_equal(got, "a|b|/1|2|/");
    free(got);
    csv_close(c);
}

static void fields_know_their_place(void **state)
{
    const char *text = "a,\"b\nc\",d\r\nxx,y,z\n";
    struct csv *c = csv_open_memory("t.csv", text, strlen(text), NULL);
    const struct csv_field *f;
    uint32_t n;
    (void)state;
    assert_int_equal(csv_next(c, &f, &n, NULL), 1);
    assert_int_equal(f[1].line, 1);
    assert_int_equal(f[1].column, 3);
    assert_int_equal(f[2].line, 2); /* behind the line end in the quotes */
    assert_int_equal(f[2].column, 4);
    assert_int_equal(csv_next(c, &f, &n, NULL), 1);
    assert_int_equal(f[1].line, 3);
    assert_int_equal(f[1].column, 4);
    csv_close(c);
}

static void mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    refused("a,b\n1\n", "t.csv:2:1: 1 field where the header has 2: every line needs the same number");
    refused("a,b\n1,2,3\n", "t.csv:2:5: 3 fields where the header has 2: every line needs the same number");
    refused("a,b\n1,\"2\n3\n", "t.csv:2:3: this quote is never closed");
    refused("a,b\n1,2\"3\n", "t.csv:2:4: a quote inside a field; quote the whole field and write this quote twice");
    refused("a,b\n1,\"2\"3\n",
            "t.csv:2:6: text after the closing quote; a quote inside a quoted field is written twice");
    refused_bytes("a,b\n1,\0\n", 8, "t.csv:2:3: a NUL byte: this is no text file");
    refused_bytes("a,b\n1,\"x\0\"\n", 11, "t.csv:2:5: a NUL byte: this is no text file");
    refused("a,b\n1,\xFF\n", "t.csv:2:3: not UTF-8; convert the file first, for example with iconv");
    refused("a\n\xFF\n", "t.csv:2:1: not UTF-8; convert the file first, for example with iconv");
}

static void lines_take_commas_and_quotes_as_they_are(void **state)
{
    const char *text = "x,y\n\n \"q\"\r\nlast";
    struct csv *c = csv_open_memory("t.txt", text, strlen(text), NULL);
    char *got;
    (void)state;
    csv_set_lines(c);
    got = dump(c);
    assert_string_equal(got, "x,y|/ \"q\"|/last|/");
    free(got);
    csv_close(c);
}

static void a_record_may_have_no_end_of_columns_but_a_limit(void **state)
{
    struct buf text = {0};
    (void)state;
    for (uint32_t i = 0; i < CSV_MAX_FIELDS; i++)
        buf_append(&text, ",", 1);
    refused_bytes((const char *)text.data, text.len, "t.csv:1:65537: more than 65,536 columns");
    buf_finish(&text);
}

/* A quote that is never closed must not eat the memory. */
static void a_record_may_have_no_end_of_bytes_but_a_limit(void **state)
{
    size_t len = CSV_MAX_RECORD + 2;
    char *text = malloc(len);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    text[0] = '"';
    refused_bytes(text, len, "t.csv:1:67108867: the record is longer than 64 MiB; is a quote left open?");
    free(text);
}

/* The window is 1 MiB: whatever happens at its edge must happen there for some prefix. */
static void the_edge_of_the_window_changes_nothing(void **state)
{
    static const char tail[] = "\"a\"\"b\r\nc\",x\r\n1,2\r\n";
    char path[] = "/tmp/sheaf-csv-XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    for (size_t cut = 0; cut < sizeof tail; cut++) {
        size_t pad = ((size_t)1 << 20) - 3 - cut;
        char *text = malloc(pad + 64);
        memset(text, 'p', pad);
        memcpy(text + pad, ",q\n", 3);
        memcpy(text + pad + 3, tail, sizeof tail - 1);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, text, pad + 2 + sizeof tail, 0), pad + 2 + sizeof tail);
        struct csv *c = csv_open(path, NULL);
        for (int pass = 0; pass < 2; pass++) {
            char *got = dump(c);
            assert_string_equal(got + pad, "|q|/a\"b\r\nc|x|/1|2|/");
            free(got);
            assert_int_equal(csv_rewind(c, NULL), 0);
        }
        csv_close(c);
        free(text);
    }
    close(fd);
    unlink(path);
}

static void what_is_no_file_is_refused(void **state)
{
    struct diag d;
    (void)state;
    assert_null(csv_open("/nowhere/t.csv", &d));
    assert_string_equal(d.text, "/nowhere/t.csv: No such file or directory");
    assert_null(csv_open("/tmp", &d));
    assert_string_equal(d.text, "/tmp: not a regular file; it is read twice, so save it to one first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_end_with_any_line_end),
        cmocka_unit_test(quoted_fields_hold_anything),
        cmocka_unit_test(empty_fields_and_lines),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(fields_know_their_place),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(lines_take_commas_and_quotes_as_they_are),
        cmocka_unit_test(a_record_may_have_no_end_of_columns_but_a_limit),
        cmocka_unit_test(a_record_may_have_no_end_of_bytes_but_a_limit),
        cmocka_unit_test(the_edge_of_the_window_changes_nothing),
        cmocka_unit_test(what_is_no_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
