/* SPDX-License-Identifier: MIT
 *
 * sheaf demo: a folder with a made-up market, packed, and a sweep file that runs on it.
 */
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/market.h"
#include "common/arena.h"
#include "common/fsutil.h"
#include "data/pack.h"
#include "data/scratch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char sweep[] =
    "# A walk-forward parameter grid over the demo market: 1,024 trials, each on every window.\n"
    "# Run it with `sheaf run wfo.yaml`.\n"
    "name: demo market\n"
    "plugin: wfo\n"
    "data: market.sheaf\n"
    "params:\n"
    "  n_factors: [1, 2, 3, 4, 5, 6, 8, 10]   # how many factors are followed\n"
    "  top_n: [1, 2, 3, 4, 5, 6, 8, 10]       # how many assets are held\n"
    "  rebalance: [1, 5, 10, 21]              # days between two looks at the market\n"
    "  weighting: [equal, ic]                 # how factors are weighted\n"
    "  cost_bps: [0.0, 5.0]                   # cost of trading, in basis points\n"
    "split:\n"
    "  walk_forward: {train: 252, test: 63, step: 63}\n"
    "goal: {maximize: sharpe}\n";

/* What the folder will hold. */
struct paths {
    char *factors, *returns, *data, *sweep;
};

static int make_paths(struct arena *arena, const char *folder, struct paths *p, struct diag *d)
{
    p->factors = arena_printf(arena, "%s/factors.npy", folder);
    p->returns = arena_printf(arena, "%s/returns.npy", folder);
    p->data = arena_printf(arena, "%s/market.sheaf", folder);
    p->sweep = arena_printf(arena, "%s/wfo.yaml", folder);
    if (p->factors != NULL && p->returns != NULL && p->data != NULL && p->sweep != NULL)
        return 0;
    (void)diag_fail(d, SHEAF_ENOMEM, "out of memory");
    return SHEAF_ENOMEM;
}

/* None of them may be there already: they could be somebody's work. */
static int check_free(const struct paths *p, struct diag *d)
{
    const char *all[] = {p->factors, p->returns, p->data, p->sweep};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (access(all[i], F_OK) == 0)
            return diag_fail(d, SHEAF_EBUSY, "%s: the file exists; replace it with --force", all[i]);
    return 0;
}

static int check_size(const struct market *m, struct diag *d)
{
    uint64_t n;

    if (__builtin_mul_overflow(m->days, m->assets, &n) || __builtin_mul_overflow(n, m->factors, &n) ||
        n > (uint64_t)1 << 47)
        return diag_fail(d, SHEAF_EINVAL, "demo: days x assets x factors is more than a file can hold");
    return 0;
}

static int make_demo(const struct market *m, const char *folder, const struct paths *p, bool force, struct diag *d)
{
    const struct pack_item arrays[] = {{"factors", p->factors}, {"returns", p->returns}};
    const struct pack_job job = {.out = p->data, .replace = force, .arrays = arrays, .n_arrays = 2};
    uint8_t digest[HASH_BYTES];
    char text[HASH_TEXT];
    int err = check_size(m, d);

    if (err == 0)
        err = dir_make(folder, 0777, d);
    if (err == 0 && !force)
        err = check_free(p, d);
    if (err == 0)
        err = market_write(m, p->factors, p->returns, d);
    if (err == 0)
        err = pack_run(&job, digest, d);
    if (err == 0)
        err = file_write_atomic(p->sweep, sweep, strlen(sweep), d);
    if (err != 0)
        return err;
    hash_text(digest, text);
    printf("%s: %s\n%s: run it with `sheaf run %s`\n", p->data, text, p->sweep, p->sweep);
    return 0;
}

int cmd_demo(int argc, char **argv)
{
    struct market m = {.seed = 0, .days = 1398, .assets = 43, .factors = 18};
    const char *folder = NULL;
    bool force = false;
    const struct arg table[] = {
        {"DIR", ARG_WORD, &folder, NULL, NULL, "the folder to make", true},
        {"--seed", ARG_INDEX, &m.seed, NULL, "N", "another market (default 0)", false},
        {"--days", ARG_COUNT, &m.days, NULL, "N", "trading days (default 1398)", false},
        {"--assets", ARG_COUNT, &m.assets, NULL, "N", "assets (default 43)", false},
        {"--factors", ARG_COUNT, &m.factors, NULL, "N", "factors of each asset (default 18)", false},
        {"--force", ARG_FLAG, &force, NULL, NULL, "replace files that exist", false},
    };
    const struct args args = {
        "demo",
        "Makes a folder with a made-up market and a sweep over it: factors.npy, returns.npy, both packed\n"
        "as market.sheaf, and wfo.yaml. The same seed and sizes give the same files.",
        table, sizeof table / sizeof table[0]};
    enum args_result go = args_parse(&args, argc, argv);
    struct arena arena;
    struct paths p;
    struct diag d = {{0}};
    int err;

    if (go != ARGS_GO)
        return go == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    arena_init(&arena, 0);
    scratch_guard();
    err = make_paths(&arena, folder, &p, &d);
    if (err == 0)
        err = make_demo(&m, folder, &p, force, &d);
    arena_finish(&arena);
    return err == 0 ? EXIT_ALL_DONE : (int)exit_report(err, &d);
}
