/* SPDX-License-Identifier: MIT
 *
 * sheaf run: one sweep, here, with a broker and a worker of its own (or at a broker elsewhere), from its file to the table of the
 * best trials.
 */
#include "cli/again.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/dryrun.h"
#include "cli/offline.h"
#include "cli/outcome.h"
#include "cli/prepare.h"
#include "cli/run.h"
#include "cli/session.h"
#include "cli/stages.h"
#include "cli/state.h"
#include "common/fsutil.h"
#include "worker/crew.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS 40 /* that client, broker and a worker with a few slots need at least */

#define IDLE_WAIT_MS 10000

static const char summary[] =
    "Runs a sweep file (docs/sweep-file.md) and prints the best trials. What is done is kept: the same command\n"
    "goes on where it was stopped, and a finished random or list sweep with more `trials` is continued.";

int run_check_counts(const char *command, uint64_t slots, uint64_t top)
{
    if (slots > CREW_MAX_SLOTS)
        (void)exit_usage("%s --slots %" PRIu64 ": at most %u", command, slots, CREW_MAX_SLOTS);
    else if (top > RUN_MAX_TOP)
        (void)exit_usage("%s --top %" PRIu64 ": at most %u; `sheaf results` has all trials", command, top, RUN_MAX_TOP);
    else
        return SHEAF_OK;
    return SHEAF_EINVAL;
}

static bool is_remote(const struct run_options *o)
{
    return o->broker != NULL && o->broker[0] != '\0';
}

/* What a broker elsewhere has stored may be somebody else's, too. */
static int check_fresh(const struct run_options *o)
{
    if (!o->fresh || !is_remote(o))
        return SHEAF_OK;
    (void)exit_usage("run --fresh: what is stored at the broker %s stays there; remove it first: sheaf rm N",
                     o->broker);
    return SHEAF_EINVAL;
}

static int parse(int argc, char **argv, struct run_options *o, int *code)
{
    struct arg_list set = {.n = 0};
    const struct arg table[] = {
        {"SWEEP.yaml", ARG_WORD, &o->path, NULL, NULL, "the sweep file", true},
        {"--slots", ARG_COUNT, &o->slots, NULL, "N", "tasks at a time (default: all cores)", false},
        {"--set", ARG_LIST, &set, NULL, "FIELD=VALUE", "override a field: --set params.top_n=3", false},
        {"--seed", ARG_TEXT, &o->overrides.seed, NULL, "N", "override the seed", false},
        {"--limit", ARG_TEXT, &o->overrides.limit, NULL, "N", "the first N trials only", false},
        {"--verify", ARG_TEXT, &o->overrides.verify, NULL, "SHARE", "run a sample (1%) again elsewhere, compare",
         false},
        {"--top", ARG_COUNT, &o->top, NULL, "K",
         "how many trials to print (default 10; at most 1,000 unless keep: best keeps more)", false},
        {"--json", ARG_FLAG, &o->json, NULL, NULL, "print one JSON object instead of tables", false},
        {"--overwrite", ARG_FLAG, &o->overrides.overwrite, NULL, NULL, "replace an output file that is there", false},
        {"--fresh", ARG_FLAG, &o->fresh, NULL, NULL, "forget what was done, start over", false},
        {"--dry-run", ARG_FLAG, &o->dry_run, NULL, NULL, "check everything, estimate memory and time", false},
        {"--state", ARG_TEXT, &o->state, NULL, "DIR", "the state directory (default $SHEAF_STATE)", false},
        {"--broker", ARG_TEXT, &o->broker, NULL, "URL", "run it at a broker elsewhere ($SHEAF_BROKER)", false},
    };
    const struct args args = {"run", summary, table, sizeof table / sizeof table[0]};
    o->top = OUTCOME_TOP;
    o->broker = getenv("SHEAF_BROKER");
    enum args_result r = args_parse(&args, argc, argv);
    *code = r == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    memcpy(o->set, set.values, sizeof o->set);
    o->overrides.set = o->set;
    o->overrides.n_set = set.n;
    if (r == ARGS_GO && (run_check_counts("run", o->slots, o->top) != SHEAF_OK || check_fresh(o) != SHEAF_OK)) {
        *code = EXIT_WRONG;
        return -1;
    }
    return r == ARGS_GO ? 0 : -1;
}

struct starting {
    const struct run_options *options;
    struct run *run;
};

/* While a child describes the plugin, broker and worker load, and the connection is made. */
static int start_children(void *ctx, struct diag *d)
{
    const struct starting *s = ctx;
    return session_start_local(&s->run->session, s->options->slots, d);
}

/* Enters the sweep's folder and lets the broker have it. */
static int start_local(const struct run_options *o, struct run *r, struct diag *d)
{
    const char *root = state_root(o->state, &r->arena, d);
    if (root == NULL)
        return SHEAF_EINVAL;
    const struct plan *p = &r->prepared.plan;
    int err = state_enter(root, r->prepared.identity, p->name, p->source, &r->arena, &r->folder, &r->lock_fd, d);
    if (err == SHEAF_OK)
        err = state_wait_idle(&r->folder, IDLE_WAIT_MS, d);
    if (err == SHEAF_OK && o->fresh) /* what the broker would refuse must not cost what is stored */
        err = prepare_check_places(p, d);
    if (err == SHEAF_OK && o->fresh)
        err = state_clear(&r->folder, d);
    return err == SHEAF_OK ? session_enter_state(&r->session, r->folder.dir, d) : err;
}

static int submit(struct run *r, uint32_t top, struct diag *d)
{
    struct msg_submit m = {
        .plan = {r->prepared.bytes.data, r->prepared.bytes.len},
        .identity = {r->prepared.identity, HASH_BYTES},
        .watch = true,
        .every_ms = progress_every_ms(),
        .top = top,
    };
    r->session.plan = &r->prepared.plan;
    r->session.may_cancel = true;
    return session_follow(&r->session, MSG_SUBMIT, &m, d);
}

void run_init(struct run *r)
{
    memset(r, 0, sizeof *r);
    arena_init(&r->arena, 0);
    prepare_init(&r->prepared);
    r->lock_fd = -1;
    session_init(&r->session);
}

void run_finish(struct run *r)
{
    session_finish(&r->session);
    if (r->lock_fd >= 0)
        (void)close(r->lock_fd);
    prepare_finish(&r->prepared);
    arena_finish(&r->arena);
    run_init(r);
}

/* What would be missed at the end is said before work starts. */
static void say_what_is_not_kept(const struct plan *p)
{
    if (p->keep_best > 0 && p->plugin.n_group_values > 0)
        (void)fprintf(stderr,
                      "sheaf: keep: best stores no groups: what the plugin %s emits is left out (keep: all has it)\n",
                      p->plugin.name);
}

/* The state directory is ours alone, and comes and goes with its sweeps. */
static int check_folder(const struct plan *p, const char *root, struct diag *d)
{
    size_t n = root != NULL ? strlen(root) : 0;
    if (n == 0 || !plan_has_files(p) || strncmp(p->output_dir, root, n) != 0 ||
        (p->output_dir[n] != '/' && p->output_dir[n] != '\0'))
        return SHEAF_OK;
    return diag_fail(d, SHEAF_EINVAL, "output %s: it lies in the state directory of sheaf itself; choose another one",
                     p->output_dir);
}

int run_carry_out(const struct run_options *o, struct run *r, struct diag *d)
{
    bool remote = is_remote(o);
    struct starting starting = {o, r};
    const char *root = state_root(o->state, &r->arena, remote ? NULL : d);
    if (root == NULL && !remote) /* before anything is begun */
        return SHEAF_EINVAL;
    int err = SHEAF_OK;
    if (o->sigfd != NULL)
        session_lend(&r->session, *o->sigfd);
    else
        err = session_begin(&r->session, d);
    r->session.quiet = o->quiet;
    r->prepared.drop_in = o->quiet ? o->state : NULL;
    r->prepared.made = o->made;
    if (err == SHEAF_OK)
        err = prepare_read(&r->prepared, o->path, o->text, &o->overrides, d);
    if (err == SHEAF_OK && remote)
        err = session_connect(&r->session, o->broker, d);
    if (!remote)
        r->prepared.meanwhile = (struct describe_meanwhile){start_children, &starting};
    if (err == SHEAF_OK)
        err = prepare_plan(&r->prepared, d);
    if (err == SHEAF_OK)
        err = outcome_check_top(&r->prepared.plan, o->top, d);
    if (err == SHEAF_OK && !o->quiet)
        err = check_folder(&r->prepared.plan, root, d);
    if (err == SHEAF_OK && !o->quiet)
        say_what_is_not_kept(&r->prepared.plan);
    if (err == SHEAF_OK && !o->quiet)
        err = prepare_verify(&r->prepared, root, d);
    if (err == SHEAF_OK && !remote)
        err = start_local(o, r, d);
    if (err == SHEAF_OK)
        err = submit(r, (uint32_t)o->top, d);
    uint64_t number = r->folder.number > 0 ? r->folder.number : r->session.sweep;
    session_end(&r->session);
    r->folder.number = number;
    return err;
}

void run_say_how_to_go_on(const struct run_options *o)
{
    struct buf command = {0};
    if (again_command(o, &command) == SHEAF_OK)
        (void)fprintf(stderr, "sheaf: stopped; what is done is kept, `%s` goes on from there\n",
                      (const char *)command.data);
    buf_finish(&command);
}

int run_report(const struct run_options *o, struct run *r, struct json_t *stages)
{
    const struct msg_status *s = session_status(&r->session);
    struct outcome out = {.number = r->folder.number, .status = s, .plan = &r->prepared.plan, .stages = stages};
    struct diag d = {{0}};
    if (s != NULL) {
        int err = o->json ? outcome_print_json(&out, stdout, &d) : outcome_print(&out, stdout, &d);
        if (err != SHEAF_OK)
            return exit_report(err, &d);
    }
    int code = s != NULL && s->final ? outcome_exit(s) : EXIT_CANCELLED;
    if (code == EXIT_CANCELLED)
        run_say_how_to_go_on(o);
    else if (code == EXIT_WRONG)
        (void)fprintf(stderr, "sheaf: %s\n", outcome_reason(s));
    return code;
}

/* A stored sweep is in nobody's way when none of its tasks is done: then there is nothing that a changed plugin, dataset or list of
 * trials could be mixed with. d: why the broker would not go on with it. */
static bool may_begin_anew(const struct run_options *o, const struct run *r, const struct diag *d)
{
    struct offline *stored = NULL;
    struct client_msg m;
    client_msg_init(&m);
    bool asked = !o->fresh && r->folder.dir != NULL && offline_open(r->folder.dir, &stored, NULL) == SHEAF_OK &&
                 offline_call(stored, MSG_WATCH, &(struct msg_watch){.top = 1}, MSG_STATUS, &m, NULL) == SHEAF_OK;
    const struct msg_status *s = m.body;
    bool empty = asked && s->done == 0 && s->failed == 0;
    if (empty)
        (void)fprintf(stderr, "sheaf: %.*s; none of its tasks is done, so it begins anew\n", (int)strcspn(d->text, ":"),
                      d->text);
    offline_close(stored);
    client_msg_finish(&m);
    return empty;
}

int run_go(struct run_options *o, struct run *r, struct diag *d)
{
    int err = run_carry_out(o, r, d);
    if (err != SHEAF_EINVAL || !may_begin_anew(o, r, d))
        return err;
    run_finish(r);
    o->fresh = true;
    d->text[0] = '\0';
    return run_carry_out(o, r, d);
}

static int run_one(struct run_options *o)
{
    struct run r;
    struct diag d = {{0}};
    run_init(&r);
    int err = run_go(o, &r, &d), code;
    if (err != SHEAF_OK && !session_interrupted(&r.session))
        code = exit_report(err, &d);
    else
        code = run_report(o, &r, NULL);
    run_finish(&r);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct run_options o = {.slots = 0};
    int code;
    if (parse(argc, argv, &o, &code) != 0)
        return code;
    struct arena arena;
    struct buf text = {0};
    struct sweep_stages stages;
    struct diag d = {{0}};
    arena_init(&arena, 0);
    o.text = &text;
    int err = descriptors_check(DESCRIPTORS, &d);
    if (err == SHEAF_OK && (sweepfile_load(o.path, &text, &d) != SHEAF_OK ||
                            sweepfile_stages(o.path, &text, &o.overrides, &arena, &stages, &d) != SHEAF_OK))
        err = SHEAF_EINVAL; /* the request was wrong, whatever the system says of the file */
    if (err != SHEAF_OK)
        code = exit_report(err, &d);
    else if (stages.n > 0)
        code = stages_run(&o, &stages);
    else
        code = o.dry_run ? dryrun(&o, NULL, NULL) : run_one(&o);
    buf_finish(&text);
    arena_finish(&arena);
    return code;
}
