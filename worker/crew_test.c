/* SPDX-License-Identifier: MIT
 *
 * crew: real slot processes of this very program running the test plugins: what they compute, how they die, what is
 * left behind.
 */
#include "common/clock.h"
#include "common/fsutil.h"
#include "common/procinfo.h"
#include "data/pack.h"
#include "sheaf/plugin.h"
#include "sweep/space.h"
#include "sweep/tally.h"
#include "worker/crew_fixture.h"
#include "worker/selfexe.h"
#include "worker/slot.h"
#include "worker/slotmsg.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    static struct crew_fixture f;
    fixture_init(&f, selfexe_path());
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_finish(*state);
    assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD); /* no process, no zombie */
    return 0;
}

/* ---- running ---- */

static void a_million_tasks_come_back_in_order(void **state)
{
    struct crew_fixture *f = *state;
    const uint32_t chunk = 32768;
    const uint64_t total = 1000000;
    fixture_plan(f, "echo", total, NULL);
    fixture_start_ready(f, 0);
    uint64_t ordered = 0;
    for (uint32_t seq = 1; ordered < total; seq++) {
        uint32_t n = total - ordered < chunk ? (uint32_t)(total - ordered) : chunk;
        fixture_order(f, 0, seq, ordered, n); /* two are outstanding */
        if (seq > 1)
            fixture_wait_records(f, 0, ordered);
        ordered += n;
    }
    fixture_wait_records(f, 0, total);
    for (uint64_t i = 0; i < total; i++)
        if (fixture_score(f, 0, i) != (double)i * 0.5 || fixture_status(f, 0, i) != TASK_DONE)
            fail_msg("task %llu has score %g", (unsigned long long)i, fixture_score(f, 0, i));
    struct slot_sample sample;
    f->ops->sample(f->ops->ctx, 0, true, &sample);
    assert_int_equal(sample.state, PAGE_IDLE);
    assert_true(sample.plugin_ns > 0 && sample.cpu_ns > 0);
#ifndef SHEAF_PORTABLE
    assert_true(sample.memory_bytes > 0 && sample.pss_bytes > 0);
#endif
    fixture_retire(f, 0);
    assert_true(f->told[0].death.cpu_ns > 0 && crew_dead_cpu_ns(f->crew) == f->told[0].death.cpu_ns);
}

static void a_task_is_told_what_its_index_says(void **state)
{
    struct crew_fixture *f = *state;
    enum { N_SCORES = 15, INDEX = 5, TRIAL, KEY, SPLIT, SEED, ATTEMPT, N_TRAIN, N_TEST, TRAIN_SUM, TEST_SUM };
    fixture_plan(f, "context", 100, NULL);
    f->plan.seed = 77;
    f->plan.splits = 3;
    f->plan.split = (struct plan_split){
        .kind = SPLIT_WALK_FORWARD, .train = 10, .test = 5, .step = 5, .n_rows = 25, .row_axis = "row", .stratify = ""};
    fixture_encode(f);
    fixture_start_ready(f, 0);
    struct chunk chunk = {.seq = 1, .count = 250, .first = 31, .attempt = 2};
    f->ops->order(f->ops->ctx, 0, &chunk);
    fixture_wait_records(f, 0, 250);
    for (uint64_t i = 0; i < 250; i++) {
        double out[N_SCORES];
        memcpy(out, f->told[0].scores.data + i * sizeof out, sizeof out);
        uint64_t index = 31 + i, split = index % 3, number = index / 3;
        double trial = (double)number;
        assert_true(out[0] == trial && out[INDEX] == (double)index && out[TRIAL] == trial);
        assert_true(out[SPLIT] == (double)split && out[KEY] == 0 && out[ATTEMPT] == 2);
        assert_true(out[SEED] == (double)(space_task_seed(77, index) >> 11));
        assert_true(out[N_TRAIN] == 10 && out[N_TEST] == 5);
        assert_true(out[TRAIN_SUM] == (double)(45 + 50 * split) && out[TEST_SUM] == (double)(60 + 25 * split));
    }
    fixture_retire(f, 0);
}

static void excluded_trials_are_skipped_and_failures_have_their_words(void **state)
{
    struct crew_fixture *f = *state;
    const char *where[] = {"x < 90"};
    fixture_plan(f, "fault", 100,
                 (struct fixed[]){{"mode", 0, "error"}, {"every", 10, ""}, {"at", 3, ""}, {NULL, 0, ""}});
    f->plan.where = where;
    f->plan.n_where = 1;
    fixture_encode(f);
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 100);
    fixture_wait_records(f, 0, 100);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(fixture_status(f, 0, i), i >= 90 ? TASK_SKIPPED : i % 10 == 3 ? TASK_FAILED : TASK_DONE);
        assert_true(isnan(fixture_score(f, 0, i)) == (i >= 90 || i % 10 == 3));
    }
    assert_int_equal(fixture_count(f, 0, SIDE_FAIL, "fault: an error as told"), 9);
    assert_int_equal(f->told[0].sides[1].word, page_pack(1, 13));
    fixture_retire(f, 0);
}

static void group_rows_come_from_tasks_that_succeed_only(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "groups", 700, (struct fixed[]){{"rows", 4, ""}, {"lines", 2, ""}, {"fail", 1, ""}, {NULL, 0, ""}});
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 700);
    fixture_wait_records(f, 0, 700);
    assert_int_equal(fixture_count(f, 0, SIDE_GROUP, "g0"), 600);
    assert_int_equal(fixture_count(f, 0, SIDE_GROUP, "g1"), 600);
    assert_int_equal(fixture_count(f, 0, SIDE_FAIL, "groups: failed after emitting"), 100);
    for (uint32_t i = 0; i < f->told[0].n_sides; i++) {
        const struct told_side *s = &f->told[0].sides[i];
        double values[2];
        if (s->kind != SIDE_GROUP)
            continue;
        assert_int_equal(s->len, 3 + sizeof values);
        memcpy(values, s->text + 3, sizeof values);
        double times = s->text[1] == '0' ? 2 : 1; /* the fourth row went to the first group: they are one now */
        assert_true(values[0] == times && values[1] == times * page_offset(s->word));
    }
    fixture_retire(f, 0);
}

/* What a task may emit, more than that, and a name that is too long; ignoring a refusal does not help. */
static void a_task_that_emits_too_much_fails(void **state)
{
    struct crew_fixture *f = *state;
    static const struct {
        double rows, bytes;
        const char *why;
    } cases[] = {{65536, 0, NULL},
                 {65537, 0, "emit: more than 65,536 groups"},
                 {250, 65535, NULL},
                 {260, 65535, "or 16 MiB of them"},
                 {1, 1 << 20, "at most 65,535 bytes"}};
    for (uint32_t i = 0; i < 10; i++) {
        const double rows = cases[i / 2].rows, bytes = cases[i / 2].bytes;
        const char *why = cases[i / 2].why;
        fixture_plan(f, "groups", 1,
                     (struct fixed[]){{"rows", rows, ""},
                                      {"groups", rows, ""},
                                      {"bytes", bytes, ""},
                                      {"lines", 0, ""},
                                      {"ignore", i % 2, ""},
                                      {NULL, 0, ""}});
        fixture_start_ready(f, 0);
        fixture_order(f, 0, 1, 0, 1);
        fixture_wait_records(f, 0, 1);
        assert_int_equal(fixture_status(f, 0, 0), why ? TASK_FAILED : TASK_DONE);
        assert_int_equal(fixture_count(f, 0, SIDE_GROUP, "g"), why ? 0 : rows);
        assert_int_equal(fixture_count(f, 0, SIDE_FAIL, "emit"), why != NULL);
        assert_true(!why || strstr(f->told[0].sides[0].text, why));
        fixture_retire(f, 0);
    }
}

static void what_a_task_changes_in_its_process_is_put_back(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "rude", 20, NULL);
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 10);
    fixture_order(f, 0, 2, 10, 10);
    fixture_wait_records(f, 0, 20);
    for (uint64_t i = 0; i < 20; i++) {
        double out[3], third = (double)i / 3;
        memcpy(out, f->told[0].scores.data + i * sizeof out, sizeof out);
        assert_true(out[0] == third && out[1] == 0);
        assert_true((out[2] == 0) == (i % 10 == 0)); /* the rest is put back for each chunk */
    }
    fixture_retire(f, 0);
}

/* ---- taking back, stopping ---- */

static void the_tail_of_a_running_chunk_can_be_taken(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "sleep", 1000, (struct fixed[]){{"ms", 2, ""}, {NULL, 0, ""}});
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 400);
    fixture_order(f, 0, 2, 400, 400);
    assert_int_equal(f->ops->lower(f->ops->ctx, 0, 2, 0, 400), 0); /* the one that waits: whole */
    fixture_order(f, 0, 3, 900, 5);                                /* waits until the slot is past chunk 1 */
    assert_int_equal(f->ops->lower(f->ops->ctx, 0, 3, 3, 5), 3);
    fixture_wait_records(f, 0, 3);
    uint32_t end = f->ops->lower(f->ops->ctx, 0, 1, 10, 400);
    assert_true(end >= 10 && end < 400);
    uint32_t settled = f->ops->lower(f->ops->ctx, 0, 1, 0, end); /* as short as it gets */
    assert_true(settled >= 3 && settled <= end);
    while (f->told[0].n == 0 || fixture_score(f, 0, f->told[0].n - 1) != 902)
        fixture_turn(f);
    uint64_t n = f->told[0].n - 3;
    assert_int_equal(n, settled);
    for (uint64_t i = 0; i < n; i++)
        assert_true(fixture_score(f, 0, i) == (double)i);
    for (uint64_t i = 0; i < 3; i++)
        assert_true(fixture_score(f, 0, n + i) == (double)(900 + i));
    fixture_retire(f, 0);
}

static void a_task_that_is_asked_to_stop_can_return(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "sleep", 10, (struct fixed[]){{"ms", 3600000, ""}, {NULL, 0, ""}});
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 2);
    for (uint32_t i = 0; i < 2; i++) {
        f->ops->stop(f->ops->ctx, 0, 1, i);
        fixture_wait_records(f, 0, i + 1);
        assert_int_equal(f->told[0].n, i + 1); /* the flag is for one task only */
    }
    fixture_retire(f, 0);
}

/* ---- deaths ---- */

static void die_at(struct crew_fixture *f, const char *mode, bool by_signal, int code)
{
    fixture_plan(f, "fault", 1000,
                 (struct fixed[]){{"mode", 0, mode}, {"every", 1000, ""}, {"at", 321, ""}, {NULL, 0, ""}});
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 300);
    fixture_order(f, 0, 2, 300, 300);
    fixture_wait_death(f, 0);
    const struct slot_death *d = &f->told[0].death;
    assert_int_equal(f->told[0].n, 321); /* what it had finished survives */
    assert_true(d->by_signal == by_signal && d->code == code);
    assert_true(d->in_task && d->was_ready && d->seq == 2 && d->offset == 21 && !d->open_error);
}

static void a_death_is_charged_to_the_task_that_ran(void **state)
{
    struct crew_fixture *f = *state;
    die_at(f, "segv", true, SIGSEGV);
    die_at(f, "abort", true, SIGABRT);
    die_at(f, "kill", true, SIGKILL);
    die_at(f, "stackoverflow", true, SIGSEGV);
    die_at(f, "exit", false, 7);
    assert_non_null(strstr(f->told[0].tail, "fault: exit 7 as told"));
    die_at(f, "exit_ok", false, 0);
}

static void a_hanging_task_can_be_seen_and_killed(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "fault", 1000,
                 (struct fixed[]){{"mode", 0, "spin"}, {"every", 1000, ""}, {"at", 5, ""}, {NULL, 0, ""}});
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 100);
    struct slot_sample sample;
    do {
        fixture_turn(f);
        f->ops->sample(f->ops->ctx, 0, false, &sample);
    } while (sample.current != page_pack(1, 5));
    assert_int_equal(sample.state, PAGE_RUNNING);
    fixture_wait_records(f, 0, 5); /* the tick drains what nobody announced */
    f->ops->kill(f->ops->ctx, 0);
    f->ops->kill(f->ops->ctx, 0);
    fixture_wait_death(f, 0);
    assert_true(f->told[0].death.in_task && f->told[0].death.offset == 5 && f->told[0].death.code == SIGKILL);
    assert_int_equal(f->told[0].n, 5);
}

static void a_slot_without_room_waits_and_loses_nothing(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "fault", 60000,
                 (struct fixed[]){{"mode", 0, "segv"}, {"every", 60000, ""}, {"at", 59999, ""}, {NULL, 0, ""}});
    fixture_start_ready(f, 0);
    f->room = 0;
    fixture_order(f, 0, 1, 0, 30000);
    fixture_order(f, 0, 2, 30000, 30000);
    for (int i = 0; i < 20; i++)
        fixture_turn(f);
    assert_true(f->told[0].n == 0 && !f->told[0].died); /* dead or not: the news are held back */
    f->room = 80;
    fixture_wait_records(f, 0, 100);
    f->room = UINT64_MAX / 2;
    fixture_wait_death(f, 0);
    assert_int_equal(f->told[0].n, 59999);
    assert_true(f->told[0].death.in_task && f->told[0].death.offset == 29999);
}

static void a_full_ring_makes_the_slot_wait(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "context", 100000, NULL); /* 15 scores: the ring holds 8,192 records */
    fixture_start_ready(f, 0);
    f->room = 0;
    fixture_order(f, 0, 1, 0, 8000);
    fixture_order(f, 0, 2, 8000, 8000);
    struct slot_sample sample;
    do {
        fixture_turn(f);
        f->ops->sample(f->ops->ctx, 0, false, &sample);
    } while (sample.state != PAGE_WAITING);
    assert_int_equal(sample.current, page_pack(2, 192));
    f->room = UINT64_MAX / 2;
    fixture_wait_records(f, 0, 16000);
    fixture_retire(f, 0);
}

/* ---- before the first task ---- */

static void a_plugin_that_cannot_be_opened_says_why(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "open_fail", 10, NULL);
    fixture_start(f, 0);
    fixture_wait_death(f, 0);
    assert_non_null(f->told[0].death.open_error);
    assert_non_null(strstr(f->told[0].open_error, "open failed: "));
    assert_false(f->told[0].ready || f->told[0].death.in_task);
    fixture_plan(f, "open_crash", 10, NULL);
    fixture_start(f, 0);
    fixture_wait_death(f, 0);
    assert_true(!f->told[0].death.open_error && f->told[0].death.by_signal && !f->told[0].death.was_ready);
}

static void a_plugin_that_has_changed_is_refused(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "echo", 10, NULL);
    static const uint8_t other[HASH_BYTES] = {1};
    f->plan.plugin.digest.data = other;
    fixture_encode(f);
    fixture_start(f, 0);
    fixture_wait_death(f, 0);
    assert_non_null(strstr(f->told[0].open_error, "echo.so: it has changed since the sweep began"));
}

/* An array "factors" of 1, 2, ... 100 as a dataset in a new folder. */
static void make_dataset(char dir[64], char npy[96], char path[96], uint8_t digest[HASH_BYTES])
{
    snprintf(dir, 64, "/tmp/sheaf-crew-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(npy, 96, "%s/a.npy", dir);
    snprintf(path, 96, "%s/a.sheaf", dir);
    static const char text[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (100,), }";
    char head[129];
    snprintf(head, sizeof head, "\x93NUMPY\x01%c\x76%c%-117s\n", 0, 0, text); /* 10 + 118 bytes */
    FILE *file = fopen(npy, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(head, 1, 128, file), 128);
    for (int i = 1; i <= 100; i++) {
        double x = i;
        assert_int_equal(fwrite(&x, sizeof x, 1, file), 1);
    }
    fclose(file);
    const struct pack_item item = {"factors", npy};
    const struct pack_job job = {.out = path, .arrays = &item, .n_arrays = 1};
    struct diag d = {{0}};
    if (pack_run(&job, digest, &d) != 0)
        fail_msg("%s", d.text);
}

static void data_are_mapped_and_changed_data_are_refused(void **state)
{
    struct crew_fixture *f = *state;
    char dir[64], npy[96], path[96];
    uint8_t digest[HASH_BYTES];
    make_dataset(dir, npy, path, digest);
    fixture_plan(f, "sum", 10, NULL);
    struct plan_data data = {.path = path, .digest = {digest, HASH_BYTES}, .along = ""};
    f->plan.data = &data;
    f->plan.n_data = 1;
    fixture_encode(f);
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 10);
    fixture_wait_records(f, 0, 10);
    assert_true(fixture_score(f, 0, 9) == 5050 + 9);
    fixture_retire(f, 0);
    digest[0] ^= 1;
    fixture_encode(f);
    fixture_start(f, 0);
    fixture_wait_death(f, 0);
    assert_non_null(strstr(f->told[0].open_error, "a.sheaf: it has changed since the sweep began"));
    unlink(npy);
    unlink(path);
    rmdir(dir);
}

/* Keys A (1.5, 2.5), B (4) and C, which only the other table has; what a task sees is its key's, whatever came before it. */
static void a_keyed_task_sees_its_key(void **state)
{
    struct crew_fixture *f = *state;
    char dir[] = "/tmp/sheaf-keyed-XXXXXX", t[64], u[64], path[64];
    uint8_t digest[HASH_BYTES];
    struct diag d = {{0}};
    assert_non_null(mkdtemp(dir));
    snprintf(t, sizeof t, "%s/t.csv", dir);
    snprintf(u, sizeof u, "%s/u.csv", dir);
    snprintf(path, sizeof path, "%s/d.sheaf", dir);
    static const char rows[] = "sym,v\nB,4\nA,1.5\nA,2.5\n", other[] = "sym,w\nC,1\n";
    assert_int_equal(file_write_atomic(t, rows, strlen(rows), &d), 0);
    assert_int_equal(file_write_atomic(u, other, strlen(other), &d), 0);
    const struct pack_item tables[] = {{"t", t}, {"u", u}};
    assert_int_equal(
        pack_run(&(struct pack_job){.out = path, .tables = tables, .n_tables = 2, .key = "sym"}, digest, &d), 0);
    fixture_plan(f, "keyed", 3, NULL);
    struct plan_data data = {.path = path, .digest = {digest, HASH_BYTES}, .along = ""};
    f->plan.data = &data;
    f->plan.n_data = 1;
    f->plan.keys = 3;
    f->plan.key_axis =
        (struct plan_key_axis){.kind = KEYS_COLUMN, .column = "sym", .dtype = SHEAF_DT_CODE, .names = {"A\0B\0C", 6}};
    f->plan.split.row_axis = "row";
    f->plan.split.keyed = true;
    fixture_encode(f);
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 9);
    fixture_wait_records(f, 0, 9);
    fixture_order(f, 0, 2, 4, 1); /* out of turn */
    fixture_wait_records(f, 0, 10);
    static const uint64_t sums[] = {4, 4, 0};
    for (uint64_t i = 0; i < 9; i++) {
        uint64_t want = sums[i % 3] + i / 3;
        assert_true(fixture_score(f, 0, i) == (double)want);
    }
    assert_true(fixture_score(f, 0, 9) == 5);
    fixture_retire(f, 0);
    f->plan.keys = 2; /* a plan that was not made for this dataset */
    f->plan.key_axis.names.len = 4;
    fixture_encode(f);
    fixture_start(f, 0);
    fixture_wait_death(f, 0);
    assert_non_null(strstr(f->told[0].open_error, "the plan has 2 keys and the dataset 3"));
    assert_int_equal(dir_remove(dir), 0);
}

static void an_executable_that_is_no_slot_is_told_with_its_words(void **state)
{
    (void)state;
    static struct crew_fixture f;
    fixture_init(&f, "/bin/sh"); /* "sh slot 3 4 5": there is no such script */
    fixture_plan(&f, "echo", 10, NULL);
    fixture_start(&f, 0);
    fixture_wait_death(&f, 0);
    assert_true(!f.told[0].death.was_ready && !f.told[0].death.by_signal && f.told[0].death.code != 0);
    assert_non_null(strstr(f.told[0].tail, "slot"));
    assert_int_equal(buf_append(&f.told[0].output[1], "", 1), 0);
    assert_non_null(strstr((const char *)f.told[0].output[1].data, "slot"));
    fixture_finish(&f);
}

/* ---- output ---- */

static void a_flood_of_output_is_cut_per_task(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "fault", 3, (struct fixed[]){{"mode", 0, "print"}, {"every", 1, ""}, {"mb", 2, ""}, {NULL, 0, ""}});
    fixture_start_ready(f, 0);
    fixture_order(f, 0, 1, 0, 3);
    fixture_wait_records(f, 0, 3);
    uint64_t kept = f->told[0].output[0].len + f->told[0].output[1].len;
    for (uint32_t i = 0; i < f->told[0].n_sides; i++)
        kept += f->told[0].sides[i].len;
    assert_true(kept > 0 && kept <= 3 * 65536 + 3 * 64 + 4096);
#ifndef SHEAF_PORTABLE
    assert_true(fixture_count(f, 0, SIDE_LOG, "bytes dropped") >= 1);
    assert_string_equal(f->told[0].sides[0].text + 1,
                        "000000000000000000000000000000000000000000000000000000000000000");
    assert_int_equal(f->told[0].sides[0].word, page_pack(1, 0));
#endif
    f->ops->kill(f->ops->ctx, 0);
    fixture_wait_death(f, 0);
    assert_non_null(strstr(f->told[0].tail, "32767")); /* the last line of stderr */
}

/* ---- caches ---- */

static double table_sum(uint64_t kb)
{
    double sum = 0;
    for (uint64_t i = 0; i < kb * 256; i++)
        sum += (double)(i % 1000 + 1);
    return sum;
}

static void order_on_all(struct crew_fixture *f, uint32_t n, uint32_t first_attempt)
{
    for (uint32_t i = 0; i < n; i++) {
        struct chunk c = {.seq = 1, .count = 10, .first = (uint64_t)i * 10, .attempt = i == 0 ? first_attempt : 2};
        f->ops->order(f->ops->ctx, i, &c);
    }
}

static void a_cache_is_built_once_for_all_slots(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "cached", 100, (struct fixed[]){{"tables", 3, ""}, {"kb", 100, ""}, {"ms", 5, ""}, {NULL, 0, ""}});
    for (uint32_t i = 0; i < 3; i++)
        fixture_start(f, i);
    for (uint32_t i = 0; i < 3; i++)
        fixture_wait_ready(f, i);
    order_on_all(f, 3, 1);
    uint32_t built = 0;
    for (uint32_t i = 0; i < 3; i++) {
        fixture_wait_records(f, i, 10);
        built += fixture_count(f, i, SIDE_LOG, "cached: built");
        for (uint64_t k = 0; k < 10; k++)
            assert_true(fixture_score(f, i, k) == table_sum(100) + 10.0 * i + (double)k);
    }
    assert_int_equal(built, 3);
    for (uint32_t i = 0; i < 3; i++)
        fixture_retire(f, i);
    fixture_start_ready(f, 0); /* same plugin, config and data: it is still there */
    fixture_order(f, 0, 1, 0, 10);
    fixture_wait_records(f, 0, 10);
    assert_int_equal(fixture_count(f, 0, SIDE_LOG, "cached: built"), 0);
    fixture_retire(f, 0);
}

static void a_builder_that_dies_is_replaced(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "cached", 100, (struct fixed[]){{"kb", 1000, ""}, {"mode", 0, "die"}, {NULL, 0, ""}});
    for (uint32_t i = 0; i < 3; i++)
        fixture_start(f, i);
    for (uint32_t i = 0; i < 3; i++)
        fixture_wait_ready(f, i);
    order_on_all(f, 3, 1); /* slot 0 is in its first attempt: if it builds, it dies */
    fixture_wait_records(f, 1, 10);
    fixture_wait_records(f, 2, 10);
    while (f->told[0].n < 10 && !f->told[0].died)
        fixture_turn(f);
    assert_int_equal(fixture_count(f, 1, SIDE_LOG, "cached: built") + fixture_count(f, 2, SIDE_LOG, "cached: built"),
                     1);
    for (uint64_t k = 0; k < 10; k++) /* nothing of the dead one's half table */
        assert_true(fixture_score(f, 1, k) == table_sum(1000) + (double)(10 + k));
}

static void a_failed_build_is_told_to_its_builder_only(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "cached", 100, (struct fixed[]){{"mode", 0, "fail"}, {NULL, 0, ""}});
    for (uint32_t i = 0; i < 2; i++)
        fixture_start_ready(f, i);
    order_on_all(f, 2, 1);
    for (uint32_t i = 0; i < 2; i++) {
        fixture_wait_records(f, i, 10);
        assert_int_equal(fixture_count(f, i, SIDE_FAIL, "cached: no table"), 10);
        fixture_retire(f, i);
    }
}

/* ---- a slot that lies ---- */

#define LIE "SHEAF_TEST_LIE"
enum lie {
    LIE_NONE,
    HEAD_FAR,
    HEAD_BACK,
    STATUS,
    SIDE_KIND,
    SIDE_LENGTH,
    LOG_LEVEL,
    GROUP_TEXT,
    TYPE,
    LENGTH,
    TOO_MANY,
    N_LIES
};

static void lie_in_side(struct page *p, uint32_t kind, const char *text, uint32_t len)
{
    struct side_head head = {.kind = kind, .len = len, .word = page_pack(1, 0)};
    page_side_write(p, &head, text);
}

/* Stands in for a slot whose memory a plugin has overwritten: is ready, waits for its order, and lies. */
static void lie_to_worker(enum lie lie, int sock, struct page *p)
{
    struct slotmsg m = {.type = SLOT_READY};
    char text[SLOTMSG_MAX + 1];
    double score = 1;
    int fd;
    slotmsg_send(sock, &m, NULL, -1, true);
    slotmsg_receive(sock, &m, text, &fd);
    page_publish(p, TASK_DONE, &score);
    switch (lie) {
    case HEAD_FAR:
        atomic_store(&p->head.v, UINT64_MAX / 2);
        break;
    case HEAD_BACK:
        atomic_store(&p->head.v, UINT64_MAX);
        break;
    case STATUS:
        page_publish(p, 77, &score);
        break;
    case SIDE_KIND:
        lie_in_side(p, 99, "text", 4);
        break;
    case SIDE_LENGTH:
        lie_in_side(p, SIDE_FAIL, "text", 4);
        memset(page_side(p), 0xff, 4);
        break;
    case LOG_LEVEL:
        lie_in_side(p, SIDE_LOG, "text", 4);
        break;
    case GROUP_TEXT:
        lie_in_side(p, SIDE_GROUP, "\xff", 2);
        break;
    case TOO_MANY:
        for (int i = 0; i < 20; i++)
            page_publish(p, TASK_DONE, &score);
        break;
    default:
        break;
    }
    m = (struct slotmsg){.type = lie == TYPE ? 999 : SLOT_NEWS, .len = 0};
    if (lie == LENGTH)
        m.len = UINT32_MAX;
    if (write(sock, &m, sizeof m) > 0)
        pause();
}

static int lying_slot(const char *lie, char **argv)
{
    struct page *p = mmap(NULL, page_size(1), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
    if (!p || p == MAP_FAILED)
        return 2;
    lie_to_worker((enum lie)atoi(lie), atoi(argv[1]), p);
    return 0;
}

static void a_slot_that_lies_is_killed_and_nothing_else(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "echo", 100, NULL);
    fixture_start_ready(f, 1); /* an honest one beside it */
    for (int lie = LIE_NONE + 1; lie < N_LIES; lie++) {
        char text[8];
        snprintf(text, sizeof text, "%d", lie);
        setenv(LIE, text, 1);
        fixture_start_ready(f, 0);
        unsetenv(LIE);
        fixture_order(f, 0, 1, 0, 10);
        fixture_wait_death(f, 0);
        assert_true(f->told[0].death.by_signal && f->told[0].death.code == SIGKILL);
        assert_non_null(strstr(f->told[0].tail, "this slot was killed: it"));
        assert_true(f->told[0].n <= 1);
    }
    fixture_order(f, 1, 1, 0, 100);
    fixture_wait_records(f, 1, 100);
    fixture_retire(f, 1);
}

/* ---- nothing is left ---- */

#if defined(__SANITIZE_ADDRESS__) /* keeps what was freed for a while */
#define GROWTH ((uint64_t)64 << 20)
#else
#define GROWTH ((uint64_t)1 << 20)
#endif

static int open_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/dev/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void two_hundred_starts_and_kills_leave_nothing(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "echo", 1000000, NULL);
    int before = 0;
    uint64_t memory = 0;
    for (int i = 0; i < 200; i++) {
        fixture_start_ready(f, 0);
        fixture_order(f, 0, 1, 0, 30000);
        if (i % 2)
            fixture_wait_records(f, 0, 1);
        f->ops->kill(f->ops->ctx, 0);
        fixture_wait_death(f, 0);
        if (i == 20) {
            before = open_descriptors();
            memory = procinfo_private_bytes(getpid());
        }
    }
    assert_int_equal(open_descriptors(), before);
    assert_true(procinfo_private_bytes(getpid()) <= memory + GROWTH);
    assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void a_crew_that_goes_takes_its_slots_with_it(void **state)
{
    struct crew_fixture *f = *state;
    fixture_plan(f, "fault", 1000, (struct fixed[]){{"mode", 0, "hang"}, {"every", 1, ""}, {NULL, 0, ""}});
    for (uint32_t i = 0; i < FIXTURE_SLOTS; i++)
        fixture_start_ready(f, i);
    fixture_order(f, 0, 1, 0, 10); /* teardown finds no child any more */
}

int main(int argc, char **argv)
{
    selfexe_init(argv[0]);
    const char *lie = getenv(LIE);
    if (argc == 7 && strcmp(argv[1], "slot") == 0)
        return lie ? lying_slot(lie, argv + 1) : slot_main(argc - 1, argv + 1);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_million_tasks_come_back_in_order),
        T(a_task_is_told_what_its_index_says),
        T(excluded_trials_are_skipped_and_failures_have_their_words),
        T(group_rows_come_from_tasks_that_succeed_only),
        T(a_task_that_emits_too_much_fails),
        T(what_a_task_changes_in_its_process_is_put_back),
        T(the_tail_of_a_running_chunk_can_be_taken),
        T(a_task_that_is_asked_to_stop_can_return),
        T(a_death_is_charged_to_the_task_that_ran),
        T(a_hanging_task_can_be_seen_and_killed),
        T(a_slot_without_room_waits_and_loses_nothing),
        T(a_full_ring_makes_the_slot_wait),
        T(a_plugin_that_cannot_be_opened_says_why),
        T(a_plugin_that_has_changed_is_refused),
        T(data_are_mapped_and_changed_data_are_refused),
        T(a_keyed_task_sees_its_key),
        T(an_executable_that_is_no_slot_is_told_with_its_words),
        T(a_flood_of_output_is_cut_per_task),
        T(a_cache_is_built_once_for_all_slots),
        T(a_builder_that_dies_is_replaced),
        T(a_failed_build_is_told_to_its_builder_only),
        T(a_slot_that_lies_is_killed_and_nothing_else),
        T(two_hundred_starts_and_kills_leave_nothing),
        T(a_crew_that_goes_takes_its_slots_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
