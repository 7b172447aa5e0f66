/* SPDX-License-Identifier: MIT
 *
 * book: lots are links of lists in one array: fifo closes at the head and opens at the tail, lifo and average do both at the head.
 * A closed lot's place is used by the next one, so that the array stays as small as what is open. The order of
 * every operation on doubles is that of the definition: results are equal to the bit.
 */
#include "book.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LOTS 256u
#define FIRST_ACCOUNTS 64u
#define OUT_OF_MEMORY "out of memory for the open lots"

/* ---- memory ---- */

/* n items of what had `used`; the old memory goes with the task. NULL when memory is short. */
static void *more(const struct book *b, const void *old, uint32_t used, uint32_t n, size_t size)
{
    void *grown = b->host->scratch(b->host, (uint64_t)n * size);
    if (grown && used)
        memcpy(grown, old, used * size);
    return grown;
}

static uint32_t place_of(const struct book *b, int64_t broker)
{
    uint64_t x = (uint64_t)broker * 0x9e3779b97f4a7c15u;
    uint32_t at = (uint32_t)(x >> 32) & (b->table_size - 1);
    while (b->table[at] && b->accounts[b->table[at] - 1].broker != broker)
        at = (at + 1) & (b->table_size - 1);
    return at;
}

/* Room for `cap` accounts, in a table that they fill by half. */
static bool grow_accounts(struct book *b, uint32_t cap)
{
    struct account *accounts = more(b, b->accounts, b->n_accounts, cap, sizeof(*accounts));
    uint32_t *table = b->host->scratch(b->host, (uint64_t)cap * 2 * sizeof(*table));
    if (!accounts || !table)
        return false;
    memset(table, 0, (size_t)cap * 2 * sizeof(*table));
    b->accounts = accounts;
    b->cap_accounts = cap;
    b->table = table;
    b->table_size = cap * 2;
    for (uint32_t i = 0; i < b->n_accounts; i++)
        table[place_of(b, accounts[i].broker)] = i + 1;
    return true;
}

static bool grow_lots(struct book *b, uint32_t cap)
{
    struct lot *lots = more(b, b->lots, b->n_lots, cap, sizeof(*lots));
    if (!lots)
        return false;
    b->lots = lots;
    b->cap_lots = cap;
    return true;
}

bool book_init(struct book *b, const struct sheaf_host *host, const struct rule *rule)
{
    *b = (struct book){.host = host, .rule = *rule, .free_lot = BOOK_NONE};
    return grow_accounts(b, FIRST_ACCOUNTS) && grow_lots(b, FIRST_LOTS);
}

/* ---- trades ---- */

static const char *account_of(struct book *b, int64_t broker, struct account **out)
{
    uint32_t at = place_of(b, broker);
    if (!b->table[at]) {
        if (b->n_accounts == BOOK_MAX_BROKERS)
            return "there are more than 65,536 brokers";
        if (b->n_accounts == b->cap_accounts) {
            if (!grow_accounts(b, b->cap_accounts * 2))
                return OUT_OF_MEMORY;
            at = place_of(b, broker);
        }
        b->accounts[b->n_accounts] = (struct account){.broker = broker, .first = BOOK_NONE, .last = BOOK_NONE};
        b->table[at] = ++b->n_accounts;
    }
    *out = &b->accounts[b->table[at] - 1];
    return NULL;
}

/* Opens a lot; false when memory is short. */
static bool open_lot(struct book *b, struct account *a, const struct trade *t, double quantity)
{
    uint32_t at = b->free_lot;
    if (at != BOOK_NONE) {
        b->free_lot = b->lots[at].next;
    } else {
        if (b->n_lots == b->cap_lots && (b->cap_lots > UINT32_MAX / 4 || !grow_lots(b, b->cap_lots * 2)))
            return false;
        at = b->n_lots++;
    }
    bool front = b->rule.matching != MATCHING_FIFO || a->first == BOOK_NONE;
    b->lots[at] = (struct lot){quantity, t->price, t->day, front ? a->first : BOOK_NONE};
    if (front)
        a->first = at;
    else
        b->lots[a->last].next = at;
    if (b->lots[at].next == BOOK_NONE)
        a->last = at;
    return true;
}

static void drop_first(struct book *b, struct account *a)
{
    uint32_t at = a->first;
    a->first = b->lots[at].next;
    b->lots[at].next = b->free_lot;
    b->free_lot = at;
}

/* Matches with open lots of the other side; returns what is left of the quantity. */
static double close_lots(struct book *b, struct account *a, const struct trade *t, bool counts)
{
    double q = t->quantity;
    while (q != 0 && a->first != BOOK_NONE && (b->lots[a->first].quantity > 0) != (q > 0)) {
        struct lot *l = &b->lots[a->first];
        double n = fabs(l->quantity) < fabs(q) ? fabs(l->quantity) : fabs(q);
        double sign = l->quantity > 0 ? 1.0 : -1.0;
        double pnl = n * (t->price - l->price) * sign;
        if (counts) {
            a->sums[SUM_REALIZED] += pnl;
            a->sums[SUM_CLOSED] += n;
            a->sums[SUM_WINS] += pnl > 0;
            a->sums[SUM_CLOSES] += 1;
            a->sums[SUM_HOLDING] += n * (double)(t->day - l->day);
        }
        l->quantity -= sign * n;
        q += sign * n;
        if (l->quantity == 0)
            drop_first(b, a);
    }
    return q;
}

const char *book_trade(struct book *b, const struct trade *t)
{
    struct account *a;
    const char *why = account_of(b, t->broker, &a);
    if (why)
        return why;
    bool counts = t->day >= b->rule.start_day;
    if (counts)
        a->sums[SUM_FEES] += fabs(t->quantity) * t->price * b->rule.fee_bps / 1e4;
    double q = close_lots(b, a, t, counts);
    if (q == 0)
        return NULL;
    if (b->rule.matching == MATCHING_AVERAGE && a->first != BOOK_NONE) {
        struct lot *l = &b->lots[a->first];
        l->price = (l->quantity * l->price + q * t->price) / (l->quantity + q);
        l->quantity += q;
        return NULL;
    }
    return open_lot(b, a, t, q) ? NULL : OUT_OF_MEMORY;
}

/* ---- the end ---- */

/* The oldest lot first. */
static void turn_round(struct book *b, struct account *a)
{
    uint32_t before = BOOK_NONE;
    for (uint32_t at = a->first, next; at != BOOK_NONE; at = next) {
        next = b->lots[at].next;
        b->lots[at].next = before;
        before = at;
    }
    a->first = before;
}

static int by_broker(const void *x, const void *y)
{
    int64_t a = ((const struct account *)x)->broker, b = ((const struct account *)y)->broker;
    return (a > b) - (a < b);
}

void book_close(struct book *b, double mark)
{
    for (uint32_t i = 0; i < b->n_accounts; i++) {
        struct account *a = &b->accounts[i];
        if (b->rule.matching == MATCHING_LIFO)
            turn_round(b, a);
        for (uint32_t at = a->first; at != BOOK_NONE; at = b->lots[at].next)
            a->sums[SUM_UNREALIZED] += b->lots[at].quantity * (mark - b->lots[at].price);
    }
    qsort(b->accounts, b->n_accounts, sizeof(*b->accounts), by_broker);
}
