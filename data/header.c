/* SPDX-License-Identifier: MIT
 *
 * header: the codec tables of the dataset header, and the checks that make a decoded one safe to use. What comes
 * after header_read may index by anything in the header without looking again.
 */
#include "data/header.h"

#include "common/codec.h"
#include "common/text.h"
#include "data/dataset.h"

#include <inttypes.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are mapped as they lie in the file: little-endian");

static const struct codec_field dim_fields[] = {
    CODEC_F(CODEC_U64, struct header_dim, n, INT64_MAX),
};
static const struct codec dim_codec = CODEC_OF(struct header_dim, dim_fields);

static const struct codec_field array_fields[] = {
    CODEC_F(CODEC_TEXT, struct header_array, name, HEADER_MAX_NAME),
    CODEC_F(CODEC_U32, struct header_array, dtype, 0),
    CODEC_LIST(struct header_array, dims, rank, &dim_codec, SHEAF_MAX_RANK),
    CODEC_F(CODEC_U64, struct header_array, offset, INT64_MAX),
    CODEC_F(CODEC_TEXT, struct header_array, table, HEADER_MAX_NAME),
    CODEC_F(CODEC_U32, struct header_array, partition, 0),
    CODEC_F(CODEC_U64, struct header_array, n_dictionary, INT32_MAX),
    CODEC_F(CODEC_BIN, struct header_array, dictionary, 0),
};
static const struct codec array_codec = CODEC_OF(struct header_array, array_fields);

static const struct codec_field partition_fields[] = {
    CODEC_F(CODEC_TEXT, struct header_partition, table, HEADER_MAX_NAME),
    CODEC_F(CODEC_U64, struct header_partition, rows, INT64_MAX),
    CODEC_F(CODEC_BIN, struct header_partition, starts, 0),
};
static const struct codec partition_codec = CODEC_OF(struct header_partition, partition_fields);

static const struct codec_field header_fields[] = {
    CODEC_F(CODEC_U64, struct header, body_bytes, INT64_MAX),
    CODEC_F(CODEC_U64, struct header, chunk_bytes, INT64_MAX),
    CODEC_LIST(struct header, arrays, n_arrays, &array_codec, HEADER_MAX_ARRAYS),
    CODEC_F(CODEC_TEXT, struct header, key_column, HEADER_MAX_NAME),
    CODEC_F(CODEC_U32, struct header, key_dtype, 0),
    CODEC_F(CODEC_U64, struct header, n_keys, INT64_MAX),
    CODEC_F(CODEC_BIN, struct header, keys, 0),
    CODEC_LIST(struct header, partitions, n_partitions, &partition_codec, HEADER_MAX_ARRAYS),
    CODEC_F(CODEC_BIN, struct header, digests, 0),
    CODEC_F(CODEC_TEXT, struct header, order_column, HEADER_MAX_NAME),
};
static const struct codec header_codec = CODEC_OF(struct header, header_fields);

int header_encode(const struct header *h, struct buf *out, struct diag *d)
{
    int err = codec_encode(&header_codec, h, out);

    if (err == SHEAF_ENOMEM)
        return diag_fail(d, err, "out of memory for the dataset's header");
    if (err != 0)
        return diag_fail(d, err, "the dataset's header is over a limit: at most %u arrays, names of %u bytes",
                         HEADER_MAX_ARRAYS, HEADER_MAX_NAME);
    return 0;
}

uint64_t header_body_at(uint64_t len)
{
    uint64_t end = HEADER_PREFIX + len + HASH_BYTES;
    return (end + HEADER_PAGE - 1) / HEADER_PAGE * HEADER_PAGE;
}

bool header_array_bytes(const struct header_array *a, uint64_t *bytes)
{
    uint64_t n = dtype_size(a->dtype);
    bool empty = false;

    /* A zero hides nothing: the other extents must be possible too, because strides are made of them. */
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->dims[i].n == 0)
            empty = true;
        else if (__builtin_mul_overflow(n, a->dims[i].n, &n) || n > INT64_MAX)
            return false;
    }
    *bytes = empty ? 0 : n;
    return true;
}

int header_lay_out(struct header *h, struct diag *d)
{
    uint64_t at = 0, bytes;

    for (uint32_t i = 0; i < h->n_arrays; i++) {
        struct header_array *a = &h->arrays[i];
        SHEAF_ASSERT(i == 0 || strcmp(h->arrays[i - 1].name, a->name) < 0);
        if (!header_array_bytes(a, &bytes) || bytes > INT64_MAX / 2 - at)
            return diag_fail(d, SHEAF_ELIMIT, "%s: the array is larger than any file can be", a->name);
        a->offset = 0; /* an array without elements lies nowhere, and needs no padding */
        if (bytes == 0)
            continue;
        a->offset = (at + HEADER_PAGE - 1) / HEADER_PAGE * HEADER_PAGE;
        at = a->offset + bytes;
    }
    h->body_bytes = at;
    h->chunk_bytes = DATASET_CHUNK;
    return 0;
}

uint64_t header_chunks(const struct header *h)
{
    return h->body_bytes / DATASET_CHUNK + (h->body_bytes % DATASET_CHUNK != 0);
}

int header_front(const struct header *h, struct buf *out, uint8_t digest[HASH_BYTES], struct diag *d)
{
    size_t at = out->len;
    uint64_t len = 0;
    int err = SHEAF_ENOMEM;

    if (buf_append(out, HEADER_MAGIC, 8) == 0 && buf_append(out, &len, 8) == 0)
        err = header_encode(h, out, d);
    if (err != 0)
        return err == SHEAF_ENOMEM ? diag_fail(d, err, "out of memory for the dataset's header") : err;
    len = out->len - at - HEADER_PREFIX;
    memcpy(out->data + at + 8, &len, 8);
    hash_bytes(out->data + at + HEADER_PREFIX, (size_t)len, digest);
    if (buf_append(out, digest, HASH_BYTES) == 0 &&
        buf_append(out, NULL, (size_t)(header_body_at(len) - (out->len - at))) == 0)
        return 0;
    return diag_fail(d, SHEAF_ENOMEM, "out of memory for the dataset's header");
}

uint64_t header_u64(struct slice s, uint64_t i)
{
    uint64_t v;
    memcpy(&v, (const char *)s.data + i * 8, 8);
    return v;
}

/* n texts, each with its NUL, UTF-8, strictly ascending. */
static bool texts_ok(struct slice s, uint64_t n)
{
    const char *at = s.data, *before = NULL;
    size_t left = s.len;

    for (uint64_t i = 0; i < n; i++) {
        const char *nul = left == 0 ? NULL : memchr(at, 0, left);
        if (nul == NULL || !text_is_utf8(at, (size_t)(nul - at)))
            return false;
        if (before != NULL && strcmp(before, at) >= 0)
            return false;
        before = at;
        left -= (size_t)(nul - at) + 1;
        at = nul + 1;
    }
    return left == 0;
}

static bool ints_ok(struct slice s, uint64_t n)
{
    if (n > s.len / 8 || s.len != n * 8)
        return false;
    for (uint64_t i = 1; i < n; i++)
        if ((int64_t)header_u64(s, i - 1) >= (int64_t)header_u64(s, i))
            return false;
    return true;
}

static const char *check_keys(const struct header *h)
{
    if (h->key_dtype == 0)
        return h->n_keys == 0 && h->keys.len == 0 && h->key_column[0] == 0 && h->order_column[0] == 0 &&
                       h->n_partitions == 0
                   ? NULL
                   : "keys without a type";
    if (h->key_column[0] == 0)
        return "keys without a name";
    if (h->key_dtype == SHEAF_DT_CODE)
        return texts_ok(h->keys, h->n_keys) ? NULL : "keys that are not ascending texts";
    if (h->key_dtype != SHEAF_DT_I64 && h->key_dtype != SHEAF_DT_DATE)
        return "keys of an unknown type";
    return ints_ok(h->keys, h->n_keys) ? NULL : "keys that are not ascending integers";
}

static const char *check_partition(const struct header *h, const struct header_partition *p)
{
    uint64_t before = 0;

    /* n_keys is bounded by the keys' own bytes, so that + 1 cannot overflow. */
    if (p->starts.len / 8 != h->n_keys + 1 || p->starts.len % 8 != 0 || header_u64(p->starts, 0) != 0)
        return "a partition index of the wrong length";
    for (uint64_t i = 1; i <= h->n_keys; i++) {
        uint64_t at = header_u64(p->starts, i);
        if (at < before)
            return "a partition index that descends";
        before = at;
    }
    return before == p->rows ? NULL : "a partition index that does not cover its rows";
}

static const char *check_array(const struct header *h, const struct header_array *a)
{
    uint64_t bytes;

    if (a->name[0] == 0)
        return "an array without a name";
    if (dtype_size(a->dtype) == 0)
        return "an array of an unknown type";
    if (!header_array_bytes(a, &bytes))
        return "an array of an impossible shape";
    if (a->offset % HEADER_PAGE != 0 || a->offset > h->body_bytes || bytes > h->body_bytes - a->offset)
        return "an array outside the file";
    if (a->dtype == SHEAF_DT_CODE ? !texts_ok(a->dictionary, a->n_dictionary)
                                  : a->n_dictionary != 0 || a->dictionary.len != 0)
        return "a dictionary that is not one of ascending texts";
    if (a->partition > h->n_partitions)
        return "an array of an unknown partition";
    if (a->partition > 0 && (a->rank == 0 || a->dims[0].n != h->partitions[a->partition - 1].rows))
        return "an array with other rows than its partition";
    return NULL;
}

/* What is wrong with the header, NULL when nothing is; *name: the array that it concerns, or NULL. */
static const char *check_header(const struct header *h, const char **name)
{
    const char *wrong;
    uint64_t chunks;

    *name = NULL;
    if (h->chunk_bytes != DATASET_CHUNK)
        return "another chunk size";
    chunks = header_chunks(h);
    if (h->digests.len / HASH_BYTES != chunks || h->digests.len % HASH_BYTES != 0)
        return "the wrong number of chunk digests";
    wrong = check_keys(h);
    for (uint32_t i = 0; wrong == NULL && i < h->n_partitions; i++)
        wrong = check_partition(h, &h->partitions[i]);
    for (uint32_t i = 0; wrong == NULL && i < h->n_arrays; i++) {
        *name = h->arrays[i].name;
        wrong = check_array(h, &h->arrays[i]);
        if (wrong == NULL && i > 0 && strcmp(h->arrays[i - 1].name, h->arrays[i].name) >= 0)
            wrong = "array names that are not ascending";
    }
    return wrong;
}

/* The prefix: is it ours, and how long is the header? */
static int read_prefix(const struct header_file *f, uint64_t *len, struct diag *d)
{
    size_t known = strlen(HEADER_MAGIC) - 1;

    if (f->size < known || memcmp(f->bytes, HEADER_MAGIC, known) != 0)
        return diag_fail(d, SHEAF_ECORRUPT, "%s: not a sheaf dataset; make one with `sheaf pack`", f->path);
    if (f->size < HEADER_PREFIX)
        return diag_fail(d, SHEAF_ECORRUPT, "%s: the file is cut off: fetch or pack it again", f->path);
    if (memcmp(&f->bytes[known], &HEADER_MAGIC[known], 1) != 0)
        return diag_fail(d, SHEAF_EVERSION, "%s: dataset format '%c', but this sheaf reads format '%c': pack it again",
                         f->path, f->bytes[known], HEADER_MAGIC[known]);
    memcpy(len, f->bytes + 8, 8);
    if (*len > f->size - HEADER_PREFIX || header_body_at(*len) > f->size)
        return diag_fail(d, SHEAF_ECORRUPT, "%s: the file is cut off: fetch or pack it again", f->path);
    return 0;
}

const uint8_t *header_digest(const struct header_file *f)
{
    uint64_t len;

    memcpy(&len, f->bytes + 8, 8);
    return f->bytes + HEADER_PREFIX + len;
}

/* The header's bytes must hash to the id behind them, and nothing may hide in the padding. */
static int check_bytes(const struct header_file *f, uint64_t len, struct diag *d)
{
    uint8_t digest[HASH_BYTES];
    bool clean = true;

    hash_bytes(f->bytes + HEADER_PREFIX, (size_t)len, digest);
    for (uint64_t i = HEADER_PREFIX + len + HASH_BYTES; i < header_body_at(len); i++)
        clean = clean && f->bytes[i] == 0;
    if (!clean || memcmp(digest, header_digest(f), HASH_BYTES) != 0)
        return diag_fail(d, SHEAF_ECORRUPT, "%s: the header is damaged: fetch or pack the file again", f->path);
    return 0;
}

static int decode(const struct header_file *f, uint64_t len, struct arena *arena, struct header *h, struct diag *d)
{
    struct diag why = {""};
    int err = codec_decode(&header_codec, f->bytes + HEADER_PREFIX, (size_t)len, arena, h, &why);

    if (err == SHEAF_ENOMEM)
        return diag_fail(d, err, "%s: out of memory", f->path);
    return err == 0 ? 0 : diag_fail(d, SHEAF_ECORRUPT, "%s: malformed header: %s", f->path, why.text);
}

int header_read(const struct header_file *f, struct arena *arena, struct header *h, struct diag *d)
{
    const char *wrong, *name;
    uint64_t len = 0, have;
    int err = read_prefix(f, &len, d);

    if (err == 0)
        err = check_bytes(f, len, d);
    if (err == 0)
        err = decode(f, len, arena, h, d);
    if (err != 0)
        return err;
    have = f->size - header_body_at(len);
    if (have != h->body_bytes)
        return diag_fail(d, SHEAF_ECORRUPT,
                         "%s: %" PRIu64 " bytes of arrays where the header tells of %" PRIu64
                         ": fetch or pack it again",
                         f->path, have, h->body_bytes);
    wrong = check_header(h, &name);
    if (wrong != NULL)
        return diag_fail(d, SHEAF_ECORRUPT, "%s: malformed header: %s%s%s", f->path, wrong, name == NULL ? "" : ": ",
                         name == NULL ? "" : name);
    return 0;
}
