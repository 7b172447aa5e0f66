/* SPDX-License-Identifier: MIT
 *
 * fifo: the oldest open lot is closed first, so the n-th unit that was bought meets the n-th that was sold, whichever of them came
 * first. That makes matching a merge of two lists, in which nothing is left to be guessed by the processor: whether a trade opens
 * or closes is as good as random, and a wrong guess costs more than all else. The pieces come in the order in which they are
 * closed, and every operation on doubles is that of the definition but for two exact changes of sign: results are equal to the bit.
 */
#include "book.h"

/* Lots from number `from` on, of the first of which `left` is left. */
static double value_of(const struct side *s, uint32_t from, int64_t left, double sign, double mark, double sum)
{
    for (uint32_t i = from; i < s->n; i++)
        sum += sign * (double)(i == from ? left : s->at[i].quantity) * (mark - s->at[i].price);
    return sum;
}

void fifo_close(const struct book *b, struct account *a, double mark)
{
    const struct trade *bought = a->bought_sold[0].at, *sold = a->bought_sold[1].at;
    uint32_t i = 0, k = 0, n_bought = a->bought_sold[0].n, n_sold = a->bought_sold[1].n;
    int64_t of_bought = n_bought ? bought[0].quantity : 0, of_sold = n_sold ? sold[0].quantity : 0;
    int64_t start = b->rule.start_day, wins = 0, closes = 0;
    double realized = 0, closed = 0, holding = 0;
    while (i < n_bought && k < n_sold) {
        const struct trade *in = &bought[i], *out = &sold[k];
        int64_t n = of_bought < of_sold ? of_bought : of_sold;
        int64_t days = out->day - in->day, mask = -(int64_t)(days < 0);
        bool counts = in->day + (days & ~mask) >= start; /* the later one */
        double units = counts ? (double)n : 0, earned = (double)n * (out->price - in->price);
        realized += counts ? earned : 0;
        wins += counts & (earned > 0);
        closed += units;
        closes += counts;
        holding += units * (double)((days ^ mask) - mask);
        of_bought -= n;
        of_sold -= n;
        i += of_bought == 0;
        k += of_sold == 0;
        of_bought += bought[i].quantity & -(int64_t)(of_bought == 0);
        of_sold += sold[k].quantity & -(int64_t)(of_sold == 0);
    }
    a->sums[SUM_REALIZED] = realized;
    a->sums[SUM_CLOSED] = closed;
    a->sums[SUM_WINS] = (double)wins;
    a->sums[SUM_CLOSES] = (double)closes;
    a->sums[SUM_HOLDING] = holding;
    a->sums[SUM_UNREALIZED] = value_of(&a->bought_sold[0], i, of_bought, 1, mark, 0);
    a->sums[SUM_UNREALIZED] = value_of(&a->bought_sold[1], k, of_sold, -1, mark, a->sums[SUM_UNREALIZED]);
}
