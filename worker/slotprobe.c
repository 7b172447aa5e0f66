/* SPDX-License-Identifier: MIT
 *
 * slotprobe: see slotprobe.h. It is a slot without a crew: its host is that of `plugin try`.
 */
#include "worker/slotprobe.h"
#include "worker/pluginfind.h"
#include "worker/pluginhost.h"
#include "worker/probe.h"
#include "worker/slot_impl.h"

#include <inttypes.h>
#include <string.h>

#define MOST_SKIPPED 1000000u /* tasks in a row that are not to run: as many trials as the plan was checked for */

/* The first task that is to run. */
static int find_task(struct slot *s, struct diag *d)
{
    uint64_t tasks = plan_tasks(&s->plan), index = 0;
    do {
        slot_locate(s, space_index(&s->plan, index));
    } while (!s->wanted && ++index < tasks && index < MOST_SKIPPED);
    s->task.attempt = 1;
    return s->wanted
               ? 0
               : diag_fail(d, SHEAF_EINVAL,
                           "none of the first %" PRIu64 " tasks is to run (where), so its scores cannot be found out",
                           index);
}

static int open_plugin(struct slot *s, struct tryhost *host, struct diag *d)
{
    const struct plan_plugin *p = &s->plan.plugin;
    const struct sheaf_host *h = tryhost_host(host);
    struct plan_plugin described;
    int rc = pluginhost_load(p->path, &s->plugin, d);
    rc = rc ? rc : pluginhost_describe(s->plugin, h, p->config, p->path, &s->arena, &described, d);
    if (rc)
        return rc;
    if (memcmp(described.digest.data, p->digest.data, HASH_BYTES) != 0)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: it has just been changed; run the sweep again",
                         plugin_label(p->path, p->script));
    struct sheaf_dataset *dataset = arena_alloc(&s->arena, sizeof *dataset);
    if (!dataset)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    *dataset = (struct sheaf_dataset){s->keyview.whole, p->n_arrays};
    if (s->plugin->open(h, p->config, dataset, &s->plugin_state) != SHEAF_OK_STATUS)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: open failed: %s", plugin_label(p->path, p->script),
                         tryhost_reason(host));
    return 0;
}

int slotprobe_scores(struct plan *plan, struct arena *arena, struct diag *d)
{
    static struct slot s; /* of this process's one probe */
    arena_init(&s.arena, 0);
    s.plan = *plan;
    struct tryhost *host = tryhost_create(NULL);
    struct sheaf_script script;
    if (!host)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    int rc = slot_open_axes(&s, d);
    rc = rc ? rc : find_task(&s, d);
    if (!rc)
        (void)slot_move_along(&s);
    rc = rc ? rc : pluginhost_script(&plan->plugin, &s.arena, &script, d);
    if (rc)
        return rc;
    script.n_scores = 0; /* the goal's word for them is not theirs */
    tryhost_set_script(host, &script);
    rc = open_plugin(&s, host, d);
    const struct probe_question q = {s.plugin, host, s.plugin_state, &s.task,
                                     plan->n_goals ? plan->plugin.scores[plan->goals[0].score].name : ""};
    rc = rc ? rc : probe_ask(&q, arena, &plan->plugin, d);
    tryhost_destroy(host);
    return rc;
}
