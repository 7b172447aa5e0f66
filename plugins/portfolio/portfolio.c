/* SPDX-License-Identifier: MIT
 *
 * portfolio: what a fund earns that buys and sells on signals, day after day. A task is a set of rules on one set of signals. See
 * README.md.
 */
#include "fund.h"
#include "sheaf/plugin.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

enum { P_MAX_POSITIONS, P_COMMISSION_BPS, P_STOP_LOSS, P_CASH };
enum { A_CLOSE, A_SIGNAL };

static const struct sheaf_param params[] = {
    {"max_positions", SHEAF_INT, true, {.i = 1}, 1, INFINITY, NULL, 0, "", "symbols held at once, in equal parts"},
    {"commission_bps", SHEAF_FLOAT, false, {.f = 0}, 0, INFINITY, NULL, 0, "bps", "fee of a trade's value"},
    {"stop_loss",
     SHEAF_FLOAT,
     false,
     {.f = 0},
     0,
     1,
     NULL,
     0,
     "",
     "sell what has lost this fraction of its price; 0 = never"},
    {"cash", SHEAF_FLOAT, false, {.f = 1e6}, 1e-6, INFINITY, NULL, 0, "", "what there is in the beginning"},
};
static const struct sheaf_array arrays[] = {
    [A_CLOSE] = {"close", SHEAF_DT_F64, 2, true, NULL,
                 "[symbol, day], or [day, symbol] when it is transposed; NaN = no trade"},
    [A_SIGNAL] = {"signal", SHEAF_DT_F64, 2, true, NULL, "[symbol, day]: 1 buy, -1 sell, else nothing"},
};
static const struct sheaf_score score_names[N_SCORES] = {
    [SCORE_TOTAL_RETURN] = {"total_return", "", "growth over all days"},
    [SCORE_SHARPE] = {"sharpe", "", "mean / deviation of the days' returns, a year's"},
    [SCORE_MAX_DRAWDOWN] = {"max_drawdown", "", "largest fall from a peak, as a fraction"},
    [SCORE_TRADES] = {"trades", "", "buys and sells"},
};
static bool transposed; /* config; of this process */

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    transposed = strcmp(config, "{\"transposed\":true}") == 0;
    if (!transposed && strcmp(config, "{}") != 0 && strcmp(config, "{\"transposed\":false}") != 0)
        return host->fail(host, "config takes {transposed: true} or nothing");
    out->name = "portfolio", out->version = "1.0", out->summary = "what trading on signals earns, day after day";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = score_names, out->n_scores = N_SCORES;
    return SHEAF_OK_STATUS;
}

static struct grid grid_of(const struct sheaf_view *v, bool turned)
{
    uint32_t symbol = turned ? 1 : 0, day = turned ? 0 : 1;
    return (struct grid){.data = v->data,
                         .symbols = v->shape[symbol],
                         .days = v->shape[day],
                         .by_symbol = v->strides[symbol],
                         .by_day = v->strides[day]};
}

static void close_data(const struct sheaf_host *host, void *state)
{
    (void)host;
    orders_destroy(state);
}

/* The state is the signals as orders. */
static int32_t open_data(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                         void **state)
{
    (void)config;
    char text[160];
    struct grid closes = grid_of(dataset->views[A_CLOSE], transposed);
    struct grid signals = grid_of(dataset->views[A_SIGNAL], false);
    if (closes.symbols != signals.symbols || closes.days != signals.days) {
        snprintf(text, sizeof text,
                 "close has %" PRIu64 " symbols on %" PRIu64 " days, signal has %" PRIu64 " on %" PRIu64,
                 closes.symbols, closes.days, signals.symbols, signals.days);
        return host->fail(host, text);
    }
    if (closes.symbols == 0 || closes.days == 0)
        return host->fail(host, "close has no symbols or no days");
    *state = orders_create(&signals);
    return *state ? SHEAF_OK_STATUS : host->fail(host, "out of memory");
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    const struct sheaf_value *p = task->params;
    if (task->key.kind != SHEAF_KEY_NONE)
        return host->fail(host, "a task trades all symbols: remove keys");
    struct grid closes = grid_of(task->views[A_CLOSE], transposed);
    void *work = host->scratch(host, fund_work_size(&closes));
    if (!work)
        return host->fail(host, "out of memory");
    const struct rules rules = {(uint64_t)p[P_MAX_POSITIONS].i, p[P_COMMISSION_BPS].f / 1e4, p[P_STOP_LOSS].f,
                                p[P_CASH].f};
    struct bad_close bad;
    if (fund_run(&closes, state, &rules, work, scores, &bad))
        return SHEAF_OK_STATUS;
    char text[160];
    snprintf(text, sizeof text, "the close of symbol %" PRIu64 " on day %" PRIu64 " is not above 0", bad.symbol,
             bad.day);
    return host->fail(host, text);
}

const struct sheaf_plugin sheaf_plugin_entry = {
    .abi_major = SHEAF_ABI_MAJOR,
    .abi_minor = SHEAF_ABI_MINOR,
    .struct_size = (uint32_t)sizeof(struct sheaf_plugin),
    .describe = describe,
    .open = open_data,
    .run = run,
    .close = close_data,
};
