/* SPDX-License-Identifier: MIT
 *
 * sheaf/plugin.h: the plugin ABI. A plugin is a shared object that exports one symbol,
 *
 *     const struct sheaf_plugin sheaf_plugin_entry = { SHEAF_ABI_MAJOR, SHEAF_ABI_MINOR,
 *         sizeof(struct sheaf_plugin), describe, open, run, close };
 *
 * and links with nothing of ours. It is loaded in slots only: processes of one thread each that run one task
 * at a time, so a plugin needs no locks, and a crash costs one task attempt.
 *
 * Every function states [thread & state] in which it is called: "slot" is the slot's one thread. The states are
 * loaded -> described -> open -> running -> open -> closed. Host functions are called on the thread that
 * called describe, open or run, and only before that call returns. The structs of this file never grow: what
 * comes later is a table fetched by a string id (sheaf_host.table, sheaf_plugin.describe's host).
 *
 * Memory: whoever allocates frees. Text is UTF-8, NUL-terminated. All sizes are bytes unless a name says else.
 */
#ifndef SHEAF_PLUGIN_H
#define SHEAF_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A plugin loads when the majors are equal and its minor is not newer than the host's. */
#define SHEAF_ABI_MAJOR 1u
#define SHEAF_ABI_MINOR 0u

#define SHEAF_MAX_RANK 8u

#if defined(_WIN32)
#define SHEAF_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define SHEAF_EXPORT __attribute__((visibility("default")))
#else
#define SHEAF_EXPORT
#endif

/* Parameter types (sheaf_param.type). */
#define SHEAF_INT 1u    /* sheaf_value.i; .f is the same number */
#define SHEAF_FLOAT 2u  /* sheaf_value.f; .i is it truncated, 0 where that does not fit */
#define SHEAF_CHOICE 3u /* sheaf_value.i is the position in .choices, .text the choice */
#define SHEAF_TEXT 4u   /* sheaf_value.text */
#define SHEAF_BOOL 5u   /* sheaf_value.i is 0 or 1 */

/* Element types (sheaf_view.dtype, sheaf_array.dtype). All little-endian. */
#define SHEAF_ANY 0u /* only in sheaf_array: every type is welcome */
#define SHEAF_DT_BOOL 1u
#define SHEAF_DT_I8 2u
#define SHEAF_DT_I16 3u
#define SHEAF_DT_I32 4u
#define SHEAF_DT_I64 5u
#define SHEAF_DT_U8 6u
#define SHEAF_DT_U16 7u
#define SHEAF_DT_U32 8u
#define SHEAF_DT_U64 9u
#define SHEAF_DT_F32 10u
#define SHEAF_DT_F64 11u
#define SHEAF_DT_CODE 12u /* int32 position in a sorted dictionary of texts */
#define SHEAF_DT_DATE 13u /* int32 days since 1970-01-01 */

/* What run, open and describe return. */
#define SHEAF_OK_STATUS 0
#define SHEAF_FAILED 1

/* Log levels. */
#define SHEAF_LOG_DEBUG 0u
#define SHEAF_LOG_INFO 1u
#define SHEAF_LOG_WARN 2u
#define SHEAF_LOG_ERROR 3u

/* One parameter value; which member counts, its type says. `text` lives as long as the task. */
struct sheaf_value {
    double f;
    int64_t i;
    const char *text; /* NULL unless CHOICE or TEXT */
    uint64_t text_len;
};

/* A parameter that the plugin takes. */
struct sheaf_param {
    const char *name;
    uint32_t type;              /* SHEAF_INT ... SHEAF_BOOL */
    bool required;              /* the sweep must give it; else `def` stands in */
    struct sheaf_value def;     /* the default */
    double min, max;            /* inclusive, for INT and FLOAT; min > max: no limits */
    const char *const *choices; /* CHOICE: n_choices texts */
    uint32_t n_choices;
    const char *unit; /* "days", "bps", or "" */
    const char *help; /* one line */
};

/* An array that the plugin reads. */
struct sheaf_array {
    const char *name;     /* "*": every array of the dataset that no other entry names, in the dataset's order, each in
                             the place of this entry; what they are called, "sheaf.script/1" tells */
    uint32_t dtype;       /* SHEAF_DT_..., or SHEAF_ANY */
    uint32_t rank;        /* number of axes; 0 = any */
    bool required;        /* refused before any task runs when the dataset lacks it; else its view is NULL */
    const char *row_axis; /* name of axis 0 if splits cut along it ("day"), else NULL. Arrays that share a row
                             axis have equally many rows; those of "*" have none where they do not. */
    const char *help;
};

/* One axis of a row of an output array. */
struct sheaf_axis {
    uint64_t n; /* elements, when `array` is NULL */
    const char
        *array; /* else as many as axis `of` of this array has, which the descriptor lists; with keys: as it has for
                          each key, which must be the same number for all */
    uint32_t of;
};

/* An array that the sweep makes: each task fills one row of it (sheaf_output_rows), and the sweep ends with a dataset
 * that holds the array with the shape [trial, key, split, axes of the row...]. */
struct sheaf_output {
    const char *name; /* [A-Za-z_][A-Za-z0-9_]*, at most 63 bytes */
    uint32_t dtype;   /* SHEAF_DT_..., neither SHEAF_ANY nor SHEAF_DT_CODE */
    uint32_t rank;    /* axes of a row, at most SHEAF_MAX_RANK - 3; 0: one element */
    const struct sheaf_axis *axes;
    const char *unit; /* or "" */
    const char *help; /* one line */
};

/* A number that run returns for each task, or a value that emit sends for a group. */
struct sheaf_score {
    const char *name;
    const char *unit; /* or "" */
    const char *help; /* one line */
};

/* What a plugin is. Filled in by describe; everything it points to lives until the process ends. */
struct sheaf_descriptor {
    const char *name;    /* [a-z][a-z0-9_]*, at most 63 bytes */
    const char *version; /* free text, part of what `inspect` shows */
    const char *summary; /* one line */
    const struct sheaf_param *params;
    uint32_t n_params;
    const struct sheaf_array *arrays;
    uint32_t n_arrays;
    const struct sheaf_score *scores;
    uint32_t n_scores;
    const struct sheaf_score *group_values; /* what emit's values are called, in order */
    uint32_t n_group_values;
    const struct sheaf_output *outputs;
    uint32_t n_outputs;
    uint32_t threads;     /* threads a task may use at once, itself included; 0 means 1 */
    const char *identity; /* more that tells two plugins apart (a script's digest), or NULL */
    const char *files;    /* what files a task makes (SHEAF_FILES_TABLE), one line; NULL = none */
};

/* An array in memory, read-only. Element (i, j, ...) is at data + i * strides[0] + j * strides[1] + ... */
struct sheaf_view {
    uint32_t dtype;
    uint32_t rank;
    uint64_t shape[SHEAF_MAX_RANK];  /* elements along each axis */
    int64_t strides[SHEAF_MAX_RANK]; /* bytes; C order, so strides[rank - 1] is the element's size */
    const void *data;
    const char *const *dictionary; /* DT_CODE: n_dictionary texts in bytewise order, else NULL */
    uint64_t n_dictionary;
};

/* A half-open range of rows. */
struct sheaf_range {
    uint64_t from, to;
};

/* Rows of a row axis: either ranges, ascending and disjoint, or a list, ascending; the other one is NULL. */
struct sheaf_rows {
    uint64_t n;                       /* rows in all */
    const struct sheaf_range *ranges; /* n_ranges of them, or NULL */
    uint64_t n_ranges;
    const int64_t *list; /* n row numbers, or NULL */
};

/* Key kinds (sheaf_key.kind). */
#define SHEAF_KEY_NONE 0u /* the sweep has no keys */
#define SHEAF_KEY_TEXT 1u /* a partition with a text key: .text */
#define SHEAF_KEY_INT 2u  /* an integer: .i */
#define SHEAF_KEY_PATH 3u /* a file: .text is its path */

struct sheaf_key {
    uint32_t kind;
    uint64_t index; /* its position among the sweep's keys */
    int64_t i;
    const char *text;
};

/* The dataset as open sees it: one view per array of the descriptor, in its order; NULL = absent and optional. */
struct sheaf_dataset {
    const struct sheaf_view *const *views;
    uint32_t n_views;
};

/* One task. All pointers live until run returns. */
struct sheaf_task {
    const struct sheaf_value *params;      /* n_params values in the descriptor's order */
    const struct sheaf_view *const *views; /* as in sheaf_dataset; with keys, cut to the key's rows */
    struct sheaf_key key;
    struct sheaf_rows train, test; /* without `split`: train is empty, test is every row */
    const char *row_axis;          /* the axis that train and test speak of; NULL when the plugin declares none */
    uint64_t index, trial, split;  /* index = (trial * keys + key.index) * splits + split */
    uint64_t seed;                 /* from the sweep's seed and the index alone: the same on every machine */
    uint32_t attempt;              /* 1 the first time */
};

struct sheaf_host;

/* Fills `size` zeroed, page-aligned bytes at `memory`, which move between processes: no pointers inside.
 * [slot & inside cache()] Returns SHEAF_OK_STATUS, or SHEAF_FAILED after host->fail. */
typedef int32_t (*sheaf_build_fn)(const struct sheaf_host *host, void *memory, uint64_t size, void *user);

/* What the host does for a plugin. `host` is what describe, open or run was given; it lives until that call
 * returns. */
struct sheaf_host {
    uint32_t abi_major, abi_minor, struct_size;
    void *self; /* the host's own */

    /* Adds a line to the sweep's log, with the task it belongs to. Never blocks; a flood is cut and counted.
     * [slot & describe, open, run] */
    void (*log)(const struct sheaf_host *host, uint32_t level, const char *text);

    /* Says why this call fails; the last one counts. Returns SHEAF_FAILED, so that `return host->fail(host, "no
     * factor")` is all it takes. A failure returned by run is final: it is not tried again.
     * [slot & describe, open, run, build] */
    int32_t (*fail)(const struct sheaf_host *host, const char *text);

    /* An intermediate value of this task at step 0, 1, 2 ... Returns true to go on, false when the task should
     * return what it has. Reads a flag, never blocks. [slot & run] */
    bool (*report)(const struct sheaf_host *host, uint64_t step, double value);

    /* True when the sweep was cancelled or the task runs elsewhere already; return soon. [slot & run] */
    bool (*stop_requested)(const struct sheaf_host *host);

    /* Adds n_group_values float64 to the sums of `group` (at most 65,535 bytes of UTF-8; 65,536 groups and 16 MiB a task);
     * counted only if the task succeeds. Returns SHEAF_OK_STATUS, or SHEAF_FAILED: then the task has failed. [slot & run] */
    int32_t (*emit)(const struct sheaf_host *host, const char *group, const double *values);

    /* size bytes, aligned to 64, uninitialised, gone when run returns; NULL when memory is short. [slot & run] */
    void *(*scratch)(const struct sheaf_host *host, uint64_t size);

    /* Memory built once per machine for this plugin, config and dataset, then shared read-only by all slots:
     * the first caller of `name` runs build, the others wait (waiting is not task time). A builder that dies is
     * replaced. Same name, same size. The pointer lives until close returns. NULL when build failed or memory is
     * short; then return host->fail(...) or do without. [slot & open, run] */
    const void *(*cache)(const struct sheaf_host *host, const char *name, uint64_t size, sheaf_build_fn build,
                         void *user);

    /* A further table of functions by id; NULL when this host lacks it. Lives until the
     * process ends. [slot & describe, open, run] */
    const void *(*table)(const struct sheaf_host *host, const char *id);
};

/* The one exported struct. */
struct sheaf_plugin {
    uint32_t abi_major, abi_minor, struct_size;

    /* Says what the plugin is. `config` is the sweep's config as JSON ("{}" when absent). Fills *out and returns
     * SHEAF_OK_STATUS, or SHEAF_FAILED after host->fail. [slot & loaded; once, before open] */
    int32_t (*describe)(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out);

    /* Makes the state for one dataset; *state may stay NULL. `dataset` and its views live until close returns. Along the trials of
     * an earlier sweep each trial is a dataset: after close open is called again for the next one.
     * Returns SHEAF_OK_STATUS, or SHEAF_FAILED after host->fail. [slot & described; once] */
    int32_t (*open)(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                    void **state);

    /* Runs one task and fills scores[0 .. n_scores), which start as NaN. The same task on the same data must give
     * the same bits, whatever ran before. Returns SHEAF_OK_STATUS, or SHEAF_FAILED after host->fail.
     * [slot & open; any number of times] */
    int32_t (*run)(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores);

    /* Frees the state. May be skipped: a slot that is killed never calls it. [slot & open; once an open] */
    void (*close)(const struct sheaf_host *host, void *state);

    /* A further table of this plugin by id; NULL when it has none. The member may be NULL. [slot & loaded; any time] */
    const void *(*table)(const char *id);
};

/* A table of the host: what it knows of the sweep that a plugin cannot have in static tables, above all one that runs scripts of
 * another language. All of it lives until the process ends. */
#define SHEAF_SCRIPT_TABLE "sheaf.script/1"
struct sheaf_script {
    uint32_t struct_size;
    const char *script;        /* what the sweep file names, behind an absolute folder: "/a/b/strategy.py",
                                  "/a/b/strategy.py:function", "/a/b/module:function"; NULL = the plugin was named itself */
    const char *const *arrays; /* what the views of the dataset are called, in their order; in open and run */
    uint32_t n_arrays;
    const char *const *scores; /* what "sheaf.probe/1" has found out, for describe; none before */
    uint32_t n_scores;
};

/* Makes a value in memory of its own: *size bytes at *bytes, which stay until the call that asks for the value returns.
 * [slot & inside get] Returns SHEAF_OK_STATUS, or SHEAF_FAILED after host->fail. */
typedef int32_t (*sheaf_make_fn)(const struct sheaf_host *host, void *user, const void **bytes, uint64_t *size);

/* A table of the host: cache for values whose size only who makes them knows. */
#define SHEAF_CACHE_TABLE "sheaf.cache/1"
struct sheaf_cache {
    uint32_t struct_size;

    /* As sheaf_host.cache, but the value is copied from what make has made, and *size says how large it is. A name is for this
     * or for sheaf_host.cache. [slot & open, run] */
    const void *(*get)(const struct sheaf_host *host, const char *name, sheaf_make_fn make, void *user, uint64_t *size);

    /* A script's plugin keeps what get gave while Python, say, refers to it, also when it is open for other data: it gives it back
     * here, once. For all others it is gone when the plugin is closed. [slot & any] */
    void (*release)(const struct sheaf_host *host, const void *memory);
};

/* A table of the plugin, for one that cannot say in describe which scores it returns. It may then describe itself without
 * scores: a process of its own runs one task, and every later describe is told by the host's "sheaf.script/1" what came out. */
#define SHEAF_PROBE_TABLE "sheaf.probe/1"
struct sheaf_probe {
    uint32_t struct_size;

    /* Runs a task as run does, and tells the names of the scores instead of their values: *n of them in *names, which live
     * until the process ends. goal: the first score that the sweep's goal names, "" = none. Afterwards run fills these
     * scores. Returns SHEAF_OK_STATUS, or SHEAF_FAILED after host->fail. [slot & open; once, before run] */
    int32_t (*scores)(const struct sheaf_host *host, void *state, const struct sheaf_task *task, const char *goal,
                      const char *const **names, uint32_t *n);
};

/* A table of the host: the rows of output arrays. */
#define SHEAF_OUTPUT_TABLE "sheaf.output/1"
struct sheaf_output_rows {
    uint32_t struct_size;

    /* This task's row of the descriptor's output `output`: writable memory in C order, aligned to 64, of NaN (floats) or zeros
     * (the other types) when it is asked for the first time. It belongs to the host and is kept only if the task succeeds;
     * a row that is never asked for, and that of a task that fails, stays NaN or zeros. NULL when there is no such
     * output, or no task runs. [slot & run] */
    void *(*row)(const struct sheaf_host *host, uint32_t output);
};

/* A table of the host: all keys of the sweep, of which a task has one; for a plugin whose tasks share out what the keys name. In a
 * sweep without keys there is one, of kind SHEAF_KEY_NONE. */
#define SHEAF_KEYS_TABLE "sheaf.keys/1"
struct sheaf_keys {
    uint32_t struct_size;

    /* How many there are, at least 1. [slot & open, run] */
    uint64_t (*count)(const struct sheaf_host *host);

    /* Key number `index`, as the task's key is when it is that one's turn; *out's text lives until the process ends. Returns false when there is no such key.
     * [slot & open, run] */
    bool (*key)(const struct sheaf_host *host, uint64_t index, struct sheaf_key *out);
};

/* A table of the host: files that a task makes, for a plugin whose descriptor says so in `files`. */
#define SHEAF_FILES_TABLE "sheaf.files/1"
struct sheaf_files {
    uint32_t struct_size;

    /* The path under which this task is to write its file `name`, which counts from the sweep's output folder and may have folders in it
     * ("2017/01-03.csv"); they are made. The file appears there when the task has succeeded, as does whatever else was written beside it; a
     * task that fails or dies leaves nothing. Two tasks never write the same name. The text lives until run returns. NULL,
     * and the task has failed, for a name that is absolute, has a part that is empty or begins with a dot, or is too long (255 bytes a
     * part, 1,024 in all). [slot & run] */
    const char *(*path)(const struct sheaf_host *host, const char *name);
};

/* Name of the exported symbol. */
#define SHEAF_PLUGIN_SYMBOL "sheaf_plugin_entry"
extern SHEAF_EXPORT const struct sheaf_plugin sheaf_plugin_entry;

#ifdef __cplusplus
}
#endif

#endif
