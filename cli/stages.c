/* SPDX-License-Identifier: MIT */
#include "cli/stages.h"
#include "cli/dryrun.h"
#include "cli/json.h"
#include "cli/offline.h"
#include "cli/outcome.h"
#include "common/sigfd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct staged {
    const struct run_options *o;
    const struct sweep_stages *stages;
    struct prepare_made made;
    int sigfd;    /* of all of them: no Ctrl-C is lost between two */
    json_t *done; /* with --json: what the stages before were like, or would be */
};

static uint32_t count(const struct staged *s)
{
    return s->stages->n;
}

/* The options of one stage, from 1. */
static struct run_options options_of(const struct staged *s, uint32_t stage)
{
    struct run_options o = *s->o;
    o.overrides.stage = stage;
    o.sigfd = &s->sigfd;
    o.made = &s->made;
    if (stage < count(s) && o.top > OUTCOME_TOP)
        o.top = OUTCOME_TOP; /* of the last one only */
    return o;
}

/* Says everything that is wrong with a later stage before the first one takes its time. */
static int check_stage(const struct staged *s, uint32_t stage, const struct prepare_made *made, bool *waits)
{
    struct run_options o = options_of(s, stage);
    struct prepared p;
    struct diag d = {{0}};
    prepare_init(&p);
    p.made = made;
    int err = prepare_read(&p, o.path, o.text, &o.overrides, &d);
    if (err == SHEAF_OK)
        err = prepare_check(&p, waits, &d);
    prepare_finish(&p);
    return err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, &d);
}

static void note_made(struct staged *s, uint32_t stage, const struct msg_status *status)
{
    s->made.at[stage - 1].done = true;
    if (status->output.len != HASH_BYTES)
        return;
    memcpy(s->made.at[stage - 1].digest, status->output.data, HASH_BYTES);
    s->made.at[stage - 1].known = true;
}

/* Is what a stage has made there, for the next ones, and are they told? */
static int check_made(struct staged *s, uint32_t stage, const struct run *r)
{
    const struct plan *p = &r->prepared.plan;
    const struct msg_status *status = session_status(&r->session);
    struct dataset *ds = NULL;
    struct diag d = {{0}};
    if (!plan_has_output(p) || stage == count(s))
        return EXIT_ALL_DONE;
    int err = dataset_open(p->output_path, &ds, &d);
    note_made(s, stage, status);
    bool same = err == SHEAF_OK && s->made.at[stage - 1].known &&
                memcmp(dataset_digest(ds), s->made.at[stage - 1].digest, HASH_BYTES) == 0;
    dataset_close(ds);
    if (same)
        return EXIT_ALL_DONE;
    (void)diag_fail(
        &d, SHEAF_EINVAL,
        "stage %s is done, but what it has made, %s, is %s `sheaf rm %" PRIu64
        "` forgets that stage, and the same command makes it again",
        s->stages->names[stage - 1], p->output_path,
        err == SHEAF_ENOENT ? "gone;" : "another file now; put it back, or move this one away:", r->folder.number);
    return exit_report(SHEAF_EINVAL, &d);
}

/* What to do when a stage has not done all that the next one needs. */
static void advise(const struct staged *s, uint32_t stage, int code, const struct run *r)
{
    bool whole = plan_has_output(&r->prepared.plan);
    if (stage == count(s) || (code != EXIT_SOME_FAILED && code != EXIT_ALL_FAILED && code != EXIT_STOPPED))
        return;
    (void)fprintf(stderr, "sheaf: stage %s has tasks that failed, so that %s does not begin; ",
                  s->stages->names[stage - 1], s->stages->names[stage]);
    if (whole && code != EXIT_STOPPED)
        (void)fprintf(stderr,
                      "mend what they failed of, `sheaf rm %" PRIu64 "`, and run the same again with --overwrite\n",
                      r->folder.number);
    else
        (void)fprintf(stderr, "`sheaf retry %" PRIu64 " --failed` tries them again, then run the same again\n",
                      r->folder.number);
}

/* What is advised to who has one sweep would begin all of them anew. why: what was said. */
static void advise_one(const struct staged *s, uint32_t stage, const struct run *r, const char *why)
{
    if (r->folder.number > 0 && strstr(why, "--fresh") != NULL)
        (void)fprintf(stderr,
                      "sheaf: --fresh is for all stages; `sheaf rm %" PRIu64
                      "` forgets %s alone, and the same command (with "
                      "--overwrite where its file is there) makes it again\n",
                      r->folder.number, s->stages->names[stage - 1]);
}

/* It is done: the next one may begin. */
static int keep(struct staged *s, uint32_t stage, const struct run *r)
{
    struct outcome out = {.number = r->folder.number, .status = session_status(&r->session), .plan = &r->prepared.plan};
    struct diag d = {{0}};
    if (s->done != NULL && json_array_append_new(s->done, json_outcome(&out)) != 0)
        return exit_report(diag_fail(&d, SHEAF_ENOMEM, "out of memory"), &d);
    return check_made(s, stage, r);
}

/* The stage is done. After a Ctrl-C that came too late to stop it no other one begins. */
static int go_on(struct staged *s, uint32_t stage, const struct run_options *o, struct run *r)
{
    bool since = session_interrupted_between(s->sigfd);
    if (!since && !session_interrupted(&r->session))
        return keep(s, stage, r);
    int code = run_report(o, r, s->done);
    if (code != EXIT_ALL_DONE)
        return code;
    run_say_how_to_go_on(o);
    return EXIT_CANCELLED;
}

static int run_stage(struct staged *s, uint32_t stage)
{
    struct run_options o = options_of(s, stage);
    struct run r;
    struct diag d = {{0}};
    int code;
    run_init(&r);
    (void)fprintf(stderr, "sheaf: stage %" PRIu32 " of %" PRIu32 ": %s\n", stage, count(s),
                  s->stages->names[stage - 1]);
    int err = run_go(&o, &r, &d);
    const struct msg_status *status = session_status(&r.session);
    if (err != SHEAF_OK && !session_interrupted(&r.session)) {
        code = exit_report(err, &d);
        advise_one(s, stage, &r, d.text);
    } else if (stage < count(s) && status != NULL && status->final && outcome_exit(status) == EXIT_ALL_DONE) {
        code = go_on(s, stage, &o, &r);
    } else {
        code = run_report(&o, &r, s->done);
        advise(s, stage, code, &r);
        advise_one(s, stage, &r, code == EXIT_WRONG && status != NULL ? outcome_reason(status) : "");
    }
    run_finish(&r);
    return code;
}

/* A stage that was estimated may be done. */
static void look_for_made(struct staged *s, uint32_t stage, const uint8_t identity[HASH_BYTES])
{
    struct offline *stored = NULL;
    struct client_msg m;
    struct arena arena;
    arena_init(&arena, 0);
    client_msg_init(&m);
    const char *root = state_root(s->o->state, &arena, NULL);
    const char *dir = root != NULL ? state_folder(root, identity, &arena) : NULL;
    if (dir != NULL && offline_open(dir, &stored, NULL) == SHEAF_OK &&
        offline_call(stored, MSG_WATCH, &(struct msg_watch){.top = 1}, MSG_STATUS, &m, NULL) == SHEAF_OK &&
        outcome_exit(m.body) == EXIT_ALL_DONE)
        note_made(s, stage, m.body);
    offline_close(stored);
    client_msg_finish(&m);
    arena_finish(&arena);
}

static int dry_stage(struct staged *s, uint32_t stage)
{
    struct run_options o = options_of(s, stage);
    bool waits = false, remote = o.broker != NULL && o.broker[0] != '\0';
    uint8_t identity[HASH_BYTES];
    int code = check_stage(s, stage, &s->made, &waits);
    if (code == EXIT_ALL_DONE && session_interrupted_between(s->sigfd))
        code = EXIT_CANCELLED;
    if (code != EXIT_ALL_DONE)
        return code;
    if (waits && s->done != NULL)
        return json_array_append_new(s->done, json_null()) == 0 ? EXIT_ALL_DONE : EXIT_INTERNAL;
    if (s->done == NULL)
        printf("stage %" PRIu32 " of %" PRIu32 ": %s\n", stage, count(s), s->stages->names[stage - 1]);
    if (waits)
        printf("checked as far as that can be before an earlier stage has made its data\n");
    if (waits)
        return EXIT_ALL_DONE;
    code = dryrun(&o, s->done, identity);
    if (code == EXIT_ALL_DONE && !remote)
        look_for_made(s, stage, identity);
    return code;
}

/* With --json all stages' estimates are one object; null is one that cannot be made yet. */
static int print_estimates(const struct staged *s)
{
    struct diag d = {{0}};
    json_t *all = json_pack("{s:i, s:b, s:O}", "version", 1, "dry_run", 1, "stages", s->done);
    int err = json_print(all, stdout, &d);
    return err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, &d);
}

static int run_all(struct staged *s)
{
    int code = EXIT_ALL_DONE;
    bool waits;
    struct diag d = {{0}};
    for (uint32_t i = 2; code == EXIT_ALL_DONE && i <= count(s); i++)
        code = check_stage(s, i, NULL, &waits);
    if (code == EXIT_ALL_DONE && (s->sigfd = session_signals(&d)) < 0)
        code = exit_report(s->sigfd, &d);
    for (uint32_t i = 1; code == EXIT_ALL_DONE && i <= count(s); i++)
        code = s->o->dry_run ? dry_stage(s, i) : run_stage(s, i);
    return code == EXIT_ALL_DONE && s->o->dry_run && s->done != NULL ? print_estimates(s) : code;
}

int stages_run(const struct run_options *o, const struct sweep_stages *stages)
{
    struct staged s = {.o = o, .stages = stages, .made = {.stages = stages}, .sigfd = -1};
    struct diag d = {{0}};
    if (o->overrides.limit != NULL)
        return exit_usage("--limit is for one sweep, and %s has %" PRIu32 " stages; give it fewer values with --set",
                          o->path, stages->n);
    if (o->json && (s.done = json_array()) == NULL)
        return exit_report(diag_fail(&d, SHEAF_ENOMEM, "out of memory"), &d);
    int code = run_all(&s);
    sigfd_close(s.sigfd);
    json_decref(s.done);
    return code;
}
