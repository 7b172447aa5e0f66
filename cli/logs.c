/* SPDX-License-Identifier: MIT
 *
 * sheaf logs: what the plugin logged, and what it printed where nobody else would see it.
 */
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/target.h"
#include "common/text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char *level_name(uint32_t level)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    return level < sizeof names / sizeof names[0] ? names[level] : "?";
}

static int print_text(const struct msg_log *l, const struct keynames *keys)
{
    char *clean = strdup(l->text), key[OUTCOME_KEY];
    if (clean == NULL)
        return SHEAF_ENOMEM;
    text_one_line(clean);
    if (l->has_position)
        printf("task %" PRIu64 "%s %s: %s\n", l->position, outcome_key(keys, l->position, key), level_name(l->level),
               clean);
    else
        printf("- %s: %s\n", level_name(l->level), clean);
    free(clean);
    return SHEAF_OK;
}

static int print_json(const struct msg_log *l, const struct keynames *keys, struct diag *d)
{
    json_t *task = l->has_position ? json_integer((json_int_t)l->position) : json_null(), *text = json_text(l->text);
    json_t *line = json_pack("{s:o, s:s, s:o}", "task", task, "level", level_name(l->level), "text", text);
    if (line != NULL && l->has_position && keys->plan->key_axis.kind != KEYS_NONE)
        (void)json_object_set_new(line, "key", json_key(keys, l->position));
    return json_print(line, stdout, d);
}

static int print_page(const struct msg_page *p, const struct keynames *keys, bool json, struct diag *d)
{
    int err = SHEAF_OK;
    for (uint32_t i = 0; err == SHEAF_OK && i < p->n_logs; i++)
        err = json ? print_json(&p->logs[i], keys, d) : print_text(&p->logs[i], keys);
    return err;
}

static int print_logs(struct target *t, const struct target_options *o, struct msg_read *read, bool json,
                      struct diag *d)
{
    int err = target_open(t, o, d);
    if (err == SHEAF_OK)
        err = target_status(t, 1, d);
    read->sweep = t->sweep;
    read->kind = READ_LOGS;
    bool end = false;
    struct keynames keys = {0};
    if (err == SHEAF_OK && keynames_init(&keys, &t->plan) != 0)
        err = diag_fail(d, SHEAF_ENOMEM, "out of memory");
    while (err == SHEAF_OK && !end) {
        err = target_ask(t, MSG_READ, read, MSG_PAGE, d);
        if (err != SHEAF_OK)
            break;
        const struct msg_page *p = t->msg.body;
        err = print_page(p, &keys, json, d);
        end = p->end || p->next <= read->from;
        read->from = p->next;
    }
    keynames_finish(&keys);
    return err;
}

int cmd_logs(int argc, char **argv)
{
    struct target_options o = {.broker = getenv("SHEAF_BROKER")};
    struct msg_read read = {.from = 0};
    bool json = false;
    const struct arg table[] = {
        TARGET_ARGS(&o),
        {"--task", ARG_INDEX, &read.task, &read.only_task, "I", "lines of this task only", false},
        {"--json", ARG_FLAG, &json, NULL, NULL, "one JSON object a line", false},
    };
    const struct args args = {"logs", "Prints what the plugin logged or printed.", table,
                              sizeof table / sizeof table[0]};
    enum args_result r = args_parse(&args, argc, argv);
    if (r != ARGS_GO)
        return r == ARGS_WRONG ? EXIT_WRONG : EXIT_ALL_DONE;
    (void)signal(SIGPIPE, SIG_DFL); /* `| head` is no error */
    struct target t;
    struct diag d = {{0}};
    target_init(&t);
    int err = print_logs(&t, &o, &read, json, &d);
    target_close(&t);
    return err == SHEAF_OK ? EXIT_ALL_DONE : exit_report(err, &d);
}
