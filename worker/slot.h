/* SPDX-License-Identifier: MIT
 *
 * slot: the process that runs a plugin's tasks: one core, one thread, started by the crew as
 *
 *     sheaf slot ORDER_FD PAGE_FD PLAN_FD PARENT_PID
 *
 * with stdin, stdout and stderr in place. It loads the plugin, maps the dataset, says SLOT_READY and then runs chunks as
 * they are ordered until it is told to retire or its worker is gone.
 */
#ifndef SHEAF_WORKER_SLOT_H
#define SHEAF_WORKER_SLOT_H

/* argv[0] is "slot". Does not return but for wrong arguments (2). */
int slot_main(int argc, char **argv);

#endif
