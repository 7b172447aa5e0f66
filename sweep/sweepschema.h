/* SPDX-License-Identifier: MIT
 *
 * sweepschema: the fields of a sweep file, one table row each, and the check of a tree against them. What needs
 * the plugin or the data is checked later (sweepplan); what this lets pass has known fields of the right type.
 */
#ifndef SHEAF_SWEEP_SWEEPSCHEMA_H
#define SHEAF_SWEEP_SWEEPSCHEMA_H

#include "common/err.h"
#include "sweep/yamltree.h"

#include <stdbool.h>

/* Checks the whole tree: a map with known fields. 0 or SHEAF_EINVAL with "PLACE: what; what to do". */
int sweepschema_check(const struct ynode *root, struct diag *d);

/* Fields of a checked tree, by path; the default where the field is absent. */
int64_t sweepschema_int(const struct ynode *root, const char *path, int64_t def);
double sweepschema_number(const struct ynode *root, const char *path, double def);
bool sweepschema_bool(const struct ynode *root, const char *path, bool def);
const char *sweepschema_text(const struct ynode *root, const char *path, const char *def);

/* The position of a field's word in a NULL-terminated list; def when the field is absent. */
uint32_t sweepschema_word(const struct ynode *root, const char *path, const char *const *words, uint32_t def);

/* The words of order, search.method and of reduce.*, in the order of enum plan_order, plan_method and plan_reduce. */
extern const char *const sweepschema_orders[];
extern const char *const sweepschema_methods[];
extern const char *const sweepschema_reductions[];

#endif
