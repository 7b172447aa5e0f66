/* SPDX-License-Identifier: MIT
 *
 * Tests of u64map: against a plain array, through growth and removal.
 */
#include "sweep/u64map.h"

#include "common/err.h"
#include "sweep/philox.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct u64map m = {0};
    assert_null(u64map_get(&m, 0));
    u64map_remove(&m, 7);
    u64map_finish(&m);
}

static void agrees_with_an_array_through_any_history(void **state)
{
    (void)state;
    struct u64map m = {0};
    static char *there[400];
    static char thing[1000];
    for (uint64_t step = 0; step < 40000; step++) {
        struct philox_block b = philox_draw(3, step, 0, 0);
        uint64_t slot = philox_below(b, 400), key = slot * 0x100000001u;
        bool fill = (b.w[0] & 1023) < (step / 8000 % 2 ? 300u : 700u); /* grows and shrinks in turn */
        if (fill) {
            there[slot] = &thing[step % 1000];
            assert_int_equal(u64map_put(&m, key, there[slot]), SHEAF_OK);
        } else {
            there[slot] = NULL;
            u64map_remove(&m, key);
        }
        size_t n = 0;
        if (step % 97 == 0) {
            for (uint64_t i = 0; i < 400; i++) {
                assert_ptr_equal(u64map_get(&m, i * 0x100000001u), there[i]);
                n += there[i] != NULL;
            }
            assert_int_equal(m.n, n);
        }
    }
    u64map_finish(&m);
    assert_null(u64map_get(&m, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(agrees_with_an_array_through_any_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
