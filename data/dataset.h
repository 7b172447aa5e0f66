/* SPDX-License-Identifier: MIT
 *
 * dataset: an immutable, content-addressed file of named arrays, read through mmap so that any number of slots
 * share one physical copy.
 *
 * File: 16 bytes "SHEAFDS1" + uint64 LE header length; the header (MessagePack: arrays with dtype, shape, offset,
 * dictionary; the partition index; BLAKE2b-256 digests of the body's 4 MiB chunks); the header's own BLAKE2b-256, which
 * is the dataset's id; padding to a page; then raw little-endian C-order buffers, each on a 4,096-byte boundary. See
 * data/header.h.
 *
 * A file is hostile until proven otherwise: every offset, size and count of the header is checked against the file's size
 * before anything is allocated or mapped.
 */
#ifndef SHEAF_DATA_DATASET_H
#define SHEAF_DATA_DATASET_H

#include "common/buf.h"
#include "common/err.h"
#include "common/hash.h"
#include "sheaf/plugin.h"

#include <stdbool.h>
#include <stdint.h>

#define DATASET_CHUNK ((uint64_t)4 << 20)

struct dataset; /* open, mapped read-only */

/* One array of a dataset. Points into the dataset. */
struct dataset_array {
    const char *name;       /* "factors", or "TABLE.column" */
    struct sheaf_view view; /* whole array */
    const char *table;      /* "" when it is not a column */
    bool partitioned;       /* axis 0 is cut by the dataset's keys */
};

/* Opens and maps `path` and checks its header (not the chunks). 0; SHEAF_ENOENT, SHEAF_EIO, SHEAF_ECORRUPT, SHEAF_EVERSION,
 * SHEAF_ENOMEM with a line in d. Close with dataset_close (NULL is fine). */
int dataset_open(const char *path, struct dataset **out, struct diag *d);
void dataset_close(struct dataset *ds);

/* The same for a whole file that is in memory already, page-aligned and unchanged until dataset_close. name: for texts. */
int dataset_open_memory(const void *bytes, uint64_t size, const char *name, struct dataset **out, struct diag *d);

const uint8_t *dataset_digest(const struct dataset *ds); /* HASH_BYTES */
uint64_t dataset_bytes(const struct dataset *ds);        /* of the file */
uint32_t dataset_count(const struct dataset *ds);
const struct dataset_array *dataset_at(const struct dataset *ds, uint32_t i);
const struct dataset_array *dataset_find(const struct dataset *ds, const char *name); /* NULL = none */

/* The array as one with `rank` axes: of a longer one axes of one element are left out, the first ones first, as many as are too
 * many; unchanged when there are not enough of them. (A sweep's output has the axes trial, key and split in front.) An array that
 * the keys cut keeps its axes. rank 0: unchanged. */
struct sheaf_view dataset_view(const struct dataset_array *a, uint32_t rank);

/* The sorted keys; 0 when the dataset is not partitioned. key_text: NULL for integer or date keys, then key_int says. */
uint64_t dataset_keys(const struct dataset *ds);
const char *dataset_key_column(const struct dataset *ds);   /* "" = none */
const char *dataset_order_column(const struct dataset *ds); /* the rows of each key ascend by it; "" = by none */
const char *dataset_key_text(const struct dataset *ds, uint64_t key);
int64_t dataset_key_int(const struct dataset *ds, uint64_t key);
/* A key as people write it: the text, the number, or YYYY-MM-DD; in the dataset or in space. */
const char *dataset_key_name(const struct dataset *ds, uint64_t key, char space[24]);
uint32_t dataset_key_dtype(const struct dataset *ds); /* SHEAF_DT_CODE (text), _I64, _DATE; SHEAF_ANY = no keys */

/* The rows [*from, *to) of a partitioned array that belong to a key; empty when its table has none. */
void dataset_key_rows(const struct dataset *ds, const struct dataset_array *a, uint64_t key, uint64_t *from,
                      uint64_t *to);

/* Where an array begins in the file. */
uint64_t dataset_offset(const struct dataset *ds, const struct dataset_array *a);

/* Checks every chunk against its digest, and every code against its dictionary. 0, or SHEAF_ECORRUPT naming the chunk
 * and the arrays in it. */
int dataset_verify(const struct dataset *ds, struct diag *d);

/* "float64", "code", ...; "?" for an unknown number. Static. And its element size in bytes (0 for unknown). */
const char *dtype_name(uint32_t dtype);
uint32_t dtype_size(uint32_t dtype);

#endif
