/* SPDX-License-Identifier: MIT
 *
 * npy: NumPy's file format, versions 1 to 3, for files of any size. Read are bool, int8-64, uint8-64, float32 and float64 in C or
 * Fortran order and either byte order; they come out in C order, little-endian. The rest (float16, complex, texts,
 * dates, objects, structured types) is refused with a line that says what to do. The header is hostile until checked.
 */
#ifndef SHEAF_DATA_NPY_H
#define SHEAF_DATA_NPY_H

#include "common/buf.h"
#include "common/err.h"
#include "sheaf/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPY_MAX_HEADER ((uint32_t)1 << 20)

struct npy {
    const char *path; /* the caller's; for error texts */
    uint32_t dtype;   /* SHEAF_DT_... */
    uint32_t rank;
    uint64_t shape[SHEAF_MAX_RANK];
    bool fortran; /* the first axis varies fastest */
    bool swapped; /* big-endian */
    uint64_t data_at;
    uint64_t data_bytes;
    const uint8_t *map; /* the whole file, NULL before npy_open */
    uint64_t map_bytes;
};

/* Where npy_stream puts the elements. */
struct npy_sink {
    int (*put)(void *user, const void *data, size_t bytes, struct diag *d); /* 0 goes on, all else ends the stream */
    void *user;
    size_t block;   /* memory for reordering, at least 8 bytes; 0 = 32 MiB */
    struct diag *d; /* or NULL */
};

/* Reads the header from the first `len` bytes of a file of `file_bytes` bytes. SHEAF_EINVAL with a line in d. */
int npy_parse(const void *bytes, size_t len, uint64_t file_bytes, const char *path, struct npy *out, struct diag *d);

/* Opens and maps a file; path must outlive it. 0, SHEAF_EINVAL, SHEAF_ENOENT, SHEAF_EIO, SHEAF_ENOMEM. */
int npy_open(const char *path, struct npy *out, struct diag *d);
void npy_close(struct npy *npy);

/* Rows along the first axis; 1 for an array of rank 0. */
uint64_t npy_rows(const struct npy *npy);

/* Hands the elements of rows [from, to) to the sink in C order, a few MiB at a time. 0, SHEAF_ENOMEM, or put's
 * answer. */
int npy_stream(const struct npy *npy, uint64_t from, uint64_t to, const struct npy_sink *sink);

/* Appends a version 1 header for a little-endian array in C order; the raw elements follow it. Codes and dates are
 * int32 there. 0 or SHEAF_ENOMEM. */
int npy_header(uint32_t dtype, uint32_t rank, const uint64_t *shape, struct buf *out);

#endif
