/* SPDX-License-Identifier: MIT
 *
 * lots: open lots as links of lists in one array, the newest first: lifo opens and closes there, average has one lot. A closed lot's place
 * is used by the next one, so that the array stays as small as what is open.
 */
#include "book.h"

#include <math.h>

#define FIRST_LOTS 256u

/* Opens a lot; false when memory is short. */
static bool open_lot(struct book *b, struct account *a, const struct trade *t, double quantity)
{
    uint32_t at = b->free_lot;
    if (at != BOOK_NONE) {
        b->free_lot = b->lots[at].older;
    } else {
        if (b->n_lots == b->cap_lots) {
            uint32_t cap = b->cap_lots ? b->cap_lots * 2 : FIRST_LOTS;
            struct lot *grown =
                b->cap_lots > UINT32_MAX / 4 ? NULL : book_more(b, b->lots, b->n_lots, cap, sizeof(*grown));
            if (!grown)
                return false;
            b->lots = grown;
            b->cap_lots = cap;
        }
        at = b->n_lots++;
    }
    b->lots[at] = (struct lot){quantity, t->price, t->day, a->newest};
    a->newest = at;
    return true;
}

static void drop_newest(struct book *b, struct account *a)
{
    uint32_t at = a->newest;
    a->newest = b->lots[at].older;
    b->lots[at].older = b->free_lot;
    b->free_lot = at;
}

/* Matches with open lots of the other side; returns what is left of the quantity. */
static double close_lots(struct book *b, struct account *a, const struct trade *t)
{
    double q = (double)t->quantity;
    while (q != 0 && a->newest != BOOK_NONE && (b->lots[a->newest].quantity > 0) != (q > 0)) {
        struct lot *l = &b->lots[a->newest];
        double n = fabs(l->quantity) < fabs(q) ? fabs(l->quantity) : fabs(q);
        double sign = l->quantity > 0 ? 1.0 : -1.0;
        double earned = n * (t->price - l->price) * sign;
        if (t->day >= b->rule.start_day) {
            a->sums[SUM_REALIZED] += earned;
            a->sums[SUM_CLOSED] += n;
            a->sums[SUM_WINS] += earned > 0;
            a->sums[SUM_CLOSES] += 1;
            a->sums[SUM_HOLDING] += n * (double)(t->day - l->day);
        }
        l->quantity -= sign * n;
        q += sign * n;
        if (l->quantity == 0)
            drop_newest(b, a);
    }
    return q;
}

bool lots_trade(struct book *b, struct account *a, const struct trade *t)
{
    double q = close_lots(b, a, t);
    if (q == 0)
        return true;
    if (b->rule.matching == MATCHING_LIFO || a->newest == BOOK_NONE)
        return open_lot(b, a, t, q);
    struct lot *l = &b->lots[a->newest];
    l->price = (l->quantity * l->price + q * t->price) / (l->quantity + q);
    l->quantity += q;
    return true;
}

/* The oldest lot first. */
static void turn_round(struct book *b, struct account *a)
{
    uint32_t before = BOOK_NONE;
    for (uint32_t at = a->newest, next; at != BOOK_NONE; at = next) {
        next = b->lots[at].older;
        b->lots[at].older = before;
        before = at;
    }
    a->newest = before;
}

void lots_close(struct book *b, struct account *a, double mark)
{
    turn_round(b, a);
    for (uint32_t at = a->newest; at != BOOK_NONE; at = b->lots[at].older)
        a->sums[SUM_UNREALIZED] += b->lots[at].quantity * (mark - b->lots[at].price);
}
