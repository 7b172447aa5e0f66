/* SPDX-License-Identifier: MIT
 *
 * sheaf plugin new: a folder with a small plugin that builds with plain cc and with CMake, its test, and a sweep that runs at once. Its
 * files come from sdk/templates, which are part of this executable; @NAME@ in them becomes the plugin's name.
 */
#include "cli/args.h"
#include "cli/exit.h"
#include "cli/plugin.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/fsutil.h"
#include "sdk/templates.h"
#include "worker/descriptor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MARK "@NAME@"

/* Appends text with each mark replaced. 0 or SHEAF_ENOMEM. */
static int fill(const char *text, size_t len, const char *name, struct buf *out)
{
    const size_t mark = strlen(MARK);
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        if (len - i < mark || memcmp(text + i, MARK, mark) != 0)
            continue;
        if (buf_append(out, text + from, i - from) != 0 || buf_append(out, name, strlen(name)) != 0)
            return SHEAF_ENOMEM;
        i += mark - 1;
        from = i + 1;
    }
    return buf_append(out, text + from, len - from);
}

static int write_file(const char *dir, const char *name, const struct sheaf_template *t, struct diag *d)
{
    struct buf path = {0}, body = {0};
    int rc = buf_printf(&path, "%s/", dir);
    if (!rc)
        rc = fill(t->path, strlen(t->path) + 1, name, &path);
    if (!rc)
        rc = fill((const char *)t->bytes, t->size, name, &body);
    if (rc)
        rc = diag_fail(d, rc, "out of memory");
    char *slash = rc ? NULL : strrchr((char *)path.data, '/');
    if (slash) {
        *slash = 0;
        rc = dir_make((const char *)path.data, 0777, d);
        *slash = '/';
    }
    if (!rc)
        rc = file_write_atomic((const char *)path.data, body.data, body.len, d);
    buf_finish(&path);
    buf_finish(&body);
    return rc;
}

/* The whole folder, or none of it. */
static int make_folder(const char *dir, const char *name, struct diag *d)
{
    if (mkdir(dir, 0777) != 0)
        return errno == EEXIST
                   ? diag_fail(d, SHEAF_EINVAL, "%s exists already; choose another name or another --dir", dir)
                   : diag_fail(d, file_error(errno), "%s cannot be made: %s", dir, strerror(errno));
    int rc = 0;
    for (size_t i = 0; !rc && i < sheaf_n_templates; i++)
        rc = write_file(dir, name, &sheaf_templates[i], d);
    if (rc)
        (void)dir_remove(dir);
    return rc;
}

int plugin_new(int argc, char **argv)
{
    const char *name = NULL, *parent = NULL;
    const struct arg table[] = {
        {"NAME", ARG_WORD, &name, NULL, NULL, "what the plugin is called: a letter a-z, then a-z, 0-9 and _", true},
        {"--dir", ARG_TEXT, &parent, NULL, "DIR", "where to make its folder (default: here)", false},
    };
    const struct args args = {"plugin new", "Makes a folder NAME with a plugin that builds and runs at once.", table,
                              2};
    enum args_result parsed = args_parse(&args, argc, argv);
    if (parsed != ARGS_GO)
        return parsed == ARGS_HELP ? EXIT_ALL_DONE : EXIT_WRONG;
    if (!descriptor_name_ok(name))
        return exit_usage("'%s' is no name for a plugin: a letter a-z, then a-z, 0-9 and _, at most %u in all", name,
                          DESCRIPTOR_MAX_NAME);

    struct arena arena;
    arena_init(&arena, 0);
    struct diag d = {{0}};
    char *dir = parent ? arena_printf(&arena, "%s/%s", parent, name) : arena_text(&arena, name, strlen(name));
    int rc = dir ? make_folder(dir, name, &d) : diag_fail(&d, SHEAF_ENOMEM, "out of memory");
    if (!rc)
        printf("%s is ready. Next:\n  make -C %s test\n  sheaf run %s/%s.yaml\n", dir, dir, dir, name);
    arena_finish(&arena);
    return rc ? exit_report(rc, &d) : EXIT_ALL_DONE;
}
