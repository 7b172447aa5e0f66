/* SPDX-License-Identifier: MIT
 *
 * slotio: stdout and stderr of a slot. Descriptors 1 and 2 are pipes to the crew; where the C library allows it (glibc) the
 * streams are replaced, so that what a plugin prints arrives as log lines of the task that printed it.
 */
#ifndef SHEAF_WORKER_SLOTIO_H
#define SHEAF_WORKER_SLOTIO_H

#include "worker/slothost.h"

void slotio_init(struct slothost *h);

/* Has the task in work printed something that has not been handed over? Cheap. */
bool slotio_pending(void);

/* Hands it over, unfinished lines included. */
void slotio_flush(void);

#endif
