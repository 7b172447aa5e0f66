/* SPDX-License-Identifier: MIT
 *
 * frame: a CSV file as typed columns in a nameless working file, so that its size is bounded by the disk, not by memory.
 * The file is read twice: once to learn the types and the number of rows, once to convert.
 *
 * A column is int64 if all its cells are integers; float64 if they are numbers or empty (NaN), or all empty; date if all are
 * dates; else text, kept as codes into a sorted dictionary. In a column of text an empty cell is the empty text.
 */
#ifndef SHEAF_DATA_FRAME_H
#define SHEAF_DATA_FRAME_H

#include "common/err.h"
#include "data/dict.h"

#include <stdint.h>

struct column {
    char *name;
    uint32_t dtype;   /* SHEAF_DT_I64, _F64, _DATE or _CODE */
    void *data;       /* rows elements */
    struct dict dict; /* SHEAF_DT_CODE: sorted */
};

struct frame {
    const char *name;  /* the caller's */
    const char *path;  /* the caller's */
    const char *near;  /* the caller's: working files lie on its file system */
    const char *lines; /* the caller's: NULL, or the file has no header and no commas, and each of its lines is one
                          value of a column of this name */
    uint64_t rows;
    struct column *columns;
    uint32_t n_columns;
    void *map; /* the working file */
    uint64_t map_bytes;
};

/* Reads t->path, with the texts set by the caller and the rest zero. On failure t is as before. 0, or
 * SHEAF_EINVAL with "file:line:column: ..." in d, SHEAF_ENOENT, SHEAF_EIO, SHEAF_ENOSPC, SHEAF_ENOMEM. */
int frame_read(struct frame *t, struct diag *d);

/* Frees all but the caller's texts; a frame that was never read is fine. */
void frame_finish(struct frame *t);

/* NULL = it has no such column. */
struct column *frame_find(const struct frame *t, const char *column);

#endif
