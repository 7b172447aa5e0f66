/* SPDX-License-Identifier: MIT
 *
 * fail_io: a library for LD_PRELOAD: in the program whose first argument is SHEAF_FAIL_ROLE, the SHEAF_FAIL_AT-th call of the kinds
 * SHEAF_FAIL_CALLS ("write", "sync", "open", "read") on files below SHEAF_FAIL_BELOW fails with the errno SHEAF_FAIL_ERRNO, and
 * SHEAF_FAIL_MARK is made. What it does to the real journal of a real broker, the tests look at from outside.
 */
#include "io_hooks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned calls;
static unsigned long left;
static int errnum;
static const char *mark;

static int before(enum io_call call)
{
    if (!(calls >> call & 1) || left == 0 || --left > 0)
        return 0;
    io_pause(true);
    int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    io_pause(false);
    return errnum;
}

static const struct io_observer observer = {.before = before};

static bool is_role(const char *role)
{
    char line[512];
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = '\0';
    size_t first = strlen(line) + 1;
    return n > 0 && first < (size_t)n && strcmp(line + first, role) == 0;
}

static unsigned calls_of(const char *kind)
{
    static const struct {
        const char *name;
        unsigned calls;
    } kinds[] = {
        {"write", 1u << IO_WRITE},
        {"sync", 1u << IO_SYNC},
        {"open", 1u << IO_OPEN | 1u << IO_CREATE},
        {"read", 1u << IO_READ},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kind, kinds[i].name) == 0)
            return kinds[i].calls;
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *role = getenv("SHEAF_FAIL_ROLE"), *kind = getenv("SHEAF_FAIL_CALLS"), *at = getenv("SHEAF_FAIL_AT"),
               *error = getenv("SHEAF_FAIL_ERRNO"), *below = getenv("SHEAF_FAIL_BELOW");
    mark = getenv("SHEAF_FAIL_MARK");
    if (!role || !kind || !at || !error || !below || !mark || !is_role(role))
        return;
    calls = calls_of(kind);
    left = strtoul(at, NULL, 10);
    errnum = (int)strtol(error, NULL, 10);
    io_observe(below, &observer);
}
