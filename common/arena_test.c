/* SPDX-License-Identifier: MIT */
#include "common/arena.h"
#include "common/mem_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static bool all_are(const uint8_t *p, size_t n, uint8_t value)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != value)
            return false;
    }
    return true;
}

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    uint8_t *last = NULL;
    size_t last_size = 0;
    for (size_t size = 0; size < 3000; size += 13) {
        uint8_t *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(all_are(p, size, 0));
        assert_true(all_are(last, last_size, 0xff)); /* the new piece does not reach into the old one */
        memset(p, 0xff, size);
        last = p;
        last_size = size;
    }
    assert_true(a.used <= a.total);
    arena_finish(&a);
    assert_int_equal(a.total, 0);
}

static void memory_that_was_used_before_a_reset_is_zeroed_again(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (int round = 0; round < 3; round++) {
        uint8_t *p = arena_alloc(&a, 1000);
        assert_true(all_are(p, 1000, 0));
        memset(p, 0xff, 1000);
        arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    arena_finish(&a);
}

static void a_reset_arena_works_without_new_memory(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 500));
    arena_reset(&a);
    size_t held = a.total;
    mem_fail_after(0);
    void *p = arena_alloc(&a, 20000);
    mem_fail_end();
    assert_non_null(p);
    assert_int_equal(a.total, held);
    arena_finish(&a);
}

static void the_limit_bounds_what_is_held(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 10000);
    assert_null(arena_alloc(&a, 10001));
    assert_null(arena_alloc(&a, 10000)); /* the block's header counts too */
    for (int round = 0; round < 3; round++) {
        size_t got = 0;
        while (arena_alloc(&a, 64) != NULL)
            got += 64;
        assert_true(got > 9000); /* a reset gives back what it frees */
        assert_true(a.total <= 10000);
        arena_reset(&a);
    }
    arena_finish(&a);
    assert_int_equal(a.limit, 10000);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 15));
    assert_null(arena_text(&a, "", SIZE_MAX));
    arena_finish(&a);
}

static void without_memory_the_arena_stays_usable(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    mem_fail_after(0);
    void *p = arena_alloc(&a, 1);
    const char *t = arena_printf(&a, "%d", 1);
    mem_fail_end();
    assert_null(p);
    assert_null(t);
    assert_non_null(arena_alloc(&a, 1));
    arena_finish(&a);
}

static void texts_are_copied_and_terminated(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    char source[] = "abcdef";
    char *copy = arena_text(&a, source, 3);
    memset(source, 'x', 6);
    assert_string_equal(copy, "abc");
    assert_string_equal(arena_text(&a, NULL, 0), "");
    char *longer = arena_printf(&a, "%s-%05000d", copy, 7);
    assert_int_equal(strlen(longer), 5004);
    assert_string_equal(longer + 5000, "0007");
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(memory_that_was_used_before_a_reset_is_zeroed_again),
        cmocka_unit_test(a_reset_arena_works_without_new_memory),
        cmocka_unit_test(the_limit_bounds_what_is_held),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(without_memory_the_arena_stays_usable),
        cmocka_unit_test(texts_are_copied_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
