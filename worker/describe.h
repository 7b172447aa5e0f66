/* SPDX-License-Identifier: MIT
 *
 * describe: learns what a plugin is without loading it here. A short-lived child, `sheaf describe-plugin PATH`, loads and
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

#define DESCRIBE_MAX_CONFIG ((size_t)16 << 20)
#define DESCRIBE_ANSWER_FD 3

/* How long a child may take: 10 s. A test may set less. */
extern int describe_timeout_ms;

/* What the caller does while the child works; an error of it ends the describing. NULL run: nothing. */
struct describe_meanwhile {
    int (*run)(void *ctx, struct diag *d);
    void *ctx;
};

/* Runs the child (self_exe: this executable) and fills *out, all of it in `arena`. 0; SHEAF_EINVAL or another error with
 * one line in d: the plugin's refusal, or how the child ended and the last line that it wrote to stderr. */
int plugin_describe_child(const char *self_exe, const char *path, const char *config,
                          const struct describe_meanwhile *meanwhile, struct arena *arena, struct plan_plugin *out,
                          struct diag *d);

/* The child's side: loads the plugin at `path`, answers on DESCRIBE_ANSWER_FD. Returns the exit status: 0, or 2 for a
 * refusal. The caller leaves with _exit, so that a plugin's exit handlers don't run. */
int describe_serve(const char *path);

#endif
