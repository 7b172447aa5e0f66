/* SPDX-License-Identifier: MIT
 *
 * loop: the worker as a program: its socket, signals, the clock and real slots around the logic of worker/worker.h.
 */
#ifndef SHEAF_WORKER_LOOP_H
#define SHEAF_WORKER_LOOP_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct worker_options {
    const char *broker; /* "ipc://..." or "tcp://..." */
    uint32_t slots;     /* 0 = one a core */
    bool local;         /* started by `sheaf run`: reconnects at once */
    int lifeline;       /* ends when this descriptor reads end of file; -1 = none */
};

/* Runs until told to stop by the broker, a signal or the lifeline. 0, or an error with a line in d. */
int worker_run(const struct worker_options *o, struct diag *d);

#endif
