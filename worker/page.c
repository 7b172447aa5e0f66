/* SPDX-License-Identifier: MIT
 *
 * page: see page.h for the protocol. Layout: the words, the end of stderr in the rest of the first 4 KiB, the side
 * ring, status bytes, scores. One slot and one worker, so each ring has a single writer and a single reader.
 */
#include "worker/page.h"

#include "common/err.h"

#include <sched.h>
#include <string.h>

#define ERR_AT ((size_t)2048)
#define SIDE_AT ((size_t)4096)
#define RING_AT (SIDE_AT + PAGE_SIDE_BYTES)

_Static_assert(sizeof(struct page) <= ERR_AT, "the words run into the end of stderr");
_Static_assert(ERR_AT + PAGE_ERR_BYTES <= SIDE_AT, "the end of stderr runs into the side ring");
_Static_assert(sizeof(struct side_head) == 16, "the head of a side entry has no padding");

uint64_t page_ring_cap(uint32_t n_scores)
{
    uint64_t record = 1 + sizeof(double) * (n_scores ? n_scores : 1u);
    uint64_t cap = 1;
    while (cap * 2 * record <= PAGE_RING_BYTES)
        cap *= 2;
    return cap;
}

/* cap is a power of two; below 64 only where one record is over 8 KiB. */
static size_t status_bytes(uint64_t cap)
{
    return (size_t)((cap + 63) & ~(uint64_t)63);
}

size_t page_size(uint32_t n_scores)
{
    uint64_t cap = page_ring_cap(n_scores);
    size_t size = RING_AT + status_bytes(cap) + (size_t)cap * n_scores * sizeof(double);
    return (size + 4095) & ~(size_t)4095;
}

uint8_t *page_status(struct page *p)
{
    return (uint8_t *)p + RING_AT;
}

double *page_scores(struct page *p)
{
    return (double *)(void *)((uint8_t *)p + RING_AT + status_bytes(p->ring_cap));
}

uint8_t *page_side(struct page *p)
{
    return (uint8_t *)p + SIDE_AT;
}

char *page_err(struct page *p)
{
    return (char *)p + ERR_AT;
}

/* ---- chunks ---- */

static _Atomic uint64_t *end_of(struct page *p, uint32_t seq)
{
    return &p->end[seq & 1].v;
}

uint32_t page_claim(struct page *p, uint32_t seq, uint32_t offset, uint32_t n)
{
    atomic_store(&p->claimed.v, page_pack(seq, offset + n - 1));
    for (;;) {
        uint64_t word = atomic_load(end_of(p, seq));
        uint32_t end = page_offset(word) & ~(PAGE_LOWERING | PAGE_ASKED);
        if (page_seq(word) != seq)
            return 0;
        if (offset + n <= end)
            return n;
        if (!(page_offset(word) & PAGE_LOWERING))
            return end > offset ? end - offset : 0;
        sched_yield(); /* a few instructions of the worker's, unless it was preempted in the middle of them */
    }
}

void page_open_chunk(struct page *p, uint32_t seq, uint32_t count)
{
    SHEAF_ASSERT(count < PAGE_ASKED);
    atomic_store(end_of(p, seq), page_pack(seq, count));
}

uint32_t page_lower(struct page *p, uint32_t seq, uint32_t offset, uint32_t count)
{
    if (offset >= count || page_seq(atomic_load(end_of(p, seq))) != seq)
        return count;
    atomic_store(end_of(p, seq), page_pack(seq, offset | PAGE_LOWERING | PAGE_ASKED));
    uint64_t claimed = atomic_load(&p->claimed.v);
    uint64_t start = offset;
    if (page_seq(claimed) == seq && (uint64_t)page_offset(claimed) + 1 > start)
        start = (uint64_t)page_offset(claimed) + 1;
    if (page_seq(claimed) > seq || start > count)
        start = count; /* the slot is through with the chunk */
    atomic_store(end_of(p, seq), page_pack(seq, (uint32_t)start | PAGE_ASKED));
    return (uint32_t)start;
}

/* ---- scores ---- */

bool page_publish(struct page *p, uint8_t status, const double *scores)
{
    uint64_t head = atomic_load_explicit(&p->head.v, memory_order_relaxed);
    /* seq_cst: pairs with the store of wants_wake before the last look at a full ring */
    if (head - atomic_load(&p->tail.v) >= p->ring_cap)
        return false;
    uint64_t at = head & (p->ring_cap - 1);
    double *to = page_scores(p) + at * p->n_scores;
    for (uint64_t i = 0; i < p->n_scores; i++)
        to[i] = scores[i];
    page_status(p)[at] = status;
    atomic_store_explicit(&p->head.v, head + 1, memory_order_release);
    return true;
}

void page_reader_init(struct page_reader *r, void *mapping, uint32_t n_scores)
{
    struct page *p = mapping;
    *r = (struct page_reader){.page = p, .cap = page_ring_cap(n_scores), .n_scores = n_scores};
    p->ring_cap = r->cap;
    p->n_scores = n_scores;
}

uint64_t page_ready(const struct page_reader *r)
{
    uint64_t n = atomic_load_explicit(&r->page->head.v, memory_order_acquire) - r->tail;
    return n <= r->cap ? n : UINT64_MAX;
}

/* After a seq_cst store of a tail: does the slot wait for room? Asked once for each time. */
static bool take_wake(struct page *p)
{
    return atomic_load(&p->wants_wake.v) && atomic_exchange(&p->wants_wake.v, 0);
}

bool page_take(struct page_reader *r, uint64_t n, uint8_t *status, double *scores)
{
    const uint8_t *from_status = (const uint8_t *)r->page + RING_AT;
    const double *from_scores = (const double *)(const void *)(from_status + status_bytes(r->cap));
    uint64_t left = n;
    while (left > 0) {
        uint64_t at = r->tail & (r->cap - 1);
        uint64_t piece = left < r->cap - at ? left : r->cap - at;
        memcpy(status, from_status + at, (size_t)piece);
        memcpy(scores, from_scores + at * r->n_scores, (size_t)(piece * r->n_scores) * sizeof(double));
        status += piece;
        scores += piece * r->n_scores;
        r->tail += piece;
        left -= piece;
    }
    atomic_store(&r->page->tail.v, r->tail);
    return take_wake(r->page);
}

/* ---- text ---- */

static void ring_put(uint8_t *ring, uint64_t at, const void *bytes, size_t len)
{
    size_t from = (size_t)(at % PAGE_SIDE_BYTES);
    size_t first = len < PAGE_SIDE_BYTES - from ? len : PAGE_SIDE_BYTES - from;
    if (len == 0)
        return;
    memcpy(ring + from, bytes, first);
    memcpy(ring, (const uint8_t *)bytes + first, len - first);
}

static void ring_get(const uint8_t *ring, uint64_t at, void *bytes, size_t len)
{
    size_t from = (size_t)(at % PAGE_SIDE_BYTES);
    size_t first = len < PAGE_SIDE_BYTES - from ? len : PAGE_SIDE_BYTES - from;
    memcpy(bytes, ring + from, first);
    memcpy((uint8_t *)bytes + first, ring, len - first);
}

static uint64_t entry_bytes(uint32_t len)
{
    return sizeof(struct side_head) + (((uint64_t)len + 7) & ~(uint64_t)7);
}

bool page_side_write(struct page *p, const struct side_head *head, const void *bytes)
{
    SHEAF_ASSERT(head->len <= PAGE_SIDE_MAX);
    uint64_t at = atomic_load_explicit(&p->side_head.v, memory_order_relaxed);
    uint64_t used = at - atomic_load(&p->side_tail.v);
    if (used + entry_bytes(head->len) > PAGE_SIDE_BYTES)
        return false;
    ring_put(page_side(p), at, head, sizeof *head);
    ring_put(page_side(p), at + sizeof *head, bytes, head->len);
    atomic_store_explicit(&p->side_head.v, at + entry_bytes(head->len), memory_order_release);
    return true;
}

int64_t page_side_read(struct page_reader *r, struct side_head *head, char *buf, size_t cap, bool *wake)
{
    uint64_t used = atomic_load_explicit(&r->page->side_head.v, memory_order_acquire) - r->side_tail;
    *wake = false;
    if (used == 0)
        return -1;
    if (used > PAGE_SIDE_BYTES || used < sizeof *head)
        return SHEAF_EPROTO;
    struct side_head h;
    ring_get(page_side(r->page), r->side_tail, &h, sizeof h);
    if (h.len > PAGE_SIDE_MAX || h.len >= cap || entry_bytes(h.len) > used || h.kind < SIDE_FAIL || h.kind > SIDE_GROUP)
        return SHEAF_EPROTO;
    ring_get(page_side(r->page), r->side_tail + sizeof h, buf, h.len);
    buf[h.len] = '\0';
    r->side_tail += entry_bytes(h.len);
    atomic_store(&r->page->side_tail.v, r->side_tail);
    *wake = take_wake(r->page);
    *head = h;
    return h.len;
}

void page_err_write(struct page *p, const char *bytes, size_t len)
{
    uint64_t at = atomic_load_explicit(&p->err_bytes.v, memory_order_relaxed);
    size_t skip = len > PAGE_ERR_BYTES ? len - PAGE_ERR_BYTES : 0;
    for (size_t i = skip; i < len; i++)
        page_err(p)[(at + i) % PAGE_ERR_BYTES] = bytes[i];
    atomic_store_explicit(&p->err_bytes.v, at + len, memory_order_release);
}

void page_err_read(const struct page_reader *r, char *out)
{
    uint64_t n = atomic_load_explicit(&r->page->err_bytes.v, memory_order_acquire);
    uint64_t keep = n < PAGE_ERR_BYTES ? n : PAGE_ERR_BYTES;
    for (uint64_t i = 0; i < keep; i++)
        out[i] = page_err(r->page)[(n - keep + i) % PAGE_ERR_BYTES];
    out[keep] = '\0';
}
