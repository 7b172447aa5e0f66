/* SPDX-License-Identifier: MIT
 *
 * taskfiles: the files that a task makes, before they are anybody's: a folder of its own in which the plugin writes as it likes.
 * When the task has succeeded, every regular file below it counts, under its path from there; what else is there is an error.
 */
#ifndef SHEAF_SWEEP_TASKFILES_H
#define SHEAF_SWEEP_TASKFILES_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TASKFILES_NAME 1024u  /* bytes of a name with its folders */
#define TASKFILES_PART 255u   /* of one part of it */
#define TASKFILES_DEPTH 16u   /* parts */
#define TASKFILES_MOST 65536u /* files of one task */
#define TASKFILES_PATH 4096u

/* What is wrong with the name of a file, as the end of a sentence; NULL = nothing: it is relative, one line of UTF-8, within the limits, and no
 * part of it is empty or begins with a dot. */
const char *taskfiles_fault(const char *name);

/* Makes the folders of a name below a folder. 0, also when they are there, or -1 with errno. */
int taskfiles_folders(int fd, const char *name);

/* Calls visit for everything below a folder that is no folder, with its path from there and its type (S_IFMT), until it returns another value
 * than 0, which is returned. SHEAF_ELIMIT or SHEAF_EIO with a line in d when the walk itself cannot go on. */
typedef int taskfiles_visit(void *ctx, const char *name, mode_t type);
int taskfiles_walk(int fd, taskfiles_visit *visit, void *ctx, struct diag *d);

struct taskfiles {
    char root[TASKFILES_PATH]; /* the folder, absolute if its parent is */
    int fd;                    /* of it; -1 = there is none */
    bool used;                 /* a path was asked for since it was last empty */
    struct buf names;          /* after taskfiles_list: n names, each with its NUL */
    uint32_t n;
};

/* Makes an empty folder with a name of its own in parent. 0, or an error with a line in d. */
int taskfiles_make(struct taskfiles *t, const char *parent, struct diag *d);

/* The path under which a file is to be written; its folders are there then. 0, SHEAF_EINVAL for a name that cannot be, or an error of
 * the system; with a line in d. */
int taskfiles_path(struct taskfiles *t, const char *name, char out[TASKFILES_PATH], struct diag *d);

/* Finds out which files there are. 0, or an error with a line in d: SHEAF_EINVAL for what is no file, SHEAF_ELIMIT for too many. */
int taskfiles_list(struct taskfiles *t, struct diag *d);

/* Removes all that is in the folder; and the folder, too. */
void taskfiles_clear(struct taskfiles *t);
void taskfiles_remove(struct taskfiles *t);

#endif
