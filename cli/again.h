/* SPDX-License-Identifier: MIT
 *
 * again: the command that goes on with a run that was stopped.
 */
#ifndef SHEAF_CLI_AGAIN_H
#define SHEAF_CLI_AGAIN_H

#include "cli/run.h"
#include "common/buf.h"

/* Appends "sheaf run FILE ..." with every option that says which sweep it is and where it is kept, quoted for a shell where that is
 * needed, and a NUL. 0 or SHEAF_ENOMEM. */
int again_command(const struct run_options *o, struct buf *out);

#endif
