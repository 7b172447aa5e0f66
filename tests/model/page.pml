/* SPDX-License-Identifier: MIT
 *
 * page: how a worker takes back the tail of a chunk that a slot works on (worker/page.c, page.h), every single load and store a step of
 * its own, sequentially consistent as the code's are. docs/model.md says what is abstracted.
 *
 * The worker orders CHUNKS chunks of COUNT tasks, two at a time in the page (crew_advance), and LOWERS times takes back the tail of
 * either from any offset (page_lower). The slot claims up to CLAIM tasks at once and runs them (page_claim, run_claim).
 *
 * What is checked: no task is run twice or both run and taken back; at the end each was one of the two; a tail never starts below
 * what the worker has records of. A task that is lost stops the search in a state without an end: the worker waits for its record.
 *
 * M_...: broken protocols.
 */
#ifndef CHUNKS
#define CHUNKS 3
#endif
#ifndef COUNT
#define COUNT 3 /* at most 4 */
#endif
#ifndef CLAIM
#define CLAIM 2
#endif
#ifndef LOWERS
#define LOWERS 3
#endif

/* A word: sequence << 5 | PAGE_ASKED | PAGE_LOWERING | offset */
#define WORD(seq, offset) ((seq) << 5 | (offset))
#define SEQ(word) ((word) >> 5)
#define OFFSET(word) ((word) & 7)
#define LOWERING 8
#define ASKED 16
#define BIT(offset) (1 << (offset))
#define FROM(a, b) ((BIT(b) - 1) & ~(BIT(a) - 1))

#ifdef M_ONE_END
#define END(seq) end[0]
#else
#define END(seq) end[(seq) & 1]
#endif

/* ---- the page ---- */
byte claimed, end[2], head; /* head: records that the slot has published */

/* ---- its neighbourhood ---- */
chan orders = [CHUNKS] of { byte }; /* SLOT_ORDER */
byte ran[CHUNKS + 1], taken[CHUNKS + 1];

inline run_task(seq, offset)
{
    d_step {
        assert((ran[seq] & BIT(offset)) == 0);
        assert((taken[seq] & BIT(offset)) == 0);
        assert((offset) < COUNT);
        ran[seq] = ran[seq] | BIT(offset)
    }
}

active proctype slot()
{
    byte seq, i, n, word;

end_idle:
    do
    :: orders ? seq -> /* run_chunk */
        i = 0;
        do /* run_claim */
        :: true ->
            if
            :: n = 1
            :: (END(seq) & ASKED) == 0 -> n = CLAIM
            fi;
            /* page_claim */
#ifndef M_CLAIM_LATE
            claimed = WORD(seq, i + n - 1);
            word = END(seq);
#else
            word = END(seq); /* what a weaker order than seq_cst comes to */
            claimed = WORD(seq, i + n - 1);
#endif
            do
#ifndef M_NO_SEQ
            :: SEQ(word) != seq -> n = 0; break
            :: SEQ(word) == seq && i + n <= OFFSET(word) -> break
#else
            :: i + n <= OFFSET(word) -> break
#endif
            :: else ->
                if
                :: (word & LOWERING) != 0 -> word = END(seq) /* look again */
                :: else -> n = (OFFSET(word) > i -> OFFSET(word) - i : 0); break
                fi
            od;
            if
            :: n == 0 -> break
            :: else
            fi;
            do
            :: n > 0 ->
                run_task(seq, i);
                head++; /* page_publish */
                i++;
                n--;
                if
                :: n > 0 && (END(seq) & ASKED) != 0 -> n = 0 /* the rest may be taken */
                :: else
                fi
            :: else -> break
            od
        od;
        i = 0;
        n = 0;
        word = 0
    od
}

active proctype worker()
{
    byte first = 1, sent, seen, done; /* the chunk in front, how many the slot was told of, records read, of them this chunk's */
    byte stop[CHUNKS + 1];            /* crew_order.end */
    byte lowers, seq, k, start, word;

    do
    :: sent < 2 && first + sent <= CHUNKS -> /* crew_advance, page_open_chunk */
        seq = first + sent;
        stop[seq] = COUNT;
        sent++;
        END(seq) = WORD(seq, COUNT);
        orders ! seq
#ifdef M_OPEN_EARLY
    :: sent == 2 && first + sent <= CHUNKS ->
        seq = first + sent;
        stop[seq] = COUNT;
        sent++;
        END(seq) = WORD(seq, COUNT);
        orders ! seq
#endif
    :: sent > 0 && (head != seen || stop[first] == done) -> /* crewdrain_rings, crew_advance */
        d_step {
            done = done + head - seen;
            seen = head;
            do
            :: sent > 0 && done >= stop[first] -> done = done - stop[first]; first++; sent--
            :: else -> break
            od
        }
    :: sent > 0 && lowers < LOWERS -> /* take_tail, op_lower, page_lower */
        lowers++;
        if
        :: seq = first
        :: sent > 1 -> seq = first + 1
        fi;
        k = (seq == first -> done : 0);
        do
        :: k + 1 < stop[seq] -> k++
        :: break
        od;
        if
        :: k < stop[seq] ->
#ifdef M_READ_FIRST
            word = claimed;
            END(seq) = WORD(seq, k) | LOWERING | ASKED;
#elif defined(M_NO_MARK)
            END(seq) = WORD(seq, k) | ASKED;
            word = claimed;
#else
            END(seq) = WORD(seq, k) | LOWERING | ASKED;
            word = claimed;
#endif
            start = k;
            if
            :: SEQ(word) == seq && OFFSET(word) + 1 > k -> start = OFFSET(word) + 1
#ifndef M_YOUNGER
            :: SEQ(word) > seq -> start = stop[seq]
#endif
            :: else
            fi;
            if
            :: start > stop[seq] -> start = stop[seq]
            :: else
            fi;
            END(seq) = WORD(seq, start) | ASKED;
            d_step {
                assert(seq != first || start >= done);
                assert((ran[seq] & FROM(start, stop[seq])) == 0);
                taken[seq] = taken[seq] | FROM(start, stop[seq]);
                stop[seq] = start;
                word = 0;
                start = 0
            }
        :: else
        fi;
        k = 0
    :: sent == 0 && first > CHUNKS -> break
    od;
    k = 1;
    do
    :: k <= CHUNKS -> assert((ran[k] ^ taken[k]) == BIT(COUNT) - 1); k++
    :: else -> break
    od
}
