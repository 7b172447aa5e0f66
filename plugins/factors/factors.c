/* SPDX-License-Identifier: MIT
 *
 * factors: prices to a cube of factors, a day a task. Its row of the output `factors` is what is known of every asset at the close of
 * the day, its row of `returns` what each has earned since the day before. See README.md.
 *
 * A sum runs left to right, nothing is carried over from one day to the next: a day's row does not depend on which days were
 * asked for before it.
 */
#include "factor.h"

#include <stdio.h>
#include <string.h>

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

static const struct sheaf_array arrays[] = {
    {"close", SHEAF_DT_F64, 2, true, NULL, "[day, asset], or [asset, day] when it is transposed; NaN = missing"},
};
static struct sheaf_axis factor_axes[] = {{.array = "close", .of = 1}, {.n = N_FACTORS}};
static struct sheaf_axis return_axes[] = {{.array = "close", .of = 1}};
static const struct sheaf_output outputs[] = {
    {"factors", SHEAF_DT_F64, 2, factor_axes, "",
     "[asset, factor], known at the close of the day; NaN = not defined yet"},
    {"returns", SHEAF_DT_F64, 1, return_axes, "", "[asset], simple return since the close before"},
};
static bool transposed; /* config; of this process */

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    if (strcmp(config, "{\"transposed\":true}") == 0)
        transposed = true;
    else if (strcmp(config, "{}") != 0 && strcmp(config, "{\"transposed\":false}") != 0)
        return host->fail(host, "config takes {transposed: true} or nothing");
    factor_axes[0].of = return_axes[0].of = transposed ? 0 : 1;
    out->name = "factors", out->version = "1", out->summary = "18 factors of closing prices, a day a task";
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->outputs = outputs, out->n_outputs = COUNT(outputs);
    return SHEAF_OK_STATUS;
}

static struct closes closes_of(const struct sheaf_view *v)
{
    uint32_t day = transposed ? 1 : 0, asset = transposed ? 0 : 1;
    return (struct closes){.data = v->data,
                           .days = v->shape[day],
                           .assets = v->shape[asset],
                           .by_day = v->strides[day],
                           .by_asset = v->strides[asset]};
}

/* The returns of all days, once a machine: what most factors are made of. */
static int32_t build_returns(const struct sheaf_host *host, void *memory, uint64_t size, void *user)
{
    (void)host, (void)size;
    factor_returns(user, memory);
    return SHEAF_OK_STATUS;
}

static int32_t open_data(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                         void **state)
{
    (void)config;
    struct closes closes = closes_of(dataset->views[0]);
    uint64_t size = (closes.days * closes.assets + closes.days) * sizeof(double);
    /* tables live as long as the process */
    const void *returns = host->cache(host, "returns", size, build_returns, &closes);
    if (!returns)
        return host->fail(host, "no memory for the returns of all days");
    *state = (void *)(uintptr_t)returns;
    return SHEAF_OK_STATUS;
}

static void close_data(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    (void)scores;
    struct closes closes = closes_of(task->views[0]);
    const struct sheaf_output_rows *rows = host->table(host, SHEAF_OUTPUT_TABLE);
    int64_t day = task->key.i;
    if (task->key.kind != SHEAF_KEY_INT)
        return host->fail(host, "a task is a day: add keys: {range: [0, DAYS]}");
    if (day < 0 || (uint64_t)day >= closes.days) {
        char text[120];
        snprintf(text, sizeof text, "there is no day %lld: the data has %llu", (long long)day,
                 (unsigned long long)closes.days);
        return host->fail(host, text);
    }
    double *factors = rows ? rows->row(host, 0) : NULL, *returns = rows ? rows->row(host, 1) : NULL;
    if (!factors || !returns)
        return host->fail(host, "this sheaf has no output arrays");
    factor_day(&closes, state, (uint64_t)day, factors, returns);
    return SHEAF_OK_STATUS;
}

const struct sheaf_plugin sheaf_plugin_entry = {
    .abi_major = SHEAF_ABI_MAJOR,
    .abi_minor = SHEAF_ABI_MINOR,
    .struct_size = sizeof(struct sheaf_plugin),
    .describe = describe,
    .open = open_data,
    .run = run,
    .close = close_data,
};
