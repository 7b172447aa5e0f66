/* SPDX-License-Identifier: MIT
 *
 * roles: `sheaf broker` and `sheaf worker`. `run` starts both by itself; their options are here.
 */
#include "broker/loop.h"
#include "cli/address.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "common/log.h"
#include "worker/crew.h"
#include "worker/loop.h"
#include "worker/slot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/socket.h>

/* A descriptor that somebody else was to give us. */
static int check_given(const char *command, const char *option, uint64_t fd, bool given)
{
    if (!given || (fd <= INT_MAX && fcntl((int)fd, F_GETFD) >= 0))
        return SHEAF_OK;
    exit_usage("%s %s %" PRIu64 ": no such descriptor is open; leave it to `sheaf run`", command, option, fd);
    return SHEAF_EINVAL;
}

static int check_listening(uint64_t fd, bool given)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    if (!given || (getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening))
        return SHEAF_OK;
    exit_usage("broker --listen-fd %" PRIu64 ": not a socket that listens; leave it to `sheaf run`", fd);
    return SHEAF_EINVAL;
}

static int run_broker(const struct broker_options *o)
{
    log_init("broker", LOG_WARN);
    struct diag d = {""};
    int err = address_check(o->listen, true, &d);
    if (err == SHEAF_OK)
        err = broker_run(o, &d);
    return err < 0 ? exit_report(err, &d) : EXIT_ALL_DONE;
}

int cmd_broker(int argc, char **argv)
{
    struct broker_options o = {.lifeline = -1};
    uint64_t lifeline = 0, listening = 0;
    bool has_lifeline = false, has_listening = false;
    const struct arg table[] = {
        {.name = "--listen",
         .kind = ARG_TEXT,
         .to = &o.listen,
         .value = "URL",
         .help = "ipc://PATH or tcp://ADDRESS:PORT"},
        {.name = "--state",
         .kind = ARG_TEXT,
         .to = &o.state_dir,
         .value = "DIR",
         .help = "where sweeps and results are kept"},
        {.name = "--local", .kind = ARG_FLAG, .to = &o.local, .help = "one worker on this machine (as run starts it)"},
        {.name = "--listen-fd",
         .kind = ARG_INDEX,
         .to = &listening,
         .given = &has_listening,
         .value = "FD",
         .help = "a socket that listens at URL already"},
        {.name = "--lifeline",
         .kind = ARG_INDEX,
         .to = &lifeline,
         .given = &has_lifeline,
         .value = "FD",
         .help = "end when this descriptor reads end of file"},
    };
    const struct args args = {.command = "broker",
                              .summary = "Owns sweeps, leases and results.",
                              .at = table,
                              .n = sizeof(table) / sizeof(table[0])};
    enum args_result r = args_parse(&args, argc, argv);
    if (r != ARGS_GO)
        return r == ARGS_HELP ? EXIT_ALL_DONE : EXIT_WRONG;
    if (!o.listen || !o.state_dir)
        return exit_usage("broker: --listen URL and --state DIR are needed; see sheaf broker --help");
    if (check_given("broker", "--lifeline", lifeline, has_lifeline) < 0 ||
        check_given("broker", "--listen-fd", listening, has_listening) < 0 ||
        check_listening(listening, has_listening) < 0)
        return EXIT_WRONG;
    o.lifeline = has_lifeline ? (int)lifeline : -1;
    o.listen_fd = has_listening ? (int)listening : -1;
    return run_broker(&o);
}

static int run_worker(const struct worker_options *o)
{
    log_init("worker", LOG_WARN);
    struct diag d = {""};
    int err = address_check(o->broker, false, &d);
    if (err == SHEAF_OK)
        err = worker_run(o, &d);
    return err < 0 ? exit_report(err, &d) : EXIT_ALL_DONE;
}

int cmd_worker(int argc, char **argv)
{
    struct worker_options o = {.lifeline = -1};
    uint64_t lifeline = 0, slots = 0;
    bool has_lifeline = false;
    const struct arg table[] = {
        {.name = "--broker",
         .kind = ARG_TEXT,
         .to = &o.broker,
         .value = "URL",
         .help = "ipc://PATH or tcp://ADDRESS:PORT"},
        {.name = "--slots",
         .kind = ARG_COUNT,
         .to = &slots,
         .value = "N",
         .help = "tasks at a time (default: one a core)"},
        {.name = "--local",
         .kind = ARG_FLAG,
         .to = &o.local,
         .help = "the broker is on this machine (as run starts it)"},
        {.name = "--lifeline",
         .kind = ARG_INDEX,
         .to = &lifeline,
         .given = &has_lifeline,
         .value = "FD",
         .help = "end when this descriptor reads end of file"},
    };
    const struct args args = {.command = "worker",
                              .summary = "Runs the tasks that a broker hands out.",
                              .at = table,
                              .n = sizeof(table) / sizeof(table[0])};
    enum args_result r = args_parse(&args, argc, argv);
    if (r != ARGS_GO)
        return r == ARGS_HELP ? EXIT_ALL_DONE : EXIT_WRONG;
    if (!o.broker)
        return exit_usage("worker: --broker URL is needed; see sheaf worker --help");
    if (slots > CREW_MAX_SLOTS)
        return exit_usage("worker --slots %" PRIu64 ": at most %u", slots, CREW_MAX_SLOTS);
    if (check_given("worker", "--lifeline", lifeline, has_lifeline) < 0)
        return EXIT_WRONG;
    o.slots = (uint32_t)slots;
    o.lifeline = has_lifeline ? (int)lifeline : -1;
    return run_worker(&o);
}

int cmd_slot(int argc, char **argv)
{
    return slot_main(argc, argv);
}
