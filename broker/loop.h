/* SPDX-License-Identifier: MIT
 *
 * loop: the broker as a program: sockets, signals, the clock and the journal's thread around the logic of broker/broker.h.
 */
#ifndef SHEAF_BROKER_LOOP_H
#define SHEAF_BROKER_LOOP_H

#include "common/err.h"

#include <stdbool.h>

struct broker_options {
    const char *listen;    /* "ipc://..." or "tcp://..." */
    int listen_fd;         /* a socket that listens there already; -1 = none */
    const char *state_dir; /* made when it is not there; "-": its path comes on standard input, up to its end */
    bool
        local; /* started by `sheaf run`: one worker is expected, the endpoint is written down in the state directory */
    int lifeline; /* ends in good order when this descriptor reads end of file; -1 = none */
};

/* Runs until told to stop by a message, a signal or the lifeline. 0, or an error with a line in d. */
int broker_run(const struct broker_options *o, struct diag *d);

#endif
