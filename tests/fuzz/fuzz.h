/* SPDX-License-Identifier: MIT
 *
 * fuzz: the one function of a fuzz target, called by libFuzzer or by replay.c.
 */
#ifndef SHEAF_TESTS_FUZZ_H
#define SHEAF_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Runs one input; returns 0. A finding is a crash: SHEAF_ASSERT or a sanitizer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
