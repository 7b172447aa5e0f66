/* SPDX-License-Identifier: MIT
 *
 * descriptor: what a plugin says of itself, checked word by word and copied into an arena as the plan's struct
 * plan_plugin. After this nothing of the plugin's memory is needed, and nothing of what it said needs a second look.
 */
#ifndef SHEAF_WORKER_DESCRIPTOR_H
#define SHEAF_WORKER_DESCRIPTOR_H

#include "common/arena.h"
#include "common/err.h"
#include "sheaf/plugin.h"
#include "sweep/plan.h"

#include <stdbool.h>

#define DESCRIPTOR_MAX_NAME 63u
#define DESCRIPTOR_MAX_ARRAY_NAME 255u /* array names come from files: "TABLE.column" */
#define DESCRIPTOR_MAX_LINE 1023u
#define DESCRIPTOR_MAX_TEXT 4095u
#define DESCRIPTOR_MAX_CHOICES 4096u
#define DESCRIPTOR_MAX_ARRAYS 256u
#define DESCRIPTOR_MAX_THREADS 1024u

/* Checks `in` and copies it: name to threads of *out are written, the rest (path, digest, config, abi) is left
 * alone. 0; SHEAF_EINVAL with a line that names the entry and what is wrong with it; SHEAF_ENOMEM. *out is written
 * on success only. */
int descriptor_copy(const struct sheaf_descriptor *in, struct arena *arena, struct plan_plugin *out, struct diag *d);

/* The same for a list of scores alone: writes scores and n_scores of *out. */
int descriptor_copy_scores(const struct sheaf_score *in, uint32_t n, struct arena *arena, struct plan_plugin *out,
                           struct diag *d);

/* [a-z][a-z0-9_]*, at most 63 bytes: what a plugin may be called. */
bool descriptor_name_ok(const char *name);

/* "int", "float", "choice", "text", "bool"; "?" for an unknown number. Static. */
const char *descriptor_type_name(uint32_t type);

#endif
