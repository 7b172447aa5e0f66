/* SPDX-License-Identifier: MIT
 *
 * target: the sweep that a command speaks of, and who answers for it: a broker elsewhere, the broker of a `sheaf run` that
 * goes on, or, when nothing runs, the journal itself.
 */
#ifndef SHEAF_CLI_TARGET_H
#define SHEAF_CLI_TARGET_H

#include "cli/args.h"
#include "cli/client.h"
#include "cli/offline.h"
#include "cli/outcome.h"
#include "cli/state.h"

struct target_options {
    const char *which; /* number, "last" or name */
    const char *state, *broker;
};

/* The lines of an option table that every such command has. */
#define TARGET_ARGS(o)                                                                                                 \
    {"N", ARG_WORD, &(o)->which, NULL, NULL, "a sweep's number, name, or `last`", true}, TARGET_PLACE_ARGS(o)
#define TARGET_PLACE_ARGS(o)                                                                                           \
    {"--state", ARG_TEXT, &(o)->state, NULL, "DIR", "the state directory (default $SHEAF_STATE)", false},              \
    {                                                                                                                  \
        "--broker", ARG_TEXT, &(o)->broker, NULL, "URL", "ask a broker elsewhere (default $SHEAF_BROKER)", false       \
    }

struct target {
    struct arena arena;
    struct state_sweep folder; /* dir NULL: at a broker elsewhere */
    struct client *client;     /* a broker answers; else `offline` */
    struct offline *offline;
    const char *endpoint; /* of the client */
    uint64_t number;      /* for people */
    uint64_t sweep;       /* the broker's own number */
    struct client_msg msg;
    struct client_msg status; /* MSG_STATUS, after target_status */
    struct plan plan;         /* after target_status */
};

/* Empty; target_close is allowed at any time afterwards. */
void target_init(struct target *t);
void target_close(struct target *t);

/* Finds the sweep and who answers. SHEAF_ENOENT, SHEAF_EGONE, SHEAF_EBUSY, ... with a line in d. */
int target_open(struct target *t, const struct target_options *o, struct diag *d);
/* The same for a folder that is known. */
int target_open_folder(struct target *t, const struct state_sweep *folder, struct diag *d);

/* A request and its reply in t->msg. SHEAF_EGONE when a broker does not answer. */
int target_call(struct target *t, uint32_t type, const void *body, uint32_t want, struct diag *d);
/* A question: the same, but when a local broker has ended meanwhile, the journal answers. */
int target_ask(struct target *t, uint32_t type, const void *body, uint32_t want, struct diag *d);
/* A page, into a message of the caller's. */
int target_read(struct target *t, const struct msg_read *read, struct client_msg *m, struct diag *d);

/* Asks for the status with the plan and `top` best trials. */
int target_status(struct target *t, uint32_t top, struct diag *d);
const struct msg_status *target_last_status(const struct target *t);
bool target_live(const struct target *t);
struct outcome target_outcome(const struct target *t);

#endif
