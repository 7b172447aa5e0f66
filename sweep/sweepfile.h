/* SPDX-License-Identifier: MIT
 *
 * sweepfile: the YAML file in which a user asks for a sweep (docs/sweep-file.md), read with libyaml's events and kept with
 * the line and column of every node, so that each refusal names its place; and its resolution, together with the
 * plugin's descriptor and the dataset, into a plan.
 */
#ifndef SHEAF_SWEEP_SWEEPFILE_H
#define SHEAF_SWEEP_SWEEPFILE_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "data/dataset.h"
#include "sweep/plan.h"
#include "sweep/sources.h"

struct sweepfile;

/* `run` flags that change the sweep. */
struct sweep_overrides {
    const char **set; /* "params.top_n=3": the value is YAML; creates missing fields of known names */
    uint32_t n_set;
    const char *seed;   /* --seed, NULL = not given */
    const char *limit;  /* --limit: the first N trials only */
    const char *verify; /* --verify: "1%" */
    bool overwrite;     /* --overwrite: an output file that is there gives way */
    uint32_t stage;     /* of a file with stages: which of them, from 1; 0 = the file is one sweep */
};

/* Appends the bytes of a sweep file, which are read once: it may be a pipe, and may be edited while its stages run. 0 or an error with
 * a line in d. */
int sweepfile_load(const char *path, struct buf *text, struct diag *d);

/* Parses what was loaded from `path`, which only names the place, and applies the overrides. Unknown fields, duplicate keys, wrong types,
 * anchors, several documents: SHEAF_EINVAL with "file:line:column: what. What to do". An override's place is "--set params.top_n=3". NULL
 * on failure. */
struct sweepfile *sweepfile_parse(const char *path, const char *bytes, size_t len, const struct sweep_overrides *o,
                                  struct diag *d);
void sweepfile_destroy(struct sweepfile *f);

/* The stages of a file. */
#define SWEEP_MAX_STAGES 64u
struct sweep_stages {
    const char *names[SWEEP_MAX_STAGES]; /* in the arena */
    uint32_t n;                          /* 0 = the file is one sweep */
};

/* Checks the fields of all stages of a loaded file; of one without stages only that it has none. o->stage does not matter. 0 or an
 * error with a line in d. */
int sweepfile_stages(const char *path, const struct buf *text, const struct sweep_overrides *o, struct arena *arena,
                     struct sweep_stages *out, struct diag *d);

/* What must be known before the plugin can be described and the data opened. Texts live in f. */
const char *sweepfile_plugin(const struct sweepfile *f); /* as written */
const char *sweepfile_config(const struct sweepfile *f); /* JSON */
const char *sweepfile_dir(const struct sweepfile *f);    /* the folder of the file: relative paths start there */

/* One entry of `data`. Texts live in f. */
struct sweepfile_data {
    const char *file;  /* as written, or what the stage makes; NULL: there is no such stage */
    const char *stage; /* NULL: no stage makes it */
    const char *along; /* what its trials are called, when it is taken along them; else NULL */
    const char *place; /* "file:line:column" */
};

/* Entry i of `data` into *out; false: there are not so many. */
bool sweepfile_data(const struct sweepfile *f, uint32_t i, struct sweepfile_data *out);

/* Are its keys files? */
bool sweepfile_keys_are_files(const struct sweepfile *f);

/* Does stage i of its file, from 0, come before this one, and make files? They may be its keys. */
bool sweepfile_makes_files_before(const struct sweepfile *f, uint32_t i);

/* What the goal calls its scores, as a list of scores without units, for a plugin that is yet to say what it returns; ["score"]
 * when there is no goal. In `arena`; SHEAF_ENOMEM. */
int sweepfile_goals(const struct sweepfile *f, struct arena *arena, struct plan_score **out, uint32_t *n);

/* Points at a field for an error found elsewhere ("plugin", "data"): "file:line:column". Lives in f. */
const char *sweepfile_place(const struct sweepfile *f, const char *field);

/* Checks everything against plugin and datasets, which are those of sweepfile_data in its order, and fills *out from `arena`;
 * plugin->path, digest and descriptor are taken over as they are. 0 or SHEAF_EINVAL with a line in d. */
int sweepfile_plan(const struct sweepfile *f, const struct plan_plugin *plugin, const struct sources *all,
                   struct arena *arena, struct plan *out, struct diag *d);

/* Checks of a sweep whose data are yet to be made what needs none: parameters, goal, and what *out then has of a plan, what is to be
 * made and where. */
int sweepfile_check(const struct sweepfile *f, const struct plan_plugin *plugin, struct arena *arena, struct plan *out,
                    struct diag *d);

#endif
