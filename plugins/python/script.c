/* SPDX-License-Identifier: MIT
 *
 * script: see script.h. What a task shares with the one before it is not made again: a null function is to cost little more
 * than calling it in a loop.
 */
#include "script.h"
#include "views.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 200 /* bytes of a list of names in an error */

bool script_set_scores(struct script *s, const char *const *names, uint32_t n)
{
    free((void *)s->score_names); /* none, when a probe has found these out; interned names stay */
    s->score_names = calloc(n ? n : 1, sizeof(PyObject *));
    for (uint32_t i = 0; s->score_names && i < n; i++)
        if (!(s->score_names[i] = PyUnicode_InternFromString(names[i])))
            return false;
    s->n_scores = n;
    if (!s->score_names)
        PyErr_NoMemory();
    return s->score_names != NULL;
}

bool script_open(struct script *s, const char *const *arrays, uint32_t n)
{
    Py_CLEAR(s->data); /* of the dataset that it was open for */
    free(s->seen);
    s->seen = NULL;
    s->has_task = false;
    PyObject *names = PyTuple_New((Py_ssize_t)n);
    for (uint32_t i = 0; names && i < n; i++) {
        PyObject *name = PyUnicode_FromString(arrays[i]);
        if (name)
            PyTuple_SET_ITEM(names, (Py_ssize_t)i, name);
        else
            Py_CLEAR(names);
    }
    s->data = names ? PyObject_CallMethod(s->bridge, "make_data", "(O)", names) : NULL;
    Py_XDECREF(names);
    s->n_views = n;
    s->seen = calloc((size_t)n + 1, sizeof *s->seen);
    if (!s->seen)
        PyErr_NoMemory();
    return s->data && s->seen;
}

/* ---- what a task is about ---- */

/* Past the __setattr__ that refuses a script to do so. */
static bool set(struct script *s, const char *name, PyObject *value)
{
    PyObject *text = value ? PyUnicode_InternFromString(name) : NULL;
    bool ok = text && PyObject_GenericSetAttr(s->data, text, value) == 0;
    Py_XDECREF(text);
    Py_XDECREF(value);
    return ok;
}

static bool same_view(const struct sheaf_view *a, const struct sheaf_view *b)
{
    return a->data == b->data && a->shape[0] == b->shape[0];
}

/* With keys every task may see other rows. */
static bool refresh_views(struct script *s, const struct sheaf_task *task)
{
    bool changed = false;
    for (uint64_t i = 0; i < s->n_views && !changed; i++)
        changed = task->views[i] && !same_view(task->views[i], &s->seen[i]);
    if (!changed)
        return true;
    PyObject *done = PyObject_CallMethod(s->data, "_forget", NULL); /* a signal's handler may raise in it */
    if (!done)
        return false;
    Py_DECREF(done);
    for (uint64_t i = 0; i < s->n_views; i++)
        if (task->views[i])
            s->seen[i] = *task->views[i];
    return true;
}

static PyObject *key_object(const struct sheaf_key *key)
{
    switch (key->kind) {
    case SHEAF_KEY_TEXT:
    case SHEAF_KEY_PATH:
        return PyUnicode_DecodeFSDefault(key->text);
    case SHEAF_KEY_INT:
        return PyLong_FromLongLong(key->i);
    default:
        return views_none();
    }
}

static bool refresh_data(struct script *s, const struct sheaf_task *task)
{
    bool key = !s->has_task || task->key.index != s->key, split = key || task->split != s->split;
    s->has_task = false; /* data of two tasks, should something raise half-way */
    if ((key && !refresh_views(s, task)) || (key && !set(s, "key", key_object(&task->key))))
        return false;
    if (split &&
        (!set(s, "train", views_rows(s->bridge, &task->train)) || !set(s, "test", views_rows(s->bridge, &task->test))))
        return false;
    s->has_task = true;
    s->key = task->key.index;
    s->split = task->split;
    return set(s, "index", PyLong_FromUnsignedLongLong(task->index)) &&
           set(s, "seed", PyLong_FromUnsignedLongLong(task->seed));
}

/* ---- parameters ---- */

static bool same_value(uint32_t type, const struct sheaf_value *a, const struct sheaf_value *b)
{
    switch (type) {
    case SHEAF_FLOAT:
        return a->f == b->f && !signbit(a->f) == !signbit(b->f);
    case SHEAF_TEXT:
        return false; /* the text of the task before is gone */
    default:
        return a->i == b->i;
    }
}

static PyObject *value_object(const struct script *s, uint32_t i, const struct sheaf_value *v)
{
    PyObject *choice;
    switch (s->descriptor.params[i].type) {
    case SHEAF_INT:
        return PyLong_FromLongLong(v->i);
    case SHEAF_FLOAT:
        return PyFloat_FromDouble(v->f);
    case SHEAF_BOOL:
        return PyBool_FromLong(v->i != 0);
    case SHEAF_CHOICE:
        choice = PyTuple_GetItem(s->choices[i], (Py_ssize_t)v->i);
        Py_XINCREF(choice);
        return choice;
    default:
        return PyUnicode_DecodeUTF8(v->text, (Py_ssize_t)v->text_len, "replace");
    }
}

static bool refresh_params(struct script *s, const struct sheaf_task *task)
{
    for (uint32_t i = 0; i < s->descriptor.n_params; i++) {
        PyObject **at = &s->arguments[2 + i];
        const struct sheaf_value *v = &task->params[i];
        if (*at && same_value(s->descriptor.params[i].type, v, &s->last[i]))
            continue;
        PyObject *object = value_object(s, i, v);
        if (!object)
            return false;
        Py_XDECREF(*at);
        *at = object;
        s->last[i] = *v;
    }
    return true;
}

PyObject *script_call(struct script *s, const struct sheaf_task *task)
{
    if ((s->takes_data && !refresh_data(s, task)) || !refresh_params(s, task))
        return NULL;
    PyObject *kwnames = s->descriptor.n_params ? s->kwnames : NULL;
    s->arguments[1] = s->data;
    if (s->takes_data)
        return PyObject_Vectorcall(s->function, s->arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames);
    return PyObject_Vectorcall(s->function, s->arguments + 2, 0 | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames);
}

/* ---- scores ---- */

/* The scores by name, shortened. */
static void list_scores(const struct script *s, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < s->n_scores && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", PyUnicode_AsUTF8(s->score_names[i]));
}

static const char *text_of(PyObject *key)
{
    const char *text = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
    if (!text)
        PyErr_Clear();
    return text ? text : "a key that is no text";
}

/* A number, or false with words about it. An exception of its own conversion is kept. */
static bool number(PyObject *v, const char *what, double *out, char *text, size_t size)
{
    *out = PyFloat_AsDouble(v);
    if (*out != -1 || !PyErr_Occurred())
        return true;
    if (!PyErr_ExceptionMatches(PyExc_TypeError))
        return false;
    PyErr_Clear();
    snprintf(text, size, "it returned %s%s%s; return a number, or a dict of numbers", what[0] ? what : "",
             what[0] ? " as " : "", v == Py_None ? "None" : Py_TYPE(v)->tp_name);
    return false;
}

/* The dict has another number of entries, or others, than there are scores. An exception of a key's own comparison is kept. */
static bool wrong_keys(const struct script *s, PyObject *dict, char *text, size_t size)
{
    char names[SHOWN];
    list_scores(s, names, sizeof names);
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &key, &value);) {
        int known = 0;
        Py_INCREF(key); /* its __eq__ may change the dict */
        for (uint32_t i = 0; i < s->n_scores && known == 0; i++)
            known = PyObject_RichCompareBool(key, s->score_names[i], Py_EQ);
        if (known == 0)
            snprintf(text, size, "it returned a score '%.100s' that the sweep does not have (%s)", text_of(key), names);
        Py_DECREF(key);
        if (known != 1)
            return false;
    }
    for (uint32_t i = 0; i < s->n_scores; i++) {
        int has = PyDict_Contains(dict, s->score_names[i]);
        if (has == 0)
            snprintf(text, size, "it returned no score '%s'", text_of(s->score_names[i]));
        if (has != 1)
            break;
    }
    return false;
}

/* A function that makes outputs only has nothing to return. */
static bool check_none(PyObject *result, char *text, size_t size)
{
    if (result != Py_None)
        snprintf(text, size, "it returned %s, but it has outputs and no scores; name them: @sheaf.plugin(scores=[...])",
                 Py_TYPE(result)->tp_name);
    return result == Py_None;
}

bool script_scores(const struct script *s, PyObject *result, double *scores, char *text, size_t size)
{
    const struct sheaf_descriptor *d = &s->descriptor;
    if (d->n_scores == 0 && (d->n_outputs > 0 || d->files))
        return check_none(result, text, size);
    if (PyFloat_CheckExact(result) && s->n_scores == 1) {
        scores[0] = PyFloat_AS_DOUBLE(result);
        return true;
    }
    if (!PyDict_Check(result)) {
        char names[SHOWN];
        list_scores(s, names, sizeof names);
        if (!number(result, "", scores, text, size))
            return false;
        if (s->n_scores != 1)
            snprintf(text, size, "it returned one number, but its scores are %s; return a dict", names);
        return s->n_scores == 1;
    }
    if (PyDict_Size(result) != (Py_ssize_t)s->n_scores)
        return wrong_keys(s, result, text, size);
    for (uint32_t i = 0; i < s->n_scores; i++) {
        PyObject *v = PyDict_GetItemWithError(result, s->score_names[i]);
        if (!v)
            return !PyErr_Occurred() && wrong_keys(s, result, text, size);
        Py_INCREF(v); /* its __float__ may change the dict */
        bool ok = number(v, text_of(s->score_names[i]), &scores[i], text, size);
        Py_DECREF(v);
        if (!ok)
            return false;
    }
    return true;
}
