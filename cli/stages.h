/* SPDX-License-Identifier: MIT
 *
 * stages: `sheaf run` of a file with stages: one sweep after another, each as `sheaf run` runs one. A stage that is done is found
 * done, so that the same command goes on wherever it was stopped.
 */
#ifndef SHEAF_CLI_STAGES_H
#define SHEAF_CLI_STAGES_H

#include "cli/run.h"

/* Checks as much of every stage as can be known before the first begins, then runs them, or estimates them (--dry-run). Returns the
 * exit code; all is said. */
int stages_run(const struct run_options *o, const struct sweep_stages *stages);

#endif
