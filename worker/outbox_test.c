/* SPDX-License-Identifier: MIT
 *
 * Tests of outbox: what was found is what the broker reads; reports stay, byte for byte, until they are acknowledged.
 */
#include "worker/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
    struct findings findings;
    struct outbox outbox;
    struct arena arena;
    struct msg_report read; /* as the broker reads it */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    findings_init(&f->findings);
    outbox_init(&f->outbox);
    arena_init(&f->arena, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    findings_finish(&f->findings);
    outbox_finish(&f->outbox);
    arena_finish(&f->arena);
    free(f);
    return 0;
}

static struct sent_report *post(struct fixture *f)
{
    struct diag d = {""};
    struct msg_report m = {.sweep = 3, .lease = 4, .broken = ""};
    struct sent_report *r = outbox_post(&f->outbox, &f->findings, &m, 2);
    assert_non_null(r);
    assert_int_equal(proto_body(MSG_REPORT, r->frame.data, r->frame.len, &f->arena, &f->read, &d), 0);
    return r;
}

static void add(struct fixture *f, uint64_t from, uint64_t n, uint8_t status)
{
    uint8_t st[16];
    double scores[32];
    memset(st, status, sizeof(st));
    for (uint64_t i = 0; i < 2 * n; i++)
        scores[i] = (double)(from * 2 + i);
    assert_int_equal(findings_add_run(&f->findings, from, n, st, scores, 2), 0);
}

static double score_at(const struct msg_run *r, size_t i)
{
    double v;
    memcpy(&v, (const uint8_t *)r->scores.data + 8 * i, 8);
    return v;
}

static void runs_that_touch_become_one(void **state)
{
    struct fixture *f = *state;
    add(f, 10, 3, 1);
    add(f, 13, 2, 1);
    add(f, 20, 1, 1);
    post(f);
    assert_int_equal(f->read.n_runs, 2);
    assert_true(f->read.runs[0].from == 10 && f->read.runs[0].n == 5);
    assert_int_equal(f->read.runs[0].scores.len, 5 * 2 * 8);
    assert_true(score_at(&f->read.runs[0], 9) == 29.0 && score_at(&f->read.runs[1], 1) == 41.0);
}

/* Slots are drained in turns: what belongs together comes in pieces. */
static void runs_of_several_slots_become_one(void **state)
{
    struct fixture *f = *state;
    add(f, 20, 2, 1);
    add(f, 10, 1, 1);
    add(f, 22, 1, 2);
    add(f, 11, 2, 1);
    add(f, 30, 1, 1);
    post(f);
    assert_int_equal(f->read.n_runs, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct msg_run *r = &f->read.runs[i];
        assert_true(r->from == 10 * (i + 1) && r->n == (i == 2 ? 1 : 3));
        for (size_t k = 0; k < 2 * r->n; k++)
            assert_true(score_at(r, k) == (double)(r->from * 2 + k));
    }
    assert_memory_equal(f->read.runs[1].status.data, "\1\1\2", 3);
}

static void status_travels_only_when_not_all_is_done(void **state)
{
    struct fixture *f = *state;
    add(f, 0, 2, 1);
    add(f, 10, 2, 1);
    add(f, 12, 1, 2);
    post(f);
    assert_int_equal(f->read.runs[0].status.len, 0);
    assert_int_equal(f->read.runs[1].status.len, 3);
    assert_memory_equal(f->read.runs[1].status.data, "\1\1\2", 3);
}

static void an_empty_report_can_be_posted(void **state)
{
    struct fixture *f = *state;
    post(f);
    assert_true(f->read.seq == 1 && f->read.sweep == 3 && f->read.lease == 4 && f->read.n_runs == 0);
}

static void texts_are_copied_when_they_are_found(void **state)
{
    struct fixture *f = *state;
    char words[] = "went wrong";
    double value = 1.5;
    findings_add_failure(
        &f->findings,
        &(struct msg_failure){.position = 9, .kind = FAIL_CRASH, .reason = words, .attempts = 2, .tail = words});
    findings_add_log(&f->findings, &(struct msg_log){.position = 9, .has_position = true, .level = 3, .text = words});
    findings_add_group(&f->findings, &(struct msg_group){.position = 9, .group = words, .values = {&value, 8}});
    memset(words, 'x', strlen(words));
    value = 0;
    post(f);
    assert_string_equal(f->read.failures[0].reason, "went wrong");
    assert_string_equal(f->read.failures[0].tail, "went wrong");
    assert_string_equal(f->read.logs[0].text, "went wrong");
    assert_string_equal(f->read.groups[0].group, "went wrong");
    assert_memory_equal(f->read.groups[0].values.data, &(double){1.5}, 8);
}

static void a_missing_text_is_an_empty_one(void **state)
{
    struct fixture *f = *state;
    findings_add_failure(&f->findings, &(struct msg_failure){.position = 9, .kind = FAIL_CRASH});
    post(f);
    assert_string_equal(f->read.failures[0].reason, "");
}

static void many_findings_of_each_kind_fit(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 100; i++) {
        double value = i;
        add(f, (uint64_t)2 * i, 1, 1);
        findings_add_failure(&f->findings, &(struct msg_failure){.position = i, .reason = "", .tail = ""});
        findings_add_log(&f->findings, &(struct msg_log){.position = i, .text = "line"});
        findings_add_group(&f->findings, &(struct msg_group){.position = i, .group = "g", .values = {&value, 8}});
    }
    post(f);
    assert_true(f->read.n_runs == 100 && f->read.n_failures == 100 && f->read.n_logs == 100 && f->read.n_groups == 100);
    assert_true(f->read.groups[99].position == 99);
}

static void log_text_beyond_the_bound_is_counted_only(void **state)
{
    struct fixture *f = *state;
    static char line[1024];
    memset(line, 'a', sizeof(line) - 1);
    for (int i = 0; i < 300; i++)
        assert_int_equal(findings_add_log(&f->findings, &(struct msg_log){.text = line}), 0);
    post(f);
    assert_int_equal(f->read.n_logs, FINDINGS_LOG_BYTES / (sizeof(line) - 1));
    assert_int_equal(f->read.n_logs + f->read.logs_dropped, 300);
}

static void posting_empties_the_findings(void **state)
{
    struct fixture *f = *state;
    add(f, 0, 2, 1);
    f->findings.since = 5;
    assert_true(findings_bytes(&f->findings) > 0);
    post(f);
    assert_int_equal(f->findings.since, 0);
    assert_int_equal(findings_bytes(&f->findings), 0);
    add(f, 2, 1, 1); /* does not join what has left */
    post(f);
    assert_true(f->read.seq == 2 && f->read.n_runs == 1 && f->read.runs[0].from == 2);
}

static void reports_wait_oldest_first(void **state)
{
    struct fixture *f = *state;
    uint64_t seq = 0;
    for (int i = 0; i < 3; i++)
        post(f);
    list_each(it, after, &f->outbox.waiting)
    {
        assert_int_equal(list_entry(it, struct sent_report, node)->seq, seq + 1);
        seq++;
    }
    assert_int_equal(seq, 3);
}

static void acknowledged_reports_are_forgotten_in_any_order(void **state)
{
    struct fixture *f = *state;
    uint64_t sweep = 0, lease = 0;
    for (uint64_t i = 1; i <= 3; i++) {
        struct sent_report *r = post(f);
        r->sweep = 10 + i;
        r->lease = 20 + i;
    }
    assert_true(outbox_ack(&f->outbox, 2, &sweep, &lease));
    assert_true(sweep == 12 && lease == 22);
    assert_false(outbox_ack(&f->outbox, 2, &sweep, &lease)); /* it came twice */
    assert_false(outbox_ack(&f->outbox, 9, &sweep, &lease));
    assert_true(outbox_ack(&f->outbox, 1, &sweep, &lease) && outbox_ack(&f->outbox, 3, &sweep, &lease));
    assert_int_equal(f->outbox.bytes, 0);
    assert_true(list_empty(&f->outbox.waiting));
}

static void the_bytes_of_what_waits_are_known(void **state)
{
    struct fixture *f = *state;
    add(f, 0, 8, 1);
    size_t one = post(f)->frame.len;
    add(f, 8, 8, 1);
    size_t two = post(f)->frame.len;
    assert_int_equal(f->outbox.bytes, one + two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_that_touch_become_one, setup, teardown),
        cmocka_unit_test_setup_teardown(runs_of_several_slots_become_one, setup, teardown),
        cmocka_unit_test_setup_teardown(status_travels_only_when_not_all_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_report_can_be_posted, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_are_copied_when_they_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_text_is_an_empty_one, setup, teardown),
        cmocka_unit_test_setup_teardown(many_findings_of_each_kind_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(log_text_beyond_the_bound_is_counted_only, setup, teardown),
        cmocka_unit_test_setup_teardown(posting_empties_the_findings, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_wait_oldest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(acknowledged_reports_are_forgotten_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(the_bytes_of_what_waits_are_known, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
