/* SPDX-License-Identifier: MIT
 *
 * tryhost: a host for one plugin in this process, for `plugin try`, the describing child and tests of plugins. Log lines,
 * reports and emitted rows go to a stream; a cache is plain memory of this process, read-only once it is built, so
 * that a stray write is a crash at the place where it happens. It is strict where a slot is lenient: what the header forbids is
 * said aloud.
 */
#ifndef SHEAF_WORKER_TRYHOST_H
#define SHEAF_WORKER_TRYHOST_H

#include "sheaf/plugin.h"
#include "sweep/plan.h"
#include "sweep/taskfiles.h"

#include <stdint.h>
#include <stdio.h>

struct tryhost;

/* log: where lines go (the caller's), NULL = stderr. NULL when memory is short. */
struct tryhost *tryhost_create(FILE *log);
void tryhost_destroy(struct tryhost *t);

/* What to pass to the plugin. Lives as long as t. */
const struct sheaf_host *tryhost_host(struct tryhost *t);

/* What the host's SHEAF_SCRIPT_TABLE is from now on; its texts are the caller's and live as long as t. Nobody's script before. */
void tryhost_set_script(struct tryhost *t, const struct sheaf_script *script);

/* The one key that "sheaf.keys/1" tells of from now on; its text is the caller's and lives as long as t. None before. */
void tryhost_set_key(struct tryhost *t, const struct sheaf_key *key);

/* Before each run: n_group_values that emit takes; frees the scratch memory and forgets the reason of the task before. */
void tryhost_begin_task(struct tryhost *t, uint32_t n_group_values);

/* The outputs whose rows "sheaf.output/1" gives; row_bytes of each is known. They must outlive t. */
void tryhost_set_outputs(struct tryhost *t, const struct plan_output *outputs, uint32_t n);

/* The row of the last task, NULL = it was not asked for. */
const void *tryhost_row(const struct tryhost *t, uint32_t output);

/* The folder in which "sheaf.files/1" makes the files of tasks, in a folder of its own there that goes with t; the temporary one before. It must
 * outlive t. */
void tryhost_set_folder(struct tryhost *t, const char *folder);

/* The files that the last task has made: *out belongs to t, NULL = none. 0, or an error with a line in d, with which the task has failed. */
int tryhost_files(struct tryhost *t, const struct taskfiles **out, struct diag *d);

/* Has this task emitted what is refused, or asked for a file that cannot be? Then it has failed, whatever it returned. */
bool tryhost_refused(const struct tryhost *t);

/* What host->fail was told last, "" = nothing. */
const char *tryhost_reason(const struct tryhost *t);

/* Rows emitted and values reported since tryhost_begin_task, and bytes of scratch and of all caches. */
struct tryhost_counts {
    uint64_t rows, reports, scratch_bytes, cache_bytes, caches;
};
struct tryhost_counts tryhost_counts(const struct tryhost *t);

#endif
