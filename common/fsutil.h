/* SPDX-License-Identifier: MIT
 *
 * fsutil: files and directories, with an error line that names the path. Nothing here follows a symlink that
 * a stranger put where we delete.
 */
#ifndef SHEAF_COMMON_FSUTIL_H
#define SHEAF_COMMON_FSUTIL_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

/* Our error for an errno: SHEAF_ENOENT, SHEAF_ENOSPC, SHEAF_ENOMEM, SHEAF_EBUSY, or SHEAF_EIO for all others. */
int file_error(int errnum);

/* Replaces path by exactly these bytes: readers see the old file or the new one, also after a power cut. The temporary
 * file is ".NAME.PID-N.tmp" beside it; only a killed process leaves it behind. 0, SHEAF_EIO, SHEAF_ENOENT,
 * SHEAF_ENOSPC, SHEAF_ENOMEM. */
int file_write_atomic(const char *path, const void *data, size_t len, struct diag *d);

/* Appends the whole file to out. SHEAF_ELIMIT when it has more than max bytes; out is unchanged on any error. */
int file_read(const char *path, size_t max, struct buf *out, struct diag *d);

/* mkdir -p: 0 also when the directory is there already. */
int dir_make(const char *path, mode_t mode, struct diag *d);

/* rm -rf: removes a file, a link (never what it points to) or a whole tree. 0 also when nothing is there; on an error
 * the rest is removed as far as possible. */
int dir_remove(const char *path);

/* The same for everything in a folder, which stays. */
int dir_clear(int fd);

/* Lets this process have so many descriptors, or as many as the hard limit allows; never fewer than before. It is for those who can
 * live with less: descriptors_check says whether it is too little. */
#define DESCRIPTORS_ALL UINT64_MAX
void descriptors_raise(uint64_t n);

/* A pipe that no program we start inherits. flags: 0, or O_NONBLOCK for both ends. 0, or SHEAF_EIO: errno says why, and the ends are
 * -1. */
int pipe_make(int ends[2], int flags);

/* Can so many more descriptors (at most DESCRIPTORS_MOST) be opened? To be asked before libzmq is let go: where it gets none it ends
 * the process. 0, or SHEAF_EIO with a line that says what to do. */
#define DESCRIPTORS_MOST 64u
int descriptors_check(unsigned n, struct diag *d);

/* path itself when it is absolute, else base_dir/path (base_dir NULL or "": the working directory; a relative one counts
 * from there). ".." stays, because links make it mean something. NULL when memory runs out or there is no working
 * directory. */
char *path_absolute(struct arena *a, const char *base_dir, const char *path);

/* Do two paths mean one file, which need not be there yet? By whatever way: links, "./", folders with several names. */
bool path_same(const char *a, const char *b);

#endif
