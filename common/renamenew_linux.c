/* SPDX-License-Identifier: MIT
 *
 * renamenew: see renamenew.h. A file system that has no such rename (NFS) has links.
 */
#define _GNU_SOURCE /* renameat2 */
#include "common/renamenew.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int rename_new(int from_folder, const char *from, int to_folder, const char *to)
{
    if (renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return linkat(from_folder, from, to_folder, to, 0) == 0 ? unlinkat(from_folder, from, 0) : -1;
}
