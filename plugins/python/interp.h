/* SPDX-License-Identifier: MIT
 *
 * interp: starts CPython inside of a plugin's process, once: with the caller's virtual environment, without signal handlers,
 * with one hash seed for all slots, and with what a script prints going where the host wants it.
 */
#ifndef SHEAF_PLUGINS_PYTHON_INTERP_H
#define SHEAF_PLUGINS_PYTHON_INTERP_H

#include <Python.h>

#include "sheaf/plugin.h"

/* The interpreter, with the modules _sheaf and sheaf; *bridge: bridge.py, borrowed. Returns SHEAF_OK_STATUS, or SHEAF_FAILED after
 * host->fail. */
int32_t interp_start(const struct sheaf_host *host, PyObject **bridge);

/* Tells the host the exception that is set: its line as the reason, its traceback as lines of the log. Returns SHEAF_FAILED. */
int32_t interp_fail(const struct sheaf_host *host);

#endif
