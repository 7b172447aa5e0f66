/* SPDX-License-Identifier: MIT
 *
 * sheaf pack: makes a dataset of .npy and CSV files.
 */
#include "data/pack.h"

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/human.h"
#include "cli/json.h"
#include "common/arena.h"
#include "data/dataset.h"
#include "data/scratch.h"

#include <stdio.h>
#include <string.h>

struct request {
    const char *out;
    struct arg_list arrays, tables;
    const char *key, *order, *keys;
    bool force, json;
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Splits NAME=FILE. kind: "FILE.npy" or "FILE.csv". */
static int split(struct arena *arena, const char *word, const char *kind, struct pack_item *item, struct diag *d)
{
    const char *eq = strchr(word, '=');

    if (eq == NULL || eq[1] == '\0')
        return diag_fail(d, SHEAF_EINVAL, "pack: '%s' is not NAME=%s; see sheaf pack --help", word, kind);
    item->name = arena_text(arena, word, (size_t)(eq - word));
    item->path = eq + 1;
    return item->name != NULL ? 0 : diag_fail(d, SHEAF_ENOMEM, "out of memory");
}

static int fill_job(const struct request *r, struct arena *arena, struct pack_job *job, struct diag *d)
{
    struct pack_item *arrays = arena_alloc(arena, r->arrays.n * sizeof *arrays);
    struct pack_item *tables = arena_alloc(arena, r->tables.n * sizeof *tables);
    int err = 0;

    if (arrays == NULL || tables == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; err == 0 && i < r->arrays.n; i++) {
        err = split(arena, r->arrays.values[i], "FILE.npy", &arrays[i], d);
        if (err == 0 && ends_with(arrays[i].path, ".csv"))
            err =
                diag_fail(d, SHEAF_EINVAL, "pack: %s is a table; write --csv %s", arrays[i].path, r->arrays.values[i]);
    }
    for (uint32_t i = 0; err == 0 && i < r->tables.n; i++)
        err = split(arena, r->tables.values[i], "FILE.csv", &tables[i], d);
    if (err != 0)
        return err;
    if (r->arrays.n + r->tables.n == 0)
        return diag_fail(d, SHEAF_EINVAL, "pack wants NAME=FILE.npy or --csv TABLE=FILE.csv; see sheaf pack --help");
    if (strchr(r->out, '=') != NULL && !ends_with(r->out, ".sheaf"))
        return diag_fail(d, SHEAF_EINVAL,
                         "pack: '%s' is no dataset to make; its name comes first: sheaf pack OUT.sheaf ...", r->out);
    if (r->order != NULL && r->key == NULL)
        return diag_fail(d, SHEAF_EINVAL, "pack --order orders the rows of a key; say --key COLUMN too");
    *job = (struct pack_job){.out = r->out,
                             .replace = r->force,
                             .arrays = arrays,
                             .n_arrays = r->arrays.n,
                             .tables = tables,
                             .n_tables = r->tables.n,
                             .key = r->key,
                             .order = r->order,
                             .keys = r->keys};
    return 0;
}

/* Says what was made. The file is opened once more: what is printed is what is there. */
static int report(const struct request *r, struct diag *d)
{
    struct dataset *ds = NULL;
    char digest[HASH_TEXT], size[32];
    int err = dataset_open(r->out, &ds, d);

    if (err != 0)
        return err;
    hash_text(dataset_digest(ds), digest);
    if (r->json)
        err = json_print(json_pack("{s:i, s:o, s:s, s:I, s:I, s:I}", "version", 1, "file", json_text(r->out), "digest",
                                   digest, "bytes", (json_int_t)dataset_bytes(ds), "arrays",
                                   (json_int_t)dataset_count(ds), "keys", (json_int_t)dataset_keys(ds)),
                         stdout, d);
    else
        printf("%s: %u array%s, %s, %s\n", r->out, dataset_count(ds), dataset_count(ds) == 1 ? "" : "s",
               human_bytes((double)dataset_bytes(ds), size, sizeof size), digest);
    dataset_close(ds);
    return err;
}

int cmd_pack(int argc, char **argv)
{
    struct request r = {0};
    const struct arg table[] = {
        {"OUT.sheaf", ARG_WORD, &r.out, NULL, NULL, "the dataset to make", true},
        {"NAME=FILE.npy", ARG_WORDS, &r.arrays, NULL, NULL, "an array: bool, int, uint, float32 or float64", false},
        {"--csv", ARG_LIST, &r.tables, NULL, "TABLE=FILE.csv", "a table; its columns become TABLE.column", false},
        {"--key", ARG_TEXT, &r.key, NULL, "COLUMN", "sort and partition the tables that have this column by it", false},
        {"--order", ARG_TEXT, &r.order, NULL, "COLUMN", "order the rows of each key by this column", false},
        {"--keys", ARG_TEXT, &r.keys, NULL, "FILE", "one key a line: partitions the arrays with as many rows", false},
        {"--force", ARG_FLAG, &r.force, NULL, NULL, "replace OUT.sheaf if it exists", false},
        {"--json", ARG_FLAG, &r.json, NULL, NULL, "print one JSON object", false},
    };
    const struct args args = {"pack",
                              "Makes one immutable file of arrays and tables, which all slots of a machine share.\n"
                              "The same input gives the same file and digest.",
                              table, sizeof table / sizeof table[0]};
    enum args_result go = args_parse(&args, argc, argv);
    struct pack_job job;
    struct arena arena;
    struct diag d = {{0}};
    uint8_t digest[HASH_BYTES];
    int err;

    if (go != ARGS_GO)
        return go == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    arena_init(&arena, 0);
    scratch_guard();
    err = fill_job(&r, &arena, &job, &d);
    if (err == 0)
        err = pack_run(&job, digest, &d);
    arena_finish(&arena);
    if (err == 0)
        err = report(&r, &d);
    return err == 0 ? EXIT_ALL_DONE : (int)exit_report(err, &d);
}
