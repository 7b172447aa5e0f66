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

struct taskfiles {
    char root[TASKFILES_PATH]; /* the folder, absolute if its parent is */
    int fd;                    /* of it; -1 = there is none */
    bool used;                 /* a path was asked for since it was last empty */
    struct buf names;          /* after taskfiles_list: n names, each with its NUL */
    uint32_t n, folders;       /* that there were */
};

/* Makes an empty folder in parent with a name of its own, which begins with `prefix`. 0, or an error with a line in d. */
int taskfiles_make(struct taskfiles *t, const char *parent, const char *prefix, struct diag *d);

/* The path under which a file is to be written; its folders are there then. 0, SHEAF_EINVAL for a name that cannot be, or an error of
 * the system; with a line in d. */
int taskfiles_path(struct taskfiles *t, const char *name, char out[TASKFILES_PATH], struct diag *d);

/* Finds out which files there are. 0, or an error with a line in d: SHEAF_EINVAL for what is no file, SHEAF_ELIMIT for too many. */
int taskfiles_list(struct taskfiles *t, struct diag *d);

/* Before the next task: removes all that is in the folder. After taskfiles_list, when all its files have been moved, a few folders stay, which the
 * next task may want again. */
void taskfiles_clear(struct taskfiles *t);
void taskfiles_moved(struct taskfiles *t);

/* Removes the folder, too. */
void taskfiles_remove(struct taskfiles *t);

#endif
