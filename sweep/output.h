/* SPDX-License-Identifier: MIT
 *
 * output: the dataset that a sweep with output arrays makes. It is filled in place: the file has its final length and
 * layout from the start, under a hidden name beside the final one, and row `index` of an array has its place in it, so
 * that slots write rows in any order and nothing is copied at the end. When every task has ended, the rows of those
 * that failed are cleared, the chunks' digests are computed, the header is written, and the file gets its name.
 *
 * Its arrays: each output of the plugin, of the shape [trials, keys, splits, row...], and trial.NAME [trials] for each
 * parameter NAME of the sweep file, trials.run [trials], false where `where` left the trial out, and, in a sweep with keys, key.name
 * [keys], so that the file can be understood by itself. It is a function of plan and rows: the same
 * sweep has the same digest, whoever ran it.
 */
#ifndef SHEAF_SWEEP_OUTPUT_H
#define SHEAF_SWEEP_OUTPUT_H

#include "common/arena.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/intervals.h"
#include "sweep/plan.h"

#include <stdatomic.h>
#include <stdbool.h>

#define OUTPUT_PATH 4096u

/* Sets row_bytes, which the axes give, of every output. 0, or SHEAF_ELIMIT with a line in d. */
int output_rows(struct plan *p, struct diag *d);

/* Sets the outputs' offsets and output_bytes, after output_rows; everything else in the plan must be there. 0, SHEAF_ENOMEM,
 * SHEAF_EINVAL or SHEAF_ELIMIT with a line in d. */
int output_lay_out(struct plan *p, struct diag *d);

/* The name under which the plan's file is made: ".NAME.IDENTITY.part" beside the final one. 0, SHEAF_EINVAL or SHEAF_ELIMIT. */
int output_part_path(const struct plan *p, char out[OUTPUT_PATH], struct diag *d);

/* file_error, but what may not be written is the user's to choose: SHEAF_EINVAL. */
int output_error(int errnum);

/* May the sweep begin, as far as its file is concerned? Refuses a file that is there already (unless output_replace), a folder
 * that is missing or cannot be written. 0, SHEAF_EBUSY, SHEAF_ENOENT, SHEAF_EINVAL or SHEAF_EIO with a line in d. */
int output_check(const struct plan *p, struct diag *d);

/* `run`, of these and of outdir_begin, says whose work a half-made output is: when the sweep was made, in ms. The same sweep in another state
 * directory has another, and what it knows to be done is not in this one's output. */

/* Begins the file: empty, locked, with its room reserved (output_check first). *fd holds the lock until it is closed. 0, SHEAF_ENOSPC
 * when the device has no room, SHEAF_EBUSY when another sweep is at work on it, SHEAF_EIO; with a line in d. */
int output_begin(const struct plan *p, int64_t run, int *fd, struct diag *d);

/* The same for a sweep that goes on: the file must be there as it was, and of that run. SHEAF_ENOENT when it is not. */
int output_resume(const struct plan *p, int64_t run, int *fd, struct diag *d);

/* Fills n elements of a type with what a row starts as: NaN for floats, else zeros. */
void output_clear(void *row, uint32_t dtype, uint64_t n);

/* Completes the file: clears the rows of the tasks in `empty`, adds what is known of the trials, digests, header, and syncs it.
 * stop: give up soon (SHEAF_EGONE). Can be done again after it was broken off. 0 or an error with a line in d. */
int output_finish(const struct plan *p, const struct intervals *empty, const atomic_bool *stop,
                  uint8_t digest[HASH_BYTES], struct diag *d);

/* Gives a complete file its final name. 0, also when that has been done before (the file under the final name is then whatever has
 * taken its place since); SHEAF_EBUSY when somebody else's file has the name and may not be replaced, SHEAF_ENOENT when there is
 * neither, SHEAF_EIO; with a line in d. */
int output_publish(const struct plan *p, struct diag *d);

/* Is the complete file there, or about to be given its name? 0; SHEAF_ENOENT when it is gone, SHEAF_EBUSY when there is another one, with a line in d. */
int output_present(const struct plan *p, const uint8_t digest[HASH_BYTES], struct diag *d);

/* Removes what that run has half made, unless somebody has it locked. */
void output_discard(const struct plan *p, int64_t run);

#endif
