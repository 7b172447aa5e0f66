/* SPDX-License-Identifier: MIT
 *
 * door_test: over real TCP connections, on a clock that stands still in between.
 */
#include "broker/door.h"
#include "common/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB ((uint64_t)1 << 20)

struct fixture {
    void *ctx, *router, *dealer;
    struct door *door;
    char endpoint[64];
    struct sockaddr_in address;
    int64_t now;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct diag d = {""};
    size_t len = sizeof(f.endpoint);
    unsigned port;
    int linger = 0;
    memset(&f, 0, sizeof(f));
    f.now = 1000 * NS_PER_S;
    f.ctx = zmq_ctx_new();
    f.router = zmq_socket(f.ctx, ZMQ_ROUTER);
    f.dealer = zmq_socket(f.ctx, ZMQ_DEALER);
    zmq_setsockopt(f.dealer, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(f.router, ZMQ_LINGER, &linger, sizeof(linger));
    assert_int_equal(door_open(f.ctx, f.router, &f.door, &d), 0);
    assert_int_equal(zmq_bind(f.router, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(f.router, ZMQ_LAST_ENDPOINT, f.endpoint, &len), 0);
    assert_int_equal(sscanf(f.endpoint, "tcp://127.0.0.1:%u", &port), 1);
    f.address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    *state = &f;
    return 0;
}

/* The process has 200 descriptors, it seems. */
static int set_up_few(void **state)
{
    struct rlimit old, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = (struct rlimit){.rlim_cur = 200, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    (void)set_up(state);
    return setrlimit(RLIMIT_NOFILE, &old);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    door_close(f->door);
    zmq_close(f->router);
    zmq_close(f->dealer);
    zmq_ctx_term(f->ctx);
    return 0;
}

static void pass(struct fixture *f, int64_t ns, uint64_t memory)
{
    f->now += ns;
    door_look(f->door, f->now, memory);
}

/* libzmq tells of connections when it likes. */
static void wait_count(struct fixture *f, uint32_t n)
{
    while (door_count(f->door) != n) {
        (void)poll(NULL, 0, 1);
        door_look(f->door, f->now, MIB);
    }
}

static int stranger(const struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
    return fd;
}

/* Whatever libzmq says first, the end comes after it. */
static void assert_cut(int fd)
{
    char bytes[256];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        ;
    assert_true(n == 0 || errno == ECONNRESET);
    close(fd);
}

/* A peer of ours sends a message, which arrives. */
static void speak(struct fixture *f)
{
    zmq_pollitem_t item = {.socket = f->router, .events = ZMQ_POLLIN};
    int more = 1;
    do /* what was sent into a connection that has just been closed is lost */
        assert_int_equal(zmq_send(f->dealer, "hello", 5, 0), 5);
    while (zmq_poll(&item, 1, 100) == 0);
    for (int n = 0; more; n++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        assert_true(zmq_msg_recv(&frame, f->router, 0) >= 0);
        more = zmq_msg_more(&frame);
        if (n == 1)
            door_heard(f->door, &frame, f->now);
        zmq_msg_close(&frame);
    }
}

static void who_brings_no_message_is_shown_out(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(zmq_connect(f->dealer, f->endpoint), 0);
    speak(f);
    assert_int_equal(door_count(f->door), 1);
    int fd = stranger(f);
    wait_count(f, 2);
    pass(f, DOOR_LOOK_NS, MIB);
    assert_false(door_due(f->door, f->now + DOOR_LOOK_NS - 1));
    assert_true(door_due(f->door, f->now + DOOR_LOOK_NS));
    assert_int_equal(door_wait(f->door, f->now + 1), DOOR_REST_NS - 1);
    assert_int_equal(door_wait(f->door, f->now + 2 * DOOR_REST_NS), 0);
    pass(f, DOOR_STRANGER_NS, MIB);
    assert_int_equal(door_closed(f->door), 1);
    assert_cut(fd);
    wait_count(f, 1);
    pass(f, 100 * DOOR_STRANGER_NS, MIB); /* a peer of ours may be silent as long as it likes */
    assert_int_equal(door_closed(f->door), 1);
    speak(f);
}

static void who_is_silent_goes_when_memory_grows(void **state)
{
    struct fixture *f = *state;
    int fd = stranger(f);
    wait_count(f, 1);
    pass(f, DOOR_SILENT_NS, 100 * MIB);
    pass(f, DOOR_LOOK_NS, 100 * MIB + DOOR_GROWTH - 1 - 99 * MIB); /* 1 MiB was the least */
    assert_int_equal(door_closed(f->door), 0);
    assert_int_equal(door_wait(f->door, f->now), DOOR_LOOK_NS); /* something is coming */
    assert_int_equal(zmq_connect(f->dealer, f->endpoint), 0);
    speak(f);
    pass(f, DOOR_LOOK_NS, MIB + DOOR_GROWTH);
    assert_int_equal(door_closed(f->door), 1); /* but not the one that has just spoken */
    assert_cut(fd);
    wait_count(f, 1);
    assert_int_equal(door_closed(f->door), 1);
}

static void when_that_does_not_help_everybody_goes_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(zmq_connect(f->dealer, f->endpoint), 0);
    speak(f);
    pass(f, DOOR_LOOK_NS, MIB);
    pass(f, DOOR_LOOK_NS, MIB + DOOR_GROWTH); /* nobody is silent */
    pass(f, DOOR_LOOK_NS, MIB + DOOR_GROWTH);
    assert_int_equal(door_closed(f->door), 0);
    pass(f, DOOR_SILENT_NS, MIB + DOOR_GROWTH);
    assert_int_equal(door_closed(f->door), 1);
    pass(f, DOOR_SILENT_NS, MIB + DOOR_GROWTH); /* it is the broker's own, it seems */
    speak(f);                                   /* and the peer has connected again */
    pass(f, DOOR_SILENT_NS, MIB + DOOR_GROWTH);
    assert_int_equal(door_closed(f->door), 1);
}

static void when_it_grows_on_everybody_goes_at_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(zmq_connect(f->dealer, f->endpoint), 0);
    speak(f);
    pass(f, DOOR_LOOK_NS, MIB);
    pass(f, DOOR_LOOK_NS, MIB + DOOR_GROWTH);
    pass(f, DOOR_LOOK_NS, MIB + 2 * DOOR_GROWTH - 1);
    assert_int_equal(door_closed(f->door), 0);
    pass(f, DOOR_LOOK_NS, MIB + 2 * DOOR_GROWTH);
    assert_int_equal(door_closed(f->door), 1);
}

static void there_are_only_so_many_connections(void **state)
{
    struct fixture *f = *state;
    int fds[140];
    for (int i = 0; i < 140; i++)
        fds[i] = stranger(f);
    while (door_closed(f->door) < 4) { /* 200 descriptors less 64 */
        (void)poll(NULL, 0, 1);
        door_look(f->door, f->now, MIB);
    }
    wait_count(f, 136);
    for (int i = 0; i < 140; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_brings_no_message_is_shown_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_silent_goes_when_memory_grows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_that_does_not_help_everybody_goes_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_it_grows_on_everybody_goes_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_only_so_many_connections, set_up_few, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
