/* SPDX-License-Identifier: MIT
 *
 * Tests of what a session does when its own broker, which is played here, has lost what was asked.
 */
#include "cli/session.h"
#include "common/frames.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>
#include <cmocka.h>

#define SWEEP 7u

struct played {
    void *ctx, *socket;
    char endpoint[128];
    uint32_t asked[2]; /* types of what came */
    uint64_t sweep;    /* the last one asked after */
};

static void say(struct played *p, uint64_t peer, uint32_t type, const void *body)
{
    struct buf head = {0}, frame = {0};
    if (proto_encode(type, body, &head, &frame) == 0)
        (void)frames_send(p->socket, &peer, &head, &frame);
    buf_finish(&head);
    buf_finish(&frame);
}

/* Waits for one message, whose body is of the caller's arena. */
static const void *take(struct played *p, struct arena *a, void *body, uint64_t *peer, uint32_t *type)
{
    struct msg_head head;
    struct diag d;
    zmq_msg_t msg;
    zmq_pollitem_t item = {.socket = p->socket, .events = ZMQ_POLLIN};
    zmq_msg_init(&msg);
    while (zmq_poll(&item, 1, -1) <= 0)
        ;
    int got = frames_receive(p->socket, peer, &head, &msg, &d);
    int err = got == 1 ? proto_body(head.type, zmq_msg_data(&msg), zmq_msg_size(&msg), a, body, &d) : SHEAF_EPROTO;
    *type = err == 0 ? head.type : 0;
    zmq_msg_close(&msg);
    return body;
}

/* Forgets whom to tell of the sweep, once it has said which one it is. */
static void *play(void *arg)
{
    struct played *p = arg;
    static _Alignas(16) unsigned char body[PROTO_MAX_STRUCT];
    for (int i = 0; i < 2; i++) {
        struct arena a;
        uint64_t peer;
        arena_init(&a, 0);
        const void *m = take(p, &a, body, &peer, &p->asked[i]);
        if (p->asked[i] == MSG_SUBMIT) {
            say(p, peer, MSG_SUBMITTED, &(struct msg_submitted){.sweep = SWEEP});
        } else {
            p->sweep = ((const struct msg_watch *)m)->sweep;
            say(p, peer, MSG_STATUS,
                &(struct msg_status){
                    .sweep = SWEEP, .name = "", .state = SWEEP_DONE, .final = true, .qualified = "", .reason = ""});
        }
        arena_finish(&a);
    }
    return NULL;
}

static int setup(void **state)
{
    struct played *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    *state = p;
    p->ctx = zmq_ctx_new();
    p->socket = zmq_socket(p->ctx, ZMQ_ROUTER);
    snprintf(p->endpoint, sizeof(p->endpoint), "ipc:///tmp/sheaf-session-test-%ld", (long)getpid());
    return zmq_bind(p->socket, p->endpoint);
}

static int teardown(void **state)
{
    struct played *p = *state;
    zmq_close(p->socket);
    zmq_ctx_term(p->ctx);
    (void)unlink(p->endpoint + strlen("ipc://"));
    free(p);
    return 0;
}

static void a_silent_broker_of_its_own_is_asked_after_the_sweep(void **state)
{
    struct played *p = *state;
    struct session s;
    struct diag d = {""};
    pthread_t broker;
    session_init(&s);
    s.quiet = true;
    assert_int_equal(session_begin(&s, &d), 0);
    assert_int_equal(client_open(p->endpoint, &s.client, &d), 0);
    s.local = true;
    assert_int_equal(pthread_create(&broker, NULL, play, p), 0);
    struct msg_submit m = {.plan = {"", 0}, .watch = true, .every_ms = 100};
    assert_int_equal(session_follow(&s, MSG_SUBMIT, &m, &d), 0);
    assert_int_equal(pthread_join(broker, NULL), 0);
    s.local = false; /* it has no children to end */
    assert_true(session_status(&s) && session_status(&s)->final);
    assert_int_equal(p->asked[0], MSG_SUBMIT);
    assert_int_equal(p->asked[1], MSG_WATCH);
    assert_int_equal(p->sweep, SWEEP);
    session_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_silent_broker_of_its_own_is_asked_after_the_sweep, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
