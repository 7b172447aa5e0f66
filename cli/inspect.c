/* SPDX-License-Identifier: MIT
 *
 * sheaf inspect: what a dataset holds, for people and as JSON.
 */
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/human.h"
#include "cli/json.h"
#include "cli/table.h"
#include "data/dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t array_bytes(const struct dataset_array *a)
{
    uint64_t n = dtype_size(a->view.dtype);

    for (uint32_t i = 0; i < a->view.rank; i++)
        n *= a->view.shape[i];
    return n;
}

/* ---- for people ---- */

static void shape_text(const struct sheaf_view *v, char *out, size_t size)
{
    size_t n = 0;

    snprintf(out, size, "scalar");
    for (uint32_t i = 0; i < v->rank; i++)
        n += (size_t)snprintf(out + n, size - n, i == 0 ? "%" PRIu64 : " x %" PRIu64, v->shape[i]);
}

static int print_arrays(const struct dataset *ds)
{
    struct table t;
    char shape[256];
    int err;

    table_init(&t, 5);
    table_cell(&t, "array");
    table_cell(&t, "dtype");
    table_cell(&t, "shape");
    table_cell(&t, "bytes");
    table_cell(&t, "");
    for (uint32_t i = 0; i < dataset_count(ds); i++) {
        const struct dataset_array *a = dataset_at(ds, i);
        shape_text(&a->view, shape, sizeof shape);
        table_cell(&t, a->name);
        table_cell(&t, dtype_name(a->view.dtype));
        table_cell(&t, shape);
        table_printf(&t, "%" PRIu64, array_bytes(a));
        if (a->view.dtype == SHEAF_DT_CODE)
            table_printf(&t, "%" PRIu64 " texts%s", a->view.n_dictionary, a->partitioned ? ", by key" : "");
        else
            table_cell(&t, a->partitioned ? "by key" : "");
    }
    err = table_print(&t, stdout);
    table_finish(&t);
    return err;
}

static int print_text(const struct dataset *ds, const char *path, bool verified)
{
    char digest[HASH_TEXT], size[32], first[24], last[24];
    const char *order = dataset_order_column(ds);
    uint64_t n = dataset_keys(ds);
    int err;

    hash_text(dataset_digest(ds), digest);
    printf("%s: %s, %s\n", path, human_bytes((double)dataset_bytes(ds), size, sizeof size), digest);
    err = print_arrays(ds);
    if (dataset_key_dtype(ds) != SHEAF_ANY && n == 0)
        printf("keys: %s, none\n", dataset_key_column(ds));
    if (n > 0)
        printf("keys: %s, %" PRIu64 ": %s ... %s%s%s\n", dataset_key_column(ds), n, dataset_key_name(ds, 0, first),
               dataset_key_name(ds, n - 1, last), order[0] != '\0' ? "; rows ordered by " : "", order);
    if (verified)
        printf("verified: every chunk has its digest\n");
    return err;
}

/* ---- as JSON ---- */

static json_t *json_shape(const struct sheaf_view *v)
{
    json_t *shape = json_array();

    for (uint32_t i = 0; i < v->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)v->shape[i]));
    return shape;
}

static json_t *json_dictionary(const struct sheaf_view *v)
{
    json_t *texts = json_array();

    if (v->dtype != SHEAF_DT_CODE) {
        json_decref(texts);
        return json_null();
    }
    for (uint64_t i = 0; i < v->n_dictionary; i++)
        json_array_append_new(texts, json_text(v->dictionary[i]));
    return texts;
}

static json_t *json_arrays(const struct dataset *ds)
{
    json_t *arrays = json_array();

    for (uint32_t i = 0; i < dataset_count(ds); i++) {
        const struct dataset_array *a = dataset_at(ds, i);
        json_array_append_new(arrays,
                              json_pack("{s:o, s:s, s:o, s:I, s:I, s:o, s:b, s:o}", "name", json_text(a->name), "dtype",
                                        dtype_name(a->view.dtype), "shape", json_shape(&a->view), "offset",
                                        (json_int_t)dataset_offset(ds, a), "bytes", (json_int_t)array_bytes(a), "table",
                                        a->table[0] == '\0' ? json_null() : json_text(a->table), "partitioned",
                                        a->partitioned, "dictionary", json_dictionary(&a->view)));
    }
    return arrays;
}

/* Where the rows of each key begin, for one array of each partitioned table. */
static json_t *json_partitions(const struct dataset *ds)
{
    json_t *partitions = json_array();
    const char *before = NULL;
    uint64_t n = dataset_keys(ds), from, to = 0;

    for (uint32_t i = 0; i < dataset_count(ds); i++) {
        const struct dataset_array *a = dataset_at(ds, i);
        /* Arrays come by name, so that the columns of a table mostly are neighbours; saying one twice is harmless. */
        if (!a->partitioned || (before != NULL && strcmp(before, a->table) == 0))
            continue;
        before = a->table;
        json_t *starts = json_array();
        for (uint64_t key = 0; key < n; key++) {
            dataset_key_rows(ds, a, key, &from, &to);
            json_array_append_new(starts, json_integer((json_int_t)from));
        }
        json_array_append_new(starts, json_integer(n == 0 ? 0 : (json_int_t)to));
        json_array_append_new(partitions,
                              json_pack("{s:o, s:o}", "table", a->table[0] == '\0' ? json_null() : json_text(a->table),
                                        "starts", starts));
    }
    return partitions;
}

static json_t *json_keys(const struct dataset *ds)
{
    json_t *values = json_array();
    const char *order = dataset_order_column(ds);
    uint32_t dtype = dataset_key_dtype(ds);
    char space[24];

    if (dtype == SHEAF_ANY) {
        json_decref(values);
        return json_null();
    }
    for (uint64_t i = 0; i < dataset_keys(ds); i++)
        json_array_append_new(values, dtype == SHEAF_DT_I64 ? json_integer((json_int_t)dataset_key_int(ds, i))
                                                            : json_text(dataset_key_name(ds, i, space)));
    return json_pack("{s:o, s:s?, s:s, s:o, s:o}", "column", json_text(dataset_key_column(ds)), "order",
                     order[0] != '\0' ? order : NULL, "dtype", dtype == SHEAF_DT_CODE ? "text" : dtype_name(dtype),
                     "values", values, "partitions", json_partitions(ds));
}

static int print_json(const struct dataset *ds, const char *path, bool verified, struct diag *d)
{
    char digest[HASH_TEXT];

    hash_text(dataset_digest(ds), digest);
    return json_print(json_pack("{s:i, s:o, s:s, s:I, s:o, s:o, s:b}", "version", 1, "file", json_text(path), "digest",
                                digest, "bytes", (json_int_t)dataset_bytes(ds), "arrays", json_arrays(ds), "keys",
                                json_keys(ds), "verified", verified),
                      stdout, d);
}

int cmd_inspect(int argc, char **argv)
{
    const char *path = NULL;
    bool json = false, verify = false;
    const struct arg table[] = {
        {"FILE", ARG_WORD, &path, NULL, NULL, "a dataset", true},
        {"--verify", ARG_FLAG, &verify, NULL, NULL, "check every chunk against its digest", false},
        {"--json", ARG_FLAG, &json, NULL, NULL, "print one JSON object", false},
    };
    const struct args args = {"inspect", "Shows the arrays, types, shapes, keys and digest of a dataset.", table,
                              sizeof table / sizeof table[0]};
    enum args_result go = args_parse(&args, argc, argv);
    struct dataset *ds = NULL;
    struct diag d = {{0}};
    int err;

    if (go != ARGS_GO)
        return go == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    err = dataset_open(path, &ds, &d);
    if (err == 0 && verify)
        err = dataset_verify(ds, &d);
    if (err == 0)
        err = json ? print_json(ds, path, verify, &d) : print_text(ds, path, verify);
    dataset_close(ds);
    return err == 0 ? EXIT_ALL_DONE : (int)exit_report(err, &d);
}
