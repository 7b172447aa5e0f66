/* SPDX-License-Identifier: MIT
 *
 * pluginhost: loads a plugin's shared object and asks it what it is. Both run foreign code in this process
 * (constructors, describe): only slots, the describing child and `plugin try` call this, never a daemon. A plugin is never
 * unloaded; its process is recycled.
 */
#ifndef SHEAF_WORKER_PLUGINHOST_H
#define SHEAF_WORKER_PLUGINHOST_H

#include "common/arena.h"
#include "common/err.h"
#include "common/hash.h"
#include "sheaf/plugin.h"
#include "sweep/plan.h"

/* Maps the shared object and checks its entry: exported, same ABI major, minor not newer, size as agreed, no function
 * missing. 0; SHEAF_ENOENT, SHEAF_EINVAL or SHEAF_EVERSION with a line that names the file, both versions and the reason. */
int pluginhost_load(const char *path, const struct sheaf_plugin **out, struct diag *d);

/* Calls describe with a host that hands log and table on to `host` (from whose SHEAF_SCRIPT_TABLE out->script is taken) and refuses the rest, then checks and copies the
 * descriptor into `arena`; fills every field of *out, path and config as given. 0; SHEAF_EINVAL (the plugin's own words
 * included), SHEAF_EIO, SHEAF_ENOMEM with a line in d. */
int pluginhost_describe(const struct sheaf_plugin *plugin, const struct sheaf_host *host, const char *config,
                        const char *path, struct arena *arena, struct plan_plugin *out, struct diag *d);

/* What a plugin may ask for beyond its descriptor (SHEAF_SCRIPT_TABLE): its script, and the names of its arrays and scores as p has
 * them. In `arena`, the names p's. 0 or SHEAF_ENOMEM. */
int pluginhost_script(const struct plan_plugin *p, struct arena *arena, struct sheaf_script *out, struct diag *d);

/* BLAKE2b-256 of the file's bytes, then of identity. 0, or SHEAF_EIO with a line in d. */
int pluginhost_digest(const char *path, const char *identity, uint8_t out[HASH_BYTES], struct diag *d);

#endif
