/* SPDX-License-Identifier: MIT
 *
 * procinfo: what the system tells of a process, where it does (Linux; the portable twin says less, never something wrong).
 */
#ifndef SHEAF_COMMON_PROCINFO_H
#define SHEAF_COMMON_PROCINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The calling process, which leads a process group, is killed when `parent` ends, and with it (where the system can do that) all of its
 * group. lifeline: the read end of a pipe whose write end nobody but the parent has, and nobody writes to; it is closed here. False
 * when the parent is gone already. */
bool procinfo_die_with_parent(pid_t parent, int lifeline);

/* A descriptor that is readable once the child has ended (close-on-exec), or -1: then ask waitpid now and then. */
int procinfo_end_fd(pid_t child);

/* Private memory, and the proportional share of all its memory, in bytes; 0 = not known. The second is slow. */
uint64_t procinfo_private_bytes(pid_t pid);
uint64_t procinfo_pss_bytes(pid_t pid);

/* User and system time of a running process, 0 = not known. */
int64_t procinfo_cpu_ns(pid_t pid);

/* Memory that could be had now without swapping; UINT64_MAX = not known. */
uint64_t procinfo_available_bytes(void);

/* Has this process a file below the folder `dir` open for writing? Then its name, which counts from there; else, or where that is not
 * known, false. */
bool procinfo_writes_below(int dir, char *name, size_t size);

#endif
