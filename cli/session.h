/* SPDX-License-Identifier: MIT
 *
 * session: following one sweep at a broker until it ends: the poll loop of `run`, `wait` and `retry`. With children of its own it
 * supervises them; Ctrl-C once asks the broker to stop cleanly, twice ends at once.
 */
#ifndef SHEAF_CLI_SESSION_H
#define SHEAF_CLI_SESSION_H

#include "cli/children.h"
#include "cli/client.h"
#include "cli/progress.h"
#include "sweep/plan.h"

struct session {
    int sigfd;       /* -1 = not open */
    bool lent;       /* it is the caller's, and stays open */
    bool local;      /* broker and worker are our children */
    bool may_cancel; /* Ctrl-C cancels the sweep; else it only ends the watching */
    bool quiet;      /* no progress */
    struct children children;
    struct client *client;
    struct client_msg incoming, status; /* status.body: struct msg_status once has_status */
    bool has_status;
    struct progress progress;
    const struct plan *plan; /* for the progress line; NULL = not known */
    uint64_t sweep;          /* the broker's number of it; 0 = not known yet */
    uint64_t resumed;        /* tasks that were done before */
    unsigned interrupts;
    int64_t give_up_ns;    /* after a second Ctrl-C; 0 = not so */
    int64_t stop_after_ns; /* cancels the sweep after that long; 0 = never */
    int64_t stop_ns;       /* when that is */
    unsigned asked_again;  /* since then */
    int64_t heard_ns;      /* when the broker last said something */
};

/* Nothing is open yet; session_finish is allowed at any time afterwards. */
void session_init(struct session *s);

/* Takes over the signals. 0 or SHEAF_EIO. */
int session_begin(struct session *s, struct diag *d);

/* The same for several sessions, one after another: what arrives between two of them is not lost. The sigfd (common/sigfd.h), the
 * caller's, or SHEAF_EIO; session_lend instead of session_begin. */
int session_signals(struct diag *d);
void session_lend(struct session *s, int sigfd);

/* Has a signal come since the last session? */
bool session_interrupted_between(int sigfd);

/* Begins with children of our own (slots of the worker), whose broker is told its state directory as soon as that is known; or
 * with a broker elsewhere. 0 or an error. */
int session_start_local(struct session *s, uint64_t slots, struct diag *d);
int session_enter_state(struct session *s, const char *state_dir, struct diag *d);
int session_connect(struct session *s, const char *endpoint, struct diag *d);

/* One request before following, as client_call, but with an eye on children and signals. 0; SHEAF_EGONE also after Ctrl-C. */
int session_call(struct session *s, uint32_t type, const void *body, uint32_t want, struct diag *d);

/* Sends MSG_SUBMIT or MSG_WATCH (again, if the broker had to be started anew) and follows until the sweep is final or Ctrl-C
 * ends it. 0: *session_status says how it stands (NULL when nothing was heard). Else the broker's refusal, SHEAF_EIO when
 * children die again and again, SHEAF_EGONE when a broker elsewhere is silent. */
int session_follow(struct session *s, uint32_t type, const void *body, struct diag *d);
const struct msg_status *session_status(const struct session *s);

/* Ended by Ctrl-C, SIGTERM or SIGHUP? Or did one come while the children ended? */
bool session_interrupted(const struct session *s);

/* Ends the children (cleanly unless Ctrl-C was pressed twice), closes everything but the status. */
void session_end(struct session *s);
/* And the status. */
void session_finish(struct session *s);

#endif
