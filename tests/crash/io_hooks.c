/* SPDX-License-Identifier: MIT
 *
 * io_hooks: definitions that come before the C library's, which they find by dlsym.
 */
#define _GNU_SOURCE
#include "io_hooks.h"

#include "common/err.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FDS 4096

static char root_dir[256];
static const struct io_observer *observer;
static bool paused, ours[MAX_FDS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* The next definition of a function, as a pointer of its type. Not atomic: whoever comes second finds the same. */
#define REAL(name)                                                                                                     \
    static __typeof__(name) *real;                                                                                     \
    if (!real)                                                                                                         \
    *(void **)(&real) = dlsym(RTLD_NEXT, #name)

void io_observe(const char *root, const struct io_observer *o)
{
    SHEAF_ASSERT(!root || strlen(root) < sizeof(root_dir));
    snprintf(root_dir, sizeof(root_dir), "%s", root ? root : "");
    observer = root ? o : NULL;
}

void io_pause(bool pause)
{
    paused = pause;
}

static bool is_shown(const char *path)
{
    size_t n = strlen(root_dir);
    return observer && !paused && strncmp(path, root_dir, n) == 0 && (n == 0 || path[n] == '/' || path[n] == '\0');
}

static bool is_ours(int fd)
{
    return observer && !paused && fd >= 0 && fd < MAX_FDS && ours[fd];
}

/* 0 or IO_SHORT: go on; else errno is set. */
static int gate(enum io_call call)
{
    pthread_mutex_lock(&mutex);
    int answer = observer->before(call);
    pthread_mutex_unlock(&mutex);
    if (answer > 0)
        errno = answer;
    return answer;
}

/* Shows what was done, with errno as it was. */
#define SHOW(call)                                                                                                     \
    do {                                                                                                               \
        int kept = errno;                                                                                              \
        pthread_mutex_lock(&mutex);                                                                                    \
        call;                                                                                                          \
        pthread_mutex_unlock(&mutex);                                                                                  \
        errno = kept;                                                                                                  \
    } while (0)

static void keep_fd(int fd)
{
    SHEAF_ASSERT(fd < MAX_FDS);
    ours[fd] = true;
}

/* ---- opening and closing ---- */

#pragma GCC visibility push(default) /* a shared SQLite must find them */

static bool is_there(const char *path)
{
    REAL(access);
    return real(path, F_OK) == 0;
}

int open(const char *path, int flags, ...)
{
    REAL(open);
    mode_t mode = 0;
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list ap;
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    if (!is_shown(path))
        return real(path, flags, mode);
    bool nameless = (flags & O_TMPFILE) == O_TMPFILE, made = nameless || ((flags & O_CREAT) && !is_there(path));
    if (gate(made ? IO_CREATE : IO_OPEN) > 0)
        return -1;
    int fd = real(path, flags, mode);
    if (fd < 0)
        return fd;
    keep_fd(fd);
    if (observer->opened)
        SHOW(observer->opened(fd, path, made, (flags & O_TRUNC) != 0));
    return fd;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/* Of what is below a descriptor, only ".." is followed. */
int openat(int dir, const char *path, int flags, ...)
{
    REAL(openat);
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    if (!is_ours(dir) || strcmp(path, "..") != 0)
        return real(dir, path, flags, mode);
    if (gate(IO_OPEN) > 0)
        return -1;
    int fd = real(dir, path, flags);
    if (fd < 0)
        return fd;
    keep_fd(fd);
    if (observer->opened_parent)
        SHOW(observer->opened_parent(fd, dir));
    return fd;
}

int close(int fd)
{
    REAL(close);
    if (is_ours(fd)) {
        if (observer->closed)
            SHOW(observer->closed(fd));
        ours[fd] = false;
    }
    return real(fd);
}

/* ---- bytes ---- */

ssize_t read(int fd, void *bytes, size_t n)
{
    REAL(read);
    int answer = is_ours(fd) ? gate(IO_READ) : 0;
    return answer > 0 ? -1 : real(fd, bytes, answer == IO_SHORT && n > 1 ? n / 2 : n);
}

ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
    REAL(pread);
    int answer = is_ours(fd) ? gate(IO_READ) : 0;
    return answer > 0 ? -1 : real(fd, bytes, answer == IO_SHORT && n > 1 ? n / 2 : n, at);
}

ssize_t pread64(int fd, void *bytes, size_t n, off_t at) __attribute__((alias("pread")));

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    REAL(pwrite);
    if (!is_ours(fd))
        return real(fd, bytes, n, at);
    int answer = gate(IO_WRITE);
    if (answer > 0)
        return -1;
    ssize_t done = real(fd, bytes, answer == IO_SHORT && n > 1 ? n / 2 : n, at);
    if (done > 0 && observer->wrote)
        SHOW(observer->wrote(fd, bytes, (size_t)done, at));
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at) __attribute__((alias("pwrite")));

ssize_t write(int fd, const void *bytes, size_t n)
{
    REAL(write);
    if (!is_ours(fd))
        return real(fd, bytes, n);
    int answer = gate(IO_WRITE);
    if (answer > 0)
        return -1;
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t done = real(fd, bytes, answer == IO_SHORT && n > 1 ? n / 2 : n);
    if (done > 0 && observer->wrote)
        SHOW(observer->wrote(fd, bytes, (size_t)done, at));
    return done;
}

int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);
    if (!is_ours(fd))
        return real(fd, size);
    if (gate(IO_SIZE) > 0 || real(fd, size) != 0)
        return -1;
    if (observer->sized)
        SHOW(observer->sized(fd, size));
    return 0;
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

int posix_fallocate(int fd, off_t at, off_t n)
{
    REAL(posix_fallocate);
    struct stat before;
    if (!is_ours(fd))
        return real(fd, at, n);
    if (gate(IO_SIZE) > 0)
        return errno;
    int error = fstat(fd, &before) == 0 ? real(fd, at, n) : errno;
    if (error == 0 && at + n > before.st_size && observer->sized)
        SHOW(observer->sized(fd, at + n));
    return error;
}

int posix_fallocate64(int fd, off_t at, off_t n) __attribute__((alias("posix_fallocate")));

/* Nothing is forced to a device: what would survive a power cut is the observer's to know. */
static int sync_file(int fd, int (*real)(int))
{
    if (!is_ours(fd))
        return real(fd);
    bool ok = gate(IO_SYNC) <= 0;
    if (observer->synced)
        SHOW(observer->synced(fd, ok));
    return ok ? 0 : -1;
}

int fsync(int fd)
{
    REAL(fsync);
    return sync_file(fd, real);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return sync_file(fd, real);
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    REAL(mmap);
    if (is_ours(fd) && gate(IO_MAP) > 0)
        return MAP_FAILED;
    return real(at, n, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t n, int protection, int flags, int fd, off_t offset) __attribute__((alias("mmap")));

/* ---- names ---- */

int unlink(const char *path)
{
    REAL(unlink);
    if (!is_shown(path))
        return real(path);
    if (gate(IO_NAME) > 0 || real(path) != 0)
        return -1;
    if (observer->unlinked)
        SHOW(observer->unlinked(path));
    return 0;
}

int rmdir(const char *path)
{
    REAL(rmdir);
    if (!is_shown(path))
        return real(path);
    if (gate(IO_NAME) > 0 || real(path) != 0)
        return -1;
    if (observer->unlinked)
        SHOW(observer->unlinked(path));
    return 0;
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    if (!is_shown(path))
        return real(path, mode);
    if (gate(IO_NAME) > 0 || real(path, mode) != 0)
        return -1;
    if (observer->made_dir)
        SHOW(observer->made_dir(path));
    return 0;
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    if (!is_shown(to))
        return real(from, to);
    if (gate(IO_NAME) > 0 || real(from, to) != 0)
        return -1;
    if (observer->renamed)
        SHOW(observer->renamed(from, to));
    return 0;
}

int link(const char *from, const char *to)
{
    REAL(link);
    if (!is_shown(to))
        return real(from, to);
    if (gate(IO_NAME) > 0 || real(from, to) != 0)
        return -1;
    if (observer->linked)
        SHOW(observer->linked(from, -1, to));
    return 0;
}

/* The way to name a file that was opened without one. */
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    static const char proc[] = "/proc/self/fd/";
    REAL(linkat);
    if (to_dir != AT_FDCWD || !is_shown(to) || strncmp(from, proc, sizeof(proc) - 1) != 0)
        return real(from_dir, from, to_dir, to, flags);
    if (gate(IO_NAME) > 0 || real(from_dir, from, to_dir, to, flags) != 0)
        return -1;
    if (observer->linked)
        SHOW(observer->linked(NULL, (int)strtol(from + sizeof(proc) - 1, NULL, 10), to));
    return 0;
}

/* ---- looking and locking ---- */

int access(const char *path, int mode)
{
    REAL(access);
    return is_shown(path) && gate(IO_LOOK) > 0 ? -1 : real(path, mode);
}

int stat(const char *path, struct stat *st)
{
    REAL(stat);
    return is_shown(path) && gate(IO_LOOK) > 0 ? -1 : real(path, st);
}

int lstat(const char *path, struct stat *st)
{
    REAL(lstat);
    return is_shown(path) && gate(IO_LOOK) > 0 ? -1 : real(path, st);
}

int fstat(int fd, struct stat *st)
{
    REAL(fstat);
    return is_ours(fd) && gate(IO_LOOK) > 0 ? -1 : real(fd, st);
}

int stat64(const char *path, struct stat64 *st)
{
    REAL(stat64);
    return is_shown(path) && gate(IO_LOOK) > 0 ? -1 : real(path, st);
}

int lstat64(const char *path, struct stat64 *st)
{
    REAL(lstat64);
    return is_shown(path) && gate(IO_LOOK) > 0 ? -1 : real(path, st);
}

int fstat64(int fd, struct stat64 *st)
{
    REAL(fstat64);
    return is_ours(fd) && gate(IO_LOOK) > 0 ? -1 : real(fd, st);
}

int flock(int fd, int operation)
{
    REAL(flock);
    return is_ours(fd) && gate(IO_LOCK) > 0 ? -1 : real(fd, operation);
}

int fcntl(int fd, int command, ...)
{
    REAL(fcntl);
    va_list ap;
    va_start(ap, command);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    return is_ours(fd) && gate(IO_LOCK) > 0 ? -1 : real(fd, command, argument);
}

int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

#pragma GCC visibility pop
