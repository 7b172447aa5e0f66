/* SPDX-License-Identifier: MIT
 *
 * Tests of outputs: files are locked as long as their sweeps are at work, and completed on threads that come back as news.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/outputs.h"

#include "common/fsutil.h"
#include "sheaf/plugin.h"
#include "sweep/outdir.h"
#include "sweep/output.h"
#include "sweep/plan_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN 1234567890123

struct fixture {
    struct plan_fixture p;
    struct plan_output output;
    struct outputs *outputs, *others; /* of two brokers */
    const struct output_ops *ops, *their_ops;
    char dir[32], path[64];
    struct diag d;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    plan_fixture_init(&f->p, 100, 1);
    strcpy(f->dir, "/tmp/sheaf-outputs-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/out.sheaf", f->dir);
    f->output = (struct plan_output){.name = "row", .dtype = SHEAF_DT_F64, .unit = "", .help = ""};
    f->p.plan.plugin.outputs = &f->output;
    f->p.plan.plugin.n_outputs = 1;
    f->p.plan.output_path = f->path;
    assert_int_equal(output_rows(&f->p.plan, &f->d), 0);
    assert_int_equal(output_lay_out(&f->p.plan, &f->d), 0);
    f->outputs = outputs_create();
    f->others = outputs_create();
    f->ops = outputs_ops(f->outputs);
    f->their_ops = outputs_ops(f->others);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    outputs_destroy(f->outputs);
    outputs_destroy(f->others);
    assert_int_equal(dir_remove(f->dir), 0);
    free(f);
    return 0;
}

static int begin(struct fixture *f, const struct output_ops *ops, bool resume)
{
    return ops->begin(ops->ctx, &f->p.plan, RUN, resume, &f->d);
}

static struct output_job *job_of(struct fixture *f)
{
    static const struct output_ends none = {.complete = true};
    struct buf bytes = {0};
    assert_int_equal(plan_encode(&f->p.plan, &bytes), 0);
    struct output_job *job = output_job_new(7, &bytes, &none);
    assert_non_null(job);
    buf_finish(&bytes);
    return job;
}

static struct output_job *news(struct fixture *f)
{
    struct output_job *job;
    struct pollfd p = {outputs_fd(f->outputs), POLLIN, 0};
    while ((job = outputs_news(f->outputs)) == NULL)
        assert_true(poll(&p, 1, -1) > 0);
    return job;
}

static void a_file_is_locked_until_it_has_its_name(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f, f->ops, false), 0);
    assert_int_equal(begin(f, f->their_ops, false), SHEAF_EBUSY);
    assert_int_equal(begin(f, f->ops, true), 0); /* the same sweep goes on */
    assert_int_equal(begin(f, f->their_ops, true), SHEAF_EBUSY);
    f->ops->finish(f->ops->ctx, job_of(f));
    struct output_job *job = news(f);
    assert_true(job->err == 0 && job->sweep == 7);
    output_job_free(job);
    assert_null(outputs_news(f->outputs));
    assert_int_equal(f->ops->publish(f->ops->ctx, &f->p.plan, true, false, &f->d), 0);
    assert_int_equal(access(f->path, F_OK), 0);
    assert_int_equal(begin(f, f->their_ops, false), SHEAF_EBUSY); /* the name is taken */
    f->p.plan.output_replace = true;
    assert_int_equal(begin(f, f->their_ops, false), 0);
}

static void two_sweeps_that_make_one_file_keep_their_locks(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f, f->ops, false), 0);
    f->p.plan.seed = 1; /* another sweep */
    assert_int_equal(begin(f, f->ops, false), 0);
    f->ops->discard(f->ops->ctx, &f->p.plan, RUN);
    f->p.plan.seed = 0;
    assert_int_equal(begin(f, f->their_ops, true), SHEAF_EBUSY);
}

/* A sweep makes a folder, too, and is to start over, but its file's name is taken: what the earlier run has left stays. */
static void what_is_refused_touches_nothing(void **state)
{
    struct fixture *f = *state;
    char dir[64], work[TASKFILES_PATH], strange[80];
    snprintf(dir, sizeof dir, "%s/out", f->dir);
    snprintf(strange, sizeof strange, "%s/strange", dir);
    f->p.plan.plugin.files = "texts";
    f->p.plan.output_dir = dir;
    assert_int_equal(outdir_work_path(&f->p.plan, work, &f->d), 0);
    assert_int_equal(begin(f, f->ops, false), 0);
    for (int i = 0; i < 2; i++) {
        fclose(fopen(i == 0 ? f->path : strange, "w"));
        assert_int_equal(begin(f, f->ops, false), SHEAF_EBUSY);
        assert_int_equal(begin(f, f->their_ops, false), SHEAF_EBUSY);
        assert_int_equal(access(work, F_OK), 0);
        assert_int_equal(unlink(i == 0 ? f->path : strange), 0);
    }
    assert_int_equal(begin(f, f->ops, true), 0);
}

static void a_file_that_is_gone_is_told(void **state)
{
    struct fixture *f = *state;
    f->ops->finish(f->ops->ctx, job_of(f));
    struct output_job *job = news(f);
    assert_int_equal(job->err, SHEAF_ENOENT);
    assert_non_null(strstr(job->diag.text, "gone or damaged"));
    output_job_free(job);
}

static void what_is_at_work_is_broken_off_at_the_end(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f, f->ops, false), 0);
    for (int i = 0; i < 3; i++)
        f->ops->finish(f->ops->ctx, job_of(f)); /* teardown frees them */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_locked_until_it_has_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(two_sweeps_that_make_one_file_keep_their_locks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_touches_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_gone_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_at_work_is_broken_off_at_the_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
