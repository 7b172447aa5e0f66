/* SPDX-License-Identifier: MIT
 *
 * sweepfiles: `keys: {files: PATTERN}`: the files that the pattern matches below the sweep file's folder, in the order of their
 * names' bytes, and a digest by which a later run knows that they are still the same.
 */
#define _GNU_SOURCE /* st_mtim */
#include "sweep/sweepplan.h"

#include "common/text.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GLOB_SPECIAL "*?[]\\"

/* A folder's name may hold what means something in a pattern. NULL when memory runs out. */
static char *quote(struct arena *arena, const char *text)
{
    char *out = arena_alloc(arena, 2 * strlen(text) + 1), *to = out;
    for (; out != NULL && *text != '\0'; text++) {
        if (strchr(GLOB_SPECIAL, *text) != NULL)
            *to++ = '\\';
        *to++ = *text;
    }
    return out;
}

/* The whole pattern, with the sweep file's folder before a relative one; quoted: as glob takes it, else as people read it. */
static const char *whole_pattern(const struct planner *p, const char *pattern, bool quoted)
{
    const char *absolute = p->f->absolute, *slash = strrchr(absolute, '/');
    if (pattern[0] == '/')
        return arena_text(p->arena, pattern, strlen(pattern));
    const char *dir = arena_text(p->arena, absolute, slash == NULL ? 0 : (size_t)(slash - absolute));
    if (dir != NULL && quoted)
        dir = quote(p->arena, dir);
    return dir == NULL ? NULL : arena_printf(p->arena, "%s/%s", dir, pattern);
}

/* Folders that are not there match nothing; what cannot be read might. */
static int unreadable(const char *path, int errnum)
{
    (void)path;
    return errnum != ENOENT && errnum != ENOTDIR;
}

static int by_bytes(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static bool good_name(const char *path)
{
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    return text_is_utf8(path, strlen(path));
}

static void put_file(hash_state *h, const char *path, const struct stat *st)
{
    const int64_t facts[] = {(int64_t)st->st_size, (int64_t)st->st_mtim.tv_sec, (int64_t)st->st_mtim.tv_nsec};
    hash_update(h, path, strlen(path) + 1);
    hash_update(h, facts, sizeof facts);
}

/* Moves what is a file to the front; into h goes what tells them from others. */
static int keep_files(struct planner *p, const struct ynode *n, glob_t *found, uint64_t *bytes, hash_state *h)
{
    size_t kept = 0;
    for (size_t i = 0; i < found->gl_pathc; i++) {
        char *path = found->gl_pathv[i];
        struct stat st;
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (!good_name(path)) {
            text_one_line(path);
            return place_fail(&n->at, p->d, "%.200s: its name is not UTF-8 or has a control character; rename it",
                              path);
        }
        put_file(h, path, &st);
        *bytes += strlen(path) + 1;
        found->gl_pathv[i] = found->gl_pathv[kept]; /* glob frees them all */
        found->gl_pathv[kept++] = path;
    }
    p->out->keys = kept;
    return 0;
}

static int keep_names(struct planner *p, const struct ynode *n, const glob_t *found, uint64_t bytes)
{
    if (bytes > PLAN_MAX_KEY_NAMES)
        return place_fail(&n->at, p->d,
                          "the paths of %" PRIu64 " files take over %" PRIu64 " MiB; use fewer files or shorter names",
                          p->out->keys, PLAN_MAX_KEY_NAMES >> 20);
    char *names = arena_alloc(p->arena, (size_t)bytes), *to = names;
    if (names == NULL)
        return sweepplan_no_memory(p);
    for (uint64_t k = 0; k < p->out->keys; k++) {
        size_t len = strlen(found->gl_pathv[k]) + 1;
        memcpy(to, found->gl_pathv[k], len);
        to += len;
    }
    p->out->key_axis.names = (struct slice){names, (size_t)bytes};
    return 0;
}

static int take_found(struct planner *p, const struct ynode *n, glob_t *found)
{
    uint64_t bytes = 0;
    uint8_t *digest = arena_alloc(p->arena, HASH_BYTES);
    if (digest == NULL)
        return sweepplan_no_memory(p);
    if (found->gl_pathc > 1)
        qsort(found->gl_pathv, found->gl_pathc, sizeof(char *), by_bytes);
    hash_state h;
    hash_begin(&h);
    int err = keep_files(p, n, found, &bytes, &h);
    hash_end(&h, digest);
    if (err != 0)
        return err;
    p->out->key_axis.digest = (struct slice){digest, HASH_BYTES};
    if (p->out->keys == 0)
        return place_fail(&n->at, p->d, "no file matches %.200s; correct the pattern", p->out->key_axis.column);
    return keep_names(p, n, found, bytes);
}

int sweepfiles_resolve(struct planner *p, const struct ynode *n)
{
    struct plan_key_axis *axis = &p->out->key_axis;
    axis->kind = KEYS_FILES;
    axis->column = whole_pattern(p, n->value.text, false);
    const char *pattern = whole_pattern(p, n->value.text, true);
    if (axis->column == NULL || pattern == NULL)
        return sweepplan_no_memory(p);
    if (strlen(axis->column) > PLAN_MAX_PATH)
        return place_fail(&n->at, p->d,
                          "the pattern with the sweep file's folder before it is longer than %u bytes; shorten it",
                          PLAN_MAX_PATH);
    glob_t found = {0};
    int err, rc = glob(pattern, GLOB_NOSORT, unreadable, &found);
    if (rc == GLOB_NOSPACE)
        err = sweepplan_no_memory(p);
    else if (rc == GLOB_ABORTED)
        err = place_fail(&n->at, p->d,
                         "a folder that %.200s leads through cannot be read; correct the pattern or its rights",
                         axis->column);
    else
        err = take_found(p, n, &found);
    globfree(&found);
    return err;
}
