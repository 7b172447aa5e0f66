/* SPDX-License-Identifier: MIT
 *
 * Tests of the broker's logic when memory runs out: at whichever allocation, it either says that it has failed (the program ends
 * and starts again) or goes on and finishes its sweep; it never crashes, leaks, or counts something twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"
#include "common/alloc_fixture.h"

#include <stdlib.h>

static void clients_look(struct broker_fixture *f)
{
    fixture_message(f, CLIENT, MSG_WATCH, &(struct msg_watch){.every_ms = 500, .top = 5, .plan = true});
    fixture_message(f, CLIENT, MSG_LIST, NULL);
    fixture_message(f, CLIENT, MSG_READ, &(struct msg_read){.kind = READ_RUNS});
    fixture_settle(f);
}

/* Whatever is granted is done, as long as the broker answers. */
static void work(struct broker_fixture *f)
{
    bool first = true;
    for (int idle = 0; idle < 3 && !broker_failed(f->broker); idle++) {
        fixture_message(f, WORKER_A, MSG_WANT, &(struct msg_want){.idle = 1});
        fixture_pass(f, 100);
        fixture_settle(f);
        for (const struct msg_grant *m = mailbox_next(&f->out, WORKER_A, MSG_GRANT); m;
             m = mailbox_next(&f->out, WORKER_A, MSG_GRANT))
            for (uint32_t i = 0; i < m->n_leases; i++, idle = 0) {
                const struct msg_lease *l = &m->leases[i];
                if (first && l->to - l->from > 1)
                    worker_reports_all_kinds(f, WORKER_A, l, l->from, 2);
                first = false;
                worker_reports(f, WORKER_A, l, l->from, l->to - l->from, true);
            }
    }
}

static void life(struct broker_fixture *f)
{
    client_submits(f);
    client_submits(f); /* again, should the first one have been refused */
    fixture_settle(f);
    worker_hello(f, WORKER_A, 2, NULL, 0);
    clients_look(f);
    work(f);
    fixture_settle(f);
    if (f->plan.plan.keep_best == 0) {
        client_asks(f, MSG_RETRY, 0, false);
        fixture_settle(f);
        work(f);
    }
    client_submits(f);
    clients_look(f);
}

static void finish_with(struct broker_fixture *f, bool must)
{
    const struct bsweep *s = sweep_find(f->broker, 0);
    if (broker_failed(f->broker) || (!s && !must))
        return;
    SHEAF_ASSERT(s);
    assert_int_equal(s->done.count, s->total);
    struct tally_counts c = tally_counts(s->tally);
    assert_int_equal(c.done + c.failed, s->total);
}

/* A life in which the n-th allocation fails; false when there were not so many. */
static bool life_with(unsigned n, uint64_t keep_best)
{
    struct broker_fixture *f = calloc(1, sizeof(*f));
    fixture_init(f);
    f->plan.plan.trials = f->plan.axis.count = 24;
    f->plan.plan.keep_best = keep_best;
    f->plan.plan.verify_ppm = 500000;
    f->memory = alloc_inside;
    alloc_fail_at(n);
    life(f);
    bool failed = alloc_has_failed();
    alloc_fail_at(0);
    finish_with(f, !failed);
    f->memory = NULL;
    fixture_finish(f);
    free(f);
    return failed;
}

static void it_fails_or_goes_on_wherever_memory_runs_out(void **state)
{
    (void)state;
    unsigned n = 1;
    while (life_with(n, 0))
        n++;
    assert_true(n > 100);
}

static void with_keep_best_as_well(void **state)
{
    (void)state;
    unsigned n = 1;
    while (life_with(n, 3))
        n++;
    assert_true(n > 100);
}

/* The same for what a restart does. */
static bool restart_with(unsigned n, uint64_t keep_best)
{
    struct broker_fixture *f = calloc(1, sizeof(*f));
    fixture_init(f);
    f->plan.plan.trials = f->plan.axis.count = 24;
    f->plan.plan.keep_best = keep_best;
    client_gets_sweep(f);
    worker_hello(f, WORKER_A, 2, NULL, 0);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports_all_kinds(f, WORKER_A, &l, l.from, 2);
    fixture_settle(f);
    fixture_restart(f);
    struct msg_held held = held_of(&l);
    f->memory = alloc_inside;
    alloc_fail_at(n);
    worker_hello(f, WORKER_A, 2, &held, 1);
    fixture_settle(f);
    worker_reports(f, WORKER_A, &l, l.from, l.to - l.from, true);
    for (int i = 0; i < 3; i++) {
        fixture_pass(f, 4000);
        worker_beats(f, WORKER_A, NULL, 0);
    }
    work(f);
    bool failed = alloc_has_failed();
    alloc_fail_at(0);
    finish_with(f, true);
    f->memory = NULL;
    fixture_finish(f);
    free(f);
    return failed;
}

static void a_restart_fails_or_goes_on_as_well(void **state)
{
    (void)state;
    for (uint64_t keep = 0; keep <= 3; keep += 3) {
        unsigned n = 1;
        while (restart_with(n, keep))
            n++;
        assert_true(n > 30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fails_or_goes_on_wherever_memory_runs_out),
        cmocka_unit_test(with_keep_best_as_well),
        cmocka_unit_test(a_restart_fails_or_goes_on_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
