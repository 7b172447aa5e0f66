/* SPDX-License-Identifier: MIT
 *
 * script: a function of a Python script as a plugin: what it is (script_describe), and running it.
 */
#ifndef SHEAF_PLUGINS_PYTHON_SCRIPT_H
#define SHEAF_PLUGINS_PYTHON_SCRIPT_H

#include <Python.h>

#include "hostmod.h"
#include "sheaf/plugin.h"

struct script {
    PyObject *bridge; /* borrowed */
    PyObject *function;
    bool takes_data;
    struct sheaf_descriptor descriptor;

    /* A call: [0] is the callee's to use, [1] data, then the parameters' values, with their names in kwnames. */
    PyObject **arguments;
    PyObject *kwnames;
    PyObject **choices;       /* of each parameter: a tuple of what its choices mean, or NULL */
    struct sheaf_value *last; /* of each parameter: what arguments[] was made of */

    PyObject *data; /* sheaf.Data */
    uint64_t n_views;
    struct sheaf_view *seen; /* what data's arrays were made of */
    bool has_task;           /* the task before this one: */
    uint64_t key, split;
    struct hostmod_call call;
    PyObject **score_names; /* n_scores */
    uint32_t n_scores;
};

/* Reads what bridge.describe says into s->descriptor and what belongs to it. false with an exception. */
bool script_describe(struct script *s, PyObject *info);

/* The names of the scores that run fills. false with an exception. */
bool script_set_scores(struct script *s, const char *const *names, uint32_t n);

/* Makes the data. arrays: n names. false with an exception. */
bool script_open(struct script *s, const char *const *arrays, uint32_t n);

/* Calls the function with this task. A new reference, NULL with an exception. */
PyObject *script_call(struct script *s, const struct sheaf_task *task);

/* Puts what the function has returned into scores[0 .. n_scores). NULL, or with an exception set, or in `text` what is wrong. */
bool script_scores(const struct script *s, PyObject *result, double *scores, char *text, size_t size);

#endif
