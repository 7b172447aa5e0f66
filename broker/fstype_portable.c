/* SPDX-License-Identifier: MIT
 *
 * fstype where POSIX is all there is: statvfs does not say what a file system is, so nothing is refused.
 */
#include "broker/fstype.h"

#include <stddef.h>

const char *fstype_network(const char *path)
{
    (void)path;
    return NULL;
}
