/* SPDX-License-Identifier: MIT
 *
 * wfo: walk-forward factor rotation. On a window's train days it picks the factors that ranked the next day's returns best;
 * on its test days it holds the assets that those factors favour, and it scores what that earned. See README.md.
 */
#include "backtest.h"

#include <math.h>
#include <stdlib.h>

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define MEMO 64u /* windows whose verdict a slot remembers */

enum { P_N_FACTORS, P_TOP_N, P_REBALANCE, P_WEIGHTING, P_COST_BPS };
enum { WEIGHTING_EQUAL, WEIGHTING_IC };

static const char *const weightings[] = {"equal", "ic"};
static const struct sheaf_param params[] = {
    {"n_factors",
     SHEAF_INT,
     false,
     {.i = 3},
     1,
     INFINITY,
     NULL,
     0,
     "",
     "factors to follow: the strongest on the train days"},
    {"top_n", SHEAF_INT, false, {.i = 3}, 1, INFINITY, NULL, 0, "", "assets to hold, in equal parts"},
    {"rebalance", SHEAF_INT, false, {.i = 5}, 1, INFINITY, NULL, 0, "days", "remake the book every so many days"},
    {"weighting",
     SHEAF_CHOICE,
     false,
     {.i = WEIGHTING_EQUAL},
     1,
     0,
     weightings,
     COUNT(weightings),
     "",
     "weigh factors by the sign of their mean rank correlation, or by itself"},
    {"cost_bps", SHEAF_FLOAT, false, {.f = 5}, 0, INFINITY, NULL, 0, "bps", "cost of trading one unit of turnover"},
};
static const struct sheaf_array arrays[] = {
    {"factors", SHEAF_DT_F64, 3, true, "day", "[day, asset, factor], known at the close of the day; NaN = missing"},
    {"returns", SHEAF_DT_F64, 2, true, "day", "[day, asset], simple return since the close before; NaN = missing"},
};
static const struct sheaf_score score_names[] = {
    [SCORE_SHARPE] = {"sharpe", "", "mean / deviation of the test days' returns, a year's"},
    [SCORE_TOTAL_RETURN] = {"total_return", "", "growth over the test days"},
    [SCORE_MAX_DRAWDOWN] = {"max_drawdown", "", "largest fall from a peak, as a fraction"},
    [SCORE_MEAN_IC] = {"mean_ic", "", "mean rank correlation of the chosen factors on the train days"},
    [SCORE_TURNOVER] = {"turnover", "", "sum of the changes of weights"},
};

struct wfo {
    struct market market;
    struct tables tables;
    struct verdict memo[MEMO]; /* pure functions of the window: remembering them changes no result */
    double *means;             /* MEMO * kinds; the verdicts' memory */
    uint64_t *ranks;
};

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "wfo", out->version = "1.0", out->summary = "walk-forward factor rotation";
    out->params = params, out->n_params = COUNT(params);
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = score_names, out->n_scores = COUNT(score_names);
    return SHEAF_OK_STATUS;
}

struct build {
    const struct market *market;
    struct tables_work *work;
};

static int32_t build(const struct sheaf_host *host, void *memory, uint64_t size, void *user)
{
    (void)host, (void)size;
    const struct build *b = user;
    tables_build(b->market, b->work, memory);
    return SHEAF_OK_STATUS;
}

static bool read_market(const struct sheaf_dataset *dataset, struct market *m)
{
    const struct sheaf_view *f = dataset->views[0], *r = dataset->views[1];
    *m = (struct market){f->data, r->data, f->shape[0], f->shape[1], f->shape[2], (f->shape[1] + 63) / 64};
    return m->assets && m->kinds && r->shape[0] == m->days && r->shape[1] == m->assets;
}

static void wfo_destroy(struct wfo *w)
{
    free(w->means);
    free(w->ranks);
    free(w);
}

static struct wfo *wfo_create(const struct market *m)
{
    struct wfo *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->market = *m;
    w->means = calloc(m->kinds, MEMO * sizeof *w->means);
    w->ranks = calloc(m->kinds, MEMO * sizeof *w->ranks);
    if (!w->means || !w->ranks) {
        wfo_destroy(w);
        return NULL;
    }
    for (uint64_t i = 0; i < MEMO; i++) {
        w->memo[i].mean = w->means + i * m->kinds;
        w->memo[i].rank = w->ranks + i * m->kinds;
    }
    return w;
}

static int32_t share_tables(const struct sheaf_host *host, struct wfo *w)
{
    struct build b = {&w->market, tables_work_create(&w->market)};
    uint64_t size = tables_size(&w->market);
    if (!b.work || !size) {
        tables_work_destroy(b.work);
        return host->fail(host, "the arrays are too large for this machine's memory");
    }
    const void *block = host->cache(host, "tables", size, build, &b);
    tables_work_destroy(b.work);
    if (!block)
        return host->fail(host, "no memory for the table of rank correlations");
    w->tables = tables_of(&w->market, block);
    return SHEAF_OK_STATUS;
}

static int32_t open_dataset(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                            void **state)
{
    (void)config;
    struct market m;
    if (!read_market(dataset, &m))
        return host->fail(host,
                          "factors must be [day, asset, factor] and returns [day, asset], of the same days and assets");
    struct wfo *w = wfo_create(&m);
    if (!w)
        return host->fail(host, "out of memory");
    if (share_tables(host, w) != SHEAF_OK_STATUS) {
        wfo_destroy(w);
        return SHEAF_FAILED;
    }
    *state = w;
    return SHEAF_OK_STATUS;
}

/* Whether the task's rows are one train range and, after it, one test range. */
static bool read_window(const struct sheaf_task *task, uint64_t days, struct window *w)
{
    const struct sheaf_rows *train = &task->train, *test = &task->test;
    if (!train->ranges || train->n_ranges != 1 || !test->ranges || test->n_ranges != 1)
        return false;
    *w = (struct window){train->ranges[0].from, train->ranges[0].to, test->ranges[0].from, test->ranges[0].to};
    return w->a < w->b && w->b <= w->c && w->c < w->d && w->d <= days;
}

static const struct verdict *verdict_of(struct wfo *w, const struct sheaf_task *task, const struct window *window)
{
    struct verdict *v = &w->memo[task->split % MEMO];
    if (v->a != window->a || v->b != window->b)
        verdict_fill(v, &w->market, &w->tables, window->a, window->b);
    return v;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    struct wfo *w = state;
    const struct sheaf_value *p = task->params;
    if (task->views[0]->data != w->market.factors || task->views[0]->shape[0] != w->market.days)
        return host->fail(host, "wfo takes the whole arrays: a dataset without keys");
    struct window window;
    if (!read_window(task, w->market.days, &window))
        return host->fail(host, "wfo needs train days and, after them, test days: use split: walk_forward");
    struct settings s = {(uint64_t)p[P_N_FACTORS].i, (uint64_t)p[P_TOP_N].i, (uint64_t)p[P_REBALANCE].i,
                         p[P_WEIGHTING].i == WEIGHTING_IC, p[P_COST_BPS].f};
    uint64_t size = backtest_work_size(&w->market, &window, &s);
    void *work = size ? host->scratch(host, size) : NULL;
    if (!work)
        return host->fail(host, "out of memory");
    const struct verdict *v = verdict_of(w, task, &window);
    if (!backtest_run(&w->market, &w->tables, v, &window, &s, work, scores))
        return host->fail(host, "no factor");
    return SHEAF_OK_STATUS;
}

static void close_dataset(const struct sheaf_host *host, void *state)
{
    (void)host;
    if (state)
        wfo_destroy(state);
}

const struct sheaf_plugin sheaf_plugin_entry = {
    .abi_major = SHEAF_ABI_MAJOR,
    .abi_minor = SHEAF_ABI_MINOR,
    .struct_size = (uint32_t)sizeof(struct sheaf_plugin),
    .describe = describe,
    .open = open_dataset,
    .run = run,
    .close = close_dataset,
};
