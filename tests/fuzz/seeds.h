/* SPDX-License-Identifier: MIT
 *
 * seeds: what the files of the seed writer share: one function a target.
 */
#ifndef SHEAF_TESTS_FUZZ_SEEDS_H
#define SHEAF_TESTS_FUZZ_SEEDS_H

#include "tests/fuzz/script.h"

/* Writes DIR/TARGET/seed_NAME. */
void seed_write(const char *dir, const char *target, const char *name, const struct buf *bytes);

void seeds_broker(const char *dir);
void seeds_worker(const char *dir);
void seeds_descriptor(const char *dir);
void seeds_frames(const char *dir);
void seeds_journal(const char *dir);
void seeds_slot(const char *dir);
void seeds_plan(const char *dir);

#endif
