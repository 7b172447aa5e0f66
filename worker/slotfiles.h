/* SPDX-License-Identifier: MIT
 *
 * slotfiles: the files of a task. Each slot has a folder of its own on the device of the sweep's output folder, in which its tasks write; the
 * files of a task that has succeeded are moved to their final names before it is published as done, all others are removed. The
 * worker syncs before it reports. What a slot leaves that is killed, the broker removes in the end.
 */
#ifndef SHEAF_WORKER_SLOTFILES_H
#define SHEAF_WORKER_SLOTFILES_H

#include "common/err.h"
#include "sweep/plan.h"
#include "sweep/taskfiles.h"

#include <stdbool.h>
#include <stdint.h>

struct slotfiles;

/* *out: NULL when the sweep makes no files. 0, or an error with a line in d. The plan must outlive it. */
int slotfiles_open(const struct plan *p, struct slotfiles **out, struct diag *d);
void slotfiles_close(struct slotfiles *f);

/* See sheaf_files.path, in a task. 0, or an error with a line in d: then the task has failed. */
int slotfiles_path(struct slotfiles *f, const char *name, char out[TASKFILES_PATH], struct diag *d);

/* The task `index` has ended; failed: its files are dropped. Else they are published: 0, or an error with a line in d, with which the task
 * has failed. SHEAF_ENOSPC also when a task has failed and the device is full. */
int slotfiles_end(struct slotfiles *f, uint64_t index, bool failed, struct diag *d);

#endif
