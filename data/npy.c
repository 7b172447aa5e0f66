/* SPDX-License-Identifier: MIT
 *
 * npy: mapping and streaming. Arrays in C order go straight from the mapping to the sink. Arrays in Fortran order are
 * gathered block by block: a block is a run of rows (or, where one row is larger than a block, a run along a later axis)
 * with everything behind it, and is read in the file's own order, so that each page of a file larger than
 * memory comes in about once a block.
 */
#include "data/npy.h"

#include "common/fsutil.h"
#include "data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)4 << 20)
#define BLOCK ((size_t)32 << 20)

static int map_file(const char *path, int fd, struct npy *out, struct diag *d)
{
    struct stat st;
    void *map;
    int err;

    if (fstat(fd, &st) != 0)
        return diag_fail(d, SHEAF_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "%s: not a regular file", path);
    if (st.st_size == 0)
        return diag_fail(d, SHEAF_EINVAL, "%s: not an .npy file: it is empty", path);
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return diag_fail(d, file_error(errno), "%s: cannot map the file: %s", path, strerror(errno));
    err = npy_parse(map, (size_t)st.st_size, (uint64_t)st.st_size, path, out, d);
    if (err != 0) {
        munmap(map, (size_t)st.st_size);
        return err;
    }
    out->map = map;
    out->map_bytes = (uint64_t)st.st_size;
    return 0;
}

int npy_open(const char *path, struct npy *out, struct diag *d)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;

    if (fd < 0)
        return diag_fail(d, file_error(errno), "%s: %s", path, strerror(errno));
    err = map_file(path, fd, out, d);
    close(fd);
    return err;
}

void npy_close(struct npy *npy)
{
    if (npy->map != NULL)
        munmap((void *)(uintptr_t)npy->map, (size_t)npy->map_bytes);
    *npy = (struct npy){0};
}

uint64_t npy_rows(const struct npy *npy)
{
    return npy->rank == 0 ? 1 : npy->shape[0];
}

/* Copies n elements between two strides; swaps bytes, and makes every true a 1: a bool with another value in it is
 * undefined behaviour for whoever reads it. */
static void copy_elements(const struct npy *npy, uint8_t *dst, size_t dst_stride, const uint8_t *src, size_t src_stride,
                          uint64_t n)
{
    uint32_t size = dtype_size(npy->dtype);
    uint16_t v2;
    uint32_t v4;
    uint64_t v8;

    for (uint64_t i = 0; i < n; i++, dst += dst_stride, src += src_stride) {
        switch (size) {
        case 1:
            *dst = npy->dtype == SHEAF_DT_BOOL ? *src != 0 : *src;
            break;
        case 2:
            memcpy(&v2, src, 2);
            v2 = npy->swapped ? __builtin_bswap16(v2) : v2;
            memcpy(dst, &v2, 2);
            break;
        case 4:
            memcpy(&v4, src, 4);
            v4 = npy->swapped ? __builtin_bswap32(v4) : v4;
            memcpy(dst, &v4, 4);
            break;
        default:
            memcpy(&v8, src, 8);
            v8 = npy->swapped ? __builtin_bswap64(v8) : v8;
            memcpy(dst, &v8, 8);
            break;
        }
    }
}

static int no_memory(const struct npy *npy, const struct npy_sink *sink)
{
    return diag_fail(sink->d, SHEAF_ENOMEM, "%s: out of memory", npy->path);
}

/* C order: a run of `bytes` at `src`, converted piece by piece where need be. */
static int stream_run(const struct npy *npy, const uint8_t *src, uint64_t bytes, const struct npy_sink *sink)
{
    bool convert = npy->swapped || npy->dtype == SHEAF_DT_BOOL;
    uint32_t size = dtype_size(npy->dtype);
    uint8_t *piece = NULL;
    int err = 0;

    if (convert && (piece = malloc(PIECE)) == NULL)
        return no_memory(npy, sink);
    while (err == 0 && bytes > 0) {
        size_t n = bytes < PIECE ? (size_t)bytes : PIECE;
        if (convert)
            copy_elements(npy, piece, size, src, size, n / size);
        err = sink->put(sink->user, convert ? piece : src, n, sink->d);
        src += n;
        bytes -= n;
    }
    free(piece);
    return err;
}

/* How a Fortran array is cut into blocks. */
struct cut {
    uint32_t axis;                   /* blocks are runs along it; earlier axes are fixed in a block */
    uint64_t run;                    /* longest run */
    uint64_t inner[SHEAF_MAX_RANK];  /* elements behind one step of an axis, in C order */
    uint64_t stride[SHEAF_MAX_RANK]; /* bytes between two steps in the file */
};

static struct cut make_cut(const struct npy *npy, size_t block)
{
    struct cut c = {0};
    uint32_t size = dtype_size(npy->dtype);
    uint64_t n = 1;

    for (uint32_t i = npy->rank; i-- > 0; n *= npy->shape[i])
        c.inner[i] = n;
    n = size;
    for (uint32_t i = 0; i < npy->rank; n *= npy->shape[i++])
        c.stride[i] = n;
    while (c.inner[c.axis] > block / size)
        c.axis++; /* ends: behind the last axis there is one element */
    c.run = block / size / c.inner[c.axis];
    return c;
}

/* One stream of a Fortran array. */
struct gather {
    const struct npy *npy;
    const struct npy_sink *sink;
    struct cut cut;
    uint8_t *block;
};

/* One block: n steps along the cut's axis from src on, in C order. */
static void gather_block(const struct gather *g, const uint8_t *src, uint64_t n)
{
    const struct npy *npy = g->npy;
    const struct cut *c = &g->cut;
    uint64_t index[SHEAF_MAX_RANK] = {0};
    uint32_t size = dtype_size(npy->dtype);
    size_t dst_stride = (size_t)c->inner[c->axis] * size;

    /* The axes behind the run, the earliest fastest, as they lie in the file. */
    for (uint64_t k = 0; k < c->inner[c->axis]; k++) {
        uint64_t from = 0, to = 0;
        for (uint32_t i = c->axis + 1; i < npy->rank; i++) {
            from += index[i] * c->stride[i];
            to += index[i] * c->inner[i];
        }
        copy_elements(npy, g->block + to * size, dst_stride, src + from, (size_t)c->stride[c->axis], n);
        for (uint32_t i = c->axis + 1; i < npy->rank; i++) {
            if (++index[i] < npy->shape[i])
                break;
            index[i] = 0;
        }
    }
}

/* The steps [from, to) along the cut's axis, for one setting of the axes before it. */
static int stream_axis(const struct gather *g, const uint8_t *src, uint64_t from, uint64_t to)
{
    const struct cut *c = &g->cut;
    size_t step = (size_t)c->inner[c->axis] * dtype_size(g->npy->dtype);
    int err = 0;

    for (uint64_t at = from, n; err == 0 && at < to; at += n) {
        n = to - at < c->run ? to - at : c->run;
        gather_block(g, src + at * c->stride[c->axis], n);
        err = g->sink->put(g->sink->user, g->block, (size_t)n * step, g->sink->d);
    }
    return err;
}

/* Rows larger than a block: the axes before the cut count up like an odometer, the last one fastest. */
static int stream_prefixes(const struct gather *g, uint64_t from, uint64_t to)
{
    const struct npy *npy = g->npy;
    const struct cut *c = &g->cut;
    uint64_t index[SHEAF_MAX_RANK] = {from};
    int err = 0;

    while (err == 0 && index[0] < to) {
        const uint8_t *src = npy->map + npy->data_at;
        for (uint32_t i = 0; i < c->axis; i++)
            src += index[i] * c->stride[i];
        err = stream_axis(g, src, 0, npy->shape[c->axis]);
        for (uint32_t i = c->axis; i-- > 0;) {
            if (++index[i] < npy->shape[i] || i == 0)
                break;
            index[i] = 0;
        }
    }
    return err;
}

static int stream_fortran(const struct npy *npy, uint64_t from, uint64_t to, const struct npy_sink *sink)
{
    size_t limit = sink->block == 0 ? BLOCK : sink->block;
    struct gather g = {.npy = npy, .sink = sink, .cut = make_cut(npy, limit)};
    int err;

    g.block = malloc(limit < npy->data_bytes ? limit : (size_t)npy->data_bytes);
    if (g.block == NULL)
        return no_memory(npy, sink);
    if (g.cut.axis == 0)
        err = stream_axis(&g, npy->map + npy->data_at, from, to);
    else
        err = stream_prefixes(&g, from, to);
    free(g.block);
    return err;
}

int npy_stream(const struct npy *npy, uint64_t from, uint64_t to, const struct npy_sink *sink)
{
    uint64_t row;

    SHEAF_ASSERT(from <= to && to <= npy_rows(npy));
    if (npy->data_bytes == 0 || from == to)
        return 0;
    if (npy->fortran && npy->rank > 1)
        return stream_fortran(npy, from, to, sink);
    row = npy->data_bytes / npy_rows(npy);
    return stream_run(npy, npy->map + npy->data_at + from * row, (to - from) * row, sink);
}
