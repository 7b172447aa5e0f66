/* SPDX-License-Identifier: MIT
 *
 * Tests of output: the file from its first byte to its name, what is refused, what is found again after a crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/fsutil.h"
#include "data/dataset.h"
#include "sweep/output.h"
#include "sweep/plan_fixture.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIALS 5u
#define SPLITS 2u
#define TASKS 10u /* TRIALS * SPLITS */
#define WIDTH 3u
#define RUN 1234567890123

struct fixture {
    struct plan_fixture p;
    struct plan_extent axes[2];
    struct plan_output outputs[2];
    char dir[32], path[64], part[OUTPUT_PATH];
    struct diag d;
    int fd;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    plan_fixture_init(&f->p, TRIALS, SPLITS);
    strcpy(f->dir, "/tmp/sheaf-output-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/out.sheaf", f->dir);
    f->axes[0] = (struct plan_extent){.n = WIDTH, .array = ""};
    f->outputs[0] = (struct plan_output){
        .name = "wide", .dtype = SHEAF_DT_F64, .axes = &f->axes[0], .rank = 1, .unit = "", .help = ""};
    f->outputs[1] = (struct plan_output){.name = "count", .dtype = SHEAF_DT_I32, .unit = "", .help = ""};
    f->p.plan.plugin.outputs = f->outputs;
    f->p.plan.plugin.n_outputs = 2;
    f->p.plan.output_path = f->path;
    assert_int_equal(output_rows(&f->p.plan, &f->d), 0);
    assert_int_equal(output_lay_out(&f->p.plan, &f->d), 0);
    assert_int_equal(output_part_path(&f->p.plan, f->part, &f->d), 0);
    f->fd = -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->fd >= 0)
        close(f->fd);
    assert_int_equal(dir_remove(f->dir), 0);
    free(f);
    return 0;
}

static double value(uint64_t index, uint64_t i)
{
    return (double)index * 10 + (double)i;
}

/* Writes the rows of all tasks, as slots do. */
static void fill(struct fixture *f)
{
    for (uint64_t index = 0; index < TASKS; index++) {
        double wide[WIDTH];
        int32_t count = (int32_t)index + 1;
        for (uint64_t i = 0; i < WIDTH; i++)
            wide[i] = value(index, i);
        for (int k = 0; k < 2; k++) {
            const struct plan_output *o = &f->outputs[k];
            const void *row = k == 0 ? (const void *)wide : &count;
            assert_int_equal(pwrite(f->fd, row, o->row_bytes, (off_t)(o->offset + index * o->row_bytes)),
                             (ssize_t)o->row_bytes);
        }
    }
}

static int finish(struct fixture *f, const struct intervals *empty, uint8_t digest[HASH_BYTES])
{
    static const struct intervals none;
    atomic_bool stop;
    atomic_init(&stop, false);
    return output_finish(&f->p.plan, empty ? empty : &none, &stop, digest, &f->d);
}

static void make(struct fixture *f, const struct intervals *empty, uint8_t digest[HASH_BYTES])
{
    assert_int_equal(output_begin(&f->p.plan, RUN, &f->fd, &f->d), 0);
    fill(f);
    assert_int_equal(finish(f, empty, digest), 0);
}

static void rows_become_a_dataset(void **state)
{
    struct fixture *f = *state;
    struct intervals empty = {0};
    struct dataset *ds;
    uint8_t digest[HASH_BYTES];
    assert_int_equal(intervals_add(&empty, 3, 5), 0);
    make(f, &empty, digest);
    assert_int_not_equal(access(f->path, F_OK), 0);
    assert_int_equal(output_publish(&f->p.plan, &f->d), 0);
    assert_int_not_equal(access(f->part, F_OK), 0);
    assert_int_equal(output_publish(&f->p.plan, &f->d), 0); /* done before */
    assert_int_equal(dataset_open(f->path, &ds, &f->d), 0);
    assert_int_equal(dataset_verify(ds, &f->d), 0);
    assert_memory_equal(dataset_digest(ds), digest, HASH_BYTES);
    const struct sheaf_view *wide = &dataset_find(ds, "wide")->view, *count = &dataset_find(ds, "count")->view;
    const struct sheaf_view *x = &dataset_find(ds, "trial.x")->view;
    assert_int_equal(wide->rank, 4);
    assert_int_equal(wide->shape[0], TRIALS);
    assert_int_equal(wide->shape[1], 1);
    assert_int_equal(wide->shape[2], SPLITS);
    assert_int_equal(wide->shape[3], WIDTH);
    for (uint64_t index = 0; index < TASKS; index++) {
        bool is_empty = index == 3 || index == 4;
        assert_int_equal(((const int32_t *)count->data)[index], is_empty ? 0 : (int32_t)index + 1);
        for (uint64_t i = 0; i < WIDTH; i++) {
            double is = ((const double *)wide->data)[index * WIDTH + i];
            assert_true(is_empty ? isnan(is) : is == value(index, i));
        }
    }
    assert_int_equal(x->shape[0], TRIALS);
    assert_true(((const double *)x->data)[0] == 0 && ((const double *)x->data)[TRIALS - 1] == 1);
    const struct sheaf_view *run = &dataset_find(ds, "trials.run")->view;
    assert_int_equal(run->dtype, SHEAF_DT_BOOL);
    assert_int_equal(run->shape[0], TRIALS);
    assert_int_equal(dataset_count(ds), 4);
    dataset_close(ds);
    intervals_finish(&empty);
}

static void finishing_twice_gives_the_same_digest(void **state)
{
    struct fixture *f = *state;
    uint8_t once[HASH_BYTES], again[HASH_BYTES];
    make(f, NULL, once);
    assert_int_equal(finish(f, NULL, again), 0);
    assert_memory_equal(once, again, HASH_BYTES);
}

static void a_stop_is_heard(void **state)
{
    struct fixture *f = *state;
    static const struct intervals none;
    uint8_t digest[HASH_BYTES];
    atomic_bool stop;
    atomic_init(&stop, true);
    assert_int_equal(output_begin(&f->p.plan, RUN, &f->fd, &f->d), 0);
    assert_int_equal(output_finish(&f->p.plan, &none, &stop, digest, &f->d), SHEAF_EGONE);
}

static void somebody_elses_file_stays(void **state)
{
    struct fixture *f = *state;
    uint8_t digest[HASH_BYTES];
    char kept[8] = "";
    make(f, NULL, digest);
    assert_int_equal(file_write_atomic(f->path, "theirs", 6, &f->d), 0);
    assert_int_equal(output_check(&f->p.plan, &f->d), SHEAF_EBUSY);
    assert_int_equal(output_publish(&f->p.plan, &f->d), SHEAF_EBUSY);
    int fd = open(f->path, O_RDONLY);
    assert_int_equal(read(fd, kept, 7), 6);
    close(fd);
    assert_string_equal(kept, "theirs");
    f->p.plan.output_replace = true;
    assert_int_equal(output_check(&f->p.plan, &f->d), 0);
    assert_int_equal(output_publish(&f->p.plan, &f->d), 0);
    struct dataset *ds;
    assert_int_equal(dataset_open(f->path, &ds, &f->d), 0);
    dataset_close(ds);
}

/* As after a kill between link and unlink. */
static void a_file_that_has_both_names_loses_the_hidden_one(void **state)
{
    struct fixture *f = *state;
    uint8_t digest[HASH_BYTES];
    make(f, NULL, digest);
    assert_int_equal(link(f->part, f->path), 0);
    assert_int_equal(output_publish(&f->p.plan, &f->d), 0);
    assert_int_not_equal(access(f->part, F_OK), 0);
    assert_int_equal(access(f->path, F_OK), 0);
}

static void what_is_half_made_is_found_again_or_missed(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    int other;
    assert_int_equal(output_resume(&f->p.plan, RUN, &other, &f->d), SHEAF_ENOENT);
    assert_int_equal(output_begin(&f->p.plan, RUN, &f->fd, &f->d), 0);
    assert_int_equal(fstat(f->fd, &st), 0);
    assert_int_equal((uint64_t)st.st_size, f->p.plan.output_bytes);
    assert_int_equal(output_begin(&f->p.plan, RUN, &other, &f->d), SHEAF_EBUSY);
    assert_int_equal(output_resume(&f->p.plan, RUN, &other, &f->d), SHEAF_EBUSY);
    output_discard(&f->p.plan, RUN); /* not while it is locked */
    close(f->fd);
    assert_int_equal(output_resume(&f->p.plan, RUN + 1, &other, &f->d), SHEAF_ENOENT);
    assert_non_null(strstr(f->d.text, "in another state directory has begun it anew"));
    output_discard(&f->p.plan, RUN + 1); /* not what another run has made */
    assert_int_equal(output_resume(&f->p.plan, RUN, &f->fd, &f->d), 0);
    assert_int_equal(ftruncate(f->fd, 100), 0);
    close(f->fd);
    f->fd = -1;
    assert_int_equal(output_resume(&f->p.plan, RUN, &other, &f->d), SHEAF_ENOENT);
    output_discard(&f->p.plan, RUN);
    assert_int_not_equal(access(f->part, F_OK), 0);
    assert_int_equal(output_publish(&f->p.plan, &f->d), SHEAF_ENOENT);
}

static void places_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    char path[128];
    f->p.plan.output_path = path;
    snprintf(path, sizeof path, "%s/no/out.sheaf", f->dir);
    assert_int_equal(output_check(&f->p.plan, &f->d), SHEAF_ENOENT);
    snprintf(path, sizeof path, "%s", f->dir);
    assert_int_equal(output_check(&f->p.plan, &f->d), SHEAF_EINVAL);
    snprintf(path, sizeof path, "%s/file", f->dir);
    assert_int_equal(file_write_atomic(path, "x", 1, &f->d), 0);
    snprintf(path, sizeof path, "%s/file/out.sheaf", f->dir);
    assert_int_equal(output_check(&f->p.plan, &f->d), SHEAF_EINVAL);
}

static void sizes_have_limits(void **state)
{
    struct fixture *f = *state;
    f->axes[0].n = (uint64_t)1 << 28;
    assert_int_equal(output_rows(&f->p.plan, &f->d), SHEAF_ELIMIT);
    f->axes[0].n = UINT64_MAX;
    assert_int_equal(output_rows(&f->p.plan, &f->d), SHEAF_ELIMIT);
    f->axes[0].n = (uint64_t)1 << 27;
    assert_int_equal(output_rows(&f->p.plan, &f->d), SHEAF_ELIMIT); /* with the other one */
    f->axes[0].n = (uint64_t)1 << 20;
    assert_int_equal(output_rows(&f->p.plan, &f->d), 0);
    f->p.plan.trials = (uint64_t)1 << 20;
    assert_int_equal(output_lay_out(&f->p.plan, &f->d), SHEAF_ELIMIT);
    f->p.plan.trials = (uint64_t)1 << 62;
    assert_int_equal(output_lay_out(&f->p.plan, &f->d), SHEAF_ELIMIT);
}

/* The layout is the plan's word, and the plan may be a peer's. */
static void a_plan_with_another_layout_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    struct arena arena;
    struct plan decoded;
    uint8_t digest[HASH_BYTES];
    make(f, NULL, digest);
    uint64_t right = f->outputs[0].offset;
    f->outputs[0].offset -= 8;
    assert_int_equal(finish(f, NULL, digest), SHEAF_ECORRUPT);
    const uint64_t wrong[] = {f->p.plan.output_bytes, PLAN_MAX_OUTPUT_BYTES, right + 4096};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f->outputs[0].offset = wrong[i];
        bytes.len = 0;
        arena_init(&arena, 0);
        assert_int_equal(plan_encode(&f->p.plan, &bytes), 0);
        assert_true(plan_decode(bytes.data, bytes.len, &arena, &decoded, &f->d) != 0);
        arena_finish(&arena);
    }
    f->outputs[0].offset = right;
    f->outputs[0].row_bytes++;
    bytes.len = 0;
    arena_init(&arena, 0);
    assert_int_equal(plan_encode(&f->p.plan, &bytes), 0);
    assert_true(plan_decode(bytes.data, bytes.len, &arena, &decoded, &f->d) != 0);
    arena_finish(&arena);
    f->outputs[0].row_bytes--;
    bytes.len = 0;
    arena_init(&arena, 0);
    assert_int_equal(plan_encode(&f->p.plan, &bytes), 0);
    assert_int_equal(plan_decode(bytes.data, bytes.len, &arena, &decoded, &f->d), 0);
    assert_int_equal(decoded.plugin.outputs[1].offset, f->outputs[1].offset);
    arena_finish(&arena);
    buf_finish(&bytes);
}

static void an_output_belongs_to_the_identity(void **state)
{
    struct fixture *f = *state;
    uint8_t a[HASH_BYTES], b[HASH_BYTES];
    f->p.plan.method = METHOD_RANDOM;
    assert_int_equal(plan_identity(&f->p.plan, a), 0);
    f->p.plan.trials++; /* which would continue the sweep otherwise */
    assert_int_equal(plan_identity(&f->p.plan, b), 0);
    assert_memory_not_equal(a, b, HASH_BYTES);
    f->p.plan.trials--;
    f->p.plan.output_replace = true;
    assert_int_equal(plan_identity(&f->p.plan, b), 0);
    assert_memory_equal(a, b, HASH_BYTES);
    f->p.plan.output_path = "/elsewhere";
    assert_int_equal(plan_identity(&f->p.plan, b), 0);
    assert_memory_not_equal(a, b, HASH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_become_a_dataset, setup, teardown),
        cmocka_unit_test_setup_teardown(finishing_twice_gives_the_same_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stop_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_elses_file_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_has_both_names_loses_the_hidden_one, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_half_made_is_found_again_or_missed, setup, teardown),
        cmocka_unit_test_setup_teardown(places_that_cannot_be_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes_have_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_plan_with_another_layout_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_output_belongs_to_the_identity, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
