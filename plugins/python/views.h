/* SPDX-License-Identifier: MIT
 *
 * views: memory that the host has mapped, as Python sees it: memoryviews, which NumPy takes over without a copy. All but rows of output
 * arrays are read-only.
 */
#ifndef SHEAF_PLUGINS_PYTHON_VIEWS_H
#define SHEAF_PLUGINS_PYTHON_VIEWS_H

#include <Python.h>

#include "sheaf/plugin.h"

/* A new read-only memoryview of all of v, with its shape and type. NULL with an exception. */
PyObject *views_array(const struct sheaf_view *v);

/* What owns a row that the task fills, which lies at `memory`: memoryviews of it (PyMemoryView_FromObject) are writable, and all that shows the
 * row refers to it. NULL with an exception. */
PyObject *views_row(const struct sheaf_view *v, void *memory);

/* Bytes of an element of that type. */
int64_t views_element_size(uint32_t dtype);

/* A new read-only memoryview of what `table` gave, which is released when nothing refers to it any more. NULL with an exception; it
 * is released then, too. host and table live until the process ends. */
PyObject *views_cache(const struct sheaf_host *host, const struct sheaf_cache *table, const void *memory,
                      uint64_t size);

/* The texts that the codes of v refer to, as a new tuple. NULL with an exception. */
PyObject *views_dictionary(const struct sheaf_view *v);

/* Rows as an index: a slice when they are in one piece, else an array of int64, which bridge.make_rows makes. A new
 * reference, NULL with an exception. */
PyObject *views_rows(PyObject *bridge, const struct sheaf_rows *rows);

/* None, as a new reference. */
PyObject *views_none(void);

#endif
