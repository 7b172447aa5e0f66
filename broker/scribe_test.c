/* SPDX-License-Identifier: MIT
 *
 * Tests of the scribe: tickets rise in order and mean durable, reads see what is durable, everything handed over is
 * released once, and a failed write is reported and ends the writing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/journal_db.h"
#include "broker/scribe.h"
#include "common/fsutil.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    char dir[64];
    struct journal *j;
    struct scribe *s;
    struct scribe_read *answers; /* in order of arrival */
    uint64_t durable;
    struct diag d;
};

static _Atomic int released;

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/scribe_test_XXXXXX");
    if (!mkdtemp(f->dir)) {
        free(f);
        return -1;
    }
    *state = f;
    atomic_store(&released, 0);
    return journal_open(f->dir, true, &f->j, &f->d);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    scribe_finish(f->s, NULL);
    journal_close(f->j);
    dir_remove(f->dir);
    free(f);
    return 0;
}

static void start(struct fixture *f)
{
    f->s = scribe_start(&f->j);
    assert_non_null(f->s);
    assert_null(f->j);
}

static void release(void *keep)
{
    atomic_fetch_add(&released, 1);
    free(keep);
}

/* A batch of one run of 1,000 tasks whose scores, as a message's bytes would, live outside of the batch. */
static struct scribe_batch *run_batch(uint64_t ticket, uint64_t first)
{
    struct scribe_batch *b = calloc(1, sizeof(*b));
    arena_init(&b->arena, 0);
    double *scores = malloc(1000 * sizeof(*scores));
    for (int i = 0; i < 1000; i++)
        scores[i] = (double)first + i;
    b->ticket = ticket;
    b->keep = scores;
    b->keep_free = release;
    b->keep_bytes = 1000 * sizeof(*scores);
    b->n_ops = 1;
    b->ops = arena_alloc(&b->arena, sizeof(*b->ops));
    b->ops[0] = (struct journal_op){
        .kind = JOURNAL_RUN, .sweep = 1, .first = first, .n = 1000, .scores = {scores, 1000 * sizeof(*scores)}};
    return b;
}

/* Waits for news; the error if there is one. */
static int news(struct fixture *f)
{
    struct pollfd p = {.fd = scribe_fd(f->s), .events = POLLIN};
    struct scribe_read *answered = NULL;
    assert_int_equal(poll(&p, 1, -1), 1);
    uint64_t before = f->durable;
    int err = scribe_news(f->s, &f->durable, &answered, &f->d);
    assert_true(f->durable >= before);
    struct scribe_read **last = &f->answers;
    while (*last)
        last = &(*last)->next;
    *last = answered;
    return err;
}

static void wait_durable(struct fixture *f, uint64_t ticket)
{
    while (f->durable < ticket)
        assert_int_equal(news(f), 0);
}

static struct scribe_read *ask(struct fixture *f, uint64_t from)
{
    struct scribe_read *r = calloc(1, sizeof(*r));
    arena_init(&r->arena, 0);
    r->read = (struct msg_read){.sweep = 1, .kind = READ_RUNS, .from = from};
    r->max_bytes = 1 << 20;
    r->who = f;
    scribe_ask(f->s, r);
    return r;
}

static struct scribe_read *next_answer(struct fixture *f)
{
    while (!f->answers)
        news(f);
    struct scribe_read *r = f->answers;
    f->answers = r->next;
    return r;
}

static void read_free(struct scribe_read *r)
{
    arena_finish(&r->arena);
    free(r);
}

static void a_ticket_means_that_a_reader_sees_it(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (uint64_t t = 1; t <= 30; t++) { /* more than go at once */
        scribe_push(f->s, run_batch(t, t * 1000));
        wait_durable(f, t);
        struct scribe_read *asked = ask(f, t * 1000), *r = next_answer(f);
        assert_ptr_equal(asked, r);
        assert_ptr_equal(r->who, f);
        assert_int_equal(r->err, 0);
        assert_int_equal(r->page.n_runs, 1);
        assert_int_equal(r->page.runs[0].n, 1000);
        assert_true(((const double *)r->page.runs[0].scores.data)[5] == (double)(t * 1000 + 5));
        read_free(r);
    }
}

static void everything_is_written_and_released_at_the_end(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (uint64_t t = 1; t <= 500; t++)
        scribe_push(f->s, run_batch(t, t * 2000));
    assert_int_equal(scribe_finish(f->s, &f->d), 0);
    f->s = NULL;
    assert_int_equal(atomic_load(&released), 500);
    assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), 0);
    struct arena a;
    arena_init(&a, 0);
    struct msg_page p;
    const struct msg_read read = {.sweep = 1, .kind = READ_RUNS};
    assert_int_equal(journal_read(f->j, &read, 1 << 30, &a, &p, &f->d), 0);
    assert_int_equal(p.n_runs, 500);
    arena_finish(&a);
}

static void the_backlog_counts_what_is_not_durable(void **state)
{
    struct fixture *f = *state;
    start(f);
    assert_int_equal(scribe_backlog(f->s), 0);
    for (uint64_t t = 1; t <= 200; t++)
        scribe_push(f->s, run_batch(t, t * 1000));
    wait_durable(f, 200);
    assert_int_equal(scribe_backlog(f->s), 0);
}

static void a_batch_without_ops_has_a_ticket_all_the_same(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct scribe_batch *b = calloc(1, sizeof(*b));
    arena_init(&b->arena, 0);
    b->ticket = 5;
    scribe_push(f->s, b);
    wait_durable(f, 5);
}

static void a_read_sees_what_was_handed_over_before_it(void **state)
{
    struct fixture *f = *state;
    struct scribe_read *asked[50];
    start(f);
    for (uint64_t t = 1; t <= 50; t++) {
        scribe_push(f->s, run_batch(t, t * 1000));
        asked[t - 1] = ask(f, 0);
    }
    uint64_t seen = 0;
    for (uint64_t i = 0; i < 50; i++) {
        struct scribe_read *r = next_answer(f);
        assert_ptr_equal(r, asked[i]);
        assert_int_equal(r->err, 0);
        uint64_t tasks = 0;
        for (uint32_t k = 0; k < r->page.n_runs; k++)
            tasks += r->page.runs[k].n;
        assert_true(tasks % 1000 == 0 && tasks / 1000 >= seen); /* whole transactions, never fewer than before */
        assert_true(tasks / 1000 > i);
        seen = tasks / 1000;
        read_free(r);
    }
    wait_durable(f, 50);
}

static void reads_that_nobody_collects_are_freed(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (int i = 0; i < 10; i++)
        ask(f, 0);
    assert_int_equal(scribe_finish(f->s, NULL), 0);
    f->s = NULL;
}

static void a_failed_write_is_reported_and_nothing_after_it_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(sqlite3_exec(f->j->db, "PRAGMA max_page_count=60", NULL, NULL, NULL), SQLITE_OK);
    start(f);
    int err = 0;
    uint64_t t = 0;
    while (err == 0) {
        for (int i = 0; i < 20; i++) {
            ++t;
            scribe_push(f->s, run_batch(t, t * 2000));
        }
        err = news(f);
        assert_true(t < 100000);
    }
    assert_int_equal(err, SHEAF_ENOSPC);
    assert_non_null(strstr(f->d.text, "journal.db"));
    uint64_t durable = f->durable;
    ask(f, 0);
    struct scribe_read *r = next_answer(f);
    assert_int_equal(r->err, SHEAF_ENOSPC);
    read_free(r);
    assert_int_equal(scribe_finish(f->s, &f->d), SHEAF_ENOSPC);
    f->s = NULL;
    assert_int_equal(f->durable, durable);
    assert_int_equal(atomic_load(&released), (int)t);
    assert_int_equal(journal_open(f->dir, false, &f->j, &f->d), 0);
    struct arena a;
    arena_init(&a, 0);
    struct msg_page p;
    const struct msg_read read = {.sweep = 1, .kind = READ_RUNS};
    assert_int_equal(journal_read(f->j, &read, 1 << 30, &a, &p, &f->d), 0);
    assert_int_equal(p.n_runs, durable);
    arena_finish(&a);
}

static void the_descriptor_falls_silent_once_the_news_is_read(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct pollfd p = {.fd = scribe_fd(f->s), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    scribe_push(f->s, run_batch(1, 0));
    wait_durable(f, 1);
    assert_int_equal(poll(&p, 1, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_means_that_a_reader_sees_it),
        TEST(everything_is_written_and_released_at_the_end),
        TEST(the_backlog_counts_what_is_not_durable),
        TEST(a_batch_without_ops_has_a_ticket_all_the_same),
        TEST(a_read_sees_what_was_handed_over_before_it),
        TEST(reads_that_nobody_collects_are_freed),
        TEST(a_failed_write_is_reported_and_nothing_after_it_is_acknowledged),
        TEST(the_descriptor_falls_silent_once_the_news_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
