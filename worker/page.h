/* SPDX-License-Identifier: MIT
 *
 * page: the memory that a worker shares with one of its slots: which task runs, where the chunk ends, and a ring of
 * scores.
 *
 * `current`, `end` and `stop` are 64-bit words (chunk sequence << 32 | offset in the chunk), so that a word that belongs to an
 * older chunk is recognised. The protocol, whose every weaker form overran (see docs/architecture.md):
 * (Two `end` words, by seq & 1: at most two chunks are outstanding, and the waiting one can be taken back, too.)
 *   slot    store current = (seq, i) seq_cst; load end[seq & 1] seq_cst; run task i only if it is of the same seq and i < its offset.
 *   worker  lower end by compare-and-swap, seq_cst; then load current, seq_cst: the tail that was taken away starts at
 *           max(new end, current + 1) if current is of this seq, else at the new end.
 *
 * Scores: record k (counted since the slot started) is status[k % cap] and scores[k % cap * n_scores ...]; the slot publishes by a
 * release store of head, the worker frees by a release store of tail. Records come in the order of chunks and offsets, one a task, so
 * that what a slot finished survives its death. The side ring carries text: why a task failed, log lines, group rows.
 *
 * The slot trusts the worker; the worker trusts nothing here: it checks head - tail <= cap and every length.
 */
#ifndef SHEAF_WORKER_PAGE_H
#define SHEAF_WORKER_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_RING_BYTES ((size_t)1 << 20)
#define PAGE_SIDE_BYTES ((size_t)256 << 10)

enum page_state {
    PAGE_STARTING = 0, /* loading the plugin, opening the dataset, open() */
    PAGE_IDLE,         /* waits for an order */
    PAGE_RUNNING,      /* inside run */
    PAGE_WAITING,      /* waits for a cache that another slot builds, or for room in a ring: not task time */
};

/* One cache line each, so that the slot's stores don't slow the worker's. */
struct page_word {
    _Alignas(64) _Atomic uint64_t v;
};

struct page {
    struct page_word current, head, side_head; /* the slot writes */
    struct page_word
        end[2]; /* the worker writes; by seq & 1, because a second chunk waits while the first is in work */
    struct page_word stop, tail, side_tail; /* the worker writes */
    struct page_word state;                 /* enum page_state; the slot writes */
    struct page_word
        plugin_ns; /* time inside the plugin; the slot adds at the end of each chunk, and of each long task */
    struct page_word wants_wake; /* slot: 1 = write a byte to the order socket after freeing room */
    uint64_t ring_cap, n_scores; /* records; set by the worker before the slot starts */
};

static inline uint64_t page_pack(uint32_t seq, uint32_t offset)
{
    return (uint64_t)seq << 32 | offset;
}
static inline uint32_t page_seq(uint64_t word)
{
    return (uint32_t)(word >> 32);
}
static inline uint32_t page_offset(uint64_t word)
{
    return (uint32_t)word;
}

/* Size of the whole mapping for n_scores a task, and where its parts lie. */
size_t page_size(uint32_t n_scores);
uint64_t page_ring_cap(uint32_t n_scores);
uint8_t *page_status(struct page *p);
double *page_scores(struct page *p);
uint8_t *page_side(struct page *p);

/* Slot: may task `offset` of chunk `seq` run? Announces it first. */
bool page_claim(struct page *p, uint32_t seq, uint32_t offset);

/* Worker: a chunk is about to be ordered: its end. */
void page_open_chunk(struct page *p, uint32_t seq, uint32_t count);

/* Worker: take back the tail of chunk seq from `offset` on. Returns where the taken tail starts (count = nothing was
 * taken). */
uint32_t page_lower(struct page *p, uint32_t seq, uint32_t offset, uint32_t count);

/* Slot: publish one record; false when the ring is full. Worker: records ready. */
bool page_publish(struct page *p, uint8_t status, const double *scores);
uint64_t page_ready(const struct page *p);

/* Side ring: {uint32 length, uint32 kind, uint64 word (seq, offset)} and bytes, 8-aligned. */
enum side_kind { SIDE_FAIL = 1, SIDE_LOG, SIDE_GROUP };
struct side_head {
    uint32_t len, kind;
    uint64_t word;
};
bool page_side_write(struct page *p, enum side_kind kind, uint64_t word, const void *bytes, uint32_t len);
/* Worker: next entry copied to buf (cap bytes); returns its length, -1 when there is none, SHEAF_EPROTO when malformed. */
int64_t page_side_read(struct page *p, struct side_head *head, void *buf, size_t cap);

#endif
