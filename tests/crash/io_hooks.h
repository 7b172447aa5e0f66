/* SPDX-License-Identifier: MIT
 *
 * io_hooks: the C library's calls on files, taken over by the program (or the preloaded library) that this is linked into, also
 * those that SQLite makes. What concerns files below one folder is shown to an observer, who may make it fail; everything else goes
 * through untouched.
 */
#ifndef SHEAF_TESTS_CRASH_IO_HOOKS_H
#define SHEAF_TESTS_CRASH_IO_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum io_call {
    IO_OPEN,
    IO_CREATE, /* an open that makes a file */
    IO_READ,
    IO_WRITE,
    IO_SIZE, /* ftruncate, posix_fallocate */
    IO_SYNC,
    IO_NAME, /* unlink, rename, link, mkdir, rmdir */
    IO_LOOK, /* stat, lstat, fstat, access */
    IO_LOCK, /* flock, fcntl */
    IO_MAP,
    IO_CALLS
};

/* What before() answers instead of an errno to have half of a write or read done. */
#define IO_SHORT (-1)

/* Any of these may be NULL but `before`. Called one at a time. A call that is shown afterwards has succeeded. */
struct io_observer {
    int (*before)(enum io_call call);                                    /* 0, an errno to fail with, or IO_SHORT */
    void (*opened)(int fd, const char *path, bool made, bool truncated); /* path of the folder for a nameless file */
    void (*opened_parent)(int fd, int of);                               /* openat(of, "..") */
    void (*closed)(int fd);
    void (*wrote)(int fd, const void *bytes, size_t n, off_t at);
    void (*sized)(int fd, off_t size);
    void (*synced)(int fd, bool ok);
    void (*made_dir)(const char *path);
    void (*unlinked)(const char *path);
    void (*renamed)(const char *from, const char *to);
    void (*linked)(const char *from, int from_fd, const char *to); /* from NULL: the nameless file from_fd */
};

/* From now on: files below `root` (absolute, without links; "" = all). NULL: nothing more. */
void io_observe(const char *root, const struct io_observer *o);

/* Until this is called with false again, nothing is shown: for the observer's own work. */
void io_pause(bool pause);

#endif
