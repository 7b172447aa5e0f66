/* SPDX-License-Identifier: MIT
 *
 * procinfo on Linux: prctl, pidfd, /proc.
 */
#define _GNU_SOURCE
#include "common/procinfo.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* When the last write end of a pipe is closed, the kernel signals the owner of each read end that asked for it, and an owner may
 * be a process group, the signal SIGKILL. The owner belongs to the open description, so it has to be one of our own, which stays
 * open for as long as we live. *gone: it was closed before we asked. */
static bool group_dies_with_pipe(int lifeline, bool *gone)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/self/fd/%d", lifeline);
    int own = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (own >= 0 && fcntl(own, F_SETOWN, -getpgrp()) == 0 && fcntl(own, F_SETSIG, SIGKILL) == 0 &&
        fcntl(own, F_SETFL, O_NONBLOCK | O_ASYNC) == 0) {
        struct pollfd end = {own, POLLIN, 0};
        *gone = poll(&end, 1, 0) != 0;
        return true;
    }
    if (own >= 0)
        close(own);
    return false;
}

/* Before Linux 5.6 the end of any reader of a pipe signalled all others, and all slots read one. */
static bool pipe_signals_its_end_only(void)
{
    struct utsname u;
    unsigned major, minor;
    return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 6));
}

bool procinfo_die_with_parent(pid_t parent, int lifeline)
{
    /* Not both: the signal of a parent's death may come before its files are closed, and kill us alone, and with us the only one
     * who holds the pipe. */
    bool gone = false, arranged = (pipe_signals_its_end_only() && group_dies_with_pipe(lifeline, &gone)) ||
                                  prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
    close(lifeline);
    /* the parent may have died before the request: look afterwards */
    return arranged && !gone && getppid() == parent;
}

int procinfo_end_fd(pid_t child)
{
    return (int)syscall(SYS_pidfd_open, child, 0); /* close-on-exec by itself */
}

/* The file's beginning as text; "" when it cannot be read. */
static void read_text(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, cap - 1);
    out[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

/* "Name:   123 kB" of a /proc file in bytes; fallback when there is no such line. */
static uint64_t kb_field(const char *text, const char *name, uint64_t fallback)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : fallback;
}

uint64_t procinfo_private_bytes(pid_t pid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    read_text(path, text, sizeof text);
    unsigned long long size, resident, shared;
    if (sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3 || shared > resident)
        return 0;
    return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t procinfo_pss_bytes(pid_t pid)
{
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
    read_text(path, text, sizeof text);
    return kb_field(text, "\nPss:", 0);
}

int64_t procinfo_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t procinfo_available_bytes(void)
{
    char text[2048];
    read_text("/proc/meminfo", text, sizeof text);
    return kb_field(text, "\nMemAvailable:", UINT64_MAX);
}

/* What the descriptor `fd`, as text, is open for; false = not known. */
static bool path_of(int listing, const char *fd, char out[PATH_MAX])
{
    ssize_t n = readlinkat(listing, fd, out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

bool procinfo_writes_below(int dir, char *name, size_t size)
{
    char folder[PATH_MAX], path[PATH_MAX], number[16];
    DIR *listing = opendir("/proc/self/fd");
    if (!listing)
        return false;
    snprintf(number, sizeof number, "%d", dir);
    size_t n = path_of(dirfd(listing), number, folder) ? strlen(folder) : 0;
    bool found = false;
    for (struct dirent *e; n > 0 && !found && (e = readdir(listing)) != NULL;) {
        if (!path_of(dirfd(listing), e->d_name, path) || strncmp(path, folder, n) != 0 || path[n] != '/')
            continue;
        int fd = atoi(e->d_name), flags = fcntl(fd, F_GETFL);
        struct stat st; /* without a link: of an earlier task */
        found = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(fd, &st) == 0 && st.st_nlink > 0;
    }
    closedir(listing);
    if (found)
        snprintf(name, size, "%s", path + n + 1);
    return found;
}
