/* SPDX-License-Identifier: MIT
 *
 * scratch: a file under work that nobody sees. Either it is published whole under its final name, or nothing of it
 * stays behind. Where the file system can (Linux, O_TMPFILE) it has no name until then, so that not even kill -9
 * leaves anything; elsewhere it has a hidden temporary name beside the final one.
 */
#ifndef SHEAF_DATA_SCRATCH_H
#define SHEAF_DATA_SCRATCH_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct scratch {
    int fd;      /* read and write; -1 = none */
    char *name;  /* the temporary name, NULL while the file has none */
    char *final; /* where it will be published */
};

/* A new empty file on the file system of `final`, whose folder must exist. mode: what it will have when published
 * (the umask applies). 0; SHEAF_ENOENT, SHEAF_EIO, SHEAF_ENOMEM with a line in d. */
int scratch_open(struct scratch *s, const char *final, mode_t mode, struct diag *d);

/* Reserves room for `size` bytes and makes the file that long. 0, SHEAF_ENOSPC or SHEAF_EIO. */
int scratch_reserve(struct scratch *s, uint64_t size, struct diag *d);

/* Forces the bytes to the device and gives the file its final name; an existing file is replaced in one step when
 * `replace`, else it stays and the answer is SHEAF_EBUSY. The scratch is finished either way. */
int scratch_publish(struct scratch *s, bool replace, struct diag *d);

/* Drops the file. Safe on a zeroed or finished scratch. */
void scratch_discard(struct scratch *s);

/* From now on SIGINT, SIGTERM and SIGHUP remove temporary names before they end the process as they always do. For
 * commands that have no other use for these signals. */
void scratch_guard(void);

/* A nameless working area of `size` bytes on the file system of `near`, mapped for reading and writing: memory that
 * may be larger than memory. size 0 gives one page. 0, or as scratch_open and scratch_reserve. Release with scratch_unmap. */
int scratch_map(const char *near, uint64_t size, void **map, struct diag *d);
void scratch_unmap(void *map, uint64_t size);

/* Writes all of it at `offset`, however often the system breaks off. 0, SHEAF_ENOSPC or SHEAF_EIO. */
int scratch_write(const struct scratch *s, const void *data, size_t n, uint64_t offset, struct diag *d);

/* The two functions that differ between systems (scratch_linux.c, scratch_portable.c). The first opens a file
 * without a name in `folder`, or returns -1 where that is not possible; the second links it to `name`: 0, or -1 with
 * errno. */
int scratch_nameless(const char *folder, mode_t mode);
int scratch_link(int fd, const char *name);

#endif
