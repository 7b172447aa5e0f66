/* SPDX-License-Identifier: MIT
 *
 * json: the one object that `run --json` and `show --json` print. Its fields are public; more may come, none may go. Numbers have
 * 17 significant digits, so that they read back exactly; NaN and infinities are null.
 */
#ifndef SHEAF_CLI_JSON_H
#define SHEAF_CLI_JSON_H

#include "cli/outcome.h"
#include "sweep/keynames.h"

#include <jansson.h>
#include <stdio.h>

/* A number, or null when it is not finite. */
json_t *json_number(double v);

/* A text; bytes that are not UTF-8 become '?'. */
json_t *json_text(const char *s);

/* The key of a task: a number where keys are numbers, else its name. NULL when memory runs out. */
json_t *json_key(const struct keynames *keys, uint64_t index);

/* Prints `value` (taken over, may be NULL: out of memory) and a newline. 0 or SHEAF_ENOMEM, SHEAF_EIO. */
int json_print(json_t *value, FILE *out, struct diag *d);

/* The object for one sweep. NULL when memory runs out. */
json_t *json_outcome(const struct outcome *o);

#endif
