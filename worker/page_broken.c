/* SPDX-License-Identifier: MIT
 *
 * page_broken: the page with one of its rules broken, by BROKEN: what page_stress has to find, or it would prove nothing.
 *   1  weaker order than seq_cst between `claimed` and `end`        4  the lowered end is not marked
 *   2  `end` is loaded before `claimed` is stored                   5  one word for the ends of both chunks
 *   3  `claimed` is loaded before `end` is lowered                  6  the slot does not look at the sequence of the end
 * Where the rule is about two steps, a pause between them makes its breach likely on any machine; the order of the first is the
 * processor's.
 */
#define page_claim sound_claim
#define page_lower sound_lower
#define page_open_chunk sound_open_chunk
#include "worker/page.c" /* NOLINT(bugprone-suspicious-include): the rest of the page is the true one */
#undef page_claim
#undef page_lower
#undef page_open_chunk

/* As page.h has them, had it not been read under the other names. */
uint32_t page_claim(struct page *p, uint32_t seq, uint32_t offset, uint32_t n);
void page_open_chunk(struct page *p, uint32_t seq, uint32_t count);
uint32_t page_lower(struct page *p, uint32_t seq, uint32_t offset, uint32_t count);

#define CLAIMED_ORDER (BROKEN == 1 ? memory_order_release : memory_order_seq_cst)

static _Atomic uint64_t *broken_end(struct page *p, uint32_t seq)
{
    return BROKEN == 5 ? &p->end[0].v : end_of(p, seq);
}

static void blink(void)
{
    static _Thread_local uint32_t n;
    if (++n % 16 == 0)
        sched_yield();
}

uint32_t page_claim(struct page *p, uint32_t seq, uint32_t offset, uint32_t n)
{
    /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): one variant reads it */
    uint64_t early = atomic_load(broken_end(p, seq));
    if (BROKEN == 2)
        blink();
    atomic_store_explicit(&p->claimed.v, page_pack(seq, offset + n - 1), CLAIMED_ORDER);
    for (;;) {
        uint64_t word = BROKEN == 2 ? early : atomic_load(broken_end(p, seq));
        uint32_t end = page_offset(word) & ~(PAGE_LOWERING | PAGE_ASKED);
        if (page_seq(word) != seq && BROKEN != 6)
            return 0;
        if (offset + n <= end)
            return n;
        if (!(page_offset(word) & PAGE_LOWERING))
            return end > offset ? end - offset : 0;
        /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): one variant reads it */
        early = atomic_load(broken_end(p, seq));
        sched_yield();
    }
}

void page_open_chunk(struct page *p, uint32_t seq, uint32_t count)
{
    if (BROKEN == 6)
        blink();
    atomic_store(broken_end(p, seq), page_pack(seq, count));
}

uint32_t page_lower(struct page *p, uint32_t seq, uint32_t offset, uint32_t count)
{
    /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): one variant keeps it */
    uint64_t claimed = atomic_load(&p->claimed.v), start = offset;
    uint32_t mark = BROKEN == 4 ? PAGE_ASKED : PAGE_LOWERING | PAGE_ASKED;
    if (offset >= count)
        return count;
    if (BROKEN == 3)
        blink();
    atomic_store(broken_end(p, seq), page_pack(seq, offset | mark));
    if (BROKEN != 3)
        claimed = atomic_load(&p->claimed.v);
    if (BROKEN == 4)
        blink();
    if (page_seq(claimed) == seq && (uint64_t)page_offset(claimed) + 1 > start)
        start = (uint64_t)page_offset(claimed) + 1;
    if (page_seq(claimed) > seq || start > count)
        start = count;
    atomic_store(broken_end(p, seq), page_pack(seq, (uint32_t)start | PAGE_ASKED));
    return (uint32_t)start;
}
