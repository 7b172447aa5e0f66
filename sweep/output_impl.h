/* SPDX-License-Identifier: MIT
 *
 * output_impl: what output.c and outputfile.c share: the layout of a plan's output file.
 */
#ifndef SHEAF_SWEEP_OUTPUT_IMPL_H
#define SHEAF_SWEEP_OUTPUT_IMPL_H

#include "data/header.h"
#include "sweep/output.h"

/* One array of the file: rows of tasks, a parameter's value in each trial, whether the trial was to run, or, with none of these, the
 * keys. */
struct output_array {
    struct header_array header;
    const struct plan_output *output; /* or NULL */
    const struct plan_axis *axis;     /* or NULL */
    bool run;
    const char **texts; /* the header's dictionary, NULL = it has none */
};

struct output_file {
    struct header header;
    struct output_array *arrays; /* in the header's order */
    uint32_t n_arrays;
    uint8_t *digests; /* the header's, writable, zeros at first */
    uint64_t body_at;
};

/* The layout of the plan's file; lives in `a`. 0, SHEAF_ENOMEM or SHEAF_ELIMIT with a line in d. */
int output_header(const struct plan *p, struct arena *a, struct output_file *f, struct diag *d);

/* For qsort and bsearch of texts. */
int output_by_text(const void *a, const void *b);

/* Do the places in the plan agree with the layout? The plan may be a peer's. */
bool output_fits(const struct plan *p, const struct output_file *f);

#endif
