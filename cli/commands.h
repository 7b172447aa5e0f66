/* SPDX-License-Identifier: MIT
 *
 * commands: one function a subcommand. argv[0] is the command's own name. What they return is the exit code of the process
 * (cli/exit.h).
 */
#ifndef SHEAF_CLI_COMMANDS_H
#define SHEAF_CLI_COMMANDS_H

/* What a user calls. */
int cmd_pack(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_results(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_retry(int argc, char **argv);
int cmd_cancel(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_plugin(int argc, char **argv);

/* The roles, which `run` starts by itself. */
int cmd_broker(int argc, char **argv);
int cmd_worker(int argc, char **argv);

/* For our own child processes only. */
int cmd_slot(int argc, char **argv);
int cmd_describe_plugin(int argc, char **argv);

#endif
