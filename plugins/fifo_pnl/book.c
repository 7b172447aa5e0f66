/* SPDX-License-Identifier: MIT
 *
 * book: accounts, by the numbers of their brokers.
 */
#include "book.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ACCOUNTS 64u
#define FIRST_TRADES 8u

void *book_more(const struct book *b, const void *old, uint32_t used, uint32_t n, size_t size)
{
    void *grown = b->host->scratch(b->host, (uint64_t)n * size);
    if (grown && used)
        memcpy(grown, old, used * size);
    return grown;
}

static uint32_t *place_of(const struct book *b, int64_t broker)
{
    if ((uint64_t)broker < BOOK_NEAR)
        return &b->near[broker];
    uint32_t at = (uint32_t)(((uint64_t)broker * 0x9e3779b97f4a7c15u) >> 32) & (b->table_size - 1);
    while (b->table[at] && b->accounts[b->table[at] - 1].broker != broker)
        at = (at + 1) & (b->table_size - 1);
    return &b->table[at];
}

/* Room for `cap` accounts, in a table that they fill by half. */
static bool grow_accounts(struct book *b, uint32_t cap)
{
    struct account *accounts = book_more(b, b->accounts, b->n_accounts, cap, sizeof(*accounts));
    uint32_t *table = book_more(b, NULL, 0, cap * 2, sizeof(*table));
    if (!accounts || !table)
        return false;
    memset(table, 0, (size_t)cap * 2 * sizeof(*table));
    b->accounts = accounts;
    b->cap_accounts = cap;
    b->table = table;
    b->table_size = cap * 2;
    for (uint32_t i = 0; i < b->n_accounts; i++)
        *place_of(b, accounts[i].broker) = i + 1;
    return true;
}

bool book_init(struct book *b, const struct sheaf_host *host, const struct rule *rule)
{
    *b = (struct book){.host = host, .rule = *rule, .free_lot = BOOK_NONE};
    b->near = book_more(b, NULL, 0, BOOK_NEAR, sizeof(*b->near));
    if (!b->near)
        return false;
    memset(b->near, 0, BOOK_NEAR * sizeof(*b->near));
    return grow_accounts(b, FIRST_ACCOUNTS);
}

static const char *new_account(struct book *b, int64_t broker)
{
    if (b->n_accounts == BOOK_MAX_BROKERS)
        return "there are more than 65,536 brokers";
    if (b->n_accounts == b->cap_accounts && !grow_accounts(b, b->cap_accounts * 2))
        return BOOK_NO_MEMORY;
    b->accounts[b->n_accounts] = (struct account){.broker = broker, .newest = BOOK_NONE};
    *place_of(b, broker) = ++b->n_accounts;
    return NULL;
}

/* Room for one more behind the last: the merge reads it and throws it away. */
static bool make_room(const struct book *b, struct side *s)
{
    if (s->n + 1 < s->cap)
        return true;
    uint32_t cap = s->cap ? s->cap * 2 : FIRST_TRADES;
    struct trade *grown = s->cap > UINT32_MAX / 4 ? NULL : book_more(b, s->at, s->n, cap, sizeof(*grown));
    if (!grown)
        return false;
    s->at = grown;
    s->cap = cap;
    return true;
}

/* Keeps a trade for fifo_close. */
static bool keep_trade(struct book *b, struct account *a, const struct trade *t)
{
    int64_t sign = -(int64_t)(t->quantity < 0);
    struct side *s = &a->bought_sold[-sign];
    if (!make_room(b, s))
        return false;
    s->at[s->n] = *t;
    s->at[s->n++].quantity = (t->quantity ^ sign) - sign;
    return true;
}

const char *book_trades(struct book *b, const struct trade *trades, uint64_t n, uint64_t *done)
{
    bool fifo = b->rule.matching == MATCHING_FIFO;
    for (*done = 0; *done < n; ++*done) {
        const struct trade *t = &trades[*done];
        uint32_t *at = place_of(b, t->broker);
        const char *why = *at ? NULL : new_account(b, t->broker);
        if (why)
            return why;
        struct account *a = &b->accounts[*(*at ? at : place_of(b, t->broker)) - 1];
        if (t->day >= b->rule.start_day)
            a->sums[SUM_FEES] += fabs((double)t->quantity) * t->price * b->rule.fee_bps / 1e4;
        if (!(fifo ? keep_trade(b, a, t) : lots_trade(b, a, t)))
            return BOOK_NO_MEMORY;
    }
    return NULL;
}

static int by_broker(const void *x, const void *y)
{
    int64_t a = ((const struct account *)x)->broker, b = ((const struct account *)y)->broker;
    return (a > b) - (a < b);
}

void book_close(struct book *b, double mark)
{
    for (uint32_t i = 0; i < b->n_accounts; i++)
        if (b->rule.matching == MATCHING_FIFO)
            fifo_close(b, &b->accounts[i], mark);
        else
            lots_close(b, &b->accounts[i], mark);
    qsort(b->accounts, b->n_accounts, sizeof(*b->accounts), by_broker);
}
