/* SPDX-License-Identifier: MIT
 *
 * describe: learns what a plugin is without loading it here. A short-lived child, `sheaf describe-plugin PATH SCRIPT`, loads and
 * describes it; whatever the plugin does to that child (crash, exit, hang, print) becomes one line in a diag.
 *
 * The child reads the config from descriptor 0 and answers on descriptor 3: one tag byte ('P' plan_plugin codec bytes,
 * 'E' an error's text), the length as 4 bytes little-endian, the bytes. Its stdout goes to its stderr.
 */
#ifndef SHEAF_WORKER_DESCRIBE_H
#define SHEAF_WORKER_DESCRIBE_H

#include "common/arena.h"
#include "common/err.h"
#include "sweep/plan.h"
#include "worker/pluginfind.h"

#define DESCRIBE_MAX_CONFIG ((size_t)16 << 20)
#define DESCRIBE_ANSWER_FD 3

/* How long a child may take to describe: 10 s. A test may set less. */
extern int describe_timeout_ms;

/* How long a probe of this plan may take. */
int describe_probe_ms(const struct plan *plan);

/* What the caller does while the child works; an error of it ends the describing. NULL run: nothing. */
struct describe_meanwhile {
    int (*run)(void *ctx, struct diag *d);
    void *ctx;
};

/* Runs the child (self_exe: this executable) and fills *out, all of it in `arena`. 0; SHEAF_EINVAL or another error with
 * one line in d: the plugin's refusal, or how the child ended and the last line that it wrote to stderr. */
int plugin_describe_child(const char *self_exe, const struct plugin_place *place, const char *config,
                          const struct describe_meanwhile *meanwhile, struct arena *arena, struct plan_plugin *out,
                          struct diag *d);

/* Runs the first task of `plan` (encoded; its plugin's scores are what the goal calls them) in such a child, as `sheaf
 * describe-plugin --probe`, for a plugin that offers SHEAF_PROBE_TABLE. Fills *out with the plan's plugin and the scores
 * that came out, all of it in `arena`. It has as much time as a slot to open plus a task: limits.task_seconds, but at least 10
 * s; 120 s without. Returns and errors as plugin_describe_child. */
int plugin_probe_child(const char *self_exe, const struct plan *plan, struct arena *arena, struct plan_plugin *out,
                       struct diag *d);

/* The child's side: loads the plugin at `place`, answers on DESCRIBE_ANSWER_FD. Returns the exit status: 0, or 2 for a
 * refusal. The caller leaves with _exit, so that a plugin's exit handlers don't run. */
int describe_serve(const struct plugin_place *place);

/* The child's side of plugin_probe_child, likewise; find: fills plan->plugin.scores (slotprobe_scores). */
typedef int (*describe_find_fn)(struct plan *plan, struct arena *arena, struct diag *d);
int describe_serve_probe(describe_find_fn find);

#endif
