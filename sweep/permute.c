/* SPDX-License-Identifier: MIT
 *
 * permute: Feistel rounds with a 64-bit mixer as round function, keyed by Philox.
 */
#include "sweep/permute.h"

#include "common/err.h"
#include "sweep/philox.h"

void permute_init(struct permute *p, uint64_t n, uint64_t seed, uint64_t which)
{
    SHEAF_ASSERT(n >= 1);
    uint32_t half = 1;
    while (half < 32 && (n - 1) >> (2 * half) != 0)
        half++;
    p->n = n;
    p->half_bits = half;
    for (uint32_t round = 0; round < PERMUTE_ROUNDS; round += 2) {
        struct philox_block b = philox_draw(seed, which, PHILOX_PERMUTE, round / 2);
        p->keys[round] = philox_low(b);
        p->keys[round + 1] = philox_high(b);
    }
}

/* half_bits well mixed bits of (right, key). */
static uint64_t mix(const struct permute *p, uint64_t right, uint32_t round)
{
    uint64_t x = right ^ p->keys[round];
    x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
    x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
    return (x ^ (x >> 32)) >> (64 - p->half_bits);
}

static uint64_t forward(const struct permute *p, uint64_t x)
{
    uint64_t mask = ((uint64_t)1 << p->half_bits) - 1;
    uint64_t left = x >> p->half_bits, right = x & mask;
    for (uint32_t round = 0; round < PERMUTE_ROUNDS; round++) {
        uint64_t next = left ^ mix(p, right, round);
        left = right;
        right = next;
    }
    return left << p->half_bits | right;
}

static uint64_t backward(const struct permute *p, uint64_t x)
{
    uint64_t mask = ((uint64_t)1 << p->half_bits) - 1;
    uint64_t left = x >> p->half_bits, right = x & mask;
    for (uint32_t round = PERMUTE_ROUNDS; round-- > 0;) {
        uint64_t before = right ^ mix(p, left, round);
        right = left;
        left = before;
    }
    return left << p->half_bits | right;
}

uint64_t permute_at(const struct permute *p, uint64_t i)
{
    SHEAF_ASSERT(i < p->n);
    /* Ends: the cycle that i lies on comes back below n, at i itself if nowhere else. */
    do
        i = forward(p, i);
    while (i >= p->n);
    return i;
}

uint64_t permute_inverse(const struct permute *p, uint64_t j)
{
    SHEAF_ASSERT(j < p->n);
    do
        j = backward(p, j);
    while (j >= p->n);
    return j;
}
