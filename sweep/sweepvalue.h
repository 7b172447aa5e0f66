/* SPDX-License-Identifier: MIT
 *
 * sweepvalue: one value as a user wrote it, checked against the parameter that it is for.
 */
#ifndef SHEAF_SWEEP_SWEEPVALUE_H
#define SHEAF_SWEEP_SWEEPVALUE_H

#include "common/arena.h"
#include "common/err.h"
#include "sweep/place.h"
#include "sweep/plan.h"
#include "sweep/scalar.h"

/* For whom values are converted. */
struct value_sink {
    const char *plugin; /* its name, for error texts */
    const struct plan_param *param;
    struct arena *arena; /* of texts */
    struct diag *d;
};

/* Fills *out. `what` is how the value is called in an error text ("params.top_n"). 0, SHEAF_ENOMEM, or SHEAF_EINVAL with a
 * line that names the right type, the range or the choices. */
int sweepvalue_convert(const struct value_sink *sink, const struct scalar *s, const struct place *at, const char *what,
                       struct plan_value *out);

/* Do two values of a parameter of that type count as the same? Orders them, as strcmp does. */
int sweepvalue_compare(uint32_t type, const struct plan_value *a, const struct plan_value *b);

#define SWEEPVALUE_ACCEPTS 160

/* "a whole number from 1 to 500", "true or false", ... Returns out. */
const char *sweepvalue_accepts(const struct plan_param *param, char out[SWEEPVALUE_ACCEPTS]);

#endif
