/* SPDX-License-Identifier: MIT
 *
 * journal_bench: how fast scores become durable. `journal_bench DIR [MEGABYTES [RUN_BYTES]]` pushes runs of float64 scores
 * through the scribe as fast as it takes them, then writes the same bytes to a plain file with fdatasync every 20 ms; both once
 * alone and once while two processes burn CPU, as slots do. DIR should lie on the device that the broker will use.
 */
#include "broker/scribe.h"
#include "common/clock.h"
#include "common/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BURNERS 2
#define BACKLOG ((uint64_t)64 << 20)

struct result {
    double seconds, cpu_seconds;
    uint64_t commits;
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "journal_bench: %s\n", what);
    exit(1);
}

static struct scribe_batch *batch_of(uint64_t ticket, const double *scores, size_t bytes)
{
    struct scribe_batch *b = calloc(1, sizeof(*b));
    if (!b)
        give_up("out of memory");
    arena_init(&b->arena, 0);
    b->ticket = ticket;
    b->n_ops = 1;
    b->ops = arena_alloc(&b->arena, sizeof(*b->ops));
    if (!b->ops)
        give_up("out of memory");
    /* A gap after each run, so that every run is a row of its own. */
    b->ops[0] = (struct journal_op){
        .kind = JOURNAL_RUN, .sweep = 1, .first = ticket * (bytes / 8 + 1), .n = bytes / 8, .scores = {scores, bytes}};
    return b;
}

static struct result bench_scribe(const char *dir, const double *scores, size_t bytes, uint64_t runs)
{
    struct diag d;
    struct journal *j = NULL;
    struct result r = {0};
    if (journal_open(dir, true, &j, &d) != 0)
        give_up(d.text);
    struct scribe *s = scribe_start(&j);
    if (!s)
        give_up("cannot start a thread");
    int64_t begun = clock_mono_ns(), cpu = clock_cpu_ns();
    for (uint64_t pushed = 0, durable = 0; durable < runs;) {
        for (; pushed < runs && scribe_backlog(s) < BACKLOG; pushed++)
            scribe_push(s, batch_of(pushed + 1, scores, bytes));
        struct pollfd p = {.fd = scribe_fd(s), .events = POLLIN};
        struct scribe_read *answered;
        uint64_t before = durable;
        if (poll(&p, 1, -1) != 1 || scribe_news(s, &durable, &answered, &d) != 0)
            give_up(d.text);
        r.commits += durable > before;
    }
    r.seconds = (double)(clock_mono_ns() - begun) / 1e9;
    r.cpu_seconds = (double)(clock_cpu_ns() - cpu) / 1e9;
    if (scribe_finish(s, &d) != 0)
        give_up(d.text);
    return r;
}

static struct result bench_bare(const char *dir, const double *scores, size_t bytes, uint64_t runs)
{
    char path[4200];
    struct result r = {0};
    if (snprintf(path, sizeof(path), "%s/bare", dir) >= (int)sizeof(path))
        give_up("the path is too long");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        give_up(strerror(errno));
    int64_t begun = clock_mono_ns(), cpu = clock_cpu_ns(), synced = begun;
    for (uint64_t i = 0; i < runs; i++) {
        if (write(fd, scores, bytes) != (ssize_t)bytes)
            give_up("cannot write");
        if (clock_mono_ns() - synced < 20 * NS_PER_MS && i + 1 < runs)
            continue;
        if (fdatasync(fd) != 0)
            give_up("cannot sync");
        synced = clock_mono_ns();
        r.commits++;
    }
    r.seconds = (double)(clock_mono_ns() - begun) / 1e9;
    r.cpu_seconds = (double)(clock_cpu_ns() - cpu) / 1e9;
    close(fd);
    return r;
}

static void print(const char *what, bool busy, struct result r, size_t bytes, uint64_t runs)
{
    double mb = (double)bytes * (double)runs / 1e6;
    printf("%-8s %-6s %9.1f %12.1f %10.2f %9.1f %10.2f\n", what, busy ? "busy" : "idle", mb / r.seconds,
           (double)runs / r.seconds, mb / 8 / r.seconds, (double)r.commits / r.seconds, r.cpu_seconds / mb * 1e3);
}

/* Uses up CPU until the parent is gone. */
static _Noreturn void burn(pid_t parent)
{
    while (getppid() == parent) {
        for (volatile unsigned n = 0; n < 10000000; n++)
            ;
    }
    _exit(0);
}

static void bench(const char *dir, bool busy, size_t bytes, uint64_t runs)
{
    pid_t burners[BURNERS], parent = getpid();
    double *scores = malloc(bytes);
    char path[4096];
    if (!scores)
        give_up("out of memory");
    for (size_t i = 0; i < bytes / 8; i++)
        scores[i] = (double)i * 0.1;
    for (int i = 0; busy && i < BURNERS; i++) {
        burners[i] = fork();
        if (burners[i] == 0)
            burn(parent);
    }
    if (snprintf(path, sizeof(path), "%s/journal_bench", dir) >= (int)sizeof(path))
        give_up("the path is too long");
    print("journal", busy, bench_scribe(path, scores, bytes, runs), bytes, runs);
    print("bare", busy, bench_bare(path, scores, bytes, runs), bytes, runs);
    dir_remove(path);
    for (int i = 0; busy && i < BURNERS; i++) {
        if (burners[i] > 0 && kill(burners[i], SIGKILL) == 0)
            waitpid(burners[i], NULL, 0);
    }
    free(scores);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4)
        give_up("usage: journal_bench DIR [MEGABYTES [RUN_BYTES]]");
    size_t bytes = argc > 3 ? (size_t)strtoull(argv[3], NULL, 10) / 8 * 8 : (size_t)400000;
    uint64_t total = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1000) * 1000000;
    if (bytes < 8 || bytes > ((size_t)1 << 30) || total < bytes)
        give_up("RUN_BYTES must be 8 to 2^30, and fit into MEGABYTES");
    printf("%-8s %-6s %9s %12s %10s %9s %10s\n", "", "CPUs", "MB/s", "rows/s", "Mtasks/s", "commits/s", "CPU s/GB");
    bench(argv[1], false, bytes, total / bytes);
    bench(argv[1], true, bytes, total / bytes);
    return 0;
}
