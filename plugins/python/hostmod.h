/* SPDX-License-Identifier: MIT
 *
 * hostmod: the builtin module _sheaf, through which Python code reaches the host: what the functions of sdk/python/sheaf call.
 */
#ifndef SHEAF_PLUGINS_PYTHON_HOSTMOD_H
#define SHEAF_PLUGINS_PYTHON_HOSTMOD_H

#include <Python.h>

#include "sheaf/plugin.h"

/* For PyImport_AppendInittab. */
PyObject *hostmod_create(void);

/* What the module's functions refer to until hostmod_leave: the host of the call at hand; the arrays (or NULL) and their names, the output
 * arrays, and what emit's values are called. All of it the caller's. */
struct hostmod_call {
    const struct sheaf_host *host;
    const struct sheaf_view *const *views;
    const char *const *names; /* of the views */
    uint32_t n_views;
    const struct sheaf_output *outputs;
    uint32_t n_outputs;
    const struct sheaf_score *groups;
    uint32_t n_groups;
};
void hostmod_enter(const struct hostmod_call *call);
void hostmod_leave(void);

/* The task has ended: takes the rows of output arrays back. False: something that it keeps still shows one. No exception is set. */
bool hostmod_take_back(void);

/* Is this process a child that the script has forked? It must not come back to the host. */
bool hostmod_is_forked(void);

#endif
