/* SPDX-License-Identifier: MIT
 *
 * sheaf describe-plugin PATH: the child of worker/describe.h. Not for people.
 */
#include "cli/commands.h"
#include "cli/exit.h"
#include "worker/describe.h"

#include <unistd.h>

int cmd_describe_plugin(int argc, char **argv)
{
    if (argc != 2)
        return exit_usage("describe-plugin is for sheaf's own use; try `sheaf plugin inspect`");
    _exit(describe_serve(argv[1]));
}
