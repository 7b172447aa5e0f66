/* SPDX-License-Identifier: MIT
 *
 * address: where a broker is. libzmq takes port 99999 for 34463 and connects to nowhere without a word, so addresses are
 * checked before it sees them.
 */
#ifndef SHEAF_CLI_ADDRESS_H
#define SHEAF_CLI_ADDRESS_H

#include "common/err.h"

#include <stdbool.h>

/* Is it ipc://PATH or tcp://HOST:PORT? listen: port 0 (or *) takes a free one, and the host is an address of this machine. 0, or
 * SHEAF_EINVAL with a line in d. */
int address_check(const char *url, bool listen, struct diag *d);

#endif
