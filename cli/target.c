/* SPDX-License-Identifier: MIT */
#include "cli/target.h"
#include "common/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OPEN_WAIT_NS (5 * NS_PER_S)
#define ASK_AGAIN 3

void target_init(struct target *t)
{
    memset(t, 0, sizeof *t);
    arena_init(&t->arena, 0);
    client_msg_init(&t->msg);
    client_msg_init(&t->status);
}

void target_close(struct target *t)
{
    client_close(t->client);
    offline_close(t->offline);
    client_msg_finish(&t->msg);
    client_msg_finish(&t->status);
    arena_finish(&t->arena);
    target_init(t);
}

/* One try: the live broker if there is one, else the journal. */
static int open_once(struct target *t, struct diag *d)
{
    t->endpoint = state_endpoint(&t->folder, &t->arena);
    if (t->endpoint != NULL && client_open_live(t->endpoint, &t->client, NULL) == SHEAF_OK)
        return SHEAF_OK;
    return offline_open(t->folder.dir, &t->offline, d);
}

static int never_ran(const struct target *t, struct diag *d)
{
    return diag_fail(d, SHEAF_ENOENT, "sweep %" PRIu64 " has no results yet: it never ran; `sheaf run %s` runs it",
                     t->number, t->folder.source[0] != '\0' ? t->folder.source : "SWEEP.yaml");
}

int target_open_folder(struct target *t, const struct state_sweep *folder, struct diag *d)
{
    t->folder = *folder;
    t->number = folder->number;
    int64_t until = clock_mono_ns() + OPEN_WAIT_NS;
    int err = open_once(t, d);
    /* A broker that starts or ends has the journal and no endpoint for a moment. */
    while (err == SHEAF_EBUSY && clock_mono_ns() < until) {
        struct timespec pause = {.tv_nsec = 10 * NS_PER_MS};
        (void)nanosleep(&pause, NULL);
        err = open_once(t, d);
    }
    return err == SHEAF_ENOENT ? never_ran(t, d) : err;
}

/* Which sweep of a broker elsewhere? */
static int find_remote(struct target *t, const char *which, struct diag *d)
{
    int err = target_call(t, MSG_LIST, NULL, MSG_LISTING, d);
    if (err != SHEAF_OK)
        return err;
    const struct msg_listing *l = t->msg.body;
    for (uint32_t i = 0; i < l->n_sweeps; i++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%" PRIu64, l->sweeps[i].sweep);
        if (strcmp(number, which) == 0) {
            t->number = l->sweeps[i].sweep;
            break;
        }
        if ((strcmp(which, "last") == 0 || strcmp(which, l->sweeps[i].name) == 0) && l->sweeps[i].sweep > t->number)
            t->number = l->sweeps[i].sweep;
    }
    t->sweep = t->number;
    if (t->number == 0)
        return diag_fail(d, SHEAF_ENOENT, "no sweep '%s' at %s; `sheaf list` shows which there are", which,
                         t->endpoint);
    return SHEAF_OK;
}

int target_open(struct target *t, const struct target_options *o, struct diag *d)
{
    if (o->broker != NULL && o->broker[0] != '\0') {
        t->endpoint = o->broker;
        int err = client_open_live(o->broker, &t->client, d);
        return err == SHEAF_OK ? find_remote(t, o->which, d) : err;
    }
    const char *root = state_root(o->state, &t->arena, d);
    if (root == NULL)
        return SHEAF_EINVAL;
    struct state_sweep folder;
    int err = state_find(root, o->which, &t->arena, &folder, d);
    return err == SHEAF_OK ? target_open_folder(t, &folder, d) : err;
}

static int call(struct target *t, uint32_t type, const void *body, uint32_t want, struct client_msg *m, struct diag *d)
{
    return t->client != NULL ? client_call(t->client, type, body, want, m, d)
                             : offline_call(t->offline, type, body, want, m, d);
}

/* The broker of a local run ends with it; then whoever has the sweep now is asked. */
static int ask(struct target *t, uint32_t type, const void *body, uint32_t want, struct client_msg *m, struct diag *d)
{
    int err = call(t, type, body, want, m, d);
    for (int again = 0; err == SHEAF_EGONE && t->folder.dir != NULL && again < ASK_AGAIN; again++) {
        struct state_sweep folder = t->folder;
        client_close(t->client);
        t->client = NULL;
        err = target_open_folder(t, &folder, d);
        if (err == SHEAF_OK)
            err = call(t, type, body, want, m, d);
    }
    return err;
}

int target_call(struct target *t, uint32_t type, const void *body, uint32_t want, struct diag *d)
{
    return call(t, type, body, want, &t->msg, d);
}

int target_ask(struct target *t, uint32_t type, const void *body, uint32_t want, struct diag *d)
{
    return ask(t, type, body, want, &t->msg, d);
}

int target_read(struct target *t, const struct msg_read *read, struct client_msg *m, struct diag *d)
{
    return ask(t, MSG_READ, read, MSG_PAGE, m, d);
}

int target_status(struct target *t, uint32_t top, struct diag *d)
{
    struct msg_watch m = {.sweep = t->sweep, .top = top, .plan = true};
    int err = target_ask(t, MSG_WATCH, &m, MSG_STATUS, d);
    if (err == SHEAF_ENOENT && t->folder.dir != NULL) /* a journal without a sweep */
        return never_ran(t, d);
    if (err != SHEAF_OK)
        return err;
    struct client_msg swap = t->status;
    t->status = t->msg;
    t->msg = swap;
    const struct msg_status *s = target_last_status(t);
    t->sweep = s->sweep;
    return plan_decode(s->plan.data, s->plan.len, &t->arena, &t->plan, d);
}

const struct msg_status *target_last_status(const struct target *t)
{
    return t->status.body;
}

bool target_live(const struct target *t)
{
    return t->client != NULL;
}

struct outcome target_outcome(const struct target *t)
{
    return (struct outcome){
        .number = t->number, .status = target_last_status(t), .plan = &t->plan, .live = target_live(t)};
}
