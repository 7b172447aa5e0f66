/* SPDX-License-Identifier: MIT
 *
 * book: one symbol's trades matched broker by broker, as README.md defines it. Every broker has an account; what it keeps of his trades
 * until the end depends on the matching (fifo.c, lots.c). Memory is a task's scratch memory, which grows by doubling.
 */
#ifndef FIFO_PNL_BOOK_H
#define FIFO_PNL_BOOK_H

#include "sheaf/plugin.h"

enum matching { MATCHING_FIFO, MATCHING_LIFO, MATCHING_AVERAGE };
enum sum { SUM_REALIZED, SUM_UNREALIZED, SUM_FEES, SUM_CLOSED, SUM_WINS, SUM_CLOSES, SUM_HOLDING, N_SUMS };

#define BOOK_MAX_BROKERS 65536u
#define BOOK_NEAR 1024u /* brokers 0, 1 ... below it are found without a search */
#define BOOK_NONE UINT32_MAX
#define BOOK_NO_MEMORY "out of memory for the open lots"

struct rule {
    uint32_t matching; /* enum matching */
    double fee_bps;
    int64_t start_day;
};

struct trade {
    int64_t day, broker;
    int64_t quantity; /* not 0, and exact as a double */
    double price;
};

/* What was bought or sold, in the order in which it was. */
struct side {
    struct trade *at; /* all quantities above 0 */
    uint32_t n, cap;
};

/* One broker's. */
struct account {
    int64_t broker;
    double sums[N_SUMS];
    struct side bought_sold[2]; /* fifo */
    uint32_t newest;            /* the others: the list of open lots, BOOK_NONE = none */
};

/* An open lot of lifo or average. */
struct lot {
    double quantity, price; /* quantity < 0: sold short */
    int64_t day;
    uint32_t older; /* the next one of the list, or BOOK_NONE; of a free one the next free one */
};

struct book {
    const struct sheaf_host *host;
    struct rule rule;
    struct account *accounts; /* in the order of their first trades */
    uint32_t n_accounts, cap_accounts;
    uint32_t *near;  /* BOOK_NEAR of them: an account's number + 1, or 0 */
    uint32_t *table; /* of all others, by open addressing, likewise */
    uint32_t table_size;
    struct lot *lots;
    uint32_t n_lots, cap_lots, free_lot;
};

/* An empty book; host is that of the task. False when memory is short. */
bool book_init(struct book *b, const struct sheaf_host *host, const struct rule *rule);

/* Takes in n trades in their order. *done: how many were; NULL, or why the next one was not. */
const char *book_trades(struct book *b, const struct trade *trades, uint64_t n, uint64_t *done);

/* Values what is still open at this price, and puts the accounts in ascending order of their brokers. No trades after that. */
void book_close(struct book *b, double mark);

/* n items of what had `used`; the old memory goes with the task. NULL when memory is short. */
void *book_more(const struct book *b, const void *old, uint32_t used, uint32_t n, size_t size);

/* Fifo: matches what an account bought and sold, and values what is left. */
void fifo_close(const struct book *b, struct account *a, double mark);

/* Lifo and average: matches one trade, false when memory is short; values what is left. */
bool lots_trade(struct book *b, struct account *a, const struct trade *t);
void lots_close(struct book *b, struct account *a, double mark);

#endif
