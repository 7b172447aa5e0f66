/* SPDX-License-Identifier: MIT
 *
 * book: one symbol's trades matched broker by broker, as README.md defines it. A trade costs a look-up and as many steps as it closes
 * lots. Memory is a task's scratch memory, which grows by doubling.
 */
#ifndef FIFO_PNL_BOOK_H
#define FIFO_PNL_BOOK_H

#include "sheaf/plugin.h"

enum matching { MATCHING_FIFO, MATCHING_LIFO, MATCHING_AVERAGE };
enum sum { SUM_REALIZED, SUM_UNREALIZED, SUM_FEES, SUM_CLOSED, SUM_WINS, SUM_CLOSES, SUM_HOLDING, N_SUMS };

#define BOOK_MAX_BROKERS 65536u
#define BOOK_NONE UINT32_MAX

struct rule {
    uint32_t matching; /* enum matching */
    double fee_bps;
    int64_t start_day;
};

struct trade {
    int64_t day, broker;
    double quantity, price;
};

struct lot {
    double quantity, price; /* quantity < 0: sold short */
    int64_t day;
    uint32_t next; /* the one to be closed after it, or BOOK_NONE; of a free one the next free one */
};

/* One broker's. */
struct account {
    int64_t broker;
    double sums[N_SUMS];
    uint32_t first, last; /* open lots: the one to be closed first, and the last; BOOK_NONE */
};

struct book {
    const struct sheaf_host *host;
    struct rule rule;
    struct lot *lots;
    uint32_t n_lots, cap_lots, free_lot;
    struct account *accounts; /* in the order of their first trades */
    uint32_t n_accounts, cap_accounts;
    uint32_t *table; /* open addressing: an account's number + 1, or 0 */
    uint32_t table_size;
};

/* An empty book; host is that of the task. False when memory is short. */
bool book_init(struct book *b, const struct sheaf_host *host, const struct rule *rule);

/* Takes in a trade whose quantity is whole and not 0. NULL, or why not. */
const char *book_trade(struct book *b, const struct trade *t);

/* Values what is still open at this price, and puts the accounts in ascending order of their brokers. No trades after that. */
void book_close(struct book *b, double mark);

#endif
