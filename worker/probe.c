/* SPDX-License-Identifier: MIT
 *
 * probe: see probe.h.
 */
#include "worker/probe.h"

#include "worker/descriptor.h"
#include "worker/pluginfind.h"

#include <inttypes.h>

int probe_ask(const struct probe_question *q, struct arena *arena, struct plan_plugin *p, struct diag *d)
{
    const struct sheaf_probe *probe = q->plugin->table ? q->plugin->table(SHEAF_PROBE_TABLE) : NULL;
    const char *label = plugin_label(p->path, p->script), *const * names;
    uint32_t n = 0;
    if (!probe)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: it returns no score; a plugin needs at least one", label);
    tryhost_begin_task(q->host, p->n_group_values);
    if (probe->scores(tryhost_host(q->host), q->state, q->task, q->goal, &names, &n) != SHEAF_OK_STATUS)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: task %" PRIu64 ", run to find out its scores, failed: %s", label,
                         q->task->index, tryhost_reason(q->host));
    if (n == 0)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: it returns no score; a plugin needs at least one", label);
    if (n > PLAN_MAX_SCORES)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: %u scores are more than %u", label, n, PLAN_MAX_SCORES);
    struct sheaf_score *scores = arena_alloc(arena, n * sizeof *scores);
    if (!scores)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++)
        scores[i] = (struct sheaf_score){.name = names[i], .unit = "", .help = ""};
    struct diag inner = {{0}};
    int rc = descriptor_copy_scores(scores, n, arena, p, &inner);
    return rc ? diag_fail(d, rc, "plugin %s: %s", label, inner.text) : 0;
}
