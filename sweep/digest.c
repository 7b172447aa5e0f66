/* SPDX-License-Identifier: MIT
 *
 * digest: blocks of task records, each a status byte and the scores.
 *
 * The last block of a sweep is short and never closes: more trials may yet continue it. Its digest is taken from a copy of
 * its state. Whether a task of a buffered block is there shows in its status byte, which is never 0.
 */
#include "sweep/digest.h"

#include "common/err.h"
#include "sweep/tally.h"

#include <stdlib.h>
#include <string.h>

#define STAGE_BYTES 16384u /* records are laid out so many bytes at a time: within the first-level cache */

struct digest_block {
    hash_state state; /* of the first `prefix` records; first member, for it is over-aligned */
    uint32_t prefix;  /* records hashed, in order from the first */
    uint32_t have;    /* records there, hashed or not */
    uint8_t *records; /* TALLY_BLOCK places, those after prefix in use; NULL while there is no hole */
};

/* Digests of closed blocks that wait for one before them, side by side: there may be many. */
#define LATER_BLOCKS 64u
struct digest_later {
    uint64_t have; /* bit by bit */
    uint8_t digests[LATER_BLOCKS][HASH_BYTES];
};

void digest_init(struct digest *g, uint64_t tasks, uint32_t n_scores)
{
    *g = (struct digest){.tasks = tasks, .n_scores = n_scores};
}

static void free_block(struct digest_block *b)
{
    if (b)
        free(b->records);
    free(b);
}

void digest_finish(struct digest *g)
{
    for (size_t i = 0; i < g->open.cap; i++)
        free_block(g->open.at[i].value);
    for (size_t i = 0; i < g->later.cap; i++)
        free(g->later.at[i].value);
    u64map_finish(&g->open);
    u64map_finish(&g->later);
    free(g->closed);
}

static size_t record_bytes(const struct digest *g)
{
    return 1 + 8 * (size_t)g->n_scores;
}

/* Tasks of a block: fewer in the last. */
static uint64_t block_size(const struct digest *g, uint64_t block)
{
    uint64_t left = g->tasks - block * TALLY_BLOCK;
    return left < TALLY_BLOCK ? left : TALLY_BLOCK;
}

static uint64_t canonical(const uint8_t *score)
{
    uint64_t bits;
    memcpy(&bits, score, sizeof(bits));
    return le_canonical(bits);
}

/* Lays n records out. Alone of its kind here, this loop runs for every task of every sweep. */
static void lay_out(uint8_t *to, uint64_t n, const uint8_t *status, const uint8_t *scores, uint32_t n_scores)
{
    for (uint64_t i = 0; i < n; i++) {
        uint8_t what = status ? status[i] : TASK_DONE;
        *to++ = what;
        for (uint32_t s = 0; s < n_scores; s++, to += 8, scores += 8)
            le_store(to, what == TASK_DONE ? canonical(scores) : LE_NAN);
    }
}

static void hash_records(const struct digest *g, hash_state *h, uint64_t n, const uint8_t *status,
                         const uint8_t *scores)
{
    uint8_t stage[STAGE_BYTES];
    size_t record = record_bytes(g);
    uint64_t most = STAGE_BYTES / record;
    while (n > 0) {
        uint64_t now = n < most ? n : most;
        lay_out(stage, now, status, scores, g->n_scores);
        hash_update(h, stage, (size_t)now * record);
        status = status ? status + now : NULL;
        scores += now * 8 * g->n_scores;
        n -= now;
    }
}

static const uint8_t *waiting(const struct digest *g, uint64_t block)
{
    const struct digest_later *l = u64map_get(&g->later, block / LATER_BLOCKS);
    return block >= g->n_closed && l && l->have >> block % LATER_BLOCKS & 1 ? l->digests[block % LATER_BLOCKS] : NULL;
}

/* Takes in the digest of block n_closed. */
static void close_next(struct digest *g, const uint8_t *digest)
{
    hash_update(g->closed, digest, HASH_BYTES);
    if (++g->n_closed % LATER_BLOCKS)
        return;
    struct digest_later *l = u64map_get(&g->later, g->n_closed / LATER_BLOCKS - 1);
    u64map_remove(&g->later, g->n_closed / LATER_BLOCKS - 1);
    free(l);
}

/* Takes in the digest of a whole block. */
static int keep_digest(struct digest *g, uint64_t block, const uint8_t digest[HASH_BYTES])
{
    if (block == g->n_closed) {
        if (!g->closed && !(g->closed = hash_alloc(sizeof(*g->closed))))
            return SHEAF_ENOMEM;
        if (!block)
            hash_begin(g->closed);
        close_next(g, digest);
        for (const uint8_t *next; (next = waiting(g, g->n_closed));)
            close_next(g, next);
        return SHEAF_OK;
    }
    struct digest_later *l = u64map_get(&g->later, block / LATER_BLOCKS);
    if (!l) {
        l = calloc(1, sizeof(*l));
        if (!l || u64map_put(&g->later, block / LATER_BLOCKS, l) != SHEAF_OK) {
            free(l);
            return SHEAF_ENOMEM;
        }
    }
    l->have |= (uint64_t)1 << block % LATER_BLOCKS;
    memcpy(l->digests[block % LATER_BLOCKS], digest, HASH_BYTES);
    return SHEAF_OK;
}

static struct digest_block *new_block(struct digest *g, uint64_t block)
{
    struct digest_block *b = hash_alloc(sizeof(*b));
    if (!b)
        return NULL;
    hash_begin(&b->state);
    if (u64map_put(&g->open, block, b) != SHEAF_OK) {
        free_block(b);
        return NULL;
    }
    return b;
}

static int close_block(struct digest *g, uint64_t block, struct digest_block *b)
{
    uint8_t digest[HASH_BYTES];
    size_t record = record_bytes(g);
    if (b->records)
        hash_update(&b->state, b->records + b->prefix * record, (TALLY_BLOCK - b->prefix) * record);
    hash_end(&b->state, digest);
    u64map_remove(&g->open, block);
    free_block(b);
    return keep_digest(g, block, digest);
}

static int add_to_block(struct digest *g, uint64_t block, uint32_t at, uint32_t n, const uint8_t *status,
                        const uint8_t *scores)
{
    struct digest_block *b = u64map_get(&g->open, block);
    if (!b && n == TALLY_BLOCK) {
        hash_state h;
        uint8_t digest[HASH_BYTES];
        hash_begin(&h);
        hash_records(g, &h, n, status, scores);
        hash_end(&h, digest);
        return keep_digest(g, block, digest);
    }
    if (!b && !(b = new_block(g, block)))
        return SHEAF_ENOMEM;
    SHEAF_ASSERT(b->have + n <= TALLY_BLOCK);
    b->have += n;
    if (!b->records && at == b->prefix) {
        hash_records(g, &b->state, n, status, scores);
        b->prefix += n;
    } else {
        size_t record = record_bytes(g);
        if (!b->records && !(b->records = calloc(TALLY_BLOCK, record)))
            return SHEAF_ENOMEM;
        lay_out(b->records + at * record, n, status, scores, g->n_scores);
    }
    return b->have == TALLY_BLOCK ? close_block(g, block, b) : SHEAF_OK;
}

int digest_add(struct digest *g, uint64_t first, uint64_t n, const uint8_t *status, const void *scores)
{
    const uint8_t *at = scores;
    int rc = SHEAF_OK;
    while (n > 0 && rc == SHEAF_OK) {
        uint32_t offset = (uint32_t)(first % TALLY_BLOCK), room = TALLY_BLOCK - offset;
        uint32_t now = n < room ? (uint32_t)n : room;
        rc = add_to_block(g, first / TALLY_BLOCK, offset, now, status, at);
        first += now;
        n -= now;
        status = status ? status + now : NULL;
        at += (uint64_t)now * 8 * g->n_scores;
    }
    return rc;
}

bool digest_result(const struct digest *g, uint8_t out[HASH_BYTES])
{
    uint64_t whole = g->tasks / TALLY_BLOCK, rest = g->tasks % TALLY_BLOCK;
    const struct digest_block *last = rest > 0 ? u64map_get(&g->open, whole) : NULL;
    if (g->n_closed < whole || (rest > 0 && (!last || last->have < rest)))
        return false;
    hash_state all;
    if (g->closed)
        all = *g->closed;
    else
        hash_begin(&all);
    if (last) {
        hash_state h = last->state;
        size_t record = record_bytes(g);
        if (last->records)
            hash_update(&h, last->records + last->prefix * record, (size_t)(rest - last->prefix) * record);
        hash_end(&h, out);
        hash_update(&all, out, HASH_BYTES);
    }
    hash_end(&all, out);
    return true;
}

/* The buffered records as runs: place, number, bytes; a run of none ends them. */
static int save_runs(const struct digest *g, const struct digest_block *b, struct buf *out)
{
    size_t record = record_bytes(g);
    int rc = SHEAF_OK;
    for (uint32_t at = b->prefix; b->records && at < TALLY_BLOCK && rc == SHEAF_OK;) {
        uint32_t end = at;
        while (end < TALLY_BLOCK && b->records[end * record] != 0)
            end++;
        if (end > at) {
            rc = le_put(out, at);
            rc = rc ? rc : le_put(out, end - at);
            rc = rc ? rc : buf_append(out, b->records + at * record, (end - at) * record);
        }
        at = end + 1;
    }
    rc = rc ? rc : le_put(out, 0);
    return rc ? rc : le_put(out, 0);
}

static int save_block(const struct digest *g, uint64_t block, const struct digest_block *b, struct buf *out)
{
    int rc = le_put(out, block);
    rc = rc ? rc : le_put(out, b->prefix);
    rc = rc ? rc : buf_append(out, &b->state, sizeof(b->state));
    return rc ? rc : save_runs(g, b, out);
}

/* Those that wait: number, then place and digest of each. */
static int save_later(const struct digest *g, struct buf *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < g->later.cap; i++)
        for (uint32_t k = 0; g->later.at[i].value && k < LATER_BLOCKS; k++)
            n += waiting(g, g->later.at[i].key * LATER_BLOCKS + k) != NULL;
    int rc = le_put(out, n);
    for (size_t i = 0; i < g->later.cap; i++) {
        uint64_t block = g->later.at[i].key * LATER_BLOCKS;
        for (uint32_t k = 0; g->later.at[i].value && k < LATER_BLOCKS && rc == SHEAF_OK; k++) {
            const uint8_t *digest = waiting(g, block + k);
            rc = digest ? le_put(out, block + k) : SHEAF_OK;
            rc = rc || !digest ? rc : buf_append(out, digest, HASH_BYTES);
        }
    }
    return rc;
}

int digest_save(const struct digest *g, struct buf *out)
{
    int rc = le_put(out, g->n_closed);
    rc = rc ? rc : g->closed ? buf_append(out, g->closed, sizeof(*g->closed)) : SHEAF_OK;
    rc = rc ? rc : save_later(g, out);
    rc = rc ? rc : le_put(out, g->open.n);
    for (size_t i = 0; i < g->open.cap && rc == SHEAF_OK; i++)
        if (g->open.at[i].value)
            rc = save_block(g, g->open.at[i].key, g->open.at[i].value, out);
    return rc;
}

static int load_runs(const struct digest *g, struct digest_block *b, uint64_t size, struct le_reader *r)
{
    size_t record = record_bytes(g);
    for (;;) {
        uint64_t at = le_get(r), n = le_get(r);
        if (r->failed)
            return SHEAF_ECORRUPT;
        if (n == 0)
            return SHEAF_OK;
        const uint8_t *bytes = at >= b->prefix && at < size && n <= size - at ? le_take(r, n * record) : NULL;
        if (!bytes)
            return SHEAF_ECORRUPT;
        if (!b->records && !(b->records = calloc(TALLY_BLOCK, record)))
            return SHEAF_ENOMEM;
        memcpy(b->records + at * record, bytes, (size_t)n * record);
        b->have += (uint32_t)n;
    }
}

static int load_block(struct digest *g, struct le_reader *r)
{
    uint64_t block = le_get(r), prefix = le_get(r);
    const uint8_t *state = le_take(r, sizeof(hash_state));
    if (!state || block > (g->tasks - 1) / TALLY_BLOCK || block < g->n_closed || u64map_get(&g->open, block) ||
        prefix > block_size(g, block))
        return SHEAF_ECORRUPT;
    struct digest_block *b = new_block(g, block);
    if (!b)
        return SHEAF_ENOMEM;
    memcpy(&b->state, state, sizeof(b->state));
    b->prefix = b->have = (uint32_t)prefix;
    return load_runs(g, b, block_size(g, block), r);
}

int digest_load(struct digest *g, struct le_reader *r)
{
    uint64_t closed = le_get(r);
    if (closed > g->tasks / TALLY_BLOCK)
        return SHEAF_ECORRUPT;
    const uint8_t *bytes = le_take(r, closed ? sizeof(hash_state) : 0);
    if (!bytes)
        return SHEAF_ECORRUPT;
    if (closed && !(g->closed = hash_alloc(sizeof(*g->closed))))
        return SHEAF_ENOMEM;
    if (closed)
        memcpy(g->closed, bytes, sizeof(*g->closed));
    g->n_closed = closed;
    int rc = SHEAF_OK;
    for (uint64_t n = le_get(r); n > 0 && rc == SHEAF_OK; n--) {
        uint64_t block = le_get(r);
        bytes = le_take(r, HASH_BYTES);
        if (!bytes || block <= closed || block >= g->tasks / TALLY_BLOCK || waiting(g, block))
            return SHEAF_ECORRUPT;
        rc = keep_digest(g, block, bytes);
    }
    for (uint64_t n = le_get(r); n > 0 && rc == SHEAF_OK; n--)
        rc = load_block(g, r);
    return rc == SHEAF_OK && r->failed ? SHEAF_ECORRUPT : rc;
}
