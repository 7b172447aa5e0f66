/* SPDX-License-Identifier: MIT
 *
 * scratch: see scratch.h. Publishing is fsync of the file, one rename or link, fsync of the folder, in this order:
 * after a power cut there is the whole file under its name, or no such name.
 */
#include "data/scratch.h"

#include "common/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int fail(struct diag *d, const char *path, const char *what)
{
    int err = errno;
    return diag_fail(d, file_error(err), "%s: %s: %s", path, what, strerror(err));
}

/* Temporary names of this process, for the signal handler: more than any command has at once. */
#define GUARDED 8
static _Atomic(const char *) guarded[GUARDED];

/* Called before the name exists; it holds our process number, so that it is nobody else's. */
static void guard_name(const char *name)
{
    for (size_t i = 0; i < GUARDED; i++) {
        const char *none = NULL;
        if (atomic_compare_exchange_strong(&guarded[i], &none, name))
            return;
    }
}

static void release_name(const char *name)
{
    for (size_t i = 0; i < GUARDED; i++) {
        const char *it = name;
        if (atomic_compare_exchange_strong(&guarded[i], &it, NULL))
            return;
    }
}

static void forget_name(struct scratch *s)
{
    if (s->name == NULL)
        return;
    release_name(s->name);
    free(s->name);
    s->name = NULL;
}

static void on_signal(int number)
{
    for (size_t i = 0; i < GUARDED; i++) {
        const char *name = atomic_load(&guarded[i]);
        if (name != NULL)
            unlink(name);
    }
    /* SA_RESETHAND: the second time it does what it always does, once we return. */
    raise(number);
}

void scratch_guard(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}, old;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) /* nohup ignores SIGHUP: let it */
            sigaction(signals[i], &action, NULL);
}

/* The folder of a path, allocated; NULL when memory is out. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* A hidden name beside `path` that no other process or call of this one uses. */
static char *temporary_name(const char *path)
{
    static atomic_uint counter;
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    size_t size = strlen(path) + 64;
    char *name = malloc(size);

    if (name != NULL)
        snprintf(name, size, "%.*s.%.200s.%ld-%u.tmp", (int)(base - path), path, base, (long)getpid(),
                 atomic_fetch_add(&counter, 1));
    return name;
}

/* Creates the file under a temporary name; a left-over of a dead process with our number is stepped over. */
static int open_named(struct scratch *s, mode_t mode)
{
    for (int tries = 0; tries < 100; tries++) {
        s->name = temporary_name(s->final);
        if (s->name == NULL) {
            errno = ENOMEM;
            return -1;
        }
        guard_name(s->name);
        s->fd = open(s->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (s->fd >= 0)
            return 0;
        int err = errno;
        forget_name(s); /* not ours: discard must not remove it */
        errno = err;
        if (err != EEXIST)
            break;
    }
    return -1;
}

int scratch_open(struct scratch *s, const char *final, mode_t mode, struct diag *d)
{
    char *folder = folder_of(final);

    *s = (struct scratch){.fd = -1, .final = strdup(final)};
    if (folder == NULL || s->final == NULL) {
        free(folder);
        scratch_discard(s);
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", final);
    }
    s->fd = scratch_nameless(folder, mode);
    free(folder);
    if (s->fd < 0 && open_named(s, mode) != 0) {
        int err = fail(d, final, "cannot create the file");
        scratch_discard(s);
        return err;
    }
    return 0;
}

void scratch_discard(struct scratch *s)
{
    if (s->final == NULL) /* never opened, or finished */
        return;
    if (s->name != NULL)
        unlink(s->name);
    if (s->fd >= 0)
        close(s->fd);
    forget_name(s);
    free(s->final);
    *s = (struct scratch){.fd = -1};
}

int scratch_reserve(struct scratch *s, uint64_t size, struct diag *d)
{
    int err;

    if (size > INT64_MAX)
        return diag_fail(d, SHEAF_ENOSPC, "%s: larger than any file can be", s->final);
    if (size == 0)
        return 0;
    do {
        err = posix_fallocate(s->fd, 0, (off_t)size);
    } while (err == EINTR);
    /* Some file systems cannot reserve; then running out of room shows up at the write. */
    if ((err == EOPNOTSUPP || err == EINVAL) && ftruncate(s->fd, (off_t)size) == 0)
        return 0;
    if (err == 0)
        return 0;
    return diag_fail(d, file_error(err), "%s: cannot reserve %llu bytes: %s", s->final, (unsigned long long)size,
                     strerror(err));
}

int scratch_write(const struct scratch *s, const void *data, size_t n, uint64_t offset, struct diag *d)
{
    const char *at = data;

    while (n > 0) {
        ssize_t done = pwrite(s->fd, at, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return fail(d, s->final, "cannot write");
        at += done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

/* The name itself is durable only when its folder is. */
static int sync_folder(const char *path)
{
    char *folder = folder_of(path);
    int fd, err = -1;

    if (folder == NULL) {
        errno = ENOMEM;
        return -1;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return -1;
    if (fsync(fd) == 0 || errno == EINVAL) /* EINVAL: a file system that has nothing to sync */
        err = 0;
    close(fd);
    return err;
}

/* Gives a nameless file a temporary name, because only rename can replace in one step. */
static int give_name(struct scratch *s)
{
    if (s->name != NULL)
        return 0;
    for (int tries = 0; tries < 100; tries++) {
        s->name = temporary_name(s->final);
        if (s->name == NULL) {
            errno = ENOMEM;
            return -1;
        }
        guard_name(s->name);
        if (scratch_link(s->fd, s->name) == 0)
            return 0;
        int err = errno;
        forget_name(s); /* not ours: discard must not remove it */
        errno = err;
        if (err != EEXIST)
            break;
    }
    return -1;
}

static int put_in_place(struct scratch *s, bool replace)
{
    if (replace) {
        if (give_name(s) != 0 || rename(s->name, s->final) != 0)
            return -1;
        forget_name(s);
        return 0;
    }
    /* link, unlike rename, refuses a name that somebody else took in the meantime; discard unlinks the old name. */
    return s->name != NULL ? link(s->name, s->final) : scratch_link(s->fd, s->final);
}

int scratch_publish(struct scratch *s, bool replace, struct diag *d)
{
    int err = 0;

    if (fsync(s->fd) != 0)
        err = fail(d, s->final, "cannot write");
    else if (put_in_place(s, replace) != 0)
        err = errno == EEXIST ? diag_fail(d, SHEAF_EBUSY, "%s: the file exists; replace it with --force", s->final)
                              : fail(d, s->final, "cannot give the file its name");
    else if (sync_folder(s->final) != 0)
        err = fail(d, s->final, "cannot sync the folder");
    scratch_discard(s);
    return err;
}

int scratch_map(const char *near, uint64_t size, void **out, struct diag *d)
{
    struct scratch s;
    void *map = MAP_FAILED;

    if (size == 0)
        size = 1;
    int err = scratch_open(&s, near, 0600, d);
    if (err != 0)
        return err;
    /* Reserved in full: on a sparse file a full disk would be a SIGBUS in the middle of a store. */
    err = scratch_reserve(&s, size, d);
    if (err == 0)
        map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd, 0);
    if (err == 0 && map == MAP_FAILED)
        err = fail(d, near, "cannot map a working file");
    scratch_discard(&s);
    if (err == 0)
        *out = map;
    return err;
}

void scratch_unmap(void *map, uint64_t size)
{
    if (map != NULL)
        munmap(map, size == 0 ? 1 : (size_t)size);
}
