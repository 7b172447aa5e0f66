/* SPDX-License-Identifier: MIT
 *
 * overrides: the options of `run` that change a sweep: --set, --seed, --limit, --verify. What they put into the tree of
 * a sweep file carries the option as its place, so that a refusal names it.
 */
#ifndef SHEAF_SWEEP_OVERRIDES_H
#define SHEAF_SWEEP_OVERRIDES_H

#include "sweep/sweepfile.h"
#include "sweep/yamltree.h"

/* Puts every --set, in order, into the tree before it is checked; "stages.NAME.FIELD" is that of the stage. o may be NULL. 0, SHEAF_ENOMEM
 * or SHEAF_EINVAL. */
int overrides_apply(struct ynode *root, const struct sweep_overrides *o, struct arena *arena, struct diag *d);

/* The same for --seed: the sweep's. */
int overrides_seed(struct ynode *sweep, const struct sweep_overrides *o, struct arena *arena, struct diag *d);

/* --limit: a whole number of at least 1. text NULL: *out = 0, no limit. */
int overrides_limit(const char *text, uint64_t *out, struct diag *d);

/* --verify: "1%", from 0% to 100%, in millionths. text NULL: *out = 0. */
int overrides_verify(const char *text, uint64_t *out, struct diag *d);

#endif
