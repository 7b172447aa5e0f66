/* SPDX-License-Identifier: MIT
 *
 * sweepstages: a sweep file with `stages`: a list of sweeps, each with a name, that run one after another, the later ones
 * on what the earlier ones have made. Internal to sweep/.
 */
#ifndef SHEAF_SWEEP_SWEEPSTAGES_H
#define SHEAF_SWEEP_SWEEPSTAGES_H

#include "sweep/sweepfile_impl.h"

/* The members of `stages`, NULL = the file is one sweep. */
const struct ynode *sweepstages_of(const struct ynode *root);

/* Checks the stages of a tree that has some, every field of them, and which stage uses which. dir: the
 * file's folder. 0, or SHEAF_EINVAL with a line in d. */
int sweepstages_check(const struct ynode *root, const char *dir, struct diag *d);

/* The file that a stage makes, as written; NULL: there is no such stage, or it makes none. */
const char *sweepstages_output(const struct ynode *root, const char *name);

#endif
