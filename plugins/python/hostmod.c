/* SPDX-License-Identifier: MIT
 *
 * hostmod: see hostmod.h. The host may be called from the thread that runs the task only, and never by a forked child: both are
 * exceptions in Python.
 */
#define PY_SSIZE_T_CLEAN /* "y#" */
#include "hostmod.h"
#include "views.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_GROUP_VALUES 256

static const struct hostmod_call *now; /* NULL between calls */
static pthread_t owner;
static bool forked;

void hostmod_enter(const struct hostmod_call *call)
{
    now = call;
    owner = pthread_self();
}

void hostmod_leave(void)
{
    now = NULL;
}

bool hostmod_is_forked(void)
{
    return forked;
}

/* The host, or NULL with an exception. */
static const struct sheaf_host *host_for(const char *what)
{
    if (forked)
        PyErr_Format(PyExc_RuntimeError, "sheaf.%s: this process was forked by the task; only the task itself may",
                     what);
    else if (!now || !pthread_equal(owner, pthread_self()))
        PyErr_Format(PyExc_RuntimeError, "sheaf.%s: only for the thread that runs the task, while it runs", what);
    else
        return now->host;
    return NULL;
}

static PyObject *mod_forked(PyObject *self, PyObject *none)
{
    (void)self, (void)none;
    forked = true;
    return views_none();
}

/* The streams of a forked child would be the slot's; its descriptors are its own. */
static void write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done <= 0)
            return;
        bytes += done;
        n -= (size_t)done;
    }
}

static PyObject *mod_write(PyObject *self, PyObject *args)
{
    (void)self;
    int fd;
    const char *bytes;
    Py_ssize_t n;
    if (!PyArg_ParseTuple(args, "iy#", &fd, &bytes, &n))
        return NULL;
    FILE *stream = fd == 2 ? stderr : stdout;
    if (forked)
        write_all(fd == 2 ? 2 : 1, bytes, (size_t)n);
    else if (n > 0)
        (void)fwrite(bytes, 1, (size_t)n, stream);
    else
        (void)fflush(stream);
    return views_none();
}

static PyObject *mod_log(PyObject *self, PyObject *args)
{
    (void)self;
    int level;
    const char *text;
    const struct sheaf_host *host = host_for("log");
    if (!host || !PyArg_ParseTuple(args, "is", &level, &text))
        return NULL;
    host->log(host, (uint32_t)level, text);
    return views_none();
}

static PyObject *mod_report(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *number;
    double value;
    const struct sheaf_host *host = host_for("report");
    if (!host || !PyArg_ParseTuple(args, "Od", &number, &value))
        return NULL;
    PyObject *index = PyNumber_Index(number);
    uint64_t step = index ? PyLong_AsUnsignedLongLong(index) : 0;
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_OverflowError))
        PyErr_Format(PyExc_ValueError, "sheaf.report: the step %S is not from 0 to 2**64 - 1", index);
    Py_XDECREF(index);
    if (PyErr_Occurred())
        return NULL;
    return PyBool_FromLong(host->report(host, step, value));
}

static PyObject *mod_stop_requested(PyObject *self, PyObject *none)
{
    (void)self, (void)none;
    const struct sheaf_host *host = host_for("stop_requested");
    return host ? PyBool_FromLong(host->stop_requested(host)) : NULL;
}

/* ---- emit ---- */

static bool emit_dict(PyObject *dict, double *out)
{
    if (PyDict_Size(dict) != (Py_ssize_t)now->n_groups) {
        PyErr_Format(PyExc_ValueError, "sheaf.emit: %zd values, but groups has %u", PyDict_Size(dict), now->n_groups);
        return false;
    }
    for (uint32_t i = 0; i < now->n_groups; i++) {
        PyObject *v = PyDict_GetItemString(dict, now->groups[i].name);
        if (!v) {
            PyErr_Format(PyExc_KeyError, "sheaf.emit: no value %s", now->groups[i].name);
            return false;
        }
        Py_INCREF(v); /* its __float__ may change the dict */
        out[i] = PyFloat_AsDouble(v);
        Py_DECREF(v);
        if (out[i] == -1 && PyErr_Occurred())
            return false;
    }
    return true;
}

static bool emit_number(PyObject *value, double *out)
{
    out[0] = PyFloat_AsDouble(value);
    if (out[0] == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "sheaf.emit: the values are %s; give a number, a list of numbers or a dict",
                         value == Py_None ? "None" : Py_TYPE(value)->tp_name);
        return false;
    }
    if (now->n_groups != 1)
        PyErr_Format(PyExc_ValueError, "sheaf.emit: one value, but groups has %u", now->n_groups);
    return now->n_groups == 1;
}

/* What can be iterated over, copied: a __float__ may change a list. */
static bool emit_list(PyObject *iterator, double *out)
{
    PyObject *list = PySequence_Tuple(iterator);
    if (!list)
        return false;
    Py_ssize_t n = PyTuple_GET_SIZE(list);
    bool ok = n == (Py_ssize_t)now->n_groups;
    if (!ok)
        PyErr_Format(PyExc_ValueError, "sheaf.emit: %zd values, but groups has %u", n, now->n_groups);
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        out[i] = PyFloat_AsDouble(PyTuple_GET_ITEM(list, i));
        ok = out[i] != -1 || !PyErr_Occurred();
    }
    Py_DECREF(list);
    return ok;
}

static bool emit_values(PyObject *values, double *out)
{
    if (PyDict_Check(values))
        return emit_dict(values, out);
    if (PyFloat_Check(values) || PyLong_Check(values))
        return emit_number(values, out);
    PyObject *iterator = PyObject_GetIter(values);
    if (!iterator) { /* NumPy's numbers, arrays without an axis, fractions ... */
        PyErr_Clear();
        return emit_number(values, out);
    }
    bool ok = emit_list(iterator, out);
    Py_DECREF(iterator);
    return ok;
}

static PyObject *mod_emit(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *values;
    const char *group;
    double row[MAX_GROUP_VALUES];
    const struct sheaf_host *host = host_for("emit");
    if (!host || !PyArg_ParseTuple(args, "sO", &group, &values))
        return NULL;
    if (now->n_groups == 0)
        return PyErr_Format(PyExc_ValueError,
                            "sheaf.emit: say what the values are called: @sheaf.plugin(groups=[...])");
    if (!emit_values(values, row))
        return NULL;
    if (host->emit(host, group, row) != SHEAF_OK_STATUS)
        return PyErr_Format(PyExc_ValueError,
                            "sheaf.emit: a group has at most 65,535 bytes of name, a task at most so many rows");
    return views_none();
}

/* ---- cache ---- */

struct making {
    PyObject *build;
    Py_buffer made;
};

static int32_t make_value(const struct sheaf_host *host, void *user, const void **bytes, uint64_t *size)
{
    struct making *m = user;
    PyObject *value = PyObject_CallNoArgs(m->build);
    bool ok = value && PyObject_GetBuffer(value, &m->made, PyBUF_SIMPLE) == 0;
    Py_XDECREF(value); /* the buffer holds it */
    if (!ok)
        return host->fail(host, "sheaf.cache: its build function failed");
    *bytes = m->made.buf;
    *size = (uint64_t)m->made.len;
    return SHEAF_OK_STATUS;
}

static PyObject *mod_cache(PyObject *self, PyObject *args)
{
    (void)self;
    const char *name;
    struct making m = {0};
    uint64_t size = 0;
    const struct sheaf_host *host = host_for("cache");
    if (!host || !PyArg_ParseTuple(args, "sO", &name, &m.build))
        return NULL;
    const struct sheaf_cache *table = host->table(host, SHEAF_CACHE_TABLE);
    if (!table)
        return PyErr_Format(PyExc_RuntimeError, "sheaf.cache: only while a task runs");
    const void *memory = table->get(host, name, make_value, &m, &size);
    PyBuffer_Release(&m.made); /* nothing, when it was there already */
    if (memory)
        return views_cache(host, table, memory, size);
    if (!PyErr_Occurred())
        PyErr_Format(
            PyExc_MemoryError,
            "sheaf.cache: %s cannot be had: memory is short, its name has more than 255 bytes, or it was asked for "
            "inside of another one's build",
            name);
    return NULL;
}

/* ---- arrays ---- */

/* Memory that is mapped, which no host is asked for: also for the other threads of a task and the children that it forks. */
static const struct sheaf_view *view_at(PyObject *number, bool *ok)
{
    unsigned long i = PyLong_AsUnsignedLong(number);
    *ok = !PyErr_Occurred() && now && now->views && i < now->n_views;
    if (!*ok && !PyErr_Occurred())
        PyErr_SetString(PyExc_RuntimeError, "sheaf.Data: the arrays are there while a task runs");
    return *ok ? now->views[i] : NULL;
}

static PyObject *mod_view(PyObject *self, PyObject *number)
{
    (void)self;
    bool ok;
    const struct sheaf_view *v = view_at(number, &ok);
    if (v)
        return views_array(v);
    if (!ok)
        return NULL;
    return views_none();
}

static PyObject *mod_dictionary(PyObject *self, PyObject *number)
{
    (void)self;
    bool ok;
    const struct sheaf_view *v = view_at(number, &ok);
    if (!ok)
        return NULL;
    if (v && v->dictionary)
        return views_dictionary(v);
    return views_none();
}

/* ---- outputs ---- */

/* The array of that name, which the descriptor lists. */
static const struct sheaf_view *view_named(const char *name)
{
    for (uint32_t i = 0; i < now->n_views; i++)
        if (strcmp(now->names[i], name) == 0)
            return now->views[i];
    return NULL;
}

/* What a row of that output looks like in this task. */
static bool row_shape(const struct sheaf_output *o, struct sheaf_view *v)
{
    *v = (struct sheaf_view){.dtype = o->dtype, .rank = o->rank};
    for (uint32_t i = 0; i < o->rank; i++) {
        const struct sheaf_axis *axis = &o->axes[i];
        const struct sheaf_view *like = axis->array ? view_named(axis->array) : NULL;
        if (axis->array && (!like || axis->of >= like->rank))
            return false;
        v->shape[i] = like ? like->shape[axis->of] : axis->n;
    }
    int64_t stride = views_element_size(o->dtype);
    for (uint32_t i = o->rank; i-- > 0; stride *= (int64_t)v->shape[i])
        v->strides[i] = stride;
    return true;
}

/* A row is the task's alone: when it ends nothing may refer to it any more. */
static PyObject *handed_out; /* a list of owners; NULL = empty */

/* A memoryview of the row, which it takes over. */
static PyObject *hand_out(PyObject *row)
{
    if (row && !handed_out)
        handed_out = PyList_New(0);
    bool noted = row && handed_out && PyList_Append(handed_out, row) == 0;
    PyObject *view = noted ? PyMemoryView_FromObject(row) : NULL;
    Py_XDECREF(row);
    return view;
}

static bool all_free(void)
{
    for (Py_ssize_t i = 0; handed_out && i < PyList_GET_SIZE(handed_out); i++)
        if (Py_REFCNT(PyList_GET_ITEM(handed_out, i)) > 1)
            return false;
    return true;
}

bool hostmod_take_back(void)
{
    bool all = all_free();
    if (!all) {
        PyGC_Collect(); /* a cycle is no reason to fail */
        all = all_free();
    }
    Py_CLEAR(handed_out);
    return all;
}

static PyObject *mod_row(PyObject *self, PyObject *number)
{
    (void)self;
    struct sheaf_view v;
    const struct sheaf_host *host = host_for("output");
    unsigned long i = host ? PyLong_AsUnsignedLong(number) : 0;
    if (!host || PyErr_Occurred())
        return NULL;
    const struct sheaf_output_rows *rows = now->views ? host->table(host, SHEAF_OUTPUT_TABLE) : NULL;
    void *row = rows && i < now->n_outputs && row_shape(&now->outputs[i], &v) ? rows->row(host, (uint32_t)i) : NULL;
    if (row)
        return hand_out(views_row(&v, row));
    return PyErr_Format(PyExc_RuntimeError, "sheaf.output: only while a task runs");
}

static PyObject *mod_path(PyObject *self, PyObject *text)
{
    (void)self;
    const struct sheaf_host *host = host_for("output");
    const char *name = host ? PyUnicode_AsUTF8(text) : NULL;
    if (!name)
        return NULL;
    const struct sheaf_files *files = now->views ? host->table(host, SHEAF_FILES_TABLE) : NULL;
    if (!files)
        return PyErr_Format(PyExc_RuntimeError, "sheaf.output: only while a task runs");
    const char *path = files->path(host, name);
    if (path)
        return PyUnicode_DecodeFSDefault(path);
    return PyErr_Format(PyExc_ValueError,
                        "sheaf.output: there can be no file '%s': a name is relative, no part of it is empty or begins "
                        "with a point, and it is not too long",
                        name);
}

/* ---- keys ---- */

static PyObject *key_object(const struct sheaf_key *key)
{
    if (key->kind == SHEAF_KEY_NONE)
        return views_none();
    return key->kind == SHEAF_KEY_INT ? PyLong_FromLongLong(key->i) : PyUnicode_DecodeFSDefault(key->text);
}

static PyObject *mod_keys(PyObject *self, PyObject *none)
{
    (void)self, (void)none;
    struct sheaf_key key;
    const struct sheaf_host *host = host_for("keys");
    const struct sheaf_keys *table = host && now->views ? host->table(host, SHEAF_KEYS_TABLE) : NULL;
    if (host && !table)
        return PyErr_Format(PyExc_RuntimeError, "sheaf.keys: only while a task runs");
    Py_ssize_t n = table ? (Py_ssize_t)table->count(host) : 0;
    PyObject *keys = table ? PyTuple_New(n) : NULL;
    for (Py_ssize_t i = 0; keys && i < n; i++) {
        PyObject *item = table->key(host, (uint64_t)i, &key) ? key_object(&key) : views_none();
        if (item)
            PyTuple_SET_ITEM(keys, i, item);
        else
            Py_CLEAR(keys);
    }
    return keys;
}

static PyMethodDef methods[] = {
    {"write", mod_write, METH_VARARGS, "Bytes to stdout (1) or stderr (2); none: flush."},
    {"forked", mod_forked, METH_NOARGS, "This process is a forked child."},
    {"log", mod_log, METH_VARARGS, "level, text"},
    {"report", mod_report, METH_VARARGS, "step, value"},
    {"stop_requested", mod_stop_requested, METH_NOARGS, "bool"},
    {"emit", mod_emit, METH_VARARGS, "group, values"},
    {"cache", mod_cache, METH_VARARGS, "name, build"},
    {"view", mod_view, METH_O, "Array number i as a read-only memoryview."},
    {"row", mod_row, METH_O, "The row of output array number i as a writable memoryview."},
    {"path", mod_path, METH_O, "Where this task is to write its file of that name."},
    {"keys", mod_keys, METH_NOARGS, "All keys of the sweep."},
    {"dictionary", mod_dictionary, METH_O, "The texts of array number i, or None."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT,
                                        .m_name = "_sheaf",
                                        .m_doc = "The host of this task.",
                                        .m_size = -1,
                                        .m_methods = methods};

PyObject *hostmod_create(void)
{
    return PyModule_Create(&definition);
}
