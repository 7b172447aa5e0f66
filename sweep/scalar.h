/* SPDX-License-Identifier: MIT
 *
 * scalar: one value as a user writes it, typed by the YAML 1.2 core schema (so that 1e-4 is a float and `yes` a
 * text). Cells of a CSV file and JSON values go through the same struct.
 */
#ifndef SHEAF_SWEEP_SCALAR_H
#define SHEAF_SWEEP_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scalar_kind {
    SCALAR_NULL, /* nothing, ~ or null */
    SCALAR_BOOL, /* .i is 0 or 1 */
    SCALAR_INT,  /* .i, and .f is the same number */
    SCALAR_FLOAT,
    SCALAR_TEXT,
    SCALAR_NONFINITE, /* .inf, .nan, or a number too large for float64: never welcome */
    SCALAR_HUGE,      /* a whole number that needs more than 64 bits: never welcome */
};

struct scalar {
    uint32_t kind; /* enum scalar_kind */
    double f;
    int64_t i;
    const char *text; /* as written, without quotes; NUL-terminated */
    size_t len;
};

/* Types a text; quoted texts stay texts. `text` is NUL-terminated and must outlive the result. */
struct scalar scalar_parse(const char *text, size_t len, bool quoted);

#define SCALAR_SHOWN 96

/* The value as an error text shows it: 1.5, "abc" (cut to 40 bytes), empty, .inf (not a finite number). Returns out. */
const char *scalar_show(const struct scalar *s, char out[SCALAR_SHOWN]);

#define SCALAR_NUMBER 32

/* A bound as people write it: 1000000, 0.5, 1e-300. Returns out. */
const char *scalar_number(double x, char out[SCALAR_NUMBER]);

#endif
