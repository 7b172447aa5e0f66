/* SPDX-License-Identifier: MIT
 *
 * fsutil: files and directories over POSIX calls.
 */
#include "common/fsutil.h"

#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP 65536

int file_error(int errnum)
{
    switch (errnum) {
    case 0:
        return 0;
    case ENOENT:
    case ENOTDIR:
        return SHEAF_ENOENT;
    case ENOSPC:
    case EDQUOT:
        return SHEAF_ENOSPC;
    case ENOMEM:
        return SHEAF_ENOMEM;
    case EBUSY:
    case ETXTBSY:
        return SHEAF_EBUSY;
    default:
        return SHEAF_EIO;
    }
}

static int fail(struct diag *d, const char *verb, const char *path, int errnum)
{
    return diag_fail(d, file_error(errnum), "cannot %s %s: %s", verb, path, strerror(errnum));
}

/* 0 or an errno. */
static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A new file with the bytes on the disk; 0 or an errno, and then there is no file. */
static int write_new(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int failed = write_all(fd, data, len);
    if (failed == 0 && fsync(fd) != 0)
        failed = errno;
    if (close(fd) != 0 && failed == 0)
        failed = errno;
    if (failed != 0)
        unlink(path);
    return failed;
}

/* Makes the new name durable. Some file systems cannot sync a directory (EINVAL); then there is nothing to do. */
static int sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return failed;
}

/* Length of "dir/" in front of the last name; 0 when there is none. */
static size_t dir_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

static int replace(const char *path, const char *temp, const char *dir, const void *data, size_t len)
{
    int failed = write_new(temp, data, len);
    if (failed != 0)
        return failed;
    if (rename(temp, path) != 0) {
        failed = errno;
        unlink(temp);
        return failed;
    }
    return sync_directory(dir);
}

int file_write_atomic(const char *path, const void *data, size_t len, struct diag *d)
{
    static atomic_uint serial;
    struct arena names;
    arena_init(&names, 0);
    size_t dir_len = dir_length(path);
    const char *dir = dir_len == 0 ? "." : arena_text(&names, path, dir_len);
    const char *temp = arena_printf(&names, "%.*s.%s.%ld-%u.tmp", (int)dir_len, path, path + dir_len, (long)getpid(),
                                    atomic_fetch_add(&serial, 1));
    int failed = dir == NULL || temp == NULL ? ENOMEM : replace(path, temp, dir, data, len);
    arena_finish(&names);
    return failed == 0 ? 0 : fail(d, "write", path, failed);
}

/* Reads to the end, or until there is one byte more than max. 0 or an errno. */
static int read_to_end(int fd, size_t max, struct buf *out)
{
    size_t before = out->len;
    while (out->len - before <= max) {
        size_t left = max - (out->len - before);
        size_t step = left < READ_STEP ? left + 1 : READ_STEP;
        if (buf_reserve(out, step) != 0)
            return ENOMEM;
        ssize_t n = read(fd, out->data + out->len, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? 0 : errno;
        out->len += (size_t)n;
    }
    return 0;
}

int file_read(const char *path, size_t max, struct buf *out, struct diag *d)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(d, "read", path, errno);
    size_t before = out->len;
    int failed = read_to_end(fd, max, out);
    close(fd);
    int err = failed == 0 ? 0 : fail(d, "read", path, failed);
    if (err == 0 && out->len - before > max)
        err = diag_fail(d, SHEAF_ELIMIT, "cannot read %s: larger than the limit of %zu bytes", path, max);
    if (err != 0)
        out->len = before;
    return err;
}

/* 0 or an errno. EEXIST alone does not say that it is a directory. */
static int make_one(const char *path, mode_t mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return 0;
    int failed = errno;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    return failed;
}

int dir_make(const char *path, mode_t mode, struct diag *d)
{
    size_t len = strlen(path);
    char *copy = mem_realloc(NULL, len + 1);
    if (copy == NULL)
        return fail(d, "make directory", path, ENOMEM);
    memcpy(copy, path, len + 1);
    int failed = 0;
    for (size_t i = 1; i <= len && failed == 0; i++) {
        if ((copy[i] != '/' && copy[i] != '\0') || copy[i - 1] == '/')
            continue;
        copy[i] = '\0';
        failed = make_one(copy, mode);
        copy[i] = path[i];
    }
    free(copy);
    if (len == 0)
        failed = ENOENT;
    return failed == 0 ? 0 : fail(d, "make directory", path, failed);
}

static int remove_at(int parent, const char *name);

/* Everything in a directory; 0 or the first errno. Takes over fd. */
static int remove_inside(int fd)
{
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        int failed = errno;
        close(fd);
        return failed;
    }
    int failed = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int err = remove_at(dirfd(dir), entry->d_name);
        failed = failed == 0 ? err : failed;
    }
    closedir(dir);
    return failed;
}

/* unlink first: it never touches what a link points to, and only a directory makes it fail with EISDIR (Linux) or
 * EPERM (POSIX). Somebody else may be deleting too, so a name that is gone is no error. */
static int remove_at(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return errno;
    int why = errno;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR || errno == ELOOP ? why : errno == ENOENT ? 0 : errno;
    int failed = remove_inside(fd);
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return failed != 0 ? failed : errno;
}

int dir_remove(const char *path)
{
    return file_error(remove_at(AT_FDCWD, path));
}

int dir_clear(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* with a place of its own in the folder */
    return file_error(own < 0 ? errno : remove_inside(own));
}

void descriptors_raise(uint64_t n)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= n)
        return;
    limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int pipe_make(int ends[2], int flags)
{
    int made[2];
    ends[0] = ends[1] = -1;
    if (pipe(made) != 0)
        return SHEAF_EIO;
    for (int i = 0; i < 2; i++)
        if (fcntl(made[i], F_SETFD, FD_CLOEXEC) != 0 || (flags != 0 && fcntl(made[i], F_SETFL, flags) != 0)) {
            int failed = errno;
            close(made[0]);
            close(made[1]);
            errno = failed;
            return SHEAF_EIO;
        }
    ends[0] = made[0];
    ends[1] = made[1];
    return 0;
}

int descriptors_check(unsigned n, struct diag *d)
{
    int fds[DESCRIPTORS_MOST], failed = 0;
    unsigned open_now = 0;
    SHEAF_ASSERT(n > 0 && n <= DESCRIPTORS_MOST);
    while (open_now < n && failed == 0) {
        fds[open_now] = open_now ? fcntl(fds[0], F_DUPFD_CLOEXEC, 0) : open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fds[open_now] < 0)
            failed = errno;
        else
            open_now++;
    }
    for (unsigned i = 0; i < open_now; i++)
        close(fds[i]);
    if (failed == 0)
        return 0;
    return diag_fail(d, SHEAF_EIO,
                     "only %u more files can be opened where %u are needed (%s); raise the limit: ulimit -n", open_now,
                     n, strerror(failed));
}

static char *working_dir(struct arena *a)
{
    char dir[PATH_MAX];
    return getcwd(dir, sizeof(dir)) == NULL ? NULL : arena_text(a, dir, strlen(dir));
}

static char *join(struct arena *a, const char *dir, const char *path)
{
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    if (strcmp(path, ".") == 0)
        path = "";
    size_t len = strlen(dir);
    bool slash = len > 0 && dir[len - 1] == '/';
    return arena_printf(a, "%s%s%s", dir, slash || path[0] == '\0' ? "" : "/", path);
}

char *path_absolute(struct arena *a, const char *base_dir, const char *path)
{
    if (path[0] == '/')
        return arena_text(a, path, strlen(path));
    if (base_dir == NULL || base_dir[0] != '/') {
        const char *here = working_dir(a);
        base_dir = here == NULL ? NULL : join(a, here, base_dir == NULL ? "" : base_dir);
    }
    return base_dir == NULL ? NULL : join(a, base_dir, path);
}

static bool is_one(const char *a, const char *b)
{
    struct stat at, other;
    return stat(a, &at) == 0 && stat(b, &other) == 0 && at.st_dev == other.st_dev && at.st_ino == other.st_ino;
}

/* The last component, and the folder before it in `folder`; false when it has no room. */
static bool split(const char *path, char folder[PATH_MAX], const char **base)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    *base = path + n;
    if (n >= PATH_MAX)
        return false;
    (void)snprintf(folder, PATH_MAX, "%.*s", n == 0 ? 1 : (int)n, n == 0 ? "." : path);
    return true;
}

bool path_same(const char *a, const char *b)
{
    char folder[2][PATH_MAX];
    const char *base[2];
    if (strcmp(a, b) == 0 || is_one(a, b))
        return true;
    return split(a, folder[0], &base[0]) && split(b, folder[1], &base[1]) && strcmp(base[0], base[1]) == 0 &&
           is_one(folder[0], folder[1]);
}
