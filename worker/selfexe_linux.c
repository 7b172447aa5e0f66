/* SPDX-License-Identifier: MIT
 *
 * selfexe on Linux: /proc/self/exe. Portable twin: selfexe_portable.c.
 */
#include "worker/selfexe.h"

#include <limits.h>
#include <unistd.h>

void selfexe_init(const char *argv0)
{
    (void)argv0;
}

const char *selfexe_path(void)
{
    static char path[PATH_MAX];
    if (!path[0]) {
        ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
        path[n > 0 ? n : 0] = 0;
    }
    return path;
}
