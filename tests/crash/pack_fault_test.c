/* SPDX-License-Identifier: MIT
 *
 * Power cuts and failing calls under the writer of datasets: whatever stops or fails, under the final name there is the file
 * that was there before, or the whole new one, or none when there was none; the new one if that was said. A failure leaves nothing
 * else behind. The same for the small files that are replaced in one step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/fsutil.h"
#include "data/npy.h"
#include "data/pack.h"
#include "tests/crash/disk.h"
#include "tests/crash/lives.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROWS 500

static char root[64];
static struct buf old_file, new_file; /* what a pack without failures makes of two inputs */

static int save(const char *name, const struct buf *b)
{
    return file_write_atomic(lives_path(root, name), b->data, b->len, NULL);
}

static void save_inputs(int32_t first)
{
    struct buf npy = {0}, csv = {0};
    uint64_t rows = ROWS;
    assert_int_equal(npy_header(SHEAF_DT_I32, 1, &rows, &npy), 0);
    assert_int_equal(buf_append(&csv, "k,v\n", 4), 0);
    for (int32_t i = 0; i < ROWS; i++) {
        int32_t v = first + i;
        assert_int_equal(buf_append(&npy, &v, sizeof(v)), 0);
        assert_int_equal(buf_printf(&csv, "key%d,%d\n", i % 7, v), 0);
    }
    assert_int_equal(save("a.npy", &npy), 0);
    assert_int_equal(save("t.csv", &csv), 0);
    buf_finish(&npy);
    buf_finish(&csv);
}

static int pack(bool replace, struct diag *d)
{
    const struct pack_item array = {"a", lives_path(root, "a.npy")}, table = {"t", lives_path(root, "t.csv")};
    const struct pack_job job = {.out = lives_path(root, "out.sheaf"),
                                 .replace = replace,
                                 .arrays = &array,
                                 .n_arrays = 1,
                                 .tables = &table,
                                 .n_tables = 1,
                                 .key = "k"};
    uint8_t digest[HASH_BYTES];
    return pack_run(&job, digest, d);
}

/* The bytes of a file; none when it is not there. */
static struct buf bytes_of(const char *name)
{
    struct buf b = {0};
    if (access(lives_path(root, name), F_OK) == 0)
        assert_int_equal(file_read(lives_path(root, name), 1 << 24, &b, NULL), 0);
    return b;
}

static bool is(const char *name, const struct buf *want)
{
    struct buf b = bytes_of(name);
    bool same = b.len == want->len && (b.len == 0 || memcmp(b.data, want->data, b.len) == 0);
    buf_finish(&b);
    return same;
}

static unsigned names_in_root(void)
{
    unsigned n = 0;
    DIR *dir = opendir(root);
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void world_begin(bool replace)
{
    snprintf(root, sizeof(root), "/tmp/sheafpack-%ld",
             (long)getpid()); /* not in memory: reserving room there costs it */
    assert_int_equal(dir_remove(root), 0);
    assert_int_equal(dir_make(root, 0700, NULL), 0);
    disk_begin(root);
    save_inputs(replace ? 1000 : 2000);
    if (replace) {
        assert_int_equal(pack(false, NULL), 0);
        save_inputs(2000);
    }
}

static void world_end(void)
{
    disk_end();
    assert_int_equal(dir_remove(root), 0);
}

static int setup(void **state)
{
    (void)state;
    world_begin(true);
    old_file = bytes_of("out.sheaf");
    assert_int_equal(pack(true, NULL), 0);
    new_file = bytes_of("out.sheaf");
    world_end();
    return old_file.len > 0 && new_file.len > 0 && !is("out.sheaf", &new_file) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    buf_finish(&old_file);
    buf_finish(&new_file);
    return 0;
}

/* What must be there: the new file if it was promised, else that or what was there before. */
static void check_out(bool promised, bool replace, const char *when, uint64_t n)
{
    static const struct buf none;
    bool whole = is("out.sheaf", &new_file), before = is("out.sheaf", replace ? &old_file : &none);
    if (!whole && (promised || !before))
        fail_msg("%s at call %llu: there is neither the new file nor what was there", when, (unsigned long long)n);
}

static bool cut_at(uint64_t n, bool replace, uint64_t seed)
{
    struct rnd r = {seed};
    world_begin(replace);
    disk_stop_at(n);
    int err = pack(replace, NULL);
    bool stopped = disk_has_stopped();
    assert_true(err == 0 || stopped);
    disk_power_went(&r);
    check_out(err == 0, replace, "a power cut", n);
    assert_int_equal(pack(true, NULL), 0);
    check_out(true, replace, "after a power cut", n);
    world_end();
    return stopped;
}

static void a_power_cut_leaves_no_half_written_dataset(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t n = 1;
        while (cut_at(n, seed % 2, seed * 1000 + n))
            n++;
        assert_true(n > 3);
    }
}

struct failure {
    const char *name;
    unsigned calls;
    int errnum, err;
    bool forever;
};

static bool fail_at(const struct failure *f, uint64_t n, bool replace)
{
    struct diag d = {""};
    struct rnd r = {n};
    world_begin(replace);
    unsigned names = names_in_root();
    disk_fail_at(n, f->calls, f->errnum, f->forever);
    int err = pack(replace, &d);
    bool failed = disk_has_failed();
    disk_fail_at(0, 0, 0, false);
    if (err && (!d.text[0] || (f->err && err != f->err)))
        fail_msg("%s at call %llu: error %d: %s", f->name, (unsigned long long)n, err, d.text);
    assert_true(err == 0 || failed);
    if (err && !(f->calls & 1u << IO_NAME) && names_in_root() > names + (is("out.sheaf", &new_file) && !replace))
        fail_msg("%s at call %llu: something is left", f->name, (unsigned long long)n);
    check_out(err == 0, replace, f->name, n);
    disk_power_went(&r);
    check_out(err == 0, replace, f->name, n);
    world_end();
    return failed;
}

static void whichever_call_fails_there_is_one_line_and_nothing_else(void **state)
{
    (void)state;
    static const struct failure failures[] = {
        {"open", 1u << IO_OPEN | 1u << IO_CREATE, EIO, 0, false},
        {"open: too many", 1u << IO_OPEN | 1u << IO_CREATE, EMFILE, 0, true},
        {"read", 1u << IO_READ, EIO, 0, false},
        {"half a read", 1u << IO_READ, IO_SHORT, 0, false},
        {"write", 1u << IO_WRITE, EIO, SHEAF_EIO, false},
        {"write: full", 1u << IO_WRITE, ENOSPC, SHEAF_ENOSPC, true},
        {"half of each write", 1u << IO_WRITE, IO_SHORT, 0, true},
        {"size: full", 1u << IO_SIZE, ENOSPC, SHEAF_ENOSPC, false},
        {"size: cannot", 1u << IO_SIZE, EOPNOTSUPP, 0, false},
        {"sync", 1u << IO_SYNC, EIO, SHEAF_EIO, false},
        {"name", 1u << IO_NAME, EIO, 0, true},
        {"map", 1u << IO_MAP, ENOMEM, 0, false},
        {"look", 1u << IO_LOOK, EIO, 0, false},
        {"anything", (1u << IO_CALLS) - 1, EIO, 0, true},
    };
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        for (int replace = 0; replace < 2; replace++) {
            uint64_t n = 1;
            while (fail_at(&failures[i], n, replace))
                n++;
        }
    }
}

static void a_small_table_needs_little_room(void **state)
{
    (void)state;
    struct rlimit old, tight = {1 << 20, 0};
    world_begin(false);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    int err = pack(false, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err, 0);
    world_end();
}

/* ---- small files ---- */

static bool replaced_at(uint64_t n, uint64_t seed)
{
    struct rnd r = {seed};
    struct buf one = {0}, two = {0};
    world_begin(false);
    assert_int_equal(buf_printf(&one, "the first of two texts\n"), 0);
    assert_int_equal(buf_printf(&two, "the second one, which is longer than the first\n"), 0);
    assert_int_equal(save("small", &one), 0);
    disk_stop_at(n);
    int err = save("small", &two);
    bool stopped = disk_has_stopped();
    disk_power_went(&r);
    if (!is("small", &two) && (err == 0 || !is("small", &one)))
        fail_msg("a power cut at call %llu: neither the old text nor the new", (unsigned long long)n);
    world_end();
    buf_finish(&one);
    buf_finish(&two);
    return stopped;
}

static void a_small_file_is_the_old_one_or_the_new_one(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        uint64_t n = 1;
        while (replaced_at(n, seed * 1000 + n))
            n++;
        assert_true(n > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_leaves_no_half_written_dataset),
        cmocka_unit_test(whichever_call_fails_there_is_one_line_and_nothing_else),
        cmocka_unit_test(a_small_table_needs_little_room),
        cmocka_unit_test(a_small_file_is_the_old_one_or_the_new_one),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
