/* SPDX-License-Identifier: MIT
 *
 * Tests of what peers can make a broker hold: each limit is reached, and one more is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"

#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    struct broker_fixture *f = *state;
    f->broker->config.limits = (struct broker_limits){
        .workers = 3, .leases = 3, .sweeps = 2, .plan_bytes = 10000, .watches = 2, .reads = 2, .acks = 3};
    return 0;
}

static void refused(struct broker_fixture *f, uint64_t peer, const char *why)
{
    const struct msg_error *e = mailbox_last(&f->out, peer, MSG_ERROR);
    assert_non_null(e);
    assert_int_equal(e->err, SHEAF_ELIMIT);
    assert_non_null(strstr(e->text, why));
}

static void accepted(struct broker_fixture *f, uint64_t peer)
{
    assert_int_equal(mailbox_count(&f->out, peer, MSG_ERROR), 0);
}

static void workers_are_limited(void **state)
{
    struct broker_fixture *f = *state;
    for (uint64_t peer = 1; peer <= 4; peer++)
        worker_hello(f, peer, 1, NULL, 0);
    accepted(f, 3);
    refused(f, 4, "as many workers");
    worker_hello(f, 3, 1, NULL, 0); /* who is known may come again */
    accepted(f, 3);
    fixture_message(f, 1, MSG_BYE, NULL);
    worker_hello(f, 4, 1, NULL, 0);
    accepted(f, 4);
}

static void a_connection_is_one_worker(void **state)
{
    struct broker_fixture *f = *state;
    (void)client_gets_sweep(f);
    worker_hello(f, 1, 1, NULL, 0);
    (void)worker_gets(f, 1);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 1);
    struct msg_hello other = {.instance = "ffffffffffffffffffffffffffffffff", .host = "", .slots = 1};
    fixture_message(f, 1, MSG_HELLO, &other);
    assert_int_equal(sweep_find(f->broker, 0)->n_leases, 0);
    assert_string_equal(broker_worker(f->broker, 1)->instance, other.instance);
}

static void registered_leases_are_limited(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = client_gets_sweep(f);
    struct msg_held held[4];
    for (uint64_t i = 0; i < 4; i++)
        held[i] =
            (struct msg_held){.sweep = sweep, .lease = 100 + i, .from = i, .to = i + 1, .left = 1, .granted_to = i + 1};
    worker_hello(f, 1, 1, held, 4);
    assert_int_equal(sweep_find(f->broker, sweep)->n_leases, 3);
    assert_null(lease_find(broker_worker(f->broker, 1), sweep, 103));
    assert_true(intervals_has(&sweep_find(f->broker, sweep)->pending, 3)); /* somebody else's, perhaps */
    worker_hello(f, 1, 1, held, 4);
    assert_int_equal(sweep_find(f->broker, sweep)->n_leases, 3);
}

static void sweeps_are_limited(void **state)
{
    struct broker_fixture *f = *state;
    for (uint64_t i = 0; i < 3; i++) {
        f->plan.plan.seed = i;
        f->plan.plan.method = METHOD_RANDOM;
        client_submits(f);
        fixture_settle(f);
    }
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_SUBMITTED), 2);
    refused(f, CLIENT, "as many sweeps as it can");
    f->plan.plan.seed = 1; /* one that is known */
    client_submits(f);
    fixture_settle(f);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_SUBMITTED), 3);
    accepted(f, CLIENT);
}

static void bytes_of_plans_are_limited(void **state)
{
    struct broker_fixture *f = *state;
    client_submits(f);
    f->broker->config.limits.plan_bytes = 2 * f->plan_bytes.len;
    f->plan.plan.source = "x"; /* makes it longer by one byte */
    f->plan.plan.seed = 1;
    f->plan.plan.method = METHOD_RANDOM;
    client_submits(f);
    refused(f, CLIENT, "as many sweeps as it can");
    f->plan.plan.source = "";
    client_submits(f);
    accepted(f, CLIENT);
}

static void watches_are_limited(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = client_gets_sweep(f);
    for (uint64_t peer = 2001; peer <= 2003; peer++)
        fixture_message(f, peer, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .every_ms = 1000});
    accepted(f, 2002);
    refused(f, 2003, "as many clients");
    assert_int_equal(mailbox_count(&f->out, 2003, MSG_STATUS), 1); /* how it stands now, it was told */
    fixture_message(f, 2002, MSG_WATCH, &(struct msg_watch){.sweep = sweep, .every_ms = 1});
    accepted(f, 2002);
    mailbox_clear(&f->out);
    fixture_pass(f, 1000); /* in two steps */
    assert_in_range(mailbox_count(&f->out, 2002, MSG_STATUS), 1, 3);
    int64_t due = broker_tick(f->broker);
    assert_true(due >= 10 * NS_PER_MS);
}

static void pages_at_once_are_limited(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = client_gets_sweep(f);
    for (int i = 0; i < 3; i++)
        fixture_message(f, CLIENT, MSG_READ, &(struct msg_read){.sweep = sweep});
    refused(f, CLIENT, "too many pages");
    fixture_settle(f);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_PAGE), 2);
    fixture_message(f, CLIENT, MSG_READ, &(struct msg_read){.sweep = sweep});
    accepted(f, CLIENT);
}

static void pages_of_one_client_are_limited(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t sweep = client_gets_sweep(f);
    free(f->broker->readers);
    f->broker->config.limits.reads = READS_OF_ONE + 1;
    f->broker->readers = calloc(READS_OF_ONE + 1, sizeof(*f->broker->readers));
    assert_non_null(f->broker->readers);
    for (uint32_t i = 0; i <= READS_OF_ONE; i++)
        fixture_message(f, CLIENT, MSG_READ, &(struct msg_read){.sweep = sweep});
    refused(f, CLIENT, "too many pages");
    fixture_message(f, CLIENT + 1, MSG_READ, &(struct msg_read){.sweep = sweep});
    accepted(f, CLIENT + 1);
    fixture_settle(f);
    assert_int_equal(mailbox_count(&f->out, CLIENT, MSG_PAGE), READS_OF_ONE);
    assert_int_equal(f->broker->n_readers, 0);
}

static void waiting_acknowledgements_are_limited(void **state)
{
    struct broker_fixture *f = *state;
    uint64_t seqs[4];
    (void)client_gets_sweep(f);
    worker_hello(f, 1, 1, NULL, 0);
    struct msg_lease l = worker_gets(f, 1);
    for (uint64_t i = 0; i < 4; i++)
        seqs[i] = worker_reports(f, 1, &l, l.from + i, 1, false);
    assert_int_equal(f->broker->n_acks, 3);
    fixture_commit(f);
    assert_int_equal(f->broker->n_acks, 0);
    assert_true(worker_acked(f, 1, seqs[2]));
    assert_false(worker_acked(f, 1, seqs[3]));
    f->seq--;
    assert_int_equal(worker_reports(f, 1, &l, l.from + 3, 1, false), seqs[3]); /* it comes again */
    assert_true(worker_acked(f, 1, seqs[3]));
    assert_int_equal(sweep_find(f->broker, 0)->done.count, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(workers_are_limited),
        TEST(a_connection_is_one_worker),
        TEST(registered_leases_are_limited),
        TEST(sweeps_are_limited),
        TEST(bytes_of_plans_are_limited),
        TEST(watches_are_limited),
        TEST(pages_at_once_are_limited),
        TEST(pages_of_one_client_are_limited),
        TEST(waiting_acknowledgements_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
