/* SPDX-License-Identifier: MIT
 *
 * The whole plugin behind a fake host. What a ledger of 1,128 trades has to give was computed by a plain Python version of the definitions
 * in README.md, and is equal to the bit.
 */
#include "book.h"
#include "column.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { DAYS = 400, BROKERS = 7, MOST = 70000, BLOCKS = 80000 };

/* A host that remembers what is emitted, and gives scratch memory until it has none. */
struct fake {
    struct sheaf_host host;
    char reason[320];
    void *blocks[BLOCKS];
    uint32_t n_blocks, most_blocks;
    char names[MOST][8];
    double sums[MOST][N_SUMS];
    uint32_t n_groups;
};

static int32_t fake_fail(const struct sheaf_host *host, const char *text)
{
    struct fake *f = host->self;
    snprintf(f->reason, sizeof f->reason, "%s", text);
    return SHEAF_FAILED;
}

static void *fake_scratch(const struct sheaf_host *host, uint64_t size)
{
    struct fake *f = host->self;
    if (f->n_blocks == f->most_blocks)
        return NULL;
    void *block = malloc(size);
    assert_non_null(block);
    memset(block, 0xa5, size);
    return f->blocks[f->n_blocks++] = block;
}

static int32_t fake_emit(const struct sheaf_host *host, const char *group, const double *values)
{
    struct fake *f = host->self;
    assert_true(f->n_groups < MOST);
    snprintf(f->names[f->n_groups], sizeof f->names[0], "%s", group);
    memcpy(f->sums[f->n_groups++], values, sizeof f->sums[0]);
    return SHEAF_OK_STATUS;
}

/* A ledger, and the plugin on it. */
struct bench {
    struct fake fake;
    struct sheaf_view views[6];
    const struct sheaf_view *list[6];
    int32_t day[MOST], broker[MOST], close_day[DAYS];
    double quantity[MOST], price[MOST], close[DAYS];
    int64_t long_broker[MOST], long_quantity[MOST];
    uint64_t n;
    struct sheaf_value params[3];
    struct sheaf_task task;
    double scores[N_SUMS];
};

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void set_view(struct bench *b, uint32_t at, uint32_t dtype, const void *data, uint64_t n)
{
    b->views[at] = (struct sheaf_view){.dtype = dtype, .rank = 1, .shape = {n}, .strides = {8}, .data = data};
    b->list[at] = &b->views[at];
}

static void set_views(struct bench *b)
{
    set_view(b, 0, SHEAF_DT_I32, b->day, b->n);
    set_view(b, 1, SHEAF_DT_I32, b->broker, b->n);
    set_view(b, 2, SHEAF_DT_F64, b->quantity, b->n);
    set_view(b, 3, SHEAF_DT_F64, b->price, b->n);
    set_view(b, 4, SHEAF_DT_I32, b->close_day, DAYS);
    set_view(b, 5, SHEAF_DT_F64, b->close, DAYS);
}

static void add(struct bench *b, int32_t day, int32_t broker, double quantity, double price)
{
    b->day[b->n] = day;
    b->broker[b->n] = broker;
    b->quantity[b->n] = quantity;
    b->price[b->n] = price;
    b->n++;
}

/* As the reference's generator has it, with seed 99 and three trades on each day that has a close. */
static void fill(struct bench *b)
{
    uint64_t state = 99;
    b->n = 0;
    for (int32_t d = 0; d < DAYS; d++) {
        double close = d % 17 == 5 ? (double)NAN : 50 + (double)(d * 37 % 101) / 8;
        b->close_day[d] = d;
        b->close[d] = d < DAYS - 3 ? close : (double)NAN;
        for (int i = 0; i < 3 && isfinite(close); i++) {
            int32_t broker = (int32_t)(draw(&state) % BROKERS);
            double size = 100 * (double)(1 + draw(&state) % 20), side = draw(&state) & 1 ? 1 : -1;
            double off = (double)((int64_t)(draw(&state) % 201) - 100) / 1e4;
            add(b, d, broker, side * size, rint(close * (1 + off) * 1e4) / 1e4);
        }
    }
    set_views(b);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->fake.host = (struct sheaf_host){.self = &b->fake, .fail = fake_fail, .scratch = fake_scratch, .emit = fake_emit};
    b->fake.most_blocks = BLOCKS;
    b->task = (struct sheaf_task){.params = b->params, .views = b->list};
    fill(b);
    *state = b;
    return 0;
}

static void free_blocks(struct fake *f)
{
    while (f->n_blocks > 0)
        free(f->blocks[--f->n_blocks]);
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static int32_t run(struct bench *b, int64_t matching, double fee_bps, int64_t start_day)
{
    b->params[0].i = matching;
    b->params[1].f = fee_bps;
    b->params[2].i = start_day;
    b->fake.n_groups = 0;
    b->fake.reason[0] = '\0';
    int32_t status = sheaf_plugin_entry.run(&b->fake.host, NULL, &b->task, b->scores);
    free_blocks(&b->fake);
    return status;
}

static int32_t open_it(struct bench *b)
{
    void *state = NULL;
    return sheaf_plugin_entry.open(&b->fake.host, "{}", &(struct sheaf_dataset){b->list, 6}, &state);
}

/* Parameters, the scores, and the sums of broker 3. */
static const struct {
    int64_t matching;
    double fee_bps;
    int64_t start_day;
    double scores[N_SUMS], third[N_SUMS];
} expected[] = {
    {MATCHING_FIFO,
     0.0,
     0,
     {-0x1.180bdeb851ea6p+16, -0x1.a8af5c28f5bf8p+11, 0x0.0p+0, 0x1.15ee000000000p+19, 0x1.f700000000000p+8,
      0x1.01c0000000000p+10, 0x1.4793600000000p+23},
     {0x1.2710e147ae178p+13, -0x1.cc3170a3d70a4p+12, 0x0.0p+0, 0x1.7a20000000000p+16, 0x1.7800000000000p+6,
      0x1.5c00000000000p+7, 0x1.28b4400000000p+21}},
    {MATCHING_FIFO,
     2.5,
     150,
     {-0x1.dcfcb851eb827p+14, -0x1.a8af5c28f5bf8p+11, 0x1.48dc7980b2421p+13, 0x1.6a03000000000p+18,
      0x1.4900000000000p+8, 0x1.4900000000000p+9, 0x1.e69d700000000p+22},
     {-0x1.1971e147ae13ap+14, -0x1.cc3170a3d70a4p+12, 0x1.953590abb44e3p+10, 0x1.de20000000000p+15,
      0x1.d800000000000p+5, 0x1.b000000000000p+6, 0x1.de32c00000000p+20}},
    {MATCHING_LIFO,
     0.0,
     0,
     {-0x1.639f428f5c280p+16, 0x1.f26f47ae147afp+13, 0x0.0p+0, 0x1.15ee000000000p+19, 0x1.e900000000000p+8,
      0x1.fc00000000000p+9, 0x1.1832780000000p+23},
     {0x1.c25f333333379p+12, -0x1.406ee147ae14ap+12, 0x0.0p+0, 0x1.7a20000000000p+16, 0x1.6c00000000000p+6,
      0x1.5c00000000000p+7, 0x1.27d6600000000p+21}},
    {MATCHING_LIFO,
     2.5,
     150,
     {-0x1.2ca519999998dp+16, 0x1.f26f47ae147afp+13, 0x1.48dc7980b2421p+13, 0x1.6a03000000000p+18, 0x1.3f00000000000p+8,
      0x1.4800000000000p+9, 0x1.aac2000000000p+22},
     {-0x1.26ae147ae1470p+14, -0x1.406ee147ae14ap+12, 0x1.953590abb44e3p+10, 0x1.de20000000000p+15,
      0x1.b800000000000p+5, 0x1.bc00000000000p+6, 0x1.086aa00000000p+21}},
    {MATCHING_AVERAGE,
     0.0,
     0,
     {-0x1.277c4d4b11ef0p+16, 0x1.1579d8bc29120p+9, 0x0.0p+0, 0x1.15ee000000000p+19, 0x1.1d00000000000p+8,
      0x1.2c00000000000p+9, 0x1.2753e80000000p+25},
     {0x1.0290b94b94adap+13, -0x1.833120aba4561p+12, 0x0.0p+0, 0x1.7a20000000000p+16, 0x1.8000000000000p+5,
      0x1.9000000000000p+6, 0x1.693bc80000000p+23}},
    {MATCHING_AVERAGE,
     2.5,
     150,
     {-0x1.49c1df1de6797p+15, 0x1.1579d8bc29120p+9, 0x1.48dc7980b2421p+13, 0x1.6a03000000000p+18, 0x1.5200000000000p+7,
      0x1.6800000000000p+8, 0x1.e989e00000000p+24},
     {-0x1.8af2511d7968bp+13, -0x1.833120aba4561p+12, 0x1.953590abb44e3p+10, 0x1.de20000000000p+15,
      0x1.a000000000000p+4, 0x1.e000000000000p+5, 0x1.4125480000000p+23}},
};

static void check_sums(struct bench *b)
{
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(run(b, expected[i].matching, expected[i].fee_bps, expected[i].start_day), SHEAF_OK_STATUS);
        assert_memory_equal(b->scores, expected[i].scores, sizeof b->scores);
        assert_int_equal(b->fake.n_groups, BROKERS);
        assert_string_equal(b->fake.names[3], "3");
        assert_memory_equal(b->fake.sums[3], expected[i].third, sizeof b->fake.sums[3]);
    }
}

static void sums_are_those_of_the_definitions(void **state)
{
    struct bench *b = *state;
    assert_int_equal(b->n, 1128);
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    check_sums(b);
}

/* As CSV files give them: int64 and dates; and brokers by name. */
static void the_columns_types_do_not_matter(void **state)
{
    struct bench *b = *state;
    static const char *const names[BROKERS] = {"0", "1", "2", "3", "4", "5", "6"};
    for (uint64_t i = 0; i < b->n; i++) {
        b->long_broker[i] = b->broker[i];
        b->long_quantity[i] = (int64_t)b->quantity[i];
    }
    set_view(b, 0, SHEAF_DT_DATE, b->day, b->n);
    set_view(b, 1, SHEAF_DT_I64, b->long_broker, b->n);
    set_view(b, 2, SHEAF_DT_I64, b->long_quantity, b->n);
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    check_sums(b);
    set_view(b, 1, SHEAF_DT_CODE, b->broker, b->n);
    b->views[1].dictionary = names;
    b->views[1].n_dictionary = BROKERS;
    assert_int_equal(open_it(b), SHEAF_OK_STATUS);
    check_sums(b);
}

static void every_type_is_read_as_it_is(void **state)
{
    (void)state;
    static const int8_t i8[] = {-1, 2};
    static const int16_t i16[] = {-1, 2};
    static const int32_t i32[] = {-1, 2};
    static const int64_t i64[] = {-1, 2};
    static const uint8_t u8[] = {255, 2};
    static const uint16_t u16[] = {65535, 2};
    static const uint32_t u32[] = {4294967295u, 2};
    static const float f32[] = {-1.5f, 2};
    static const double f64[] = {-1.5, 2};
    static const struct {
        uint32_t dtype;
        const void *data;
        double first;
        bool whole;
    } cases[] = {
        {SHEAF_DT_I8, i8, -1, true},           {SHEAF_DT_I16, i16, -1, true},    {SHEAF_DT_I32, i32, -1, true},
        {SHEAF_DT_I64, i64, -1, true},         {SHEAF_DT_U8, u8, 255, true},     {SHEAF_DT_U16, u16, 65535, true},
        {SHEAF_DT_U32, u32, 4294967295, true}, {SHEAF_DT_F32, f32, -1.5, false}, {SHEAF_DT_F64, f64, -1.5, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sheaf_view v = {.dtype = cases[i].dtype, .rank = 1, .shape = {2}, .data = cases[i].data};
        double x[2];
        int64_t w[2];
        assert_true(column_is_number(&v) && column_is_whole(&v, false) == cases[i].whole);
        const double *numbers = column_numbers(&v, 0, 2, x);
        assert_true(numbers[0] == cases[i].first && numbers[1] == 2);
        if (!cases[i].whole)
            continue;
        const int64_t *whole = column_whole(&v, 0, 2, w);
        assert_true((double)whole[0] == cases[i].first && whole[1] == 2);
        assert_int_equal(column_whole(&v, 1, 1, w)[0], 2);
    }
}

static void other_types_and_lengths_are_refused(void **state)
{
    struct bench *b = *state;
    static const struct {
        uint32_t at, dtype;
        const char *why;
    } cases[] = {{0, SHEAF_DT_F64, "trades.day must be whole numbers, not floats"},
                 {0, SHEAF_DT_CODE, "trades.day must be whole numbers, not floats"},
                 {1, SHEAF_DT_U64, "trades.broker must be whole numbers, not floats"},
                 {2, SHEAF_DT_CODE, "trades.quantity must be numbers"},
                 {3, SHEAF_DT_DATE, "trades.price must be numbers"},
                 {5, SHEAF_DT_BOOL, "closes.close must be numbers"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_views(b);
        b->views[cases[i].at].dtype = cases[i].dtype;
        assert_int_equal(open_it(b), SHEAF_FAILED);
        assert_string_equal(b->fake.reason, cases[i].why);
    }
    set_views(b);
    b->views[2].shape[0]--;
    assert_int_equal(open_it(b), SHEAF_FAILED);
    assert_string_equal(b->fake.reason, "trades.quantity must have as many rows as the other columns of its table");
}

static void a_bad_row_fails_the_task_and_is_named(void **state)
{
    struct bench *b = *state;
    static const struct {
        int32_t day;
        double quantity, price;
        const char *why;
    } cases[] = {
        {-1, 1, 1, "its day is before the one of the row above (does the sweep lack `keys`?)"},
        {300, 0, 1, "its quantity is 0"},
        {300, 1.5, 1, "its quantity is not a whole number below 2^53"},
        {300, -0x1p53, 1, "its quantity is not a whole number below 2^53"},
        {300, NAN, 1, "its quantity is not a whole number below 2^53"},
        {300, 1, NAN, "its price is not a number above 0"},
        {300, 1, INFINITY, "its price is not a number above 0"},
        {300, 1, -1, "its price is not a number above 0"},
    };
    char text[320];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        b->n = 0;
        for (int k = 0; k < 299; k++)
            add(b, k, 1, 1, 1);
        add(b, cases[i].day, 1, cases[i].quantity, cases[i].price);
        set_views(b);
        b->task.key = (struct sheaf_key){.kind = i % 2 ? SHEAF_KEY_TEXT : SHEAF_KEY_INT, .i = 17, .text = "AAPL"};
        assert_int_equal(run(b, MATCHING_FIFO, 0, 0), SHEAF_FAILED);
        snprintf(text, sizeof text, "row 300 of the trades of %s: %s", i % 2 ? "AAPL" : "17", cases[i].why);
        assert_string_equal(b->fake.reason, text);
    }
    fill(b);
    b->task.key.kind = SHEAF_KEY_NONE;
    b->close_day[7] = 6;
    assert_int_equal(run(b, MATCHING_FIFO, 0, 0), SHEAF_FAILED);
    assert_string_equal(b->fake.reason, "row 8 of the closes: its day is not after the one of the row above");
}

static void without_closes_the_last_trade_is_the_mark(void **state)
{
    struct bench *b = *state;
    b->n = 0;
    add(b, 1, 5, 10, 2);
    add(b, 1, 4, -3, 2.5);
    add(b, 2, 5, 10, 4);
    set_views(b);
    for (int i = 0; i < DAYS; i++)
        b->close[i] = (double)NAN;
    for (int empty = 0; empty < 2; empty++) {
        assert_int_equal(run(b, MATCHING_LIFO, 10, 2), SHEAF_OK_STATUS);
        assert_true(b->scores[SUM_UNREALIZED] == 20 - 4.5 && b->scores[SUM_FEES] == 0.04);
        assert_string_equal(b->fake.names[0], "4");
        assert_true(b->fake.sums[0][SUM_UNREALIZED] == -4.5);
        b->views[4].shape[0] = b->views[5].shape[0] = 0;
    }
}

static void a_symbol_without_trades_has_sums_of_nothing(void **state)
{
    struct bench *b = *state;
    b->n = 0;
    set_views(b);
    assert_int_equal(run(b, MATCHING_FIFO, 1, 0), SHEAF_OK_STATUS);
    for (int k = 0; k < N_SUMS; k++)
        assert_true(b->scores[k] == 0);
    assert_int_equal(b->fake.n_groups, 0);
}

static void brokers_come_in_ascending_order_up_to_a_limit(void **state)
{
    struct bench *b = *state;
    b->n = 0;
    for (int32_t i = 0; i < (int32_t)BOOK_MAX_BROKERS; i++)
        add(b, 1, (int32_t)BOOK_MAX_BROKERS / 2 - i, 1 + i % 5, 2);
    set_views(b);
    assert_int_equal(run(b, MATCHING_FIFO, 0, 0), SHEAF_OK_STATUS);
    assert_int_equal(b->fake.n_groups, BOOK_MAX_BROKERS);
    for (uint32_t i = 0; i < BOOK_MAX_BROKERS; i += 1000)
        assert_int_equal(atoi(b->fake.names[i]), (int)i + 1 - (int)BOOK_MAX_BROKERS / 2);
    add(b, 1, 1000000, 1, 2);
    set_views(b);
    assert_int_equal(run(b, MATCHING_FIFO, 0, 0), SHEAF_FAILED);
    assert_string_equal(b->fake.reason, "row 65537 of the trades: there are more than 65,536 brokers");
}

static void a_lack_of_memory_fails_the_task(void **state)
{
    struct bench *b = *state;
    b->n = 0;
    for (int32_t i = 0; i < 300; i++)
        add(b, 1, i, 1, 2);
    set_views(b);
    uint32_t failed = 0;
    for (b->fake.most_blocks = 0; run(b, MATCHING_FIFO, 0, 0) != SHEAF_OK_STATUS; b->fake.most_blocks++, failed++)
        assert_non_null(strstr(b->fake.reason, "out of memory"));
    assert_true(failed > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_are_those_of_the_definitions),
        TEST(the_columns_types_do_not_matter),
        TEST(every_type_is_read_as_it_is),
        TEST(other_types_and_lengths_are_refused),
        TEST(a_bad_row_fails_the_task_and_is_named),
        TEST(without_closes_the_last_trade_is_the_mark),
        TEST(a_symbol_without_trades_has_sums_of_nothing),
        TEST(brokers_come_in_ascending_order_up_to_a_limit),
        TEST(a_lack_of_memory_fails_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
