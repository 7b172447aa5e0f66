/* SPDX-License-Identifier: MIT
 *
 * state: the state directory: one folder a sweep, named by the first 16 hex digits of its identity, so that the same sweep
 * file finds what it had done. In a folder:
 *
 *     journal     the broker's (broker/journal.h), with a lock of its own
 *     endpoint    where the live broker listens; written by it, removed by the client that started it
 *     number      N of `sheaf list`; given once, never again to another sweep. Its time of change says when the sweep last ran
 *     name        the name in the sweep file, if it has one
 *     source      absolute path of the sweep file
 *     client      locked by the `sheaf run` that the sweep belongs to
 *
 * Beside the folders, `verified-DIGEST` tells which file of a dataset was found to have its digests.
 */
#ifndef SHEAF_CLI_STATE_H
#define SHEAF_CLI_STATE_H

#include "common/arena.h"
#include "common/err.h"
#include "common/hash.h"

#include <stdbool.h>
#include <stdint.h>

/* One sweep's folder. Texts live in the arena that it was found with. */
struct state_sweep {
    uint64_t number;
    const char *dir;    /* absolute */
    const char *name;   /* "" = none */
    const char *source; /* "" = not known */
    int64_t used_ns;    /* wall clock of its last run; only for telling which is the last */
};

/* The state directory: flag (may be NULL), else $SHEAF_STATE, else $XDG_STATE_HOME/sheaf, else ~/.local/state/sheaf; absolute.
 * Nothing is made. NULL with a line in d. */
const char *state_root(const char *flag, struct arena *a, struct diag *d);

/* All sweeps by number; none when there is no such directory. */
int state_scan(const char *root, struct arena *a, struct state_sweep **at, uint32_t *n, struct diag *d);

/* The sweep that `which` means: a number, "last", or a name (of several, the one that ran last). SHEAF_ENOENT when there is none. */
int state_find(const char *root, const char *which, struct arena *a, struct state_sweep *out, struct diag *d);

/* The folder that a sweep has, or would have. NULL when memory is exhausted. */
const char *state_folder(const char *root, const uint8_t identity[HASH_BYTES], struct arena *a);

/* The folder of a sweep, made when it is new, for the process that is going to run it: takes the lock (*lock_fd, held until it is
 * closed), gives it a number, notes name and source. SHEAF_EBUSY when another process runs it, with a line that says what to
 * do; SHEAF_EIO and so on. */
int state_enter(const char *root, const uint8_t identity[HASH_BYTES], const char *name, const char *source,
                struct arena *a, struct state_sweep *out, int *lock_fd, struct diag *d);

/* Takes the lock of a folder that is there. As state_enter. */
int state_lock(const struct state_sweep *s, int *lock_fd, struct diag *d);

/* Waits until no broker has the folder's journal any more: one whose client was killed needs a moment to end. SHEAF_EBUSY after
 * wait_ms. */
int state_wait_idle(const struct state_sweep *s, int wait_ms, struct diag *d);

/* Empties a folder whose lock we hold: the journal goes, the number stays. */
int state_clear(const struct state_sweep *s, struct diag *d);

/* Removes the folder whose lock we hold. */
int state_remove(const struct state_sweep *s, struct diag *d);

/* Whether a one-line file of the state directory says that text, and to write it where there is such a directory: what is noted is
 * only ever saved work. */
bool state_noted(const char *root, const char *file, const char *text, struct arena *a);
void state_note(const char *root, const char *file, const char *text, struct arena *a);

/* The endpoint recorded in a folder, NULL when there is none. It may be stale. */
const char *state_endpoint(const struct state_sweep *s, struct arena *a);

#endif
