/* SPDX-License-Identifier: MIT
 *
 * text: the UTF-8 checks.
 */
#include "common/text.h"

#include <stdint.h>
#include <string.h>

/* Bytes that follow the first byte `lead`, and the allowed range of the second one, which is where overlong forms,
 * surrogates and numbers above U+10FFFF show. -1 for a byte that begins nothing. */
static int tail_of(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80)
        return 0;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 1;
    if (lead >= 0xe0 && lead <= 0xef)
        return 2;
    if (lead >= 0xf0 && lead <= 0xf4)
        return 3;
    return -1;
}

size_t text_utf8_next(const char *s, size_t len)
{
    if (len == 0)
        return 0;
    const uint8_t *u = (const uint8_t *)s;
    uint8_t low, high;
    int tail = tail_of(u[0], &low, &high);
    if (tail < 0 || (size_t)tail >= len)
        return 0;
    for (int i = 1; i <= tail; i++) {
        if (u[i] < low || u[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return (size_t)tail + 1;
}

bool text_is_utf8(const char *s, size_t len)
{
    while (len > 0) {
        size_t n = text_utf8_next(s, len);
        if (n == 0)
            return false;
        s += n;
        len -= n;
    }
    return true;
}

static bool is_control(const uint8_t *u, size_t n)
{
    return n == 1 ? u[0] < 0x20 || u[0] == 0x7f : n == 2 && u[0] == 0xc2 && u[1] < 0xa0;
}

void text_one_line(char *s)
{
    size_t len = strlen(s);
    while (len > 0) {
        size_t n = text_utf8_next(s, len);
        if (n == 0) {
            *s = '?';
            n = 1;
        } else if (is_control((const uint8_t *)s, n)) {
            memset(s, ' ', n);
        }
        s += n;
        len -= n;
    }
}
