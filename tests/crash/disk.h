/* SPDX-License-Identifier: MIT
 *
 * disk: a folder on a device of our own, for tests. What the program under test wrote there and did not sync may be lost when the
 * power goes: whole writes, some of their 512-byte sectors, changes of size, names in folders. The power goes, or the process is
 * killed, at a chosen call; or a chosen call fails.
 *
 * A file's bytes survive once it was synced, its name once its folder was. Of the rest any subset may be there, because the system
 * writes back what it likes and when it likes.
 */
#ifndef SHEAF_TESTS_CRASH_DISK_H
#define SHEAF_TESTS_CRASH_DISK_H

#include "io_hooks.h"

#include <stdint.h>

/* A small generator: the same seed gives the same crash. */
struct rnd {
    uint64_t state;
};
uint64_t rnd_next(struct rnd *r);
uint64_t rnd_below(struct rnd *r, uint64_t n); /* 0 .. n - 1; n > 0 */

/* The folder, which is empty and durable. One at a time. */
void disk_begin(const char *root);
void disk_end(void);

/* The call before which everything stops: of those that change something, the n-th from now on (1 = the next). 0 = none. */
void disk_stop_at(uint64_t n);
bool disk_has_stopped(void);
uint64_t disk_changes(void); /* calls that changed something since disk_begin */

/* Once the program has let go of all of its files: the process was killed (nothing is lost), or the power went. Then it goes on. */
void disk_killed(void);
void disk_power_went(struct rnd *r);

/* Of the calls of these kinds (a mask of 1 << enum io_call) the n-th from now on fails with an errno or IO_SHORT, and all later ones if
 * `forever`. A sync that fails loses its bytes for good: the system takes them for written. 0 = none. */
void disk_fail_at(uint64_t n, unsigned calls, int errnum, bool forever);
bool disk_has_failed(void);

/* Says that syncs do nothing (a mutant: tests must notice). */
void disk_lies(bool lies);

#endif
