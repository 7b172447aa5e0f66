/* SPDX-License-Identifier: MIT
 *
 * lebytes: little-endian numbers into a buffer and back, for the tally's saved state and for digests. A reader that ran out of bytes gives
 * zeros and remembers it, so that callers check once.
 */
#ifndef SHEAF_SWEEP_LEBYTES_H
#define SHEAF_SWEEP_LEBYTES_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline void le_store(uint8_t *at, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(x >> (8 * i)); /* one store on little-endian machines */
}

static inline uint64_t le_load(const uint8_t *at)
{
    uint64_t x = 0;
    for (int i = 0; i < 8; i++)
        x |= (uint64_t)at[i] << (8 * i);
    return x;
}

#define LE_NAN ((uint64_t)0x7ff8 << 48) /* the one NaN of digests and tables */
#define LE_INFINITY ((uint64_t)0x7ff0 << 48)

/* The bits of a double, with any NaN as that one. */
static inline uint64_t le_canonical(uint64_t bits)
{
    return (bits & ~((uint64_t)1 << 63)) > LE_INFINITY ? LE_NAN : bits;
}

static inline void le_store_double(uint8_t *at, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    le_store(at, le_canonical(bits));
}

static inline int le_put(struct buf *b, uint64_t x)
{
    uint8_t at[8];
    le_store(at, x);
    return buf_append(b, at, sizeof(at));
}

static inline int le_put_doubles(struct buf *b, const double *x, uint64_t n)
{
    int rc = 0;
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof(bits));
        rc = le_put(b, bits);
    }
    return rc;
}

struct le_reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

/* n bytes, or NULL when fewer are left. */
static inline const uint8_t *le_take(struct le_reader *r, uint64_t n)
{
    if (r->failed || n > r->left) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += n;
    r->left -= (size_t)n;
    return at;
}

static inline uint64_t le_get(struct le_reader *r)
{
    const uint8_t *at = le_take(r, 8);
    return at ? le_load(at) : 0;
}

static inline void le_get_doubles(struct le_reader *r, double *x, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t bits = le_get(r);
        memcpy(&x[i], &bits, sizeof(bits));
    }
}

#endif
