/* SPDX-License-Identifier: MIT
 *
 * outdir: see outdir.h. The lock is flock's: it ends with the process that holds it.
 */
#define _GNU_SOURCE /* flock */
#include "sweep/outdir.h"

#include "common/fsutil.h"
#include "common/renamenew.h"
#include "common/syncdir.h"
#include "sweep/namelist.h"
#include "sweep/output.h"
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
#define HOST 64u /* bytes of a machine's name that tell it apart */
#define REMOVALS 1000
#define WORK_NAME 32u /* WORK, 16 digits, NUL */

static int fail(const struct plan *p, struct diag *d, const char *what)
{
    int why = errno;
    return diag_fail(d, output_error(why), "output %s: %s: %s", p->output_dir, what, strerror(why));
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

/* Notes what the tasks have made directly in DIR: files and folders. */
static int note_tops(void *ctx, uint64_t index, const char *names, uint32_t n)
{
    char top[TASKFILES_PART + 1];
    int err = 0;
    (void)index;
    for (uint32_t i = 0; err == 0 && i < n; i++, names += strlen(names) + 1) {
        size_t len = strcspn(names, "/");
        bool again = i > 0 && strncmp(top, names, len) == 0 && top[len] == '\0'; /* many are of one folder */
        (void)snprintf(top, sizeof top, "%.*s", (int)len, names);
        err = again ? 0 : namelist_add(ctx, top);
    }
    return err;
}

/* What this sweep has made in DIR, as its entries are called. */
static int own_entries(int dir, const char *work, struct namelist *own)
{
    int folder = openat(dir, work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int claims = folder < 0 ? -1 : open_folder(folder, "claims");
    int err = claims < 0 ? 0 : claims_each(claims, note_tops, own);
    const int fds[] = {folder, claims};
    close_all(fds, 2);
    return err != 0 ? err : namelist_sort(own);
}

static bool is_own(const struct namelist *own, const char *work, const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, work) == 0 ||
           namelist_find(own, name) < own->n;
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

/* Another sweep's folder? */
static bool is_other(const char *work, const char *name)
{
    return strncmp(name, WORK, strlen(WORK)) == 0 && strcmp(name, work) != 0;
}

/* Has another sweep put files here, or may it be about to? */
static bool has_claims(int dir, const char *name)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%.255s/claims", name);
    int fd = is_locked(dir, name) ? -1 : openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *claims = fd < 0 ? NULL : fdopendir(fd);
    uint32_t n = 0;
    if (claims == NULL) {
        close_all(&fd, 1);
        return is_locked(dir, name) || errno != ENOENT;
    }
    while (n <= 2 && readdir(claims) != NULL)
        n++; /* two are the folder and its parent */
    closedir(claims);
    return n > 2;
}

static int check_entries(const struct plan *p, int fd, struct diag *d)
{
    char work[WORK_NAME];
    struct namelist own = {.n = 0};
    int err = work_name(p, work, d);
    DIR *dir = err == 0 ? fdopendir(fd) : NULL;
    struct dirent *entry = NULL;
    if (dir == NULL) {
        close(fd);
        return err != 0 ? err : diag_fail(d, SHEAF_ENOMEM, "out of memory");
    }
    if (own_entries(fd, work, &own) != 0)
        err = fail(p, d, "cannot read whose files there are");
    while (err == 0 && (entry = readdir(dir)) != NULL) {
        bool other = is_other(work, entry->d_name);
        if (other ? has_claims(fd, entry->d_name) : !is_own(&own, work, entry->d_name))
            err = diag_fail(d, SHEAF_EBUSY,
                            "output %s: the folder is not empty (%.100s); choose another one, or replace files of the "
                            "same names with --overwrite",
                            p->output_dir, other ? "files of another sweep, which can go on" : entry->d_name);
    }
    closedir(dir);
    namelist_finish(&own);
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
        busy = is_other(work, entry->d_name) && is_locked(dir, entry->d_name);
    closedir(listing);
    return busy ? diag_fail(d, SHEAF_EBUSY, "output %s: another sweep is at work in it", p->output_dir) : 0;
}

/* Without that folder the other sweep cannot go on. */
static int remove_other(const struct plan *p, int dir, const char *name, struct diag *d)
{
    int lock, work = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (work < 0)
        return 0; /* no sweep's */
    int err = take_lock(p, work, &lock, d);
    if (err == 0 && (dir_clear(work) != 0 || unlinkat(dir, name, AT_REMOVEDIR) != 0))
        err = fail(p, d, "what another sweep has left there cannot be removed");
    const int fds[] = {work, lock};
    close_all(fds, 2);
    return err;
}

/* Two sweeps would mix their files if both went on. */
static int remove_others(const struct plan *p, int dir, const char *work, struct diag *d)
{
    int err = 0, fd = open_folder(dir, ".");
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    if (listing == NULL) {
        err = fail(p, d, "cannot look at it");
        close_all(&fd, 1);
        return err;
    }
    while (err == 0 && (entry = readdir(listing)) != NULL)
        if (is_other(work, entry->d_name))
            err = remove_other(p, dir, entry->d_name, d);
    closedir(listing);
    return err;
}

static int make_folder(int at, const char *name)
{
    return mkdirat(at, name, 0777) == 0 || errno == EEXIST ? 0 : -1;
}

static int clear_all(const struct plan *p, int dir, int work, struct timespec begun, struct diag *d);

static int gone(const struct plan *p, struct diag *d)
{
    return diag_fail(
        d, SHEAF_ENOENT,
        "output %s: what it had begun there is gone, or it has been begun anew by another sweep, or in another state "
        "directory: start over with --fresh --overwrite",
        p->output_dir);
}

/* Whose work it is stands in the lock: changed before anything is removed. */
static int take_run(const struct plan *p, int lock, int64_t run, bool resume, struct diag *d)
{
    int64_t there = 0;
    bool same = pread(lock, &there, sizeof there, 0) == (ssize_t)sizeof there && there == run;
    if (resume)
        return same ? 0 : gone(p, d);
    return pwrite(lock, &run, sizeof run, 0) == (ssize_t)sizeof run && fsync(lock) == 0
               ? 0
               : fail(p, d, "its lock cannot be written");
}

static int begin_in(const struct plan *p, int dir, const char *name, int64_t run, bool resume, int *lock,
                    struct diag *d)
{
    bool made = !resume && mkdirat(dir, name, 0777) == 0, there = resume || made || errno == EEXIST;
    int work = there ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (work < 0 && resume && errno == ENOENT)
        return gone(p, d);
    if (work < 0)
        return fail(p, d, "its folder for tasks that run cannot be made");
    struct stat old;
    int err = take_lock(p, work, lock, d);
    if (err == 0 && fstat(*lock, &old) != 0) /* when an earlier run began, which take_run changes */
        err = fail(p, d, "cannot look at its lock");
    err = err != 0 ? err : check_others(p, dir, name, d);
    err = err != 0 ? err : take_run(p, *lock, run, resume, d);
    if (err == 0 && !resume)
        err = remove_others(p, dir, name, d);
    if (err == 0 && !resume)
        err = clear_all(p, dir, work, old.st_ctim, d);
    if (err == 0 && (make_folder(work, "tmp") != 0 || make_folder(work, "claims") != 0))
        err = fail(p, d, "its folder for tasks that run cannot be made");
    if (err != 0 && made && dir_clear(work) == 0)
        (void)unlinkat(dir, name, AT_REMOVEDIR);
    if (err != 0)
        close_all(lock, 1);
    close(work);
    return err;
}

int outdir_begin(const struct plan *p, int64_t run, bool resume, int *lock, struct diag *d)
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
    err = begin_in(p, dir, name, run, resume, lock, d);
    close(dir);
    return err;
}

/* ---- tasks ---- */

/* On a machine that does not share the broker's file system. */
static int not_seen(const struct plan *p, struct diag *d)
{
    char host[HOST];
    int why = errno;
    if (gethostname(host, sizeof host) != 0)
        host[0] = '\0';
    host[sizeof host - 1] = '\0';
    return diag_fail(d, output_error(why),
                     "output %s: it is not there on %s as the sweep began it: %s; workers put files there through the "
                     "file system that they share with the broker",
                     p->output_dir, host, strerror(why));
}

int outdir_open(const struct plan *p, struct outdir *o, struct diag *d)
{
    *o = (struct outdir){.plan = p, .dir = -1, .work = -1, .log.fd = -1};
    int err = outdir_work_path(p, o->path, d);
    if (err != 0)
        return err;
    o->dir = open_folder(AT_FDCWD, p->output_dir);
    o->work = o->dir < 0 ? -1 : openat(AT_FDCWD, o->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat lock;
    if (o->work >= 0 && fstatat(o->work, "lock", &lock, AT_SYMLINK_NOFOLLOW) == 0) {
        o->begun = lock.st_ctim;
        return 0;
    }
    err = not_seen(p, d);
    outdir_close(o);
    return err;
}

void outdir_close(struct outdir *o)
{
    const int fds[] = {o->dir, o->work};
    close_all(fds, 2);
    o->dir = o->work = -1;
    claims_close(&o->log);
}

/* What slots of this machine have left: a slot holds the lock of its folder. On other machines locks need not be seen. */
static void remove_orphans(int tmp, const char *prefix)
{
    int own = open_folder(tmp, ".");
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        bool ours = strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
        int fd = ours ? openat(tmp, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            (void)dir_clear(fd);
            (void)unlinkat(tmp, entry->d_name, AT_REMOVEDIR);
        }
        close_all(&fd, 1);
    }
    if (dir != NULL)
        closedir(dir);
    else
        close_all(&own, 1);
}

/* Is it ours, and still there? A slot that starts at this moment may have taken it for an orphan. */
static bool holds(const struct taskfiles *files)
{
    struct stat here, there;
    if (flock(files->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return false;
    return fstat(files->fd, &here) == 0 && stat(files->root, &there) == 0 && here.st_ino == there.st_ino;
}

int outdir_make(const struct outdir *o, struct taskfiles *files, struct diag *d)
{
    char path[TASKFILES_PATH + 8], host[HOST], prefix[HOST + 2];
    if (gethostname(host, sizeof host) != 0)
        host[0] = '\0';
    host[sizeof host - 1] = '\0';
    host[strcspn(host, "/")] = '\0';
    (void)snprintf(prefix, sizeof prefix, "%s-", host);
    (void)snprintf(path, sizeof path, "%s/tmp", o->path);
    int tmp = open_folder(AT_FDCWD, path);
    if (tmp < 0)
        return fail(o->plan, d, "its folder for tasks that run has gone");
    remove_orphans(tmp, prefix);
    close(tmp);
    for (;;) {
        int err = taskfiles_make(files, path, prefix, d);
        if (err != 0 || holds(files))
            return err;
        taskfiles_remove(files);
    }
}

static bool is_file(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* Has it been there before the sweep began? Then it is a stranger's: a file that is moved is touched by that. */
static bool is_older(const struct stat *st, const struct timespec *begun)
{
    return st->st_ctim.tv_sec < begun->tv_sec ||
           (st->st_ctim.tv_sec == begun->tv_sec && st->st_ctim.tv_nsec < begun->tv_nsec);
}

/* A task that puts its files there. */
struct publishing {
    const struct outdir *o;
    const struct taskfiles *files;
    uint64_t index;
    int claims;
    struct namelist names; /* of its files, once somebody else may have them */
    bool sole;             /* nobody else has */
    bool again;            /* the task has put files there before */
    struct diag *d;
};

static int look_for_clash(void *ctx, uint64_t owner, const char *names, uint32_t n)
{
    struct publishing *p = ctx;
    p->again = p->again || owner == p->index;
    for (uint32_t i = 0; owner != p->index && i < n; i++, names += strlen(names) + 1) {
        const char *mine = namelist_clash(&p->names, names);
        if (mine != NULL && strcmp(mine, names) == 0)
            return diag_fail(p->d, SHEAF_EBUSY,
                             "output %s: task %" PRIu64 " writes %s, which task %" PRIu64 " has written",
                             p->o->plan->output_dir, p->index, mine, owner);
        if (mine != NULL)
            return diag_fail(p->d, SHEAF_EBUSY,
                             "output %s: task %" PRIu64 " writes %s, but task %" PRIu64 " has written %s",
                             p->o->plan->output_dir, p->index, mine, owner, names);
    }
    return 0;
}

/* Has another task claimed one of the names? One that does so later will find ours. */
static int check_sole(struct publishing *p)
{
    const char *name = (const char *)p->files->names.data;
    int err = 0;
    if (p->sole)
        return 0;
    for (uint32_t i = 0; err == 0 && i < p->files->n; i++, name += strlen(name) + 1)
        err = namelist_add(&p->names, name);
    err = err != 0 ? err : namelist_sort(&p->names);
    err = err != 0 ? err : claims_each(p->claims, look_for_clash, p);
    if (err != 0 && err != SHEAF_EBUSY)
        return fail(p->o->plan, p->d, "cannot read whose files there are");
    p->sole = err == 0;
    return err;
}

/* Is there something under that name that this sweep may have put there? The logs need not be read for a stranger's, of which a folder that is written
 * to once more is full. */
static bool is_taken(const struct outdir *o, const char *name)
{
    struct stat st;
    if (fstatat(o->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno != ENOENT;
    return !S_ISREG(st.st_mode) || !is_older(&st, &o->begun);
}

/* Before anything of the task is to be seen. */
static int check_names(struct publishing *p)
{
    const char *name = (const char *)p->files->names.data;
    for (uint32_t i = 0; i < p->files->n; i++, name += strlen(name) + 1)
        if (is_taken(p->o, name))
            return check_sole(p);
    return 0;
}

/* Before the task claims them: has somebody put a file there that is no task's? */
static int check_strangers(struct publishing *p)
{
    const char *name = (const char *)p->files->names.data;
    int err = check_names(p);
    bool alone = p->sole && !p->again && !p->o->plan->output_replace;
    for (uint32_t i = 0; err == 0 && alone && i < p->files->n; i++, name += strlen(name) + 1)
        if (is_file(p->o->dir, name))
            err = diag_fail(p->d, SHEAF_EBUSY,
                            "output %s: there is a file %s that is not of this sweep; move it away, then run sheaf "
                            "retry N --failed",
                            p->o->plan->output_dir, name);
    p->sole = false; /* others may claim them at this moment */
    namelist_finish(&p->names);
    p->names = (struct namelist){.n = 0};
    return err;
}

static int rename_to(const struct publishing *p, const char *name, bool replace)
{
    return replace ? renameat(p->files->fd, name, p->o->dir, name) : rename_new(p->files->fd, name, p->o->dir, name);
}

static int move(struct publishing *p, const char *name)
{
    int rc = rename_to(p, name, p->sole);
    if (rc != 0 && errno == ENOENT && taskfiles_folders(p->o->dir, name) == 0)
        rc = rename_to(p, name, p->sole);
    if (rc != 0 && errno == EEXIST && !p->sole) {
        int err = is_taken(p->o, name) ? check_sole(p) : 0; /* by a task at this moment, or by a stranger */
        if (err != 0)
            return err;
        rc = rename_to(p, name, true);
    }
    if (rc == 0 && syncdir_name(p->o->dir, name) == 0)
        return 0;
    return no_room(p->o->plan, p->d, name, errno);
}

int outdir_publish(struct outdir *o, const struct taskfiles *files, uint64_t index, struct diag *d)
{
    char path[TASKFILES_PATH + 8];
    struct publishing p = {.o = o, .files = files, .index = index, .claims = open_folder(o->work, "claims"), .d = d};
    if (p.claims < 0)
        return fail(o->plan, d, "its folder for tasks that run has gone");
    const char *name = (const char *)files->names.data;
    (void)snprintf(path, sizeof path, "%s/claims", o->path);
    int err = check_strangers(&p);
    if (err == 0 && files->n > 0 && claims_add(&o->log, p.claims, path, index, files) != 0)
        err = no_room(o->plan, d, name, errno);
    if (err == 0)
        err = check_names(&p);
    for (uint32_t i = 0; err == 0 && i < files->n; i++, name += strlen(name) + 1)
        err = move(&p, name);
    namelist_finish(&p.names);
    close(p.claims);
    return err;
}

/* ---- the end ---- */

struct sweeping {
    const struct plan *plan;
    int dir;
    struct timespec begun;
    const struct intervals *done, *empty; /* NULL: no task has succeeded */
    const atomic_bool *stop;              /* or NULL */
    struct intervals seen;                /* tasks whose files are counted */
    uint64_t files;
    struct namelist gone; /* files of tasks that do not count, unless one that does has them, too */
    bool *kept;           /* that is so; each of gone */
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

static int sort_out(void *ctx, uint64_t index, const char *names, uint32_t n)
{
    struct sweeping *s = ctx;
    if (s->stop != NULL && atomic_load(s->stop))
        return SHEAF_EGONE;
    if (counts(s, index)) {
        bool again = intervals_has(&s->seen, index); /* it may have run more than once */
        for (uint32_t i = 0; !again && i < n; i++, names += strlen(names) + 1)
            s->files += is_file(s->dir, names);
        return intervals_add(&s->seen, index, index + 1);
    }
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < n; i++, names += strlen(names) + 1)
        err = namelist_add(&s->gone, names);
    return err;
}

static int keep(void *ctx, uint64_t index, const char *names, uint32_t n)
{
    const struct sweeping *s = ctx;
    for (uint32_t i = 0; counts(s, index) && i < n; i++, names += strlen(names) + 1) {
        uint64_t at = namelist_find(&s->gone, names);
        for (; at < s->gone.n && strcmp(s->gone.at[at], names) == 0; at++)
            s->kept[at] = true;
    }
    return 0;
}

static int remove_gone(const struct sweeping *s)
{
    struct stat st;
    for (uint64_t i = 0; i < s->gone.n; i++) {
        const char *name = s->gone.at[i];
        if (s->kept[i] || fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
            is_older(&st, &s->begun))
            continue;
        if (unlinkat(s->dir, name, 0) != 0 && errno != ENOENT)
            return fail(s->plan, s->d, "a file of a task that failed cannot be removed");
        remove_folders(s->dir, name);
    }
    return syncdir_all(s->dir) == 0 ? 0 : fail(s->plan, s->d, "what is there cannot be synced");
}

/* Goes through the claims. */
static int sweep_claims(struct sweeping *s, int claims)
{
    int err = claims_each(claims, sort_out, s);
    err = err != 0 ? err : namelist_sort(&s->gone);
    if (err == 0 && s->gone.n > 0) {
        s->kept = calloc((size_t)s->gone.n, sizeof *s->kept);
        err = s->kept == NULL ? SHEAF_ENOMEM : claims_each(claims, keep, s);
    }
    if (err != 0)
        return diag_fail(s->d, err, "output %s: whose files there are: %s", s->plan->output_dir,
                         err == SHEAF_EGONE ? "broken off" : sheaf_strerror(err));
    return s->gone.n > 0 ? remove_gone(s) : 0;
}

static int remove_old(int work)
{
    int old = open_folder(work, "old");
    if (old < 0)
        return errno == ENOENT ? 0 : SHEAF_EIO;
    int err = dir_clear(old);
    close(old);
    return err == 0 && unlinkat(work, "old", AT_REMOVEDIR) == 0 ? 0 : SHEAF_EIO;
}

/* Slots may still be at work in it, that have not died yet of a sweep that was stopped. Under another name nobody can make files in it any more,
 * and what has been moved out of it by the time that it is empty has been claimed. */
static int remove_tmp(const struct sweeping *s, int work)
{
    int err = remove_old(work);
    if (err == 0 && renameat(work, "tmp", work, "old") != 0 && errno != ENOENT)
        err = SHEAF_EIO;
    for (int i = 0; err == 0 && i < REMOVALS;
         i++) /* folders are still made in it by tasks that have just begun a file */
        if (remove_old(work) == 0)
            return 0;
    return diag_fail(s->d, SHEAF_EIO, "output %s: what tasks have left cannot be removed", s->plan->output_dir);
}

/* Removes folders of tasks, and the files of tasks that do not count. */
static int tidy(struct sweeping *s, int work)
{
    int err = remove_tmp(s, work), claims = err == 0 ? open_folder(work, "claims") : -1;
    if (claims >= 0)
        err = sweep_claims(s, claims);
    close_all(&claims, 1);
    namelist_finish(&s->gone);
    intervals_finish(&s->seen);
    free(s->kept);
    return err;
}

/* What an earlier run of this sweep has left: its files are made anew. */
static int clear_all(const struct plan *p, int dir, int work, struct timespec begun, struct diag *d)
{
    struct sweeping s = {.plan = p, .dir = dir, .begun = begun, .d = d};
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
    struct sweeping s = {.plan = p, .dir = o.dir, .begun = o.begun, .done = done, .empty = empty, .stop = stop, .d = d};
    err = tidy(&s, o.work);
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

/* Counts the files in a folder, which it closes, and in those in it, and stops at `most`. */
static uint64_t count_files(int fd, uint64_t most, uint32_t depth)
{
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    uint64_t n = 0;
    if (dir == NULL)
        close_all(&fd, 1);
    while (dir != NULL && n < most && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue; /* no task's */
        if (is_file(fd, entry->d_name))
            n++;
        else if (depth < TASKFILES_DEPTH)
            n += count_files(openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), most - n,
                             depth + 1);
    }
    if (dir != NULL)
        closedir(dir);
    return n;
}

int outdir_present(const struct plan *p, uint64_t files, struct diag *d)
{
    int fd = open_folder(AT_FDCWD, p->output_dir);
    if (fd < 0 && errno == ENOENT && files > 0)
        return diag_fail(d, SHEAF_ENOENT, "output %s: the folder is gone: make it again with --fresh", p->output_dir);
    if (fd < 0)
        return files == 0 ? 0 : fail(p, d, "cannot look at it");
    uint64_t there = count_files(fd, files, 1);
    if (there == files)
        return 0;
    return diag_fail(d, SHEAF_ENOENT,
                     "output %s: of its %" PRIu64 " files %" PRIu64
                     " %s gone: make them again with --fresh --overwrite",
                     p->output_dir, files, files - there, files - there == 1 ? "is" : "are");
}
