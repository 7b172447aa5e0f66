/* SPDX-License-Identifier: MIT */
#include "common/buf.h"
#include "common/err.h"
#include "common/mem_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void bytes_arrive_in_order(void **state)
{
    (void)state;
    struct buf b = {0};
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        assert_int_equal(buf_append(&b, &byte, 1), 0);
    }
    assert_int_equal(b.len, 10000);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(b.data[i], (uint8_t)(i * 7));
    buf_finish(&b);
    assert_null(b.data);
    assert_int_equal(b.len + b.cap, 0);
}

static void null_appends_zeros_and_nothing_appends_nothing(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    assert_null(b.data);
    assert_int_equal(buf_append(&b, "x", 1), 0);
    assert_int_equal(buf_append(&b, NULL, 3), 0);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "x\0\0", 4);
    buf_finish(&b);
}

static void printf_does_not_count_its_nul(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_printf(&b, "%s=%d", "n", 7), 0);
    assert_int_equal(buf_printf(&b, ";%0200d", 1), 0);
    assert_int_equal(b.len, 204);
    assert_int_equal(b.data[204], 0);
    assert_memory_equal(b.data, "n=7;000", 7);
    buf_finish(&b);
}

static void reserved_room_is_not_allocated_again(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_reserve(&b, 5000), 0);
    mem_fail_after(0);
    int err = buf_append(&b, NULL, 5000);
    mem_fail_end();
    assert_int_equal(err, 0);
    buf_finish(&b);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_append(&b, "abc", 3), 0);
    mem_fail_after(0);
    int append = buf_append(&b, NULL, b.cap), print = buf_printf(&b, "%0100d", 1);
    mem_fail_end();
    assert_int_equal(append, SHEAF_ENOMEM);
    assert_int_equal(print, SHEAF_ENOMEM);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "abc", 3);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), SHEAF_ENOMEM);
    assert_int_equal(buf_reserve(&b, SIZE_MAX - 2), SHEAF_ENOMEM);
    buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_in_order),
        cmocka_unit_test(null_appends_zeros_and_nothing_appends_nothing),
        cmocka_unit_test(printf_does_not_count_its_nul),
        cmocka_unit_test(reserved_room_is_not_allocated_again),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
