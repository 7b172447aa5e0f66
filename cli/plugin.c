/* SPDX-License-Identifier: MIT
 *
 * sheaf plugin: what third parties need to write one: new makes a folder to start from, inspect shows what sheaf
 * sees, try runs one task where a debugger can follow.
 */
#include "cli/plugin.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "sweep/suggest.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} parts[] = {
    {"inspect", plugin_inspect, "its parameters, arrays and scores"},
    {"try", plugin_try, "one task in this process, for a debugger"},
    {"new", plugin_new, "a folder with a plugin that builds and runs"},
};
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

static void print_help(FILE *out)
{
    (void)fputs("usage: sheaf plugin PART [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < N_PARTS; i++)
        (void)fprintf(out, "  %-8s  %s\n", parts[i].name, parts[i].help);
    (void)fputs("\n`sheaf plugin PART --help` says more.\n", out);
}

int plugin_check_config(const char *json, struct diag *d)
{
    json_error_t error;
    json_t *value = json_loads(json, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    int rc =
        value ? 0
              : diag_fail(d, SHEAF_EINVAL, "--config: not JSON (column %d: %s); write a JSON object: {\"name\": value}",
                          error.column, error.text);
    if (value && !json_is_object(value))
        rc = diag_fail(d, SHEAF_EINVAL, "--config: write a JSON object: {\"name\": value}");
    json_decref(value);
    return rc;
}

int cmd_plugin(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_WRONG;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return EXIT_ALL_DONE;
    }
    for (size_t i = 0; i < N_PARTS; i++)
        if (strcmp(parts[i].name, argv[1]) == 0)
            return parts[i].run(argc - 1, argv + 1);
    struct suggest s;
    suggest_begin(&s, argv[1]);
    for (size_t i = 0; i < N_PARTS; i++)
        suggest_offer(&s, parts[i].name);
    return exit_usage("plugin has no part '%s'; %s", argv[1], suggest_advice(&s));
}
