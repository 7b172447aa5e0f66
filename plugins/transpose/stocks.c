/* SPDX-License-Identifier: MIT
 *
 * transpose_stocks: made-up stocks for the example: a file SYMBOL.csv for each, with a row a day. Prices are a random walk; stocks begin at
 * different times, and days are missing. All draws are splitmix64's, so the same arguments give the same bytes everywhere.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Day number `day` of a calendar of months of 28 days, which all are days of ours, too. */
static void put_day(FILE *out, uint64_t day)
{
    fprintf(out, "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64, 2000 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
}

static void put_cents(FILE *out, uint64_t cents)
{
    fprintf(out, ",%" PRIu64 ".%02" PRIu64, cents / 100, cents % 100);
}

static bool write_stock(const char *folder, uint64_t at, uint64_t days, uint64_t seed)
{
    char path[4096];
    uint64_t state = seed * 1000003 + at, cents = 2000 + draw(&state) % 18000;
    int n = snprintf(path, sizeof path, "%s/S%05" PRIu64 ".csv", folder, at);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "w") : NULL;
    if (!f)
        return false;
    fputs("date,open,high,low,close,volume\n", f);
    for (uint64_t day = at % 4 ? 0 : draw(&state) % (days / 2 + 1); day < days; day++) {
        uint64_t open = cents, close = 100 + cents * (9800 + draw(&state) % 401) / 10000;
        cents = close;
        if (draw(&state) % 50 == 0)
            continue;
        put_day(f, day);
        put_cents(f, open);
        put_cents(f, (open > close ? open : close) + draw(&state) % 50);
        put_cents(f, (open < close ? open : close) - draw(&state) % 50);
        put_cents(f, close);
        fprintf(f, ",%" PRIu64 "\n", 1000 + draw(&state) % 9000000);
    }
    bool whole = !ferror(f);
    return fclose(f) == 0 && whole;
}

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *rest;
    *out = strtoull(text, &rest, 10);
    return *text >= '0' && *text <= '9' && *rest == '\0' && *out >= least && *out <= most;
}

int main(int argc, char **argv)
{
    uint64_t symbols, days, seed;
    if (argc != 5 || !number(argv[2], 1, 100000, &symbols) || !number(argv[3], 1, 300000, &days) ||
        !number(argv[4], 0, 1000000, &seed)) {
        fprintf(stderr, "usage: %s FOLDER SYMBOLS DAYS SEED\n", argc > 0 ? argv[0] : "");
        return 2;
    }
    for (uint64_t i = 0; i < symbols; i++)
        if (!write_stock(argv[1], i, days, seed)) {
            perror("transpose_stocks: a file cannot be written");
            return 1;
        }
    return 0;
}
