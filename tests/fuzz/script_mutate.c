/* SPDX-License-Identifier: MIT
 *
 * script_mutate: how libFuzzer changes a script: one step's bytes, kind or argument, or the order, number and kind of steps.
 * Blind changes would break the lengths, and everything behind them, nearly every time.
 */
#include "tests/fuzz/script.h"

#include "common/err.h"

#include <stdlib.h>
#include <string.h>

#define STEPS 512u
#define STEP_BYTES 8192u /* that a step may grow to */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b, uint8_t *out, size_t max,
                                 unsigned seed);

struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *d, uint32_t sides)
{
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return sides ? (uint32_t)(d->state >> 33) % sides : 0;
}

static uint32_t parse(const uint8_t *data, size_t size, struct step *steps)
{
    struct script s = {data, data + size};
    uint32_t n = 0;
    while (n < STEPS && script_next(&s, &steps[n]))
        n++;
    return n;
}

static size_t write_out(const struct step *steps, uint32_t n, uint8_t *out, size_t max)
{
    struct buf b = {0};
    for (uint32_t i = 0; i < n && b.len + SCRIPT_HEAD + steps[i].len <= max; i++)
        script_put(&b, steps[i].kind, steps[i].arg, steps[i].bytes, steps[i].len);
    size_t len = b.len;
    if (len > 0)
        memcpy(out, b.data, len);
    buf_finish(&b);
    return len;
}

static void change_bytes(struct step *s, uint8_t room[STEP_BYTES])
{
    size_t len = s->len < STEP_BYTES ? s->len : STEP_BYTES;
    if (len > 0)
        memcpy(room, s->bytes, len);
    s->len = (uint16_t)LLVMFuzzerMutate(room, len, STEP_BYTES);
    s->bytes = room;
}

static uint32_t insert(struct step *steps, uint32_t n, uint32_t at, struct step what)
{
    if (n == STEPS)
        return n;
    memmove(&steps[at + 1], &steps[at], (n - at) * sizeof(*steps));
    steps[at] = what;
    return n + 1;
}

static uint32_t drop(struct step *steps, uint32_t n, uint32_t at)
{
    memmove(&steps[at], &steps[at + 1], (n - at - 1) * sizeof(*steps));
    return n - 1;
}

static uint32_t change(struct step *steps, uint32_t n, struct dice *d, uint8_t room[STEP_BYTES])
{
    uint32_t at = roll(d, n), other = roll(d, n);
    struct step fresh = {.kind = (uint8_t)roll(d, 16), .arg = (uint8_t)roll(d, 256), .bytes = room};
    switch (n ? roll(d, 10) : 9) {
    case 0:
        steps[at].kind = (uint8_t)roll(d, 16);
        return n;
    case 1:
        steps[at].arg = (uint8_t)(roll(d, 2) ? steps[at].arg ^ 1u << roll(d, 8) : steps[other].arg);
        return n;
    case 2:
        return drop(steps, n, at);
    case 3:
        return insert(steps, n, at, steps[other]);
    case 4:
        fresh = steps[at];
        steps[at] = steps[other];
        steps[other] = fresh;
        return n;
    case 9:
        return insert(steps, n, n ? roll(d, n + 1) : 0, fresh);
    default:
        change_bytes(&steps[at], room);
        return n;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static struct step steps[STEPS];
    static uint8_t rooms[4][STEP_BYTES];
    struct dice d = {seed};
    uint8_t *copy = malloc(size + 1);
    SHEAF_ASSERT(copy);
    memcpy(copy, data, size);
    uint32_t n = parse(copy, size, steps);
    for (uint32_t i = 0, times = 1 + roll(&d, 4); i < times; i++)
        n = change(steps, n, &d, rooms[i]);
    size = write_out(steps, n, data, max_size);
    free(copy);
    return size;
}

/* The beginning of one script and the end of another. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b, uint8_t *out, size_t max,
                                 unsigned seed)
{
    static struct step first[STEPS], second[STEPS];
    struct dice d = {seed};
    uint32_t n = parse(a, n_a, first), m = parse(b, n_b, second);
    uint32_t keep = roll(&d, n + 1), from = roll(&d, m + 1);
    for (n = keep; from < m && n < STEPS;)
        first[n++] = second[from++];
    return write_out(first, n, out, max);
}
