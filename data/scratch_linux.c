#define _GNU_SOURCE
/* SPDX-License-Identifier: MIT
 *
 * scratch on Linux: O_TMPFILE makes files without a name, and /proc/self/fd lets linkat give them one later.
 */
#include "data/scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void proc_path(char *out, size_t size, int fd)
{
    snprintf(out, size, "/proc/self/fd/%d", fd);
}

int scratch_nameless(const char *folder, mode_t mode)
{
    char path[40];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);

    if (fd < 0)
        return -1;
    /* Without /proc the file could never get its name. */
    proc_path(path, sizeof path, fd);
    if (access(path, F_OK) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int scratch_link(int fd, const char *name)
{
    char path[40];

    proc_path(path, sizeof path, fd);
    return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}
