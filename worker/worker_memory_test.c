/* SPDX-License-Identifier: MIT
 *
 * Tests of the worker's logic when memory runs out: at whichever allocation, it either ends in good order or goes on and
 * reports everything once; it never crashes or leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/alloc_fixture.h"
#include "worker/worker_fixture.h"

#include <stdlib.h>

static void side(struct worker_fixture *f, uint32_t kind, const char *text, uint32_t len)
{
    const struct chunk *c = slot_chunk(f, 0);
    struct side_head head = {.word = c ? page_pack(c->seq, 0) : 0, .kind = kind};
    alloc_inside(true);
    f->events.side(f->events.ctx, 0, &head, text, len);
    alloc_inside(false);
}

/* Everything that can come of a slot. */
static void slot_lives(struct worker_fixture *f)
{
    static const char group[] = "g\0\0\0\0\0\0\0\0";
    if (!f->slots[0].alive)
        return;
    slot_ready(f, 0);
    fixture_turn(f, 0);
    side(f, SIDE_LOG, "\2line", 5);
    side(f, SIDE_GROUP, group, sizeof(group) - 1 + 1);
    if (slot_chunk(f, 0))
        slot_tell(f, 0, 1, 1);
    side(f, SIDE_FAIL, "reason", 6);
    if (slot_chunk(f, 0))
        slot_tell(f, 0, 1, 2);
    fixture_pass(f, 550);
    if (slot_chunk(f, 0))
        slot_crashes(f, 0);
}

static void life(struct worker_fixture *f)
{
    fixture_turn(f, 0);
    fixture_welcome(f, 1, true);
    fixture_grant(f, 1, 0, 20, 0);
    fixture_plan(f, 1);
    slot_lives(f);
    fixture_work_off(f);
    fixture_pass(f, 1100);
    fixture_grant(f, 2, 20, 40, 0);
    fixture_message(f, MSG_TAKE, &(struct msg_take){.sweep = 1, .lease = 2, .to = 30});
    fixture_work_off(f);
    fixture_plan(f, 2);
    fixture_message(f, MSG_DROP, &(struct msg_sweep){.sweep = 1, .now = true});
    fixture_work_off(f);
}

/* A life in which the n-th allocation fails; false when there were not so many. */
static bool life_with(unsigned n)
{
    struct worker_fixture *f = calloc(1, sizeof(*f));
    fixture_init(f, 1);
    f->memory = alloc_inside;
    alloc_fail_at(n);
    life(f);
    bool failed = alloc_has_failed();
    alloc_fail_at(0);
    struct intervals all = {0};
    if (f->worker->stopping)
        assert_true(worker_finished(f->worker) || f->slots[0].alive);
    else
        assert_int_equal(fixture_reported(f, &all), 30);
    intervals_finish(&all);
    fixture_finish(f);
    free(f);
    return failed;
}

static void it_ends_or_goes_on_wherever_memory_runs_out(void **state)
{
    (void)state;
    unsigned n = 1;
    while (life_with(n))
        n++;
    assert_true(n > 20);
}

static void without_memory_there_is_no_worker(void **state)
{
    (void)state;
    struct worker_config config = {.instance = "", .host = "", .slots = 1};
    struct worker_env env = {.ctx = NULL};
    for (unsigned n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        alloc_inside(true);
        struct worker *w = worker_create(&config, &env);
        alloc_inside(false);
        alloc_fail_at(0);
        assert_null(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_or_goes_on_wherever_memory_runs_out),
        cmocka_unit_test(without_memory_there_is_no_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
