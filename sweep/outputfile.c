/* SPDX-License-Identifier: MIT
 *
 * outputfile: what is done to an output file from its first byte to its final name, see output.h. The lock is flock's: it ends with
 * the process that holds it.
 */
#define _GNU_SOURCE /* flock */
#include "sweep/output.h"

#include "common/fsutil.h"
#include "data/dataset.h"
#include "sweep/keynames.h"
#include "sweep/output_impl.h"
#include "sweep/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 20) /* cleared or written at once */

static int fail(struct diag *d, const char *path, const char *what)
{
    int err = errno;
    return diag_fail(d, output_error(err), "output %s: %s: %s", path, what, strerror(err));
}

int output_error(int errnum)
{
    return errnum == EACCES || errnum == EPERM || errnum == EROFS ? SHEAF_EINVAL : file_error(errnum);
}

static int write_at(int fd, const void *data, uint64_t n, uint64_t offset)
{
    const char *at = data;
    while (n > 0) {
        ssize_t done = pwrite(fd, at, (size_t)n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        at += done;
        offset += (uint64_t)done;
        n -= (uint64_t)done;
    }
    return 0;
}

/* ---- begin ---- */

/* The folder of the final name. */
static int folder_path(const struct plan *p, char out[OUTPUT_PATH])
{
    const char *slash = strrchr(p->output_path, '/');
    size_t n = slash == NULL || slash == p->output_path ? 1 : (size_t)(slash - p->output_path);
    if (n >= OUTPUT_PATH)
        return SHEAF_ELIMIT;
    memcpy(out, slash == NULL ? "." : p->output_path, n);
    out[n] = '\0';
    return 0;
}

int output_check(const struct plan *p, struct diag *d)
{
    char folder[OUTPUT_PATH];
    struct stat st;
    if (folder_path(p, folder) != 0)
        return diag_fail(d, SHEAF_ELIMIT, "output %s: the path is too long", p->output_path);
    if (stat(folder, &st) != 0)
        return diag_fail(d, file_error(errno), "output %s: the folder %s: %s", p->output_path, folder, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "output %s: %s is not a folder", p->output_path, folder);
    if (access(folder, W_OK | X_OK) != 0)
        return fail(d, p->output_path, "its folder cannot be written");
    if (lstat(p->output_path, &st) != 0)
        return errno == ENOENT ? 0 : fail(d, p->output_path, "cannot look at it");
    if (!S_ISREG(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "output %s: there is something that is no file; choose another name",
                         p->output_path);
    if (p->output_replace)
        return 0;
    return diag_fail(d, SHEAF_EBUSY, "output %s: the file exists; replace it with --overwrite, or choose another name",
                     p->output_path);
}

/* Opens and locks the part. */
static int open_part(const struct plan *p, int flags, char path[OUTPUT_PATH], int *fd, struct diag *d)
{
    int err = output_part_path(p, path, d);
    if (err != 0)
        return err;
    *fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0644);
    if (*fd < 0)
        return fail(d, p->output_path, "cannot open the file that it is made in");
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    err = errno == EWOULDBLOCK ? diag_fail(d, SHEAF_EBUSY, "output %s: another sweep is making it", p->output_path)
                               : fail(d, p->output_path, "cannot lock the file that it is made in");
    close(*fd);
    return err;
}

static int reserve(int fd, uint64_t bytes)
{
    int err;
    if (ftruncate(fd, 0) != 0)
        return errno;
    do
        err = posix_fallocate(fd, 0, (off_t)bytes);
    while (err == EINTR);
    /* some file systems cannot reserve; then running out of room shows up at a task */
    if ((err == EOPNOTSUPP || err == EINVAL) && ftruncate(fd, (off_t)bytes) == 0)
        return 0;
    return err;
}

/* The run is where the header will be. A complete file has that, and nothing of a run in it. */
static bool is_of_run(int fd, int64_t run)
{
    char there[sizeof run];
    return pread(fd, there, sizeof there, 0) == (ssize_t)sizeof there &&
           (memcmp(there, &run, sizeof run) == 0 || memcmp(there, HEADER_MAGIC, sizeof there) == 0);
}

int output_begin(const struct plan *p, int64_t run, int *fd, struct diag *d)
{
    char path[OUTPUT_PATH];
    int err = open_part(p, O_CREAT, path, fd, d);
    if (err != 0)
        return err;
    int why = reserve(*fd, p->output_bytes);
    if (why == 0 && write_at(*fd, &run, sizeof run, 0) != 0)
        why = errno;
    if (why == 0)
        return 0;
    err = diag_fail(d, file_error(why), "output %s: cannot reserve %llu bytes: %s", p->output_path,
                    (unsigned long long)p->output_bytes, strerror(why));
    unlink(path);
    close(*fd);
    return err;
}

static int gone(const struct plan *p, struct diag *d)
{
    return diag_fail(d, SHEAF_ENOENT,
                     "output %s: the file that it is made in is gone or damaged: start over with --fresh",
                     p->output_path);
}

int output_resume(const struct plan *p, int64_t run, int *fd, struct diag *d)
{
    char path[OUTPUT_PATH];
    struct stat st;
    struct diag why = {{0}};
    int err = open_part(p, 0, path, fd, &why);
    if (err == SHEAF_ENOENT)
        return gone(p, d);
    if (err != 0)
        return diag_fail(d, err, "%s", why.text);
    if (fstat(*fd, &st) != 0 || (uint64_t)st.st_size != p->output_bytes)
        err = gone(p, d);
    else if (!is_of_run(*fd, run))
        err =
            diag_fail(d, SHEAF_ENOENT,
                      "output %s: the same sweep in another state directory has begun it anew: start over with --fresh",
                      p->output_path);
    if (err != 0)
        close(*fd);
    return err;
}

/* ---- finish ---- */

struct finishing {
    const struct plan *plan;
    const struct output_file *file;
    const atomic_bool *stop;
    int fd;
    uint8_t *block; /* DATASET_CHUNK bytes */
    struct space *space;
    struct keynames names;
    struct diag *d;
};

static bool stopped(const struct finishing *f)
{
    return atomic_load(f->stop);
}

static int clear_range(const struct finishing *f, const struct plan_output *o, struct interval range)
{
    uint64_t at = o->offset + range.from * o->row_bytes, left = (range.to - range.from) * o->row_bytes;
    output_clear(f->block, o->dtype, BLOCK / dtype_size(o->dtype));
    while (left > 0 && !stopped(f)) {
        uint64_t n = left < BLOCK ? left : BLOCK;
        if (write_at(f->fd, f->block, n, at) != 0)
            return fail(f->d, f->plan->output_path, "cannot write");
        at += n;
        left -= n;
    }
    return 0;
}

static int clear_rows(const struct finishing *f, const struct intervals *empty)
{
    struct interval range;
    uint64_t tasks = plan_tasks(f->plan);
    for (uint32_t i = 0; i < f->plan->plugin.n_outputs; i++)
        for (uint64_t from = 0; intervals_next_in(empty, from, tasks, &range); from = range.to) {
            int err = clear_range(f, &f->plan->plugin.outputs[i], range);
            if (err != 0)
                return err;
        }
    return 0;
}

static void put_text(const struct output_array *a, const char *text, uint8_t *out)
{
    const char *const *found =
        bsearch(&text, a->texts, (size_t)a->header.n_dictionary, sizeof *a->texts, output_by_text);
    int32_t code = found == NULL ? 0 : (int32_t)(found - (const char *const *)a->texts); /* all texts are there */
    memcpy(out, &code, sizeof code);
}

static void put_value(const struct output_array *a, const struct sheaf_value *v, uint8_t *out)
{
    uint8_t flag = v->i != 0;
    if (a->header.dtype == SHEAF_DT_I64)
        memcpy(out, &v->i, sizeof v->i);
    else if (a->header.dtype == SHEAF_DT_F64)
        memcpy(out, &v->f, sizeof v->f);
    else if (a->header.dtype == SHEAF_DT_BOOL)
        memcpy(out, &flag, 1);
    else
        put_text(a, v->text == NULL ? "" : v->text, out);
}

/* Element i of an array that tells what a trial or a key is. */
static void put_element(const struct finishing *f, const struct output_array *a, uint64_t i, uint8_t *out)
{
    const struct sheaf_value *values;
    char number[KEYNAMES_NUMBER];
    if (a->run) {
        out[0] = space_trial(f->space, i, &values);
    } else if (a->axis != NULL) {
        (void)space_trial(f->space, i, &values); /* those that `where` excludes have values, too */
        put_value(a, &values[a->axis->param], out);
    } else if (a->header.dtype == SHEAF_DT_I64) {
        int64_t key = (int64_t)((uint64_t)f->plan->key_axis.from + i);
        memcpy(out, &key, sizeof key);
    } else {
        put_text(a, keynames_text(&f->names, i, number), out);
    }
}

static int put_array(const struct finishing *f, const struct output_array *a, uint64_t offset)
{
    uint32_t size = dtype_size(a->header.dtype);
    uint64_t all = a->header.dims[0].n, room = BLOCK / size;
    for (uint64_t first = 0; first < all && !stopped(f); first += room) {
        uint64_t n = all - first < room ? all - first : room;
        for (uint64_t i = 0; i < n; i++)
            put_element(f, a, first + i, f->block + i * size);
        if (write_at(f->fd, f->block, n * size, offset + first * size) != 0)
            return fail(f->d, f->plan->output_path, "cannot write");
    }
    return 0;
}

static int put_axes(struct finishing *f)
{
    if (keynames_init(&f->names, f->plan) != 0)
        return diag_fail(f->d, SHEAF_ENOMEM, "output %s: out of memory", f->plan->output_path);
    f->space = space_create(f->plan, f->d);
    int err = f->space == NULL ? SHEAF_EINVAL : 0;
    for (uint32_t i = 0; err == 0 && i < f->file->n_arrays; i++)
        if (f->file->arrays[i].output == NULL)
            err = put_array(f, &f->file->arrays[i], f->file->body_at + f->file->header.arrays[i].offset);
    space_destroy(f->space);
    keynames_finish(&f->names);
    return err;
}

static int read_chunk(const struct finishing *f, uint64_t at, uint64_t n)
{
    for (uint64_t have = 0; have < n;) {
        ssize_t got = pread(f->fd, f->block + have, (size_t)(n - have), (off_t)(at + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(f->d, f->plan->output_path, "cannot read it back");
        if (got == 0)
            return gone(f->plan, f->d);
        have += (uint64_t)got;
    }
    return 0;
}

static int digest_chunks(const struct finishing *f)
{
    uint64_t bytes = f->file->header.body_bytes;
    for (uint64_t at = 0; at < bytes && !stopped(f); at += DATASET_CHUNK) {
        uint64_t n = bytes - at < DATASET_CHUNK ? bytes - at : DATASET_CHUNK;
        int err = read_chunk(f, f->file->body_at + at, n);
        if (err != 0)
            return err;
        hash_bytes(f->block, (size_t)n, f->file->digests + at / DATASET_CHUNK * HASH_BYTES);
    }
    return 0;
}

static int put_front(const struct finishing *f, uint8_t digest[HASH_BYTES])
{
    struct buf front = {0};
    int err = header_front(&f->file->header, &front, digest, f->d);
    SHEAF_ASSERT(err != 0 || front.len == f->file->body_at);
    if (err == 0 && (write_at(f->fd, front.data, front.len, 0) != 0 || fsync(f->fd) != 0))
        err = fail(f->d, f->plan->output_path, "cannot write");
    buf_finish(&front);
    return err;
}

static int finish(struct finishing *f, const struct intervals *empty, uint8_t digest[HASH_BYTES])
{
    if (!output_fits(f->plan, f->file))
        return diag_fail(f->d, SHEAF_ECORRUPT, "output %s: the plan tells of another layout", f->plan->output_path);
    int err = clear_rows(f, empty);
    err = err != 0 ? err : put_axes(f);
    err = err != 0 ? err : digest_chunks(f);
    if (err == 0 && stopped(f))
        return diag_fail(f->d, SHEAF_EGONE, "output %s: broken off", f->plan->output_path);
    return err != 0 ? err : put_front(f, digest);
}

int output_finish(const struct plan *p, const struct intervals *empty, const atomic_bool *stop,
                  uint8_t digest[HASH_BYTES], struct diag *d)
{
    char path[OUTPUT_PATH];
    struct arena arena;
    struct output_file file;
    arena_init(&arena, 0);
    struct finishing f = {.plan = p, .file = &file, .stop = stop, .fd = -1, .d = d};
    int err = output_part_path(p, path, d);
    err = err != 0 ? err : output_header(p, &arena, &file, d);
    f.block = err == 0 ? malloc(DATASET_CHUNK) : NULL;
    if (err == 0 && f.block == NULL)
        err = diag_fail(d, SHEAF_ENOMEM, "output %s: out of memory", p->output_path);
    if (err == 0) {
        f.fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        err = f.fd < 0 ? gone(p, d) : finish(&f, empty, digest);
    }
    if (f.fd >= 0)
        close(f.fd);
    free(f.block);
    arena_finish(&arena);
    return err;
}

/* ---- publish ---- */

static int sync_folder(const struct plan *p)
{
    char folder[OUTPUT_PATH];
    int fd = folder_path(p, folder) == 0 ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    int rc = fsync(fd) == 0 || errno == EINVAL ? 0 : -1; /* EINVAL: a file system that has nothing to sync */
    close(fd);
    return rc;
}

/* link, unlike rename, refuses a name that somebody else took in the meantime. A broker may have been killed behind its link. */
static int link_final(const struct plan *p, const char *path)
{
    struct stat part, final;
    if (link(path, p->output_path) != 0) {
        bool ours = errno == EEXIST && stat(path, &part) == 0 && stat(p->output_path, &final) == 0 &&
                    part.st_dev == final.st_dev && part.st_ino == final.st_ino;
        if (!ours)
            return -1;
    }
    return unlink(path);
}

int output_publish(const struct plan *p, struct diag *d)
{
    char path[OUTPUT_PATH];
    struct stat st;
    int err = output_part_path(p, path, d);
    if (err != 0)
        return err;
    if (lstat(path, &st) != 0)
        return access(p->output_path, F_OK) == 0
                   ? 0
                   : diag_fail(d, SHEAF_ENOENT, "output %s: the file is gone: make it again with --fresh",
                               p->output_path);
    (void)chmod(path, st.st_mode & 0444); /* a file system without modes does without */
    if (p->output_replace ? rename(path, p->output_path) != 0 : link_final(p, path) != 0)
        return errno == EEXIST ? output_check(p, d) : fail(d, p->output_path, "cannot give the file its name");
    return sync_folder(p) == 0 ? 0 : fail(d, p->output_path, "cannot sync its folder");
}

int output_present(const struct plan *p, const uint8_t digest[HASH_BYTES], struct diag *d)
{
    char path[OUTPUT_PATH];
    struct stat st;
    struct dataset *ds = NULL;
    int err = output_part_path(p, path, d);
    if (err != 0 || lstat(path, &st) == 0)
        return err;
    if (stat(p->output_path, &st) != 0 && errno == ENOENT)
        return diag_fail(d, SHEAF_ENOENT, "output %s: the file is gone: make it again with --fresh", p->output_path);
    bool same = dataset_open(p->output_path, &ds, NULL) == 0 && memcmp(dataset_digest(ds), digest, HASH_BYTES) == 0;
    dataset_close(ds);
    return same ? 0
                : diag_fail(d, SHEAF_EBUSY, "output %s is another file now; make it again with --fresh --overwrite",
                            p->output_path);
}

void output_discard(const struct plan *p, int64_t run)
{
    char path[OUTPUT_PATH];
    int fd;
    if (open_part(p, 0, path, &fd, NULL) != 0)
        return;
    if (is_of_run(fd, run))
        unlink(path);
    close(fd);
}
