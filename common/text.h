/* SPDX-License-Identifier: MIT
 *
 * text: UTF-8 from strangers. Whatever reaches a terminal, a log, JSON or a message passes through here.
 */
#ifndef SHEAF_COMMON_TEXT_H
#define SHEAF_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Length in bytes (1-4) of the UTF-8 character that s begins with; 0 when it is none (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF) or when len is 0. */
size_t text_utf8_next(const char *s, size_t len);

/* Is all of it UTF-8? NUL bytes count as characters. */
bool text_is_utf8(const char *s, size_t len);

/* Makes one clean line of s in place: control characters (C0, DEL, C1) become spaces, bytes that are not UTF-8 '?'. */
void text_one_line(char *s);

#endif
