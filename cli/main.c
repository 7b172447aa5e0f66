/* SPDX-License-Identifier: MIT
 *
 * sheaf: one program for every role; the first word says which.
 */
#include "cli/commands.h"
#include "cli/exit.h"
#include "common/log.h"
#include "sweep/suggest.h"
#include "worker/selfexe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef SHEAF_VERSION
#error "SHEAF_VERSION comes from CMakeLists.txt"
#endif

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* NULL: for our own child processes, not shown */
};

static const struct command commands[] = {
    {"run", cmd_run, "run a sweep here, and print the best trials"},
    {"list", cmd_list, "the sweeps of the state directory"},
    {"show", cmd_show, "how a sweep stands: counts, best trials, failures, digest"},
    {"wait", cmd_wait, "wait for a running sweep, with progress"},
    {"results", cmd_results, "all scores, as CSV, JSON lines or .npy"},
    {"logs", cmd_logs, "what the plugin logged or printed"},
    {"retry", cmd_retry, "run the failed tasks again"},
    {"cancel", cmd_cancel, "stop a running sweep; what is done is kept"},
    {"rm", cmd_rm, "remove a sweep and its results"},
    {"pack", cmd_pack, "make a dataset of .npy and CSV files"},
    {"inspect", cmd_inspect, "what a dataset holds"},
    {"demo", cmd_demo, "make a folder with a made-up market and a sweep over it"},
    {"plugin", cmd_plugin, "inspect, try or begin a plugin"},
    {"broker", cmd_broker, "the process that owns sweeps and results; run starts one"},
    {"worker", cmd_worker, "the process that runs tasks on this machine; run starts one"},
    {"slot", cmd_slot, NULL},
    {"describe-plugin", cmd_describe_plugin, NULL},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
    (void)fputs("usage: sheaf COMMAND [ARGUMENTS]\n"
                "Runs one scoring function over a product of parameters, keys and splits, on all cores.\n\n",
                out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (commands[i].help != NULL)
            (void)fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].help);
    (void)fputs("\n`sheaf COMMAND --help` says more. Exit codes: 0 all tasks done, 1 internal error, 2 wrong request,\n"
                "3 some tasks failed, 4 every task failed, 5 cancelled, 6 no broker, 7 stopped early by a limit.\n",
                out);
}

/* Public names that are not there yet (they stand in the design of the commands). */
static const char *const later[] = {"submit", "explain", "pause",   "resume", "report",
                                    "put",    "data",    "workers", "keygen"};

static int unknown_command(const char *name)
{
    struct suggest s;
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
        if (strcmp(later[i], name) == 0)
            return exit_usage("this version does not have `sheaf %s` yet; see sheaf --help", name);
    suggest_begin(&s, name);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (commands[i].help != NULL)
            suggest_offer(&s, commands[i].name);
    return exit_usage("there is no command '%s'; %s", name, suggest_advice(&s));
}

/* argv[0]: the command's name. */
static int run_command(int argc, char **argv)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, argv[0]) == 0)
            return commands[i].run(argc, argv);
    return unknown_command(argv[0]);
}

/* A closed descriptor 0, 1 or 2 would go to the next file or socket that is opened, and what is printed with it. Nothing
 * can be written to its replacement, so that output that is lost is still told. */
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

static bool reader_left(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* The exit code, given that of the command: output that did not arrive is an error, unless nobody wants it any more. */
static int settle_output(int code)
{
    bool lost = ferror(stdout) != 0;
    errno = 0;
    lost = fflush(stdout) != 0 || lost;
    if (!lost || code == EXIT_INTERNAL || reader_left())
        return code;
    (void)fprintf(stderr, "sheaf: the output cannot be written%s%s\n", errno != 0 ? ": " : "",
                  errno != 0 ? strerror(errno) : "");
    return EXIT_INTERNAL;
}

static int carry_out(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_WRONG;
    }
    const char *name = argv[1];
    static char help[] = "--help";
    char *asked[] = {argc > 2 ? argv[2] : argv[1], help, NULL};
    if (strcmp(name, "help") == 0 && argc > 2) /* help run: run --help */
        return run_command(2, asked);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return EXIT_ALL_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        (void)puts("sheaf " SHEAF_VERSION);
        return EXIT_ALL_DONE;
    }
    return run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that left is an error of write, not the end */
    (void)signal(SIGXFSZ, SIG_IGN); /* and so is a file over the limit */
    fill_standard_descriptors();
    log_init("", LOG_WARN);
    selfexe_init(argc > 0 ? argv[0] : "sheaf");
    return settle_output(carry_out(argc, argv));
}
