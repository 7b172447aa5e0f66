/* SPDX-License-Identifier: MIT
 *
 * journal_file: the files of a journal as the operating system has them: the directory and its lock, the database, its log; and
 * that they survive a power cut.
 *
 * SQLite syncs what it commits. What it leaves to us: that the names of new files and directories are on the disk before anybody is
 * told of a commit, and that what a killed broker has written and not synced is so before this one builds on it. For
 * the system shows us both alike, and would show us as well what it could not write: after a failed sync it takes the
 * bytes for written. Later commits would then stand behind a hole, and go with it. So the log is written once more, as it is.
 */
#include "broker/journal_db.h"

#include "broker/fstype.h"
#include "common/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot(const char *path, const char *what, int errnum, struct diag *d)
{
    int err = file_error(errnum);
    return diag_fail(d, err, "%s: cannot %s: %s%s", path, what, strerror(errnum),
                     err == SHEAF_ENOSPC ? "; make room on its device and start again" : "");
}

/* The lock is on a file of its own, because closing any descriptor of the database drops SQLite's own locks. */
static int lock_directory(struct journal *j, const char *dir, struct diag *d)
{
    char path[4096], holder[32] = "";
    if ((size_t)snprintf(path, sizeof(path), "%s/lock", dir) >= sizeof(path))
        return diag_fail(d, SHEAF_EINVAL, "state directory %s: the path is too long", dir);
    j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->lock_fd < 0)
        return cannot(path, "open", errno, d);
    if (flock(j->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return cannot(path, "lock", errno, d);
        ssize_t n = pread(j->lock_fd, holder, sizeof(holder) - 1, 0);
        holder[n > 0 ? strcspn(holder, "\n") : 0] = '\0';
        return diag_fail(d, SHEAF_EBUSY,
                         "state directory %s is in use by process %s; end it or choose another directory", dir,
                         holder[0] ? holder : "?");
    }
    int n = snprintf(holder, sizeof(holder), "%ld\n", (long)getpid());
    /* For the message above alone: on a full device there is no number, and the lock holds all the same. */
    if (ftruncate(j->lock_fd, 0) == 0 && pwrite(j->lock_fd, holder, (size_t)n, 0) != n && ftruncate(j->lock_fd, 0) != 0)
        return cannot(path, "write", errno, d);
    return 0;
}

/* The directory, ours alone, and in it the file with mode 0600: SQLite gives its log the same mode. */
static int prepare_directory(const char *dir, bool create, struct diag *d)
{
    struct stat st;
    int err = create ? dir_make(dir, 0700, d) : 0;
    if (err)
        return err;
    if (stat(dir, &st) != 0)
        return diag_fail(d, file_error(errno), "state directory %s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "state directory %s is not a directory", dir);
    const char *network = fstype_network(dir);
    if (network)
        return diag_fail(
            d, SHEAF_EINVAL,
            "state directory %s is on %s, where locks and fsync cannot be relied on; choose a local directory", dir,
            network);
    return 0;
}

/* ---- what is on the disk ---- */

/* Some file systems cannot sync a directory (EINVAL); then there is nothing to do. 0 or an errno. */
static int sync_folder(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

/* The directory above, where that may hold a name that we made: not above somebody else's, nor on another device. -1 = no. */
static int open_above(int fd)
{
    struct stat here, above;
    if (fstat(fd, &here) != 0 || here.st_uid != geteuid())
        return -1;
    int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (up >= 0 && (fstat(up, &above) != 0 || above.st_dev != here.st_dev || above.st_ino == here.st_ino)) {
        close(up);
        up = -1;
    }
    return up;
}

/* The directory and those above it: whoever made some of them did not wait for the disk. 0 or an errno. */
static int sync_folders(int dir_fd)
{
    int failed = sync_folder(dir_fd), fd = failed ? -1 : open_above(dir_fd);
    while (fd >= 0) {
        failed = sync_folder(fd);
        int up = failed ? -1 : open_above(fd);
        close(fd);
        fd = up;
    }
    return failed;
}

int journal_file_sync_start(struct journal *j, struct diag *d)
{
    int failed = 0;
    if (j->unsynced)
        failed = fsync(j->file_fd) == 0 ? sync_folder(j->dir_fd) : errno;
    return failed ? cannot(j->path, "sync", failed, d) : 0;
}

int journal_file_sync(struct journal *j, struct diag *d)
{
    int failed = j->unsynced ? sync_folders(j->dir_fd) : 0;
    if (failed)
        return cannot(j->path, "sync", failed, d);
    j->unsynced = false;
    return 0;
}

/* Writes the first bytes of a file once more, as they are, and syncs it. 0 or an errno. */
static int write_again(int fd, off_t size, char *step, size_t step_size)
{
    for (off_t at = 0; at < size;) {
        ssize_t n = pread(fd, step, size - at < (off_t)step_size ? (size_t)(size - at) : step_size, at);
        if (n < 0 && errno != EINTR)
            return errno;
        for (ssize_t done = 0, w; done<n; done += w> 0 ? w : 0) {
            w = pwrite(fd, step + done, (size_t)(n - done), at + done);
            if (w < 0 && errno != EINTR)
                return errno;
        }
        if (n == 0)
            break;
        at += n > 0 ? n : 0;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* Before SQLite has opened it: the log. 0, an errno, or ENOENT where there is none. */
static int write_log_again(const struct journal *j, char *step, size_t step_size)
{
    struct stat st;
    char path[4200];
    snprintf(path, sizeof(path), "%s-wal", j->path);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    int failed = fstat(fd, &st) == 0 ? write_again(fd, st.st_size, step, step_size) : errno;
    close(fd);
    return failed;
}

/* What an earlier broker has written and perhaps not synced: the log, the first page (all others come from the log and are synced
 * before that is begun anew), the names. */
static int sync_old(struct journal *j, struct diag *d)
{
    size_t size = (size_t)1 << 20;
    char *step = malloc(size);
    if (!step)
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", j->path);
    int failed = write_log_again(j, step, size);
    if (failed == 0 || failed == ENOENT)
        failed = write_again(j->file_fd, JOURNAL_PAGE_BYTES, step, size);
    free(step);
    failed = failed ? failed : sync_folders(j->dir_fd);
    return failed ? cannot(j->path, "sync", failed, d) : 0;
}

/* ---- opening ---- */

/* Is there a log with anything in it? 0 or an errno. */
static int look_at_log(const struct journal *j, bool *has_log)
{
    struct stat st;
    char path[4200];
    snprintf(path, sizeof(path), "%s-wal", j->path);
    *has_log = false;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? 0 : errno;
    *has_log = st.st_size > 0;
    return 0;
}

/* Is there nothing but zeros in it, and no more of them than a first page? 0 or an errno. */
static int look_unfinished(const struct journal *j, bool *unfinished)
{
    static const char none[512];
    struct stat st;
    char bytes[sizeof(none)];
    *unfinished = false;
    if (fstat(j->file_fd, &st) != 0)
        return errno;
    if (st.st_size > JOURNAL_PAGE_BYTES)
        return 0;
    for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(bytes)) {
        ssize_t n = pread(j->file_fd, bytes, sizeof(bytes), at);
        if (n < 0)
            return errno;
        if (memcmp(bytes, none, (size_t)n) != 0)
            return 0;
    }
    *unfinished = true;
    return 0;
}

int journal_file_empty(const struct journal *j, struct diag *d)
{
    return diag_fail(d, SHEAF_ENOENT, "%s is empty; there is no state in this directory", j->path);
}

static int without_database(const struct journal *j, struct diag *d)
{
    return diag_fail(d, SHEAF_ECORRUPT,
                     "%s is damaged: it is empty or missing, and its log is not; restore it from a copy", j->path);
}

/* A power cut may leave nothing, or zeros, of a journal that was being made. Then its log is empty, because its name and its first page
 * were synced before that was begun. SQLite would delete a log without a database. */
static int check_unfinished(struct journal *j, bool create, struct diag *d)
{
    bool has_log = false;
    int failed = look_unfinished(j, &j->unsynced);
    if (failed == 0 && j->unsynced)
        failed = look_at_log(j, &has_log);
    if (failed == 0 && has_log)
        return without_database(j, d);
    if (failed == 0 && j->unsynced && !create)
        return journal_file_empty(j, d);
    if (failed == 0 && j->unsynced && ftruncate(j->file_fd, 0) != 0)
        failed = errno;
    return failed ? cannot(j->path, "open", failed, d) : 0;
}

/* For one that is not to be made: leaves no lock file where there is no state. */
static int check_there(const struct journal *j, struct diag *d)
{
    bool has_log = false;
    if (access(j->path, F_OK) == 0)
        return 0;
    int error = errno;
    if (error == ENOENT && look_at_log(j, &has_log) == 0 && has_log)
        return without_database(j, d);
    return diag_fail(d, file_error(error), "%s: %s; there is no state in this directory", j->path, strerror(error));
}

/* Opens the file, or makes an empty one. What is new reaches the disk with the first commit, which is the first that anybody is
 * told of: until then a power cut may take it. */
static int open_file(struct journal *j, const char *dir, bool create, struct diag *d)
{
    j->file_fd = open(j->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
    if (j->file_fd < 0)
        return cannot(j->path, "open", errno, d);
    j->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->dir_fd < 0)
        return diag_fail(d, file_error(errno), "state directory %s: cannot open: %s", dir, strerror(errno));
    int err = check_unfinished(j, create, d);
    return err == 0 && create && !j->unsynced ? sync_old(j, d) : err;
}

int journal_file_open(struct journal *j, const char *dir, bool create, struct diag *d)
{
    size_t len = strlen(dir) + sizeof("/journal.db");
    j->path = malloc(len);
    if (!j->path)
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", dir);
    snprintf(j->path, len, "%s/journal.db", dir);
    int err = prepare_directory(dir, create, d);
    if (err == 0 && !create)
        err = check_there(j, d);
    err = err ? err : lock_directory(j, dir, d);
    return err ? err : open_file(j, dir, create, d);
}

int journal_file_probe(const struct journal *j)
{
    char path[4200];
    snprintf(path, sizeof(path), "%s-wal", j->path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void journal_file_close(struct journal *j)
{
    close_fd(j->file_fd);
    close_fd(j->dir_fd);
    close_fd(j->lock_fd);
    free(j->path);
}
