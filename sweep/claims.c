/* SPDX-License-Identifier: MIT
 *
 * claims: see claims.h.
 */
#define _GNU_SOURCE /* mkostemp */
#include "sweep/claims.h"

#include "common/syncdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LINE (TASKFILES_NAME + 2) /* a name, its newline, NUL */

/* ---- writing ---- */

static int begin_log(struct claims_log *log, const char *path)
{
    char name[TASKFILES_PATH];
    int n = snprintf(name, sizeof name, "%s/XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    log->fd = mkostemp(name, O_CLOEXEC | O_APPEND);
    (void)snprintf(log->name, sizeof log->name, "%.15s", strrchr(name, '/') + 1);
    return log->fd < 0 ? -1 : 0;
}

static int append(int fd, const char *at, size_t left)
{
    while (left > 0) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += n;
        left -= (size_t)n;
    }
    return 0;
}

int claims_add(struct claims_log *log, int folder, const char *path, uint64_t index, const struct taskfiles *files)
{
    char head[48];
    struct buf text = {0};
    if (log->fd < 0 && begin_log(log, path) != 0)
        return -1;
    off_t before = lseek(log->fd, 0, SEEK_END);
    int n = snprintf(head, sizeof head, "%" PRIu64 " %" PRIu32 "\n", index, files->n);
    if (before < 0 || buf_append(&text, head, (size_t)n) != 0 ||
        buf_append(&text, files->names.data, files->names.len) != 0) {
        buf_finish(&text);
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = (size_t)n; i < text.len; i++)
        if (text.data[i] == '\0')
            text.data[i] = '\n';
    int rc = append(log->fd, (const char *)text.data, text.len), why = errno;
    buf_finish(&text);
    if (rc != 0)
        (void)ftruncate(log->fd, before);
    errno = why;
    return rc == 0 ? syncdir_name(folder, log->name) : -1;
}

void claims_close(struct claims_log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

/* ---- reading ---- */

/* Reads the names of one task. 1, 0 = it was cut short, or SHEAF_ENOMEM. */
static int read_names(FILE *in, uint32_t n, struct buf *names)
{
    char line[LINE];
    names->len = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t len = fgets(line, sizeof line, in) != NULL ? strlen(line) : 0;
        if (len == 0 || line[len - 1] != '\n')
            return 0;
        line[len - 1] = '\0';
        if (taskfiles_fault(line) != NULL)
            return 0;
        if (buf_append(names, line, len) != 0)
            return SHEAF_ENOMEM;
    }
    return 1;
}

static int read_log(FILE *in, claims_visit *visit, void *ctx)
{
    char line[LINE];
    struct buf names = {0};
    int rc = 0;
    while (rc == 0 && fgets(line, sizeof line, in) != NULL) {
        char *end;
        uint64_t index = strtoull(line, &end, 10), n = *end == ' ' ? strtoull(end + 1, &end, 10) : UINT64_MAX;
        int got = *end == '\n' && n <= TASKFILES_MOST ? read_names(in, (uint32_t)n, &names) : 0;
        if (got <= 0) {
            rc = got;
            break;
        }
        rc = visit(ctx, index, (const char *)names.data, (uint32_t)n);
    }
    if (rc == 0 && ferror(in))
        rc = SHEAF_EIO;
    buf_finish(&names);
    return rc;
}

static int open_log(int folder, const char *name, FILE **out)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return SHEAF_EIO;
    *out = fdopen(fd, "r");
    if (*out == NULL)
        close(fd);
    return *out == NULL ? SHEAF_ENOMEM : 0;
}

int claims_each(int folder, claims_visit *visit, void *ctx)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        rc = 0; /* with a place of its own in the folder */
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return SHEAF_EIO;
    }
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        FILE *in;
        if (entry->d_name[0] == '.')
            continue;
        rc = open_log(folder, entry->d_name, &in);
        if (rc != 0)
            break;
        rc = read_log(in, visit, ctx);
        (void)fclose(in);
    }
    closedir(dir);
    return rc;
}
