/* SPDX-License-Identifier: MIT
 *
 * runtime: a directory below /tmp is only trusted when it is a directory of ours that nobody else may enter.
 */
#include "cli/runtime.h"
#include "cli/client.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_DIGITS 16u
#define OLD_SECONDS 60
#define DRAFT '.' /* how the name of a socket that does not listen yet begins */

static int private_dir(const char *dir, struct diag *d)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return diag_fail(d, SHEAF_EIO, "%s cannot be made: %s", dir, strerror(errno));
    struct stat st;
    if (lstat(dir, &st) != 0)
        return diag_fail(d, SHEAF_EIO, "%s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return diag_fail(d, SHEAF_EINVAL, "%s is not a directory of ours alone; remove it or set $XDG_RUNTIME_DIR",
                         dir);
    return SHEAF_OK;
}

/* Is it a name that we give, and not one that somebody chose for a broker of his own? */
static bool is_ours(const char *name)
{
    name += name[0] == DRAFT;
    size_t digits = strspn(name, "0123456789abcdef");
    return digits + 1 >= NAME_DIGITS && name[digits] == '\0'; /* a draft has one digit less */
}

/* Removes sockets of brokers that were killed with everybody who could have removed them. One under its final name listens or
 * never will again; a draft may be about to, so only old ones go. */
static void tidy(const char *dir)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;
    time_t now = time(NULL);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[RUNTIME_PATH + 256];
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (is_ours(entry->d_name) && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
            (entry->d_name[0] != DRAFT || now - st.st_mtime > OLD_SECONDS) && client_probe(path) == ECONNREFUSED)
            (void)unlink(path);
    }
    if (folder != NULL)
        (void)closedir(folder);
}

void runtime_draft(const char *path, char out[RUNTIME_PATH])
{
    (void)snprintf(out, RUNTIME_PATH, "%s", path);
    strrchr(out, '/')[1] = DRAFT;
}

int runtime_path(char out[RUNTIME_PATH], struct diag *d)
{
    const char *xdg = getenv("XDG_RUNTIME_DIR");
    char dir[RUNTIME_PATH - NAME_DIGITS - 1];
    int err = SHEAF_EINVAL;
    if (xdg != NULL && xdg[0] == '/' && strlen(xdg) + sizeof "/sheaf" <= sizeof dir) {
        (void)snprintf(dir, sizeof dir, "%s/sheaf", xdg);
        err = private_dir(dir, NULL);
    }
    /* A login that ended may leave XDG_RUNTIME_DIR pointing nowhere. */
    if (err != SHEAF_OK) {
        (void)snprintf(dir, sizeof dir, "/tmp/sheaf-%" PRIuMAX, (uintmax_t)geteuid());
        err = private_dir(dir, d);
    }
    if (err != SHEAF_OK)
        return err;
    tidy(dir);
    if (sodium_init() < 0)
        return diag_fail(d, SHEAF_EIO, "no random numbers");
    uint64_t name;
    randombytes_buf(&name, sizeof name);
    (void)snprintf(out, RUNTIME_PATH, "%s/%016" PRIx64, dir, name);
    return SHEAF_OK;
}
