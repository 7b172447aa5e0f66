/* SPDX-License-Identifier: MIT
 *
 * intervals: a sorted array. Every change is a splice: the ranges it touches are replaced by at most two new ones,
 * so the invariant (sorted, disjoint, not adjacent, not empty) has one place to hold.
 */
#include "common/intervals.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 8
#define SPLICE_MOST 8 /* ranges; beyond that a merge is cheaper */

void intervals_finish(struct intervals *s)
{
    free(s->at);
    *s = (struct intervals){0};
}

/* The first range that ends at or after pos; n when there is none. */
static size_t first_to_at_least(const struct intervals *s, uint64_t pos)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->at[mid].to < pos)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The first range that begins at or after pos. */
static size_t first_from_at_least(const struct intervals *s, uint64_t pos)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->at[mid].from < pos)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The first range with a position at or after pos. */
static size_t first_reaching(const struct intervals *s, uint64_t pos)
{
    size_t i = first_to_at_least(s, pos);
    return i < s->n && s->at[i].to == pos ? i + 1 : i;
}

static int grow(struct intervals *s, size_t n)
{
    if (n <= s->cap)
        return 0;
    size_t cap = s->cap == 0 ? FIRST_CAP : 2 * s->cap;
    if (cap > SIZE_MAX / sizeof(struct interval))
        return SHEAF_ENOMEM;
    struct interval *at = mem_realloc(s->at, cap * sizeof(*at));
    if (at == NULL)
        return SHEAF_ENOMEM;
    s->at = at;
    s->cap = cap;
    return 0;
}

static uint64_t length_of(const struct interval *at, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += at[i].to - at[i].from;
    return sum;
}

/* Replaces ranges [low, high) by n (at most 2) new ones. */
static int splice(struct intervals *s, size_t low, size_t high, const struct interval *piece, size_t n)
{
    int err = grow(s, s->n - (high - low) + n);
    if (err != 0)
        return err;
    s->count -= length_of(s->at + low, high - low);
    s->count += length_of(piece, n);
    memmove(s->at + low + n, s->at + high, (s->n - high) * sizeof(*s->at));
    for (size_t i = 0; i < n; i++)
        s->at[low + i] = piece[i];
    s->n = s->n - (high - low) + n;
    return 0;
}

int intervals_add(struct intervals *s, uint64_t from, uint64_t to)
{
    if (from >= to)
        return 0;
    size_t low = first_to_at_least(s, from); /* touching counts: neighbours grow together */
    size_t high = first_from_at_least(s, to);
    if (high < s->n && s->at[high].from == to)
        high++;
    struct interval piece = {from, to};
    if (low < high) {
        if (s->at[low].from < from)
            piece.from = s->at[low].from;
        if (s->at[high - 1].to > to)
            piece.to = s->at[high - 1].to;
    }
    return splice(s, low, high, &piece, 1);
}

int intervals_remove(struct intervals *s, uint64_t from, uint64_t to)
{
    if (from >= to)
        return 0;
    size_t low = first_reaching(s, from);
    size_t high = first_from_at_least(s, to);
    if (low >= high)
        return 0;
    struct interval piece[2];
    size_t n = 0;
    if (s->at[low].from < from)
        piece[n++] = (struct interval){s->at[low].from, from};
    if (s->at[high - 1].to > to)
        piece[n++] = (struct interval){to, s->at[high - 1].to};
    return splice(s, low, high, piece, n);
}

/* A few ranges are spliced in one by one; many are merged into a new array, for each splice moves what is behind it. */
static bool is_few(const struct intervals *s, const struct intervals *other)
{
    return other->n <= SPLICE_MOST || s->n <= SPLICE_MOST;
}

/* Appends a range that begins at or after the last one's beginning. There is room. */
static void push(struct intervals *s, struct interval r)
{
    struct interval *last = s->n == 0 ? NULL : &s->at[s->n - 1];
    if (last == NULL || r.from > last->to)
        s->at[s->n++] = r;
    else if (r.to > last->to)
        last->to = r.to;
}

static int make_room(struct intervals *s, size_t n, size_t m)
{
    if (n > SIZE_MAX / sizeof(*s->at) - m || (s->at = mem_realloc(NULL, (n + m) * sizeof(*s->at))) == NULL)
        return SHEAF_ENOMEM;
    s->cap = n + m;
    return 0;
}

static void replace(struct intervals *s, struct intervals *by)
{
    by->count = length_of(by->at, by->n);
    free(s->at);
    *s = *by;
}

static int merge_add(struct intervals *s, const struct intervals *other)
{
    struct intervals sum = {0};
    int err = make_room(&sum, s->n, other->n);
    if (err != 0)
        return err;
    size_t i = 0, j = 0;
    while (i < s->n || j < other->n) {
        bool ours = j == other->n || (i < s->n && s->at[i].from <= other->at[j].from);
        push(&sum, ours ? s->at[i++] : other->at[j++]);
    }
    replace(s, &sum);
    return 0;
}

static int merge_remove(struct intervals *s, const struct intervals *other)
{
    struct intervals rest = {0}; /* each range of other ends at most one piece more */
    int err = make_room(&rest, s->n, other->n);
    if (err != 0)
        return err;
    size_t j = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct interval r = s->at[i];
        while (j < other->n && other->at[j].to <= r.from)
            j++;
        /* not with j itself: the last range that reaches into r may reach into the next one too */
        for (size_t k = j; k < other->n && other->at[k].from < r.to && r.from < r.to; k++) {
            if (other->at[k].from > r.from)
                rest.at[rest.n++] = (struct interval){r.from, other->at[k].from};
            r.from = other->at[k].to;
        }
        if (r.from < r.to)
            rest.at[rest.n++] = r;
    }
    replace(s, &rest);
    return 0;
}

int intervals_add_all(struct intervals *s, const struct intervals *other)
{
    if (s == other)
        return 0;
    if (!is_few(s, other))
        return merge_add(s, other);
    for (size_t i = 0; i < other->n; i++) {
        int err = intervals_add(s, other->at[i].from, other->at[i].to);
        if (err != 0)
            return err;
    }
    return 0;
}

int intervals_remove_all(struct intervals *s, const struct intervals *other)
{
    if (s == other) {
        s->n = 0;
        s->count = 0;
        return 0;
    }
    if (!is_few(s, other))
        return merge_remove(s, other);
    for (size_t i = 0; i < other->n; i++) {
        int err = intervals_remove(s, other->at[i].from, other->at[i].to);
        if (err != 0)
            return err;
    }
    return 0;
}

bool intervals_has(const struct intervals *s, uint64_t pos)
{
    size_t i = first_reaching(s, pos);
    return i < s->n && s->at[i].from <= pos;
}

bool intervals_has_all(const struct intervals *s, uint64_t from, uint64_t to)
{
    if (from >= to)
        return true;
    size_t i = first_reaching(s, from);
    return i < s->n && s->at[i].from <= from && s->at[i].to >= to;
}

uint64_t intervals_count_in(const struct intervals *s, uint64_t from, uint64_t to)
{
    if (from >= to)
        return 0;
    size_t low = first_reaching(s, from);
    size_t high = first_from_at_least(s, to);
    if (low >= high)
        return 0;
    uint64_t sum = low == 0 && high == s->n ? s->count : length_of(s->at + low, high - low);
    if (s->at[low].from < from)
        sum -= from - s->at[low].from;
    if (s->at[high - 1].to > to)
        sum -= s->at[high - 1].to - to;
    return sum;
}

bool intervals_next_in(const struct intervals *s, uint64_t from, uint64_t to, struct interval *out)
{
    if (from >= to)
        return false;
    size_t i = first_reaching(s, from);
    if (i == s->n || s->at[i].from >= to)
        return false;
    out->from = s->at[i].from > from ? s->at[i].from : from;
    out->to = s->at[i].to < to ? s->at[i].to : to;
    return true;
}

bool intervals_next_gap(const struct intervals *s, uint64_t from, uint64_t to, struct interval *out)
{
    size_t i = first_reaching(s, from);
    if (i < s->n && s->at[i].from <= from)
        from = s->at[i++].to; /* ranges never touch: a gap begins here */
    if (from >= to)
        return false;
    out->from = from;
    out->to = i < s->n && s->at[i].from < to ? s->at[i].from : to;
    return true;
}
