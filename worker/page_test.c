/* SPDX-License-Identifier: MIT
 *
 * page: the protocol of claiming and taking back step by step (page_stress.c has it at full speed), the rings, and what a slot that
 * writes nonsense achieves.
 */
#include "worker/page.h"
#include "common/err.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct page *page;
    struct page_reader reader;
};

static void fixture_make(struct fixture *f, uint32_t n_scores)
{
    f->page = aligned_alloc(4096, page_size(n_scores));
    assert_non_null(f->page);
    memset(f->page, 0, page_size(n_scores));
    page_reader_init(&f->reader, f->page, n_scores);
}

/* ---- the protocol ---- */

static void claims_up_to_the_end_of_its_chunk(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    assert_int_equal(page_claim(f.page, 1, 0, 1), 0); /* not ordered yet */
    page_open_chunk(f.page, 1, 2);
    page_open_chunk(f.page, 2, 1); /* waits; hides nothing of the first */
    assert_int_equal(page_claim(f.page, 1, 0, 1), 1);
    assert_int_equal(page_claim(f.page, 1, 1, 1), 1);
    assert_int_equal(page_claim(f.page, 1, 2, 1), 0);
    assert_int_equal(page_claim(f.page, 2, 0, 1), 1);
    assert_int_equal(page_claim(f.page, 2, 1, 1), 0);
    assert_int_equal(page_claim(f.page, 3, 0, 1), 0); /* the word of chunk 1 is no order for chunk 3 */
    free(f.page);
}

static void a_tail_starts_behind_the_task_in_work(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    page_open_chunk(f.page, 1, 10);
    assert_int_equal(page_lower(f.page, 1, 12, 10), 10); /* nothing there */
    assert_int_equal(page_lower(f.page, 1, 8, 10), 8);   /* not begun */
    assert_int_equal(page_claim(f.page, 1, 0, 1), 1);
    assert_int_equal(page_claim(f.page, 1, 5, 1), 1);
    assert_int_equal(page_lower(f.page, 1, 3, 8), 6); /* 5 is in work */
    assert_int_equal(page_lower(f.page, 1, 0, 6), 6);
    assert_int_equal(page_claim(f.page, 1, 6, 1), 0);
    assert_int_equal(page_lower(f.page, 1, 0, 6), 6); /* announced, but beyond the end */
    free(f.page);
}

static void several_tasks_can_be_claimed_at_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    page_open_chunk(f.page, 1, 10);
    assert_int_equal(page_claim(f.page, 1, 0, 4), 4);
    assert_int_equal(page_lower(f.page, 1, 2, 10), 4); /* all that was claimed stays */
    assert_int_equal(page_claim(f.page, 1, 4, 4), 0);
    page_open_chunk(f.page, 2, 10);
    assert_false(page_asked(f.page, 2));
    assert_int_equal(page_claim(f.page, 2, 8, 4), 2); /* as far as the chunk goes */
    free(f.page);
}

static void what_was_claimed_but_not_begun_can_be_given_up(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    page_open_chunk(f.page, 1, 10);
    assert_int_equal(page_claim(f.page, 1, 0, 10), 10);
    assert_int_equal(page_lower(f.page, 1, 0, 10), 10); /* nothing to take, but the slot sees that it was asked */
    assert_true(page_asked(f.page, 1));
    assert_int_equal(page_claim(f.page, 1, 3, 1), 1);
    assert_int_equal(page_lower(f.page, 1, 0, 10), 4);
    assert_int_equal(page_claim(f.page, 1, 4, 1), 0);
    free(f.page);
}

static void an_unbegun_chunk_can_be_taken_whole_and_a_finished_one_not_at_all(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    page_open_chunk(f.page, 1, 4);
    page_open_chunk(f.page, 2, 4);
    assert_int_equal(page_lower(f.page, 2, 0, 4), 0);
    assert_int_equal(page_claim(f.page, 1, 3, 1), 1);
    assert_int_equal(page_claim(f.page, 2, 0, 1), 0);
    assert_int_equal(page_lower(f.page, 1, 0, 4), 4); /* the slot is in chunk 2 already */
    assert_int_equal(page_lower(f.page, 7, 0, 4), 4); /* never ordered */
    free(f.page);
}

static void *claim_five(void *arg)
{
    static uint32_t claimed;
    claimed = page_claim(arg, 1, 5, 1);
    return &claimed;
}

static void a_slot_waits_for_an_end_that_is_being_lowered(void **state)
{
    (void)state;
    for (uint32_t settled = 5; settled <= 6; settled++) { /* the worker has seen the claim, or not */
        struct fixture f;
        void *claimed;
        pthread_t slot;
        fixture_make(&f, 1);
        atomic_store(&f.page->end[1].v, page_pack(1, 3 | PAGE_LOWERING));
        assert_int_equal(page_claim(f.page, 1, 2, 1), 1); /* below it in any case */
        assert_int_equal(pthread_create(&slot, NULL, claim_five, f.page), 0);
        while (atomic_load(&f.page->claimed.v) != page_pack(1, 5))
            sched_yield();
        for (int i = 0; i < 100; i++)
            sched_yield(); /* so that a slot that does not wait has gone on wrongly */
        atomic_store(&f.page->end[1].v, page_pack(1, settled));
        pthread_join(slot, &claimed);
        assert_int_equal(*(uint32_t *)claimed, settled - 5);
        free(f.page);
    }
}

/* ---- scores ---- */

static void records_come_back_in_order_across_the_wrap(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 3);
    uint64_t cap = page_ring_cap(3), next = 0, taken = 0;
    uint8_t *status = malloc(cap);
    double *scores = malloc(cap * 3 * sizeof(double));
    while (taken < 5 * cap) {
        for (uint64_t k = 0; k < cap * 2 / 3; k++, next++) {
            double row[3] = {(double)next, 0.5, -(double)next};
            assert_true(page_publish(f.page, (uint8_t)(1 + next % 3), row));
        }
        uint64_t n = page_ready(&f.reader);
        assert_int_equal(n, next - taken);
        page_take(&f.reader, n, status, scores);
        for (uint64_t k = 0; k < n; k++, taken++) {
            assert_int_equal(status[k], 1 + taken % 3);
            assert_true(scores[3 * k] == (double)taken && scores[3 * k + 2] == -(double)taken);
        }
    }
    free(status);
    free(scores);
    free(f.page);
}

static void a_full_ring_refuses_until_there_is_room(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    double score = 1;
    for (uint64_t k = 0; k < page_ring_cap(1); k++)
        assert_true(page_publish(f.page, 1, &score));
    assert_false(page_publish(f.page, 1, &score));
    atomic_store(&f.page->wants_wake.v, 1);
    uint8_t status[2];
    double out[2];
    assert_true(page_take(&f.reader, 1, status, out));  /* asks for the wake-up ... */
    assert_false(page_take(&f.reader, 1, status, out)); /* ... once */
    assert_true(page_publish(f.page, 1, &score));
    free(f.page);
}

static void sizes_hold_for_any_number_of_scores(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 256; n++) {
        struct fixture f;
        fixture_make(&f, n);
        uint64_t cap = page_ring_cap(n);
        assert_true(cap >= 256 && (cap & (cap - 1)) == 0 && cap * (1 + 8 * n) <= PAGE_RING_BYTES);
        assert_true((char *)(page_scores(f.page) + cap * n) <= (char *)f.page + page_size(n));
        assert_int_equal((uintptr_t)page_scores(f.page) % 64, 0);
        free(f.page);
    }
}

/* ---- text ---- */

static void side_entries_come_back_in_order_across_the_wrap(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    char text[1000], back[PAGE_SIDE_MAX + 1];
    uint64_t written = 0, read = 0;
    while (read < 2000) {
        struct side_head head = {.len = (uint32_t)(written % sizeof text), .kind = SIDE_LOG, .word = written};
        memset(text, 'a' + (int)(written % 26), sizeof text);
        if (page_side_write(f.page, &head, text)) {
            written++;
            continue;
        }
        for (int k = 0; k < 100 && read < written; k++, read++) {
            bool wake;
            assert_int_equal(page_side_read(&f.reader, &head, back, sizeof back, &wake), read % sizeof text);
            assert_true(head.word == read && head.kind == SIDE_LOG);
            memset(text, 'a' + (int)(read % 26), sizeof text);
            assert_memory_equal(back, text, head.len);
            assert_int_equal(back[head.len], 0);
        }
    }
    free(f.page);
}

static void the_end_of_stderr_survives(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    char out[PAGE_ERR_BYTES + 1];
    page_err_read(&f.reader, out);
    assert_string_equal(out, "");
    page_err_write(f.page, "abc", 3);
    page_err_write(f.page, "def", 3);
    page_err_read(&f.reader, out);
    assert_string_equal(out, "abcdef");
    char big[3 * PAGE_ERR_BYTES];
    memset(big, 'x', sizeof big);
    page_err_write(f.page, big, sizeof big);
    page_err_write(f.page, "end", 3);
    page_err_read(&f.reader, out);
    assert_int_equal(strlen(out), PAGE_ERR_BYTES);
    assert_string_equal(out + PAGE_ERR_BYTES - 4, "xend");
    free(f.page);
}

/* ---- a slot that writes nonsense ---- */

static void impossible_words_are_seen(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f, 1);
    f.page->ring_cap = UINT64_MAX; /* the reader does not believe it */
    atomic_store(&f.page->head.v, page_ring_cap(1) + 1);
    assert_true(page_ready(&f.reader) == UINT64_MAX);
    atomic_store(&f.page->head.v, UINT64_MAX); /* went backwards */
    assert_true(page_ready(&f.reader) == UINT64_MAX);
    page_open_chunk(f.page, 1, 10);
    atomic_store(&f.page->claimed.v, page_pack(1, UINT32_MAX));
    assert_int_equal(page_lower(f.page, 1, 3, 10), 10);
    atomic_store(&f.page->claimed.v, page_pack(UINT32_MAX, 0));
    assert_int_equal(page_lower(f.page, 1, 3, 10), 10);
    free(f.page);
}

static void malformed_side_entries_are_seen(void **state)
{
    (void)state;
    const struct {
        uint64_t head;
        struct side_head entry;
    } cases[] = {
        {8, {.len = 0, .kind = SIDE_LOG}},                        /* shorter than a head */
        {16, {.len = 1, .kind = SIDE_LOG}},                       /* longer than what is there */
        {64, {.len = UINT32_MAX, .kind = SIDE_LOG}},              /* longer than anything */
        {PAGE_SIDE_BYTES, {.len = PAGE_SIDE_MAX + 1, .kind = 2}}, /* over the cap */
        {64, {.len = 8, .kind = 0}},
        {64, {.len = 8, .kind = SIDE_GROUP + 1}},
        {PAGE_SIDE_BYTES + 8, {.len = 8, .kind = SIDE_LOG}},
        {UINT64_MAX, {.len = 8, .kind = SIDE_LOG}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        fixture_make(&f, 1);
        memcpy(page_side(f.page), &cases[i].entry, sizeof cases[i].entry);
        atomic_store(&f.page->side_head.v, cases[i].head);
        struct side_head head;
        char buf[PAGE_SIDE_MAX + 1];
        bool wake;
        assert_int_equal(page_side_read(&f.reader, &head, buf, sizeof buf, &wake), SHEAF_EPROTO);
        free(f.page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_up_to_the_end_of_its_chunk),
        cmocka_unit_test(a_tail_starts_behind_the_task_in_work),
        cmocka_unit_test(several_tasks_can_be_claimed_at_once),
        cmocka_unit_test(what_was_claimed_but_not_begun_can_be_given_up),
        cmocka_unit_test(an_unbegun_chunk_can_be_taken_whole_and_a_finished_one_not_at_all),
        cmocka_unit_test(a_slot_waits_for_an_end_that_is_being_lowered),
        cmocka_unit_test(records_come_back_in_order_across_the_wrap),
        cmocka_unit_test(a_full_ring_refuses_until_there_is_room),
        cmocka_unit_test(sizes_hold_for_any_number_of_scores),
        cmocka_unit_test(side_entries_come_back_in_order_across_the_wrap),
        cmocka_unit_test(the_end_of_stderr_survives),
        cmocka_unit_test(impossible_words_are_seen),
        cmocka_unit_test(malformed_side_entries_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
