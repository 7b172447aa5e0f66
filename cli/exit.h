/* SPDX-License-Identifier: MIT
 *
 * exit: the exit codes. They are public.
 */
#ifndef SHEAF_CLI_EXIT_H
#define SHEAF_CLI_EXIT_H

#include "common/err.h"

enum exit_code {
    EXIT_ALL_DONE = 0,
    EXIT_INTERNAL = 1,    /* an error of ours or of the machine */
    EXIT_WRONG = 2,       /* the request was wrong: usage, sweep file, plugin, data */
    EXIT_SOME_FAILED = 3, /* done, but some tasks failed */
    EXIT_ALL_FAILED = 4,  /* every task failed */
    EXIT_CANCELLED = 5,
    EXIT_UNREACHABLE = 6, /* the broker can't be reached */
    EXIT_STOPPED = 7,     /* stopped early by limits.failures or a budget */
};

/* The exit code of an error. */
int exit_of(int err);

/* Prints d's line on stderr as "sheaf: ..." and returns the exit code of err. */
int exit_report(int err, const struct diag *d);

/* Prints one such line and returns EXIT_WRONG. */
int exit_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
