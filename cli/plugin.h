/* SPDX-License-Identifier: MIT
 *
 * plugin: the parts of `sheaf plugin`. argv[0] is the part's own name; what they return is the exit code.
 */
#ifndef SHEAF_CLI_PLUGIN_H
#define SHEAF_CLI_PLUGIN_H

#include "common/err.h"

int plugin_inspect(int argc, char **argv);
int plugin_try(int argc, char **argv);
int plugin_new(int argc, char **argv);

/* Is it what a sweep file's config becomes: one JSON object? 0, or SHEAF_EINVAL with a line that says where it is not. */
int plugin_check_config(const char *json, struct diag *d);

#endif
