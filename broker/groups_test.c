/* SPDX-License-Identifier: MIT
 *
 * Tests of groups in the broker: what of them is stored, and the digest over them, which is computed here once more.
 */
#include "broker/broker_fixture.h"
#include "sweep/groupsum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TRIALS = 4, SPLITS = 5, TASKS = TRIALS * SPLITS };

static int setup(void **state)
{
    int err = fixture_setup(state);
    struct broker_fixture *f = *state;
    plan_fixture_init(&f->plan, TRIALS, SPLITS);
    return err;
}

/* What task i emits to group g of n: sums of these depend on the order. */
static double value_of(uint64_t task, uint32_t g)
{
    return (task % SPLITS == 2 ? 1e16 : task % SPLITS == 3 ? -1e16 : 1) + g;
}

static uint32_t n_rows_of(uint64_t task, uint32_t n)
{
    return task % SPLITS == 1 ? n / 2 : n;
}

/* Task `at` alone, with its score and n groups g0, g1 .... */
static uint64_t report(struct broker_fixture *f, const struct msg_lease *l, uint64_t at, uint32_t n, uint8_t status)
{
    struct msg_group *groups = calloc(n + 1, sizeof(*groups));
    double *values = calloc(n + 1, sizeof(*values)), score = status == TASK_DONE ? (double)at : __builtin_nan("");
    char *names = calloc(n + 1, 16);
    assert_true(groups && values && names);
    for (uint32_t i = 0; i < n; i++) {
        values[i] = value_of(at, i);
        snprintf(names + 16 * i, 16, "g%u", i);
        groups[i] = (struct msg_group){.position = at, .group = names + 16 * i, .values = {&values[i], 8}};
    }
    struct msg_run run = {.from = at, .n = 1, .status = {&status, 1}, .scores = {&score, 8}};
    fixture_report(f, WORKER_A,
                   &(struct msg_report){.seq = ++f->seq,
                                        .sweep = l->sweep,
                                        .lease = l->lease,
                                        .runs = &run,
                                        .n_runs = 1,
                                        .groups = groups,
                                        .n_groups = n,
                                        .broken = ""});
    free(groups);
    free(values);
    free(names);
    return f->seq;
}

/* Every task once, lease by lease, each from its start or its end, with so many groups. Returns the sweep. */
static uint64_t do_all(struct broker_fixture *f, bool backwards, uint32_t n)
{
    uint64_t sweep = fixture_sweep(f), done = 0;
    while (done < TASKS) {
        struct msg_lease l = worker_gets(f, WORKER_A);
        uint64_t size = l.to - l.from;
        for (uint64_t i = 0; i < size; i++, done++) {
            uint64_t at = backwards ? l.to - 1 - i : l.from + i;
            (void)report(f, &l, at, n_rows_of(at, n), TASK_DONE);
        }
        (void)worker_reports(f, WORKER_A, &l, l.from, 0, true);
    }
    return sweep;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The digest as docs/index-space.md has it. */
static void expected(const struct plan *p, uint32_t n, uint8_t out[HASH_BYTES])
{
    struct tally *t = tally_create(p, 1);
    char(*names)[16] = calloc(n, sizeof(*names));
    hash_state groups, all;
    uint8_t part[HASH_BYTES];
    assert_true(t && names);
    for (uint64_t i = 0; i < TASKS; i++)
        assert_int_equal(tally_add(t, i, 1, NULL, &(double){(double)i}), 0);
    for (uint32_t g = 0; g < n; g++)
        snprintf(names[g], sizeof(names[g]), "g%u", g);
    qsort(names, n, sizeof(*names), by_text);
    hash_begin(&groups);
    for (uint64_t trial = 0; trial < TRIALS; trial++)
        for (uint32_t k = 0; k < n; k++) {
            uint32_t g = (uint32_t)atoi(names[k] + 1);
            double sum = 0;
            for (uint64_t at = trial * SPLITS; at < (trial + 1) * SPLITS; at++)
                if (g < n_rows_of(at, n))
                    sum += value_of(at, g);
            hash_update(&groups, &trial, 8);
            hash_update(&groups, names[k], strlen(names[k]) + 1);
            hash_update(&groups, &sum, 8);
        }
    hash_begin(&all);
    assert_true(tally_digest(t, part));
    hash_update(&all, part, HASH_BYTES);
    hash_end(&groups, part);
    hash_update(&all, part, HASH_BYTES);
    hash_end(&all, out);
    tally_destroy(t);
    free(names);
}

static void check_digest(struct broker_fixture *f, uint64_t sweep, uint32_t n)
{
    uint8_t digest[HASH_BYTES];
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->state == SWEEP_DONE && st->digest.len == HASH_BYTES);
    expected(&f->plan.plan, n, digest);
    assert_memory_equal(st->digest.data, digest, HASH_BYTES);
}

static void the_digest_is_that_of_tasks_and_groups_in_any_order(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = do_all(f, false, 12);
    fixture_settle(f);
    check_digest(f, sweep, 12);
    client_asks(f, MSG_REMOVE, sweep, false);
    sweep = do_all(f, true, 12);
    fixture_settle(f);
    check_digest(f, sweep, 12);
}

static void its_end_is_told_when_all_pages_are_read(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = do_all(f, false, 9000); /* 150,000 rows and more: three pages */
    fixture_commit(f);
    uint32_t pages = 0;
    uint64_t held = broker_held_bytes(f->broker), names = 0;
    assert_int_equal(held, 0);
    for (uint32_t i = 0; i < 9000; i++)
        names += (uint64_t)snprintf(NULL, 0, "g%u", i) + 1;
    for (; fixture_answer(f); pages++) {
        held = broker_held_bytes(f->broker) > held ? broker_held_bytes(f->broker) : held;
        assert_false(client_status(f, sweep)->final);
    }
    assert_true(pages >= 3 && held >= names + 9000 * sizeof(double)); /* one trial's, and told */
    fixture_settle(f);
    assert_int_equal(broker_held_bytes(f->broker), 0);
    check_digest(f, sweep, 9000);
}

static void a_restart_in_the_middle_or_at_the_end_changes_nothing(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = do_all(f, true, 9000);
    fixture_commit(f);
    assert_true(fixture_answer(f));
    fixture_restart(f);
    fixture_settle(f);
    check_digest(f, sweep, 9000);
    fixture_restart(f);
    fixture_settle(f);
    check_digest(f, sweep, 9000);
    fixture_restart(f);
    client_submits(f); /* asked for again while it is read back */
    fixture_settle(f);
    check_digest(f, sweep, 9000);
}

static void the_end_of_a_sweep_has_the_sum_of_its_groups(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = do_all(f, false, 12);
    fixture_settle(f);
    for (uint32_t i = 0; i < 2; i++) { /* a row that nobody reads any more */
        const struct msg_group row = {.position = TASKS, .group = "g", .values = {"12345678", 8}};
        const struct journal_op op = {.kind = JOURNAL_GROUP, .sweep = sweep, .group = row};
        struct diag d = {""};
        assert_int_equal(journal_begin(f->journal, &d), 0);
        assert_int_equal(journal_apply(f->journal, &op, &d), 0);
        assert_int_equal(journal_commit(f->journal, &d), 0);
        fixture_restart(f);
        if (i == 1)
            client_submits(f);
        fixture_settle(f);
        check_digest(f, sweep, 12);
    }
}

/* Ended so, without a digest, also for those who come later; and gone when it is removed. */
static void check_left_out(struct broker_fixture *f, uint64_t sweep, uint32_t how, const char *why)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct msg_status *st = client_status(f, sweep);
        assert_true(!broker_failed(f->broker) && st->final && st->state == how && st->digest.len == 0);
        assert_non_null(strstr(st->reason, why));
        assert_string_equal(st->qualified, "without a digest: its groups were not summed");
        fixture_restart(f);
        fixture_settle(f);
    }
}

static void a_trial_of_too_many_groups_fails_alone(void **state)
{
    struct broker_fixture *f = *state;
    for (uint32_t i = 0; i < 2; i++) {
        f->config.limits = i ? (struct broker_limits){.group_bytes = 100} : (struct broker_limits){.groups = 11};
        fixture_restart(f);
        uint64_t sweep = do_all(f, false, 12);
        fixture_settle(f);
        check_left_out(f, sweep, SWEEP_FAILED, "trial 0 has more groups than can be summed");
        client_asks(f, MSG_REMOVE, sweep, false);
        fixture_settle(f);
    }
    f->config.limits = (struct broker_limits){.groups = 12};
    fixture_restart(f);
    uint64_t sweep = do_all(f, false, 12);
    fixture_settle(f);
    check_digest(f, sweep, 12);
}

static void a_cancel_ends_the_summing(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = do_all(f, false, 9000);
    fixture_commit(f);
    assert_true(fixture_answer(f));
    client_asks(f, MSG_CANCEL, sweep, true);
    fixture_commit(f);
    assert_int_equal(broker_held_bytes(f->broker), 0);
    fixture_settle(f);
    check_left_out(f, sweep, SWEEP_CANCELLED, "cancelled while its groups were summed");
    client_submits(f); /* and once more from the start */
    fixture_settle(f);
    check_digest(f, sweep, 9000);
    client_asks(f, MSG_REMOVE, sweep, false);
    fixture_settle(f);
}

static void rows_count_once_and_with_their_result_only(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    (void)report(f, &l, l.from, 2, TASK_DONE);
    f->seq--;
    (void)report(f, &l, l.from, 2, TASK_DONE); /* on its way twice */
    (void)report(f, &l, l.from, 5, TASK_DONE); /* a second run of the task */
    double value = 1;
    struct msg_group lone = {.position = l.from + 1, .group = "early", .values = {&value, 8}};
    fixture_report(
        f, WORKER_A,
        &(struct msg_report){
            .seq = ++f->seq, .sweep = sweep, .lease = l.lease, .groups = &lone, .n_groups = 1, .broken = ""});
    fixture_settle(f);
    assert_true(f->journaled[JOURNAL_GROUP] == 2 && client_status(f, sweep)->groups == 2);
}

static void more_rows_of_a_task_than_can_be_shown_are_refused(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    (void)report(f, &l, l.from, GROUPSUM_TASK_GROUPS + 1, TASK_DONE);
    mailbox_next(&f->out, WORKER_A, MSG_ERROR);
    assert_int_equal(client_status(f, sweep)->done, 0);
    (void)report(f, &l, l.from, GROUPSUM_TASK_GROUPS, TASK_DONE);
    assert_int_equal(client_status(f, sweep)->groups, GROUPSUM_TASK_GROUPS);
}

static void keep_best_keeps_none(void **state)
{
    struct broker_fixture *f = *state;
    f->plan.plan.keep_best = 2;
    uint64_t sweep = do_all(f, false, 12);
    fixture_settle(f);
    const struct msg_status *st = client_status(f, sweep);
    assert_true(st->final && st->groups == 0 && f->journaled[JOURNAL_GROUP] == 0 && st->digest.len == HASH_BYTES);
}

/* Group rows as only a damaged file has them. */
static void a_damaged_row_ends_the_broker(void **state)
{
    struct broker_fixture *f = *state;
    static const struct msg_group rows[] = {{.position = TASKS, .group = "g", .values = {"12345678", 8}},
                                            {.position = 1, .group = "g", .values = {"123", 3}}};
    uint64_t sweep = do_all(f, false, 2);
    fixture_commit(f);
    for (uint32_t i = 0; i < 2; i++) {
        const struct journal_op op = {.kind = JOURNAL_GROUP, .sweep = sweep, .group = rows[i]};
        struct diag d = {""};
        assert_int_equal(journal_begin(f->journal, &d), 0);
        assert_int_equal(journal_apply(f->journal, &op, &d), 0);
        assert_int_equal(journal_commit(f->journal, &d), 0);
    }
    fixture_settle(f);
    assert_true(broker_failed(f->broker));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_digest_is_that_of_tasks_and_groups_in_any_order),
        TEST(its_end_is_told_when_all_pages_are_read),
        TEST(a_restart_in_the_middle_or_at_the_end_changes_nothing),
        TEST(the_end_of_a_sweep_has_the_sum_of_its_groups),
        TEST(a_trial_of_too_many_groups_fails_alone),
        TEST(a_cancel_ends_the_summing),
        TEST(rows_count_once_and_with_their_result_only),
        TEST(more_rows_of_a_task_than_can_be_shown_are_refused),
        TEST(keep_best_keeps_none),
        TEST(a_damaged_row_ends_the_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
