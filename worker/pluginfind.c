/* SPDX-License-Identifier: MIT
 *
 * pluginfind: see pluginfind.h.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "worker/pluginfind.h"
#include "common/buf.h"
#include "worker/descriptor.h"
#include "worker/selfexe.h"

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
    int rc; /* SHEAF_ENOMEM once memory ran out */
};

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static bool is_done(const struct finder *f)
{
    return f->found || f->rc;
}

/* Looks in one folder; a folder that is not there is as good as an empty one. */
static void look_in(struct finder *f, const char *dir, size_t dir_len)
{
    char path[PATH_MAX], real[PATH_MAX];
    struct stat st;
    if (dir_len == 0 || is_done(f))
        return;
    if (buf_printf(&f->looked, "%s%.*s", f->looked.len ? ", " : "", (int)dir_len, dir) != 0) {
        f->rc = SHEAF_ENOMEM;
        return;
    }
    int n = snprintf(path, sizeof path, "%.*s/%s", (int)dir_len, dir, f->file);
    if (n < 0 || (size_t)n >= sizeof path || stat(path, &st) != 0 || !S_ISREG(st.st_mode) || !realpath(path, real))
        return;
    f->found = arena_text(f->arena, real, strlen(real));
    f->rc = f->found ? 0 : SHEAF_ENOMEM;
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
    int n = snprintf(joined, sizeof joined, "%s%s%s", absolute ? "" : base_dir, absolute ? "" : "/", name);
    if (n < 0 || (size_t)n >= sizeof joined)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: the path is too long", name);
    if (!realpath(joined, real))
        return diag_fail(d, errno == ENOENT ? SHEAF_ENOENT : SHEAF_EIO, "plugin %s: %s", joined, strerror(errno));
    *path = arena_text(arena, real, strlen(real));
    return *path ? 0 : diag_fail(d, SHEAF_ENOMEM, "out of memory");
}

int plugin_find(const char *name, const char *base_dir, struct arena *arena, const char **path, struct diag *d)
{
    if (ends_in(name, ".py"))
        return diag_fail(d, SHEAF_EINVAL, "%s: this version runs no Python plugins yet; give a shared object (.so)",
                         name);
    if (strchr(name, '/') || ends_in(name, ".so"))
        return find_path(name, base_dir, arena, path, d);
    if (!descriptor_name_ok(name))
        return diag_fail(d, SHEAF_EINVAL,
                         "'%s' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so file",
                         name);
    char file[DESCRIPTOR_MAX_NAME + 4];
    snprintf(file, sizeof file, "%s.so", name);
    struct finder f = {.file = file, .arena = arena};
    look_in_list(&f, getenv("SHEAF_PLUGIN_PATH"));
    look_beside_executable(&f);
    look_in(&f, SHEAF_PLUGIN_DIR, strlen(SHEAF_PLUGIN_DIR));
    int rc = f.rc ? diag_fail(d, f.rc, "out of memory") : 0;
    if (!rc && !f.found)
        rc = diag_fail(d, SHEAF_ENOENT, "no plugin '%s': there is no %s in %s; set SHEAF_PLUGIN_PATH or give a path",
                       name, file, (const char *)f.looked.data);
    buf_finish(&f.looked);
    if (!rc)
        *path = f.found;
    return rc;
}
