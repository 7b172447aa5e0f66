/* SPDX-License-Identifier: MIT
 *
 * writer: see writer.h. The length of the header does not depend on the digests in it, so that the place of the body is
 * known before the first byte of it.
 */
#include "data/writer.h"

#include "data/dataset.h"
#include "data/scratch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PENDING ((size_t)1 << 20)

struct writer {
    hash_state chunk; /* first member, for it is over-aligned */
    struct scratch file;
    struct header *plan;
    bool replace;
    uint64_t body_at;
    uint8_t *digests; /* the plan's, writable */
    uint64_t done;    /* bytes of the body that are in the file */
    uint32_t array;   /* being written */
    uint64_t left;    /* bytes that it still needs */
    uint8_t *pending; /* small writes are gathered here */
    size_t n_pending;
};

static uint64_t array_bytes(const struct writer *w)
{
    uint64_t bytes = 0;
    header_array_bytes(&w->plan->arrays[w->array], &bytes);
    return bytes;
}

/* Memory for digests and small writes, and the length of the header, by encoding it with empty digests. */
static int prepare(struct writer *w, struct diag *d)
{
    uint64_t chunks = header_chunks(w->plan);
    struct buf trial = {0};
    int err;

    w->pending = malloc(PENDING);
    w->digests = calloc(chunks == 0 ? 1 : (size_t)chunks, HASH_BYTES);
    if (w->pending == NULL || w->digests == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory for the dataset's digests");
    w->plan->digests = (struct slice){chunks == 0 ? NULL : w->digests, (size_t)chunks * HASH_BYTES};
    err = header_encode(w->plan, &trial, d);
    w->body_at = header_body_at(trial.len);
    buf_finish(&trial);
    hash_begin(&w->chunk);
    if (w->plan->n_arrays > 0)
        w->left = array_bytes(w);
    return err;
}

int writer_create(const char *path, struct header *plan, bool replace, struct writer **out, struct diag *d)
{
    struct writer *w;
    int err;

    /* Refused now as well as at the end, so that nobody waits an hour for it. */
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "%s: not a regular file, so it is not replaced; choose another name", path);
    if (!replace && access(path, F_OK) == 0)
        return diag_fail(d, SHEAF_EBUSY, "%s: the file exists; replace it with --force", path);
    w = hash_alloc(sizeof *w);
    if (w == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    w->plan = plan;
    w->replace = replace;
    err = header_lay_out(plan, d);
    if (err == 0)
        err = prepare(w, d);
    if (err == 0)
        err = scratch_open(&w->file, path, 0444, d);
    if (err == 0)
        err = scratch_reserve(&w->file, w->body_at + plan->body_bytes, d);
    if (err != 0)
        writer_destroy(&w);
    else
        *out = w;
    return err;
}

void writer_destroy(struct writer **out)
{
    struct writer *w = *out;

    *out = NULL;
    if (w == NULL)
        return;
    scratch_discard(&w->file);
    w->plan->digests = (struct slice){0}; /* ours, and gone */
    free(w->digests);
    free(w->pending);
    free(w);
}

/* Into the file, and into the digest of the chunks that the bytes lie in. */
static int put(struct writer *w, const uint8_t *data, size_t n, struct diag *d)
{
    int err = scratch_write(&w->file, data, n, w->body_at + w->done, d);

    while (err == 0 && n > 0) {
        uint64_t room = DATASET_CHUNK - w->done % DATASET_CHUNK;
        size_t part = n < room ? n : (size_t)room;
        hash_update(&w->chunk, data, part);
        w->done += part;
        data += part;
        n -= part;
        if (part == room || w->done == w->plan->body_bytes) {
            hash_end(&w->chunk, w->digests + (w->done - 1) / DATASET_CHUNK * HASH_BYTES);
            hash_begin(&w->chunk);
        }
    }
    return err;
}

static int flush(struct writer *w, struct diag *d)
{
    size_t n = w->n_pending;

    w->n_pending = 0;
    return put(w, w->pending, n, d);
}

/* NULL data: zeros. */
static int gather(struct writer *w, const uint8_t *data, size_t n, struct diag *d)
{
    int err = 0;

    if (w->n_pending + n > PENDING)
        err = flush(w, d);
    if (err == 0 && n >= PENDING)
        return put(w, data, n, d);
    if (err == 0 && n > 0) {
        if (data == NULL)
            memset(w->pending + w->n_pending, 0, n);
        else
            memcpy(w->pending + w->n_pending, data, n);
        w->n_pending += n;
    }
    return err;
}

/* Goes to the next array that needs bytes, if there is one, over the padding before it. */
static int next_array(struct writer *w, struct diag *d)
{
    uint64_t at = w->done + w->n_pending;

    while (w->left == 0 && w->array + 1 < w->plan->n_arrays) {
        w->array++;
        w->left = array_bytes(w);
    }
    return w->left == 0 ? 0 : gather(w, NULL, (size_t)(w->plan->arrays[w->array].offset - at), d);
}

int writer_write(struct writer *w, const void *data, size_t n, struct diag *d)
{
    const uint8_t *at = data;
    int err = 0;

    while (err == 0 && n > 0) {
        if (w->left == 0)
            err = next_array(w, d);
        if (err != 0)
            break;
        SHEAF_ASSERT(w->left > 0);
        size_t part = n < w->left ? n : (size_t)w->left;
        err = gather(w, at, part, d);
        w->left -= part;
        at += part;
        n -= part;
    }
    return err;
}

static int put_header(struct writer *w, uint8_t digest[HASH_BYTES], struct diag *d)
{
    struct buf b = {0};
    int err = header_front(w->plan, &b, digest, d);

    SHEAF_ASSERT(err != 0 || b.len == w->body_at);
    if (err == 0)
        err = scratch_write(&w->file, b.data, b.len, 0, d);
    buf_finish(&b);
    return err;
}

/* Are the array in work and all after it complete? */
static bool complete(const struct writer *w)
{
    return w->left == 0 && w->done + w->n_pending == w->plan->body_bytes;
}

int writer_commit(struct writer **out, uint8_t digest[HASH_BYTES], struct diag *d)
{
    struct writer *w = *out;
    uint8_t id[HASH_BYTES];
    int err = next_array(w, d);

    SHEAF_ASSERT(err != 0 || complete(w));
    if (err == 0)
        err = flush(w, d);
    if (err == 0)
        err = put_header(w, id, d);
    if (err == 0)
        err = scratch_publish(&w->file, w->replace, d);
    if (err == 0)
        memcpy(digest, id, HASH_BYTES);
    writer_destroy(out);
    return err;
}
