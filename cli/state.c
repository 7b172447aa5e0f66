/* SPDX-License-Identifier: MIT
 *
 * state: small files in folders. Locks are fcntl's: the kernel drops them with their process, however that ends, and a child
 * that we start does not inherit them.
 */
#define _GNU_SOURCE /* flock, as the journal locks */
#include "cli/state.h"
#include "common/clock.h"
#include "common/fsutil.h"
#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ID_DIGITS 16u
#define MAX_SMALL_FILE 8192u

const char *state_root(const char *flag, struct arena *a, struct diag *d)
{
    const char *own = getenv("SHEAF_STATE"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const char *root = NULL;
    if (flag != NULL && flag[0] != '\0')
        root = path_absolute(a, NULL, flag);
    else if (own != NULL && own[0] != '\0')
        root = path_absolute(a, NULL, own);
    else if (xdg != NULL && xdg[0] == '/')
        root = arena_printf(a, "%s/sheaf", xdg);
    else if (home != NULL && home[0] == '/')
        root = arena_printf(a, "%s/.local/state/sheaf", home);
    else
        (void)diag_fail(d, SHEAF_EINVAL, "there is no home for the state directory; give --state DIR or $SHEAF_STATE");
    if (root == NULL && (d == NULL || d->text[0] == '\0'))
        (void)diag_fail(d, SHEAF_ENOMEM, "out of memory");
    struct stat st;
    errno = 0;
    if (root != NULL && ((stat(root, &st) == 0 && !S_ISDIR(st.st_mode)) || errno == ENOTDIR)) {
        (void)diag_fail(d, SHEAF_EINVAL, "the state directory %s is no directory; choose another with --state", root);
        return NULL;
    }
    return root;
}

/* The first line of a small file; NULL when it is not there. */
static const char *read_line(const char *dir, const char *file, struct arena *a)
{
    const char *path = arena_printf(a, "%s/%s", dir, file);
    struct buf bytes = {0};
    const char *line = NULL;
    if (path != NULL && file_read(path, MAX_SMALL_FILE, &bytes, NULL) == SHEAF_OK && bytes.len > 0) {
        const uint8_t *nl = memchr(bytes.data, '\n', bytes.len);
        line = arena_text(a, (const char *)bytes.data, nl != NULL ? (size_t)(nl - bytes.data) : bytes.len);
    }
    buf_finish(&bytes);
    return line;
}

static bool is_sweep_folder(const char *name)
{
    return strlen(name) == ID_DIGITS && strspn(name, "0123456789abcdef") == ID_DIGITS;
}

/* Reads what a folder says of itself; false when it has no number (yet). */
static bool read_folder(const char *dir, struct arena *a, struct state_sweep *out)
{
    const char *number = read_line(dir, "number", a);
    const char *path = arena_printf(a, "%s/number", dir);
    struct stat st;
    if (number == NULL || path == NULL || stat(path, &st) != 0)
        return false;
    const char *name = read_line(dir, "name", a), *source = read_line(dir, "source", a);
    out->number = strtoull(number, NULL, 10);
    out->dir = dir;
    out->name = name != NULL ? name : "";
    out->source = source != NULL ? source : "";
    out->used_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return out->number > 0;
}

static int by_number(const void *a, const void *b)
{
    const struct state_sweep *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int scan_into(DIR *folder, const char *root, struct arena *a, struct buf *found)
{
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (!is_sweep_folder(entry->d_name))
            continue;
        const char *dir = arena_printf(a, "%s/%s", root, entry->d_name);
        struct state_sweep s;
        if (dir == NULL)
            return SHEAF_ENOMEM;
        if (read_folder(dir, a, &s) && buf_append(found, &s, sizeof s) != SHEAF_OK)
            return SHEAF_ENOMEM;
    }
    return SHEAF_OK;
}

int state_scan(const char *root, struct arena *a, struct state_sweep **at, uint32_t *n, struct diag *d)
{
    DIR *folder = opendir(root);
    if (folder == NULL && errno != ENOENT)
        return diag_fail(d, file_error(errno), "%s: %s", root, strerror(errno));
    struct buf found = {0};
    int err = folder != NULL ? scan_into(folder, root, a, &found) : SHEAF_OK;
    if (folder != NULL)
        (void)closedir(folder);
    struct state_sweep *copy = err == SHEAF_OK ? arena_alloc(a, found.len) : NULL;
    if (copy == NULL) {
        buf_finish(&found);
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    }
    uint32_t count = (uint32_t)(found.len / sizeof *copy);
    if (count > 0) {
        memcpy(copy, found.data, found.len);
        qsort(copy, count, sizeof *copy, by_number);
    }
    buf_finish(&found);
    *at = copy;
    *n = count;
    return SHEAF_OK;
}

static bool means(const struct state_sweep *s, const char *which, uint64_t number)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the analyser holds an element's address for NULL */
    return strcmp(which, "last") == 0 || (number > 0 ? s->number == number : strcmp(s->name, which) == 0);
}

int state_find(const char *root, const char *which, struct arena *a, struct state_sweep *out, struct diag *d)
{
    struct state_sweep *all = NULL;
    uint32_t n = 0;
    int err = state_scan(root, a, &all, &n, d);
    if (err != SHEAF_OK)
        return err;
    bool digits = which[0] != '\0' && strlen(which) < 20 && strspn(which, "0123456789") == strlen(which);
    uint64_t number = digits ? strtoull(which, NULL, 10) : 0;
    const struct state_sweep *hit = NULL;
    for (uint32_t i = 0; i < n; i++)
        if (means(&all[i], which, number) && (hit == NULL || all[i].used_ns >= hit->used_ns))
            hit = &all[i];
    if (hit == NULL && n == 0)
        return diag_fail(d, SHEAF_ENOENT, "there is no sweep in %s yet; `sheaf run SWEEP.yaml` makes one", root);
    if (hit == NULL)
        return diag_fail(d, SHEAF_ENOENT, "no sweep '%s' in %s; `sheaf list` shows which there are", which, root);
    *out = *hit;
    return SHEAF_OK;
}

/* Is the open file still the one that the path names? It is not when somebody removed the folder meanwhile. */
static bool still_named(int fd, const char *path)
{
    struct stat by_fd, by_path;
    return fstat(fd, &by_fd) == 0 && stat(path, &by_path) == 0 && by_fd.st_ino == by_path.st_ino &&
           by_fd.st_dev == by_path.st_dev;
}

/* Opens and locks a file. *fd, or SHEAF_EBUSY (not waited for), SHEAF_EIO. */
static int lock_file(const char *path, bool wait, int *fd, struct diag *d)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return diag_fail(d, file_error(errno), "%s: %s", path, strerror(errno));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int r;
    do
        r = fcntl(file, wait ? F_SETLKW : F_SETLK, &lock);
    while (r != 0 && errno == EINTR);
    if (r != 0) {
        int err = errno == EACCES || errno == EAGAIN ? SHEAF_EBUSY : SHEAF_EIO;
        (void)diag_fail(d, err, "%s cannot be locked: %s", path, strerror(errno));
        (void)close(file);
        return err;
    }
    if (!still_named(file, path)) {
        (void)close(file);
        return diag_fail(d, SHEAF_EBUSY, "%s was removed just now; try again", path);
    }
    *fd = file;
    return SHEAF_OK;
}

int state_lock(const struct state_sweep *s, int *lock_fd, struct diag *d)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/client", s->dir);
    int err = lock_file(path, false, lock_fd, d);
    if (err == SHEAF_EBUSY && s->number > 0)
        return diag_fail(d, err, "sweep %" PRIu64 " is running already; `sheaf wait %" PRIu64 "` shows how it goes",
                         s->number, s->number);
    if (err == SHEAF_EBUSY)
        return diag_fail(d, err, "this sweep is being started by another process; `sheaf wait last` shows how it goes");
    return err;
}

static bool write_line(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return false;
    bool ok = fprintf(f, "%s\n", text) >= 0;
    return fclose(f) == 0 && ok;
}

/* Writes a one-line file unless it says that already. Whole or not at all, but without waiting for the disk: nothing is lost that
 * the next run would not write again. */
static int note(const char *dir, const char *file, const char *text, struct arena *a, struct diag *d)
{
    const char *old = read_line(dir, file, a);
    if (strcmp(old != NULL ? old : "", text) == 0)
        return SHEAF_OK;
    const char *path = arena_printf(a, "%s/%s", dir, file), *new_path = arena_printf(a, "%s/%s.new", dir, file);
    if (path == NULL || new_path == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    if (!write_line(new_path, text) || rename(new_path, path) != 0)
        return diag_fail(d, file_error(errno), "%s cannot be written: %s", path, strerror(errno));
    return SHEAF_OK;
}

bool state_noted(const char *root, const char *file, const char *text, struct arena *a)
{
    const char *line = read_line(root, file, a);
    return line != NULL && strcmp(line, text) == 0;
}

void state_note(const char *root, const char *file, const char *text, struct arena *a)
{
    struct stat st;
    if (stat(root, &st) == 0)
        (void)note(root, file, text, a, NULL);
}

/* The next number: one more than the largest ever given, which `numbers` in the root remembers. The root's lock is held. */
static int give_number(const char *root, const char *dir, struct arena *a, uint64_t *number, struct diag *d)
{
    const char *last = read_line(root, "numbers", a);
    uint64_t largest = last != NULL ? strtoull(last, NULL, 10) : 0;
    struct state_sweep *all = NULL;
    uint32_t n = 0;
    int err = state_scan(root, a, &all, &n, d);
    if (err != SHEAF_OK)
        return err;
    if (n > 0 && all[n - 1].number > largest)
        largest = all[n - 1].number;
    const char *text = arena_printf(a, "%" PRIu64, largest + 1);
    if (text == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    err = note(root, "numbers", text, a, d);
    if (err == SHEAF_OK)
        err = note(dir, "number", text, a, d);
    if (err == SHEAF_OK)
        *number = largest + 1;
    return err;
}

static int number_new_folder(const char *root, struct arena *a, struct state_sweep *s, struct diag *d)
{
    const char *path = arena_printf(a, "%s/lock", root);
    if (path == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    int fd = -1, err = lock_file(path, true, &fd, d);
    if (err != SHEAF_OK)
        return err;
    err = give_number(root, s->dir, a, &s->number, d);
    (void)close(fd);
    return err;
}

/* It is the last one now. With the clock's own resolution: the system would write the time of its last tick. */
static void touch(const char *dir)
{
    char path[4096];
    struct timespec times[2];
    (void)snprintf(path, sizeof path, "%s/number", dir);
    if (clock_gettime(CLOCK_REALTIME, &times[0]) == 0) {
        times[1] = times[0];
        (void)utimensat(AT_FDCWD, path, times, 0);
    }
}

const char *state_folder(const char *root, const uint8_t identity[HASH_BYTES], struct arena *a)
{
    char text[HASH_TEXT];
    hash_text(identity, text);
    return arena_printf(a, "%s/%.*s", root, (int)ID_DIGITS, text + 3);
}

int state_enter(const char *root, const uint8_t identity[HASH_BYTES], const char *name, const char *source,
                struct arena *a, struct state_sweep *out, int *lock_fd, struct diag *d)
{
    const char *dir = state_folder(root, identity, a);
    if (dir == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    struct state_sweep s = {.dir = dir, .name = name, .source = source};
    int fd = -1, err = dir_make(dir, 0700, d);
    if (err != SHEAF_OK)
        return err;
    bool known = read_folder(dir, a, &s);
    err = state_lock(&s, &fd, d);
    if (err != SHEAF_OK)
        return err;
    s.name = name;
    s.source = source;
    if (!known)
        err = number_new_folder(root, a, &s, d);
    if (err == SHEAF_OK)
        touch(dir);
    if (err == SHEAF_OK)
        err = note(dir, "name", name, a, d);
    if (err == SHEAF_OK)
        err = note(dir, "source", source, a, d);
    if (err != SHEAF_OK) {
        (void)close(fd);
        return err;
    }
    *out = s;
    *lock_fd = fd;
    return SHEAF_OK;
}

/* Is the journal's lock (broker/journal.c) free? */
static bool journal_free(const char *dir)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool is_free = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is_free;
}

int state_wait_idle(const struct state_sweep *s, int wait_ms, struct diag *d)
{
    int64_t until = clock_mono_ns() + wait_ms * NS_PER_MS;
    while (!journal_free(s->dir)) {
        if (clock_mono_ns() >= until)
            return diag_fail(d, SHEAF_EBUSY, "%s is in use by another process; wait for it or end it", s->dir);
        struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
        (void)nanosleep(&pause, NULL);
    }
    return SHEAF_OK;
}

/* Files of this module, not of the broker. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"number", "client", "name", "source"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return false;
}

int state_clear(const struct state_sweep *s, struct diag *d)
{
    DIR *folder = opendir(s->dir);
    if (folder == NULL)
        return diag_fail(d, file_error(errno), "%s: %s", s->dir, strerror(errno));
    struct dirent *entry;
    int err = SHEAF_OK;
    while ((entry = readdir(folder)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_ours(name))
            continue;
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", s->dir, name);
        int one = dir_remove(path);
        if (one != SHEAF_OK)
            err = diag_fail(d, one, "%s cannot be removed: %s", path, sheaf_strerror(one));
    }
    (void)closedir(folder);
    return err;
}

int state_remove(const struct state_sweep *s, struct diag *d)
{
    int err = dir_remove(s->dir);
    return err == SHEAF_OK ? err : diag_fail(d, err, "%s cannot be removed: %s", s->dir, sheaf_strerror(err));
}

const char *state_endpoint(const struct state_sweep *s, struct arena *a)
{
    return read_line(s->dir, "endpoint", a);
}
