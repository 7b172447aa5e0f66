/* SPDX-License-Identifier: MIT
 *
 * outdir: the folder in which the files of a sweep's tasks appear. A task writes its files in a folder of its own (taskfiles), and when it
 * has succeeded they are moved to their final names, before it is published as done. What makes that safe is beside them, in DIR/.sheaf-SWEEP:
 *
 *   lock            held by the broker of the sweep
 *   tmp/HOST-XXXXXX of a slot, which holds a lock on it: where the task that runs writes
 *   claims/XXXXXX   of a slot: whose files those are that it has put there (claims.h), noted before they get their names
 *
 * So two tasks cannot own one file, a task that runs again replaces what it made itself, and at the end, when the results say which tasks
 * have succeeded, the files of all others are removed: those that were killed between moving their files and being counted. Then
 * DIR/.sheaf-SWEEP goes, unless the sweep can go on: because it was stopped, or because failed tasks may be tried again.
 */
#ifndef SHEAF_SWEEP_OUTDIR_H
#define SHEAF_SWEEP_OUTDIR_H

#include "common/err.h"
#include "common/intervals.h"
#include "sweep/claims.h"
#include "sweep/plan.h"
#include "sweep/taskfiles.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define OUTDIR_ROOM "; make room, then run sheaf retry N --failed"
#define OUTDIR_PATH 2900u /* most bytes of the path of DIR: those of the files in it have to fit a path, too */

/* DIR/.sheaf-SWEEP. 0, SHEAF_EINVAL or SHEAF_ELIMIT with a line in d. */
int outdir_work_path(const struct plan *p, char out[TASKFILES_PATH], struct diag *d);

/* May the sweep begin, as far as its folder is concerned? Refuses one whose parent is missing, that cannot be written, or that has something
 * in it that this sweep has not made (unless output_replace). 0, SHEAF_EBUSY, SHEAF_ENOENT, SHEAF_EINVAL, SHEAF_ELIMIT or SHEAF_EIO with a line in d. */
int outdir_check(const struct plan *p, struct diag *d);

/* Begins the folder (outdir_check first): makes it where it is missing, removes what an earlier run of this very sweep has left in it. resume: the sweep goes
 * on, and what is there stays; of another run (see output.h) it is SHEAF_ENOENT. *lock holds the lock until it is closed. 0, SHEAF_EBUSY when another sweep is at work in it, or
 * an error of the system, with a line in d. */
int outdir_begin(const struct plan *p, int64_t run, bool resume, int *lock, struct diag *d);

/* Who puts files into it, or vouches for those that are there. */
struct outdir {
    const struct plan *plan;
    int dir, work;             /* DIR; DIR/.sheaf-SWEEP, */
    char path[TASKFILES_PATH]; /* which is called so */
    struct claims_log log;
    struct timespec begun; /* by the clock of the file system: files that are older are strangers' */
};

/* The plan must outlive it. 0 or an error with a line in d. */
int outdir_open(const struct plan *p, struct outdir *o, struct diag *d);
void outdir_close(struct outdir *o);

/* Makes the folder in which the tasks of a slot write, and removes those of slots of this machine that have died. 0 or an error with a line in d. */
int outdir_make(const struct outdir *o, struct taskfiles *files, struct diag *d);

/* Gives the files of the task `index` their names; taskfiles_list first. 0, or an error with a line in d: SHEAF_EBUSY when another task has written one of them:
 * as a rule none of them has its name then. After other errors some may have; they go at the end. */
int outdir_publish(struct outdir *o, const struct taskfiles *files, uint64_t index, struct diag *d);

/* The sweep has ended, though slots may still be dying: removes all that tasks have left which are not in done (positions), or are in empty (indices), and syncs. *files: how many
 * files of the others there are. stop: give up soon (SHEAF_EGONE). Can be done again after it was broken off. 0 or an error with a line in d. */
int outdir_finish(const struct plan *p, const struct intervals *done, const struct intervals *empty,
                  const atomic_bool *stop, uint64_t *files, struct diag *d);

/* Are there as many files as the sweep has made? 0; SHEAF_ENOENT when there are fewer, or another error, with a line in d. */
int outdir_present(const struct plan *p, uint64_t files, struct diag *d);

/* Removes DIR/.sheaf-SWEEP, unless somebody else has it locked. */
void outdir_discard(const struct plan *p);

#endif
