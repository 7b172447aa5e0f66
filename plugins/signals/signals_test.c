/* SPDX-License-Identifier: MIT
 *
 * The whole plugin behind a fake host. When it has to buy and sell on 200 days of made-up closes was computed by a plain Python version of
 * the definitions in README.md; whole closes make its means tie. Real prices are compared in tests/e2e/test_backtest.py.
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

enum { DAYS = 200, SYMBOLS = 3, SMA = 0, RSI = 1 };

/* A host with memory and one row, and the plugin on closes of three symbols of which the second is the made-up one. */
struct bench {
    struct sheaf_host host;
    char reason[160];
    void *blocks[8];
    uint32_t n_blocks, most_blocks;
    double row[DAYS];
    struct sheaf_output_rows rows;
    bool has_rows;
    double close[SYMBOLS][DAYS], turned[DAYS][SYMBOLS];
    struct sheaf_view view;
    const struct sheaf_view *list[1];
    struct sheaf_value params[6];
    struct sheaf_task task;
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
    if (b->n_blocks == b->most_blocks)
        return NULL;
    void *block = malloc(size);
    assert_non_null(block);
    memset(block, 0xa5, size);
    return b->blocks[b->n_blocks++] = block;
}

static void *fake_row(const struct sheaf_host *host, uint32_t output)
{
    struct bench *b = host->self;
    return output == 0 ? b->row : NULL;
}

static const void *fake_table(const struct sheaf_host *host, const char *id)
{
    struct bench *b = host->self;
    return b->has_rows && strcmp(id, SHEAF_OUTPUT_TABLE) == 0 ? &b->rows : NULL;
}

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void fill(struct bench *b)
{
    uint64_t state = 7;
    double close = 100;
    for (int t = 0; t < DAYS; t++) {
        close = fmax(20, close + (double)(draw(&state) % 9) - 4);
        b->close[0][t] = 1;
        b->close[1][t] = draw(&state) % 16 == 0 ? (double)NAN : close;
        b->close[2][t] = t % 2 ? (double)NAN : (double)INFINITY;
        for (int i = 0; i < SYMBOLS; i++)
            b->turned[t][i] = b->close[i][t];
    }
}

static int32_t describe(struct bench *b, const char *config)
{
    static struct sheaf_descriptor d;
    return sheaf_plugin_entry.describe(&b->host, config, &d);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->host = (struct sheaf_host){.self = b, .fail = fake_fail, .scratch = fake_scratch, .table = fake_table};
    b->most_blocks = 8;
    b->has_rows = true;
    b->rows = (struct sheaf_output_rows){sizeof b->rows, fake_row};
    fill(b);
    b->view = (struct sheaf_view){.dtype = SHEAF_DT_F64,
                                  .rank = 2,
                                  .shape = {SYMBOLS, DAYS},
                                  .strides = {sizeof b->close[0], sizeof b->close[0][0]},
                                  .data = b->close};
    b->list[0] = &b->view;
    b->task = (struct sheaf_task){.params = b->params, .views = b->list, .key = {.kind = SHEAF_KEY_INT, .i = 1}};
    assert_int_equal(describe(b, "{}"), SHEAF_OK_STATUS);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static int32_t run(struct bench *b, const struct sheaf_value params[6])
{
    memcpy(b->params, params, sizeof b->params);
    for (int t = 0; t < DAYS; t++)
        b->row[t] = (double)NAN;
    b->reason[0] = '\0';
    int32_t status = sheaf_plugin_entry.run(&b->host, NULL, &b->task, NULL);
    while (b->n_blocks > 0)
        free(b->blocks[--b->n_blocks]);
    return status;
}

#define PARAMS(rule, fast, slow, period, lower, upper)                                                                 \
    {                                                                                                                  \
        {.i = (rule)}, {.i = (fast)}, {.i = (slow)}, {.i = (period)}, {.f = (lower)},                                  \
        {                                                                                                              \
            .f = (upper)                                                                                               \
        }                                                                                                              \
    }

/* What to do on which day, the first is 1: buy, or sell where it is negative. */
static const struct {
    struct sheaf_value params[6];
    int days[40];
} expected[] = {
    {PARAMS(SMA, 3, 8, 1, 0, 0), {14,   -17, 47,   -50, 61,   -69, 95,   -100, 105,  -109, 112,  -120, 125,
                                  -129, 134, -136, 149, -156, 162, -171, 173,  -183, 186,  -190, 199}},
    {PARAMS(SMA, 12, 5, 1, 0, 0), {-61, 71, -96, 100, -107, 123, -127, 131, -150, 158, -165, 192}},
    {PARAMS(SMA, 20, 33, 1, 0, 0), {116, -141, 165}},
    {PARAMS(SMA, 4, 4, 1, 0, 0), {0}},
    {PARAMS(SMA, 3, 201, 1, 0, 0), {0}},
    {PARAMS(SMA, INT64_MAX, 3, 1, 0, 0), {0}},
    {PARAMS(RSI, 1, 1, 5, 30, 70), {20,   24,   32,   38,  41,  45,  51,  57,   -64,  -66,  87,   92,   102, -107,
                                    -113, -118, -127, 131, 137, 143, 149, -154, -165, -176, -180, -186, 196}},
    {PARAMS(RSI, 1, 1, 14, 40, 60), {20, 24, 46, 60, 106, 111, -118, 149, -153, -165, -188, 196}},
    {PARAMS(RSI, 1, 1, 201, 30, 70), {0}},
};

static void check_row(const struct bench *b, const int *days)
{
    for (int t = 0; t < DAYS; t++) {
        int now = *days == t + 1 || *days == -(t + 1) ? *days++ : 0;
        assert_true(b->row[t] == (now > 0 ? 1 : now < 0 ? -1 : 0));
    }
}

static void check_all(struct bench *b)
{
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(run(b, expected[i].params), SHEAF_OK_STATUS);
        check_row(b, expected[i].days);
    }
}

static void signals_are_those_of_the_definitions(void **state)
{
    check_all(*state);
}

static void the_layout_changes_nothing(void **state)
{
    struct bench *b = *state;
    assert_int_equal(describe(b, "{\"transposed\":true}"), SHEAF_OK_STATUS);
    b->view.shape[0] = DAYS, b->view.shape[1] = SYMBOLS;
    b->view.strides[0] = sizeof b->turned[0];
    b->view.data = b->turned;
    check_all(b);
}

static void what_never_trades_or_never_moves_has_no_signals(void **state)
{
    struct bench *b = *state;
    static const struct sheaf_value by_average[6] = PARAMS(SMA, 2, 5, 1, 0, 0),
                                    by_strength[6] = PARAMS(RSI, 1, 1, 2, 30, 70);
    for (int symbol = 0; symbol < SYMBOLS; symbol += 2) {
        b->task.key.i = symbol;
        assert_int_equal(run(b, by_average), SHEAF_OK_STATUS);
        check_row(b, &(int){0});
        assert_int_equal(run(b, by_strength), SHEAF_OK_STATUS);
        check_row(b, &(int){0});
    }
}

/* By the relative strength nothing that only rises is ever below 100. */
static void what_only_rises_and_then_only_falls_crosses_once(void **state)
{
    struct bench *b = *state;
    static const struct sheaf_value by_average[6] = PARAMS(SMA, 1, 50, 1, 0, 0),
                                    by_strength[6] = PARAMS(RSI, 1, 1, 1, 50, 99);
    for (int t = 0; t < DAYS; t++)
        b->close[1][t] = t < 100 ? t : 198 - t;
    assert_int_equal(run(b, by_average), SHEAF_OK_STATUS);
    check_row(b, (int[]){-115, 0});
    assert_int_equal(run(b, by_strength), SHEAF_OK_STATUS);
    check_row(b, (int[]){-101, 0});
}

/* Sums of 0.2 and of 0.1 differ in their last bit from 3 and from 5 times that. */
static void averages_that_differ_by_rounding_only_are_equal(void **state)
{
    struct bench *b = *state;
    static const struct sheaf_value params[6] = PARAMS(SMA, 3, 5, 1, 0, 0);
    for (int t = 0; t < DAYS; t++)
        b->close[1][t] = t < 10 || t >= 100 ? 0.2 : 0.1;
    assert_int_equal(run(b, params), SHEAF_OK_STATUS);
    check_row(b, (int[]){-11, 101, 0});
}

/* Not even a spread, say, which may be below 0, moves by standing still. */
static void averages_below_0_are_equal_when_they_are(void **state)
{
    struct bench *b = *state;
    static const struct sheaf_value params[6] = PARAMS(SMA, 1, 2, 1, 0, 0);
    for (int t = 0; t < DAYS; t++)
        b->close[1][t] = t < 100 ? -2 : -4;
    assert_int_equal(run(b, params), SHEAF_OK_STATUS);
    check_row(b, (int[]){-101, 0});
}

/* An extreme that is reached counts, one that is not left does not; the strength has nine decimals. */
static void the_relative_strength_meets_its_extremes(void **state)
{
    struct bench *b = *state;
    static const struct sheaf_value all[6] = PARAMS(RSI, 1, 1, 1, 100, 0);
    static const struct sheaf_value thirds[6] = PARAMS(RSI, 1, 1, 2, 66.666666667, 1000);
    for (int t = 0; t < DAYS; t++)
        b->close[1][t] = t < 10 ? 100 + t : t < 20 ? 110 - t : 90 + (t - 19) / 100.0;
    assert_int_equal(run(b, all), SHEAF_OK_STATUS);
    check_row(b, (int[]){-11, 22, 0});
    for (int t = 0; t < DAYS; t++)
        b->close[1][t] = t == 1 || t == 2 ? 8 : 10;
    assert_int_equal(run(b, thirds), SHEAF_OK_STATUS);
    check_row(b, (int[]){4, 0});
}

static void what_is_no_symbol_fails_and_is_named(void **state)
{
    struct bench *b = *state;
    static const int64_t keys[] = {-1, SYMBOLS, INT64_MIN, INT64_MAX};
    char text[160];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        b->task.key.i = keys[i];
        assert_int_equal(run(b, expected[0].params), SHEAF_FAILED);
        snprintf(text, sizeof text, "there is no symbol %lld: the data has 3", (long long)keys[i]);
        assert_string_equal(b->reason, text);
    }
    b->task.key.kind = SHEAF_KEY_NONE;
    assert_int_equal(run(b, expected[0].params), SHEAF_FAILED);
    assert_string_equal(b->reason, "a task is a symbol: add keys: {range: [0, SYMBOLS]}");
    assert_int_equal(describe(b, "{\"transpose\":true}"), SHEAF_FAILED);
    assert_string_equal(b->reason, "config takes {transposed: true} or nothing");
}

static void a_lack_of_memory_or_of_rows_fails_the_task(void **state)
{
    struct bench *b = *state;
    for (b->most_blocks = 0; b->most_blocks < 2; b->most_blocks++) {
        assert_int_equal(run(b, expected[0].params), SHEAF_FAILED);
        assert_string_equal(b->reason, "out of memory");
    }
    b->has_rows = false;
    assert_int_equal(run(b, expected[0].params), SHEAF_FAILED);
    assert_string_equal(b->reason, "this sheaf has no output arrays");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signals_are_those_of_the_definitions),
        TEST(the_layout_changes_nothing),
        TEST(what_never_trades_or_never_moves_has_no_signals),
        TEST(what_only_rises_and_then_only_falls_crosses_once),
        TEST(averages_that_differ_by_rounding_only_are_equal),
        TEST(averages_below_0_are_equal_when_they_are),
        TEST(the_relative_strength_meets_its_extremes),
        TEST(what_is_no_symbol_fails_and_is_named),
        TEST(a_lack_of_memory_or_of_rows_fails_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
