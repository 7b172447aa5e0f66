/* SPDX-License-Identifier: MIT
 *
 * digest: the results digest of sweep/tally.h, from tasks in any order. A block that fills in order is hashed as it comes
 * and holds nothing but the hash's state; a block with a hole gets a buffer until it is whole. Digests of closed blocks
 * are hashed in their turn; those beyond a gap are kept until it is closed. Blocks are small, because a thousand workers
 * leave a thousand leases with holes.
 */
#ifndef SHEAF_SWEEP_DIGEST_H
#define SHEAF_SWEEP_DIGEST_H

#include "common/buf.h"
#include "common/hash.h"
#include "sweep/lebytes.h"
#include "sweep/u64map.h"

#include <stdbool.h>
#include <stdint.h>

struct digest {
    uint64_t tasks;
    uint32_t n_scores;
    uint64_t n_closed;   /* blocks 0, 1, ... without a gap */
    hash_state *closed;  /* of their digests; NULL while there are none */
    struct u64map later; /* block / 64 -> struct digest_later: closed beyond a gap */
    struct u64map open;  /* block -> struct digest_block */
};

/* For `tasks` tasks of n_scores each; cannot fail. */
void digest_init(struct digest *g, uint64_t tasks, uint32_t n_scores);
void digest_finish(struct digest *g);

/* Adds tasks [first, first + n); see tally_add. 0 or SHEAF_ENOMEM, then the digest is unusable. */
int digest_add(struct digest *g, uint64_t first, uint64_t n, const uint8_t *status, const void *scores);

/* The digest; false while tasks are missing. */
bool digest_result(const struct digest *g, uint8_t out[HASH_BYTES]);

/* Appends the state. 0 or SHEAF_ENOMEM. */
int digest_save(const struct digest *g, struct buf *out);

/* Reads it back into an empty digest of as many tasks or more. 0, SHEAF_ENOMEM or SHEAF_ECORRUPT. */
int digest_load(struct digest *g, struct le_reader *r);

#endif
