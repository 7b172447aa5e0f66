/* SPDX-License-Identifier: MIT
 *
 * views: see views.h. A view that a script keeps stays good: datasets stay mapped until the process ends, so that theirs have no
 * owner; a cache is released when nothing refers to it any more.
 */
#include "views.h"

#include <stdbool.h>
#include <string.h>

struct element {
    const char *format; /* as in Python's struct module */
    Py_ssize_t size;
};

/* int64 is NumPy's own int64 by the letter l where a long has 64 bits. */
#define I64 (sizeof(long) == 8 ? "l" : "q")
#define U64 (sizeof(long) == 8 ? "L" : "Q")

static struct element element_of(uint32_t dtype)
{
    switch (dtype) {
    case SHEAF_DT_BOOL:
        return (struct element){"?", 1};
    case SHEAF_DT_I8:
        return (struct element){"b", 1};
    case SHEAF_DT_U8:
        return (struct element){"B", 1};
    case SHEAF_DT_I16:
        return (struct element){"h", 2};
    case SHEAF_DT_U16:
        return (struct element){"H", 2};
    case SHEAF_DT_U32:
        return (struct element){"I", 4};
    case SHEAF_DT_I64:
        return (struct element){I64, 8};
    case SHEAF_DT_U64:
        return (struct element){U64, 8};
    case SHEAF_DT_F32:
        return (struct element){"f", 4};
    case SHEAF_DT_F64:
        return (struct element){"d", 8};
    default: /* int32, codes, dates */
        return (struct element){"i", 4};
    }
}

PyObject *views_none(void)
{
    Py_INCREF(Py_None);
    return Py_None;
}

int64_t views_element_size(uint32_t dtype)
{
    return element_of(dtype).size;
}

/* The shape and type of v; shape and strides are room for SHEAF_MAX_RANK each. */
static Py_buffer buffer_of(const struct sheaf_view *v, void *memory, Py_ssize_t *shape, Py_ssize_t *strides)
{
    static char nothing;
    struct element e = element_of(v->dtype);
    Py_ssize_t size = e.size;
    for (uint32_t i = 0; i < v->rank; i++) {
        shape[i] = (Py_ssize_t)v->shape[i];
        strides[i] = (Py_ssize_t)v->strides[i];
        size *= shape[i];
    }
    return (Py_buffer){.buf = memory ? memory : &nothing,
                       .len = size,
                       .itemsize = e.size,
                       .readonly = 1,
                       .ndim = (int)v->rank,
                       .format = (char *)(uintptr_t)e.format,
                       .shape = v->rank ? shape : NULL,
                       .strides = v->rank ? strides : NULL};
}

PyObject *views_array(const struct sheaf_view *v)
{
    Py_ssize_t shape[SHEAF_MAX_RANK], strides[SHEAF_MAX_RANK];
    Py_buffer b = buffer_of(v, (void *)(uintptr_t)v->data, shape, strides);
    return PyMemoryView_FromBuffer(&b);
}

/* Makes the type once, as the interpreter is. NULL with an exception. */
static PyTypeObject *made_once(PyTypeObject **type, PyType_Spec *spec)
{
    if (!*type)
        *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type;
}

/* ---- a row, and who refers to it ---- */

struct row {
    PyObject_HEAD Py_buffer shown;
    Py_ssize_t shape[SHEAF_MAX_RANK], strides[SHEAF_MAX_RANK];
};

static int row_buffer(PyObject *self, Py_buffer *out, int flags)
{
    (void)flags; /* asked by a memoryview, which takes all there is */
    *out = ((struct row *)self)->shown;
    Py_INCREF(self);
    out->obj = self;
    return 0;
}

static void plain_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot row_slots[] = {
    {Py_bf_getbuffer, (void *)(uintptr_t)row_buffer}, {Py_tp_dealloc, (void *)(uintptr_t)plain_free}, {0, NULL}};
static PyType_Spec row_spec = {"_sheaf.Row", sizeof(struct row), 0, Py_TPFLAGS_DEFAULT, row_slots};

PyObject *views_row(const struct sheaf_view *v, void *memory)
{
    static PyTypeObject *type;
    struct row *r = made_once(&type, &row_spec) ? PyObject_New(struct row, type) : NULL;
    if (!r)
        return NULL;
    r->shown = buffer_of(v, memory, r->shape, r->strides);
    r->shown.readonly = 0;
    return (PyObject *)r;
}

/* ---- a cache, and who refers to it ---- */

struct cached {
    PyObject_HEAD const struct sheaf_host *host;
    const struct sheaf_cache *table;
    void *memory;
    Py_ssize_t size;
};

static int cached_buffer(PyObject *self, Py_buffer *out, int flags)
{
    struct cached *c = (struct cached *)self;
    return PyBuffer_FillInfo(out, self, c->memory, c->size, 1, flags);
}

static void cached_free(PyObject *self)
{
    struct cached *c = (struct cached *)self;
    PyTypeObject *type = Py_TYPE(self);
    c->table->release(c->host, c->memory);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot cached_slots[] = {
    {Py_bf_getbuffer, (void *)(uintptr_t)cached_buffer}, {Py_tp_dealloc, (void *)(uintptr_t)cached_free}, {0, NULL}};
static PyType_Spec cached_spec = {"_sheaf.Cached", sizeof(struct cached), 0, Py_TPFLAGS_DEFAULT, cached_slots};

PyObject *views_cache(const struct sheaf_host *host, const struct sheaf_cache *table, const void *memory, uint64_t size)
{
    static PyTypeObject *type;
    struct cached *c = made_once(&type, &cached_spec) ? PyObject_New(struct cached, type) : NULL;
    if (!c) {
        table->release(host, memory);
        return NULL;
    }
    *c = (struct cached){c->ob_base, host, table, (void *)(uintptr_t)memory, (Py_ssize_t)size};
    PyObject *view = PyMemoryView_FromObject((PyObject *)c);
    Py_DECREF((PyObject *)c);
    return view;
}

PyObject *views_dictionary(const struct sheaf_view *v)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)v->n_dictionary);
    for (uint64_t i = 0; tuple && i < v->n_dictionary; i++) {
        const char *text = v->dictionary[i];
        PyObject *item = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
        if (item)
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *slice_of(uint64_t from, uint64_t to)
{
    PyObject *a = PyLong_FromUnsignedLongLong(from), *b = PyLong_FromUnsignedLongLong(to);
    PyObject *slice = a && b ? PySlice_New(a, b, NULL) : NULL;
    Py_XDECREF(a);
    Py_XDECREF(b);
    return slice;
}

/* The row numbers as bytes. */
static PyObject *numbers_of(const struct sheaf_rows *rows)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(rows->n * sizeof(int64_t)));
    char *out = bytes ? PyBytes_AS_STRING(bytes) : NULL;
    if (out && rows->list)
        memcpy(out, rows->list, rows->n * sizeof(int64_t));
    for (uint64_t r = 0; out && rows->ranges && r < rows->n_ranges; r++)
        for (uint64_t i = rows->ranges[r].from; i < rows->ranges[r].to; i++, out += sizeof(int64_t)) {
            int64_t row = (int64_t)i;
            memcpy(out, &row, sizeof row);
        }
    return bytes;
}

PyObject *views_rows(PyObject *bridge, const struct sheaf_rows *rows)
{
    if (rows->n == 0)
        return slice_of(0, 0);
    if (rows->ranges && rows->n_ranges == 1)
        return slice_of(rows->ranges[0].from, rows->ranges[0].to);
    PyObject *bytes = numbers_of(rows);
    PyObject *index = bytes ? PyObject_CallMethod(bridge, "make_rows", "(O)", bytes) : NULL;
    Py_XDECREF(bytes);
    return index;
}
