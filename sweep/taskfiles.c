/* SPDX-License-Identifier: MIT
 *
 * taskfiles: see taskfiles.h.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "sweep/taskfiles.h"

#include "common/fsutil.h"
#include "common/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEW_FOLDERS 16u /* to go through them costs less than to make them again */

/* ---- names ---- */

static const char *part_fault(const char *part, size_t len)
{
    if (len == 0)
        return "has an empty part";
    if (part[0] == '.')
        return "has a part that begins with a dot";
    return len > TASKFILES_PART ? "has a part of over 255 bytes" : NULL;
}

const char *taskfiles_fault(const char *name)
{
    size_t len = strlen(name);
    if (name[0] == '/')
        return "is absolute; it counts from the output folder";
    if (len > TASKFILES_NAME)
        return "has over 1,024 bytes";
    if (!text_is_utf8(name, len))
        return "is not UTF-8";
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return "has a control character in it";
    uint32_t depth = 0;
    for (const char *part = name;; part++, depth++) {
        size_t n = strcspn(part, "/");
        const char *why = depth == TASKFILES_DEPTH ? "has over 16 parts" : part_fault(part, n);
        part += n;
        if (why != NULL || *part == '\0')
            return why;
    }
}

int taskfiles_folders(int fd, const char *name)
{
    char part[TASKFILES_NAME + 1];
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t n = (size_t)(slash - name);
        if (n > TASKFILES_NAME) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, name, n);
        part[n] = '\0';
        if (mkdirat(fd, part, 0777) != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

/* ---- what is there ---- */

struct walk {
    char path[TASKFILES_NAME + 1];
    struct taskfiles *files;
    struct diag *d;
};

static int found_file(struct walk *w, mode_t mode)
{
    struct taskfiles *t = w->files;
    const char *why = S_ISREG(mode) ? taskfiles_fault(w->path) : "is no regular file";
    if (why != NULL)
        return diag_fail(w->d, SHEAF_EINVAL, "the file %s, which it has made, %s", w->path, why);
    if (t->n == TASKFILES_MOST)
        return diag_fail(w->d, SHEAF_ELIMIT, "it has made over %u files; let a task make fewer", TASKFILES_MOST);
    t->n++;
    return buf_append(&t->names, w->path, strlen(w->path) + 1) == 0
               ? 0
               : diag_fail(w->d, SHEAF_ENOMEM, "out of memory for the names of its files");
}

static int walk_folder(struct walk *w, int fd, size_t len, uint32_t depth);

/* One entry of a folder whose path is the first len bytes of w->path. */
static int walk_entry(struct walk *w, int folder, const char *name, size_t len, uint32_t depth)
{
    struct stat st;
    size_t n = strlen(name), all = len + (len > 0) + n;
    if (all > TASKFILES_NAME || depth == TASKFILES_DEPTH)
        return diag_fail(w->d, SHEAF_ELIMIT, "the file %.*s/%s has over 1,024 bytes or 16 parts", (int)len, w->path,
                         name);
    char *at = w->path + len;
    if (len > 0)
        *at++ = '/';
    memcpy(at, name, n + 1);
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return diag_fail(w->d, file_error(errno), "%s: %s", w->path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return found_file(w, st.st_mode);
    w->files->folders++;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return diag_fail(w->d, file_error(errno), "%s: %s", w->path, strerror(errno));
    return walk_folder(w, fd, all, depth + 1);
}

/* Takes over fd. */
static int walk_folder(struct walk *w, int fd, size_t len, uint32_t depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int rc = 0;
    if (dir == NULL) {
        close(fd);
        return diag_fail(w->d, SHEAF_ENOMEM, "out of memory");
    }
    while (rc == 0 && (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = walk_entry(w, dirfd(dir), entry->d_name, len, depth);
    closedir(dir);
    return rc;
}

/* ---- the folder of a task ---- */

int taskfiles_make(struct taskfiles *t, const char *parent, const char *prefix, struct diag *d)
{
    *t = (struct taskfiles){.fd = -1};
    int n = snprintf(t->root, sizeof t->root, "%s/%sXXXXXX", parent, prefix);
    if (n < 0 || (size_t)n + 1 + TASKFILES_NAME >= sizeof t->root)
        return diag_fail(d, SHEAF_ELIMIT, "%s: the path is too long for files in it", parent);
    if (mkdtemp(t->root) == NULL)
        return diag_fail(d, file_error(errno), "%s: no folder for the files of tasks can be made: %s", parent,
                         strerror(errno));
    t->fd = open(t->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (t->fd >= 0)
        return 0;
    int why = errno;
    (void)rmdir(t->root);
    return diag_fail(d, file_error(why), "%s: %s", t->root, strerror(why));
}

int taskfiles_path(struct taskfiles *t, const char *name, char out[TASKFILES_PATH], struct diag *d)
{
    const char *why = name == NULL ? "is NULL" : taskfiles_fault(name);
    if (why != NULL)
        return diag_fail(d, SHEAF_EINVAL, "the name of the file \"%.300s\" %s", name == NULL ? "" : name, why);
    t->used = true;
    if (taskfiles_folders(t->fd, name) != 0)
        return diag_fail(d, file_error(errno), "the folder of the file %s cannot be made: %s", name, strerror(errno));
    int n = snprintf(out, TASKFILES_PATH, "%s/%s", t->root, name);
    return n < (int)TASKFILES_PATH ? 0 : diag_fail(d, SHEAF_ELIMIT, "the path of the file %s is too long", name);
}

int taskfiles_list(struct taskfiles *t, struct diag *d)
{
    struct walk w = {.files = t, .d = d};
    t->names.len = 0;
    t->n = t->folders = 0;
    int own = openat(t->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* with a place of its own in the folder */
    return own < 0 ? diag_fail(d, file_error(errno), "%s: %s", t->root, strerror(errno)) : walk_folder(&w, own, 0, 0);
}

void taskfiles_moved(struct taskfiles *t)
{
    t->used = t->folders > FEW_FOLDERS;
    taskfiles_clear(t);
}

void taskfiles_clear(struct taskfiles *t)
{
    if (t->used && t->fd >= 0)
        (void)dir_clear(t->fd);
    t->used = false;
}

void taskfiles_remove(struct taskfiles *t)
{
    if (t->fd >= 0) {
        close(t->fd);
        (void)dir_remove(t->root);
    }
    buf_finish(&t->names);
    *t = (struct taskfiles){.fd = -1};
}
