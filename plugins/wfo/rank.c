/* SPDX-License-Identifier: MIT
 *
 * rank: see rank.h.
 */
#include "rank.h"

#include <stdbool.h>
#include <string.h>

#define RUN 12u /* runs of so many are sorted by insertion */

static void sort_run(struct ranked *a, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++) {
        struct ranked x = a[i];
        uint64_t j = i;
        for (; j > 0 && a[j - 1].value > x.value; j--)
            a[j] = a[j - 1];
        a[j] = x;
    }
}

/* Merges the sorted a[0 .. mid) and a[mid .. n) into out. Which side is next cannot be foreseen, so it is computed and
 * not branched upon. */
static void merge(const struct ranked *a, uint64_t mid, uint64_t n, struct ranked *out)
{
    uint64_t left = 0, right = mid, i = 0;
    while (left < mid && right < n) {
        bool from_left = a[left].value <= a[right].value;
        out[i++] = a[from_left ? left : right];
        left += from_left;
        right += !from_left;
    }
    memcpy(out + i, a + left, (mid - left) * sizeof *a);
    memcpy(out + i + (mid - left), a + right, (n - right) * sizeof *a);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Sorts a[0 .. n) ascending; the result is in a or in spare, whichever is returned. */
static struct ranked *sort(struct ranked *a, uint64_t n, struct ranked *spare)
{
    for (uint64_t i = 0; i < n; i += RUN)
        sort_run(a + i, least(RUN, n - i));
    for (uint64_t width = RUN; width < n; width *= 2) {
        for (uint64_t i = 0; i < n; i += 2 * width)
            merge(a + i, least(width, n - i), least(2 * width, n - i), spare + i);
        struct ranked *other = a;
        a = spare;
        spare = other;
    }
    return a;
}

void rank_average(const double *x, uint64_t n, struct ranked *order, struct ranked *spare, double *rank)
{
    for (uint64_t i = 0; i < n; i++)
        order[i] = (struct ranked){x[i], i};
    const struct ranked *s = sort(order, n, spare);
    for (uint64_t i = 0, j; i < n; i = j + 1) {
        for (j = i; j + 1 < n && s[j + 1].value == s[i].value; j++)
            ;
        for (uint64_t k = i; k <= j; k++)
            rank[s[k].at] = (double)(i + j) / 2 + 1;
    }
}

/* Whether a would be dropped before b: the smaller, and of equals the later. */
static bool worse(const struct ranked *a, const struct ranked *b)
{
    return a->value < b->value || (a->value == b->value && a->at > b->at);
}

/* Puts x into the heap heap[0 .. n), whose root, the worst, is to be dropped. */
static void replace_worst(struct ranked *heap, uint64_t n, struct ranked x)
{
    uint64_t hole = 0;
    for (uint64_t child; (child = 2 * hole + 1) < n; hole = child) {
        if (child + 1 < n && worse(&heap[child + 1], &heap[child]))
            child++;
        if (!worse(&heap[child], &x))
            break;
        heap[hole] = heap[child];
    }
    heap[hole] = x;
}

static void add(struct ranked *heap, uint64_t n, struct ranked x)
{
    uint64_t hole = n;
    while (hole > 0 && worse(&x, &heap[(hole - 1) / 2])) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = x;
}

/* Offers the assets of one word of a set to the heap, which holds n; returns how many it holds then. */
static uint64_t offer(const double *value, uint64_t word, uint64_t set, uint64_t most, struct ranked *heap, uint64_t n)
{
    for (; set; set &= set - 1) {
        uint64_t at = word * 64 + (uint64_t)__builtin_ctzll(set);
        struct ranked x = {value[at], at};
        if (n < most)
            add(heap, n++, x);
        else if (worse(&heap[0], &x))
            replace_worst(heap, n, x);
    }
    return n;
}

uint64_t rank_best(const double *value, const uint64_t *set, const uint64_t *guess, uint64_t words, uint64_t most,
                   struct ranked *heap, uint64_t *chosen)
{
    uint64_t n = 0;
    for (uint64_t word = 0; word < words; word++)
        n = offer(value, word, set[word] & guess[word], most, heap, n);
    for (uint64_t word = 0; word < words; word++)
        n = offer(value, word, set[word] & ~guess[word], most, heap, n);
    memset(chosen, 0, words * sizeof *chosen);
    for (uint64_t i = 0; i < n; i++)
        chosen[heap[i].at / 64] |= (uint64_t)1 << heap[i].at % 64;
    return n;
}
