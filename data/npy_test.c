/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/dataset.h"
#include "data/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file of `bytes` elements behind a header with this dictionary. */
static struct buf file_of(int version, const char *dictionary, size_t bytes)
{
    struct buf b = {0};
    size_t n = strlen(dictionary);
    uint8_t prefix[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)version, 0, (uint8_t)n, (uint8_t)(n >> 8), 0, 0};

    buf_append(&b, prefix, version == 1 ? 10 : 12);
    buf_append(&b, dictionary, n);
    buf_append(&b, NULL, bytes);
    return b;
}

static void accepted(int version, const char *dictionary, size_t bytes, struct npy *out)
{
    struct buf b = file_of(version, dictionary, bytes);
    struct diag d = {""};
    int err = npy_parse(b.data, b.len, b.len, "x.npy", out, &d);

    assert_string_equal(d.text, "");
    assert_int_equal(err, 0);
    assert_int_equal(out->data_at, b.len - bytes);
    assert_int_equal(out->data_bytes, bytes);
    buf_finish(&b);
}

static void refused(const char *dictionary, size_t bytes, const char *line)
{
    struct buf b = file_of(1, dictionary, bytes);
    struct npy npy;
    struct diag d = {""};

    assert_int_equal(npy_parse(b.data, b.len, b.len, "x.npy", &npy, &d), SHEAF_EINVAL);
    assert_string_equal(d.text, line);
    buf_finish(&b);
}

static void headers_of_all_versions_are_read(void **state)
{
    struct npy npy;
    (void)state;
    for (int version = 1; version <= 3; version++) {
        accepted(version, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   \n", 96, &npy);
        assert_int_equal(npy.dtype, SHEAF_DT_F64);
        assert_int_equal(npy.rank, 2);
        assert_int_equal(npy.shape[0], 3);
        assert_int_equal(npy.shape[1], 4);
        assert_false(npy.fortran || npy.swapped);
    }
}

static void headers_may_be_written_in_other_ways(void **state)
{
    struct npy npy;
    (void)state;
    accepted(1, "{\"shape\":(5,),\"fortran_order\":True,\"descr\":\">i2\"}", 10, &npy);
    assert_int_equal(npy.dtype, SHEAF_DT_I16);
    assert_true(npy.fortran && npy.swapped);
    accepted(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (2L, 3L)}", 6, &npy);
    assert_int_equal(npy.dtype, SHEAF_DT_BOOL);
    accepted(1, "{'descr': '>u1', 'fortran_order': False, 'shape': ()}", 1, &npy);
    assert_int_equal(npy.rank, 0);
    assert_int_equal(npy_rows(&npy), 1);
    assert_false(npy.swapped); /* one byte has no order */
    accepted(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7)}", 0, &npy);
    assert_int_equal(npy_rows(&npy), 0);
}

static void other_types_are_refused_with_advice(void **state)
{
    (void)state;
    refused("{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}", 2,
            "x.npy: dtype '<f2': only float32 and float64 are read; convert it with .astype('float64')");
    refused("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8,
            "x.npy: dtype '|O': Python objects are not read; convert it to numbers with .astype");
    refused("{'descr': '<U12', 'fortran_order': False, 'shape': (1,)}", 48,
            "x.npy: dtype '<U12': texts are not read; save codes, or pack a CSV table");
    refused("{'descr': '|S3', 'fortran_order': False, 'shape': (1,)}", 3,
            "x.npy: dtype '|S3': texts are not read; save codes, or pack a CSV table");
    refused("{'descr': '<M8[D]', 'fortran_order': False, 'shape': (1,)}", 8,
            "x.npy: dtype '<M8[D]': times are not read; save them with .astype('int64')");
    refused("{'descr': '<c16', 'fortran_order': False, 'shape': (1,)}", 16,
            "x.npy: dtype '<c16': complex numbers are not read; save the real and imaginary parts");
    refused("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", 8,
            "x.npy: structured types are not read; save one array a field");
    refused("{'descr': '<q9', 'fortran_order': False, 'shape': (1,)}", 9,
            "x.npy: dtype '<q9' is unknown; convert it with .astype");
    refused("{'descr': '', 'fortran_order': False, 'shape': (1,)}", 9,
            "x.npy: dtype '' is unknown; convert it with .astype");
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    refused("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", 23,
            "x.npy: the file is cut off: 23 bytes of elements where its shape needs 24");
    refused("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", 25,
            "x.npy: 1 byte follows the array; save one array a file");
    refused("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 8,
            "x.npy: malformed .npy header: 'shape' is larger than any file can be");
    refused("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}", 0,
            "x.npy: malformed .npy header: 'shape' is larger than any file can be");
    refused("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}", 8,
            "x.npy: malformed .npy header: 'shape' holds something that is no size");
    refused("{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 8,
            "x.npy: more than 8 axes; reshape it");
}

static void malformed_headers_are_refused(void **state)
{
    static const struct {
        const char *dictionary, *what;
    } bad[] = {
        {"", "no dictionary"},
        {"{", "a name is missing"},
        {"{}", "descr, fortran_order or shape is missing"},
        {"{'descr': '<f8', 'shape': (1,)}", "descr, fortran_order or shape is missing"},
        {"{'descr': '<f8', 'descr': '<f8'}", "a name twice"},
        {"{'descr': '<f8', 'x': 1}", "an unknown name"},
        {"{'descr': <f8}", "'descr' is no text"},
        {"{'descr': '<f8}", "'descr' is no text"},
        {"{'descr': '|f8'}", "'descr' names no byte order"},
        {"{'fortran_order': 0}", "'fortran_order' is neither True nor False"},
        {"{'shape': 3}", "'shape' is no tuple"},
        {"{'shape': (-3,)}", "'shape' holds something that is no size"},
        {"{'shape': (3 4)}", "'shape' does not end"},
        {"{'shape': (3", "'shape' does not end"},
        {"{'descr': '<f8' 'shape': (1,)}", "no comma after a value"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} x", "something follows the dictionary"},
    };
    char line[200];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(line, sizeof line, "x.npy: malformed .npy header: %s", bad[i].what);
        refused(bad[i].dictionary, 8, line);
    }
}

static void a_header_has_a_limit(void **state)
{
    uint8_t head[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 1, 0, 0x10, 0}; /* 2^20 + 1 */
    struct buf b = {0};
    struct npy npy;
    struct diag d = {""};
    (void)state;
    buf_append(&b, head, sizeof head);
    buf_append(&b, NULL, NPY_MAX_HEADER + 1);
    assert_int_equal(npy_parse(b.data, b.len, b.len, "x.npy", &npy, &d), SHEAF_EINVAL);
    assert_string_equal(d.text, "x.npy: malformed .npy header: it is longer than 1 MiB");
    b.data[8] = 0; /* as long as it may be: it is looked at */
    assert_int_equal(npy_parse(b.data, b.len, b.len, "x.npy", &npy, &d), SHEAF_EINVAL);
    assert_string_equal(d.text, "x.npy: malformed .npy header: no dictionary");
    buf_finish(&b);
}

static void foreign_files_are_refused(void **state)
{
    struct npy npy;
    struct diag d;
    (void)state;
    assert_int_equal(npy_parse("PK\3\4aaaaaaaaaaaa", 16, 16, "x.npy", &npy, &d), SHEAF_EINVAL);
    assert_string_equal(d.text, "x.npy: not an .npy file; write it with numpy.save");
    assert_int_equal(npy_parse("\x93NUMPY", 6, 6, "x.npy", &npy, &d), SHEAF_EINVAL);
    assert_int_equal(npy_parse("\x93NUMPY\4\0\0\0\0\0", 12, 12, "x.npy", &npy, &d), SHEAF_EINVAL);
    assert_string_equal(d.text, "x.npy: .npy format version 4.0 is unknown; versions 1 to 3 are read");
    assert_int_equal(npy_parse("\x93NUMPY\1\0\xFF\0\0\0", 12, 12, "x.npy", &npy, &d), SHEAF_EINVAL);
    assert_string_equal(d.text, "x.npy: malformed .npy header: the file ends inside it");
    assert_int_equal(npy_parse("\x93NUMPY\2\0\xFF\xFF\xFF\xFF", 12, 12, "x.npy", &npy, &d), SHEAF_EINVAL);
    assert_string_equal(d.text, "x.npy: malformed .npy header: it is longer than 1 MiB");
    assert_int_equal(npy_open("/nowhere/x.npy", &npy, &d), SHEAF_ENOENT);
    assert_string_equal(d.text, "/nowhere/x.npy: No such file or directory");
}

static int collect(void *user, const void *data, size_t n, struct diag *d)
{
    (void)d;
    return buf_append(user, data, n);
}

/* An array in memory, as npy_open would have mapped it. */
static struct npy mapped(struct buf *b, uint32_t dtype, uint32_t rank, const uint64_t *shape)
{
    struct npy npy = {.path = "x", .dtype = dtype, .rank = rank, .data_bytes = b->len, .map = b->data};
    memcpy(npy.shape, shape, rank * sizeof *shape);
    return npy;
}

/* Fortran order of a [2, 3, 5] array whose element (i, j, k) is 100 i + 10 j + k. */
static struct buf cube(void)
{
    struct buf b = {0};
    for (uint32_t k = 0; k < 5; k++)
        for (uint32_t j = 0; j < 3; j++)
            for (uint32_t i = 0; i < 2; i++) {
                uint32_t v = 100 * i + 10 * j + k;
                buf_append(&b, &v, sizeof v);
            }
    return b;
}

static void fortran_order_becomes_c_order_whatever_the_block(void **state)
{
    static const uint64_t shape[] = {2, 3, 5};
    struct buf b = cube();
    struct npy npy = mapped(&b, SHEAF_DT_U32, 3, shape);
    (void)state;
    npy.fortran = true;
    for (size_t block = 8; block <= 160; block += 4) /* from less than an axis to more than all */
        for (uint64_t from = 0; from <= 2; from++)
            for (uint64_t to = from; to <= 2; to++) {
                struct buf out = {0};
                struct npy_sink sink = {.put = collect, .user = &out, .block = block};
                assert_int_equal(npy_stream(&npy, from, to, &sink), 0);
                assert_int_equal(out.len, (to - from) * 15 * 4);
                for (uint32_t n = 0; n < out.len / 4; n++) {
                    uint32_t v, row = (uint32_t)from + n / 15;
                    memcpy(&v, out.data + (size_t)n * 4, 4);
                    assert_int_equal(v, 100 * row + n / 5 % 3 * 10 + n % 5);
                }
                buf_finish(&out);
            }
    buf_finish(&b);
}

static void big_endian_elements_are_swapped(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const struct {
        uint32_t dtype;
        uint8_t expected[8];
    } cases[] = {{SHEAF_DT_U8, {1, 2, 3, 4, 5, 6, 7, 8}},
                 {SHEAF_DT_I16, {2, 1, 4, 3, 6, 5, 8, 7}},
                 {SHEAF_DT_F32, {4, 3, 2, 1, 8, 7, 6, 5}},
                 {SHEAF_DT_F64, {8, 7, 6, 5, 4, 3, 2, 1}}};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct buf in = {0}, out = {0};
        uint64_t shape = i == 0 ? 8 : i == 1 ? 4 : i == 2 ? 2 : 1;
        struct npy_sink sink = {.put = collect, .user = &out};
        buf_append(&in, bytes, 8);
        struct npy npy = mapped(&in, cases[i].dtype, 1, &shape);
        npy.swapped = true;
        assert_int_equal(npy_stream(&npy, 0, shape, &sink), 0);
        assert_int_equal(out.len, 8);
        assert_memory_equal(out.data, cases[i].expected, 8);
        buf_finish(&in);
        buf_finish(&out);
    }
}

static void every_true_becomes_one(void **state)
{
    static const uint64_t shape[] = {4};
    struct buf in = {0}, out = {0};
    struct npy_sink sink = {.put = collect, .user = &out};
    (void)state;
    buf_append(&in, "\0\1\7\xFF", 4);
    struct npy npy = mapped(&in, SHEAF_DT_BOOL, 1, shape);
    assert_int_equal(npy_stream(&npy, 0, 4, &sink), 0);
    assert_memory_equal(out.data, "\0\1\1\1", 4);
    buf_finish(&in);
    buf_finish(&out);
}

static int give_up(void *user, const void *data, size_t n, struct diag *d)
{
    (void)data;
    (void)n;
    ++*(int *)user;
    return diag_fail(d, SHEAF_ENOSPC, "full");
}

static void a_sink_that_fails_ends_the_stream(void **state)
{
    static const uint64_t shape[] = {2, 3, 5};
    struct buf b = cube();
    struct npy npy = mapped(&b, SHEAF_DT_U32, 3, shape);
    int calls = 0;
    struct npy_sink sink = {.put = give_up, .user = &calls, .block = 8};
    (void)state;
    npy.fortran = true;
    assert_int_equal(npy_stream(&npy, 0, 2, &sink), SHEAF_ENOSPC);
    assert_int_equal(calls, 1);
    buf_finish(&b);
}

static void written_headers_read_back(void **state)
{
    static const uint64_t shape[] = {UINT32_MAX, 1, 1, 1, 1, 1, 1, 1};
    (void)state;
    for (uint32_t rank = 0; rank <= 8; rank++)
        for (uint32_t dtype = SHEAF_DT_BOOL; dtype <= SHEAF_DT_DATE; dtype++) {
            struct buf b = {0};
            struct npy npy;
            assert_int_equal(npy_header(dtype, rank, shape, &b), 0);
            assert_int_equal(b.len % 64, 0);
            assert_int_equal(b.data[b.len - 1], '\n');
            uint64_t bytes = (rank == 0 ? 1 : (uint64_t)UINT32_MAX) * dtype_size(dtype);
            assert_int_equal(npy_parse(b.data, b.len, b.len + bytes, "x", &npy, NULL), 0);
            assert_int_equal(npy.rank, rank);
            assert_int_equal(npy.dtype, dtype > SHEAF_DT_F64 ? SHEAF_DT_I32 : dtype);
            buf_finish(&b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_of_all_versions_are_read),
        cmocka_unit_test(headers_may_be_written_in_other_ways),
        cmocka_unit_test(other_types_are_refused_with_advice),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(a_header_has_a_limit),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(fortran_order_becomes_c_order_whatever_the_block),
        cmocka_unit_test(big_endian_elements_are_swapped),
        cmocka_unit_test(every_true_becomes_one),
        cmocka_unit_test(a_sink_that_fails_ends_the_stream),
        cmocka_unit_test(written_headers_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
