/* SPDX-License-Identifier: MIT
 *
 * dataset: the mapping, the views into it, and the checks of the body. Whatever of the header can lie is refused by
 * header_read before this module looks at it.
 */
#include "data/dataset.h"

#include "common/arena.h"
#include "common/fsutil.h"
#include "data/field.h"
#include "data/header.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct dataset {
    char *path;
    const uint8_t *file;
    uint64_t size, body_at;
    bool mapped; /* by us: unmap at the end */
    struct arena arena;
    struct header header;
    const uint8_t *digest;        /* in the file */
    struct dataset_array *arrays; /* as in the header */
    const char **key_texts;       /* NULL unless the keys are texts */
};

/* Pointers to n texts that lie one behind the other, each with its NUL. */
static const char **point_at_texts(struct arena *arena, struct slice texts, uint64_t n)
{
    const char **out = arena_alloc(arena, (size_t)n * sizeof *out);
    const char *at = texts.data;

    for (uint64_t i = 0; out != NULL && i < n; i++) {
        out[i] = at;
        at += strlen(at) + 1;
    }
    return out;
}

static int build_array(struct dataset *ds, const struct header_array *h, struct dataset_array *a)
{
    struct sheaf_view *v = &a->view;
    int64_t stride = dtype_size(h->dtype);

    a->name = h->name;
    a->table = h->table;
    a->partitioned = h->partition > 0;
    v->dtype = h->dtype;
    v->rank = h->rank;
    v->data = ds->file + ds->body_at + h->offset;
    for (uint32_t i = h->rank; i-- > 0;) {
        v->shape[i] = h->dims[i].n;
        v->strides[i] = stride;
        if (h->dims[i].n > 0) /* header_read proved that the product fits */
            stride *= (int64_t)h->dims[i].n;
    }
    if (h->dtype != SHEAF_DT_CODE)
        return 0;
    v->n_dictionary = h->n_dictionary;
    v->dictionary = point_at_texts(&ds->arena, h->dictionary, h->n_dictionary);
    return v->dictionary == NULL ? SHEAF_ENOMEM : 0;
}

/* Reads the header of ds->file and builds the views. */
static int attach(struct dataset *ds, struct diag *d)
{
    struct header_file f = {ds->file, ds->size, ds->path};
    int err = header_read(&f, &ds->arena, &ds->header, d);

    if (err != 0)
        return err;
    ds->digest = header_digest(&f);
    ds->body_at = ds->size - ds->header.body_bytes;
    ds->arrays = arena_alloc(&ds->arena, ds->header.n_arrays * sizeof *ds->arrays);
    if (ds->arrays == NULL)
        goto no_memory;
    for (uint32_t i = 0; i < ds->header.n_arrays; i++)
        if (build_array(ds, &ds->header.arrays[i], &ds->arrays[i]) != 0)
            goto no_memory;
    if (ds->header.key_dtype != SHEAF_DT_CODE)
        return 0;
    ds->key_texts = point_at_texts(&ds->arena, ds->header.keys, ds->header.n_keys);
    if (ds->key_texts != NULL)
        return 0;
no_memory:
    return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", ds->path);
}

static struct dataset *create(const char *name)
{
    struct dataset *ds = calloc(1, sizeof *ds);

    if (ds == NULL)
        return NULL;
    arena_init(&ds->arena, 0);
    ds->path = strdup(name);
    if (ds->path == NULL) {
        free(ds);
        return NULL;
    }
    return ds;
}

int dataset_open_memory(const void *bytes, uint64_t size, const char *name, struct dataset **out, struct diag *d)
{
    struct dataset *ds = create(name);
    int err;

    if (ds == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", name);
    ds->file = bytes;
    ds->size = size;
    err = attach(ds, d);
    if (err != 0)
        dataset_close(ds);
    else
        *out = ds;
    return err;
}

/* Maps the file behind fd whole. */
static int map_file(struct dataset *ds, int fd, struct diag *d)
{
    struct stat st;
    void *map;

    if (fstat(fd, &st) != 0)
        return diag_fail(d, SHEAF_EIO, "%s: %s", ds->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "%s: not a regular file, so not a dataset", ds->path);
    if (st.st_size == 0)
        return diag_fail(d, SHEAF_ECORRUPT, "%s: not a sheaf dataset: the file is empty", ds->path);
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return diag_fail(d, file_error(errno), "%s: cannot map the file: %s", ds->path, strerror(errno));
    ds->file = map;
    ds->size = (uint64_t)st.st_size;
    ds->mapped = true;
    return 0;
}

int dataset_open(const char *path, struct dataset **out, struct diag *d)
{
    struct dataset *ds = create(path);
    int fd, err;

    if (ds == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block before it is refused */
    if (fd < 0) {
        err = diag_fail(d, file_error(errno), "%s: %s", path, strerror(errno));
        goto failed;
    }
    err = map_file(ds, fd, d);
    close(fd);
    if (err == 0)
        err = attach(ds, d);
    if (err != 0)
        goto failed;
    *out = ds;
    return 0;
failed:
    dataset_close(ds);
    return err;
}

void dataset_close(struct dataset *ds)
{
    if (ds == NULL)
        return;
    if (ds->mapped)
        munmap((void *)(uintptr_t)ds->file, (size_t)ds->size);
    arena_finish(&ds->arena);
    free(ds->path);
    free(ds);
}

const uint8_t *dataset_digest(const struct dataset *ds)
{
    return ds->digest;
}

uint64_t dataset_bytes(const struct dataset *ds)
{
    return ds->size;
}

uint32_t dataset_count(const struct dataset *ds)
{
    return ds->header.n_arrays;
}

const struct dataset_array *dataset_at(const struct dataset *ds, uint32_t i)
{
    SHEAF_ASSERT(i < ds->header.n_arrays);
    return &ds->arrays[i];
}

const struct dataset_array *dataset_find(const struct dataset *ds, const char *name)
{
    uint32_t from = 0, to = ds->header.n_arrays;

    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int order = strcmp(name, ds->arrays[mid].name);
        if (order == 0)
            return &ds->arrays[mid];
        if (order < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return NULL;
}

/* The header's side of an array. */
static const struct header_array *header_of(const struct dataset *ds, const struct dataset_array *a)
{
    return &ds->header.arrays[a - ds->arrays];
}

uint64_t dataset_offset(const struct dataset *ds, const struct dataset_array *a)
{
    return ds->body_at + header_of(ds, a)->offset;
}

uint64_t dataset_keys(const struct dataset *ds)
{
    return ds->header.n_keys;
}

const char *dataset_key_column(const struct dataset *ds)
{
    return ds->header.key_column;
}

const char *dataset_order_column(const struct dataset *ds)
{
    return ds->header.order_column;
}

uint32_t dataset_key_dtype(const struct dataset *ds)
{
    return ds->header.key_dtype;
}

const char *dataset_key_text(const struct dataset *ds, uint64_t key)
{
    SHEAF_ASSERT(key < ds->header.n_keys);
    return ds->key_texts == NULL ? NULL : ds->key_texts[key];
}

int64_t dataset_key_int(const struct dataset *ds, uint64_t key)
{
    SHEAF_ASSERT(key < ds->header.n_keys);
    return ds->key_texts != NULL ? 0 : (int64_t)header_u64(ds->header.keys, key);
}

const char *dataset_key_name(const struct dataset *ds, uint64_t key, char space[24])
{
    const char *text = dataset_key_text(ds, key);

    if (text != NULL)
        return text;
    if (ds->header.key_dtype == SHEAF_DT_DATE)
        field_date_text(dataset_key_int(ds, key), space);
    else
        snprintf(space, 24, "%" PRId64, dataset_key_int(ds, key));
    return space;
}

void dataset_key_rows(const struct dataset *ds, const struct dataset_array *a, uint64_t key, uint64_t *from,
                      uint64_t *to)
{
    SHEAF_ASSERT(a->partitioned && key < ds->header.n_keys);
    const struct header_partition *p = &ds->header.partitions[header_of(ds, a)->partition - 1];
    *from = header_u64(p->starts, key);
    *to = header_u64(p->starts, key + 1);
}

/* The names of the arrays that lie in [from, to) of the body: "a, b and 3 more". */
static void name_arrays(const struct dataset *ds, uint64_t from, uint64_t to, struct diag *names)
{
    uint32_t n = 0;
    size_t len = 0;

    names->text[0] = 0;
    for (uint32_t i = 0; i < ds->header.n_arrays; i++) {
        uint64_t bytes = 0, at = ds->header.arrays[i].offset;
        header_array_bytes(&ds->header.arrays[i], &bytes);
        if (bytes == 0 || at >= to || at + bytes <= from)
            continue;
        if (n++ < 3)
            len += (size_t)snprintf(names->text + len, sizeof names->text - len, "%s%.200s", n == 1 ? "" : ", ",
                                    ds->header.arrays[i].name);
    }
    if (n > 3)
        snprintf(names->text + len, sizeof names->text - len, " and %u more", n - 3);
    if (n == 0)
        snprintf(names->text, sizeof names->text, "padding only");
}

static int verify_chunk(const struct dataset *ds, uint64_t chunk, struct diag *d)
{
    const uint8_t *stored = (const uint8_t *)ds->header.digests.data + chunk * HASH_BYTES;
    uint64_t from = chunk * DATASET_CHUNK, to = from + DATASET_CHUNK;
    uint8_t digest[HASH_BYTES];
    struct diag names;

    if (to > ds->header.body_bytes)
        to = ds->header.body_bytes;
    hash_bytes(ds->file + ds->body_at + from, (size_t)(to - from), digest);
    if (memcmp(digest, stored, HASH_BYTES) == 0)
        return 0;
    name_arrays(ds, from, to, &names);
    return diag_fail(d, SHEAF_ECORRUPT, "%s: chunk %" PRIu64 " is damaged (%s): fetch or pack the file again", ds->path,
                     chunk, names.text);
}

/* The digests prove that the bytes are the packer's; a hostile packer may still point past its dictionary. */
static int verify_codes(const struct dataset *ds, const struct dataset_array *a, struct diag *d)
{
    const int32_t *codes = a->view.data;
    uint64_t n = 1;

    for (uint32_t i = 0; i < a->view.rank; i++)
        n *= a->view.shape[i];
    for (uint64_t i = 0; i < n; i++)
        if (codes[i] < 0 || (uint64_t)codes[i] >= a->view.n_dictionary)
            return diag_fail(d, SHEAF_ECORRUPT, "%s: %s: element %" PRIu64 " is not in the dictionary", ds->path,
                             a->name, i);
    return 0;
}

int dataset_verify(const struct dataset *ds, struct diag *d)
{
    uint64_t chunks = ds->header.digests.len / HASH_BYTES;
    int err = 0;

    for (uint64_t i = 0; err == 0 && i < chunks; i++)
        err = verify_chunk(ds, i, d);
    for (uint32_t i = 0; err == 0 && i < ds->header.n_arrays; i++)
        if (ds->arrays[i].view.dtype == SHEAF_DT_CODE)
            err = verify_codes(ds, &ds->arrays[i], d);
    return err;
}
