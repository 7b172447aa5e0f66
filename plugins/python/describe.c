/* SPDX-License-Identifier: MIT
 *
 * describe: from what bridge.describe has found out to a descriptor. Its memory is never freed: the descriptor lives until the
 * process ends.
 */
#include "script.h"

#include <stdlib.h>
#include <string.h>

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p)
        PyErr_NoMemory();
    return p;
}

/* A copy of a text; NULL with an exception. */
static const char *copy_text(PyObject *text)
{
    const char *from = PyUnicode_AsUTF8(text);
    char *copy = from ? strdup(from) : NULL;
    if (from && !copy)
        PyErr_NoMemory();
    return copy;
}

/* The text under a name of the dict `info`. */
static bool get_text(PyObject *info, const char *name, const char **out)
{
    PyObject *v = PyDict_GetItemString(info, name); /* always there */
    *out = copy_text(v);
    return *out != NULL;
}

static bool set_default(struct sheaf_param *p, PyObject *value)
{
    switch (p->type) {
    case SHEAF_FLOAT:
        p->def.f = PyFloat_AsDouble(value);
        break;
    case SHEAF_TEXT:
        p->def.text = copy_text(value);
        p->def.text_len = p->def.text ? strlen(p->def.text) : 0;
        break;
    default:
        p->def.i = PyLong_AsLongLong(value);
    }
    return !PyErr_Occurred();
}

static bool set_choices(struct sheaf_param *p, PyObject *texts)
{
    Py_ssize_t n = PyList_Size(texts);
    const char **choices = zeroed((size_t)n, sizeof *choices);
    p->choices = choices;
    p->n_choices = (uint32_t)n;
    for (Py_ssize_t i = 0; choices && i < n; i++)
        if (!(choices[i] = copy_text(PyList_GetItem(texts, i))))
            return false;
    return choices != NULL;
}

/* (name, type, required, default, min, max, choices, values, help) */
static bool read_param(struct script *s, PyObject *row, uint32_t i, struct sheaf_param *p)
{
    PyObject *name, *def, *choices, *values, *help;
    int type, required;
    if (!PyArg_ParseTuple(row, "OipOddOOO", &name, &type, &required, &def, &p->min, &p->max, &choices, &values, &help))
        return false;
    p->type = (uint32_t)type;
    p->required = required != 0;
    p->name = copy_text(name);
    p->help = copy_text(help);
    p->unit = "";
    if (!p->name || !p->help || (choices != Py_None && !set_choices(p, choices)))
        return false;
    if (values != Py_None) {
        Py_INCREF(values);
        s->choices[i] = values;
    }
    Py_INCREF(name);
    PyUnicode_InternInPlace(&name);
    PyTuple_SET_ITEM(s->kwnames, (Py_ssize_t)i, name);
    return required || set_default(p, def);
}

static bool read_params(struct script *s, PyObject *list)
{
    uint32_t n = (uint32_t)PyList_Size(list);
    struct sheaf_param *params = zeroed(n, sizeof *params);
    s->descriptor.params = params;
    s->descriptor.n_params = n;
    s->arguments = zeroed((size_t)n + 2, sizeof(PyObject *));
    s->choices = zeroed(n, sizeof(PyObject *));
    s->last = zeroed(n, sizeof *s->last);
    s->kwnames = PyTuple_New((Py_ssize_t)n);
    if (!params || !s->arguments || !s->choices || !s->last || !s->kwnames)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!read_param(s, PyList_GetItem(list, (Py_ssize_t)i), i, &params[i]))
            return false;
    return true;
}

/* (name, row axis or None) */
static bool read_arrays(struct script *s, PyObject *list)
{
    uint32_t n = (uint32_t)PyList_Size(list);
    struct sheaf_array *arrays = zeroed(n, sizeof *arrays);
    s->descriptor.arrays = arrays;
    s->descriptor.n_arrays = n;
    for (uint32_t i = 0; arrays && i < n; i++) {
        PyObject *name, *axis;
        if (!PyArg_ParseTuple(PyList_GetItem(list, (Py_ssize_t)i), "OO", &name, &axis))
            return false;
        arrays[i] = (struct sheaf_array){.name = copy_text(name), .dtype = SHEAF_ANY, .required = true, .help = ""};
        if (axis != Py_None)
            arrays[i].row_axis = copy_text(axis);
        if (!arrays[i].name || (axis != Py_None && !arrays[i].row_axis))
            return false;
    }
    return arrays != NULL;
}

/* (elements, array or None, its axis) */
static bool read_axes(PyObject *list, struct sheaf_output *o)
{
    o->rank = (uint32_t)PyList_Size(list);
    struct sheaf_axis *axes = zeroed(o->rank, sizeof *axes);
    o->axes = axes;
    for (uint32_t i = 0; axes && i < o->rank; i++) {
        unsigned long long n;
        unsigned int of;
        PyObject *array;
        if (!PyArg_ParseTuple(PyList_GetItem(list, (Py_ssize_t)i), "KOI", &n, &array, &of))
            return false;
        axes[i] = (struct sheaf_axis){.n = n, .of = of};
        if (array != Py_None && !(axes[i].array = copy_text(array)))
            return false;
    }
    return axes != NULL;
}

/* (name, type, axes) */
static bool read_outputs(struct script *s, PyObject *list)
{
    uint32_t n = (uint32_t)PyList_Size(list);
    struct sheaf_output *outputs = zeroed(n, sizeof *outputs);
    s->descriptor.outputs = outputs;
    s->descriptor.n_outputs = n;
    for (uint32_t i = 0; outputs && i < n; i++) {
        PyObject *name, *axes;
        unsigned int dtype;
        if (!PyArg_ParseTuple(PyList_GetItem(list, (Py_ssize_t)i), "OIO", &name, &dtype, &axes))
            return false;
        outputs[i] = (struct sheaf_output){.name = copy_text(name), .dtype = dtype, .unit = "", .help = ""};
        if (!outputs[i].name || !read_axes(axes, &outputs[i]))
            return false;
    }
    return outputs != NULL;
}

static bool read_files(struct script *s, PyObject *line)
{
    s->descriptor.files = line == Py_None ? NULL : copy_text(line);
    return line == Py_None || s->descriptor.files;
}

static bool read_names(PyObject *list, const struct sheaf_score **out, uint32_t *n)
{
    *n = (uint32_t)PyList_Size(list);
    struct sheaf_score *scores = zeroed(*n, sizeof *scores);
    *out = scores;
    for (uint32_t i = 0; scores && i < *n; i++) {
        scores[i] = (struct sheaf_score){copy_text(PyList_GetItem(list, (Py_ssize_t)i)), "", ""};
        if (!scores[i].name)
            return false;
    }
    return scores != NULL;
}

static bool read_scores(struct script *s, PyObject *list)
{
    struct sheaf_descriptor *d = &s->descriptor;
    if (!read_names(list, &d->scores, &d->n_scores))
        return false;
    const char **names = zeroed(d->n_scores, sizeof *names);
    for (uint32_t i = 0; names && i < d->n_scores; i++)
        names[i] = d->scores[i].name;
    bool ok = names && script_set_scores(s, names, d->n_scores);
    free(names);
    return ok;
}

bool script_describe(struct script *s, PyObject *info)
{
    struct sheaf_descriptor *d = &s->descriptor;
    if (!get_text(info, "name", &d->name) || !get_text(info, "version", &d->version) ||
        !get_text(info, "summary", &d->summary) || !get_text(info, "identity", &d->identity))
        return false;
    d->threads = (uint32_t)PyLong_AsUnsignedLong(PyDict_GetItemString(info, "threads"));
    s->takes_data = PyObject_IsTrue(PyDict_GetItemString(info, "takes_data")) == 1;
    s->function = PyDict_GetItemString(info, "function");
    Py_INCREF(s->function);
    return read_params(s, PyDict_GetItemString(info, "params")) &&
           read_arrays(s, PyDict_GetItemString(info, "arrays")) &&
           read_scores(s, PyDict_GetItemString(info, "scores")) &&
           read_outputs(s, PyDict_GetItemString(info, "outputs")) &&
           read_files(s, PyDict_GetItemString(info, "files")) &&
           read_names(PyDict_GetItemString(info, "groups"), &d->group_values, &d->n_group_values);
}
