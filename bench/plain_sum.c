/* SPDX-License-Identifier: MIT
 *
 * plain_sum: what the job "9 MB a task" costs without any runner. `plain_sum PROCESSES TASKS FILE.npy ...` maps the files, starts that
 * many processes, each pinned to a core of its own, lets them sum the arrays up TASKS times in all, with the loop of the
 * test plugin `sum`, and prints the seconds from the first task to the last.
 */
#define _GNU_SOURCE /* CPU_SET, sched_setaffinity */
#include "common/clock.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD_BYTES 128u /* of the .npy files that bench.py writes */
#define MAX_FILES 8

struct array {
    const double *x;
    uint64_t n;
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "plain_sum: %s\n", what);
    exit(1);
}

static struct array map_array(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= (off_t)HEAD_BYTES)
        give_up("cannot read an array");
    const char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        give_up("cannot map an array");
    close(fd);
    return (struct array){(const double *)(const void *)(bytes + HEAD_BYTES),
                          ((uint64_t)st.st_size - HEAD_BYTES) / sizeof(double)};
}

/* As in tests/plugins/sum.c. */
static double total(const struct array *a)
{
    double s[8] = {0};
    uint64_t i = 0;
    for (; i + 8 <= a->n; i += 8)
        for (uint64_t lane = 0; lane < 8; lane++)
            s[lane] += a->x[i + lane];
    for (; i < a->n; i++)
        s[0] += a->x[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static _Noreturn void work(long core, long tasks, const struct array *arrays, int n_arrays)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set); /* refused in a smaller set of cores: then unpinned */
    volatile double sum = 0;
    for (long t = 0; t < tasks; t++)
        for (int i = 0; i < n_arrays; i++)
            sum = sum + total(&arrays[i]);
    _exit(sum == sum ? 0 : 1);
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 3 + MAX_FILES)
        give_up("usage: plain_sum PROCESSES TASKS FILE.npy ...");
    long processes = strtol(argv[1], NULL, 10), tasks = strtol(argv[2], NULL, 10);
    if (processes < 1 || processes > CPU_SETSIZE || tasks < 1)
        give_up("PROCESSES and TASKS must be at least 1");
    struct array arrays[MAX_FILES];
    int n = argc - 3, status, failed = 0;
    for (int i = 0; i < n; i++)
        arrays[i] = map_array(argv[3 + i]);
    int64_t begun = clock_mono_ns();
    for (long i = 0; i < processes; i++) {
        pid_t pid = fork();
        if (pid < 0)
            give_up("cannot start a process");
        if (pid == 0)
            work(i, tasks / processes + (i < tasks % processes), arrays, n);
    }
    while (wait(&status) > 0)
        failed |= status;
    if (failed)
        give_up("a process has failed");
    printf("%.6f\n", (double)(clock_mono_ns() - begun) / 1e9);
    return 0;
}
