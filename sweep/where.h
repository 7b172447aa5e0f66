/* SPDX-License-Identifier: MIT
 *
 * where: one constraint between parameters, as `where` of a sweep file gives it: "fast < slow and slow % fast == 0".
 *
 *     or, and, not                         conditions
 *     < <= > >= == !=                      numbers; may be chained as in a < b < c; == and != also texts and bools
 *     + - * / %                            numbers; / always gives a float; % takes ints, its result has the divisor's sign
 *     abs(x), min(x, ...), max(x, ...)     numbers
 *     12  1.5  1e-3  "text"  'text'  true  false  (...)  names of parameters
 *
 * Ints stay exact: two ints compare as 64-bit integers, and a sum, difference or product that leaves 64 bits goes on
 * as a float. Division by zero follows IEEE, x % 0 is NaN, and NaN makes every comparison false but !=.
 */
#ifndef SHEAF_SWEEP_WHERE_H
#define SHEAF_SWEEP_WHERE_H

#include "common/err.h"
#include "sheaf/plugin.h"
#include "sweep/plan.h"

#include <stdbool.h>

struct where;

/* Compiles text. The names and types of parameters come from the descriptor, which must outlive the result, as must text.
 * One constraint serves one thread. NULL on failure, with "column N: what" in d (columns count bytes from 1). Free with where_destroy. */
struct where *where_compile(const char *text, const struct plan_plugin *plugin, struct diag *d);
void where_destroy(struct where *w);

/* Does it hold for these values, n_params of them in the descriptor's order? */
bool where_holds(const struct where *w, const struct sheaf_value *values);

#endif
