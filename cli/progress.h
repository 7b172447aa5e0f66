/* SPDX-License-Identifier: MIT
 *
 * progress: how a sweep goes, on stderr: on a terminal one line redrawn in place, elsewhere a line every few seconds.
 */
#ifndef SHEAF_CLI_PROGRESS_H
#define SHEAF_CLI_PROGRESS_H

#include "common/proto.h"
#include "sweep/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool terminal;
    bool drawn;       /* a bar stands on the terminal's current line */
    int64_t next_ns;  /* the next line or redraw is not due before */
    const char *note; /* "stopping"; NULL = none */
};

/* Looks whether stderr is a terminal. now: monotonic ns. */
void progress_init(struct progress *p, int64_t now);

/* How often a status is worth asking for. */
uint32_t progress_every_ms(void);

/* Shows the status if it is time to. plan: NULL = not known. */
void progress_show(struct progress *p, const struct msg_status *s, const struct plan *plan, int64_t now);

/* Takes the bar away, so that something else can be written. */
void progress_clear(struct progress *p);

/* The line without a bar's decoration, at most cap bytes with its NUL; width: columns to fill with a bar, 0 = no bar. */
void progress_line(const struct msg_status *s, const struct plan *plan, const char *note, unsigned width, char *out,
                   size_t cap);

#endif
