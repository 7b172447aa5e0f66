/* SPDX-License-Identifier: MIT
 *
 * slothost: the host functions of sheaf/plugin.h inside a slot. What a task says (log lines, why it fails, group rows)
 * goes to the side ring under the task's word; a task that says nothing costs one comparison.
 */
#ifndef SHEAF_WORKER_SLOTHOST_H
#define SHEAF_WORKER_SLOTHOST_H

#include "common/buf.h"
#include "sheaf/plugin.h"
#include "sweep/groupsum.h"
#include "worker/slotlink.h"

#include <stdbool.h>

#define SLOTHOST_TASK_LOG 65536u /* bytes of log lines, stdout and stderr that are kept of one task */
#define SLOTHOST_REASON 4096u

struct slotcache;
struct slotfiles;
struct slotoutput;

/* Memory of one task, kept for the next. */
struct slotscratch {
    struct scratch_block *blocks; /* newest first */
    size_t total;                 /* bytes of all blocks */
};

struct slothost {
    struct sheaf_host host; /* what the plugin gets; .self is this struct */
    struct slotlink *link;
    struct sheaf_script script;    /* filled by slot_open */
    const struct sheaf_keys *keys; /* likewise */
    uint32_t n_group_values;
    bool dirty; /* something below has to be seen to when the task ends */
    char reason[SLOTHOST_REASON];
    bool refused;      /* something that this task emitted or wrote is missing: it has failed, whatever it returns */
    bool drops_groups; /* keep: best: nobody would keep them */
    struct groupsum groups; /* what this task has emitted */
    struct buf row;         /* room for one of them as the side ring takes it */
    struct slotscratch scratch;
    struct slotcache *caches, *former_caches; /* former: of other scopes, until they are released */
    uint64_t scope, said_scope;               /* of the caches, and as the crew knows it */
    struct slotoutput *output;                /* NULL = the plugin has none */
    struct slotfiles *files;                  /* NULL = the sweep makes none */
    bool running;                             /* inside run */
    bool building;                            /* inside a build function */
    uint32_t log_bytes;
    uint64_t log_dropped;
};

void slothost_init(struct slothost *h, struct slotlink *l, uint32_t n_group_values);

/* The task `index` has returned `status`, and h is dirty: its files get their names, or are dropped. What its status is now. */
int32_t slothost_settle(struct slothost *h, uint64_t index, int32_t status);

/* When open or a task has returned: hands over what it said (keep: group rows, too) and forgets it. */
void slothost_end_call(struct slothost *h, bool keep);

/* A log line of the call in work, within its allowance. Never waits. */
void slothost_line(struct slothost *h, uint32_t level, const char *text, size_t len);

/* host->scratch (slotscratch.c). */
void *slotscratch_get(struct slotscratch *s, uint64_t size);
void slotscratch_reset(struct slotscratch *s);

/* host->cache and SHEAF_CACHE_TABLE (slotcache.c). */
extern const struct sheaf_cache slotcache_table;
const void *slotcache_get(struct slothost *h, const char *name, uint64_t size, sheaf_build_fn build, void *user);

/* Forgets all of them: from now on they are those of another scope (worker/keeper.h). keeps: the plugin goes on using what they were,
 * until it releases it. */
void slotcache_enter(struct slothost *h, uint64_t scope, bool keeps);

#endif
