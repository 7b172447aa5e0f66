/* SPDX-License-Identifier: MIT
 *
 * claims: which task has made which files of an output folder. Each slot appends to a log of its own, before it moves the files of a
 * task to their names, so that a file that has its name has its owner in some log, whoever was killed. A claim costs one write; who owns a
 * name is only asked when it is taken, and at the end.
 *
 * A log is text: a line "INDEX FILES" for a task, then a line for each of its files. Names have no control characters.
 */
#ifndef SHEAF_SWEEP_CLAIMS_H
#define SHEAF_SWEEP_CLAIMS_H

#include "common/err.h"
#include "sweep/taskfiles.h"

#include <stdbool.h>
#include <stdint.h>

/* A log that is written. */
struct claims_log {
    int fd; /* -1 = it has not been begun */
    char name[16];
};

/* Appends what taskfiles_list has found, as files of that task; begins a log in `folder` where there is none. 0, or -1 with errno: then
 * nothing has been appended. */
int claims_add(struct claims_log *log, int folder, const char *path, uint64_t index, const struct taskfiles *files);
void claims_close(struct claims_log *log);

/* One task of a log: n names, one behind the other, each with its NUL. Returns 0 to go on. */
typedef int claims_visit(void *ctx, uint64_t index, const char *names, uint32_t n);

/* Calls visit for all that is claimed in the logs of `folder`, until it returns another value than 0, which is returned. What was cut short by a kill is passed
 * over. 0, SHEAF_ENOMEM or SHEAF_EIO otherwise. */
int claims_each(int folder, claims_visit *visit, void *ctx);

#endif
