/* SPDX-License-Identifier: MIT
 *
 * frames_fuzz: a script whose steps are frames: bit 0 of the kind says that more follow in the same message, bit 1 that the peer is
 * the one that chose an identity of its own. They go over real sockets to a ROUTER, and are taken off it as the broker does:
 * each message is refused or has a head of ours and one body, and none is left behind.
 */
#include "common/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/script.h"

#include <string.h>

#define STEPS_MOST 64u

struct peers {
    void *router, *dealers[2];
};

static void open_peers(struct peers *p)
{
    void *ctx = zmq_ctx_new();
    p->router = zmq_socket(ctx, ZMQ_ROUTER);
    SHEAF_ASSERT(p->router && zmq_bind(p->router, "inproc://fuzz") == 0);
    for (int i = 0; i < 2; i++) {
        p->dealers[i] = zmq_socket(ctx, ZMQ_DEALER);
        SHEAF_ASSERT(p->dealers[i]);
        if (i == 1)
            SHEAF_ASSERT(zmq_setsockopt(p->dealers[i], ZMQ_ROUTING_ID, "of its own", 10) == 0);
        SHEAF_ASSERT(zmq_connect(p->dealers[i], "inproc://fuzz") == 0);
    }
}

/* Takes one; false when there is none. */
static bool take(const struct peers *p, uint64_t *taken)
{
    uint64_t peer = 7;
    struct msg_head head = {0};
    struct diag d = {""};
    zmq_msg_t body;
    (void)zmq_msg_init(&body);
    int got = frames_receive(p->router, &peer, &head, &body, &d);
    SHEAF_ASSERT(got == 1 || got == 0 || got == SHEAF_EPROTO || got == SHEAF_EVERSION || got == SHEAF_ELIMIT);
    SHEAF_ASSERT((got < 0) == (d.text[0] != '\0'));
    SHEAF_ASSERT(got != 1 || (peer != 0 && head.major == PROTO_MAJOR));
    (void)zmq_msg_close(&body);
    *taken += got != 0;
    return got != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct peers p;
    struct script script = {data, data + size};
    struct step s;
    bool open[2] = {false, false};
    uint64_t sent = 0, taken = 0;
    if (!p.router)
        open_peers(&p);
    for (uint32_t i = 0; i < STEPS_MOST && script_next(&script, &s); i++) {
        int from = s.kind >> 1 & 1;
        open[from] = s.kind & 1;
        SHEAF_ASSERT(zmq_send(p.dealers[from], s.bytes, s.len, ZMQ_DONTWAIT | (open[from] ? ZMQ_SNDMORE : 0)) >= 0);
        sent += !open[from];
        while (take(&p, &taken))
            ;
    }
    for (int from = 0; from < 2; from++) {
        if (open[from])
            SHEAF_ASSERT(zmq_send(p.dealers[from], "", 0, ZMQ_DONTWAIT) >= 0);
        sent += open[from];
    }
    while (take(&p, &taken))
        ;
    SHEAF_ASSERT(sent == taken);
    return 0;
}
