/* SPDX-License-Identifier: MIT
 *
 * session: one zmq_poll over the broker's socket and the signals. Messages may be lost when a broker dies: whatever was asked is
 * asked again of its successor, and submitting is idempotent.
 */
#include "cli/session.h"
#include "common/clock.h"
#include "common/sigfd.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define ASK_AGAIN_NS (3 * NS_PER_S)
#define ASK_DOUBLINGS 20
#define LOST_NS (10 * NS_PER_S)
#define AT_ONCE_NS (80 * NS_PER_MS) /* after the second Ctrl-C */
#define END_GRACE_MS 5000

void session_init(struct session *s)
{
    memset(s, 0, sizeof *s);
    client_msg_init(&s->incoming);
    client_msg_init(&s->status);
    s->children.lifeline[0] = s->children.lifeline[1] = -1;
    s->sigfd = -1;
}

int session_signals(struct diag *d)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    (void)signal(SIGCHLD, SIG_DFL); /* a parent that ignores it would take the exit statuses from us */
    return sigfd_open(wanted, sizeof wanted / sizeof wanted[0], d);
}

int session_begin(struct session *s, struct diag *d)
{
    s->sigfd = session_signals(d);
    return s->sigfd < 0 ? s->sigfd : SHEAF_OK;
}

void session_lend(struct session *s, int sigfd)
{
    s->sigfd = sigfd;
    s->lent = true;
}

bool session_interrupted_between(int sigfd)
{
    bool interrupted = false;
    for (int sig; (sig = sigfd_next(sigfd)) != 0;)
        interrupted |= sig != SIGCHLD;
    return interrupted;
}

int session_start_local(struct session *s, uint64_t slots, struct diag *d)
{
    int err = children_init(&s->children, slots, s->sigfd, d);
    if (err != SHEAF_OK)
        return err;
    s->local = true;
    err = children_start(&s->children, CHILD_BROKER, d);
    err = err == SHEAF_OK ? children_start(&s->children, CHILD_WORKER, d) : err;
    return err == SHEAF_OK ? client_open(s->children.endpoint, &s->client, d) : err;
}

int session_enter_state(struct session *s, const char *state_dir, struct diag *d)
{
    return children_tell_state(&s->children, state_dir, d);
}

int session_connect(struct session *s, const char *endpoint, struct diag *d)
{
    return client_open_live(endpoint, &s->client, d);
}

static void cancel(struct session *s, bool now)
{
    struct msg_sweep m = {.sweep = s->sweep, .now = now};
    if (s->sweep != 0 && s->client != NULL)
        (void)client_send(s->client, MSG_CANCEL, &m, NULL);
}

static void on_interrupt(struct session *s)
{
    int64_t now = clock_mono_ns();
    s->interrupts++;
    if (!s->may_cancel || s->sweep == 0) {
        s->give_up_ns = now;
    } else if (s->interrupts == 1) {
        cancel(s, false);
        progress_clear(&s->progress);
        s->progress.note = "stopping";
        if (!s->quiet)
            (void)fputs("sheaf: stopping: running tasks may finish, everything done is kept; again to end at once\n",
                        stderr);
    } else if (s->give_up_ns == 0) {
        cancel(s, true);
        s->give_up_ns = now + AT_ONCE_NS;
    }
}

/* Sends the request, to a new broker once more; what was cancelled stays so. */
static int ask(struct session *s, uint32_t type, const void *body, struct diag *d)
{
    s->heard_ns = clock_mono_ns();
    s->asked_again = 0;
    int err = client_send(s->client, type, body, d);
    if (err == SHEAF_OK && s->interrupts > 0)
        cancel(s, s->interrupts > 1);
    return err;
}

/* Signals that have arrived. *again: the broker is a new one. */
static int take_signals(struct session *s, bool *again, struct diag *d)
{
    bool children = false;
    *again = false;
    for (int sig; (sig = sigfd_next(s->sigfd)) != 0;) {
        if (sig == SIGCHLD)
            children = true;
        else
            on_interrupt(s);
    }
    return children && s->local ? children_tend(&s->children, again, d) : SHEAF_OK;
}

static void on_status(struct session *s)
{
    uint64_t before = s->has_status ? session_status(s)->done + session_status(s)->failed : 0;
    struct client_msg swap = s->status;
    s->status = s->incoming;
    s->incoming = swap;
    s->has_status = true;
    const struct msg_status *now = session_status(s);
    s->sweep = now->sweep;
    if (now->done + now->failed > before)
        children_progress(&s->children);
    if (!s->local && s->interrupts == 0)
        s->progress.note = now->workers > 0 ? NULL : "no worker is there (sheaf worker --broker URL)";
    if (!s->quiet && !now->final)
        progress_show(&s->progress, now, s->plan, clock_mono_ns());
}

/* One message of the broker; *final: nothing more will come. */
static int on_message(struct session *s, bool *final, struct diag *d)
{
    int err = client_recv(s->client, &s->incoming, 0, d);
    if (err != SHEAF_OK)
        return err == SHEAF_EGONE ? SHEAF_OK : err;
    s->heard_ns = clock_mono_ns();
    s->asked_again = 0;
    if (s->incoming.type == MSG_ERROR)
        return client_refusal(&s->incoming, d);
    if (s->incoming.type == MSG_SUBMITTED) {
        const struct msg_submitted *m = s->incoming.body;
        s->sweep = m->sweep;
        s->resumed = m->resumed;
        s->children.progress = true;
        if (s->interrupts > 0)
            cancel(s, s->interrupts > 1);
    } else if (s->incoming.type == MSG_STATUS) {
        on_status(s);
        *final = session_status(s)->final;
    }
    return SHEAF_OK;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A broker of our own may be silent for long, and is asked less and less often. */
static int64_t ask_again_at(const struct session *s)
{
    int64_t times = s->asked_again + 1;
    if (s->local)
        times = INT64_C(1) << (s->asked_again < ASK_DOUBLINGS ? s->asked_again : ASK_DOUBLINGS);
    return s->heard_ns + ASK_AGAIN_NS * times;
}

/* Waits for a message or a signal. True when there is a message. */
static bool wait_news(struct session *s)
{
    int64_t now = clock_mono_ns(), until = ask_again_at(s);
    if (s->stop_ns != 0)
        until = earlier(until, s->stop_ns);
    if (s->give_up_ns != 0)
        until = earlier(until, s->give_up_ns);
    zmq_pollitem_t items[2] = {{.socket = client_socket(s->client), .events = ZMQ_POLLIN},
                               {.fd = s->sigfd, .events = ZMQ_POLLIN}};
    long timeout = until > now ? (long)((until - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
    return zmq_poll(items, 2, timeout) > 0 && (items[0].revents & ZMQ_POLLIN) != 0;
}

/* The time of a probe is up. */
static void stop_when_due(struct session *s)
{
    if (s->stop_ns == 0 || clock_mono_ns() < s->stop_ns || s->sweep == 0)
        return;
    s->stop_ns = 0;
    cancel(s, true);
}

/* Asks a broker of our own once more. Nothing is begun anew by that: a sweep that it has told us of is only asked after. */
static int ask_own(struct session *s, uint32_t type, const void *body, struct diag *d)
{
    if (type == MSG_RETRY)
        return SHEAF_OK;
    if (type != MSG_SUBMIT || s->sweep == 0)
        return client_send(s->client, type, body, d);
    const struct msg_submit *m = body;
    struct msg_watch watch = {.sweep = s->sweep, .every_ms = m->every_ms, .top = m->top};
    return client_send(s->client, MSG_WATCH, &watch, d);
}

/* A broker of our own is supervised, so its silence means work, or that it has closed our connection and with it what we had
 * asked (broker/door.h); one elsewhere may be gone, or be a new one that has to be asked again. */
static int on_silence(struct session *s, uint32_t type, const void *body, struct diag *d)
{
    int64_t now = clock_mono_ns(), silent = now - s->heard_ns;
    if (now < ask_again_at(s))
        return SHEAF_OK;
    if (!s->local && (silent >= LOST_NS || client_gone(s->client)))
        return diag_fail(d, SHEAF_EGONE, "the broker at %s has been silent for %d s; is it running?",
                         client_endpoint(s->client), (int)(silent / NS_PER_S));
    s->asked_again++;
    return s->local ? ask_own(s, type, body, d) : client_send(s->client, type, body, d);
}

int session_follow(struct session *s, uint32_t type, const void *body, struct diag *d)
{
    progress_init(&s->progress, clock_mono_ns());
    s->stop_ns = s->stop_after_ns > 0 ? clock_mono_ns() + s->stop_after_ns : 0;
    bool final = false;
    int err = ask(s, type, body, d);
    while (err == SHEAF_OK && !final) {
        bool again = false, message = wait_news(s);
        err = take_signals(s, &again, d);
        if (err == SHEAF_OK && again)
            err = ask(s, type, body, d);
        if (err == SHEAF_OK && message)
            err = on_message(s, &final, d);
        if (err == SHEAF_OK && !message)
            err = on_silence(s, type, body, d);
        stop_when_due(s);
        if (s->give_up_ns != 0 && clock_mono_ns() >= s->give_up_ns)
            break;
    }
    progress_clear(&s->progress);
    return err;
}

int session_call(struct session *s, uint32_t type, const void *body, uint32_t want, struct diag *d)
{
    int err = ask(s, type, body, d);
    while (err == SHEAF_OK) {
        bool again = false, message = wait_news(s);
        err = take_signals(s, &again, d);
        if (err == SHEAF_OK && again)
            err = ask(s, type, body, d);
        if (err != SHEAF_OK || s->interrupts > 0)
            return err != SHEAF_OK ? err : diag_fail(d, SHEAF_EGONE, "interrupted");
        if (!message) {
            err = on_silence(s, type, body, d);
            continue;
        }
        err = client_recv(s->client, &s->incoming, 0, d);
        s->heard_ns = clock_mono_ns();
        if (err == SHEAF_OK && s->incoming.type == MSG_ERROR)
            return client_refusal(&s->incoming, d);
        if (err == SHEAF_OK && s->incoming.type == want) {
            s->children.progress = true;
            return SHEAF_OK;
        }
    }
    return err;
}

const struct msg_status *session_status(const struct session *s)
{
    return s->has_status ? s->status.body : NULL;
}

bool session_interrupted(const struct session *s)
{
    return s->interrupts > 0;
}

/* Nobody listens there any more. */
static void forget_endpoint(const struct session *s)
{
    char path[4096];
    if (s->children.state_dir == NULL)
        return;
    (void)snprintf(path, sizeof path, "%s/endpoint", s->children.state_dir);
    (void)unlink(path);
}

void session_end(struct session *s)
{
    /* Without a broker there is nothing that a worker could still have to do. */
    bool at_once = s->give_up_ns != 0 || s->client == NULL;
    if (s->local && s->client != NULL && !at_once)
        (void)client_send(s->client, MSG_STOP, &(struct msg_sweep){0}, NULL);
    if (s->local) {
        children_finish(&s->children, at_once ? 0 : END_GRACE_MS);
        s->interrupts += s->children.interrupted;
        forget_endpoint(s);
        client_give_up(s->client); /* nobody is there any more */
    }
    s->local = false;
    client_close(s->client);
    s->client = NULL;
    if (!s->lent)
        sigfd_close(s->sigfd);
    s->sigfd = -1;
}

void session_finish(struct session *s)
{
    session_end(s);
    client_msg_finish(&s->incoming);
    client_msg_finish(&s->status);
    s->has_status = false;
}
