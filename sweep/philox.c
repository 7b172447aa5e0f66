/* SPDX-License-Identifier: MIT
 *
 * philox: ten rounds of two 32 x 32 -> 64 bit products and a Weyl sequence of keys.
 */
#include "sweep/philox.h"

#ifdef __SSE2__
#include <emmintrin.h>
#include <stddef.h>
#endif

#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define WEYL_0 0x9E3779B9u /* golden ratio */
#define WEYL_1 0xBB67AE85u /* sqrt(3) - 1 */
#define ROUNDS 10

struct philox_block philox4x32(const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0, p1 = (uint64_t)MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    return (struct philox_block){{c0, c1, c2, c3}};
}

struct philox_block philox_draw(uint64_t seed, uint64_t number, uint32_t stream, uint32_t attempt)
{
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), stream, attempt};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    return philox4x32(counter, key);
}

#ifdef __SSE2__

#define PAIRS (PHILOX_LANES / 2)

/* Each word lies in the lower half of 64 bits. What is left in the upper half is never looked at: the multiplication
 * takes lower halves only. Several chains side by side, because one alone waits for its own products most of the time. */
void philox_lows(uint64_t seed, uint64_t first, uint32_t stream, uint64_t out[PHILOX_LANES])
{
    const __m128i multiplier_0 = _mm_set1_epi64x(MULTIPLIER_0), multiplier_1 = _mm_set1_epi64x(MULTIPLIER_1);
    __m128i c0[PAIRS], c1[PAIRS], c2[PAIRS], c3[PAIRS];
    for (size_t i = 0; i < PAIRS; i++) {
        c0[i] = _mm_set_epi64x((int64_t)(first + 2 * i + 1), (int64_t)(first + 2 * i));
        c1[i] = _mm_srli_epi64(c0[i], 32);
        c2[i] = _mm_set1_epi64x(stream);
        c3[i] = _mm_setzero_si128();
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        const __m128i key_0 = _mm_set1_epi64x(k0), key_1 = _mm_set1_epi64x(k1);
        for (size_t i = 0; i < PAIRS; i++) {
            __m128i p0 = _mm_mul_epu32(multiplier_0, c0[i]), p1 = _mm_mul_epu32(multiplier_1, c2[i]);
            c0[i] = _mm_xor_si128(_mm_xor_si128(_mm_srli_epi64(p1, 32), c1[i]), key_0);
            c1[i] = p1;
            c2[i] = _mm_xor_si128(_mm_xor_si128(_mm_srli_epi64(p0, 32), c3[i]), key_1);
            c3[i] = p0;
        }
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    for (size_t i = 0; i < PAIRS; i++) {
        __m128i low = _mm_and_si128(c0[i], _mm_set1_epi64x(UINT32_MAX));
        _mm_storeu_si128((__m128i *)(void *)&out[2 * i], _mm_or_si128(low, _mm_slli_epi64(c1[i], 32)));
    }
}

#else

void philox_lows(uint64_t seed, uint64_t first, uint32_t stream, uint64_t out[PHILOX_LANES])
{
    for (uint64_t i = 0; i < PHILOX_LANES; i++)
        out[i] = philox_low(philox_draw(seed, first + i, stream, 0));
}

#endif

double philox_unit(struct philox_block b)
{
    return (double)(philox_low(b) >> 11) * 0x1p-53;
}

uint64_t philox_below(struct philox_block b, uint64_t n)
{
    __extension__ typedef unsigned __int128 u128;
    /* The whole block counts, so that the bias is below n / 2^128: nobody will ever see it, and no draw is rejected. */
    u128 low = (u128)philox_low(b) * n;
    u128 high = (u128)philox_high(b) * n + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64);
}
