/* SPDX-License-Identifier: MIT
 *
 * header: the description at the front of a dataset file, in one place for the reader and the writer.
 *
 *     0            "SHEAFDS1"
 *     8            uint64 LE: length of the header, H
 *     16           the header: MessagePack, positional arrays in the order of the structs below
 *     16 + H       its BLAKE2b-256, which is the dataset's id
 *     ...          zeros up to the next multiple of 4,096: where the body begins
 *     body         the arrays in ascending order of their names, each at `offset` (a multiple of 4,096) from the
 *                  body's beginning, little-endian, C order; zeros between them
 *
 * A header is decoded from hostile bytes: header_read accepts only what keeps every promise made here.
 */
#ifndef SHEAF_DATA_HEADER_H
#define SHEAF_DATA_HEADER_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/hash.h"

#include <stdbool.h>
#include <stdint.h>

#define HEADER_MAGIC "SHEAFDS1"
#define HEADER_PREFIX 16u
#define HEADER_PAGE 4096u
#define HEADER_MAX_ARRAYS (1u << 18)
#define HEADER_MAX_NAME 511u

struct header_dim {
    uint64_t n;
};

struct header_array {
    const char *name;
    uint32_t dtype; /* SHEAF_DT_... */
    struct header_dim *dims;
    uint32_t rank;
    uint64_t offset;         /* from the body's beginning */
    const char *table;       /* "" when it is no column */
    uint32_t partition;      /* 1 + position in `partitions`; 0 = not partitioned */
    uint64_t n_dictionary;   /* texts in the dictionary, ascending; only SHEAF_DT_CODE has one */
    struct slice dictionary; /* the texts, each with its NUL */
};

/* How the rows of one table, or of the arrays without a table, are cut by the keys. */
struct header_partition {
    const char *table;
    uint64_t rows;
    struct slice starts; /* n_keys + 1 uint64 LE: key k has the rows [starts[k], starts[k + 1]) */
};

struct header {
    uint64_t body_bytes;
    uint64_t chunk_bytes; /* DATASET_CHUNK */
    struct header_array *arrays;
    uint32_t n_arrays;
    const char *key_column; /* "" = no keys */
    uint32_t key_dtype;     /* SHEAF_DT_CODE, SHEAF_DT_I64 or SHEAF_DT_DATE; 0 = no keys */
    uint64_t n_keys;
    struct slice keys; /* ascending: texts, each with its NUL, or int64 LE */
    struct header_partition *partitions;
    uint32_t n_partitions;
    const char *order_column; /* "" = the rows of a key have no order but the table's */
    struct slice digests;     /* BLAKE2b-256 of each chunk of the body, the last one short */
};

/* A whole dataset file in memory. */
struct header_file {
    const uint8_t *bytes;
    uint64_t size;
    const char *path; /* for error texts */
};

/* Appends the MessagePack of h. 0, SHEAF_ENOMEM or SHEAF_ELIMIT with a line in d. */
int header_encode(const struct header *h, struct buf *out, struct diag *d);

/* Reads and checks the header. Slices of *h point into the file, the rest lives in `arena`. 0; SHEAF_ECORRUPT,
 * SHEAF_EVERSION, SHEAF_ENOMEM with a line in d that starts with the path. */
int header_read(const struct header_file *f, struct arena *arena, struct header *h, struct diag *d);

/* The id that header_read found true: HASH_BYTES of the file. */
const uint8_t *header_digest(const struct header_file *f);

/* Where the body begins behind a header of `len` bytes. */
uint64_t header_body_at(uint64_t len);

/* Puts the arrays, ascending by name, into the body, each at the next page: sets their offsets, body_bytes and chunk_bytes. 0, or
 * SHEAF_ELIMIT with a line in d. */
int header_lay_out(struct header *h, struct diag *d);

/* Chunks of the body, each of which has a digest. */
uint64_t header_chunks(const struct header *h);

/* Appends what stands before the body: prefix, header, its digest (also in `digest`), padding. 0, SHEAF_ENOMEM or SHEAF_ELIMIT. */
int header_front(const struct header *h, struct buf *out, uint8_t digest[HASH_BYTES], struct diag *d);

/* Bytes of an array; false when the product does not fit 63 bits. */
bool header_array_bytes(const struct header_array *a, uint64_t *bytes);

/* Unaligned little-endian numbers of a slice. */
uint64_t header_u64(struct slice s, uint64_t i);

#endif
