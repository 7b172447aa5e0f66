/* SPDX-License-Identifier: MIT
 *
 * frames_test: over real sockets, inproc.
 */
#include "common/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

struct pair {
    void *ctx, *router, *dealer;
    zmq_msg_t body;
    uint64_t peer;
    struct msg_head head;
    struct diag d;
};

static int open_pair(void **state)
{
    static struct pair p;
    memset(&p, 0, sizeof p);
    int no_linger = 0;
    p.ctx = zmq_ctx_new();
    p.router = zmq_socket(p.ctx, ZMQ_ROUTER);
    p.dealer = zmq_socket(p.ctx, ZMQ_DEALER);
    (void)zmq_setsockopt(p.dealer, ZMQ_LINGER, &no_linger, sizeof no_linger);
    assert_int_equal(zmq_bind(p.router, "inproc://frames"), 0);
    (void)zmq_msg_init(&p.body);
    *state = &p;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *p = *state;
    (void)zmq_msg_close(&p->body);
    (void)zmq_close(p->router);
    (void)zmq_close(p->dealer);
    (void)zmq_ctx_term(p->ctx);
    return 0;
}

static void connect_dealer(struct pair *p)
{
    assert_int_equal(zmq_connect(p->dealer, "inproc://frames"), 0);
}

/* Waits for the message that was sent, then takes it. */
static int take(struct pair *p)
{
    zmq_pollitem_t item = {.socket = p->router, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, 10000), 1);
    return frames_receive(p->router, &p->peer, &p->head, &p->body, &p->d);
}

static void send_parts(struct pair *p, const char *const *parts, int n)
{
    for (int i = 0; i < n; i++)
        assert_true(zmq_send(p->dealer, parts[i], strlen(parts[i]), i + 1 < n ? ZMQ_SNDMORE : 0) >= 0);
}

static void a_message_goes_there_and_back(void **state)
{
    struct pair *p = *state;
    struct buf head = {0}, body = {0};
    struct msg_sweep m = {.sweep = 7};
    connect_dealer(p);
    assert_int_equal(proto_encode(MSG_CANCEL, &m, &head, &body), 0);
    assert_true(frames_send(p->dealer, NULL, &head, &body));
    assert_int_equal(take(p), 1);
    assert_int_equal(p->head.type, MSG_CANCEL);
    assert_int_equal(zmq_msg_size(&p->body), body.len);
    assert_true(p->peer != 0);
    assert_true(frames_send(p->router, &p->peer, &head, &body));
    zmq_pollitem_t item = {.socket = p->dealer, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, 10000), 1);
    assert_int_equal(frames_receive(p->dealer, NULL, &p->head, &p->body, &p->d), 1);
    assert_int_equal(p->head.type, MSG_CANCEL);
    buf_finish(&head);
    buf_finish(&body);
}

static void nothing_there_is_0(void **state)
{
    struct pair *p = *state;
    assert_int_equal(frames_receive(p->router, &p->peer, &p->head, &p->body, &p->d), 0);
}

static void a_malformed_message_is_taken_off_and_refused(void **state)
{
    struct pair *p = *state;
    const char *const one[] = {"x"}, *const three[] = {"\x93\x01\x00\x17", "\x90", "more"};
    connect_dealer(p);
    send_parts(p, one, 1);
    assert_true(take(p) < 0);
    assert_true(p->peer != 0);
    send_parts(p, three, 3);
    assert_true(take(p) < 0);
    assert_int_equal(frames_receive(p->router, &p->peer, &p->head, &p->body, &p->d), 0);
}

static void a_peer_cannot_choose_its_identity(void **state)
{
    struct pair *p = *state;
    const char *const two[] = {"\x93\x01\x02\x17", "\x90"};
    assert_int_equal(zmq_setsockopt(p->dealer, ZMQ_ROUTING_ID, "me", 2), 0);
    connect_dealer(p);
    send_parts(p, two, 2);
    assert_true(take(p) < 0);
    assert_int_equal(p->peer, 0);
    assert_non_null(strstr(p->d.text, "identity"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_goes_there_and_back, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(nothing_there_is_0, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_malformed_message_is_taken_off_and_refused, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_peer_cannot_choose_its_identity, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
