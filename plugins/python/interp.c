/* SPDX-License-Identifier: MIT
 *
 * interp: see interp.h. Which Python? The library is the one that this plugin was built with. Its libraries are those of the
 * virtual environment that the caller is in (VIRTUAL_ENV, or the python3 of the PATH when that is one's), else those of the
 * interpreter that the build was configured with.
 */
#define _GNU_SOURCE /* dladdr, RTLD_NOLOAD */
#include "interp.h"
#include "hostmod.h"
#include "sdk/templates.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_BYTES 4000

static PyObject *the_bridge;

/* ---- which environment ---- */

/* The major and minor version that a pyvenv.cfg names; false when there is no such file or it names none. */
static bool venv_version(const char *folder, int *major, int *minor)
{
    char path[PATH_MAX], line[1024];
    snprintf(path, sizeof path, "%.*s/pyvenv.cfg", FOLDER_BYTES, folder);
    FILE *f = fopen(path, "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, " version = %d.%d", major, minor) == 2 ||
                sscanf(line, " version_info = %d.%d", major, minor) == 2;
    if (f)
        fclose(f);
    return found;
}

static bool has_config(const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/pyvenv.cfg", FOLDER_BYTES, folder);
    return access(path, R_OK) == 0;
}

/* Is the folder a virtual environment of another Python? One that says nothing is taken at its word. */
static bool is_other(const char *folder, int *major, int *minor)
{
    return venv_version(folder, major, minor) && (*major != PY_MAJOR_VERSION || *minor != PY_MINOR_VERSION);
}

/* The folder above the one where the PATH has its first python3. */
static bool folder_of_path(char *out, size_t size)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t n = strcspn(at, ":");
        char program[PATH_MAX];
        int len = snprintf(program, sizeof program, "%.*s/python3", (int)n, at);
        if (n > 0 && len > 0 && (size_t)len < sizeof program && access(program, X_OK) == 0) {
            snprintf(out, size, "%.*s/..", (int)n, at);
            return true;
        }
        at += n + (at[n] == ':');
    }
    return false;
}

/* The program that Python is to believe it is: where it looks for its libraries follows from it. */
static int32_t choose_program(const struct sheaf_host *host, char *out, size_t size)
{
    char folder[FOLDER_BYTES], text[FOLDER_BYTES + 256];
    const char *venv = getenv("VIRTUAL_ENV");
    int major = 0, minor = 0;
    snprintf(out, size, "%s", PYTHON_PROGRAM);
    if (venv && *venv && has_config(venv)) {
        if (is_other(venv, &major, &minor)) {
            snprintf(
                text, sizeof text,
                "the virtual environment %.*s is of Python %d.%d, but this sheaf runs %d.%d; leave it, or configure "
                "sheaf with -DSHEAF_PYTHON=%.*s/bin/python3",
                1000, venv, major, minor, PY_MAJOR_VERSION, PY_MINOR_VERSION, 1000, venv);
            return host->fail(host, text);
        }
        snprintf(out, size, "%.*s/bin/python3", FOLDER_BYTES, venv);
    } else if (folder_of_path(folder, sizeof folder) && has_config(folder) && !is_other(folder, &major, &minor)) {
        snprintf(out, size, "%.*s/bin/python3", FOLDER_BYTES, folder);
    }
    return SHEAF_OK_STATUS;
}

/* ---- the start ---- */

/* A plugin is loaded for itself alone, but extension modules expect to find Python's functions in the process. */
static void make_library_global(void)
{
    Dl_info info;
    /* a function's address as data: what dladdr takes */
    if (dladdr((const void *)(uintptr_t)&Py_InitializeFromConfig, &info) && info.dli_fname)
        (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

static PyStatus configure(const char *program)
{
    PyPreConfig before;
    PyPreConfig_InitPythonConfig(&before);
    before.configure_locale = 0; /* the process's locale is the host's */
    before.coerce_c_locale = 0;
    before.utf8_mode = 1;
    before.parse_argv = 0;
    PyStatus status = Py_PreInitialize(&before);
    if (PyStatus_Exception(status))
        return status;
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.install_signal_handlers = 0;
    config.use_hash_seed = 1; /* sets are in the same order in every slot */
    config.hash_seed = 0;
    status = PyConfig_SetBytesString(&config, &config.program_name, program);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesString(&config, &config.executable, program);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

static const struct sheaf_template *source_of(const char *path)
{
    for (size_t i = 0; i < sheaf_n_templates; i++)
        if (strcmp(sheaf_templates[i].path, path) == 0)
            return &sheaf_templates[i];
    return NULL;
}

/* A module from the sources inside of this file. Borrowed. */
static PyObject *make_module(const char *name, const char *path)
{
    const struct sheaf_template *source = source_of(path);
    char *text = source ? malloc(source->size + 1) : NULL;
    if (!text)
        return PyErr_NoMemory();
    memcpy(text, source->bytes, source->size);
    text[source->size] = '\0';
    PyObject *code = Py_CompileString(text, "<sheaf>", Py_file_input);
    free(text);
    PyObject *module = code ? PyImport_ExecCodeModule(name, code) : NULL;
    Py_XDECREF(code);
    Py_XDECREF(module); /* sys.modules keeps it */
    return module;
}

static PyObject *make_modules(void)
{
    PyObject *bridge = make_module("sheaf", "sheaf.py") ? make_module("_sheaf_bridge", "bridge.py") : NULL;
    Dl_info info = {0}; /* a function's address as data, as above */
    const char *self = dladdr((const void *)(uintptr_t)&interp_start, &info) ? info.dli_fname : NULL;
    PyObject *path = bridge ? PyUnicode_DecodeFSDefault(self ? self : "") : NULL;
    PyObject *done = path ? PyObject_CallMethod(bridge, "start", "(O)", path) : NULL;
    Py_XDECREF(path);
    Py_XDECREF(done);
    return done ? bridge : NULL;
}

int32_t interp_start(const struct sheaf_host *host, PyObject **bridge)
{
    char program[FOLDER_BYTES + 32], text[512];
    if (!the_bridge) {
        int32_t status = choose_program(host, program, sizeof program);
        if (status != SHEAF_OK_STATUS)
            return status;
        make_library_global();
        if (PyImport_AppendInittab("_sheaf", hostmod_create) != 0)
            return host->fail(host, "out of memory");
        PyStatus started = configure(program);
        if (PyStatus_Exception(started)) {
            snprintf(text, sizeof text, "Python does not start: %s",
                     started.err_msg ? started.err_msg : "no reason given");
            return host->fail(host, text);
        }
        the_bridge = make_modules();
        if (!the_bridge)
            return interp_fail(host);
    }
    *bridge = the_bridge;
    return SHEAF_OK_STATUS;
}

/* ---- exceptions ---- */

static PyObject *take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (value && traceback)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

static void log_lines(const struct sheaf_host *host, const char *text)
{
    char line[1024];
    while (*text) {
        size_t n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", n < sizeof line ? (int)n : (int)sizeof line - 1, text);
        host->log(host, SHEAF_LOG_ERROR, line);
        text += n + (text[n] == '\n');
    }
}

int32_t interp_fail(const struct sheaf_host *host)
{
    PyObject *e = take_exception();
    const char *line = NULL, *text = NULL;
    PyObject *said = e && the_bridge ? PyObject_CallMethod(the_bridge, "explain", "(O)", e) : NULL;
    if (said && PyArg_ParseTuple(said, "ss", &line, &text))
        log_lines(host, text);
    PyErr_Clear(); /* of explain itself: then the type has to do */
    int32_t status = host->fail(host, line ? line : e ? Py_TYPE(e)->tp_name : "Python failed without an exception");
    Py_XDECREF(said);
    Py_XDECREF(e);
    return status;
}
