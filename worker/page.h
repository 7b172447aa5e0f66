/* SPDX-License-Identifier: MIT
 *
 * page: the memory that a worker shares with one of its slots: which task runs, where the chunk ends, and a ring of
 * scores.
 *
 * `current`, `claimed`, `end` and `stop` are 64-bit words (chunk sequence << 32 | offset in the chunk), so that a word that belongs
 * to an older chunk is recognised. The protocol, whose every weaker form overran or lost a task (see docs/architecture.md):
 *   slot    store claimed = (seq, i) seq_cst, i the last task of the next few; load end seq_cst; run those below its offset if it is
 *           of the same seq. While the end is marked as being lowered and not above i, look again: the worker may have seen i.
 *   worker  store the lower end, marked, seq_cst; load claimed, seq_cst: the tail that was taken away starts at max(new
 *           end, claimed + 1) if claimed is of this seq, at the new end if it is of an older one, and nothing was
 *           taken if it is of a younger one; store where the tail starts as the end, unmarked.
 * The slot claims as many tasks as take it a few microseconds, because the full barrier costs as much as a null task; `current`
 * says, without a barrier, which of them runs. When they turn out long, they are not bound to this slot: each attempt to lower the end
 * leaves a mark in it, at which the slot gives up what it has not begun and claims again, one task at a time.
 * Without the mark a task is lost: the slot claims i, the worker lowers the end to i, reads i and leaves it to the slot, the
 * slot reads the new end and leaves it to the worker. There are two ends, by the parity of seq, because one chunk is
 * ordered while another runs.
 *
 * Scores: record k (counted since the slot started) is status[k % cap] and scores[k % cap * n_scores ...]; the slot publishes by a
 * release store of head, the worker frees by a store of tail. Records come in the order of chunks and offsets, one a task, so
 * that what a slot finished survives its death. The side ring carries text: why a task failed, log lines, group rows.
 *
 * The slot trusts the worker; the worker trusts nothing here: what it must remember it keeps in a struct page_reader of its own.
 */
#ifndef SHEAF_WORKER_PAGE_H
#define SHEAF_WORKER_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_RING_BYTES ((size_t)1 << 20)
#define PAGE_SIDE_BYTES ((size_t)256 << 10)
#define PAGE_SIDE_MAX ((uint32_t)96 << 10) /* text bytes of one entry of the side ring */
#define PAGE_ERR_BYTES 2048u               /* how much of the end of stderr survives the slot */

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
    struct page_word current, claimed, head, side_head; /* the slot writes */
    struct page_word end[2];                            /* of the chunks with even and odd seq; the worker writes */
    struct page_word stop, tail, side_tail;             /* the worker writes */
    struct page_word state;                             /* enum page_state; the slot writes */
    struct page_word
        plugin_ns; /* time inside the plugin; the slot adds at the end of each chunk, and of each long task */
    struct page_word wants_wake; /* slot: 1 = send SLOT_WAKE after freeing room; the worker clears it */
    struct page_word err_bytes;  /* written to stderr so far; page_err holds the last of them */
    uint64_t ring_cap, n_scores; /* records (a power of two); set by the worker before the slot starts */
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
char *page_err(struct page *p); /* byte k of stderr is at k % PAGE_ERR_BYTES */

/* Slot: how many of the n >= 1 tasks from `offset` of chunk `seq` are its own now? 0 = the chunk is over. */
uint32_t page_claim(struct page *p, uint32_t seq, uint32_t offset, uint32_t n);

/* In the offset of an end: the worker is about to store the settled one; it has asked for the chunk's tail. */
#define PAGE_LOWERING 0x80000000u
#define PAGE_ASKED 0x40000000u

/* Slot: should it claim one task at a time? Costs nothing. */
static inline bool page_asked(struct page *p, uint32_t seq)
{
    return atomic_load_explicit(&p->end[seq & 1].v, memory_order_relaxed) & PAGE_ASKED;
}

/* Slot: this task runs now. */
static inline void page_enter(struct page *p, uint64_t word)
{
    atomic_store_explicit(&p->current.v, word, memory_order_release);
}

/* Worker: a chunk is about to be ordered: its end. The chunk before the last must be finished. count < 2^30. */
void page_open_chunk(struct page *p, uint32_t seq, uint32_t count);

/* Worker: take back the tail of chunk seq from `offset` on. count: the chunk's present end, as ordered or as lowered before. Returns
 * where the taken tail starts (count = nothing was taken); the slot will run exactly the tasks below. */
uint32_t page_lower(struct page *p, uint32_t seq, uint32_t offset, uint32_t count);

/* Slot: publish one record; false when the ring is full. */
bool page_publish(struct page *p, uint8_t status, const double *scores);

/* Side ring: {uint32 length, uint32 kind, uint64 word (seq, offset)} and bytes, 8-aligned. SIDE_FAIL: the text. SIDE_LOG: one
 * byte SHEAF_LOG_..., the text. SIDE_GROUP: name, NUL, n_group_values float64. */
enum side_kind { SIDE_FAIL = 1, SIDE_LOG, SIDE_GROUP };
struct side_head {
    uint32_t len, kind;
    uint64_t word; /* which task; seq 0 = none: open */
};

/* Slot: false when there is no room now. head->len <= PAGE_SIDE_MAX. */
bool page_side_write(struct page *p, const struct side_head *head, const void *bytes);

/* Slot: remembers the end of stderr. */
void page_err_write(struct page *p, const char *bytes, size_t len);

/* The worker's view of a page: what it would be unwise to read back from memory that a slot can write. */
struct page_reader {
    struct page *page;
    uint64_t cap, tail, side_tail;
    uint32_t n_scores;
};

/* Fills in a zeroed mapping of page_size(n_scores) bytes for a new slot. */
void page_reader_init(struct page_reader *r, void *mapping, uint32_t n_scores);

/* Worker: records ready, UINT64_MAX when the slot's head is impossible. */
uint64_t page_ready(const struct page_reader *r);

/* Worker: copies n <= page_ready records out and frees them. True when the slot waits for a SLOT_WAKE. */
bool page_take(struct page_reader *r, uint64_t n, uint8_t *status, double *scores);

/* Worker: next entry copied to buf (cap bytes, NUL-terminated); returns its length, -1 when there is none, SHEAF_EPROTO when
 * malformed. *wake as page_take's result. */
int64_t page_side_read(struct page_reader *r, struct side_head *head, char *buf, size_t cap, bool *wake);

/* Worker: the end of stderr, NUL-terminated in out (PAGE_ERR_BYTES + 1). */
void page_err_read(const struct page_reader *r, char *out);

#endif
