/* SPDX-License-Identifier: MIT
 *
 * views: see views.h. The memory belongs to the process (datasets and caches stay mapped until it ends), so that a view that a
 * script keeps stays good, and none of them has an owner.
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

static PyObject *view_at(const struct sheaf_view *v, void *memory, bool writable)
{
    static char nothing;
    struct element e = element_of(v->dtype);
    Py_ssize_t shape[SHEAF_MAX_RANK], strides[SHEAF_MAX_RANK], size = e.size;
    for (uint32_t i = 0; i < v->rank; i++) {
        shape[i] = (Py_ssize_t)v->shape[i];
        strides[i] = (Py_ssize_t)v->strides[i];
        size *= shape[i];
    }
    Py_buffer b = {.buf = memory ? memory : &nothing,
                   .len = size,
                   .itemsize = e.size,
                   .readonly = !writable,
                   .ndim = (int)v->rank,
                   .format = (char *)(uintptr_t)e.format,
                   .shape = v->rank ? shape : NULL,
                   .strides = v->rank ? strides : NULL};
    return PyMemoryView_FromBuffer(&b);
}

PyObject *views_array(const struct sheaf_view *v)
{
    return view_at(v, (void *)(uintptr_t)v->data, false); /* Py_buffer knows no const; readonly says it */
}

PyObject *views_row(const struct sheaf_view *v, void *row)
{
    return view_at(v, row, true);
}

PyObject *views_bytes(const void *memory, uint64_t size)
{
    char *bytes = (char *)(uintptr_t)memory; /* PyBUF_READ says const */
    return PyMemoryView_FromMemory(bytes, (Py_ssize_t)size, PyBUF_READ);
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
