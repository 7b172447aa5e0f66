/* SPDX-License-Identifier: MIT
 *
 * pluginfind: from what a sweep file or a person calls a plugin to the absolute path of its shared object.
 */
#ifndef SHEAF_WORKER_PLUGINFIND_H
#define SHEAF_WORKER_PLUGINFIND_H

#include "common/arena.h"
#include "common/err.h"

/* A name with '/' or ending in ".so" is a path relative to base_dir (the folder of the sweep file). Any other is looked for as
 * NAME.so in each folder of $SHEAF_PLUGIN_PATH, then in ../lib/sheaf/plugins and ../plugins beside the executable, then
 * where sheaf is installed: the first hit wins. 0 with *path absolute, in `arena`; SHEAF_ENOENT with a line that lists
 * where it looked, SHEAF_EINVAL for what cannot be a name, SHEAF_ENOMEM. */
int plugin_find(const char *name, const char *base_dir, struct arena *arena, const char **path, struct diag *d);

#endif
