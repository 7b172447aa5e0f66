/* SPDX-License-Identifier: MIT
 *
 * roles: `sheaf broker` and `sheaf worker`. `run` starts both by itself; their options are here.
 */
#include "broker/loop.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "common/log.h"
#include "worker/crew.h"
#include "worker/loop.h"
#include "worker/slot.h"

#include <string.h>

static bool endpoint_ok(const char *url)
{
    return strncmp(url, "ipc://", 6) == 0 || strncmp(url, "tcp://", 6) == 0;
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
    if (!endpoint_ok(o.listen))
        return exit_usage("broker: --listen %s: give ipc://PATH or tcp://ADDRESS:PORT", o.listen);
    o.lifeline = has_lifeline ? (int)lifeline : -1;
    o.listen_fd = has_listening ? (int)listening : -1;
    log_init("broker", LOG_WARN);
    struct diag d = {""};
    int err = broker_run(&o, &d);
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
    if (!o.broker || !endpoint_ok(o.broker))
        return exit_usage("worker: --broker URL is needed: ipc://PATH or tcp://ADDRESS:PORT");
    if (slots > CREW_MAX_SLOTS)
        return exit_usage("worker: --slots %llu: at most %u", (unsigned long long)slots, CREW_MAX_SLOTS);
    o.slots = (uint32_t)slots;
    o.lifeline = has_lifeline ? (int)lifeline : -1;
    log_init("worker", LOG_WARN);
    struct diag d = {""};
    int err = worker_run(&o, &d);
    return err < 0 ? exit_report(err, &d) : EXIT_ALL_DONE;
}

int cmd_slot(int argc, char **argv)
{
    return slot_main(argc, argv);
}
