/* SPDX-License-Identifier: MIT
 *
 * slotalong: datasets along the trials of an earlier sweep. To the plugin each of those trials is a dataset of its own: it is
 * opened for the first task that is about one, closed when a task is about another, and what it had in caches goes. Trials are the slowest
 * axis, so that consecutive tasks are about the same one.
 */
#include "worker/slot_impl.h"

#include <stdio.h>

bool slot_move_along(struct slot *s)
{
    bool moved = false;
    for (uint32_t i = 0; i < s->plan.n_data; i++) {
        const struct plan_data *from = &s->plan.data[i];
        uint64_t trial = from->along[0] ? (uint64_t)s->task.params[from->param].i : 0;
        if (trial == s->along[i])
            continue;
        SHEAF_ASSERT(trial < from->trials); /* plan_decode has seen to it */
        keyview_go_along(&s->keyview, i, trial);
        s->along[i] = trial;
        moved = true;
    }
    return moved;
}

/* Caches are of one dataset: which one it is now, the trials of all sources as one number. What a script has made of its own is still
 * there, and may use them: it releases them. */
static void enter_scope(struct slot *s)
{
    uint64_t number = 0;
    for (uint32_t i = 0; i < s->plan.n_data; i++)
        if (s->plan.data[i].along[0])
            number = number * s->plan.data[i].trials + s->along[i];
    slotcache_enter(&s->host, number, s->plan.plugin.script[0] != '\0');
}

int slot_go_along(struct slot *s, struct diag *d)
{
    bool moved = slot_move_along(s);
    if (moved && s->opened)
        s->plugin->close(&s->host.host, s->plugin_state);
    if (moved || !s->opened) {
        s->opened = false;
        s->plugin_state = NULL;
        enter_scope(s);
        return slot_open_plugin(s, d);
    }
    return 0;
}
