#define _GNU_SOURCE
/* SPDX-License-Identifier: MIT
 *
 * A journal on a device that fills up, for real: a small tmpfs in a mount namespace of our own (Linux, as root; else
 * skipped). The error is "no room", what was committed stays readable while the device is full, and the journal goes on once
 * there is room again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/journal.h"
#include "common/fsutil.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS 5000
#define NO_NAMESPACE 77

/* Exits unless cond holds: this runs in a child, where cmocka's asserts mean nothing. */
static void need(bool cond, const char *what, const char *text)
{
    if (cond)
        return;
    fprintf(stderr, "%s: %s\n", what, text);
    _exit(1);
}

static int write_one(struct journal *j, uint64_t k, struct diag *d)
{
    static double scores[TASKS];
    for (uint64_t i = 0; i < TASKS; i++)
        scores[i] = (double)(k * TASKS + i);
    const struct journal_op op = {
        .kind = JOURNAL_RUN, .sweep = 1, .first = k * 2 * TASKS, .n = TASKS, .scores = {scores, sizeof(scores)}};
    int err = journal_begin(j, d);
    err = err ? err : journal_apply(j, &op, d);
    err = err ? err : journal_commit(j, d);
    if (err)
        journal_rollback(j);
    return err;
}

static uint64_t count_runs(struct journal *j)
{
    struct arena a;
    struct msg_page p;
    struct diag d = {{0}};
    const struct msg_read read = {.sweep = 1, .kind = READ_RUNS};
    arena_init(&a, 0);
    need(journal_read(j, &read, 1 << 30, &a, &p, &d) == 0, "read", d.text);
    for (uint64_t k = 0; k < p.n_runs; k++) {
        const double *scores = p.runs[k].scores.data;
        need(p.runs[k].n == TASKS && scores[TASKS - 1] == (double)(k * TASKS + TASKS - 1), "read", "wrong scores");
    }
    arena_finish(&a);
    return p.n_runs;
}

static _Noreturn void fill_device(const char *dir)
{
    char state[128], ballast[128];
    struct journal *j = NULL;
    struct diag d = {{0}};
    uint64_t k = 0;
    int err = 0;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=6m,mode=0700") != 0)
        _exit(NO_NAMESPACE);
    snprintf(state, sizeof(state), "%s/state", dir);
    snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
    int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    need(fd >= 0 && posix_fallocate(fd, 0, 3 << 20) == 0, "ballast", "cannot write");
    close(fd);
    need(journal_open(state, true, &j, &d) == 0, "open", d.text);
    for (; err == 0 && k < 1000; k++)
        err = write_one(j, k, &d);
    k--;
    need(err == SHEAF_ENOSPC, "the error", d.text);
    need(k > 5 && strstr(d.text, "make room"), "the line", d.text);
    journal_close(j);
    need(journal_open(state, false, &j, &d) == 0, "open while full", d.text);
    need(count_runs(j) == k, "while full", "other runs than were committed");
    need(unlink(ballast) == 0, "ballast", "cannot remove");
    need(write_one(j, k, &d) == 0, "with room again", d.text);
    journal_close(j);
    need(journal_open(state, false, &j, &d) == 0, "open", d.text);
    need(count_runs(j) == k + 1, "in the end", "other runs than were committed");
    journal_close(j);
    _exit(0);
}

static void a_full_device_loses_nothing_and_is_recovered_from(void **state)
{
    (void)state;
    char dir[] = "/tmp/journal_full_XXXXXX";
    int status;
    assert_non_null(mkdtemp(dir));
    pid_t pid = fork();
    if (pid == 0)
        fill_device(dir);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    dir_remove(dir);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_NAMESPACE) {
        fprintf(stderr, "SKIPPED: mounting a small tmpfs takes root and mount namespaces\n");
        skip();
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_device_loses_nothing_and_is_recovered_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
