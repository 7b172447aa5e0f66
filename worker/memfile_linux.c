/* SPDX-License-Identifier: MIT
 *
 * memfile on Linux: memfd and seals.
 */
#define _GNU_SOURCE
#include "worker/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int memfile_create(struct memfile *m, uint64_t size, struct diag *d)
{
    int fd = memfd_create("sheaf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return diag_fail(d, error == ENOSPC || error == ENOMEM || error == EFBIG ? SHEAF_ENOSPC : SHEAF_EIO,
                         "no shared memory of %llu bytes: %s", (unsigned long long)size, strerror(error));
    }
    *m = (struct memfile){.rw = fd, .ro = fd, .size = size};
    return 0;
}

int memfile_fix_size(struct memfile *m)
{
    return fcntl(m->rw, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0 ? 0 : SHEAF_EIO;
}

int memfile_seal(struct memfile *m)
{
    if (fcntl(m->rw, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return errno == EBUSY ? SHEAF_EBUSY : SHEAF_EIO;
    m->rw = -1;
    return 0;
}

void memfile_close(struct memfile *m)
{
    if (m->ro >= 0)
        close(m->ro);
    *m = (struct memfile)MEMFILE_NONE;
}

int memfile_check_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) && (seals & F_SEAL_SHRINK) ? 0 : SHEAF_EPROTO;
}
