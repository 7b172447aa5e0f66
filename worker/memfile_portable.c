/* SPDX-License-Identifier: MIT
 *
 * memfile elsewhere: a file in $TMPDIR, unlinked at once. Nothing keeps a holder of the writable descriptor from writing;
 * readers get a descriptor that was opened for reading.
 */
#include "worker/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(struct memfile *m, uint64_t size, int error, struct diag *d)
{
    memfile_close(m);
    return diag_fail(d, error == ENOSPC || error == EFBIG ? SHEAF_ENOSPC : SHEAF_EIO,
                     "no shared memory of %llu bytes: %s", (unsigned long long)size, strerror(error));
}

int memfile_create(struct memfile *m, uint64_t size, struct diag *d)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    struct memfile made = MEMFILE_NONE;
    if (snprintf(path, sizeof path, "%s/sheaf-XXXXXX", dir && *dir ? dir : "/tmp") >= (int)sizeof path)
        return fail(&made, size, ENAMETOOLONG, d);
    made.rw = mkstemp(path);
    if (made.rw < 0)
        return fail(&made, size, errno, d);
    made.ro = open(path, O_RDONLY | O_CLOEXEC);
    int error = errno;
    unlink(path);
    if (made.ro < 0)
        return fail(&made, size, error, d);
    if (fcntl(made.rw, F_SETFD, FD_CLOEXEC) != 0)
        return fail(&made, size, errno, d);
    /* Reserved now: on a device that fills up later, a store into a hole would be a bus error. */
    error = posix_fallocate(made.rw, 0, (off_t)size);
    if (error == EOPNOTSUPP || error == EINVAL) /* some file systems cannot */
        error = ftruncate(made.rw, (off_t)size) == 0 ? 0 : errno;
    if (error != 0)
        return fail(&made, size, error, d);
    made.size = size;
    *m = made;
    return 0;
}

int memfile_fix_size(struct memfile *m)
{
    (void)m;
    return 0;
}

int memfile_seal(struct memfile *m)
{
    close(m->rw);
    m->rw = -1;
    return 0;
}

void memfile_close(struct memfile *m)
{
    if (m->rw >= 0)
        close(m->rw);
    if (m->ro >= 0)
        close(m->ro);
    *m = (struct memfile)MEMFILE_NONE;
}

int memfile_check_sealed(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY ? 0 : SHEAF_EPROTO;
}
