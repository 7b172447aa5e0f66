/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/dataset.h"
#include "data/npy.h"
#include "data/pack.h"

#include "common/fsutil.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/sheaf-pack-XXXXXX";

/* Everything happens in the folder, so that paths and error lines are short. */
static void save(const char *name, const char *text)
{
    assert_int_equal(file_write_atomic(name, text, strlen(text), NULL), 0);
}

static void save_ints(const char *name, const int32_t *v, uint64_t rows, uint64_t columns)
{
    uint64_t shape[] = {rows, columns};
    struct buf b = {0};

    assert_int_equal(npy_header(SHEAF_DT_I32, columns == 0 ? 1 : 2, shape, &b), 0);
    buf_append(&b, v, rows * (columns == 0 ? 1 : columns) * sizeof *v);
    assert_int_equal(file_write_atomic(name, b.data, b.len, NULL), 0);
    buf_finish(&b);
}

static struct dataset *packed(const struct pack_job *job)
{
    struct pack_job copy = *job;
    uint8_t digest[HASH_BYTES];
    struct dataset *ds = NULL;
    struct diag d = {""};

    copy.out = "out.sheaf";
    copy.replace = true;
    pack_run(&copy, digest, &d);
    assert_string_equal(d.text, "");
    assert_int_equal(dataset_open(copy.out, &ds, &d), 0);
    assert_int_equal(dataset_verify(ds, &d), 0);
    assert_memory_equal(dataset_digest(ds), digest, HASH_BYTES);
    return ds;
}

static void refused(const struct pack_job *job, const char *line)
{
    struct pack_job copy = *job;
    uint8_t digest[HASH_BYTES];
    struct diag d = {""};

    copy.out = "refused.sheaf";
    assert_true(pack_run(&copy, digest, &d) < 0);
    assert_string_equal(d.text, line);
    assert_int_not_equal(access(copy.out, F_OK), 0);
}

static const struct sheaf_view *view(const struct dataset *ds, const char *name, uint32_t dtype, uint64_t rows)
{
    const struct dataset_array *a = dataset_find(ds, name);
    if (a == NULL) {
        fail_msg("no array %s", name);
        return NULL; /* not reached */
    }
    assert_string_equal(dtype_name(a->view.dtype), dtype_name(dtype));
    assert_int_equal(a->view.shape[0], rows);
    return &a->view;
}

static void columns_take_the_narrowest_type(void **state)
{
    static const struct pack_item table = {"t", "t.csv"};
    struct pack_job job = {.tables = &table, .n_tables = 1};
    (void)state;
    save("t.csv", "i,holes,f,day,name,zip,late,none,days\n"
                  "1,1,1,2020-01-02,b,007,1,,2020-01-02\n"
                  "-2,,2.5,1969-12-31,,1,2,,\n"
                  "3,3,nan,2000-02-29,a,2,x,,1970-01-01\n");
    struct dataset *ds = packed(&job);
    assert_int_equal(dataset_count(ds), 9);

    const int64_t *i = view(ds, "t.i", SHEAF_DT_I64, 3)->data;
    assert_true(i[0] == 1 && i[1] == -2 && i[2] == 3);
    const double *f = view(ds, "t.holes", SHEAF_DT_F64, 3)->data;
    assert_true(f[0] == 1 && isnan(f[1]) && f[2] == 3);
    f = view(ds, "t.f", SHEAF_DT_F64, 3)->data;
    assert_true(f[0] == 1 && f[1] == 2.5 && isnan(f[2]));
    const int32_t *day = view(ds, "t.day", SHEAF_DT_DATE, 3)->data;
    assert_true(day[0] == 18263 && day[1] == -1 && day[2] == 11016);
    const struct sheaf_view *name = view(ds, "t.name", SHEAF_DT_CODE, 3);
    const int32_t *code = name->data;
    assert_int_equal(name->n_dictionary, 3);
    assert_string_equal(name->dictionary[code[0]], "b");
    assert_string_equal(name->dictionary[code[1]], "");
    assert_string_equal(name->dictionary[code[2]], "a");
    assert_int_equal(code[1], 0);
    view(ds, "t.zip", SHEAF_DT_CODE, 3);  /* 007 is no number */
    view(ds, "t.late", SHEAF_DT_CODE, 3); /* the last row decides */
    f = view(ds, "t.none", SHEAF_DT_F64, 3)->data;
    assert_true(isnan(f[0]) && isnan(f[1]) && isnan(f[2]));
    view(ds, "t.days", SHEAF_DT_CODE, 3); /* there is no date that means "none" */
    dataset_close(ds);
}

static void a_table_of_a_header_line_has_no_rows(void **state)
{
    static const struct pack_item table = {"t", "t.csv"};
    struct pack_job job = {.tables = &table, .n_tables = 1, .key = "k"};
    (void)state;
    save("t.csv", "k,v\n");
    struct dataset *ds = packed(&job);
    view(ds, "t.v", SHEAF_DT_F64, 0);
    assert_int_equal(dataset_keys(ds), 0);
    dataset_close(ds);
}

static void bad_tables_are_refused_with_their_place(void **state)
{
    static const struct pack_item table = {"t", "t.csv"};
    struct pack_job job = {.tables = &table, .n_tables = 1};
    (void)state;
    save("t.csv", "");
    refused(&job, "t.csv:1:1: the file is empty; its first line must name the columns");
    save("t.csv", "a,,c\n");
    refused(&job, "t.csv:1:3: a column without a name; the first line must name every column");
    save("t.csv", "a,b,a\n");
    refused(&job, "t.csv:1:5: a column name that was used before; names must differ");
    save("t.csv", "a\tb\n1\t2\n");
    refused(&job, "t.csv:1:1: a tab in a column's name; columns are separated by commas");
    save("t.csv", "a;b\n1;2\n");
    refused(&job, "t.csv:1:1: one column with a ';' in its name; columns are separated by commas");
    save("t.csv", "a,  \n1,2\n");
    refused(&job, "t.csv:1:3: a column without a name; the first line must name every column");
    save("t.csv", "a,day\n1,2024-02-29\n1,2023-02-29\n1,2025-02-29\n");
    refused(&job, "t.csv:3:3: there is no such day, but column 'day' has dates; correct it");
    save("t.csv", "day\n2024-13-01\n2024-12-01\n");
    refused(&job, "t.csv:2:1: there is no such day, but column 'day' has dates; correct it");
    save("t.csv", "a,b\n1,2\n3\n");
    refused(&job, "t.csv:3:1: 1 field where the header has 2: every line needs the same number");
    job.key = "k";
    save("t.csv", "a,b\n1,2\n");
    refused(&job, "no table has the key column 'k'");
    save("t.csv", "k,b\n1.5,2\n");
    refused(&job, "t.csv: column 'k' has fractions or empty cells; keys are texts, integers or dates");
    job.order = "day";
    save("t.csv", "k,b\n1,2\n");
    refused(&job, "no table with the key column has the order column 'day'");
}

static void a_key_sorts_and_cuts_its_tables(void **state)
{
    static const struct pack_item tables[] = {{"b", "b.csv"}, {"a", "a.csv"}, {"free", "free.csv"}};
    struct pack_job job = {.tables = tables, .n_tables = 3, .key = "sym", .order = "day"};
    uint64_t from, to;
    (void)state;
    save("a.csv", "day,sym,v\n3,Z,30\n1,Z,10\n2,A,2\n2,Z,20\n2,Z,21\n1,A,1\n");
    save("b.csv", "sym,w\nM,1\nA,2\nM,3\n"); /* no order column: as they come */
    save("free.csv", "x\n5\n4\n");
    struct dataset *ds = packed(&job);
    assert_int_equal(dataset_keys(ds), 3);
    assert_string_equal(dataset_key_column(ds), "sym");
    assert_string_equal(dataset_order_column(ds), "day");
    assert_int_equal(dataset_key_dtype(ds), SHEAF_DT_CODE);
    assert_string_equal(dataset_key_text(ds, 0), "A");
    assert_string_equal(dataset_key_text(ds, 1), "M");
    assert_string_equal(dataset_key_text(ds, 2), "Z");

    const int64_t *v = view(ds, "a.v", SHEAF_DT_I64, 6)->data;
    static const int64_t expected[] = {1, 2, 10, 20, 21, 30};
    assert_memory_equal(v, expected, sizeof expected);
    const int64_t *w = view(ds, "b.w", SHEAF_DT_I64, 3)->data;
    assert_true(w[0] == 2 && w[1] == 1 && w[2] == 3);
    const int64_t *x = view(ds, "free.x", SHEAF_DT_I64, 2)->data;
    assert_true(x[0] == 5 && x[1] == 4);
    assert_false(dataset_find(ds, "free.x")->partitioned);

    const struct dataset_array *a = dataset_find(ds, "a.v"), *b = dataset_find(ds, "b.sym");
    dataset_key_rows(ds, a, 0, &from, &to);
    assert_true(from == 0 && to == 2);
    dataset_key_rows(ds, a, 1, &from, &to);
    assert_true(from == 2 && to == 2); /* no M in a */
    dataset_key_rows(ds, a, 2, &from, &to);
    assert_true(from == 2 && to == 6);
    dataset_key_rows(ds, b, 1, &from, &to);
    assert_true(from == 1 && to == 3);
    dataset_key_rows(ds, b, 2, &from, &to);
    assert_true(from == 3 && to == 3);
    dataset_close(ds);
}

static void keys_may_be_integers_or_dates(void **state)
{
    static const struct pack_item tables[] = {{"a", "a.csv"}, {"b", "b.csv"}};
    struct pack_job job = {.tables = tables, .n_tables = 2, .key = "k"};
    uint64_t from, to;
    (void)state;
    save("a.csv", "k\n10\n-3\n9\n10\n");
    save("b.csv", "k\n9223372036854775807\n9\n");
    struct dataset *ds = packed(&job);
    static const int64_t expected[] = {-3, 9, 10, INT64_MAX};
    assert_int_equal(dataset_keys(ds), 4);
    assert_int_equal(dataset_key_dtype(ds), SHEAF_DT_I64);
    for (uint64_t i = 0; i < 4; i++) {
        assert_null(dataset_key_text(ds, i));
        assert_true(dataset_key_int(ds, i) == expected[i]);
    }
    dataset_key_rows(ds, dataset_find(ds, "a.k"), 2, &from, &to);
    assert_true(from == 2 && to == 4);
    dataset_key_rows(ds, dataset_find(ds, "b.k"), 3, &from, &to);
    assert_true(from == 1 && to == 2);
    dataset_close(ds);

    save("a.csv", "k\n2020-01-03\n1969-12-30\n");
    save("b.csv", "k\n2020-01-03\n");
    ds = packed(&job);
    assert_int_equal(dataset_key_dtype(ds), SHEAF_DT_DATE);
    assert_int_equal(dataset_keys(ds), 2);
    assert_int_equal(dataset_key_int(ds, 0), -2);
    dataset_close(ds);

    save("b.csv", "k\nx\n");
    refused(&job, "b.csv: the keys are of type text, but in a.csv of type date; they must agree");
}

static void order_takes_floats_with_nan_last(void **state)
{
    static const struct pack_item table = {"t", "t.csv"};
    struct pack_job job = {.tables = &table, .n_tables = 1, .key = "k", .order = "f"};
    (void)state;
    save("t.csv", "k,f,n\na,,0\na,1.5,1\na,-inf,2\na,0,3\na,-0,4\na,-2,5\na,inf,6\na,,7\n");
    struct dataset *ds = packed(&job);
    static const int64_t expected[] = {2, 5, 3, 4, 1, 6, 0, 7};
    assert_memory_equal(view(ds, "t.n", SHEAF_DT_I64, 8)->data, expected, sizeof expected);
    dataset_close(ds);
}

static void many_rows_are_sorted_stably(void **state)
{
    static const struct pack_item table = {"t", "t.csv"};
    struct pack_job job = {.tables = &table, .n_tables = 1, .key = "k", .order = "o"};
    struct buf text = {0};
    uint64_t from, to, x = 7;
    enum { N = 300000 };
    (void)state;
    buf_printf(&text, "k,o,n\n");
    for (int i = 0; i < N; i++) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        buf_printf(&text, "k%u,%u,%d\n", (unsigned)(x >> 40) % 500, (unsigned)(x >> 50) % 20, i);
    }
    assert_int_equal(file_write_atomic("t.csv", text.data, text.len, NULL), 0);
    buf_finish(&text);
    struct dataset *ds = packed(&job);
    const int32_t *k = view(ds, "t.k", SHEAF_DT_CODE, N)->data;
    const int64_t *o = view(ds, "t.o", SHEAF_DT_I64, N)->data, *n = view(ds, "t.n", SHEAF_DT_I64, N)->data;
    uint64_t sum = 0;
    for (int i = 0; i < N; i++) {
        sum += (uint64_t)n[i];
        if (i > 0 && k[i] == k[i - 1])
            assert_true(o[i - 1] < o[i] || (o[i - 1] == o[i] && n[i - 1] < n[i]));
        if (i > 0)
            assert_true(k[i - 1] <= k[i]);
    }
    assert_true(sum == (uint64_t)N * (N - 1) / 2);
    assert_int_equal(dataset_keys(ds), 500);
    for (uint64_t key = 0; key < 500; key++) {
        dataset_key_rows(ds, dataset_find(ds, "t.k"), key, &from, &to);
        assert_true(k[from] == (int32_t)key && k[to - 1] == (int32_t)key);
    }
    dataset_close(ds);
}

static void a_list_of_keys_cuts_arrays(void **state)
{
    static const struct pack_item arrays[] = {{"m", "m.npy"}, {"v", "v.npy"}, {"other", "other.npy"}};
    static const int32_t m[] = {30, 31, 10, 11, 20, 21}, v[] = {3, 1, 2}, other[] = {1, 2, 3, 4};
    struct pack_job job = {.arrays = arrays, .n_arrays = 3, .keys = "keys.txt"};
    uint64_t from, to;
    (void)state;
    save_ints("m.npy", m, 3, 2);
    save_ints("v.npy", v, 3, 0);
    save_ints("other.npy", other, 4, 0);
    save("keys.txt", "C,\"c\nA\n\nB\n");
    struct dataset *ds = packed(&job);
    assert_string_equal(dataset_key_column(ds), "key");
    assert_int_equal(dataset_keys(ds), 3);
    assert_string_equal(dataset_key_text(ds, 2), "C,\"c");
    static const int32_t m_sorted[] = {10, 11, 20, 21, 30, 31}, v_sorted[] = {1, 2, 3};
    assert_memory_equal(view(ds, "m", SHEAF_DT_I32, 3)->data, m_sorted, sizeof m_sorted);
    assert_memory_equal(view(ds, "v", SHEAF_DT_I32, 3)->data, v_sorted, sizeof v_sorted);
    assert_memory_equal(view(ds, "other", SHEAF_DT_I32, 4)->data, other, sizeof other);
    assert_true(dataset_find(ds, "m")->partitioned);
    assert_false(dataset_find(ds, "other")->partitioned);
    dataset_key_rows(ds, dataset_find(ds, "v"), 1, &from, &to);
    assert_true(from == 1 && to == 2);
    dataset_close(ds);

    save("keys.txt", "A\nB\nA\n");
    refused(&job, "keys.txt: the key 'A' is there twice");
    save("keys.txt", "A\nB\n");
    refused(&job, "keys.txt: no array has a first axis as long as this list of 2 keys");
    save("keys.txt", "\n\n");
    refused(&job, "keys.txt: no keys; write one a line");
}

static void lists_and_tables_share_their_keys(void **state)
{
    static const struct pack_item array = {"v", "v.npy"}, table = {"t", "t.csv"};
    static const int32_t v[] = {9, 7};
    struct pack_job job = {
        .arrays = &array, .n_arrays = 1, .tables = &table, .n_tables = 1, .key = "k", .keys = "keys.txt"};
    uint64_t from, to;
    (void)state;
    save_ints("v.npy", v, 2, 0);
    save("keys.txt", "9\n7\n");
    save("t.csv", "k\n8\n7\n8\n");
    struct dataset *ds = packed(&job);
    assert_int_equal(dataset_keys(ds), 3);
    assert_int_equal(dataset_key_int(ds, 1), 8);
    dataset_key_rows(ds, dataset_find(ds, "v"), 1, &from, &to);
    assert_true(from == 1 && to == 1);
    dataset_key_rows(ds, dataset_find(ds, "v"), 2, &from, &to);
    assert_true(from == 1 && to == 2);
    dataset_key_rows(ds, dataset_find(ds, "t.k"), 1, &from, &to);
    assert_true(from == 1 && to == 3);
    dataset_close(ds);
}

static void the_same_input_gives_the_same_dataset(void **state)
{
    static const struct pack_item one[] = {{"a", "a.npy"}, {"b", "b.npy"}}, two[] = {{"b", "b.npy"}, {"a", "a.npy"}};
    static const struct pack_item tables[] = {{"t", "t.csv"}, {"s", "s.csv"}},
                                  swapped[] = {{"s", "s.csv"}, {"t", "t.csv"}};
    static const int32_t v[] = {1, 2, 3};
    struct pack_job first = {.arrays = one, .n_arrays = 2, .tables = tables, .n_tables = 2, .key = "k"};
    struct pack_job second = {.arrays = two, .n_arrays = 2, .tables = swapped, .n_tables = 2, .key = "k"};
    uint8_t digest[HASH_BYTES];
    (void)state;
    save_ints("a.npy", v, 3, 0);
    save_ints("b.npy", v, 2, 0);
    save("t.csv", "k,x\nb,1\na,2\n");
    save("s.csv", "k,y\nc,1\n");
    struct dataset *ds = packed(&first);
    memcpy(digest, dataset_digest(ds), HASH_BYTES);
    dataset_close(ds);
    ds = packed(&second);
    assert_memory_equal(dataset_digest(ds), digest, HASH_BYTES);
    dataset_close(ds);
    save_ints("b.npy", v + 1, 2, 0);
    ds = packed(&second);
    assert_memory_not_equal(dataset_digest(ds), digest, HASH_BYTES);
    dataset_close(ds);
}

static void names_must_be_good_and_differ(void **state)
{
    static const struct pack_item bad[] = {{"1a", "a.npy"}, {"a b", "a.npy"}, {"", "a.npy"}, {"a/b", "a.npy"}};
    static const struct pack_item twice[] = {{"a", "a.npy"}, {"a", "a.npy"}};
    static const struct pack_item dotted[] = {{"t.x", "a.npy"}}, table[] = {{"t", "t.csv"}, {"t", "t.csv"}};
    static const struct pack_item point[] = {{"t.x", "t.csv"}};
    static const int32_t v[] = {1};
    (void)state;
    save_ints("a.npy", v, 1, 0);
    save("t.csv", "x\n1\n");
    for (size_t i = 0; i < 4; i++) {
        struct pack_job job = {.arrays = &bad[i], .n_arrays = 1};
        char line[120];
        snprintf(line, sizeof line,
                 "'%s' is no name for an array; begin with a letter, then letters, digits, _, - and .", bad[i].name);
        refused(&job, line);
    }
    refused(&(struct pack_job){.arrays = twice, .n_arrays = 2}, "two arrays are called 'a'; names must differ");
    refused(&(struct pack_job){.arrays = dotted, .n_arrays = 1, .tables = table, .n_tables = 1},
            "two arrays are called 't.x'; names must differ");
    refused(&(struct pack_job){.tables = table, .n_tables = 2}, "two tables are called 't'; names must differ");
    refused(&(struct pack_job){.tables = point, .n_tables = 1},
            "'t.x' is no name for a table; begin with a letter, then letters, digits, _ and -");
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return chdir("/") != 0 ? -1 : dir_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_take_the_narrowest_type),
        cmocka_unit_test(a_table_of_a_header_line_has_no_rows),
        cmocka_unit_test(bad_tables_are_refused_with_their_place),
        cmocka_unit_test(a_key_sorts_and_cuts_its_tables),
        cmocka_unit_test(keys_may_be_integers_or_dates),
        cmocka_unit_test(order_takes_floats_with_nan_last),
        cmocka_unit_test(many_rows_are_sorted_stably),
        cmocka_unit_test(a_list_of_keys_cuts_arrays),
        cmocka_unit_test(lists_and_tables_share_their_keys),
        cmocka_unit_test(the_same_input_gives_the_same_dataset),
        cmocka_unit_test(names_must_be_good_and_differ),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
