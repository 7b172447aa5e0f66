/* SPDX-License-Identifier: MIT
 *
 * The whole plugin behind a fake host, on small markets with ties, missing values and factors without variance. The
 * expected scores come from a plain NumPy version of the definitions in README.md; most are equal to the bit.
 */
#include "backtest.h"
#include "rank.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A host of one slot: a cache is one block of memory, scratch another. */
struct fake {
    struct sheaf_host host;
    const char *reason;
    void *cache;
    int builds;
};
static _Alignas(64) char scratch[65536];

static int32_t fake_fail(const struct sheaf_host *host, const char *text)
{
    ((struct fake *)host->self)->reason = text;
    return SHEAF_FAILED;
}

static void *fake_scratch(const struct sheaf_host *host, uint64_t size)
{
    (void)host;
    memset(scratch, 0xa5, sizeof scratch);
    return size <= sizeof scratch ? scratch : NULL;
}

static const void *fake_cache(const struct sheaf_host *host, const char *name, uint64_t size, sheaf_build_fn build,
                              void *user)
{
    struct fake *f = host->self;
    (void)name;
    assert_null(f->cache);
    f->cache = calloc(1, size);
    f->builds++;
    assert_int_equal(build(host, f->cache, size, user), SHEAF_OK_STATUS);
    return f->cache;
}

/* One open plugin on one market. */
struct bench {
    struct fake fake;
    double *factors, *returns;
    struct sheaf_view views[2];
    const struct sheaf_view *list[2];
    void *state;
    struct sheaf_value params[5];
    struct sheaf_range train, test;
    struct sheaf_task task;
    double scores[N_SCORES];
};

static uint32_t hash(uint32_t j)
{
    j *= 2654435761u;
    j ^= j >> 15;
    j *= 2246822519u;
    return j ^ j >> 13;
}

/* Factor 1 is full of ties, factor 2 has days without variance, factor 3 days that are missing, and factor 0 knows a little. */
static double factor_value(uint32_t t, uint32_t i, uint32_t k, uint32_t x, double r)
{
    double v = ((double)(x % 23) - 11) / 8;
    if (k == 1)
        v = (double)(x % 5) / 2;
    if (x % 13 == 0)
        v = NAN;
    if (k == 2 && t % 6 == 0)
        v = 1.5;
    if (k == 3 && t % 7 == 3)
        v = NAN;
    return k == 0 && i % 2 == 0 ? v + r * 4 : v;
}

static void fill_market(struct bench *b, uint32_t days, uint32_t assets, uint32_t kinds)
{
    for (uint32_t t = 0; t < days; t++) {
        for (uint32_t i = 0; i < assets; i++) {
            uint32_t row = t * assets + i, x = hash(1000003u + row);
            double r = x % 17 == 0 ? NAN : ((double)(x % 41) - 20) / 256;
            b->returns[row] = r;
            for (uint32_t k = 0; k < kinds; k++)
                b->factors[row * kinds + k] = factor_value(t, i, k, hash(row * kinds + k), r);
        }
    }
}

static void bench_views(struct bench *b, uint32_t days, uint32_t assets, uint32_t kinds)
{
    b->views[0] = (struct sheaf_view){.dtype = SHEAF_DT_F64,
                                      .rank = 3,
                                      .shape = {days, assets, kinds},
                                      .strides = {8 * (int64_t)assets * kinds, 8 * (int64_t)kinds, 8},
                                      .data = b->factors};
    b->views[1] = (struct sheaf_view){.dtype = SHEAF_DT_F64,
                                      .rank = 2,
                                      .shape = {days, assets},
                                      .strides = {8 * (int64_t)assets, 8},
                                      .data = b->returns};
    b->list[0] = &b->views[0];
    b->list[1] = &b->views[1];
}

static struct bench *bench_create(uint32_t days, uint32_t assets, uint32_t kinds)
{
    struct bench *b = calloc(1, sizeof *b);
    b->factors = calloc((size_t)days * assets * kinds, sizeof *b->factors);
    b->returns = calloc((size_t)days * assets, sizeof *b->returns);
    fill_market(b, days, assets, kinds);
    bench_views(b, days, assets, kinds);
    b->fake.host = (struct sheaf_host){.abi_major = SHEAF_ABI_MAJOR,
                                       .struct_size = sizeof(struct sheaf_host),
                                       .self = &b->fake,
                                       .fail = fake_fail,
                                       .scratch = fake_scratch,
                                       .cache = fake_cache};
    struct sheaf_dataset dataset = {b->list, 2};
    assert_int_equal(sheaf_plugin_entry.open(&b->fake.host, "{}", &dataset, &b->state), SHEAF_OK_STATUS);
    b->task = (struct sheaf_task){.params = b->params,
                                  .views = b->list,
                                  .row_axis = "day",
                                  .train = {.ranges = &b->train, .n_ranges = 1},
                                  .test = {.ranges = &b->test, .n_ranges = 1},
                                  .attempt = 1};
    return b;
}

static void bench_destroy(struct bench *b)
{
    sheaf_plugin_entry.close(&b->fake.host, b->state);
    free(b->fake.cache);
    free(b->factors);
    free(b->returns);
    free(b);
}

static void set_window(struct bench *b, const struct window *w)
{
    b->train = (struct sheaf_range){w->a, w->b};
    b->test = (struct sheaf_range){w->c, w->d};
    b->task.train.n = w->b - w->a;
    b->task.test.n = w->d - w->c;
}

static void set_params(struct bench *b, const struct settings *s)
{
    b->params[0].i = (int64_t)s->n_factors;
    b->params[1].i = (int64_t)s->top_n;
    b->params[2].i = (int64_t)s->rebalance;
    b->params[3].i = s->by_ic;
    b->params[4].f = s->cost_bps;
}

static int32_t run(struct bench *b)
{
    for (int i = 0; i < N_SCORES; i++)
        b->scores[i] = NAN;
    b->fake.reason = NULL;
    return sheaf_plugin_entry.run(&b->fake.host, b->state, &b->task, b->scores);
}

struct expected {
    struct {
        uint32_t days, assets, kinds;
    } market;
    struct window window;
    struct settings settings;
    double scores[N_SCORES];
};

static const struct expected expected[] = {
    {{40, 7, 5},
     {0, 20, 20, 30},
     {1, 1, 1, 0, 0},
     {2.5584085962673253, 0.068308169839441657, 0.088429808616638184, -0.16673843526479618, 15}},
    {{40, 7, 5},
     {0, 20, 20, 30},
     {2, 3, 5, 1, 5},
     {1.8423264011853446, 0.018657778762277477, 0.040144178602430448, -0.13799411322247843, 1.6666666666666665}},
    {{40, 7, 5},
     {0, 20, 20, 30},
     {3, 2, 3, 0, 12.5},
     {-2.0588028441393549, -0.037191819764525791, 0.080053076744079438, -0.062523247403607457, 4}},
    {{40, 7, 5},
     {0, 20, 20, 30},
     {5, 10, 1, 1, 2},
     {-6.2962027934581997, -0.040157610014772915, 0.0449139105687556, -0.058489788130345485, 0.99999999999999978}},
    {{40, 7, 5},
     {0, 20, 20, 30},
     {4, 7, 4, 0, 1},
     {-6.2809622249494357, -0.040061175979883124, 0.044817954392791792, -0.060339254396624964, 0.99999999999999978}},
    {{40, 7, 5},
     {5, 25, 27, 40},
     {1, 1, 1, 0, 0},
     {-7.4729536543198636, -0.2250829989929507, 0.2250829989929507, 0.062406982385556642, 21}},
    {{40, 7, 5},
     {5, 25, 27, 40},
     {2, 3, 5, 1, 5},
     {0.9194910846466211, 0.013798281967893233, 0.047374999999999945, 0.001686380164850565, 2.333333333333333}},
    {{40, 7, 5},
     {5, 25, 27, 40},
     {3, 2, 3, 0, 12.5},
     {1.3786915232120796, 0.024568327664344913, 0.05257202148437512, -0.018240731230801652, 7}},
    {{40, 7, 5},
     {5, 25, 27, 40},
     {5, 10, 1, 1, 2},
     {2.1780065727342626, 0.023912164591125329, 0.023315429687499944, -0.031541233505034967, 0.99999999999999978}},
    {{40, 7, 5},
     {5, 25, 27, 40},
     {4, 7, 4, 0, 1},
     {2.1886628182938024, 0.024016676274998927, 0.023315429687500014, -0.027175713557976044, 0.99999999999999978}},
    {{40, 7, 5}, {0, 2, 2, 3}, {1, 1, 1, 0, 0}, {0, 0.078125, 0, -1, 1}},
    {{40, 7, 5}, {0, 2, 2, 3}, {2, 3, 5, 1, 5}, {0, 0.037260416666666574, 0, 0, 1}},
    {{40, 7, 5}, {0, 2, 2, 3}, {3, 2, 3, 0, 12.5}, {0, 0.031953125000000027, 0, 0.19245008972987523, 1}},
    {{40, 7, 5},
     {0, 2, 2, 3},
     {5, 10, 1, 1, 2},
     {0, 0.0020321428571428157, 0, 0.17332611908002885, 0.99999999999999978}},
    {{40, 7, 5},
     {0, 2, 2, 3},
     {4, 7, 4, 0, 1},
     {0, 0.0021321428571428047, 0, 0.17332611908002885, 0.99999999999999978}},
    {{30, 70, 5},
     {0, 15, 15, 30},
     {1, 1, 1, 0, 0},
     {0.20170407387913158, -0.0047554942547421986, 0.091901467181742275, 0.037584835650489902, 29}},
    {{30, 70, 5},
     {0, 15, 15, 30},
     {2, 3, 5, 1, 5},
     {4.3282603312165104, 0.087655550332433663, 0.051765128453572395, 0.009594121248855076, 4.333333333333333}},
    {{30, 70, 5},
     {0, 15, 15, 30},
     {3, 2, 3, 0, 12.5},
     {3.321364350683532, 0.080187729000443131, 0.087708187103271426, 0.0080738272629168675, 9}},
    {{30, 70, 5},
     {0, 15, 15, 30},
     {5, 10, 1, 1, 2},
     {3.3982478801860787, 0.043259161797279955, 0.032064829712455944, 0.0059507445032163098, 23.199999999999999}},
    {{30, 70, 5},
     {0, 15, 15, 30},
     {4, 7, 4, 0, 1},
     {1.3984646528707476, 0.021712851008813594, 0.062564073697378125, 0.0072930230605689275, 6.1428571428571406}},
};
#define N_EXPECTED (sizeof expected / sizeof expected[0])

static void assert_near(double got, double want)
{
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-12 * fabs(want) + 1e-14))
        fail_msg("%.17g is not %.17g", got, want);
}

static void scores_are_those_of_the_definitions(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EXPECTED; i++) {
        const struct expected *e = &expected[i];
        struct bench *b = bench_create(e->market.days, e->market.assets, e->market.kinds);
        set_window(b, &e->window);
        set_params(b, &e->settings);
        assert_int_equal(run(b), SHEAF_OK_STATUS);
        for (int s = 0; s < N_SCORES; s++)
            assert_near(b->scores[s], e->scores[s]);
        assert_int_equal(b->fake.builds, 1);
        bench_destroy(b);
    }
}

static void order_of_tasks_changes_no_bit(void **state)
{
    (void)state;
    struct bench *b = bench_create(40, 7, 5);
    double first[15][N_SCORES];
    for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < 15; j++) {
            int i = pass ? 14 - j : j; /* backwards the second time, all windows on one place of the memo */
            set_window(b, &expected[i].window);
            set_params(b, &expected[i].settings);
            assert_int_equal(run(b), SHEAF_OK_STATUS);
            if (pass == 0)
                memcpy(first[i], b->scores, sizeof b->scores);
            else
                assert_memory_equal(first[i], b->scores, sizeof b->scores);
        }
    }
    bench_destroy(b);
}

static void a_cube_too_large_for_the_z_table_gives_the_same_bits(void **state)
{
    (void)state;
    struct bench *b = bench_create(30, 70, 5);
    const struct expected *e = &expected[N_EXPECTED - 1];
    struct market m = {b->factors, b->returns, 30, 70, 5, 2};
    struct tables with = tables_of(&m, b->fake.cache), without = with;
    without.z = NULL;
    double mean[5], scores[2][N_SCORES];
    uint64_t rank[5];
    struct verdict v = {.mean = mean, .rank = rank};
    verdict_fill(&v, &m, &with, e->window.a, e->window.b);
    assert_true(backtest_work_size(&m, &e->window, &e->settings) <= sizeof scratch);
    assert_true(backtest_run(&m, &with, &v, &e->window, &e->settings, scratch, scores[0]));
    assert_true(backtest_run(&m, &without, &v, &e->window, &e->settings, scratch, scores[1]));
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    bench_destroy(b);
}

static void no_usable_factor_is_a_failure(void **state)
{
    (void)state;
    struct bench *b = bench_create(40, 7, 5);
    set_params(b, &(struct settings){3, 3, 5, false, 5});
    set_window(b, &(struct window){4, 5, 5, 20}); /* one train day: its correlation needs a second one */
    assert_int_equal(run(b), SHEAF_FAILED);
    assert_string_equal(b->fake.reason, "no factor");
    for (int i = 0; i < N_SCORES; i++)
        assert_true(isnan(b->scores[i]));
    bench_destroy(b);
}

static void rows_that_are_no_window_are_refused(void **state)
{
    (void)state;
    static const struct window wrong[] = {{0, 0, 5, 9}, {0, 6, 5, 9}, {0, 5, 9, 9}, {0, 5, 9, 41}, {9, 5, 10, 12}};
    struct bench *b = bench_create(40, 7, 5);
    set_params(b, &(struct settings){3, 3, 5, false, 5});
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        set_window(b, &wrong[i]);
        assert_int_equal(run(b), SHEAF_FAILED);
        assert_non_null(strstr(b->fake.reason, "walk_forward"));
    }
    set_window(b, &(struct window){0, 5, 5, 9});
    assert_int_equal(run(b), SHEAF_OK_STATUS);
    b->task.train.n_ranges = 2;
    assert_int_equal(run(b), SHEAF_FAILED);
    bench_destroy(b);
}

static void arrays_that_do_not_fit_together_are_refused(void **state)
{
    (void)state;
    struct bench *b = bench_create(40, 7, 5);
    struct sheaf_dataset dataset = {b->list, 2};
    void *other = NULL;
    b->views[1].shape[1] = 8;
    assert_int_equal(sheaf_plugin_entry.open(&b->fake.host, "{}", &dataset, &other), SHEAF_FAILED);
    assert_non_null(strstr(b->fake.reason, "same days and assets"));
    b->views[1].shape[1] = 7;
    bench_destroy(b);
}

static void the_best_are_the_largest_and_of_equals_the_first(void **state)
{
    (void)state;
    double value[130];
    uint64_t set[3] = {~(uint64_t)0, ~(uint64_t)0 << 3, 3}, chosen[3];
    struct ranked heap[130];
    for (uint32_t i = 0; i < 130; i++)
        value[i] = hash(i) % 9;
    for (uint64_t most = 1; most <= 130; most++) {
        uint64_t guess[3] = {hash((uint32_t)most), hash((uint32_t)most + 1), 1}, in_set = 0;
        uint64_t n = rank_best(value, set, guess, 3, most, heap, chosen);
        for (uint64_t i = 0; i < 130; i++) {
            uint64_t ahead = 0;
            bool is_in = set[i / 64] >> i % 64 & 1;
            for (uint64_t j = 0; j < 130; j++)
                ahead += (set[j / 64] >> j % 64 & 1) && (value[j] > value[i] || (j < i && value[j] == value[i]));
            in_set += is_in;
            assert_int_equal(chosen[i / 64] >> i % 64 & 1, is_in && ahead < most);
        }
        assert_int_equal(n, most < in_set ? most : in_set);
    }
}

static void equal_values_share_their_mean_rank(void **state)
{
    (void)state;
    enum { N = 200 };
    double x[N], rank[N];
    struct ranked order[N], spare[N];
    for (uint32_t i = 0; i < N; i++)
        x[i] = (double)(hash(i) % 30) - 10;
    for (uint64_t n = 1; n <= N; n++) {
        rank_average(x, n, order, spare, rank);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t less = 0, equal = 0;
            for (uint64_t j = 0; j < n; j++) {
                less += x[j] < x[i];
                equal += x[j] == x[i];
            }
            assert_true(rank[i] == (double)less + (double)(equal + 1) / 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_the_definitions),
        cmocka_unit_test(order_of_tasks_changes_no_bit),
        cmocka_unit_test(a_cube_too_large_for_the_z_table_gives_the_same_bits),
        cmocka_unit_test(no_usable_factor_is_a_failure),
        cmocka_unit_test(rows_that_are_no_window_are_refused),
        cmocka_unit_test(arrays_that_do_not_fit_together_are_refused),
        cmocka_unit_test(the_best_are_the_largest_and_of_equals_the_first),
        cmocka_unit_test(equal_values_share_their_mean_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
