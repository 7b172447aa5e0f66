/* SPDX-License-Identifier: MIT
 *
 * sheaf describe-plugin PATH|--probe SCRIPT: the child of worker/describe.h. Not for people.
 */
#include "cli/commands.h"
#include "cli/exit.h"
#include "worker/describe.h"
#include "worker/slotprobe.h"

#include <string.h>
#include <unistd.h>

int cmd_describe_plugin(int argc, char **argv)
{
    if (argc != 3)
        return exit_usage("describe-plugin is for sheaf's own use; try `sheaf plugin inspect`");
    if (strcmp(argv[1], "--probe") == 0)
        _exit(describe_serve_probe(slotprobe_scores));
    _exit(describe_serve(&(struct plugin_place){argv[1], argv[2]}));
}
