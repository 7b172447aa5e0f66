/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/dataset.h"
#include "data/header.h"
#include "data/writer.h"

#include "common/fsutil.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS 300000u /* of "big": 2.4 MB, which with "wide" makes more than one chunk */

static char folder[] = "/tmp/sheaf-dataset-XXXXXX";
static char path[64];

/* A plan with all there is: ranks 0 to 3, an empty array, codes, and keys that cut one of two tables. */
struct sample {
    struct header_dim cube[3], rows[1], none[2], six[1];
    struct header_array arrays[6];
    struct header_partition partition;
    uint64_t starts[4];
    struct header plan;
};

static void make_plan(struct sample *s)
{
    *s = (struct sample){.cube = {{2}, {3}, {100000}}, .rows = {{ROWS}}, .none = {{0}, {4}}, .six = {{6}}};
    s->starts[1] = 2;
    s->starts[2] = 2; /* the second key has no rows */
    s->starts[3] = 6;
    s->partition = (struct header_partition){.table = "t", .rows = 6, .starts = {s->starts, sizeof s->starts}};
    s->arrays[0] = (struct header_array){.name = "big", .dtype = SHEAF_DT_F64, .dims = s->rows, .rank = 1, .table = ""};
    s->arrays[1] = (struct header_array){.name = "none", .dtype = SHEAF_DT_I8, .dims = s->none, .rank = 2, .table = ""};
    s->arrays[2] = (struct header_array){.name = "one", .dtype = SHEAF_DT_U16, .rank = 0, .table = ""};
    s->arrays[3] = (struct header_array){.name = "t.code",
                                         .dtype = SHEAF_DT_CODE,
                                         .dims = s->six,
                                         .rank = 1,
                                         .table = "t",
                                         .partition = 1,
                                         .n_dictionary = 2,
                                         .dictionary = {"a\0b", 4}};
    s->arrays[4] = (struct header_array){
        .name = "t.x", .dtype = SHEAF_DT_F64, .dims = s->six, .rank = 1, .table = "t", .partition = 1};
    s->arrays[5] =
        (struct header_array){.name = "wide", .dtype = SHEAF_DT_I32, .dims = s->cube, .rank = 3, .table = ""};
    s->plan = (struct header){.arrays = s->arrays,
                              .n_arrays = 6,
                              .key_column = "sym",
                              .key_dtype = SHEAF_DT_CODE,
                              .n_keys = 3,
                              .keys = {"A\0B\0C", 6},
                              .partitions = &s->partition,
                              .n_partitions = 1};
}

static void write_elements(struct writer *w)
{
    static const int32_t codes[6] = {0, 1, 0, 1, 0, 1};
    static const uint16_t one = 4711;
    struct diag d;

    for (uint32_t i = 0; i < ROWS; i++) { /* small pieces */
        double v = i;
        assert_int_equal(writer_write(w, &v, sizeof v, &d), 0);
    }
    assert_int_equal(writer_write(w, &one, sizeof one, &d), 0);
    assert_int_equal(writer_write(w, codes, sizeof codes, &d), 0);
    for (int i = 0; i < 6; i++) {
        double v = i / 2.0;
        assert_int_equal(writer_write(w, &v, sizeof v, &d), 0);
    }
    int32_t *wide = malloc(600000 * sizeof *wide); /* one large piece */
    for (int32_t i = 0; i < 600000; i++)
        wide[i] = i;
    assert_int_equal(writer_write(w, wide, 600000 * sizeof *wide, &d), 0);
    free(wide);
}

static void write_sample(uint8_t digest[HASH_BYTES])
{
    struct sample s;
    struct writer *w = NULL;
    struct diag d = {""};

    make_plan(&s);
    assert_int_equal(writer_create(path, &s.plan, true, &w, &d), 0);
    write_elements(w);
    assert_int_equal(writer_commit(&w, digest, &d), 0);
    assert_null(w);
}

static int count_files(void)
{
    DIR *dir = opendir(folder);
    int n = 0;

    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n - 2; /* . and .. */
}

static void what_was_written_is_read(void **state)
{
    uint8_t digest[HASH_BYTES];
    struct dataset *ds = NULL;
    struct diag d = {""};
    uint64_t from, to;
    (void)state;
    write_sample(digest);
    assert_int_equal(dataset_open(path, &ds, &d), 0);
    assert_memory_equal(dataset_digest(ds), digest, HASH_BYTES);
    assert_int_equal(dataset_count(ds), 6);
    assert_int_equal(dataset_verify(ds, &d), 0);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(dataset_offset(ds, dataset_at(ds, i)) % 4096, 0);

    const struct dataset_array *a = dataset_find(ds, "big");
    assert_int_equal(a->view.shape[0], ROWS);
    for (uint32_t i = 0; i < ROWS; i++)
        assert_true(((const double *)a->view.data)[i] == i);
    a = dataset_find(ds, "wide");
    assert_int_equal(a->view.rank, 3);
    assert_int_equal(a->view.strides[0], 1200000);
    assert_int_equal(a->view.strides[1], 400000);
    assert_int_equal(a->view.strides[2], 4);
    assert_int_equal(((const int32_t *)a->view.data)[599999], 599999);
    assert_int_equal(*(const uint16_t *)dataset_find(ds, "one")->view.data, 4711);
    assert_int_equal(dataset_find(ds, "none")->view.shape[1], 4);

    a = dataset_find(ds, "t.code");
    assert_true(a->partitioned);
    assert_string_equal(a->table, "t");
    assert_int_equal(a->view.n_dictionary, 2);
    assert_string_equal(a->view.dictionary[1], "b");
    assert_null(dataset_find(ds, "t.y"));
    assert_null(dataset_find(ds, ""));
    assert_int_equal(dataset_keys(ds), 3);
    assert_string_equal(dataset_key_column(ds), "sym");
    assert_string_equal(dataset_key_text(ds, 2), "C");
    dataset_key_rows(ds, a, 1, &from, &to);
    assert_true(from == 2 && to == 2);
    dataset_key_rows(ds, a, 2, &from, &to);
    assert_true(from == 2 && to == 6);
    dataset_close(ds);
}

static void the_file_is_read_only_and_alone(void **state)
{
    uint8_t first[HASH_BYTES], second[HASH_BYTES];
    struct stat st;
    (void)state;
    write_sample(first);
    write_sample(second);
    assert_memory_equal(first, second, HASH_BYTES);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0222, 0);
    assert_int_equal(count_files(), 1);
}

/* root's /dev/null, for one */
static void what_is_no_regular_file_is_not_replaced(void **state)
{
    struct sample s;
    struct writer *w = NULL;
    struct diag d = {""};
    struct stat st;
    (void)state;
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    make_plan(&s);
    assert_int_equal(writer_create(path, &s.plan, true, &w, &d), SHEAF_EINVAL);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(unlink(path), 0);
}

static void an_existing_file_stays_unless_replaced(void **state)
{
    uint8_t digest[HASH_BYTES];
    struct sample s;
    struct writer *w = NULL;
    struct diag d = {""};
    char line[200];
    (void)state;
    write_sample(digest);
    snprintf(line, sizeof line, "%s: the file exists; replace it with --force", path);
    make_plan(&s);
    assert_int_equal(writer_create(path, &s.plan, false, &w, &d), SHEAF_EBUSY);
    assert_string_equal(d.text, line);
    /* It may also come into being while we write. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(writer_create(path, &s.plan, false, &w, &d), 0);
    write_elements(w);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    close(fd);
    d.text[0] = 0;
    assert_int_equal(writer_commit(&w, digest, &d), SHEAF_EBUSY);
    assert_string_equal(d.text, line);
    assert_null(w);
    assert_int_equal(count_files(), 1);
}

static void a_writer_that_gives_up_leaves_nothing(void **state)
{
    struct sample s;
    struct writer *w = NULL;
    struct diag d = {""};
    (void)state;
    unlink(path);
    make_plan(&s);
    assert_int_equal(writer_create(path, &s.plan, false, &w, &d), 0);
    assert_int_equal(writer_write(w, "abcdefgh", 8, &d), 0);
    writer_destroy(&w);
    assert_int_equal(count_files(), 0);
    assert_int_equal(writer_create("/nowhere/x.sheaf", &s.plan, false, &w, &d), SHEAF_ENOENT);
    assert_string_equal(d.text, "/nowhere/x.sheaf: cannot create the file: No such file or directory");
}

static struct buf slurp(void)
{
    struct buf b = {0};
    uint8_t digest[HASH_BYTES];

    write_sample(digest);
    assert_int_equal(file_read(path, SIZE_MAX, &b, NULL), 0);
    return b;
}

static void every_damaged_byte_is_found(void **state)
{
    struct buf b = slurp();
    (void)state;
    uint64_t len, body;
    memcpy(&len, b.data + 8, 8);
    body = header_body_at(len);
    /* All of the prefix, header, digest and padding; a sample of the body with both ends. */
    for (uint64_t i = 0; i < b.len; i += i + 1 < body || i + 9973 >= b.len ? 1 : 9973) {
        struct dataset *ds = NULL;
        struct diag d = {""};
        if (i > body + 20 && i + 20 < b.len && i + 9973 >= b.len)
            i = b.len - 20;
        b.data[i] ^= 0x10;
        int err = dataset_open_memory(b.data, b.len, "x", &ds, &d);
        if (i >= body)
            assert_int_equal(err, 0);
        if (err == 0)
            err = dataset_verify(ds, &d);
        assert_true(err == SHEAF_ECORRUPT || err == SHEAF_EVERSION);
        assert_true(strncmp(d.text, "x: ", 3) == 0);
        b.data[i] ^= 0x10;
        dataset_close(ds);
    }
    buf_finish(&b);
}

static void damage_names_the_chunk_and_its_arrays(void **state)
{
    struct buf b = slurp();
    struct dataset *ds = NULL;
    struct diag d = {""};
    (void)state;
    b.data[b.len - 1] ^= 1;
    assert_int_equal(dataset_open_memory(b.data, b.len, "x", &ds, &d), 0);
    assert_int_equal(dataset_verify(ds, &d), SHEAF_ECORRUPT);
    assert_string_equal(d.text, "x: chunk 1 is damaged (wide): fetch or pack the file again");
    b.data[b.len - 1] ^= 1;
    b.data[dataset_offset(ds, dataset_find(ds, "t.x"))] ^= 1;
    assert_int_equal(dataset_verify(ds, &d), SHEAF_ECORRUPT);
    assert_string_equal(d.text, "x: chunk 0 is damaged (big, one, t.code and 2 more): fetch or pack the file again");
    dataset_close(ds);
    buf_finish(&b);
}

static void every_cut_is_found(void **state)
{
    struct buf b = slurp();
    (void)state;
    for (uint64_t n = 0; n < b.len; n += n < 8192 ? 1 : 99991) {
        struct dataset *ds = NULL;
        struct diag d;
        uint8_t *copy = malloc(n + 1); /* of just this size, so that a sanitizer sees every step beyond */
        memcpy(copy, b.data, n);
        assert_int_equal(dataset_open_memory(copy, n, "x", &ds, &d), SHEAF_ECORRUPT);
        free(copy);
    }
    buf_append(&b, NULL, 4096);
    struct dataset *ds = NULL;
    assert_int_equal(dataset_open_memory(b.data, b.len, "x", &ds, NULL), SHEAF_ECORRUPT);
    buf_finish(&b);
}

static void foreign_files_are_refused(void **state)
{
    struct dataset *ds = NULL;
    struct diag d;
    (void)state;
    assert_int_equal(dataset_open_memory("\x93NUMPY\1\0", 8, "x.npy", &ds, &d), SHEAF_ECORRUPT);
    assert_string_equal(d.text, "x.npy: not a sheaf dataset; make one with `sheaf pack`");
    assert_int_equal(dataset_open_memory("SHEAFDS2........", 16, "x", &ds, &d), SHEAF_EVERSION);
    assert_string_equal(d.text, "x: dataset format '2', but this sheaf reads format '1': pack it again");
    assert_int_equal(dataset_open("/nowhere", &ds, &d), SHEAF_ENOENT);
    assert_string_equal(d.text, "/nowhere: No such file or directory");
    assert_int_equal(dataset_open("/tmp", &ds, &d), SHEAF_EINVAL);
}

/* A file with this header and a body of zeros; chunk digests as the plan has them. */
static struct buf forge(const struct header *h)
{
    struct buf b = {0}, head = {0};
    uint8_t digest[HASH_BYTES];

    assert_int_equal(header_encode(h, &head, NULL), 0);
    uint64_t len = head.len;
    hash_bytes(head.data, head.len, digest);
    buf_append(&b, HEADER_MAGIC, 8);
    buf_append(&b, &len, 8);
    buf_append(&b, head.data, head.len);
    buf_append(&b, digest, HASH_BYTES);
    buf_append(&b, NULL, header_body_at(len) - b.len + h->body_bytes);
    buf_finish(&head);
    return b;
}

static void lie(const struct sample *s, const char *what)
{
    struct buf b = forge(&s->plan);
    struct dataset *ds = NULL;
    struct diag d = {""};
    char line[200];

    snprintf(line, sizeof line, "x: malformed header: %s", what);
    assert_int_equal(dataset_open_memory(b.data, b.len, "x", &ds, &d), SHEAF_ECORRUPT);
    assert_string_equal(d.text, line);
    buf_finish(&b);
}

static uint8_t no_digests[2 * HASH_BYTES];

/* The sample with its first and last arrays cut short and offsets set, so that it fits a body of 20 KiB. */
static void small(struct sample *s)
{
    make_plan(s);
    s->rows[0].n = 5;
    s->cube[2].n = 7;
    for (uint32_t i = 0; i < 6; i++)
        s->arrays[i].offset = i == 1 ? 0 : 4096 * (i > 1 ? i - 1 : 0);
    s->plan.body_bytes = (uint64_t)5 * 4096;
    s->plan.chunk_bytes = DATASET_CHUNK;
    s->plan.digests = (struct slice){no_digests, HASH_BYTES};
}

static void headers_that_lie_about_arrays_are_refused(void **state)
{
    struct sample s;
    (void)state;
    small(&s);
    s.arrays[5].offset = (uint64_t)5 * 4096;
    lie(&s, "an array outside the file: wide");
    small(&s);
    s.arrays[5].offset = 4097;
    lie(&s, "an array outside the file: wide");
    small(&s);
    s.rows[0].n = 1 << 20;
    lie(&s, "an array outside the file: big");
    small(&s);
    s.cube[0].n = s.cube[1].n = (uint64_t)1 << 40;
    lie(&s, "an array of an impossible shape: wide");
    small(&s);
    s.none[1].n = INT64_MAX;
    s.arrays[1].dtype = SHEAF_DT_I16;
    lie(&s, "an array of an impossible shape: none");
    small(&s);
    s.arrays[2].dtype = 14;
    lie(&s, "an array of an unknown type: one");
    small(&s);
    s.arrays[2].dtype = 0;
    lie(&s, "an array of an unknown type: one");
    small(&s);
    s.arrays[0].name = "";
    lie(&s, "an array without a name: ");
    small(&s);
    s.arrays[5].name = "t.x";
    lie(&s, "array names that are not ascending: t.x");
    small(&s);
    s.plan.digests.len = (size_t)2 * HASH_BYTES;
    lie(&s, "the wrong number of chunk digests");
    small(&s);
    s.plan.digests.len = HASH_BYTES - 1;
    lie(&s, "the wrong number of chunk digests");
    small(&s);
    s.plan.chunk_bytes = 1;
    lie(&s, "another chunk size");
}

static void headers_that_lie_about_texts_are_refused(void **state)
{
    struct sample s;
    (void)state;
    small(&s);
    s.arrays[3].dictionary = (struct slice){"b\0a", 4};
    lie(&s, "a dictionary that is not one of ascending texts: t.code");
    small(&s);
    s.arrays[3].dictionary = (struct slice){"a\0bc", 4}; /* no NUL at the end */
    lie(&s, "a dictionary that is not one of ascending texts: t.code");
    small(&s);
    s.arrays[3].n_dictionary = 3;
    lie(&s, "a dictionary that is not one of ascending texts: t.code");
    small(&s);
    s.arrays[3].dictionary = (struct slice){"a\0\xFF", 4};
    lie(&s, "a dictionary that is not one of ascending texts: t.code");
    small(&s);
    s.arrays[4].n_dictionary = 1;
    lie(&s, "a dictionary that is not one of ascending texts: t.x");
    small(&s);
    s.plan.keys = (struct slice){"A\0A\0C", 6};
    lie(&s, "keys that are not ascending texts");
    small(&s);
    s.plan.n_keys = INT64_MAX;
    lie(&s, "keys that are not ascending texts");
    small(&s);
    s.plan.key_dtype = SHEAF_DT_F64;
    lie(&s, "keys of an unknown type");
    small(&s);
    s.plan.key_dtype = 0;
    lie(&s, "keys without a type");
    small(&s);
    s.plan.key_column = "";
    lie(&s, "keys without a name");
    small(&s);
    s.plan.key_dtype = SHEAF_DT_I64;
    lie(&s, "keys that are not ascending integers");
    small(&s);
    s.plan.key_dtype = SHEAF_DT_I64;
    s.plan.n_keys = (uint64_t)1 << 61; /* times 8 is 0 */
    s.plan.keys.len = 0;
    lie(&s, "keys that are not ascending integers");
}

static void headers_that_lie_about_rows_are_refused(void **state)
{
    struct sample s;
    (void)state;
    small(&s);
    s.arrays[4].partition = 2;
    lie(&s, "an array of an unknown partition: t.x");
    small(&s);
    s.arrays[2].partition = 1; /* it has no axis */
    lie(&s, "an array with other rows than its partition: one");
    small(&s);
    s.six[0].n = 5;
    lie(&s, "an array with other rows than its partition: t.code");
    small(&s);
    s.starts[3] = 5;
    lie(&s, "a partition index that does not cover its rows");
    small(&s);
    s.starts[2] = 1;
    lie(&s, "a partition index that descends");
    small(&s);
    s.starts[0] = 1;
    lie(&s, "a partition index of the wrong length");
    small(&s);
    s.partition.starts.len -= 8;
    lie(&s, "a partition index of the wrong length");
}

static void a_code_outside_its_dictionary_fails_the_verification(void **state)
{
    struct sample s;
    struct dataset *ds = NULL;
    struct diag d;
    (void)state;
    small(&s);
    struct buf body = {0}, b;
    buf_append(&body, NULL, s.plan.body_bytes);
    body.data[s.arrays[3].offset + 4] = 2;
    hash_bytes(body.data, body.len, no_digests);
    b = forge(&s.plan);
    memcpy(b.data + b.len - body.len, body.data, body.len);
    assert_int_equal(dataset_open_memory(b.data, b.len, "x", &ds, &d), 0);
    assert_int_equal(dataset_verify(ds, &d), SHEAF_ECORRUPT);
    assert_string_equal(d.text, "x: t.code: element 1 is not in the dictionary");
    dataset_close(ds);
    buf_finish(&body);
    buf_finish(&b);
}

static void a_dataset_of_nothing_is_one(void **state)
{
    struct header plan = {.key_column = ""};
    struct writer *w = NULL;
    struct dataset *ds = NULL;
    uint8_t digest[HASH_BYTES];
    (void)state;
    assert_int_equal(writer_create(path, &plan, true, &w, NULL), 0);
    assert_int_equal(writer_commit(&w, digest, NULL), 0);
    assert_int_equal(dataset_open(path, &ds, NULL), 0);
    assert_int_equal(dataset_count(ds), 0);
    assert_int_equal(dataset_keys(ds), 0);
    assert_int_equal(dataset_key_dtype(ds), SHEAF_ANY);
    assert_int_equal(dataset_verify(ds, NULL), 0);
    dataset_close(ds);
}

static void types_have_names_and_sizes(void **state)
{
    (void)state;
    assert_string_equal(dtype_name(SHEAF_DT_F64), "float64");
    assert_string_equal(dtype_name(SHEAF_DT_CODE), "code");
    assert_string_equal(dtype_name(0), "?");
    assert_string_equal(dtype_name(99), "?");
    assert_int_equal(dtype_size(SHEAF_DT_DATE), 4);
    assert_int_equal(dtype_size(SHEAF_DT_U16), 2);
    assert_int_equal(dtype_size(0), 0);
    assert_int_equal(dtype_size(99), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/x.sheaf", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return dir_remove(folder);
}

static void a_view_loses_surplus_axes_of_one_element(void **state)
{
    (void)state;
    struct dataset_array a = {.name = "a",
                              .view = {.rank = 5, .shape = {1, 7, 1, 1, 3}, .strides = {168, 24, 24, 24, 8}}};
    struct sheaf_view v = dataset_view(&a, 2);
    assert_true(v.rank == 2 && v.shape[0] == 7 && v.strides[0] == 24 && v.shape[1] == 3 && v.strides[1] == 8);
    v = dataset_view(&a, 4);
    assert_true(v.rank == 4 && v.shape[0] == 7 && v.shape[1] == 1 && v.shape[3] == 3);
    assert_int_equal(dataset_view(&a, 1).rank, 5); /* not possible */
    assert_int_equal(dataset_view(&a, 0).rank, 5);
    assert_int_equal(dataset_view(&a, 5).rank, 5);
    assert_int_equal(dataset_view(&a, 6).rank, 5);
    a.partitioned = true;
    assert_int_equal(dataset_view(&a, 2).rank, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_file_is_read_only_and_alone),
        cmocka_unit_test(what_is_no_regular_file_is_not_replaced),
        cmocka_unit_test(an_existing_file_stays_unless_replaced),
        cmocka_unit_test(a_writer_that_gives_up_leaves_nothing),
        cmocka_unit_test(every_damaged_byte_is_found),
        cmocka_unit_test(damage_names_the_chunk_and_its_arrays),
        cmocka_unit_test(every_cut_is_found),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(headers_that_lie_about_arrays_are_refused),
        cmocka_unit_test(headers_that_lie_about_texts_are_refused),
        cmocka_unit_test(headers_that_lie_about_rows_are_refused),
        cmocka_unit_test(a_code_outside_its_dictionary_fails_the_verification),
        cmocka_unit_test(a_dataset_of_nothing_is_one),
        cmocka_unit_test(types_have_names_and_sizes),
        cmocka_unit_test(a_view_loses_surplus_axes_of_one_element),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
