/* SPDX-License-Identifier: MIT
 *
 * pluginfind: see pluginfind.h.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "worker/pluginfind.h"
#include "common/buf.h"
#include "sweep/suggest.h"
#include "worker/descriptor.h"
#include "worker/selfexe.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef SHEAF_PLUGIN_DIR
#define SHEAF_PLUGIN_DIR "/usr/local/lib/sheaf/plugins"
#endif

struct finder {
    const char *file; /* NAME.so */
    struct arena *arena;
    struct buf looked; /* "/a, /b": the folders without a hit */
    const char *found;
    const char *second;  /* another of that name on the same path */
    bool all;            /* look on behind a hit: one more is an ambiguity */
    struct suggest near; /* the plugins of those folders */
    int rc;              /* SHEAF_ENOMEM once memory ran out */
};

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static bool is_done(const struct finder *f)
{
    return (f->found && !f->all) || f->second || f->rc;
}

/* Was this folder looked through before? */
static bool seen(const struct finder *f, const char *dir, size_t len)
{
    const char *at = f->looked.len ? (const char *)f->looked.data : "";
    while (*at) {
        size_t n = strcspn(at, ",");
        if (n == len && memcmp(at, dir, len) == 0)
            return true;
        at += n + strspn(at + n, ", ");
    }
    return false;
}

static void offer_plugins(struct finder *f, const char *dir)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        size_t n = strlen(entry->d_name);
        char *name = ends_in(entry->d_name, ".so") ? arena_text(f->arena, entry->d_name, n - 3) : NULL;
        if (name && descriptor_name_ok(name))
            suggest_offer(&f->near, name);
    }
    if (folder)
        (void)closedir(folder);
}

static void take(struct finder *f, const char *path)
{
    char real[PATH_MAX];
    if (!realpath(path, real) || (f->found && strcmp(f->found, real) == 0))
        return;
    const char *copy = arena_text(f->arena, real, strlen(real));
    f->rc = copy ? 0 : SHEAF_ENOMEM;
    if (f->found)
        f->second = copy;
    else
        f->found = copy;
}

/* Looks in one folder; a folder that is not there is as good as an empty one. */
static void look_in(struct finder *f, const char *dir, size_t dir_len)
{
    char path[PATH_MAX];
    struct stat st;
    if (dir_len == 0 || is_done(f) || seen(f, dir, dir_len))
        return;
    if (buf_printf(&f->looked, "%s%.*s", f->looked.len ? ", " : "", (int)dir_len, dir) != 0) {
        f->rc = SHEAF_ENOMEM;
        return;
    }
    int n = snprintf(path, sizeof path, "%.*s/%s", (int)dir_len, dir, f->file);
    if (n < 0 || (size_t)n >= sizeof path)
        return;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        take(f, path);
    } else if (!f->found) {
        path[dir_len] = '\0';
        offer_plugins(f, path);
    }
}

static void look_in_list(struct finder *f, const char *list)
{
    while (list && *list && !is_done(f)) {
        size_t n = strcspn(list, ":");
        look_in(f, list, n);
        list += n + (list[n] == ':');
    }
}

static void look_beside_executable(struct finder *f)
{
    static const char *const places[] = {"lib/sheaf/plugins", "plugins"};
    char dir[PATH_MAX + 32];
    const char *exe = selfexe_path();
    const char *slash = strrchr(exe, '/'); /* PREFIX/bin/sheaf: the prefix is two slashes up */
    while (slash && slash > exe && *--slash != '/')
        ;
    if (!slash)
        return;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int n = snprintf(dir, sizeof dir, "%.*s/%s", (int)(slash - exe), exe, places[i]);
        if (n > 0 && (size_t)n < sizeof dir)
            look_in(f, dir, (size_t)n);
    }
}

static int find_path(const char *name, const char *base_dir, struct arena *arena, const char **path, struct diag *d)
{
    char joined[PATH_MAX], real[PATH_MAX];
    bool absolute = name[0] == '/';
    bool here = absolute || strcmp(base_dir, ".") == 0;
    int n = snprintf(joined, sizeof joined, "%s%s%s", here ? "" : base_dir, here ? "" : "/", name);
    if (n < 0 || (size_t)n >= sizeof joined)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: the path is too long", name);
    if (!realpath(joined, real))
        return errno == ENOENT ? diag_fail(d, SHEAF_ENOENT, "there is no plugin %s; check its path", joined)
                               : diag_fail(d, SHEAF_EINVAL, "plugin %s: %s", joined, strerror(errno));
    *path = arena_text(arena, real, strlen(real));
    return *path ? 0 : diag_fail(d, SHEAF_ENOMEM, "out of memory");
}

/* ---- scripts ---- */

/* What names a function is behind the last colon; the length of what is before it, all of the text when there is none. */
static size_t script_stem(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon && !strchr(colon, '/') ? (size_t)(colon - name) : strlen(name);
}

/* "a/b.py", "a/b.py:score", "module:score", "pkg.module:score". */
static bool is_script(const char *name)
{
    size_t n = script_stem(name);
    if (n > 3 && strncmp(name + n - 3, ".py", 3) == 0)
        return true;
    return name[n] == ':' && n > 0 && !strchr(name, '/');
}

/* The script with its folder made absolute: a link to a folder stays one name for both ways of writing it. */
static int find_script(const char *name, const char *base_dir, struct arena *arena, const char **script, struct diag *d)
{
    size_t n = script_stem(name);
    bool file = n > 3 && strncmp(name + n - 3, ".py", 3) == 0;
    const char *stem = arena_text(arena, name, n);
    if (!stem)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    if (file) {
        const char *path;
        int rc = find_path(stem, base_dir, arena, &path, d);
        if (!rc)
            *script = arena_printf(arena, "%s%s", path, name + n);
        return rc || *script ? rc : diag_fail(d, SHEAF_ENOMEM, "out of memory");
    }
    char real[PATH_MAX];
    if (!realpath(base_dir, real))
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: %s: %s", name, base_dir, strerror(errno));
    *script = arena_printf(arena, "%s/%s", real, name);
    return *script ? 0 : diag_fail(d, SHEAF_ENOMEM, "out of memory");
}

const char *plugin_label(const char *path, const char *script)
{
    return script && *script ? script : path;
}

/* ---- names ---- */

/* What is on the plugin path, or why not. */
static int settle(const struct finder *f, const char *name, struct diag *d)
{
    if (f->rc)
        return diag_fail(d, f->rc, "out of memory");
    if (f->second)
        return diag_fail(d, SHEAF_EINVAL, "two plugins are called '%s': %s and %s; give the path of the one you mean",
                         name, f->found, f->second);
    if (f->found)
        return 0;
    const char *looked = (const char *)f->looked.data;
    if (f->near.nearest)
        return diag_fail(d, SHEAF_ENOENT, "no plugin '%s': there is no %s in %s; did you mean %s?", name, f->file,
                         looked, f->near.nearest);
    return diag_fail(d, SHEAF_ENOENT, "no plugin '%s': there is no %s in %s; set SHEAF_PLUGIN_PATH or give a path",
                     name, f->file, looked);
}

/* A name on the plugin path. */
static int find_name(const char *name, struct arena *arena, const char **path, struct diag *d)
{
    char file[DESCRIPTOR_MAX_NAME + 4];
    snprintf(file, sizeof file, "%s.so", name);
    struct finder f = {.file = file, .arena = arena, .all = true};
    suggest_begin(&f.near, name);
    look_in_list(&f, getenv("SHEAF_PLUGIN_PATH"));
    f.all = false; /* what the path has goes before what is installed */
    look_beside_executable(&f);
    look_in(&f, SHEAF_PLUGIN_DIR, strlen(SHEAF_PLUGIN_DIR));
    int rc = settle(&f, name, d);
    buf_finish(&f.looked);
    if (!rc)
        *path = f.found;
    return rc;
}

int plugin_find(const char *name, const char *base_dir, struct arena *arena, struct plugin_place *out, struct diag *d)
{
    *out = (struct plugin_place){.script = ""};
    if (is_script(name)) {
        int rc = find_script(name, base_dir, arena, &out->script, d);
        struct diag why = {{0}};
        rc = rc ? rc : find_name("python", arena, &out->path, &why);
        if (rc == SHEAF_ENOENT && why.text[0])
            return diag_fail(d, rc,
                             "%s: this sheaf has no plugin python (python.so), which runs Python: install "
                             "Python's development files (python3-dev) and build it again",
                             name);
        return rc && why.text[0] ? diag_fail(d, rc, "%s", why.text) : rc;
    }
    if (strchr(name, '/') || ends_in(name, ".so"))
        return find_path(name, base_dir, arena, &out->path, d);
    if (!descriptor_name_ok(name))
        return diag_fail(d, SHEAF_EINVAL,
                         "'%s' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py "
                         "file",
                         name);
    return find_name(name, arena, &out->path, d);
}
