/* SPDX-License-Identifier: MIT
 *
 * signals: when to buy and when to sell a symbol, by an indicator of its closes; a symbol a task. Its row of the output `signal` has a
 * number a day. See README.md.
 */
#include "indicator.h"
#include "sheaf/plugin.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

enum { P_RULE, P_FAST, P_SLOW, P_PERIOD, P_LOWER, P_UPPER };
enum { RULE_SMA, RULE_RSI };

static const char *const rules[] = {"sma", "rsi"};
static const struct sheaf_param params[] = {
    {"rule",
     SHEAF_CHOICE,
     false,
     {.i = RULE_SMA},
     1,
     0,
     rules,
     COUNT(rules),
     "",
     "a fast moving average crosses a slow one, or the relative strength leaves an extreme"},
    {"fast", SHEAF_INT, false, {.i = 10}, 1, INFINITY, NULL, 0, "closes", "sma: length of the fast average"},
    {"slow", SHEAF_INT, false, {.i = 30}, 1, INFINITY, NULL, 0, "closes", "sma: length of the slow average"},
    {"period", SHEAF_INT, false, {.i = 14}, 1, INFINITY, NULL, 0, "closes", "rsi: its smoothing"},
    {"lower", SHEAF_FLOAT, false, {.f = 30}, 1, 0, NULL, 0, "", "rsi: buy when it rises to this"},
    {"upper", SHEAF_FLOAT, false, {.f = 70}, 1, 0, NULL, 0, "", "rsi: sell when it falls to this"},
};
static const struct sheaf_array arrays[] = {
    {"close", SHEAF_DT_F64, 2, true, NULL, "[symbol, day], or [day, symbol] when it is transposed; NaN = no trade"},
};
static struct sheaf_axis signal_axes[] = {{.array = "close", .of = 1}};
static const struct sheaf_output outputs[] = {
    {"signal", SHEAF_DT_F64, 1, signal_axes, "", "[day]: 1 buy, -1 sell, 0 nothing"},
};
static bool transposed; /* config; of this process */

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    transposed = strcmp(config, "{\"transposed\":true}") == 0;
    if (!transposed && strcmp(config, "{}") != 0 && strcmp(config, "{\"transposed\":false}") != 0)
        return host->fail(host, "config takes {transposed: true} or nothing");
    signal_axes[0].of = transposed ? 0 : 1;
    out->name = "signals", out->version = "1.0", out->summary = "when to buy and sell, by moving averages or the rsi";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->outputs = outputs, out->n_outputs = COUNT(outputs);
    return SHEAF_OK_STATUS;
}

static int32_t open_data(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                         void **state)
{
    (void)host, (void)config, (void)dataset, (void)state;
    return SHEAF_OK_STATUS;
}

static void close_data(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
}

/* The closes of the task's symbol, in scratch memory. */
static int32_t read_series(const struct sheaf_host *host, const struct sheaf_task *task, struct series *s)
{
    const struct sheaf_view *v = task->views[0];
    uint32_t symbol = transposed ? 1 : 0, day = transposed ? 0 : 1;
    if (task->key.kind != SHEAF_KEY_INT)
        return host->fail(host, "a task is a symbol: add keys: {range: [0, SYMBOLS]}");
    if (task->key.i < 0 || (uint64_t)task->key.i >= v->shape[symbol]) {
        char text[120];
        snprintf(text, sizeof text, "there is no symbol %" PRId64 ": the data has %" PRIu64, task->key.i,
                 v->shape[symbol]);
        return host->fail(host, text);
    }
    uint64_t room = v->shape[day] + INDICATOR_LANES;
    s->close = host->scratch(host, room * sizeof *s->close);
    s->day = host->scratch(host, room * sizeof *s->day);
    if (!s->close || !s->day)
        return host->fail(host, "out of memory");
    series_fill(s, (const char *)v->data + task->key.i * v->strides[symbol], v->strides[day], v->shape[day]);
    return SHEAF_OK_STATUS;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    (void)state, (void)scores;
    const struct sheaf_value *p = task->params;
    const struct sheaf_output_rows *rows = host->table(host, SHEAF_OUTPUT_TABLE);
    struct series s;
    if (read_series(host, task, &s) != SHEAF_OK_STATUS)
        return SHEAF_FAILED;
    double *signal = rows ? rows->row(host, 0) : NULL;
    if (!signal)
        return host->fail(host, "this sheaf has no output arrays");
    uint64_t days = task->views[0]->shape[transposed ? 0 : 1];
    memset(signal, 0, days * sizeof *signal);
    if (p[P_RULE].i == RULE_SMA)
        sma_signals(&s, (uint64_t)p[P_FAST].i, (uint64_t)p[P_SLOW].i, signal);
    else
        rsi_signals(&s, &(struct rsi){(uint64_t)p[P_PERIOD].i, p[P_LOWER].f, p[P_UPPER].f}, signal);
    return SHEAF_OK_STATUS;
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
