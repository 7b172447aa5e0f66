/* SPDX-License-Identifier: MIT
 *
 * factors_prices: made-up closes for the example: close.npy, [day, asset], a random walk whose assets share a part of their moves. All
 * draws are splitmix64's, so the same arguments give the same bytes everywhere.
 */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In [-1, 1). */
static double draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1;
}

static void write_header(FILE *f, uint64_t days, uint64_t assets)
{
    char text[118];
    int n = snprintf(text, sizeof text,
                     "{'descr': '<f8', 'fortran_order': False, 'shape': (%" PRIu64 ", %" PRIu64 "), }", days, assets);
    memset(text + n, ' ', sizeof text - (size_t)n);
    text[sizeof text - 1] = '\n';
    fwrite("\x93NUMPY\1\0\x76\0", 1, 10, f);
    fwrite(text, 1, sizeof text, f);
}

static int write_prices(FILE *f, uint64_t days, uint64_t assets, uint64_t seed)
{
    double *close = malloc(assets * sizeof *close);
    if (!close)
        return 1;
    for (uint64_t i = 0; i < assets; i++)
        close[i] = 100 + 50 * draw(&seed);
    write_header(f, days, assets);
    for (uint64_t t = 0; t < days; t++) {
        double market = 0.01 * draw(&seed);
        for (uint64_t i = 0; i < assets; i++)
            close[i] *= 1 + market + 0.015 * draw(&seed);
        fwrite(close, sizeof *close, assets, f);
    }
    free(close);
    return ferror(f) != 0;
}

int main(int argc, char **argv)
{
    uint64_t given[3] = {0};
    for (int i = 0; i < 3 && i + 2 < argc; i++)
        given[i] = strtoull(argv[i + 2], NULL, 10);
    if (argc != 5 || given[0] == 0 || given[1] == 0 || given[0] > 1000000 || given[1] > 100000) {
        fputs("usage: factors_prices OUT.npy DAYS ASSETS SEED\n", stderr);
        return 2;
    }
    FILE *f = fopen(argv[1], "wb");
    int failed = !f || write_prices(f, given[0], given[1], given[2]);
    if (f && fclose(f) != 0)
        failed = 1;
    if (failed)
        fprintf(stderr, "factors_prices: %s cannot be written\n", argv[1]);
    return failed;
}
