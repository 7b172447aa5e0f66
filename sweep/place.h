/* SPDX-License-Identifier: MIT
 *
 * place: where something stands that a user wrote, so that each refusal can begin with it: "sweep.yaml:3:5" for a
 * file, "--set params.top_n=3" for an option.
 */
#ifndef SHEAF_SWEEP_PLACE_H
#define SHEAF_SWEEP_PLACE_H

#include "common/arena.h"
#include "common/err.h"

#include <stdint.h>

struct place {
    const char *source;    /* the file as the user named it, or the option with its value */
    uint32_t line, column; /* from 1; line 0: source alone is the place */
};

/* "file:line:column", or the source alone; in `arena`, NULL when that is exhausted. */
const char *place_text(const struct place *p, struct arena *arena);

/* "PLACE: text" into d. Always returns SHEAF_EINVAL. */
int place_fail(const struct place *p, struct diag *d, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
