/* SPDX-License-Identifier: MIT
 *
 * sweepfiles: what a sweep wants done to its output file and folder, and when: begun before anything of it is stored, found again before
 * it goes on, completed and tidied when nobody writes to them any more; the file is given its name when its digest is durable. Who does it
 * is in outputs.c.
 */
#include "broker/broker_impl.h"

#include <stdio.h>
#include <string.h>

/* Does it make anything but scores? */
static bool makes_output(const struct plan *p)
{
    return plan_has_output(p) || plan_has_files(p);
}

void sweep_write_output(struct broker *b, struct bsweep *s)
{
    const struct output_ends ends = {s->whole, s->done, s->empty};
    if (!b->env.outputs)
        return; /* who only reads the journal leaves it as it is */
    struct output_job *job = b->stopping ? NULL : output_job_new(s->id, &s->bytes, &ends);
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
            s->has_output = plan_has_output(&s->plan) && s->whole;
            s->files = job->files;
            s->has_files = plan_has_files(&s->plan);
        } else {
            s->state = SWEEP_FAILED;
            snprintf(s->reason, sizeof(s->reason), "%s", job->diag.text);
        }
        sweep_event(b, s, EV_WRITTEN);
    }
    output_job_free(job);
}

struct output_job *broker_leftover(struct broker *b, uint64_t sweep)
{
    const struct bsweep *s = b->failed ? NULL : sweep_find(b, sweep);
    if (!s || !makes_output(&s->plan))
        return NULL;
    struct output_job *job = output_job_new(s->id, &s->bytes, &(struct output_ends){s->whole, s->done, s->empty});
    if (job) {
        job->run = s->wall_ms;
        job->tidy = s->has_files;
    }
    return job;
}

/* With a file nothing is tried again; without one what has failed may be. */
static bool cannot_go_on(const struct bsweep *s)
{
    return s->has_files && s->done.count == s->total && (s->has_output || tally_counts(s->tally).failed == 0);
}

void sweep_publish_output(struct broker *b, struct bsweep *s, bool before)
{
    struct diag d = {""};
    if (!b->env.outputs || !(s->has_output || s->has_files))
        return;
    int err = b->env.outputs->publish(b->env.outputs->ctx, &s->plan, s->has_output, cannot_go_on(s), &d);
    if (err == 0 && (s->groups_are == GROUPS_LEFT_OUT || !s->has_output))
        return; /* how it ended stays */
    if (err == SHEAF_ENOENT && before && s->state == SWEEP_DONE)
        return; /* it had its name: who asks for the sweep again is told that it is gone */
    s->state = err == 0 ? SWEEP_DONE : SWEEP_FAILED;
    snprintf(s->reason, sizeof(s->reason), "%s", err == 0 ? "" : d.text);
}

int sweep_check_output(struct broker *b, const struct bsweep *s, struct diag *d)
{
    const struct output_ops *ops = b->env.outputs;
    if (!ops || !(s->has_output || s->has_files))
        return 0;
    return ops->present(ops->ctx, &s->plan, s->has_output ? s->output : NULL, s->has_files ? &s->files : NULL, d);
}

int sweep_begin_output(struct broker *b, const struct plan *p, int64_t wall_ms, bool resume, struct diag *d)
{
    if (!makes_output(p))
        return 0;
    if (!b->env.outputs)
        return diag_fail(d, SHEAF_EINVAL, "no output can be made here");
    return b->env.outputs->begin(b->env.outputs->ctx, p, wall_ms, resume, d);
}

void sweep_resume_output(struct broker *b, struct bsweep *s)
{
    struct diag d = {""};
    s->holds_output = false;
    if (!b->env.outputs)
        return;
    if (sweep_begin_output(b, &s->plan, s->wall_ms, true, &d) != 0)
        sweep_abort(b, s, SWEEP_FAILED, d.text);
    else
        s->holds_output = makes_output(&s->plan);
}

bool sweep_is_untidy(struct broker *b, struct bsweep *s)
{
    struct diag d = {""};
    if (!plan_has_files(&s->plan) || s->has_files || !b->env.outputs)
        return false;
    s->holds_output = sweep_begin_output(b, &s->plan, s->wall_ms, true, &d) == 0;
    return s->holds_output;
}

void sweep_discard_output(struct broker *b, struct bsweep *s)
{
    if (makes_output(&s->plan) && b->env.outputs)
        b->env.outputs->discard(b->env.outputs->ctx, &s->plan, s->wall_ms);
}
