/* SPDX-License-Identifier: MIT
 *
 * fifo_pnl_ledger: a made-up ledger for the example and the benchmark: trades.csv and closes.csv, a symbol after the other. Closes are
 * a random walk with days that are missing; trades are drawn around them. All draws are splitmix64's, so the same arguments
 * give the same bytes everywhere.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct ledger {
    uint64_t symbols, days, a_day, brokers, seed;
};

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The trades of a day at this close: broker, size in hundreds, side, price within 1 % in steps of 0.0001. */
static void write_trades(FILE *out, const struct ledger *l, const char *symbol, uint64_t day, double close,
                         uint64_t *state)
{
    for (uint64_t i = 0; i < l->a_day; i++) {
        uint64_t broker = draw(state) % l->brokers, size = 100 * (1 + draw(state) % 20);
        const char *side = draw(state) & 1 ? "" : "-";
        double off = (double)((int64_t)(draw(state) % 201) - 100) / 1e4;
        double price = rint(close * (1 + off) * 1e4) / 1e4;
        fprintf(out, "%s,%" PRIu64 ",%" PRIu64 ",%s%" PRIu64 ",%.4f\n", symbol, day, broker, side, size, price);
    }
}

/* Symbol number `at`: its closes and its trades have generators of their own. */
static void write_symbol(FILE *trades, FILE *closes, const struct ledger *l, uint64_t at)
{
    uint64_t walk = ~(l->seed + at), state = l->seed + at;
    double close = 20 + (double)(draw(&walk) % 18000) / 100;
    char symbol[32];
    snprintf(symbol, sizeof symbol, "S%05" PRIu64, at);
    for (uint64_t day = 0; day < l->days; day++) {
        close = rint(close * (1 + (double)((int64_t)(draw(&walk) % 401) - 200) / 1e4) * 100) / 100;
        close = close < 1 ? 1 : close;
        if (draw(&walk) % 50 == 0) {
            fprintf(closes, "%s,%" PRIu64 ",\n", symbol, day);
            continue;
        }
        fprintf(closes, "%s,%" PRIu64 ",%.2f\n", symbol, day, close);
        write_trades(trades, l, symbol, day, close, &state);
    }
}

static FILE *begin(const char *folder, const char *name, const char *head)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "w") : NULL;
    if (f)
        fputs(head, f);
    return f;
}

static bool end(FILE *f)
{
    bool whole = f && !ferror(f);
    return f && fclose(f) == 0 && whole;
}

static bool number(const char *text, uint64_t least, uint64_t *out)
{
    char *rest;
    *out = strtoull(text, &rest, 10);
    return *text >= '0' && *text <= '9' && *rest == '\0' && *out >= least && *out <= 100000000;
}

int main(int argc, char **argv)
{
    struct ledger l;
    if (argc != 7 || !number(argv[2], 1, &l.symbols) || !number(argv[3], 1, &l.days) || !number(argv[4], 0, &l.a_day) ||
        !number(argv[5], 1, &l.brokers) || !number(argv[6], 0, &l.seed)) {
        fprintf(stderr, "usage: %s FOLDER SYMBOLS DAYS TRADES_A_DAY BROKERS SEED\n", argc > 0 ? argv[0] : "");
        return 2;
    }
    FILE *trades = begin(argv[1], "trades.csv", "symbol,day,broker,quantity,price\n");
    FILE *closes = begin(argv[1], "closes.csv", "symbol,day,close\n");
    for (uint64_t i = 0; trades && closes && i < l.symbols; i++)
        write_symbol(trades, closes, &l, i);
    bool whole = end(trades);
    whole = end(closes) && whole;
    if (!whole)
        perror("fifo_pnl_ledger: the ledger cannot be written");
    return whole ? 0 : 1;
}
