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

#include "common/fsutil.h"
#include "tests/crash/lives.h"

#include <stdio.h>
#include <stdlib.h>

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

static void mutate(const struct lives *t, enum mutant mutant)
{
    if (mutant == SYNC_NORMAL)
        sqlite3_exec(t->journal->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
    if (mutant == SYNC_OFF)
        sqlite3_exec(t->journal->db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
}

static void work(struct lives *t)
{
    uint64_t n = rnd_below(&t->r, 20);
    for (uint64_t i = 0; i < n && lives_commit(t); i++)
        ;
}

static uint64_t random_moment(struct rnd *r)
{
    static const uint64_t most[] = {12, 60, 300};
    return 1 + rnd_below(r, most[rnd_below(r, 3)]);
}

/* Opens, checks, works, until the machine stops or the work is done. Nothing but that stop may make anything fail. */
static void live(struct lives *t, enum mutant mutant)
{
    bool ok = lives_open(t, true);
    if (ok)
        mutate(t, mutant);
    if (ok && rnd_below(&t->r, 8) == 0 && mutant == AS_BUILT)
        ok = lives_work_by_thread(t, BURST);
    else if (ok)
        work(t);
    if (!disk_has_stopped() && (!ok || t->err))
        lives_wrong(t, "without a cut", t->d.text);
    lives_close(t);
}

/* A state directory from its first life on, until the power has gone three times. Returns how often it has. */
static uint64_t run_round(const char *root, uint64_t seed, enum mutant mutant, char *what, size_t size)
{
    struct rnd r = {seed};
    char dir[160];
    uint64_t cuts = 0;
    snprintf(dir, sizeof(dir), "%s%s", root, rnd_below(&r, 2) ? "/state" : "/a/b");
    struct lives *t = lives_new(dir, rnd_next(&r));
    t->early = mutant == EARLY_ACK;
    disk_begin(root);
    disk_lies(mutant == LYING_DEVICE);
    for (int life = 0; life < 12 && cuts < 3 && !t->wrong[0]; life++) {
        disk_stop_at(random_moment(&r));
        live(t, mutant);
        if (rnd_below(&r, 4) == 0) {
            disk_killed();
            continue;
        }
        disk_power_went(&r);
        cuts++;
    }
    if (!t->wrong[0])
        live(t, mutant);
    disk_end();
    snprintf(what, size, "%s", t->wrong);
    lives_free(t);
    return cuts;
}

/* Rounds from a seed on, until one goes wrong (its seed is returned; 0 = none did) or there were enough cuts. */
static uint64_t run_rounds(uint64_t seed, uint64_t cuts, enum mutant mutant, char *what, size_t size)
{
    char root[64];
    uint64_t done = 0;
    what[0] = '\0';
    for (; done < cuts && !what[0]; seed++) {
        lives_root(root, sizeof(root));
        done += run_round(root, seed, mutant, what, size);
    }
    SHEAF_ASSERT(dir_remove(root) == 0);
    return what[0] ? seed - 1 : 0;
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
