/* SPDX-License-Identifier: MIT
 *
 * philox: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011), a
 * counter-based generator: a keyed bijection of 128-bit counters, so that any draw is had without those before it.
 *
 * Layout of every draw in sheaf (docs/index-space.md has vectors):
 *
 *     key     = { seed low 32 bits, seed high 32 bits }
 *     counter = { number low, number high, stream, attempt }
 *
 * number: the trial, the task index or the row, as the stream says. attempt: 0, then 1, 2 ... for redraws and further words.
 * Of the four words of a block w[0] .. w[3] the two 64-bit halves are w[0] | w[1] << 32 and w[2] | w[3] << 32.
 */
#ifndef SHEAF_SWEEP_PHILOX_H
#define SHEAF_SWEEP_PHILOX_H

#include <stdint.h>

/* Streams. They are part of every result; never renumber. */
#define PHILOX_TASK 0u    /* a task's seed: number = index, low half */
#define PHILOX_PERMUTE 1u /* the round keys of a permutation: number = which permutation, attempt = pair of rounds */
#define PHILOX_PARAM 0x00010000u /* + position in the descriptor: a parameter of trial `number` in a random search */

/* Permutations (number in stream PHILOX_PERMUTE). */
#define PERMUTE_FOLDS 0u /* rows before they are dealt to shuffled folds */

struct philox_block {
    uint32_t w[4];
};

/* The bijection itself. */
struct philox_block philox4x32(const uint32_t counter[4], const uint32_t key[2]);

/* A draw in sheaf's layout. */
struct philox_block philox_draw(uint64_t seed, uint64_t number, uint32_t stream, uint32_t attempt);

/* The low halves of PHILOX_LANES draws, of numbers first, first + 1 ... (modulo 2^64), attempt 0: for little more than one of them. */
#define PHILOX_LANES 4
void philox_lows(uint64_t seed, uint64_t first, uint32_t stream, uint64_t out[PHILOX_LANES]);

/* Halves of a block. */
static inline uint64_t philox_low(struct philox_block b)
{
    return (uint64_t)b.w[0] | (uint64_t)b.w[1] << 32;
}

static inline uint64_t philox_high(struct philox_block b)
{
    return (uint64_t)b.w[2] | (uint64_t)b.w[3] << 32;
}

/* Uniform in [0, 1): the upper 53 bits of the low half, times 2^-53. */
double philox_unit(struct philox_block b);

/* Uniform in [0, n), n at least 1: floor(B * n / 2^128), B = high half * 2^64 + low half. */
uint64_t philox_below(struct philox_block b, uint64_t n);

#endif
