/* SPDX-License-Identifier: MIT
 *
 * dryrun: `sheaf run --dry-run`: everything is checked, nothing is kept. Time and memory are measured, not guessed: a few tasks of
 * the sweep run through a real broker, worker and slot in a state directory that is thrown away.
 */
#ifndef SHEAF_CLI_DRYRUN_H
#define SHEAF_CLI_DRYRUN_H

#include "cli/run.h"

/* Does it and prints what it found, or with into (an array; NULL = none) appends it there. identity (NULL = nobody asks): gets the
 * sweep's. Returns the exit code. */
int dryrun(const struct run_options *o, struct json_t *into, uint8_t identity[HASH_BYTES]);

#endif
