/* SPDX-License-Identifier: MIT
 *
 * Power cuts and kill -9 under the real broker: its logic on a real journal on a device that loses what was not synced, a client
 * and a worker that keep a ledger of what they were told. After each restart the sweep that was promised is there with
 * every acknowledged task; in the end each task counts once, and the digest is that of a run without a fault.
 *
 * broker_crash_test [SEED CUTS]: other cuts than those of every day.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/broker_fixture.h"
#include "common/fsutil.h"
#include "tests/crash/lives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define CUTS 60u
#else
#define CUTS 600u
#endif
#define TRIALS 240u
#define MAX_REPORTS 4096u

static uint64_t first_seed = 1, all_cuts = CUTS;

struct world {
    struct broker_fixture f;
    struct rnd r;
    bool lies;
    uint64_t cuts, sweep;                 /* sweep: as promised; 0 = not yet */
    struct interval reports[MAX_REPORTS]; /* by number: what this life has reported */
    uint64_t first_seq;                   /* of this life */
    struct intervals acknowledged;
    uint8_t digest[HASH_BYTES];
    bool has_digest;
    char wrong[200];
};

static void wrong(struct world *w, const char *what)
{
    if (!w->wrong[0])
        snprintf(w->wrong, sizeof(w->wrong), "%s", what);
}

/* ---- what client and worker do, and hear ---- */

static void listen(struct world *w)
{
    struct mailbox *m = &w->f.out;
    for (const struct msg_ack *ack; (ack = mailbox_next(m, WORKER_A, MSG_ACK));)
        for (uint32_t i = 0; i < ack->n_seqs; i++) {
            const struct interval *told = &w->reports[ack->seqs[i].seq - w->first_seq];
            SHEAF_ASSERT(intervals_add(&w->acknowledged, told->from, told->to) == 0);
        }
    for (const struct msg_submitted *s; (s = mailbox_next(m, CLIENT, MSG_SUBMITTED));)
        w->sweep = s->sweep;
    for (const struct msg_status *s; (s = mailbox_next(m, CLIENT, MSG_STATUS));) {
        if (s->digest.len == HASH_BYTES)
            memcpy(w->digest, s->digest.data, HASH_BYTES);
        w->has_digest = w->has_digest || s->digest.len == HASH_BYTES;
    }
}

/* Every seventh task fails, whoever runs it. */
static void report(struct world *w, const struct msg_lease *l, uint64_t from, uint64_t n, bool closed)
{
    uint8_t status[TRIALS];
    double scores[TRIALS];
    struct msg_failure failures[TRIALS];
    uint32_t n_failures = 0;
    for (uint64_t i = 0; i < n; i++) {
        bool bad = (from + i) % 7 == 3;
        status[i] = bad ? TASK_FAILED : TASK_DONE;
        scores[i] = bad ? __builtin_nan("") : (double)((from + i) * 31 % 101);
        if (bad)
            failures[n_failures++] =
                (struct msg_failure){.position = from + i, .kind = FAIL_ERROR, .reason = "as told", .tail = ""};
    }
    struct msg_run run = {.from = from, .n = n, .status = {status, n}, .scores = {scores, n * sizeof(double)}};
    struct msg_report m = {.seq = ++w->f.seq,
                           .sweep = l->sweep,
                           .lease = l->lease,
                           .closed = closed,
                           .runs = &run,
                           .n_runs = n > 0,
                           .failures = failures,
                           .n_failures = n_failures,
                           .broken = ""};
    SHEAF_ASSERT(m.seq - w->first_seq < MAX_REPORTS);
    w->reports[m.seq - w->first_seq] = (struct interval){from, from + n};
    fixture_report(&w->f, WORKER_A, &m);
}

static void settle(struct world *w)
{
    fixture_settle(&w->f);
    if (!w->f.broken)
        listen(w);
}

static void work_off(struct world *w, const struct msg_lease *l)
{
    for (uint64_t at = l->from, n; at < l->to && !w->f.broken; at += n) {
        n = 1 + rnd_below(&w->r, l->to - at);
        report(w, l, at, n, at + n == l->to);
        if (rnd_below(&w->r, 3))
            settle(w);
    }
    settle(w);
}

/* Some time for leases of the life before to be given back. */
static void wait_for_grace(struct world *w)
{
    for (int i = 0; i < 4 && !w->f.broken; i++) {
        fixture_pass(&w->f, 3000);
        worker_beats(&w->f, WORKER_A, NULL, 0);
        settle(w);
    }
}

static void work(struct world *w)
{
    client_submits(&w->f);
    settle(w);
    worker_hello(&w->f, WORKER_A, 1, NULL, 0);
    wait_for_grace(w);
    for (int idle = 0; idle < 4 && !w->f.broken;) {
        fixture_message(&w->f, WORKER_A, MSG_WANT, &(struct msg_want){.idle = 1});
        settle(w);
        idle++;
        for (const struct msg_grant *m; !w->f.broken && (m = mailbox_next(&w->f.out, WORKER_A, MSG_GRANT));)
            for (uint32_t i = 0; i < m->n_leases && !w->f.broken; i++, idle = 0) {
                struct msg_lease l = m->leases[i];
                work_off(w, &l);
            }
        fixture_pass(&w->f, 100); /* a snapshot may be due */
        settle(w);
    }
}

/* ---- what must hold ---- */

static void check(struct world *w)
{
    const struct bsweep *s = w->sweep ? sweep_find(w->f.broker, w->sweep) : NULL;
    if (broker_failed(w->f.broker))
        wrong(w, "the broker has failed");
    if (!w->sweep)
        return;
    if (!s) {
        wrong(w, "the sweep that was promised is gone");
        return;
    }
    struct interval a = {0, 0};
    for (uint64_t at = 0; intervals_next_in(&w->acknowledged, at, TRIALS, &a); at = a.to)
        if (!intervals_has_all(&s->done, a.from, a.to))
            wrong(w, "an acknowledged task is not done");
    struct tally_counts c = tally_counts(s->tally);
    if (c.done + c.failed != s->done.count)
        wrong(w, "a task counts twice, or not at all");
}

static void restart(struct world *w)
{
    struct diag d = {""};
    struct broker_fixture *f = &w->f;
    if (journal_open(f->dir, true, &f->journal, &d) != 0) {
        wrong(w, d.text);
        return;
    }
    f->broken = false;
    fixture_restart(f);
    w->first_seq = f->seq + 1;
    settle(w);
    check(w);
}

static void life_with_a_cut(struct world *w)
{
    disk_stop_at(1 + rnd_below(&w->r, 30));
    work(w);
    journal_close(w->f.journal);
    w->f.journal = NULL;
    if (rnd_below(&w->r, 4)) {
        disk_power_went(&w->r);
        w->cuts++;
    } else {
        disk_killed();
    }
    restart(w);
}

/* A sweep from its submission to its end through so many lives. Returns how often the power has gone. */
static uint64_t run_sweep(uint64_t seed, uint64_t keep_best, int lives, bool lies, uint8_t digest[HASH_BYTES],
                          char *what, size_t size)
{
    char root[64], dir[80];
    struct world *w = calloc(1, sizeof(*w));
    SHEAF_ASSERT(w);
    lives_root(root, sizeof(root));
    snprintf(dir, sizeof(dir), "%s/s", root);
    w->r.state = seed;
    disk_begin(root);
    disk_lies(lies);
    fixture_init_in(&w->f, dir);
    w->f.may_break = true;
    w->f.plan.plan.trials = w->f.plan.axis.count = TRIALS;
    w->f.plan.plan.keep_best = keep_best;
    w->first_seq = 1;
    for (int i = 0; i < lives && !w->wrong[0]; i++)
        life_with_a_cut(w);
    if (!w->wrong[0]) {
        work(w);
        check(w);
        fixture_message(&w->f, CLIENT, MSG_WATCH, &(struct msg_watch){.sweep = w->sweep});
        settle(w);
        if (!w->has_digest)
            wrong(w, "the sweep has not ended");
    }
    memcpy(digest, w->digest, HASH_BYTES);
    snprintf(what, size, "%s", w->wrong);
    uint64_t cuts = w->cuts;
    intervals_finish(&w->acknowledged);
    fixture_finish(&w->f);
    free(w);
    disk_end();
    return cuts;
}

static void cut_and_compare(uint64_t keep_best)
{
    uint8_t expected[HASH_BYTES], digest[HASH_BYTES];
    char what[200];
    run_sweep(1, keep_best, 0, false, expected, what, sizeof(what));
    assert_string_equal(what, "");
    uint64_t seed = first_seed;
    for (uint64_t cuts = 0; cuts < all_cuts / 2; seed++) {
        cuts += run_sweep(seed, keep_best, 5, false, digest, what, sizeof(what));
        if (!what[0] && memcmp(digest, expected, HASH_BYTES) != 0)
            snprintf(what, sizeof(what), "another digest");
        if (what[0])
            fail_msg("seed %llu: %s", (unsigned long long)seed, what);
    }
}

static void acknowledged_tasks_survive_power_cuts(void **state)
{
    (void)state;
    cut_and_compare(0);
}

static void with_keep_best_as_well(void **state)
{
    (void)state;
    cut_and_compare(3);
}

static void a_device_that_lies_is_found(void **state)
{
    (void)state;
    uint8_t digest[HASH_BYTES];
    char what[200] = "";
    for (uint64_t seed = 1; seed < 40 && !what[0]; seed++)
        run_sweep(seed, 0, 5, true, digest, what, sizeof(what));
    assert_string_not_equal(what, "");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_tasks_survive_power_cuts),
        cmocka_unit_test(with_keep_best_as_well),
        cmocka_unit_test(a_device_that_lies_is_found),
    };
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        all_cuts = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
