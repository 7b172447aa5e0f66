/* SPDX-License-Identifier: MIT
 *
 * selfexe: where this executable lies: to start further processes of it, and to find plugins beside it.
 */
#ifndef SHEAF_WORKER_SELFEXE_H
#define SHEAF_WORKER_SELFEXE_H

/* Call first in main, with argv[0]; not needed where the system itself knows. */
void selfexe_init(const char *argv0);

/* The absolute path of the executable, "" when it cannot be told. Static storage. */
const char *selfexe_path(void);

#endif
