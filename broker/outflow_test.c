/* SPDX-License-Identifier: MIT
 *
 * outflow_test: over a real socket, to a peer that reads or does not.
 */
#include "broker/outflow.h"
#include "common/frames.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE ((size_t)4 << 20)

struct fixture {
    void *ctx, *router, *dealer;
    struct outflow *flow;
    char endpoint[64];
    uint64_t peer;
};

static int set_up(void **state)
{
    static struct fixture f;
    int one = 1, linger = 0;
    char dir[] = "/tmp/outflow_XXXXXX";
    memset(&f, 0, sizeof(f));
    assert_non_null(mkdtemp(dir));
    (void)snprintf(f.endpoint, sizeof(f.endpoint), "ipc://%s/s", dir);
    f.flow = outflow_create();
    f.ctx = zmq_ctx_new();
    f.router = zmq_socket(f.ctx, ZMQ_ROUTER);
    f.dealer = zmq_socket(f.ctx, ZMQ_DEALER);
    zmq_setsockopt(f.router, ZMQ_ROUTER_MANDATORY, &one, sizeof(one));
    zmq_setsockopt(f.dealer, ZMQ_RCVHWM, &one, sizeof(one)); /* what is not read stays with the sender */
    zmq_setsockopt(f.router, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(f.dealer, ZMQ_LINGER, &linger, sizeof(linger));
    assert_int_equal(zmq_bind(f.router, f.endpoint), 0);
    assert_int_equal(zmq_connect(f.dealer, f.endpoint), 0);
    assert_int_equal(zmq_send(f.dealer, "x", 1, 0), 1);
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    assert_int_equal(zmq_msg_recv(&frame, f.router, 0), FRAMES_PEER_BYTES);
    memcpy(&f.peer, zmq_msg_data(&frame), FRAMES_PEER_BYTES);
    assert_int_equal(zmq_msg_recv(&frame, f.router, 0), 1);
    zmq_msg_close(&frame);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    zmq_close(f->router);
    zmq_close(f->dealer);
    zmq_ctx_term(f->ctx);
    outflow_destroy(f->flow);
    char *path = f->endpoint + strlen("ipc://");
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    return rmdir(path);
}

static bool send_bytes(struct fixture *f, uint64_t peer, size_t n)
{
    uint8_t one = 1;
    struct buf head = {&one, 1, 1}, body = {0};
    assert_int_equal(buf_append(&body, NULL, n), 0);
    bool there = outflow_send(f->flow, f->router, peer, &head, &body);
    buf_finish(&body);
    return there;
}

/* Reads whole messages until n bytes of bodies have come; all of one size. */
static void read_bytes(struct fixture *f, size_t n, size_t size)
{
    for (size_t got = 0; got < n; got += size)
        for (int part = 0; part < 2; part++) {
            zmq_msg_t frame;
            zmq_msg_init(&frame);
            assert_true(zmq_msg_recv(&frame, f->dealer, 0) >= 0);
            assert_int_equal(zmq_msg_size(&frame), part ? size : 1);
            zmq_msg_close(&frame);
        }
}

static void who_does_not_read_gets_no_more(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++)
        assert_true(send_bytes(f, f->peer, PAGE));
    uint64_t waiting = outflow_waiting(f->flow, f->peer);
    assert_true(waiting > OUTFLOW_MOST / 2 && waiting <= OUTFLOW_MOST + PAGE);
    assert_true(send_bytes(f, f->peer, 10)); /* small messages go, as far as libzmq takes them */
}

static void who_reads_gets_everything(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        assert_true(send_bytes(f, f->peer, PAGE));
        read_bytes(f, PAGE, PAGE);
        while (outflow_waiting(f->flow, f->peer) > 0)
            (void)poll(NULL, 0, 1); /* libzmq frees it on its own thread */
    }
}

static void who_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;
    assert_false(send_bytes(f, f->peer + 1, PAGE));
    assert_false(send_bytes(f, f->peer + 1, 10));
    assert_int_equal(outflow_waiting(f->flow, f->peer + 1), 0);
    assert_true(send_bytes(f, f->peer, PAGE));
    read_bytes(f, PAGE, PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_does_not_read_gets_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_reads_gets_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_not_there_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
