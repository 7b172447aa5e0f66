/* SPDX-License-Identifier: MIT
 *
 * pluginfind: from what a sweep file or a person calls a plugin to the absolute path of its shared object, and to the script
 * that this one runs, if it is the plugin of another language.
 */
#ifndef SHEAF_WORKER_PLUGINFIND_H
#define SHEAF_WORKER_PLUGINFIND_H

#include "common/arena.h"
#include "common/err.h"

/* Where a plugin is. */
struct plugin_place {
    const char *path;   /* of the shared object, absolute */
    const char *script; /* as in SHEAF_SCRIPT_TABLE, "" = none */
};

/* What errors call it: the script if there is one, else the shared object. */
const char *plugin_label(const char *path, const char *script);

/* "FILE.py", "FILE.py:FUNCTION" and "MODULE:FUNCTION" are scripts of the plugin `python`, in base_dir (the folder of the sweep
 * file) or, for a file, relative to it. A name with '/' or ending in ".so" is a path relative to base_dir. Any other is looked for as
 * NAME.so in each folder of $SHEAF_PLUGIN_PATH, then in ../lib/sheaf/plugins and ../plugins beside the executable, then
 * where sheaf is installed: the first hit wins. 0 with *out in `arena`; SHEAF_ENOENT with a line that lists
 * where it looked, SHEAF_EINVAL for what cannot be a name, SHEAF_ENOMEM. */
int plugin_find(const char *name, const char *base_dir, struct arena *arena, struct plugin_place *out, struct diag *d);

#endif
