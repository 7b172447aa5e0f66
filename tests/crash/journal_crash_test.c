/* SPDX-License-Identifier: MIT
 *
 * Power cuts under the real journal and its thread: random work of every kind, stopped at a random moment (also while the journal is
 * made, opened, checkpointed, or recovers from the cut before), by a power cut or by kill -9; opened again, it must hold every
 * acknowledged batch as it was, none by half and nothing else, and SQLite must find it whole.
 *
 * journal_crash_test [SEED CUTS]: other power cuts than those of every day. A failure names its seed: SEED 1 repeats it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/journal_db.h"
#include "common/fsutil.h"
#include "tests/crash/ledger.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define CUTS 500u
#else
#define CUTS 5000u
#endif
#define FIRST_SEED 20261121u
#define MUTANT_CUTS 1000u /* within so many each mutant must be found */
#define BURST 6u          /* batches that the journal's thread commits without a pause between them */

enum mutant {
    AS_BUILT,
    SYNC_NORMAL,  /* acknowledged when written, synced at a checkpoint */
    SYNC_OFF,     /* never synced */
    EARLY_ACK,    /* acknowledged before the commit */
    LYING_DEVICE, /* syncs that do nothing */
};

static uint64_t first_seed = FIRST_SEED, all_cuts = CUTS;

/* One state directory through all that happens to it. */
struct round {
    struct rnd r;
    enum mutant mutant;
    uint64_t seed, cuts;
    char dir[160];
    struct ledger ledger;      /* what was acknowledged */
    struct scribe_batch *log;  /* that, batch by batch, newest first */
    struct scribe_batch *open; /* handed over and not acknowledged, oldest first */
    struct journal *journal;
    struct diag d;
    char wrong[1200]; /* what is not as it must be; "" = all is well */
};

static void wrong(struct round *t, const char *what, const char *more)
{
    if (!t->wrong[0])
        snprintf(t->wrong, sizeof(t->wrong), "%s: %s", what, more);
}

/* ---- acknowledging ---- */

static void acknowledge(struct round *t, struct scribe_batch *b)
{
    ledger_apply(&t->ledger, b);
    b->next = t->log;
    t->log = b;
}

static void wait_open(struct round *t, struct scribe_batch *b)
{
    struct scribe_batch **at = &t->open;
    while (*at)
        at = &(*at)->next;
    b->next = NULL;
    *at = b;
}

static struct scribe_batch *take_open(struct round *t)
{
    struct scribe_batch *b = t->open;
    if (b)
        t->open = b->next;
    return b;
}

static bool equal(struct buf *found, const struct ledger *l)
{
    struct buf want = {0};
    ledger_dump(l, &want);
    bool same = want.len == found->len && (!want.len || memcmp(want.data, found->data, want.len) == 0);
    buf_finish(&want);
    return same;
}

/* What was found is the acknowledged state, or that and some of the batches whose commit nobody heard of, in their order. Those
 * are seen now, so that from now on they must stay. */
static void compare(struct round *t, struct buf *found)
{
    bool same = equal(found, &t->ledger);
    while (!same && t->open) {
        acknowledge(t, take_open(t));
        same = equal(found, &t->ledger);
    }
    if (!same)
        wrong(t, "compared with the ledger", "acknowledged rows are missing or changed, or others are there");
    for (struct scribe_batch *b; (b = take_open(t));)
        ledger_batch_free(b);
}

static int one_text(void *out, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    snprintf(out, 64, "%s", values[0] ? values[0] : "");
    return 0;
}

static void check(struct round *t)
{
    struct buf found = {0};
    char verdict[64] = "";
    if (ledger_dump_journal(t->journal, 64 + rnd_below(&t->r, 1 << 18), &found, &t->d) != 0)
        wrong(t, "read", t->d.text);
    else
        compare(t, &found);
    buf_finish(&found);
    sqlite3_exec(t->journal->db, "PRAGMA integrity_check", one_text, verdict, NULL);
    if (strcmp(verdict, "ok") != 0)
        wrong(t, "integrity_check", verdict);
}

/* ---- work ---- */

static void mutate(struct round *t)
{
    if (t->mutant == SYNC_NORMAL)
        sqlite3_exec(t->journal->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
    if (t->mutant == SYNC_OFF)
        sqlite3_exec(t->journal->db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
}

/* Commits one batch; false when the machine stops meanwhile. */
static bool commit_one(struct round *t)
{
    struct scribe_batch *b = ledger_batch(&t->ledger, &t->r, rnd_below(&t->r, 2));
    if (rnd_below(&t->r, 12) == 0)
        t->journal->wal_pages = INT_MAX; /* a checkpoint is due */
    int err = journal_begin(t->journal, &t->d);
    for (uint32_t i = 0; i < b->n_ops && err == 0; i++)
        err = journal_apply(t->journal, &b->ops[i], &t->d);
    if (t->mutant == EARLY_ACK)
        acknowledge(t, b);
    err = err ? err : journal_commit(t->journal, &t->d);
    if (t->mutant == EARLY_ACK)
        return err == 0;
    if (err == 0)
        acknowledge(t, b);
    else
        wait_open(t, b);
    if (err && !disk_has_stopped())
        wrong(t, "commit", t->d.text);
    return err == 0;
}

static void work(struct round *t)
{
    uint64_t n = rnd_below(&t->r, 20);
    for (uint64_t i = 0; i < n && commit_one(t); i++)
        ;
}

/* What the broker's loop does with its journal's thread: hands over, waits for news. */
static void work_by_thread(struct round *t)
{
    struct scribe *s = scribe_start(&t->journal);
    uint64_t durable = 0, last = 0;
    int err = 0;
    SHEAF_ASSERT(s);
    for (uint32_t i = 0; i < BURST && err == 0; i++) {
        /* of one batch, so that the next ones fit the ledger whatever becomes of it */
        struct scribe_batch *b = ledger_batch(&t->ledger, &t->r, false), *copy = calloc(1, sizeof(*copy));
        SHEAF_ASSERT(copy);
        *copy = (struct scribe_batch){.ticket = b->ticket, .ops = b->ops, .n_ops = b->n_ops};
        arena_init(&copy->arena, 0);
        last = b->ticket;
        wait_open(t, b);
        scribe_push(s, copy);
        while (err == 0 && durable < last) {
            struct scribe_read *answered;
            poll(&(struct pollfd){.fd = scribe_fd(s), .events = POLLIN}, 1, -1);
            err = scribe_news(s, &durable, &answered, &t->d);
        }
        if (durable >= last)
            acknowledge(t, take_open(t));
    }
    if (err && !disk_has_stopped())
        wrong(t, "the journal's thread", t->d.text);
    scribe_finish(s, NULL);
}

/* ---- lives ---- */

static uint64_t random_moment(struct rnd *r)
{
    static const uint64_t most[] = {12, 60, 300};
    return 1 + rnd_below(r, most[rnd_below(r, 3)]);
}

/* Opens, checks, works, until the machine stops or the work is done. */
static void live(struct round *t)
{
    if (journal_open(t->dir, true, &t->journal, &t->d) != 0) {
        t->journal = NULL;
        if (!disk_has_stopped())
            wrong(t, "open", t->d.text);
        return;
    }
    if (!disk_has_stopped())
        check(t);
    mutate(t);
    if (rnd_below(&t->r, 8) == 0 && t->mutant == AS_BUILT)
        work_by_thread(t);
    else
        work(t);
    journal_close(t->journal);
    t->journal = NULL;
}

static void end_life(struct round *t)
{
    if (rnd_below(&t->r, 4) == 0) {
        disk_killed();
        return;
    }
    disk_power_went(&t->r);
    t->cuts++;
}

static void round_free(struct round *t)
{
    for (struct scribe_batch *b; (b = take_open(t));)
        ledger_batch_free(b);
    while (t->log) {
        struct scribe_batch *b = t->log;
        t->log = b->next;
        ledger_batch_free(b);
    }
    ledger_finish(&t->ledger);
}

/* A state directory from its first life on, until the power has gone three times. Returns how often it has. */
static uint64_t run_round(const char *root, uint64_t seed, enum mutant mutant, char *what, size_t size)
{
    struct round *t = calloc(1, sizeof(*t));
    SHEAF_ASSERT(t);
    t->r.state = t->seed = seed;
    t->mutant = mutant;
    ledger_init(&t->ledger);
    disk_begin(root);
    disk_lies(mutant == LYING_DEVICE);
    snprintf(t->dir, sizeof(t->dir), "%s%s", root, rnd_below(&t->r, 2) ? "/state" : "/a/b");
    for (int life = 0; life < 12 && t->cuts < 3 && !t->wrong[0]; life++) {
        disk_stop_at(random_moment(&t->r));
        live(t);
        end_life(t);
    }
    if (!t->wrong[0])
        live(t);
    disk_end();
    uint64_t cuts = t->cuts;
    snprintf(what, size, "%s", t->wrong);
    round_free(t);
    free(t);
    SHEAF_ASSERT(dir_remove(root) == 0);
    return cuts;
}

/* A folder in memory where there is one: nothing here is ever synced for real. */
static void make_root(char *root, size_t size)
{
    snprintf(root, size, "%s/sheafcrash-%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
}

/* Rounds from a seed on, until one goes wrong (its seed is returned; 0 = none did) or there were enough cuts. */
static uint64_t run_rounds(uint64_t seed, uint64_t cuts, enum mutant mutant, char *what, size_t size)
{
    char root[64];
    make_root(root, sizeof(root));
    for (uint64_t done = 0; done < cuts; seed++) {
        SHEAF_ASSERT(dir_make(root, 0700, NULL) == 0);
        done += run_round(root, seed, mutant, what, size);
        if (what[0])
            return seed;
    }
    return 0;
}

static void nothing_acknowledged_is_lost_by_power_cuts(void **state)
{
    (void)state;
    char what[1300];
    uint64_t seed = run_rounds(first_seed, all_cuts, AS_BUILT, what, sizeof(what));
    if (seed)
        fail_msg("seed %llu: %s", (unsigned long long)seed, what);
}

static void each_mutant_is_found(void **state)
{
    (void)state;
    static const struct {
        enum mutant mutant;
        const char *name;
    } mutants[] = {
        {SYNC_NORMAL, "synchronous=NORMAL"},
        {SYNC_OFF, "synchronous=OFF"},
        {EARLY_ACK, "acknowledged before the commit"},
        {LYING_DEVICE, "a device that lies"},
    };
    for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
        char what[1300];
        if (!run_rounds(1, MUTANT_CUTS, mutants[i].mutant, what, sizeof(what)))
            fail_msg("not found: %s", mutants[i].name);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_by_power_cuts),
        cmocka_unit_test(each_mutant_is_found),
    };
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        all_cuts = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
