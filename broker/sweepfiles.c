/* SPDX-License-Identifier: MIT
 *
 * sweepfiles: what a sweep wants done to its output file, and when: begun before anything of it is stored, found again before
 * it goes on, completed when nobody writes to it any more, and given its name when its digest is durable. Who does it is in
 * outputs.c.
 */
#include "broker/broker_impl.h"

#include <stdio.h>
#include <string.h>

void sweep_write_output(struct broker *b, struct bsweep *s)
{
    if (!b->env.outputs)
        return; /* who only reads the journal leaves it as it is */
    struct output_job *job = b->stopping ? NULL : output_job_new(s->id, &s->bytes, &s->empty);
    if (!b->stopping)
        broker_check(b, job ? 0 : SHEAF_ENOMEM);
    if (!job)
        return;
    s->writing = true;
    b->env.outputs->finish(b->env.outputs->ctx, job);
}

void broker_written(struct broker *b, struct output_job *job)
{
    struct bsweep *s = b->failed ? NULL : sweep_find(b, job->sweep);
    if (s && s->phase == PHASE_WRITING && s->writing) {
        s->writing = false;
        if (job->err == 0) {
            memcpy(s->output, job->digest, HASH_BYTES);
            s->has_output = true;
        } else {
            s->state = SWEEP_FAILED;
            snprintf(s->reason, sizeof(s->reason), "%s", job->diag.text);
        }
        sweep_event(b, s, EV_WRITTEN);
    }
    output_job_free(job);
}

void sweep_publish_output(struct broker *b, struct bsweep *s)
{
    struct diag d = {""};
    if (!s->has_output || !b->env.outputs)
        return;
    int err = b->env.outputs->publish(b->env.outputs->ctx, &s->plan, &d);
    if (err == 0 && s->groups_are == GROUPS_LEFT_OUT)
        return; /* how it ended stays */
    s->state = err == 0 ? SWEEP_DONE : SWEEP_FAILED;
    snprintf(s->reason, sizeof(s->reason), "%s", err == 0 ? "" : d.text);
}

int sweep_begin_output(struct broker *b, const struct plan *p, bool resume, struct diag *d)
{
    if (!plan_has_output(p))
        return 0;
    if (!b->env.outputs)
        return diag_fail(d, SHEAF_EINVAL, "no output file can be made here");
    return b->env.outputs->begin(b->env.outputs->ctx, p, resume, d);
}

void sweep_resume_output(struct broker *b, struct bsweep *s)
{
    struct diag d = {""};
    if (b->env.outputs && sweep_begin_output(b, &s->plan, true, &d) != 0)
        sweep_abort(b, s, SWEEP_FAILED, d.text);
}
