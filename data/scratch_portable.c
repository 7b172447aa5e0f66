/* SPDX-License-Identifier: MIT
 *
 * scratch on any POSIX system: there are no files without a name, so scratch.c falls back to hidden ones.
 */
#include "data/scratch.h"

#include <errno.h>

int scratch_nameless(const char *folder, mode_t mode)
{
    (void)folder;
    (void)mode;
    return -1;
}

int scratch_link(int fd, const char *name)
{
    (void)fd;
    (void)name;
    errno = ENOTSUP;
    return -1;
}
