/* SPDX-License-Identifier: MIT
 *
 * slotoutput: the rows of a task. Each output of the plugin has room for one row in the slot's own memory; what a task that
 * succeeded has put there is written to its place in the sweep's output file, and only then is the task published as done. So a
 * task that dies or fails leaves nothing, but for a row cut short by a kill in the middle of the write, which another
 * attempt or, in the end, the broker writes anew. The worker syncs the file before it reports.
 */
#ifndef SHEAF_WORKER_SLOTOUTPUT_H
#define SHEAF_WORKER_SLOTOUTPUT_H

#include "common/err.h"
#include "sweep/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct slotoutput;

/* Gets the memory and, unless the plan has no output file, opens it. The plan must outlive it. *out: NULL when the plugin has no
 * outputs. 0, SHEAF_ENOMEM, SHEAF_ENOENT, SHEAF_ECORRUPT or SHEAF_EIO with a line in d. */
int slotoutput_open(const struct plan *p, struct slotoutput **out, struct diag *d);
void slotoutput_close(struct slotoutput *o);

/* A task begins: no row has been asked for. */
void slotoutput_begin(struct slotoutput *o);

/* The row of the task, see sheaf_output_rows.row. NULL when there is no such output or no task runs. */
void *slotoutput_row(struct slotoutput *o, uint32_t output);

/* The task `index` has succeeded: writes its rows. 0, or SHEAF_ENOSPC or SHEAF_EIO with a line in d. */
int slotoutput_store(struct slotoutput *o, uint64_t index, struct diag *d);

#endif
