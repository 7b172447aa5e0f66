/* SPDX-License-Identifier: MIT
 *
 * spawn: what starting programs costs, without a shell or an interpreter in the way. `spawn ROUNDS N PROGRAM [ARGUMENT ...]`
 * starts PROGRAM N times, one after another, waits for each, does that ROUNDS times, and prints the seconds of each
 * round, one a line. Ends with 1 as soon as the program does not end with 0. The program's stdout goes nowhere.
 */
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start_and_wait(char **argv, const posix_spawn_file_actions_t *actions)
{
    pid_t pid;
    int status;
    int err = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);
    if (err != 0) {
        (void)fprintf(stderr, "spawn: %s: %s\n", argv[0], strerror(err));
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        (void)fprintf(stderr, "spawn: %s ended with status %d\n", argv[0], status);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t actions;
    if (argc < 4) {
        (void)fputs("usage: spawn ROUNDS N PROGRAM [ARGUMENT ...]\n", stderr);
        return 2;
    }
    unsigned long rounds = strtoul(argv[1], NULL, 10), n = strtoul(argv[2], NULL, 10);
    if (posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) != 0)
        return 1;
    for (unsigned long round = 0; round < rounds; round++) {
        int64_t start = clock_mono_ns();
        for (unsigned long i = 0; i < n; i++)
            if (start_and_wait(argv + 3, &actions) != 0)
                return 1;
        printf("%.6f\n", (double)(clock_mono_ns() - start) * 1e-9);
    }
    posix_spawn_file_actions_destroy(&actions);
    return 0;
}
