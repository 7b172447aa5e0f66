/* SPDX-License-Identifier: MIT
 *
 * python: the plugin that runs a Python function as a plugin (docs/python.md). CPython is embedded in the slot; a slot runs one
 * script all its life, so what is known of it stands in one static struct.
 */
#include "interp.h"
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REASON_BYTES 1024

static struct script the_script;

/* A child that the script has forked and that has come back from it: its place is not here. */
static void end_forked(bool failed)
{
    if (!hostmod_is_forked())
        return;
    if (failed)
        PyErr_PrintEx(0);
    _exit(failed ? 1 : 0);
}

/* Fails with these words, or with the exception that is set. None is left to the next task. */
static int32_t fail(const struct sheaf_host *host, const char *text)
{
    if (!text[0])
        return interp_fail(host);
    PyErr_Clear();
    return host->fail(host, text);
}

static const struct sheaf_script *script_table(const struct sheaf_host *host)
{
    return host->table ? host->table(host, SHEAF_SCRIPT_TABLE) : NULL;
}

static PyObject *names_tuple(const char *const *names, uint32_t n)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    for (uint32_t i = 0; tuple && i < n; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (name)
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, name);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* What the bridge says of the script, read into the_script. */
static bool learn(PyObject *bridge, const struct sheaf_script *table, const char *config)
{
    the_script.bridge = bridge;
    PyObject *scores = names_tuple(table->scores, table->n_scores);
    PyObject *info = scores ? PyObject_CallMethod(bridge, "describe", "ssO", table->script, config, scores) : NULL;
    Py_XDECREF(scores);
    bool ok = info && script_describe(&the_script, info);
    Py_XDECREF(info);
    return ok;
}

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    const struct sheaf_script *table = script_table(host);
    PyObject *bridge;
    if (!table || !table->script)
        return host->fail(host,
                          "it runs scripts: name one, as in plugin: FILE.py, FILE.py:FUNCTION or MODULE:FUNCTION");
    if (interp_start(host, &bridge) != SHEAF_OK_STATUS)
        return SHEAF_FAILED;
    the_script.call = (struct hostmod_call){.host = host};
    hostmod_enter(&the_script.call);
    bool ok = learn(bridge, table, config);
    end_forked(!ok);
    int32_t status = ok ? SHEAF_OK_STATUS : interp_fail(host);
    hostmod_leave();
    if (ok)
        *out = the_script.descriptor;
    return status;
}

static int32_t open_data(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                         void **state)
{
    (void)config;
    const struct sheaf_script *table = script_table(host);
    if (!table || table->n_arrays != dataset->n_views)
        return host->fail(host, "this sheaf does not say what its arrays are called");
    the_script.call = (struct hostmod_call){.n_views = dataset->n_views,
                                            .names = table->arrays,
                                            .outputs = the_script.descriptor.outputs,
                                            .n_outputs = the_script.descriptor.n_outputs,
                                            .groups = the_script.descriptor.group_values,
                                            .n_groups = the_script.descriptor.n_group_values};
    *state = &the_script;
    return script_open(&the_script, table->arrays, table->n_arrays) ? SHEAF_OK_STATUS : interp_fail(host);
}

static PyObject *call(const struct sheaf_host *host, struct script *s, const struct sheaf_task *task)
{
    s->call.host = host;
    s->call.views = task->views;
    hostmod_enter(&s->call);
    PyObject *result = script_call(s, task);
    end_forked(!result);
    return result;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    struct script *s = state;
    char text[REASON_BYTES] = "";
    PyObject *result = call(host, s, task);
    int32_t status = SHEAF_OK_STATUS;
    if (!result || !script_scores(s, result, scores, text, sizeof text))
        status = fail(host, text);
    if (!hostmod_take_back() && status == SHEAF_OK_STATUS)
        status = host->fail(host, "it keeps the row of an output array, which is its task's; keep a copy of it");
    hostmod_leave();
    Py_XDECREF(result);
    return status;
}

static void close_data(const struct sheaf_host *host, void *state)
{
    /* The interpreter stays: the process ends next, and what a script's modules do at the end of one has no task to belong to. */
    (void)host, (void)state;
}

/* ---- "sheaf.probe/1" ---- */

/* The keys of a dict, as texts that stay. NULL with words in `text`, or an exception. */
static const char *const *dict_names(PyObject *dict, uint32_t *n, char *text, size_t size)
{
    PyObject *key, *value;
    const char **names = calloc((size_t)PyDict_Size(dict) + 1, sizeof *names);
    *n = 0;
    for (Py_ssize_t at = 0; names && PyDict_Next(dict, &at, &key, &value);) {
        const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
        if (!name || !(names[*n] = strdup(name))) {
            PyErr_Clear();
            snprintf(text, size, "it returned a dict with a key that is no text; the keys are the names of the scores");
            free((void *)names);
            return NULL;
        }
        ++*n;
    }
    return names;
}

static int32_t find_scores(const struct sheaf_host *host, void *state, const struct sheaf_task *task, const char *goal,
                           const char *const **names, uint32_t *n)
{
    static const char *one[1];
    struct script *s = state;
    char text[REASON_BYTES] = "";
    double *scores = NULL;
    PyObject *result = call(host, s, task);
    if (result && PyDict_Check(result)) {
        *names = dict_names(result, n, text, sizeof text);
    } else if (result) {
        one[0] = goal[0] ? strdup(goal) : "score";
        *names = one;
        *n = 1;
    }
    bool ok = result && *names && script_set_scores(s, *names, *n);
    scores = ok ? calloc((size_t)*n + 1, sizeof *scores) : NULL;
    ok = scores && script_scores(s, result, scores, text, sizeof text);
    free(scores);
    int32_t status = ok ? SHEAF_OK_STATUS : fail(host, text);
    hostmod_leave();
    Py_XDECREF(result);
    return status;
}

static const struct sheaf_probe probe = {sizeof(struct sheaf_probe), find_scores};

static const void *table(const char *id)
{
    return strcmp(id, SHEAF_PROBE_TABLE) == 0 ? &probe : NULL;
}

const struct sheaf_plugin sheaf_plugin_entry = {
    .abi_major = SHEAF_ABI_MAJOR,
    .abi_minor = SHEAF_ABI_MINOR,
    .struct_size = (uint32_t)sizeof(struct sheaf_plugin),
    .describe = describe,
    .open = open_data,
    .run = run,
    .close = close_data,
    .table = table,
};
