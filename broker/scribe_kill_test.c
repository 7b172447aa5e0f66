/* SPDX-License-Identifier: MIT
 *
 * Kill -9 against the scribe: a child commits runs and writes each durable ticket to a pipe; it is killed at random
 * moments; every ticket that came through the pipe must be found in the journal, whole, with nothing torn behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/scribe.h"
#include "common/fsutil.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 30
#define AHEAD 16u /* batches handed over beyond the last durable one */

/* Ticket t stands for tasks [t * 10,000, t * 10,000 + tasks_of(t)), so that rows of all sizes are cut off. */
static uint64_t tasks_of(uint64_t t)
{
    return t % 7 == 0 ? 10000 : 1 + t * 37 % 900;
}

static double score(uint64_t i)
{
    return (double)i * 0.5 + 3;
}

static struct scribe_batch *batch_of(uint64_t t)
{
    struct scribe_batch *b = calloc(1, sizeof(*b));
    arena_init(&b->arena, 0);
    uint64_t n = tasks_of(t), first = t * 10000;
    double *scores = arena_alloc(&b->arena, n * sizeof(*scores));
    for (uint64_t i = 0; i < n; i++)
        scores[i] = score(first + i);
    b->ticket = t;
    b->n_ops = 1;
    b->ops = arena_alloc(&b->arena, sizeof(*b->ops));
    b->ops[0] = (struct journal_op){
        .kind = JOURNAL_RUN, .sweep = 1, .first = first, .n = n, .scores = {scores, n * sizeof(*scores)}};
    return b;
}

static _Noreturn void child(const char *dir, uint64_t next, int out)
{
    struct diag d;
    struct journal *j = NULL;
    if (journal_open(dir, true, &j, &d) != 0)
        _exit(2);
    struct scribe *s = scribe_start(&j);
    uint64_t durable = next - 1, pushed = next - 1;
    for (;;) {
        struct pollfd p = {.fd = scribe_fd(s), .events = POLLIN};
        struct scribe_read *answered;
        for (; pushed < durable + AHEAD; pushed++)
            scribe_push(s, batch_of(pushed + 1));
        uint64_t now = 0;
        if (poll(&p, 1, -1) != 1 || scribe_news(s, &now, &answered, &d) != 0)
            _exit(3);
        if (now > durable)
            durable = now;
        if (write(out, &durable, sizeof(durable)) != sizeof(durable))
            _exit(4);
    }
}

/* Lets the child run for a random while, kills it, and returns the last ticket that it reported. */
static uint64_t run_and_kill(const char *dir, uint64_t next)
{
    int fds[2], status;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        child(dir, next, fds[1]);
    }
    close(fds[1]);
    uint64_t ticket = next - 1, t;
    int reports = rand() % 12;
    for (int i = 0; i < reports && read(fds[0], &t, sizeof(t)) == sizeof(t); i++)
        ticket = t;
    poll(NULL, 0, rand() % 25); /* into the middle of whatever it is doing */
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    while (read(fds[0], &t, sizeof(t)) == sizeof(t))
        ticket = t;
    close(fds[0]);
    return ticket;
}

/* Every run of the journal is a ticket's whole run; returns the highest ticket, having seen all below it. */
static uint64_t check(const char *dir)
{
    struct diag d = {{0}};
    struct journal *j = NULL;
    struct arena a;
    struct msg_read read = {.sweep = 1, .kind = READ_RUNS};
    struct msg_page p = {0};
    uint64_t ticket = 0;
    arena_init(&a, 0);
    if (journal_open(dir, true, &j, &d) != 0)
        fail_msg("%s", d.text);
    for (; !p.end; read.from = p.next) {
        if (journal_read(j, &read, 4 << 20, &a, &p, &d) != 0)
            fail_msg("%s", d.text);
        for (uint32_t i = 0; i < p.n_runs; i++) {
            const struct msg_run *r = &p.runs[i];
            const double *scores = r->scores.data;
            uint64_t at = 0;
            while (at < r->n) { /* runs of full length are adjacent and may share a row */
                assert_int_equal(r->from + at, (ticket + 1) * 10000);
                ticket++;
                for (uint64_t k = 0; k < tasks_of(ticket); k++)
                    assert_true(scores[at + k] == score(r->from + at + k));
                at += tasks_of(ticket);
            }
            assert_int_equal(at, r->n);
        }
        arena_reset(&a);
    }
    arena_finish(&a);
    journal_close(j);
    return ticket;
}

static void nothing_acknowledged_is_lost_by_kill_9(void **state)
{
    (void)state;
    char dir[] = "/tmp/scribe_kill_XXXXXX";
    assert_non_null(mkdtemp(dir));
    srand(20240117);
    uint64_t stored = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t acknowledged = run_and_kill(dir, stored + 1);
        stored = check(dir);
        if (stored < acknowledged)
            fail_msg("round %d: ticket %u was acknowledged, the journal ends at %u", round, (unsigned)acknowledged,
                     (unsigned)stored);
    }
    assert_true(stored > ROUNDS); /* the rounds did get somewhere */
    dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_by_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
