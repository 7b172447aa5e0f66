/* SPDX-License-Identifier: MIT
 *
 * suggest: what to do about a name that nobody knows: "did you mean top_n?", or the list of what is known.
 */
#ifndef SHEAF_SWEEP_SUGGEST_H
#define SHEAF_SWEEP_SUGGEST_H

#include <stddef.h>

#define SUGGEST_BYTES 320

struct suggest {
    const char *name;    /* the unknown one */
    const char *nearest; /* of those offered, NULL when none is near */
    size_t distance;     /* of the nearest */
    char known[SUGGEST_BYTES];
    char advice[SUGGEST_BYTES + 160];
};

/* Begins for a name, offers a known name (which must live until the advice is made). */
void suggest_begin(struct suggest *s, const char *name);
void suggest_offer(struct suggest *s, const char *known);

/* "did you mean A? (known: A, B)", "use one of: A, B" or "there are none"; lives in s. */
const char *suggest_advice(struct suggest *s);

#endif
