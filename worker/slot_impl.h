/* SPDX-License-Identifier: MIT
 *
 * slot_impl: what the files of the slot process share.
 */
#ifndef SHEAF_WORKER_SLOT_IMPL_H
#define SHEAF_WORKER_SLOT_IMPL_H

#include "common/arena.h"
#include "data/dataset.h"
#include "sheaf/plugin.h"
#include "sweep/calendar.h"
#include "sweep/keynames.h"
#include "sweep/keyview.h"
#include "sweep/philox.h"
#include "sweep/plan.h"
#include "sweep/sources.h"
#include "sweep/space.h"
#include "sweep/split.h"
#include "worker/slothost.h"
#include "worker/slotlink.h"

#include <locale.h>
#include <stdbool.h>
#include <sys/types.h>

struct slot {
    struct slotlink link;
    struct slothost host;
    struct arena arena; /* plan and views: as long as the process */
    struct plan plan;
    const struct sheaf_plugin *plugin;
    void *plugin_state;
    struct dataset *data; /* the first; NULL = none */
    struct sources sources;
    bool has_trials; /* some of them are taken along trials; then the plugin is opened for the first task */
    bool opened;     /* the plugin, for the trials `along` of each source */
    uint64_t along[PLAN_MAX_DATA];
    struct keyview keyview;
    struct sheaf_dataset dataset; /* as the plugin is opened with it, again for other trials */
    struct keynames keynames;     /* of paths */
    struct space *space;
    struct splitter *splitter; /* NULL = the sweep has no splits */
    struct calendar *calendar; /* NULL = splits are of rows */
    struct sheaf_range all_rows;

    /* the task in work */
    struct sheaf_task task;
    struct cell cell; /* of task.index */
    bool has_cell;
    bool allowed; /* `where` does not exclude the trial whose params are in task */
    bool no_rows; /* the key has none to train or to test on in this split */
    bool wanted;  /* allowed, and there are rows */
    double *scores, *nans;
    uint64_t seeds[PHILOX_LANES], first_seed; /* of the tasks from first_seed on; there are some when has_cell */

    /* what a chunk restores */
    int cwd;
    mode_t umask;

    /* time inside the plugin, and what follows from it */
    int64_t mark_ns, mark_waited_ns;
    uint32_t claim; /* tasks in a few microseconds: claimed at once; 0 = not known */
};

/* Loads and opens everything. 0, or a line in d. */
int slot_open(struct slot *s, const void *plan_bytes, size_t plan_len, struct diag *d);

/* Opens what slot_locate needs, of a slot that has an arena and a plan: dataset, views, space and splits. 0, or a line in d. */
int slot_open_axes(struct slot *s, struct diag *d);

/* Opens the plugin, which is loaded. 0, or a line in d. */
int slot_open_plugin(struct slot *s, struct diag *d);

/* Brings views and plugin to the trials of earlier sweeps that the task in work is about (slotalong.c). 0, or a line in d. */
int slot_go_along(struct slot *s, struct diag *d);

/* The views only. True: they are other ones than before. */
bool slot_move_along(struct slot *s);

/* Brings task and cell to this index; s->wanted: whether it is to run. */
void slot_locate(struct slot *s, uint64_t index);

/* Train and test rows of the key entered last in that split. */
void slot_enter_split(struct slot *s, uint64_t split);

/* Brings the task's key, and what follows from it, to key number `key`. */
void slot_enter_key(struct slot *s, uint64_t key);

#endif
