/* SPDX-License-Identifier: MIT
 *
 * fifo_pnl: the profit and loss of every broker out of a ledger of trades, a symbol a task. See README.md.
 */
#include "book.h"
#include "column.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define ROWS 256u /* rows of the ledger that are read at once */
#define WHOLE_BELOW 0x1p53

enum { P_MATCHING, P_FEE_BPS, P_START_DAY };
enum { A_DAY, A_BROKER, A_QUANTITY, A_PRICE, A_CLOSE_DAY, A_CLOSE, N_ARRAYS };

static const char *const matchings[] = {"fifo", "lifo", "average"};
static const struct sheaf_param params[] = {
    {"matching",
     SHEAF_CHOICE,
     false,
     {.i = MATCHING_FIFO},
     1,
     0,
     matchings,
     COUNT(matchings),
     "",
     "which open lots a trade closes first: the oldest, the newest, or one lot at the average price"},
    {"fee_bps", SHEAF_FLOAT, false, {.f = 0}, 0, INFINITY, NULL, 0, "bps", "fee of a trade's value"},
    {"start_day", SHEAF_INT, false, {.i = 0}, 1, 0, NULL, 0, "", "trades before it build lots and are not counted"},
};
static const struct sheaf_array arrays[N_ARRAYS] = {
    [A_DAY] = {"trades.day", SHEAF_ANY, 1, true, NULL, "whole numbers or dates that never decrease"},
    [A_BROKER] = {"trades.broker", SHEAF_ANY, 1, true, NULL, "whole numbers or texts"},
    [A_QUANTITY] = {"trades.quantity", SHEAF_ANY, 1, true, NULL, "whole and never 0: bought, or sold where negative"},
    [A_PRICE] = {"trades.price", SHEAF_ANY, 1, true, NULL, "above 0"},
    [A_CLOSE_DAY] = {"closes.day", SHEAF_ANY, 1, true, NULL, "ascending, like trades.day"},
    [A_CLOSE] = {"closes.close", SHEAF_ANY, 1, true, NULL, "closing prices; NaN = none that day"},
};
static const struct sheaf_score score_names[N_SUMS] = {
    [SUM_REALIZED] = {"realized", "", "profit of what was closed"},
    [SUM_UNREALIZED] = {"unrealized", "", "profit of what is open, at the last close"},
    [SUM_FEES] = {"fees", "", "sum of the trades' fees"},
    [SUM_CLOSED] = {"closed", "", "quantity that was closed"},
    [SUM_WINS] = {"wins", "", "matched pieces with a profit"},
    [SUM_CLOSES] = {"closes", "", "matched pieces"},
    [SUM_HOLDING] = {"holding", "days", "sum of closed quantity times days held"},
};

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "fifo_pnl", out->version = "1.0",
    out->summary = "profit and loss of every broker in a ledger of trades";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = N_ARRAYS;
    out->scores = score_names, out->n_scores = N_SUMS;
    out->group_values = score_names, out->n_group_values = N_SUMS;
    return SHEAF_OK_STATUS;
}

static int32_t open_dataset(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                            void **state)
{
    (void)config, (void)state;
    const struct sheaf_view *const *v = dataset->views;
    static const bool whole[N_ARRAYS] = {[A_DAY] = true, [A_BROKER] = true, [A_CLOSE_DAY] = true};
    char text[160];
    for (uint32_t i = 0; i < N_ARRAYS; i++)
        if (!(whole[i] ? column_is_whole(v[i], i == A_BROKER) : column_is_number(v[i]))) {
            snprintf(text, sizeof text, "%s must be %s", arrays[i].name,
                     whole[i] ? "whole numbers, not floats" : "numbers");
            return host->fail(host, text);
        }
    for (uint32_t i = 0; i < N_ARRAYS; i++)
        if (v[i]->shape[0] != v[i < A_CLOSE_DAY ? A_DAY : A_CLOSE_DAY]->shape[0]) {
            snprintf(text, sizeof text, "%s must have as many rows as the other columns of its table", arrays[i].name);
            return host->fail(host, text);
        }
    return SHEAF_OK_STATUS;
}

/* ---- one task ---- */

static int32_t refuse(const struct sheaf_host *host, const struct sheaf_task *task, const char *table, uint64_t row,
                      const char *why)
{
    char text[320], of[160] = "";
    if (task->key.kind == SHEAF_KEY_TEXT)
        snprintf(of, sizeof of, " of %.120s", task->key.text);
    else if (task->key.kind == SHEAF_KEY_INT)
        snprintf(of, sizeof of, " of %" PRId64, task->key.i);
    snprintf(text, sizeof text, "row %" PRIu64 " of the %s%s: %s", row + 1, table, of, why);
    return host->fail(host, text);
}

/* What is wrong with a row; NULL = nothing. */
static const char *check_row(int64_t day, int64_t day_before, double quantity, double price)
{
    if (day < day_before)
        return "its day is before the one of the row above (does the sweep lack `keys`?)";
    if (!isfinite(price) || price <= 0)
        return "its price is not a number above 0";
    if (quantity == 0)
        return "its quantity is 0";
    if (!(fabs(quantity) < WHOLE_BELOW) || quantity != (double)(int64_t)quantity)
        return "its quantity is not a whole number below 2^53";
    return NULL;
}

/* Rows [from, from + n), n <= ROWS. before: the day of the row above, and then the last one's. Returns how many rows are as they must be;
 * *why: what is wrong with the next. */
static uint64_t read_rows(const struct sheaf_view *const *v, uint64_t from, uint64_t n, int64_t *before,
                          struct trade *trades, const char **why)
{
    int64_t day_room[ROWS], broker_room[ROWS];
    double quantity_room[ROWS], price_room[ROWS];
    const int64_t *day = column_whole(v[A_DAY], from, n, day_room);
    const int64_t *broker = column_whole(v[A_BROKER], from, n, broker_room);
    const double *quantity = column_numbers(v[A_QUANTITY], from, n, quantity_room);
    const double *price = column_numbers(v[A_PRICE], from, n, price_room);
    for (uint64_t i = 0; i < n; i++) {
        *why = check_row(day[i], *before, quantity[i], price[i]);
        if (*why)
            return i;
        *before = day[i];
        trades[i] = (struct trade){day[i], broker[i], (int64_t)quantity[i], price[i]};
    }
    return n;
}

/* Takes in every trade. last: the last price. */
static int32_t read_trades(const struct sheaf_host *host, const struct sheaf_task *task, struct book *b, double *last)
{
    struct trade trades[ROWS];
    int64_t before = INT64_MIN;
    uint64_t rows = task->views[A_DAY]->shape[0];
    for (uint64_t from = 0, n, done; from < rows; from += n) {
        const char *wrong = NULL;
        n = read_rows(task->views, from, rows - from < ROWS ? rows - from : ROWS, &before, trades, &wrong);
        const char *why = book_trades(b, trades, n, &done);
        if (why || wrong)
            return refuse(host, task, "trades", from + done, why ? why : wrong);
        *last = trades[n - 1].price;
    }
    return SHEAF_OK_STATUS;
}

/* Finds the last finite close, if there is one. */
static int32_t read_closes(const struct sheaf_host *host, const struct sheaf_task *task, double *last)
{
    const struct sheaf_view *const *v = task->views;
    int64_t day_room[ROWS], before = 0;
    double close_room[ROWS];
    uint64_t rows = v[A_CLOSE]->shape[0];
    for (uint64_t from = 0, n; from < rows; from += n) {
        n = rows - from < ROWS ? rows - from : ROWS;
        const int64_t *day = column_whole(v[A_CLOSE_DAY], from, n, day_room);
        const double *close = column_numbers(v[A_CLOSE], from, n, close_room);
        for (uint64_t i = 0; i < n; i++) {
            if (from + i > 0 && day[i] <= before)
                return refuse(host, task, "closes", from + i, "its day is not after the one of the row above");
            before = day[i];
            if (isfinite(close[i]))
                *last = close[i];
        }
    }
    return SHEAF_OK_STATUS;
}

/* A broker's group: its number in decimal, or its text. */
static int32_t emit_account(const struct sheaf_host *host, const struct sheaf_view *brokers, const struct account *a)
{
    char number[32];
    if (brokers->dtype == SHEAF_DT_CODE)
        return host->emit(host, brokers->dictionary[a->broker], a->sums);
    snprintf(number, sizeof number, "%" PRId64, a->broker);
    return host->emit(host, number, a->sums);
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    (void)state;
    const struct rule rule = {(uint32_t)task->params[P_MATCHING].i, task->params[P_FEE_BPS].f,
                              task->params[P_START_DAY].i};
    struct book b;
    double mark = NAN;
    if (!book_init(&b, host, &rule))
        return host->fail(host, "out of memory");
    if (read_trades(host, task, &b, &mark) != SHEAF_OK_STATUS || read_closes(host, task, &mark) != SHEAF_OK_STATUS)
        return SHEAF_FAILED;
    book_close(&b, mark);
    for (uint32_t k = 0; k < N_SUMS; k++)
        scores[k] = 0;
    for (uint32_t i = 0; i < b.n_accounts; i++) {
        for (uint32_t k = 0; k < N_SUMS; k++)
            scores[k] += b.accounts[i].sums[k];
        if (emit_account(host, task->views[A_BROKER], &b.accounts[i]) != SHEAF_OK_STATUS)
            return SHEAF_FAILED;
    }
    return SHEAF_OK_STATUS;
}

static void close_dataset(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
}

const struct sheaf_plugin sheaf_plugin_entry = {
    SHEAF_ABI_MAJOR, SHEAF_ABI_MINOR, sizeof(struct sheaf_plugin), describe, open_dataset, run, close_dataset, NULL};
