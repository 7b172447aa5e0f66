/* SPDX-License-Identifier: MIT
 *
 * runtime: the private directory where the sockets of local brokers lie: $XDG_RUNTIME_DIR/sheaf, else /tmp/sheaf-UID. Paths there
 * are short, because the system allows a socket about 100 bytes.
 */
#ifndef SHEAF_CLI_RUNTIME_H
#define SHEAF_CLI_RUNTIME_H

#include "common/err.h"

#include <stddef.h>

#define RUNTIME_PATH 100 /* a path in it, with its NUL */

/* Makes the directory if need be and checks that it is ours alone; writes the path of a new name in it (nothing is created
 * there). 0, SHEAF_EIO, or SHEAF_EINVAL when somebody else's directory is in the way. */
int runtime_path(char out[RUNTIME_PATH], struct diag *d);

/* The name under which the socket of such a path is to be made; it is renamed once it listens. So whoever finds a socket under its
 * final name where nobody listens knows that nobody will, and removes it: runtime_path does. */
void runtime_draft(const char *path, char out[RUNTIME_PATH]);

#endif
