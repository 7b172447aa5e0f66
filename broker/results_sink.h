/* SPDX-License-Identifier: MIT
 *
 * results_sink: text and numbers on their way into a results file. The first error sticks: what follows is dropped, and the
 * caller asks once in a while.
 */
#ifndef SHEAF_BROKER_RESULTS_SINK_H
#define SHEAF_BROKER_RESULTS_SINK_H

#include "common/buf.h"
#include "common/err.h"

#include <stdint.h>
#include <stdio.h>

struct sink {
    FILE *out;
    struct buf b;
    int err;
    int errnum; /* of the failed write */
};

void sink_bytes(struct sink *s, const void *bytes, size_t n);
void sink_text(struct sink *s, const char *text); /* as it is */
void sink_u64(struct sink *s, uint64_t v);
void sink_i64(struct sink *s, int64_t v);

/* 17 significant digits; what is not finite becomes `absent`. */
void sink_number(struct sink *s, double v, const char *absent);

/* A CSV field, in quotes where it needs them; a JSON string. */
void sink_csv(struct sink *s, const char *text);
void sink_json(struct sink *s, const char *text);

/* 8 bytes, little-endian; NaN has one form. And n times that NaN. */
void sink_f64(struct sink *s, double v);
void sink_nans(struct sink *s, uint64_t n);

/* Hands everything to the file. The error so far, or 0. */
int sink_flush(struct sink *s);

/* The same at the end, and on to the system; an error that has a reason has its line in d. */
int sink_settle(struct sink *s, struct diag *d);
void sink_finish(struct sink *s);

#endif
