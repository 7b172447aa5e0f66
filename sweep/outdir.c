/* SPDX-License-Identifier: MIT
 *
 * outdir: see outdir.h. The lock is flock's: it ends with the process that holds it.
 */
#define _GNU_SOURCE /* flock */
#include "sweep/outdir.h"

#include "common/fsutil.h"
#include "common/syncdir.h"
#include "sweep/space.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORK ".sheaf-"
#define WORK_NAME 32u /* WORK, 16 digits, NUL */
#define OWNER 24u     /* "." and a number */

static int fail(const struct plan *p, struct diag *d, const char *what)
{
    int why = errno;
    return diag_fail(d, file_error(why), "output %s: %s: %s", p->output_dir, what, strerror(why));
}

static int no_room(const struct plan *p, struct diag *d, const char *name, int why)
{
    return diag_fail(d, file_error(why), "output %s: the file %s cannot be put there: %s%s", p->output_dir, name,
                     strerror(why), why == ENOSPC || why == EDQUOT ? OUTDIR_ROOM : "");
}

static int work_name(const struct plan *p, char out[WORK_NAME], struct diag *d)
{
    uint8_t identity[HASH_BYTES];
    char text[HASH_TEXT];
    int err = plan_identity(p, identity);
    if (err != 0)
        return diag_fail(d, err, "%s", sheaf_strerror(err));
    hash_text(identity, text);
    (void)snprintf(out, WORK_NAME, WORK "%.16s", text + 3);
    return 0;
}

int outdir_work_path(const struct plan *p, char out[TASKFILES_PATH], struct diag *d)
{
    char name[WORK_NAME];
    if (strlen(p->output_dir) > OUTDIR_PATH)
        return diag_fail(d, SHEAF_ELIMIT, "output %.200s...: the path is too long", p->output_dir);
    int err = work_name(p, name, d);
    if (err == 0)
        (void)snprintf(out, TASKFILES_PATH, "%s/%s", p->output_dir, name);
    return err;
}

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* ---- before it begins ---- */

/* DIR is missing: can it be made? */
static int check_parent(const struct plan *p, struct diag *d)
{
    char parent[TASKFILES_PATH];
    struct stat st;
    const char *slash = strrchr(p->output_dir, '/');
    size_t n = slash == NULL || slash == p->output_dir ? 1 : (size_t)(slash - p->output_dir);
    (void)snprintf(parent, sizeof parent, "%.*s", (int)n, p->output_dir);
    if (stat(parent, &st) != 0)
        return diag_fail(d, file_error(errno), "output %s: the folder %s: %s", p->output_dir, parent, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "output %s: %s is not a folder", p->output_dir, parent);
    return access(parent, W_OK | X_OK) == 0 ? 0 : fail(p, d, "the folder that it is to be made in cannot be written");
}

/* Is that entry of DIR one that this sweep has made? */
static bool is_own(int dir, const char *work, const char *name)
{
    char claim[WORK_NAME + 8 + 256];
    struct stat st;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, work) == 0)
        return true;
    (void)snprintf(claim, sizeof claim, "%s/claims/%.255s", work, name);
    return fstatat(dir, claim, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int check_entries(const struct plan *p, int fd, struct diag *d)
{
    char work[WORK_NAME];
    int err = work_name(p, work, d);
    DIR *dir = err == 0 ? fdopendir(fd) : NULL;
    struct dirent *entry = NULL;
    if (dir == NULL) {
        close(fd);
        return err != 0 ? err : diag_fail(d, SHEAF_ENOMEM, "out of memory");
    }
    while (err == 0 && (entry = readdir(dir)) != NULL)
        if (!is_own(fd, work, entry->d_name))
            err = diag_fail(d, SHEAF_EBUSY,
                            "output %s: the folder is not empty (%.100s); choose another one, or replace files of the "
                            "same names with --overwrite",
                            p->output_dir, entry->d_name);
    closedir(dir);
    return err;
}

int outdir_check(const struct plan *p, struct diag *d)
{
    struct stat st;
    if (strlen(p->output_dir) > OUTDIR_PATH)
        return diag_fail(d, SHEAF_ELIMIT, "output %.200s...: the path is too long", p->output_dir);
    if (stat(p->output_dir, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ? check_parent(p, d) : fail(p, d, "cannot look at it");
    if (!S_ISDIR(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "output %s: it is not a folder; choose another name", p->output_dir);
    if (access(p->output_dir, R_OK | W_OK | X_OK) != 0)
        return fail(p, d, "the folder cannot be written");
    if (p->output_replace)
        return 0;
    int fd = open_folder(AT_FDCWD, p->output_dir);
    return fd < 0 ? fail(p, d, "cannot look at it") : check_entries(p, fd, d);
}

/* ---- begin ---- */

static int take_lock(const struct plan *p, int work, int *lock, struct diag *d)
{
    *lock = openat(work, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (*lock < 0)
        return fail(p, d, "its lock cannot be made");
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    int err = errno == EWOULDBLOCK
                  ? diag_fail(d, SHEAF_EBUSY, "output %s: another sweep is at work in it", p->output_dir)
                  : fail(p, d, "cannot lock it");
    close(*lock);
    *lock = -1;
    return err;
}

/* Is somebody at work in another sweep's folder of that name? */
static bool is_locked(int dir, const char *name)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%.255s/lock", name);
    int fd = openat(dir, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

/* Two sweeps that begin at once have both made their locks before they look for others. */
static int check_others(const struct plan *p, int dir, const char *work, struct diag *d)
{
    int fd = open_folder(dir, ".");
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    bool busy = false;
    if (listing == NULL) {
        int err = fail(p, d, "cannot look at it");
        close_all(&fd, 1);
        return err;
    }
    while (!busy && (entry = readdir(listing)) != NULL)
        busy = strncmp(entry->d_name, WORK, strlen(WORK)) == 0 && strcmp(entry->d_name, work) != 0 &&
               is_locked(dir, entry->d_name);
    closedir(listing);
    return busy ? diag_fail(d, SHEAF_EBUSY, "output %s: another sweep is at work in it", p->output_dir) : 0;
}

static int make_folder(int at, const char *name)
{
    return mkdirat(at, name, 0777) == 0 || errno == EEXIST ? 0 : -1;
}

static bool has_links(int work)
{
    (void)unlinkat(work, "link", 0); /* of a broker that was killed here */
    return symlinkat(".", work, "link") == 0 && unlinkat(work, "link", 0) == 0;
}

static int clear_all(const struct plan *p, int dir, int work, struct diag *d);

static int begin_in(const struct plan *p, int dir, const char *name, bool resume, int *lock, struct diag *d)
{
    int work = make_folder(dir, name) == 0 ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (work < 0)
        return fail(p, d, "its folder for tasks that run cannot be made");
    int err = take_lock(p, work, lock, d);
    if (err == 0 && (err = check_others(p, dir, name, d)) == 0 && !resume)
        err = clear_all(p, dir, work, d);
    if (err == 0 && (make_folder(work, "tmp") != 0 || make_folder(work, "claims") != 0))
        err = fail(p, d, "its folder for tasks that run cannot be made");
    if (err == 0 && !resume && !has_links(work))
        err = fail(p, d, "its file system cannot make symbolic links, which say whose files they are");
    if (err != 0)
        close_all(lock, 1);
    close(work);
    return err;
}

int outdir_begin(const struct plan *p, bool resume, int *lock, struct diag *d)
{
    char name[WORK_NAME];
    *lock = -1;
    int err = work_name(p, name, d);
    if (err != 0)
        return err;
    if (!resume && make_folder(AT_FDCWD, p->output_dir) != 0)
        return fail(p, d, "the folder cannot be made");
    int dir = open_folder(AT_FDCWD, p->output_dir);
    if (dir < 0 && resume && errno == ENOENT)
        return diag_fail(d, SHEAF_ENOENT, "output %s: the folder is gone: start over with --fresh", p->output_dir);
    if (dir < 0)
        return fail(p, d, "the folder cannot be opened");
    err = begin_in(p, dir, name, resume, lock, d);
    close(dir);
    return err;
}

/* ---- tasks ---- */

int outdir_open(const struct plan *p, struct outdir *o, struct diag *d)
{
    *o = (struct outdir){.plan = p, .dir = -1, .work = -1};
    int err = outdir_work_path(p, o->path, d);
    if (err != 0)
        return err;
    o->dir = open_folder(AT_FDCWD, p->output_dir);
    o->work = o->dir < 0 ? -1 : openat(AT_FDCWD, o->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (o->work >= 0)
        return 0;
    err = fail(p, d, "it is not there as the sweep began it");
    outdir_close(o);
    return err;
}

void outdir_close(struct outdir *o)
{
    const int fds[] = {o->dir, o->work};
    close_all(fds, 2);
    o->dir = o->work = -1;
}

/* Whose is it? */
static bool read_owner(int claims, const char *name, uint64_t *index)
{
    char text[OWNER];
    ssize_t n = readlinkat(claims, name, text, sizeof text - 1);
    if (n < 2 || text[0] != '.')
        return false;
    text[n] = '\0';
    char *end;
    *index = strtoull(text + 1, &end, 10);
    return *end == '\0';
}

/* Somebody has claimed the name, or part of it is a file. */
static int claimed(const struct plan *p, int claims, const char *name, uint64_t index, struct diag *d)
{
    uint64_t owner;
    char part[TASKFILES_NAME + 1];
    for (size_t n = strcspn(name, "/");; n += 1 + strcspn(name + n + 1, "/")) {
        memcpy(part, name, n);
        part[n] = '\0';
        bool whole = name[n] == '\0', is_file = read_owner(claims, part, &owner);
        if (whole && is_file && owner == index)
            return 0;
        if (is_file)
            return diag_fail(d, SHEAF_EBUSY,
                             "output %s: task %" PRIu64 " writes %s, which task %" PRIu64 " has written%s",
                             p->output_dir, index, name, owner, whole ? "" : " as a file");
        if (whole)
            return diag_fail(d, SHEAF_EBUSY, "output %s: task %" PRIu64 " writes %s, which is a folder of other files",
                             p->output_dir, index, name);
    }
}

static int claim(const struct outdir *o, int claims, const char *name, uint64_t index, struct diag *d)
{
    char owner[OWNER];
    (void)snprintf(owner, sizeof owner, ".%" PRIu64, index);
    bool made = symlinkat(owner, claims, name) == 0;
    if (!made && errno == ENOENT && taskfiles_folders(claims, name) == 0)
        made = symlinkat(owner, claims, name) == 0;
    if (made && syncdir_name(claims, name) == 0)
        return 0;
    int why = errno;
    if (!made && (why == EEXIST || why == ENOTDIR || why == ENOENT))
        return claimed(o->plan, claims, name, index, d);
    return no_room(o->plan, d, name, why);
}

static int move(const struct outdir *o, const struct taskfiles *files, const char *name, struct diag *d)
{
    if (renameat(files->fd, name, o->dir, name) == 0)
        return 0;
    if (errno == ENOENT && taskfiles_folders(o->dir, name) == 0 && renameat(files->fd, name, o->dir, name) == 0)
        return 0;
    return no_room(o->plan, d, name, errno);
}

int outdir_publish(const struct outdir *o, const struct taskfiles *files, uint64_t index, struct diag *d)
{
    int claims = open_folder(o->work, "claims");
    if (claims < 0)
        return fail(o->plan, d, "its folder for tasks that run has gone");
    const char *name = (const char *)files->names.data;
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < files->n; i++, name += strlen(name) + 1)
        err = claim(o, claims, name, index, d);
    close(claims);
    name = (const char *)files->names.data;
    for (uint32_t i = 0; err == 0 && i < files->n; i++, name += strlen(name) + 1) {
        err = move(o, files, name, d);
        if (err == 0 && syncdir_name(o->dir, name) != 0)
            err = no_room(o->plan, d, name, errno);
    }
    return err;
}

/* ---- the end ---- */

struct sweeping {
    const struct plan *plan;
    int dir, claims;
    const struct intervals *done, *empty; /* NULL: no task has succeeded */
    const atomic_bool *stop;              /* or NULL */
    uint64_t files;
    bool removed; /* some were */
    struct diag *d;
};

/* Has the task succeeded? */
static bool counts(const struct sweeping *s, uint64_t index)
{
    return s->done != NULL && index < plan_tasks(s->plan) && !intervals_has(s->empty, index) &&
           intervals_has(s->done, space_position(s->plan, index));
}

/* The folders of a name, from the innermost outwards, as far as they are empty. */
static void remove_folders(int fd, const char *name)
{
    char part[TASKFILES_NAME + 1];
    (void)snprintf(part, sizeof part, "%s", name);
    for (char *slash; (slash = strrchr(part, '/')) != NULL;) {
        *slash = '\0';
        if (unlinkat(fd, part, AT_REMOVEDIR) != 0)
            return;
    }
}

static int sweep_claim(void *ctx, const char *name, mode_t type)
{
    struct sweeping *s = ctx;
    struct stat st;
    uint64_t index;
    if (s->stop != NULL && atomic_load(s->stop))
        return diag_fail(s->d, SHEAF_EGONE, "output %s: broken off", s->plan->output_dir);
    bool known = type == S_IFLNK && read_owner(s->claims, name, &index);
    bool there = known && fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
    if (there && counts(s, index)) {
        s->files++;
        return 0;
    }
    if (there && unlinkat(s->dir, name, 0) != 0 && errno != ENOENT)
        return fail(s->plan, s->d, "a file of a task that failed cannot be removed");
    if (known)
        remove_folders(s->dir, name);
    s->removed = true;
    if (unlinkat(s->claims, name, 0) != 0 && errno != ENOENT)
        return fail(s->plan, s->d, "its folder for tasks that run cannot be tidied");
    remove_folders(s->claims, name);
    return 0;
}

/* Without it no task that nobody waits for any more can have files. */
static int remove_tmp(const struct sweeping *s, int work)
{
    int tmp = open_folder(work, "tmp");
    if (tmp < 0)
        return 0;
    int err = dir_clear(tmp);
    close(tmp);
    if (err == 0 && unlinkat(work, "tmp", AT_REMOVEDIR) == 0)
        return 0;
    return diag_fail(s->d, SHEAF_EIO, "output %s: what tasks have left cannot be removed", s->plan->output_dir);
}

/* Removes folders of tasks, and the files of tasks that do not count. */
static int tidy(struct sweeping *s, int work)
{
    int err = remove_tmp(s, work);
    s->claims = err == 0 ? open_folder(work, "claims") : -1;
    if (err == 0 && s->claims >= 0)
        err = taskfiles_walk(s->claims, sweep_claim, s, s->d);
    close_all(&s->claims, 1);
    return err;
}

/* What an earlier run of this sweep has left: its files are made anew. */
static int clear_all(const struct plan *p, int dir, int work, struct diag *d)
{
    struct sweeping s = {.plan = p, .dir = dir, .d = d};
    int err = tidy(&s, work), claims = open_folder(work, "claims");
    if (err == 0 && claims >= 0)
        err = dir_clear(claims);
    close_all(&claims, 1);
    return err;
}

int outdir_finish(const struct plan *p, const struct intervals *done, const struct intervals *empty,
                  const atomic_bool *stop, uint64_t *files, struct diag *d)
{
    struct outdir o;
    int err = outdir_open(p, &o, d);
    if (err != 0)
        return err;
    struct sweeping s = {.plan = p, .dir = o.dir, .done = done, .empty = empty, .stop = stop, .d = d};
    err = tidy(&s, o.work);
    if (err == 0 && s.removed && syncdir_all(o.dir) != 0)
        err = fail(p, d, "what is there cannot be synced");
    outdir_close(&o);
    *files = s.files;
    return err;
}

void outdir_discard(const struct plan *p)
{
    struct outdir o;
    int lock;
    if (outdir_open(p, &o, NULL) != 0)
        return;
    if (take_lock(p, o.work, &lock, NULL) == 0) {
        (void)dir_remove(o.path);
        close(lock);
    }
    outdir_close(&o);
}
