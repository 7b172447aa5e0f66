/* SPDX-License-Identifier: MIT
 *
 * buf: growth by doubling.
 */
#include "common/buf.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

int buf_reserve(struct buf *b, size_t n)
{
    if (n <= b->cap - b->len)
        return 0;
    if (n > SIZE_MAX / 2 - b->len)
        return SHEAF_ENOMEM;
    size_t need = b->len + n;
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
    while (cap < need)
        cap *= 2; /* need is at most SIZE_MAX / 2 */
    uint8_t *data = mem_realloc(b->data, cap);
    if (data == NULL)
        return SHEAF_ENOMEM;
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *src, size_t n)
{
    if (n == 0)
        return 0;
    int err = buf_reserve(b, n);
    if (err != 0)
        return err;
    if (src == NULL)
        memset(b->data + b->len, 0, n);
    else
        memcpy(b->data + b->len, src, n);
    b->len += n;
    return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    int err = n < 0 ? SHEAF_ENOMEM : buf_reserve(b, (size_t)n + 1);
    if (err == 0) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return err;
}

void buf_finish(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}
