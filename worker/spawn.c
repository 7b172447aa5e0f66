/* SPDX-License-Identifier: MIT
 *
 * spawn: see spawn.h.
 */
#include "worker/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n) == 0 && b[n] == '=';
}

static bool replaced(const char *entry, const char *const *by)
{
    for (; by && *by; by++)
        if (same_name(*by, entry))
            return true;
    return false;
}

/* The texts stay where they are; only the table is ours. NULL when out of memory. */
static char **environment(const char *const *add)
{
    size_t n = 0, n_add = 0, at = 0;
    while (environ && environ[n])
        n++;
    while (add && add[n_add])
        n_add++;
    char **out = calloc(n + n_add + 1, sizeof *out);
    if (!out)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!replaced(environ[i], add))
            out[at++] = environ[i];
    for (size_t i = 0; i < n_add; i++)
        out[at++] = (char *)(uintptr_t)add[i]; /* posix_spawn takes char *const and writes nothing */
    return out;
}

/* Puts the descriptors in place in the child. One that lies where another has to go is copied out of the way first: the
 * copies are to be closed afterwards. */
static int map_fds(const struct spawn_spec *spec, posix_spawn_file_actions_t *actions, int *copies, size_t *n_copies)
{
    int above = 0;
    for (size_t i = 0; i < spec->n_fds; i++)
        if (spec->fds[i].to >= above)
            above = spec->fds[i].to + 1;
    int error = 0;
    for (size_t i = 0; i < spec->n_fds && !error; i++) {
        int from = spec->fds[i].from;
        if (from < above) {
            from = fcntl(from, F_DUPFD_CLOEXEC, above);
            if (from < 0)
                return errno;
            copies[(*n_copies)++] = from;
        }
        error = posix_spawn_file_actions_adddup2(actions, from, spec->fds[i].to);
    }
    return error;
}

static int set_attributes(const struct spawn_spec *spec, posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (spec->own_group)
        flags |= POSIX_SPAWN_SETPGROUP;
    int error = posix_spawnattr_setsigmask(attr, &none);
    error = error ? error : posix_spawnattr_setsigdefault(attr, &all);
    error = error ? error : posix_spawnattr_setpgroup(attr, 0);
    return error ? error : posix_spawnattr_setflags(attr, flags);
}

int spawn_process(const struct spawn_spec *spec, pid_t *pid, struct diag *d)
{
    SHEAF_ASSERT(spec->n_fds <= SPAWN_MAX_FDS);
    int copies[SPAWN_MAX_FDS];
    size_t n_copies = 0;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char **env = environment(spec->env);
    if (!env || posix_spawn_file_actions_init(&actions) != 0) {
        free(env);
        return diag_fail(d, SHEAF_ENOMEM, "cannot start %s: out of memory", spec->argv[0]);
    }
    int error = posix_spawnattr_init(&attr);
    if (!error) {
        error = map_fds(spec, &actions, copies, &n_copies);
        error = error ? error : set_attributes(spec, &attr);
        /* posix_spawn takes char *const[] and writes nothing */
        char *const *argv = (char *const *)(uintptr_t)spec->argv;
        error = error ? error : posix_spawn(pid, spec->argv[0], &actions, &attr, argv, env);
        posix_spawnattr_destroy(&attr);
    }
    for (size_t i = 0; i < n_copies; i++)
        close(copies[i]);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    if (error)
        return diag_fail(d,
                         error == ENOENT   ? SHEAF_ENOENT
                         : error == ENOMEM ? SHEAF_ENOMEM
                                           : SHEAF_EIO,
                         "cannot start %s: %s", spec->argv[0], strerror(error));
    return 0;
}
