/* SPDX-License-Identifier: MIT
 *
 * sweepfile_fixture: takes the place of data/dataset.c for a test program: a sweep file needs only names, types
 * and shapes of arrays.
 */
#include "sweep/sweepfile_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *weightings[] = {"equal", "ic"};

static struct plan_param params[] = {
    {.name = "top_n", .type = SHEAF_INT, .required = true, .min = 1, .max = 500, .def = {.text = ""}},
    {.name = "n_factors", .type = SHEAF_INT, .min = 1, .max = INFINITY, .def = {3, 3, ""}},
    {.name = "lookback", .type = SHEAF_INT, .min = 1, .max = 0, .def = {20, 20, ""}},
    {.name = "alpha", .type = SHEAF_FLOAT, .min = 0, .max = 1, .def = {0.5, 0, ""}},
    {.name = "cost_bps", .type = SHEAF_FLOAT, .min = 0, .max = INFINITY, .def = {5, 5, ""}},
    {.name = "shift", .type = SHEAF_FLOAT, .min = 1, .max = 0, .def = {0, 0, ""}},
    {.name = "weighting", .type = SHEAF_CHOICE, .choices = weightings, .n_choices = 2, .def = {0, 0, "equal"}},
    {.name = "verbose", .type = SHEAF_BOOL, .def = {0, 0, ""}},
    {.name = "label", .type = SHEAF_TEXT, .def = {0, 0, "x"}},
};

static struct plan_array arrays[] = {
    {.name = "factors", .dtype = SHEAF_DT_F64, .rank = 3, .required = true, .row_axis = "day", .help = ""},
    {.name = "returns", .dtype = SHEAF_DT_F64, .rank = 2, .required = true, .row_axis = "day", .help = ""},
    {.name = "regime", .dtype = SHEAF_ANY, .rank = 0, .row_axis = "", .help = ""},
};

static struct plan_score scores[] = {{"sharpe", "", ""}, {"total_return", "", ""}, {"turnover", "", ""}};

const struct plan_plugin fixture_plugin = {
    .path = "/plugins/wfo.so",
    .name = "wfo",
    .version = "1",
    .summary = "",
    .identity = "",
    .config = "{}",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .arrays = arrays,
    .n_arrays = 3,
    .scores = scores,
    .n_scores = 3,
    .threads = 1,
};

static const int32_t regimes[1398];

struct dataset {
    struct dataset_array arrays[4];
    uint32_t n;
    const char *key_column, *order_column;
    uint64_t keys;
    uint64_t rows[4]; /* of each key in every partitioned array */
};

#define FACTORS                                                                                                        \
    {                                                                                                                  \
        "factors", {.dtype = SHEAF_DT_F64, .rank = 3, .shape = {1398, 43, 18}}, "", false                              \
    }
#define RETURNS(dtype_, rank_, rows_)                                                                                  \
    {                                                                                                                  \
        "returns", {.dtype = (dtype_), .rank = (rank_), .shape = {(rows_), 43, 2}}, "", false                          \
    }
#define BY_KEY(name_, rank_, rows_)                                                                                    \
    {                                                                                                                  \
        name_, {.dtype = SHEAF_DT_F64, .rank = (rank_), .shape = {(rows_), 43, 18}}, "", true                          \
    }
#define REGIME                                                                                                         \
    {                                                                                                                  \
        "regime", {.dtype = SHEAF_DT_I32, .rank = 1, .shape = {1398}, .strides = {4}, .data = regimes}, "", false      \
    }
#define NAMES                                                                                                          \
    {                                                                                                                  \
        "names", {.dtype = SHEAF_DT_CODE, .rank = 1, .shape = {43}}, "", false                                         \
    }

static const struct dataset datasets[] = {
    [DATA_GOOD] = {.arrays = {FACTORS, RETURNS(SHEAF_DT_F64, 2, 1398), REGIME, NAMES}, .n = 4},
    [DATA_NO_RETURNS] = {.arrays = {FACTORS}, .n = 1},
    [DATA_FLOAT32] = {.arrays = {FACTORS, RETURNS(SHEAF_DT_F32, 2, 1398)}, .n = 2},
    [DATA_RANK] = {.arrays = {FACTORS, RETURNS(SHEAF_DT_F64, 3, 1398)}, .n = 2},
    [DATA_ROWS] = {.arrays = {FACTORS, RETURNS(SHEAF_DT_F64, 2, 1397)}, .n = 2},
    [DATA_KEYED] = {.arrays = {BY_KEY("factors", 3, 1398), BY_KEY("returns", 2, 1398), REGIME, NAMES},
                    .n = 4,
                    .key_column = "symbol",
                    .keys = 3,
                    .rows = {466, 466, 466}},
    [DATA_UNEVEN] = {.arrays = {BY_KEY("factors", 3, 1398), BY_KEY("returns", 2, 1398), REGIME, NAMES},
                     .n = 4,
                     .key_column = "symbol",
                     .keys = 3,
                     .rows = {466, 467, 465}},
    [DATA_HALF_KEYED] = {.arrays = {BY_KEY("factors", 3, 1398), RETURNS(SHEAF_DT_F64, 2, 1398)},
                         .n = 2,
                         .key_column = "symbol",
                         .keys = 3},
    [DATA_KEYLESS] = {.arrays = {BY_KEY("factors", 3, 0), BY_KEY("returns", 2, 0)}, .n = 2, .key_column = "symbol"},
};

const struct dataset *fixture_dataset(enum fixture_data which)
{
    return which == DATA_NONE ? NULL : &datasets[which];
}

const struct sources *fixture_sources(enum fixture_data which, const char *path)
{
    static struct sources one;
    one = sources_one(fixture_dataset(which), path);
    return &one;
}

const uint8_t *dataset_digest(const struct dataset *ds)
{
    static const uint8_t digest[HASH_BYTES] = {1, 2, 3};
    return ds != NULL ? digest : NULL;
}

uint32_t dataset_count(const struct dataset *ds)
{
    return ds->n;
}

const struct dataset_array *dataset_at(const struct dataset *ds, uint32_t i)
{
    return &ds->arrays[i];
}

const struct dataset_array *dataset_find(const struct dataset *ds, const char *name)
{
    for (uint32_t i = 0; i < ds->n; i++)
        if (strcmp(ds->arrays[i].name, name) == 0)
            return &ds->arrays[i];
    return NULL;
}

uint64_t dataset_keys(const struct dataset *ds)
{
    return ds->keys;
}

const char *dataset_key_column(const struct dataset *ds)
{
    return ds->key_column != NULL ? ds->key_column : "";
}

uint32_t dataset_key_dtype(const struct dataset *ds)
{
    return ds->keys > 0 ? SHEAF_DT_CODE : SHEAF_ANY;
}

const char *dataset_key_name(const struct dataset *ds, uint64_t key, char space[24])
{
    snprintf(space, 24, "S%u of %u", (unsigned)key, (unsigned)ds->keys);
    return space;
}

void dataset_key_rows(const struct dataset *ds, const struct dataset_array *a, uint64_t key, uint64_t *from,
                      uint64_t *to)
{
    (void)a;
    *from = 0;
    for (uint64_t k = 0; k < key; k++)
        *from += ds->rows[k];
    *to = *from + ds->rows[key];
}

const char *dataset_order_column(const struct dataset *ds)
{
    return ds->order_column != NULL ? ds->order_column : "";
}
