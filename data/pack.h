/* SPDX-License-Identifier: MIT
 *
 * pack: makes a dataset of .npy arrays and CSV tables. The same inputs give the same bytes, in whatever order they are
 * named. Memory holds dictionaries, keys and the header; arrays, columns and sort records live in files, so that
 * their size is bounded by the disk. Working files need about as much room beside the output as the tables' columns
 * do in it, and 36 bytes a row of each table that is sorted.
 */
#ifndef SHEAF_DATA_PACK_H
#define SHEAF_DATA_PACK_H

#include "common/err.h"
#include "common/hash.h"

#include <stdbool.h>
#include <stdint.h>

struct pack_item {
    const char *name, *path;
};

struct pack_job {
    const char *out;
    bool replace;                   /* an existing file gives way */
    const struct pack_item *arrays; /* NAME=FILE.npy */
    uint32_t n_arrays;
    const struct pack_item *tables; /* TABLE=FILE.csv; column C becomes the array TABLE.C */
    uint32_t n_tables;
    const char *key;   /* sorts and partitions each table that has this column; NULL = none */
    const char *order; /* orders the rows of a key by this column, where the table has it; NULL = as they come */
    const char *keys;  /* a file of one key a line: partitions the arrays whose first axis is as long; NULL = none.
                          Without `key` the keys are called "key" */
};

/* Does it. digest: the dataset's id. 0 or an error with a line in d; then nothing is left at job->out that was not there
 * before. */
int pack_run(const struct pack_job *job, uint8_t digest[HASH_BYTES], struct diag *d);

#endif
