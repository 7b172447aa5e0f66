/* SPDX-License-Identifier: MIT
 *
 * keeper: who builds, who waits, and what becomes of them.
 */
#include "worker/keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SLOTS 5u

struct fixture {
    struct keeper *keeper;
    enum slotmsg_type last[SLOTS]; /* what each slot was told last; 0 = nothing */
    uint64_t size[SLOTS];          /* of the descriptor that came with it */
    struct plan plan;
};

static void on_send(void *ctx, uint32_t slot, enum slotmsg_type type, int fd, const char *text)
{
    struct fixture *f = ctx;
    struct stat st = {0};
    assert_int_equal(f->last[slot], 0); /* one answer a question */
    assert_true((fd >= 0) == (type != SLOT_NO_CACHE) && (text != NULL) == (type == SLOT_NO_CACHE));
    if (fd >= 0)
        assert_int_equal(fstat(fd, &st), 0);
    f->last[slot] = type;
    f->size[slot] = (uint64_t)st.st_size;
}

static void check(struct fixture *f, uint32_t slot, enum slotmsg_type type)
{
    assert_int_equal(f->last[slot], type);
    f->last[slot] = 0;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->plan.plugin.config = "{}";
    f->keeper = keeper_create(SLOTS, on_send, f);
    assert_non_null(f->keeper);
    for (uint32_t i = 0; i < SLOTS; i++)
        keeper_join(f->keeper, i, &f->plan);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    keeper_destroy(f->keeper);
    free(f);
    return 0;
}

static void the_first_builds_and_the_others_wait(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 3; i++)
        keeper_ask(f->keeper, i, "table", 5000);
    check(f, 0, SLOT_BUILD);
    assert_int_equal(f->size[0], 5000);
    check(f, 1, 0);
    keeper_ask(f->keeper, 3, "other", 10); /* another cache goes its own way */
    check(f, 3, SLOT_BUILD);
    keeper_built(f->keeper, 0, true);
    for (uint32_t i = 0; i < 3; i++)
        check(f, i, SLOT_CACHE);
    keeper_ask(f->keeper, 4, "table", 5000);
    check(f, 4, SLOT_CACHE);
}

static void who_waits_longest_builds_next(void **state)
{
    struct fixture *f = *state;
    keeper_ask(f->keeper, 2, "table", 8);
    keeper_ask(f->keeper, 4, "table", 8);
    keeper_ask(f->keeper, 0, "table", 8);
    check(f, 2, SLOT_BUILD);
    keeper_built(f->keeper, 2, false); /* it knows; no answer */
    check(f, 2, 0);
    check(f, 4, SLOT_BUILD);
    keeper_leave(f->keeper, 4); /* dies */
    check(f, 0, SLOT_BUILD);
    keeper_ask(f->keeper, 2, "table", 8);
    keeper_leave(f->keeper, 2); /* dies waiting */
    keeper_built(f->keeper, 0, true);
    check(f, 0, SLOT_CACHE);
    check(f, 2, 0);
}

static void wrong_questions_get_an_answer_or_none(void **state)
{
    struct fixture *f = *state;
    keeper_built(f->keeper, 1, true); /* builds nothing */
    keeper_ask(f->keeper, 0, "table", 8);
    check(f, 0, SLOT_BUILD);
    keeper_ask(f->keeper, 1, "table", 9);
    check(f, 1, SLOT_NO_CACHE);
    keeper_ask(f->keeper, 1, "huge", UINT64_MAX / 4);
    check(f, 1, SLOT_NO_CACHE);
    keeper_ask(f->keeper, 1, "", 0); /* a name is any text, and nothing is a size */
    check(f, 1, SLOT_BUILD);
}

static void a_group_is_kept_until_another_starts(void **state)
{
    struct fixture *f = *state;
    keeper_ask(f->keeper, 0, "table", 8);
    keeper_built(f->keeper, 0, false);
    f->last[0] = 0;
    keeper_ask(f->keeper, 0, "table", 8);
    f->last[0] = 0;
    keeper_built(f->keeper, 0, true);
    f->last[0] = 0;
    for (uint32_t i = 0; i < SLOTS; i++)
        keeper_leave(f->keeper, i);
    keeper_join(f->keeper, 1, &f->plan); /* the same again: still there */
    keeper_ask(f->keeper, 1, "table", 8);
    check(f, 1, SLOT_CACHE);
    struct plan other = {.plugin.config = "{\"a\": 1}"};
    keeper_join(f->keeper, 2, &other); /* slot 1 lives: both groups do */
    keeper_ask(f->keeper, 2, "table", 8);
    check(f, 2, SLOT_BUILD);
    keeper_leave(f->keeper, 1);
    keeper_join(f->keeper, 3, &other); /* now the first group goes */
    keeper_join(f->keeper, 1, &f->plan);
    keeper_ask(f->keeper, 1, "table", 8);
    check(f, 1, SLOT_BUILD);
}

static void other_files_as_keys_are_another_group(void **state)
{
    struct fixture *f = *state;
    struct plan files[2] = {f->plan, f->plan};
    files[0].key_axis = (struct plan_key_axis){.kind = KEYS_FILES, .digest = {"before", 6}};
    files[1].key_axis = (struct plan_key_axis){.kind = KEYS_FILES, .digest = {"behind", 6}};
    keeper_join(f->keeper, 1, &files[0]);
    keeper_join(f->keeper, 2, &files[1]);
    keeper_join(f->keeper, 3, &files[0]);
    for (uint32_t i = 1; i <= 2; i++) {
        keeper_ask(f->keeper, i, "table", 8);
        check(f, i, SLOT_BUILD);
        keeper_built(f->keeper, i, true);
    }
    keeper_ask(f->keeper, 3, "table", 8);
    check(f, 3, SLOT_CACHE);
}

/* A dataset along its trials is another one than the whole of it. */
static void trial_0_is_not_the_whole_dataset(void **state)
{
    struct fixture *f = *state;
    struct plan_data data[2] = {{.digest = {"d", 1}, .along = ""}, {.digest = {"d", 1}, .along = "s", .trials = 2}};
    struct plan whole = f->plan, along = f->plan;
    whole.data = &data[0];
    along.data = &data[1];
    whole.n_data = along.n_data = 1;
    keeper_join(f->keeper, 0, &whole);
    keeper_join(f->keeper, 1, &along);
    keeper_join(f->keeper, 2, &along);
    for (uint32_t i = 0; i < 2; i++) {
        keeper_ask(f->keeper, i, "table", 8);
        check(f, i, SLOT_BUILD);
        keeper_built(f->keeper, i, true);
        check(f, i, SLOT_CACHE);
    }
    keeper_scope(f->keeper, 2, 1);
    keeper_scope(f->keeper, 2, 0); /* it has been elsewhere */
    keeper_ask(f->keeper, 2, "table", 8);
    check(f, 2, SLOT_CACHE);
}

/* Along the trials of an earlier sweep each trial is a dataset of its own. */
static void what_one_trial_has_is_another_ones_not(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < SLOTS; i++)
        keeper_scope(f->keeper, i, 1);
    keeper_ask(f->keeper, 0, "table", 8);
    check(f, 0, SLOT_BUILD);
    keeper_built(f->keeper, 0, true);
    check(f, 0, SLOT_CACHE);
    keeper_scope(f->keeper, 1, 2);
    keeper_ask(f->keeper, 1, "table", 8);
    check(f, 1, SLOT_BUILD); /* and while it builds it goes on, which a slot does not: somebody else may build */
    keeper_scope(f->keeper, 1, 1);
    keeper_ask(f->keeper, 1, "table", 8);
    check(f, 1, SLOT_CACHE);
    for (uint32_t i = 0; i < SLOTS; i++)
        keeper_scope(f->keeper, i, 2); /* nobody is at the first any more: it goes */
    keeper_scope(f->keeper, 0, 1);
    keeper_ask(f->keeper, 0, "table", 8);
    check(f, 0, SLOT_BUILD);
    keeper_leave(f->keeper, 0);
    keeper_scope(f->keeper, 0, 1); /* a dead one says nothing any more */
    keeper_ask(f->keeper, 0, "table", 8);
    check(f, 0, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_first_builds_and_the_others_wait),  T(who_waits_longest_builds_next),
        T(wrong_questions_get_an_answer_or_none), T(a_group_is_kept_until_another_starts),
        T(other_files_as_keys_are_another_group), T(what_one_trial_has_is_another_ones_not),
        T(trial_0_is_not_the_whole_dataset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
