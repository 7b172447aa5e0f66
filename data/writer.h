/* SPDX-License-Identifier: MIT
 *
 * writer: makes a dataset file of any size in one pass and little memory. The plan says everything but the arrays'
 * bytes; these are streamed in the plan's order while their chunk digests are computed; the header is written last,
 * into the room kept for it, and only then does the file get its name.
 */
#ifndef SHEAF_DATA_WRITER_H
#define SHEAF_DATA_WRITER_H

#include "common/err.h"
#include "common/hash.h"
#include "data/header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer;

/* Begins the dataset `path`. plan: arrays in strictly ascending order of names, partitions, keys; body_bytes, chunk_bytes,
 * digests and the arrays' offsets are filled in here. The plan must outlive the writer. replace: an existing file gives
 * way at the commit, else it is SHEAF_EBUSY, now or then. 0 or an error with a line in d. */
int writer_create(const char *path, struct header *plan, bool replace, struct writer **out, struct diag *d);

/* The next n bytes of the arrays, C order, little-endian. Writing more than the plan holds is a bug. */
int writer_write(struct writer *w, const void *data, size_t n, struct diag *d);

/* Writes the header, syncs, publishes the file read-only, frees the writer and nulls *w, on failure too. A plan
 * whose bytes have not all been written is a bug. digest: the dataset's id. */
int writer_commit(struct writer **w, uint8_t digest[HASH_BYTES], struct diag *d);

/* Drops everything and nulls *w. NULL is fine. */
void writer_destroy(struct writer **w);

#endif
