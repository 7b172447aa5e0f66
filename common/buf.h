/* SPDX-License-Identifier: MIT
 *
 * buf: a growable byte buffer, and slice: bytes that somebody else owns.
 */
#ifndef SHEAF_COMMON_BUF_H
#define SHEAF_COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

struct slice {
    const void *data; /* NULL when len is 0 */
    size_t len;
};

struct buf {
    uint8_t *data;
    size_t len, cap;
};

/* Appends n bytes (src NULL: n zero bytes). 0 or SHEAF_ENOMEM, then unchanged. */
int buf_append(struct buf *b, const void *src, size_t n);

/* printf at the end, without counting the NUL it leaves behind. 0 or SHEAF_ENOMEM. */
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Room for n more bytes without a later failure. 0 or SHEAF_ENOMEM. */
int buf_reserve(struct buf *b, size_t n);

/* Frees the bytes; the buffer is empty and usable again. */
void buf_finish(struct buf *b);

#endif
