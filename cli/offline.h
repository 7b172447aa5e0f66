/* SPDX-License-Identifier: MIT
 *
 * offline: asking about a sweep that no broker runs. The logic of the broker (broker/broker.h) is a library without I/O, so the
 * very code that answers elsewhere answers here, from the journal, in this process. Nothing is written: what the logic would
 * journal is dropped. The journal stays locked as long as this is open.
 */
#ifndef SHEAF_CLI_OFFLINE_H
#define SHEAF_CLI_OFFLINE_H

#include "cli/client.h"

struct offline;

/* Opens the journal in a sweep's folder. 0; SHEAF_EBUSY when a process has it, SHEAF_ENOENT when there is none, ... */
int offline_open(const char *dir, struct offline **out, struct diag *d);
void offline_close(struct offline *o); /* NULL is fine */

/* As client_call. Only for what asks: MSG_WATCH (once), MSG_LIST, MSG_READ. */
int offline_call(struct offline *o, uint32_t type, const void *body, uint32_t want, struct client_msg *m,
                 struct diag *d);

/* What the only sweep has made beside scores and not completed; see broker_leftover. */
struct output_job *offline_leftover(struct offline *o);

#endif
