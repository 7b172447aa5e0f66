/* SPDX-License-Identifier: MIT
 *
 * The whole plugin behind a fake host. What trading 70 made-up symbols on 60 days has to give was computed by a plain Python version of the
 * definitions in README.md, and is equal to the bit. Real prices are compared in tests/e2e/test_backtest.py.
 */
#include "sheaf/plugin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { DAYS = 60, SYMBOLS = 70, N_SCORES = 4 };

struct bench {
    struct sheaf_host host;
    char reason[200];
    void *work;
    bool poor; /* no memory */
    double close[SYMBOLS][DAYS], signal[SYMBOLS][DAYS], turned[DAYS][SYMBOLS];
    struct sheaf_view views[2];
    const struct sheaf_view *list[2];
    struct sheaf_value params[4];
    struct sheaf_task task;
    double scores[N_SCORES];
    void *state;
};

static int32_t fake_fail(const struct sheaf_host *host, const char *text)
{
    struct bench *b = host->self;
    snprintf(b->reason, sizeof b->reason, "%s", text);
    return SHEAF_FAILED;
}

static void *fake_scratch(const struct sheaf_host *host, uint64_t size)
{
    struct bench *b = host->self;
    free(b->work);
    b->work = b->poor ? NULL : malloc(size);
    if (b->work)
        memset(b->work, 0xa5, size);
    return b->work;
}

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A random walk with gaps, whose later symbols begin late; signals, of which some are no signals. */
static void fill(struct bench *b)
{
    static const double signals[16] = {1, -1, -1, (double)NAN, 0.5, -0.5};
    uint64_t state = 11;
    for (int i = 0; i < SYMBOLS; i++) {
        double close = 50 + (double)(draw(&state) % 100);
        for (int t = 0; t < DAYS; t++) {
            close *= 1 + ((double)(draw(&state) % 2001) - 1000) / 2e4;
            bool gap = draw(&state) % 11 == 0 || t < i / 16;
            b->close[i][t] = b->turned[t][i] = gap ? (double)NAN : close;
            b->signal[i][t] = signals[draw(&state) % 16];
        }
    }
}

static int32_t describe(struct bench *b, const char *config)
{
    static struct sheaf_descriptor d;
    return sheaf_plugin_entry.describe(&b->host, config, &d);
}

static int32_t open_it(struct bench *b)
{
    sheaf_plugin_entry.close(&b->host, b->state);
    b->state = NULL;
    return sheaf_plugin_entry.open(&b->host, "{}", &(struct sheaf_dataset){b->list, 2}, &b->state);
}

static struct sheaf_view view(const void *data, uint64_t rows, uint64_t columns)
{
    return (struct sheaf_view){.dtype = SHEAF_DT_F64,
                               .rank = 2,
                               .shape = {rows, columns},
                               .strides = {(int64_t)(columns * sizeof(double)), sizeof(double)},
                               .data = data};
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->host = (struct sheaf_host){.self = b, .fail = fake_fail, .scratch = fake_scratch};
    fill(b);
    b->views[0] = view(b->close, SYMBOLS, DAYS);
    b->views[1] = view(b->signal, SYMBOLS, DAYS);
    b->list[0] = &b->views[0], b->list[1] = &b->views[1];
    b->task = (struct sheaf_task){.params = b->params, .views = b->list};
    assert_int_equal(describe(b, "{}"), SHEAF_OK_STATUS);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    sheaf_plugin_entry.close(&b->host, b->state);
    free(b->work);
    free(b);
    return 0;
}

static int32_t run(struct bench *b, int64_t max_positions, double commission_bps, double stop_loss, double cash)
{
    b->params[0].i = max_positions;
    b->params[1].f = commission_bps;
    b->params[2].f = stop_loss;
    b->params[3].f = cash;
    b->reason[0] = '\0';
    return sheaf_plugin_entry.run(&b->host, b->state, &b->task, b->scores);
}

static const struct {
    int64_t max_positions;
    double commission_bps, stop_loss, cash, scores[N_SCORES];
} expected[] = {
    {1, 0, 0, 1e6, {-0x1.1db6ec4178eb4p-2, -0x1.64acba8b2ca81p+1, 0x1.8217ea751ede1p-2, 13}},
    {5, 10, 0.05, 1000, {-0x1.0293dd2ca3298p-3, -0x1.99cd63df00f0cp+1, 0x1.60601b2984ddcp-3, 90}},
    {20, 2.5, 0, 1e6, {0x1.330095ac8b600p-8, 0x1.1cd99e8dc3877p-2, 0x1.6623a51b666b2p-5, 258}},
    {100, 0, 0.02, 1e6, {-0x1.05536ba218800p-8, -0x1.0ffeb39d3c305p+0, 0x1.2695016dc19d4p-7, 383}},
    {3, 20000, 0, 1, {-0x1.4cc5e20095b92p+0, -0x1.5cc0f884a06fap+1, 0x1.4cc5e20095b92p+0, 2}},
    {7, 1, 1, 1e6, {-0x1.91e2aff9c3ae0p-4, -0x1.3c05b64e6801bp+1, 0x1.565d0fff4b4acp-3, 91}},
};

static void check_all(struct bench *b)
{
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(
            run(b, expected[i].max_positions, expected[i].commission_bps, expected[i].stop_loss, expected[i].cash),
            SHEAF_OK_STATUS);
        assert_memory_equal(b->scores, expected[i].scores, sizeof b->scores);
    }
}

static void scores_are_those_of_the_definitions(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    check_all(b);
}

static void the_layout_changes_nothing(void **state)
{
    struct bench *b = *state;
    assert_int_equal(describe(b, "{\"transposed\":true}"), SHEAF_OK_STATUS);
    b->views[0] = view(b->turned, DAYS, SYMBOLS);
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    check_all(b);
}

/* 100 shares for 100 at 1, sold at 2, nothing bought on the day of the sale although there is a signal; the second one goes
 * down with all that there is, without a close on the last day. */
static void a_small_fund_can_be_followed_by_hand(void **state)
{
    struct bench *b = *state;
    static const double close[2][5] = {{1, 2, 4, 4, 4}, {8, 8, 8, 2, (double)NAN}};
    static const double signal[2][5] = {{1, 0, -1, 0, 0}, {0, 0, 1, -1, -1}};
    b->views[0] = view(close, 2, 5);
    b->views[1] = view(signal, 2, 5);
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    assert_int_equal(run(b, 1, 0, 0, 100), SHEAF_OK_STATUS);
    assert_true(b->scores[0] == 0 && b->scores[2] == 0.75 && b->scores[3] == 4);
    static const double held[2][5] = {{1, 0, 0, 0, 0}, {1, -1, 0, 0, -1}};
    b->views[1] = view(held, 2, 5);
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    assert_int_equal(run(b, 2, 0, 0, 100), SHEAF_OK_STATUS);
    assert_true(b->scores[0] == 1.5 && b->scores[2] == 0 && b->scores[3] == 3);
    static const double never[2][5] = {{0}};
    b->views[1] = view(never, 2, 5);
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    assert_int_equal(run(b, 2, 0, 0, 100), SHEAF_OK_STATUS);
    for (int k = 0; k < N_SCORES; k++)
        assert_true(b->scores[k] == 0);
}

static void data_that_cannot_be_traded_are_refused(void **state)
{
    struct bench *b = *state;
    b->views[1].shape[0]--;
    assert_int_equal(open_it(b), SHEAF_FAILED);
    assert_string_equal(b->reason, "close has 70 symbols on 60 days, signal has 69 on 60");
    b->views[1] = view(b->signal, DAYS, SYMBOLS);
    assert_int_equal(open_it(b), SHEAF_FAILED);
    assert_string_equal(b->reason, "close has 70 symbols on 60 days, signal has 60 on 70");
    b->views[0].shape[1] = b->views[1].shape[1] = 0;
    b->views[1].shape[0] = SYMBOLS;
    assert_int_equal(open_it(b), SHEAF_FAILED);
    assert_string_equal(b->reason, "close has no symbols or no days");
    assert_int_equal(describe(b, "{\"transposed\":1}"), SHEAF_FAILED);
    assert_string_equal(b->reason, "config takes {transposed: true} or nothing");
}

/* Wherever something would be bought at it, or is held; what is not traded may have any close. */
static void a_close_that_is_not_above_0_fails_the_task(void **state)
{
    struct bench *b = *state;
    static const double bad[] = {0, -1, -0.0};
    double close[3][4] = {{1, 1, 1, 1}, {-1, 2, 1, 0}, {1, 1, 1, 1}};
    static const double signal[3][4] = {{0}, {0, 1, -1, 0}, {1, 0, 0, 0}};
    b->views[0] = view(close, 3, 4), b->views[1] = view(signal, 3, 4);
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    assert_int_equal(run(b, 3, 0, 0, 1), SHEAF_OK_STATUS);
    assert_true(b->scores[3] == 3);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        close[1][1] = bad[i];
        assert_int_equal(run(b, 3, 0, 0, 1), SHEAF_FAILED);
        assert_string_equal(b->reason, "the close of symbol 1 on day 1 is not above 0");
        close[1][1] = 2;
        close[2][3] = bad[i];
        assert_int_equal(run(b, 3, 0, 0, 1), SHEAF_FAILED);
        assert_string_equal(b->reason, "the close of symbol 2 on day 3 is not above 0");
        close[2][3] = -(double)INFINITY; /* as little a close as NaN is */
        assert_int_equal(run(b, 3, 0, 0, 1), SHEAF_OK_STATUS);
    }
}

static void a_task_of_one_symbol_fails(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    b->task.key.kind = SHEAF_KEY_INT;
    assert_int_equal(run(b, 1, 0, 0, 1), SHEAF_FAILED);
    assert_string_equal(b->reason, "a task trades all symbols: remove keys");
}

static void a_lack_of_memory_fails_the_task(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    b->poor = true;
    assert_int_equal(run(b, 1, 0, 0, 1), SHEAF_FAILED);
    assert_string_equal(b->reason, "out of memory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scores_are_those_of_the_definitions),
        TEST(the_layout_changes_nothing),
        TEST(a_small_fund_can_be_followed_by_hand),
        TEST(data_that_cannot_be_traded_are_refused),
        TEST(a_close_that_is_not_above_0_fails_the_task),
        TEST(a_task_of_one_symbol_fails),
        TEST(a_lack_of_memory_fails_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
