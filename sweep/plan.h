/* SPDX-License-Identifier: MIT
 *
 * plan: a sweep that has been understood. Made once by the client from the sweep file, the plugin's descriptor
 * and the dataset's header; carried as bytes to broker, worker and slot, each of which decodes it and computes
 * everything else from it and a task's index. Nothing in it is a promise of the user's: it has been checked.
 */
#ifndef SHEAF_SWEEP_PLAN_H
#define SHEAF_SWEEP_PLAN_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/codec.h"
#include "common/err.h"
#include "common/hash.h"

#include <stdbool.h>
#include <stdint.h>

#define PLAN_VERSION 3u
#define PLAN_MAX_TASKS ((uint64_t)1 << 63)
#define PLAN_MAX_PARAMS 256u
#define PLAN_MAX_SCORES 256u
#define PLAN_MAX_BYTES ((uint64_t)64 << 20)
#define PLAN_MAX_TRIAL_BYTES ((uint64_t)1 << 30) /* scores and statuses of all tasks of one trial */
#define PLAN_MAX_TASK_SECONDS 1e9
#define PLAN_MAX_MEMORY_MB ((uint64_t)1000000000000)
#define PLAN_MAX_ATTEMPTS 1000u
#define PLAN_MAX_BEST ((uint64_t)10000000)
#define PLAN_MAX_KEY_NAMES ((uint64_t)16 << 20) /* bytes of all keys' texts */
#define PLAN_MAX_PATH 4096u                     /* bytes of a path, and of the pattern of files */
#define PLAN_MAX_OUTPUTS 64u
#define PLAN_MAX_DATA 16u
#define PLAN_MAX_ROW_RANK 5u                      /* axes of a row: SHEAF_MAX_RANK but trial, key and split */
#define PLAN_MAX_ROW_BYTES ((uint64_t)1 << 30)    /* of all rows of one task: every slot holds them */
#define PLAN_MAX_OUTPUT_BYTES ((uint64_t)1 << 42) /* of the output file: the digests of its chunks must fit memory */

/* One parameter value as the plan stores it. Numbers of type: see param types in sheaf/plugin.h. */
struct plan_value {
    double f;
    int64_t i;
    const char *text; /* "" unless choice or text */
};

/* The plugin's descriptor, as a short-lived child reported it. */
struct plan_param {
    const char *name;
    uint32_t type; /* SHEAF_INT ... */
    bool required;
    struct plan_value def;
    double min, max; /* min > max: none */
    const char **choices;
    uint32_t n_choices;
    const char *unit, *help;
};

struct plan_array {
    const char *name;
    uint32_t dtype, rank;
    bool required;
    const char *row_axis; /* "" = none */
    const char *help;
};

struct plan_score {
    const char *name, *unit, *help;
};

/* One axis of a row of an output array. */
struct plan_extent {
    uint64_t n;        /* elements; in a plan always, in a descriptor when `array` is "" */
    const char *array; /* whose axis `of` it is as long as */
    uint32_t of;
};

/* An output array. Row `index` of it is row_bytes long and lies at offset + index * row_bytes of the output file. */
struct plan_output {
    const char *name;
    uint32_t dtype;
    struct plan_extent *axes;
    uint32_t rank;
    const char *unit, *help;
    uint64_t row_bytes, offset; /* in a plan; see sweep/output.h */
};

struct plan_plugin {
    const char *path;    /* absolute path of the shared object */
    const char *script;  /* what it runs, as SHEAF_SCRIPT_TABLE gives it; "" = nothing, it is what the sweep names */
    struct slice digest; /* BLAKE2b-256 of its bytes and of `identity` */
    const char *name, *version, *summary, *identity;
    const char *config; /* JSON, "{}" when absent */
    struct plan_param *params;
    uint32_t n_params;
    struct plan_array *arrays;
    uint32_t n_arrays;
    struct plan_score *scores;
    uint32_t n_scores;
    struct plan_score *group_values;
    uint32_t n_group_values;
    struct plan_output *outputs;
    uint32_t n_outputs;
    const char *files; /* what files a task makes; "" = none */
    bool scoreless;    /* it makes outputs only; its one score, `done`, is the host's, and 1 */
    uint32_t threads;
    uint32_t abi_major, abi_minor;
};

enum plan_axis_kind {
    AXIS_CONST,   /* values[0] for every trial; takes no digit of the grid */
    AXIS_CHOICES, /* values[0 .. n_values), in this order */
    AXIS_INT,     /* from, from + step, ... <= to, all in .i */
    AXIS_FLOAT, /* grid: `count` points from .f to .f (log: equally spaced in ln); random: uniform in [from, to] (log: in
                       ln) */
    AXIS_FLOAT_STEP, /* from + k * step, k < count, in .f */
    AXIS_LOG_INT, /* random: Optuna's log int, search-algorithms.md section 0; grid: `count` points rounded, duplicates dropped */
    AXIS_LIST, /* search: list. values is the dictionary; the trial's code is in `codes` */
    AXIS_CARRIED, /* a parameter of an earlier sweep: no digit of its own. The nearest varying axis before it says which of the
                     earlier trials it is; `codes` has that one's code in the dictionary `values` */
};

struct plan_axis {
    const char *name;
    uint32_t param; /* position in the descriptor's params */
    uint32_t kind;  /* enum plan_axis_kind */
    struct plan_value *values;
    uint32_t n_values;
    bool log;
    struct plan_value from, to, step;
    uint64_t count;     /* points in a grid, as asked for (space_axis_size: as counted); 1 for a constant */
    struct slice codes; /* AXIS_LIST: trials x uint32 little-endian; AXIS_CARRIED: earlier trials x that */
};

/* One dataset of a sweep. */
struct plan_data {
    const char *path;    /* absolute */
    struct slice digest; /* HASH_BYTES, or empty */
    bool made;           /* by an earlier stage: what it holds tells the sweep from others, not where it is */
    const char *along;   /* what its trials are called; "" = it is seen whole */
    uint64_t trials;     /* of the sweep that made it, when it is taken along them; else 0 */
    uint32_t param;      /* and the parameter whose value says which of them a task sees */
};

enum plan_keys_kind {
    KEYS_NONE,   /* one key, which is none */
    KEYS_COLUMN, /* the partitions of the dataset */
    KEYS_RANGE,  /* integers */
    KEYS_FILES,  /* paths */
};

/* What the axis of keys is made of; how many there are says plan.keys. */
struct plan_key_axis {
    uint32_t kind;       /* enum plan_keys_kind */
    const char *column;  /* COLUMN: its name; FILES: the pattern, absolute; else "" */
    uint32_t dtype;      /* COLUMN: SHEAF_DT_CODE (texts), _I64 or _DATE; else 0 */
    int64_t from;        /* RANGE: key k is the number from + k */
    struct slice names;  /* COLUMN, FILES: what each key is called, with its NUL, in the keys' order; else empty */
    struct slice digest; /* FILES: of names, sizes and times of change, HASH_BYTES; else empty */
};

enum plan_method { METHOD_GRID, METHOD_RANDOM, METHOD_LIST };
/* How positions run through the cells; see sweep/space.h. */
enum plan_order { ORDER_TRIAL, ORDER_KEY };
enum plan_split_kind { SPLIT_NONE, SPLIT_WALK_FORWARD, SPLIT_K_FOLD };
enum plan_reduce { REDUCE_MEAN, REDUCE_MEDIAN, REDUCE_MIN, REDUCE_MAX, REDUCE_STD, REDUCE_SUM };

struct plan_split {
    uint32_t kind;                   /* enum plan_split_kind */
    uint64_t train, test, step, gap; /* walk_forward, in rows */
    bool anchored;
    uint64_t k; /* k_fold */
    bool shuffle;
    const char *stratify; /* array name of this dataset, "" = none */
    uint64_t n_rows;      /* rows of the row axis; of each key's when it is `keyed`, 0 where they differ */
    bool keyed;           /* the arrays of the row axis are cut by the keys: rows count from the key's first */
    const char *row_axis; /* "" when the plugin names none */
    const char *on;    /* array of days in which splits are cut instead of the keys' own rows, n_rows long; "" = none */
    const char *order; /* with `on`: the column of days by which the rows of each key ascend */
};

struct plan_goal {
    uint32_t score; /* position in the plugin's scores */
    bool maximize;
};

struct plan_limits {
    double task_seconds; /* 0 = none */
    uint64_t memory_mb;  /* 0 = none */
    uint32_t attempts;   /* at least 1; default 3 */
    uint64_t failures;   /* the sweep stops once this many tasks have failed; 0 = none */
};

struct plan {
    uint32_t version;
    const char *name;   /* "" when the sweep file gives none */
    const char *source; /* absolute path of the sweep file, for people */
    struct plan_plugin
        plugin;             /* its params: first its own, then those of earlier sweeps, which it does not get to see */
    struct plan_data *data; /* the first has the keys and the calendar, the others add arrays (sweep/sources.h) */
    uint32_t n_data;
    uint32_t method; /* enum plan_method */
    uint64_t seed;
    struct plan_axis *axes; /* those of earlier sweeps, then in the sweep file's order; the first varies slowest */
    uint32_t n_axes;
    uint32_t n_carried; /* so many of the first axes are those of earlier sweeps: they follow from the data */
    const char **where; /* expressions, all of which must hold */
    uint32_t n_where;
    uint64_t trials, keys, splits; /* tasks = trials * keys * splits < PLAN_MAX_TASKS; each at least 1 */
    struct plan_key_axis key_axis;
    uint32_t order; /* enum plan_order */
    struct plan_split split;
    uint32_t reduce_split, reduce_key; /* enum plan_reduce */
    struct plan_goal *goals;           /* at least one */
    uint32_t n_goals;
    struct plan_limits limits;
    const char *output_path; /* absolute: the dataset that the output arrays become; "" = what tasks fill is dropped */
    bool output_replace;     /* files that are there give way */
    uint64_t output_bytes;   /* of the whole file */
    const char *output_dir;  /* absolute: the folder in which the tasks' files appear; "" = they are dropped */
    uint64_t keep_best;      /* 0 = keep all scores; else how many trials to keep */
    uint64_t verify_ppm;     /* share of tasks to run again on another slot and compare, in millionths */
};

extern const struct codec plan_codec;        /* struct plan */
extern const struct codec plan_plugin_codec; /* struct plan_plugin: what a describing child prints */

/* Encodes to bytes; 0, SHEAF_ENOMEM or SHEAF_ELIMIT (over PLAN_MAX_BYTES). */
int plan_encode(const struct plan *p, struct buf *out);

/* Decodes and checks what arithmetic relies on (counts multiply without overflow, indices in range, enums known, digests 32
 * bytes or none). `bytes` must outlive *out; the rest lives in `arena`. */
int plan_decode(const void *bytes, size_t len, struct arena *arena, struct plan *out, struct diag *d);

/* How many tasks a trial of that plugin may have: a broker holds the cells of a trial until all are there. */
uint64_t plan_max_cells(const struct plan_plugin *plugin);

/* How many bytes the scores of a sweep take while none of its trials is complete: what a broker holds of a sweep in order of keys. At
 * most PLAN_MAX_TRIAL_BYTES are allowed. UINT64_MAX: more than that. */
uint64_t plan_open_bytes(const struct plan *p);

/* Does the sweep make an output file? */
static inline bool plan_has_output(const struct plan *p)
{
    return p->output_path != NULL && p->output_path[0] != '\0';
}

/* Does it make files, of which the sweep has to say where? */
static inline bool plugin_makes_files(const struct plan_plugin *p)
{
    return p->files != NULL && p->files[0] != '\0';
}

/* Does it make files in a folder? */
static inline bool plan_has_files(const struct plan *p)
{
    return p->output_dir != NULL && p->output_dir[0] != '\0';
}

/* trials * keys * splits. */
uint64_t plan_tasks(const struct plan *p);

/* The identity of the sweep for its state directory: a digest of everything the user wrote that can change a
 * score's meaning or its storage, with plugin and data by path and not by digest (so that a changed plugin or
 * dataset is noticed and refused rather than taken for another sweep; what an earlier stage has made is known by its digest), keys by
 * column or pattern in the same way, without name, limits, verify, and without the number of trials of a random or list sweep (so that more trials continue it). */
int plan_identity(const struct plan *p, uint8_t out[HASH_BYTES]);

/* True when `now` is the same sweep as `before`, with as many trials, more or fewer, and every trial that both have is
 * the same one. (The identity cannot know that of a list, which may have been changed above its end.) */
bool plan_continues(const struct plan *before, const struct plan *now);

#endif
