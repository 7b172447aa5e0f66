/* SPDX-License-Identifier: MIT
 *
 * permute: a keyed permutation of [0, n) that is computed, not stored: a balanced Feistel network over the smallest
 * even number of bits that holds n - 1, walked along its cycle until the result lies below n (at most 4 steps on
 * average). Layout in docs/index-space.md.
 */
#ifndef SHEAF_SWEEP_PERMUTE_H
#define SHEAF_SWEEP_PERMUTE_H

#include <stdint.h>

#define PERMUTE_ROUNDS 8

struct permute {
    uint64_t n;
    uint32_t half_bits;
    uint64_t keys[PERMUTE_ROUNDS];
};

/* The permutation of [0, n) for a seed; n at least 1. `which` tells the permutations of one sweep apart (sweep/philox.h). */
void permute_init(struct permute *p, uint64_t n, uint64_t seed, uint64_t which);

/* Where i < n goes, and what comes to j < n. */
uint64_t permute_at(const struct permute *p, uint64_t i);
uint64_t permute_inverse(const struct permute *p, uint64_t j);

#endif
