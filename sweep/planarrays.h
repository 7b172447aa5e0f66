/* SPDX-License-Identifier: MIT
 *
 * planarrays: a plugin that asks for every array ("*" in its descriptor) gets the names of those that the dataset has.
 */
#ifndef SHEAF_SWEEP_PLANARRAYS_H
#define SHEAF_SWEEP_PLANARRAYS_H

#include "common/arena.h"
#include "common/err.h"
#include "sweep/plan.h"
#include "sweep/sources.h"

/* Puts the arrays of the datasets in the place of each "*" of p->arrays, in a new list in `arena`; a plugin without "*" stays
 * as it is. Their row axis stays only when all arrays of that axis have equally many rows. 0; SHEAF_EINVAL when there are too
 * many, SHEAF_ENOMEM; with a line in d. */
int planarrays_expand(struct plan_plugin *p, const struct sources *all, struct arena *arena, struct diag *d);

#endif
