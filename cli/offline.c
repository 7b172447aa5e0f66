/* SPDX-License-Identifier: MIT
 *
 * offline: turns the broker's logic by hand: reads are done when asked for, writes count as durable and are forgotten.
 */
#include "cli/offline.h"
#include "broker/broker.h"
#include "common/clock.h"

#include <stdlib.h>
#include <string.h>

#define PEER 1u
#define PAGE_BYTES ((size_t)4 << 20)

struct offline {
    struct journal *journal;
    struct broker *broker;
    struct scribe_read *asked; /* newest first; there is hardly ever more than one */
    uint64_t written;          /* highest ticket of dropped batches */
    bool wrote;
    struct client_msg *reply; /* where the answer goes */
    uint32_t want;
    bool replied;
    int err; /* of an answer that could not be kept */
};

/* ---- what the logic finds around it ---- */

/* Keeps the answer as if it had come over the wire: its memory is the broker's only during this call. */
static bool on_send(void *ctx, uint64_t peer, uint32_t type, const void *body)
{
    struct offline *o = ctx;
    if (peer != PEER || o->reply == NULL || o->replied || (type != o->want && type != MSG_ERROR))
        return true;
    struct buf head = {0};
    struct client_msg *m = o->reply;
    m->bytes.len = 0;
    o->err = proto_encode(type, body, &head, &m->bytes);
    if (o->err == SHEAF_OK)
        o->err = client_msg_decode(m, type, NULL);
    o->replied = true;
    buf_finish(&head);
    return true;
}

static void on_journal(void *ctx, struct scribe_batch *batch)
{
    struct offline *o = ctx;
    o->written = batch->ticket;
    o->wrote = true;
    if (batch->keep_free != NULL)
        batch->keep_free(batch->keep);
    arena_finish(&batch->arena);
    free(batch);
}

static void on_read(void *ctx, struct scribe_read *read)
{
    struct offline *o = ctx;
    read->next = o->asked;
    o->asked = read;
}

static uint64_t no_memory_use(void *ctx)
{
    (void)ctx;
    return 0;
}

static int64_t no_cpu_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return clock_wall_ms();
}

/* ---- turns ---- */

/* Does what the logic has asked for. False when there was nothing. */
static bool turn(struct offline *o)
{
    bool busy = o->asked != NULL || o->wrote;
    if (o->wrote) {
        o->wrote = false;
        broker_durable(o->broker, o->written);
    }
    struct scribe_read *r = o->asked;
    if (r != NULL) {
        o->asked = r->next;
        r->err = journal_read(o->journal, &r->read, r->max_bytes > 0 ? r->max_bytes : PAGE_BYTES, &r->arena, &r->page,
                              &r->diag);
        broker_answered(o->broker, r);
    }
    return busy;
}

static int restore(struct offline *o, struct diag *d)
{
    struct journal_sweep *sweeps;
    uint32_t n;
    struct arena a;
    arena_init(&a, 0);
    int err = journal_sweeps(o->journal, &a, &sweeps, &n, d);
    for (uint32_t i = 0; err == SHEAF_OK && i < n; i++)
        err = broker_restore(o->broker, &sweeps[i], d);
    arena_finish(&a);
    if (err != SHEAF_OK)
        return err;
    broker_time(o->broker, clock_mono_ns());
    while (turn(o))
        ;
    return broker_failed(o->broker) ? diag_fail(d, SHEAF_ENOMEM, "out of memory") : SHEAF_OK;
}

int offline_open(const char *dir, struct offline **out, struct diag *d)
{
    struct offline *o = calloc(1, sizeof *o);
    if (o == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    int err = journal_open(dir, false, &o->journal, d);
    struct broker_config config = {.epoch = 1};
    struct broker_env env = {.ctx = o,
                             .send = on_send,
                             .journal = on_journal,
                             .read = on_read,
                             .own_pss = no_memory_use,
                             .own_cpu_ns = no_cpu_time,
                             .wall_ms = wall_ms};
    if (err == SHEAF_OK) {
        o->broker = broker_create(&config, &env);
        err = o->broker != NULL ? restore(o, d) : diag_fail(d, SHEAF_ENOMEM, "out of memory");
    }
    if (err != SHEAF_OK) {
        offline_close(o);
        return err;
    }
    *out = o;
    return SHEAF_OK;
}

void offline_close(struct offline *o)
{
    if (o == NULL)
        return;
    while (o->broker != NULL && turn(o))
        ;
    broker_destroy(o->broker);
    journal_close(o->journal);
    free(o);
}

int offline_call(struct offline *o, uint32_t type, const void *body, uint32_t want, struct client_msg *m,
                 struct diag *d)
{
    o->reply = m;
    o->want = want;
    o->replied = false;
    o->err = SHEAF_OK;
    broker_time(o->broker, clock_mono_ns());
    (void)broker_message(o->broker, PEER, type, body, NULL);
    while (!o->replied && turn(o))
        ;
    if (!o->replied)
        (void)broker_tick(o->broker); /* a status may wait for the turn's end */
    while (!o->replied && turn(o))
        ;
    o->reply = NULL;
    if (!o->replied)
        return diag_fail(d, SHEAF_EPROTO, "the journal gives no answer to %s", proto_name(type));
    if (o->err != SHEAF_OK)
        return diag_fail(d, o->err, "%s: %s", proto_name(type), sheaf_strerror(o->err));
    return m->type == MSG_ERROR ? client_refusal(m, d) : SHEAF_OK;
}

struct output_job *offline_leftover(struct offline *o)
{
    return broker_leftover(o->broker, 0);
}
