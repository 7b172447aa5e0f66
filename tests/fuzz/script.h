/* SPDX-License-Identifier: MIT
 *
 * script: an input of a target with state as a list of steps, so that what is mutated are steps and what they carry: each is
 * {kind, argument, length (two bytes, little-endian), bytes}. Any bytes are a script: the last step may be cut short.
 */
#ifndef SHEAF_TESTS_FUZZ_SCRIPT_H
#define SHEAF_TESTS_FUZZ_SCRIPT_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_HEAD 4u

struct step {
    uint8_t kind, arg;
    uint16_t len;
    const uint8_t *bytes;
};

struct script {
    const uint8_t *at, *end;
};

/* The next step of [at, end); false at the end. Its bytes are the script's. */
bool script_next(struct script *s, struct step *out);

/* Appends a step; asserts that there is memory and that it is not too long. */
void script_put(struct buf *out, uint8_t kind, uint8_t arg, const void *bytes, size_t len);

/* Takes a number of at most eight bytes, little-endian, off the beginning of a step's bytes; what is missing reads as 0. */
uint64_t step_number(struct step *s, uint32_t bytes);

#endif
