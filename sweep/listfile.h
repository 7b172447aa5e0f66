/* SPDX-License-Identifier: MIT
 *
 * listfile: the trials of `search: {method: list, file: F}`. A .csv file has a header of parameter names and one line a
 * trial; a .jsonl file one JSON object a line, all with the same names. Each column becomes an axis: a dictionary of
 * its values, and one code a trial. The file is hostile: lines, columns and cells are capped.
 */
#ifndef SHEAF_SWEEP_LISTFILE_H
#define SHEAF_SWEEP_LISTFILE_H

#include "common/arena.h"
#include "common/err.h"
#include "sweep/place.h"
#include "sweep/plan.h"

#include <stdio.h>

#define LISTFILE_LINE ((size_t)1 << 20)    /* bytes of one line */
#define LISTFILE_CELLS ((uint64_t)8 << 20) /* trials x columns: 32 MiB of codes in the plan */

struct listfile_in {
    const char *name;                 /* as the user wrote it */
    const char *dir;                  /* where relative names start */
    const struct plan_plugin *plugin; /* whose parameters the columns are */
    uint64_t max_trials;              /* read no more; 0 = all */
    const struct place *at;           /* of the name, for errors about the file as a whole */
};

/* Fills out->axes (which has room for n_params axes), n_axes and trials. 0, SHEAF_ENOMEM, SHEAF_EIO, or SHEAF_EINVAL with
 * "FILE:line:column: what; what to do". */
int listfile_read(const struct listfile_in *in, struct arena *arena, struct plan *out, struct diag *d);

/* The same from an open file; errors name it `path`. */
int listfile_parse(const struct listfile_in *in, FILE *file, const char *path, struct arena *arena, struct plan *out,
                   struct diag *d);

#endif
