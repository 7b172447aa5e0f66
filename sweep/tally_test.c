/* SPDX-License-Identifier: MIT
 *
 * Tests of tally: any partition in any order, saved and loaded half way, gives what a naive recomputation from all cells
 * gives; golden digests; rejection of damaged states.
 */
#include "sweep/tally.h"

#include "sweep/philox.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BEST 12

/* A sweep with results that are made up. */
struct world {
    struct plan plan;
    struct plan_goal goal;
    uint64_t tasks, cells, n_scores;
    uint8_t *status;
    double *scores; /* at an odd address */
    void *memory;
};

static struct plan plan_of(struct plan_goal *goal, uint64_t trials, uint64_t keys, uint64_t splits, uint32_t n_scores)
{
    return (struct plan){
        .plugin.n_scores = n_scores, .trials = trials, .keys = keys, .splits = splits, .goals = goal, .n_goals = 1};
}

static void put_score(struct world *w, uint64_t i, double x)
{
    memcpy((char *)w->memory + 1 + i * sizeof(x), &x, sizeof(x));
}

static double made_up(struct philox_block b)
{
    if (b.w[0] % 97 == 0)
        return b.w[0] & 0x10000 ? (double)NAN : -(double)NAN;
    return ((double)(b.w[1] % 41) - 20) / 8; /* many ties */
}

static void fill(struct world *w, uint64_t seed, bool clean)
{
    for (uint64_t trial = 0; trial < w->plan.trials; trial++) {
        struct philox_block t = philox_draw(seed, trial, 1, 0);
        for (uint64_t c = 0; c < w->cells; c++) {
            uint64_t task = trial * w->cells + c;
            bool failed = philox_draw(seed, task, 2, 0).w[0] % (50 * (uint32_t)w->cells) == 0;
            w->status[task] = clean ? TASK_DONE : t.w[0] % 20 == 0 ? TASK_SKIPPED : failed ? TASK_FAILED : TASK_DONE;
            for (uint64_t s = 0; s < w->n_scores; s++)
                put_score(w, task * w->n_scores + s, made_up(philox_draw(seed, task * w->n_scores + s, 3, 0)));
        }
    }
}

static void make(struct world *w, uint64_t trials, uint64_t keys, uint64_t splits, uint32_t n_scores)
{
    w->goal = (struct plan_goal){.score = n_scores - 1, .maximize = trials % 2};
    w->plan = plan_of(&w->goal, trials, keys, splits, n_scores);
    w->cells = keys * splits;
    w->tasks = trials * w->cells;
    w->n_scores = n_scores;
    w->status = malloc(w->tasks);
    w->memory = malloc(w->tasks * n_scores * sizeof(double) + 1);
    assert_true(w->status && w->memory);
    fill(w, trials, false);
}

static void finish(struct world *w)
{
    free(w->status);
    free(w->memory);
}

static const char *scores_from(const struct world *w, uint64_t task)
{
    return (const char *)w->memory + 1 + task * w->n_scores * sizeof(double);
}

/* The digest as its definition says, all records in memory. */
static void naive_digest(const struct world *w, uint8_t out[HASH_BYTES])
{
    size_t record = 1 + 8 * (size_t)w->n_scores;
    uint8_t *bytes = calloc(w->tasks, record), *digests = calloc(w->tasks / TALLY_BLOCK + 1, HASH_BYTES);
    assert_true(bytes && digests);
    for (uint64_t i = 0; i < w->tasks; i++) {
        bytes[i * record] = w->status[i];
        for (uint64_t s = 0; s < w->n_scores; s++) {
            double x;
            memcpy(&x, scores_from(w, i) + s * 8, 8);
            static const uint8_t canonical[8] = {0, 0, 0, 0, 0, 0, 0xf8, 0x7f};
            memcpy(bytes + i * record + 1 + 8 * s, isnan(x) || w->status[i] != TASK_DONE ? canonical : (void *)&x, 8);
        }
    }
    uint64_t n = 0;
    for (uint64_t first = 0; first < w->tasks; first += TALLY_BLOCK, n++) {
        uint64_t size = w->tasks - first < TALLY_BLOCK ? w->tasks - first : TALLY_BLOCK;
        hash_bytes(bytes + first * record, size * record, digests + n * HASH_BYTES);
    }
    hash_bytes(digests, n * HASH_BYTES, out);
    free(bytes);
    free(digests);
}

/* Every trial reduced by itself, then one sort. */
static struct world *sorting;
static struct trial_result *all_results;

static int by_definition(const void *a, const void *b)
{
    const struct trial_result *x = &all_results[*(const uint64_t *)a], *y = &all_results[*(const uint64_t *)b];
    if (x->failed != y->failed)
        return x->failed ? 1 : -1;
    double u = x->scores[sorting->goal.score], v = y->scores[sorting->goal.score];
    if (!x->failed && isnan(u) != isnan(v))
        return isnan(u) ? 1 : -1;
    if (!x->failed && !isnan(u) && u != v)
        return (u < v) == sorting->goal.maximize ? 1 : -1;
    return x->trial < y->trial ? -1 : 1;
}

static uint64_t naive_best(struct world *w, struct arena *arena, uint64_t *order)
{
    double *cells = arena_alloc(arena, w->tasks * w->n_scores * 8);
    all_results = arena_alloc(arena, w->plan.trials * sizeof(*all_results));
    memcpy(cells, scores_from(w, 0), w->tasks * w->n_scores * 8);
    uint64_t n = 0;
    for (uint64_t t = 0; t < w->plan.trials; t++) {
        int rc = tally_reduce(&w->plan, t, w->status + t * w->cells, cells + t * w->cells * w->n_scores, arena,
                              &all_results[t]);
        assert_int_equal(rc, SHEAF_OK);
        if (!all_results[t].skipped)
            order[n++] = t;
    }
    sorting = w;
    qsort(order, n, sizeof(*order), by_definition);
    return n;
}

static void same_numbers(const double *a, const double *b, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        assert_true(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
}

static void check_complete(struct world *w, struct tally *t)
{
    uint8_t want[HASH_BYTES], got[HASH_BYTES];
    naive_digest(w, want);
    assert_true(tally_digest(t, got));
    assert_memory_equal(got, want, HASH_BYTES);
    struct tally_counts c = tally_counts(t);
    assert_int_equal(c.trials_closed, w->plan.trials);
    assert_int_equal(c.done + c.failed + c.skipped, w->tasks);
    struct arena arena;
    arena_init(&arena, 0);
    uint64_t *order = arena_alloc(&arena, w->plan.trials * sizeof(*order));
    uint64_t ranked = naive_best(w, &arena, order);
    struct trial_result best[BEST + 1];
    uint64_t n = tally_best(t, best, BEST);
    assert_int_equal(n, ranked < BEST ? ranked : BEST);
    for (uint64_t i = 0; i < n; i++) {
        const struct trial_result *r = &all_results[order[i]];
        assert_int_equal(best[i].trial, r->trial);
        assert_true(best[i].failed == r->failed && best[i].n_failed == r->n_failed && best[i].n == r->n);
        same_numbers(best[i].scores, r->scores, w->n_scores);
        same_numbers(best[i].std, r->std, w->n_scores);
        same_numbers(best[i].min, r->min, w->n_scores);
        same_numbers(best[i].max, r->max, w->n_scores);
    }
    arena_finish(&arena);
}

static void add(struct world *w, struct tally *t, uint64_t first, uint64_t n, bool no_status)
{
    bool clean = true;
    for (uint64_t i = first; i < first + n; i++)
        clean = clean && w->status[i] == TASK_DONE;
    const uint8_t *status = clean && no_status ? NULL : w->status + first;
    assert_int_equal(tally_add(t, first, n, status, scores_from(w, first)), SHEAF_OK);
}

static struct tally *reload(struct world *w, struct tally *t)
{
    struct buf saved = {0}, again = {0};
    struct diag d = {""};
    assert_int_equal(tally_save(t, &saved), SHEAF_OK);
    tally_destroy(t);
    uint8_t *exact = malloc(saved.len); /* so that a sanitizer sees a read beyond it */
    assert_non_null(exact);
    memcpy(exact, saved.data, saved.len);
    t = tally_load(&w->plan, BEST, exact, saved.len, &d);
    if (!t)
        fail_msg("%s", d.text);
    assert_int_equal(tally_save(t, &again), SHEAF_OK);
    assert_int_equal(again.len, saved.len);
    free(exact);
    buf_finish(&saved);
    buf_finish(&again);
    return t;
}

/* Adds everything in pieces of about `piece` tasks, in random order, saving and loading `reloads` times. */
static void run_shuffled(struct world *w, uint64_t seed, uint64_t piece, uint64_t reloads)
{
    uint64_t *cuts = malloc((w->tasks + 1) * 2 * sizeof(*cuts)), n = 0;
    assert_non_null(cuts);
    for (uint64_t at = 0; at < w->tasks; n++) {
        uint64_t size = 1 + philox_below(philox_draw(seed, at, 4, 0), 2 * piece);
        cuts[2 * n] = at;
        cuts[2 * n + 1] = size < w->tasks - at ? size : w->tasks - at;
        at += cuts[2 * n + 1];
    }
    for (uint64_t i = n; i-- > 1;) {
        uint64_t j = philox_below(philox_draw(seed, i, 5, 0), i + 1), first = cuts[2 * i], size = cuts[2 * i + 1];
        cuts[2 * i] = cuts[2 * j];
        cuts[2 * i + 1] = cuts[2 * j + 1];
        cuts[2 * j] = first;
        cuts[2 * j + 1] = size;
    }
    struct tally *t = tally_create(&w->plan, BEST);
    assert_non_null(t);
    for (uint64_t i = 0; i < n; i++) {
        uint8_t digest[HASH_BYTES];
        assert_true(i > 100 || !tally_digest(t, digest));
        add(w, t, cuts[2 * i], cuts[2 * i + 1], i % 2);
        if (reloads > 0 && i % (n / reloads + 1) == n / reloads / 2)
            t = reload(w, t);
    }
    check_complete(w, t);
    tally_destroy(t);
    free(cuts);
}

static void any_order_gives_the_same_for_single_cells(void **state)
{
    (void)state;
    struct world w;
    make(&w, 150001, 1, 1, 1);
    run_shuffled(&w, 1, 150001, 0);
    run_shuffled(&w, 2, 30000, 5);
    run_shuffled(&w, 3, 500, 3);
    fill(&w, 8, true);
    run_shuffled(&w, 4, 20000, 0);
    w.plan.reduce_split = REDUCE_STD; /* all equal: trial numbers decide */
    run_shuffled(&w, 5, 20000, 0);
    finish(&w);
}

static void any_order_gives_the_same_for_keys_and_splits(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < 6; kind++) {
        struct world w;
        make(&w, 1200 + kind, 3, 7, 2);
        w.plan.reduce_split = kind;
        w.plan.reduce_key = (kind + 2) % 6;
        run_shuffled(&w, kind, 1 + kind * 30, 2);
        run_shuffled(&w, kind + 10, 3000, 2);
        finish(&w);
    }
}

static void trials_larger_than_blocks_are_no_exception(void **state)
{
    (void)state;
    struct world w;
    make(&w, 3, 70, 1000, 1);
    w.plan.reduce_split = REDUCE_MEDIAN;
    run_shuffled(&w, 1, 20000, 3);
    run_shuffled(&w, 2, 200000, 1);
    finish(&w);
    make(&w, 2, TALLY_BLOCK, 1, 1); /* whole blocks only */
    run_shuffled(&w, 3, 9000, 2);
    finish(&w);
}

static void more_trials_continue_a_saved_tally(void **state)
{
    (void)state;
    struct world w;
    make(&w, 70000, 1, 2, 1);
    struct plan whole = w.plan;
    w.plan.trials = 40000;
    struct tally *t = tally_create(&w.plan, BEST);
    add(&w, t, 30000, 50000, false);
    add(&w, t, 0, 30000, false);
    uint8_t digest[HASH_BYTES];
    assert_true(tally_digest(t, digest));
    w.plan = whole;
    struct buf saved = {0};
    assert_int_equal(tally_save(t, &saved), SHEAF_OK);
    tally_destroy(t);
    t = tally_load(&w.plan, BEST, saved.data, saved.len, NULL);
    assert_non_null(t);
    assert_false(tally_digest(t, digest));
    add(&w, t, 80000, 60000, false);
    check_complete(&w, t);
    tally_destroy(t);
    buf_finish(&saved);
    finish(&w);
}

static void keep_best_raises_the_number_of_trials(void **state)
{
    (void)state;
    struct world w;
    make(&w, 1000, 1, 1, 1);
    fill(&w, 3, true);
    w.plan.keep_best = 400;
    struct tally *t = tally_create(&w.plan, 3);
    add(&w, t, 0, 1000, true);
    static struct trial_result best[1000];
    assert_int_equal(tally_best(t, best, 1000), 400);
    tally_destroy(t);
    finish(&w);
}

static void ranks_ties_nan_and_failures_in_this_order(void **state)
{
    (void)state;
    struct plan_goal goal = {0};
    struct plan p = plan_of(&goal, 7, 1, 1, 1);
    static const uint8_t status[] = {1, 2, 1, 1, 3, 1, 1};
    const double scores[] = {5, 0, (double)NAN, 5, 0, -(double)INFINITY, (double)INFINITY};
    static const uint64_t minimized[] = {5, 0, 3, 6, 2, 1}, maximized[] = {6, 0, 3, 5, 2, 1};
    for (int maximize = 0; maximize < 2; maximize++) {
        goal.maximize = maximize;
        for (int backwards = 0; backwards < 2; backwards++) {
            struct tally *t = tally_create(&p, 10);
            for (uint64_t i = 0; i < 7; i++) {
                uint64_t at = backwards ? 6 - i : i;
                assert_int_equal(tally_add(t, at, 1, status + at, scores + at), SHEAF_OK);
            }
            struct trial_result best[10];
            assert_int_equal(tally_best(t, best, 10), 6);
            for (int i = 0; i < 6; i++)
                assert_int_equal(best[i].trial, maximize ? maximized[i] : minimized[i]);
            assert_true(best[5].failed && best[5].n_failed == 1 && isnan(best[5].scores[0]));
            tally_destroy(t);
        }
    }
}

static void digest_is_the_documented_one(void **state)
{
    (void)state;
    struct plan_goal goal = {0};
    struct plan p = plan_of(&goal, 3, 1, 1, 2);
    static const uint8_t status[] = {1, 2, 1};
    const double scores[] = {1.5, -0.0, 7, 8, -(double)NAN, 1e300};
    struct tally *t = tally_create(&p, 1);
    assert_int_equal(tally_add(t, 0, 3, status, scores), SHEAF_OK);
    uint8_t digest[HASH_BYTES];
    char text[HASH_TEXT];
    assert_true(tally_digest(t, digest));
    hash_text(digest, text);
    assert_string_equal(text, "b2:1aa084d99b555926bbfc6c271a8693ea96edd5c7d84e20483d56c5eaed8b179f");
    tally_destroy(t);
}

static void damaged_or_foreign_states_are_refused(void **state)
{
    (void)state;
    struct world w;
    make(&w, 500, 2, 3, 2);
    struct tally *t = tally_create(&w.plan, BEST);
    add(&w, t, 100, 700, false);
    add(&w, t, 0, 50, false);
    struct buf saved = {0};
    struct diag d = {""};
    assert_int_equal(tally_save(t, &saved), SHEAF_OK);
    tally_destroy(t);
    for (size_t i = 0; i < saved.len; i += 1 + saved.len / 500) {
        saved.data[i] ^= 4;
        assert_null(tally_load(&w.plan, BEST, saved.data, saved.len, &d));
        saved.data[i] ^= 4;
        assert_null(tally_load(&w.plan, BEST, saved.data, i, &d));
    }
    assert_non_null(strstr(d.text, "damaged"));
    w.plan.splits = 2;
    assert_null(tally_load(&w.plan, BEST, saved.data, saved.len, &d));
    w.plan.splits = 3;
    w.plan.trials = 499;
    assert_null(tally_load(&w.plan, BEST, saved.data, saved.len, &d));
    buf_finish(&saved);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_gives_the_same_for_single_cells),
        cmocka_unit_test(any_order_gives_the_same_for_keys_and_splits),
        cmocka_unit_test(trials_larger_than_blocks_are_no_exception),
        cmocka_unit_test(more_trials_continue_a_saved_tally),
        cmocka_unit_test(keep_best_raises_the_number_of_trials),
        cmocka_unit_test(ranks_ties_nan_and_failures_in_this_order),
        cmocka_unit_test(digest_is_the_documented_one),
        cmocka_unit_test(damaged_or_foreign_states_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
