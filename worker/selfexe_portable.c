/* SPDX-License-Identifier: MIT
 *
 * selfexe without /proc: argv[0], looked up in $PATH as the shell did if it has no slash. Linux twin: selfexe_linux.c.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "worker/selfexe.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char self_path[PATH_MAX];

static void search(const char *name)
{
    const char *dirs = getenv("PATH");
    char candidate[PATH_MAX];
    for (const char *dir = dirs; dir; dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
        int len = (int)strcspn(dir, ":");
        int n = snprintf(candidate, sizeof candidate, "%.*s/%s", len, dir, name);
        bool fits = n > 0 && (size_t)n < sizeof candidate;
        if (len && fits && access(candidate, X_OK) == 0 && realpath(candidate, self_path))
            return;
    }
    self_path[0] = 0;
}

void selfexe_init(const char *argv0)
{
    if (strchr(argv0, '/')) {
        if (!realpath(argv0, self_path))
            self_path[0] = 0;
    } else {
        search(argv0);
    }
}

const char *selfexe_path(void)
{
    return self_path;
}
