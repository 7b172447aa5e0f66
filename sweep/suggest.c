/* SPDX-License-Identifier: MIT
 *
 * suggest: Damerau's distance with adjacent swaps, case and "-" against "_" free of charge; near is a third of the name.
 */
#include "sweep/suggest.h"

#include <stdio.h>
#include <string.h>

#define SUGGEST_NAME 63 /* longer names are compared by their beginning */

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c == '-' ? '_' : c;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static size_t distance(const char *a, const char *b)
{
    size_t rows[3][SUGGEST_NAME + 1];
    size_t na = strnlen(a, SUGGEST_NAME), nb = strnlen(b, SUGGEST_NAME);
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t cost = fold(a[i - 1]) != fold(b[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = min3(row[j], above2[j - 2] + 1, row[j]);
        }
    }
    return rows[na % 3][nb];
}

void suggest_begin(struct suggest *s, const char *name)
{
    memset(s, 0, sizeof *s);
    s->name = name;
}

void suggest_offer(struct suggest *s, const char *known)
{
    size_t n = strlen(s->known);
    if (n + strlen(known) + 8 < sizeof s->known)
        snprintf(s->known + n, sizeof s->known - n, "%s%s", n > 0 ? ", " : "", known);
    else if (n < 3 || strcmp(s->known + n - 3, "...") != 0)
        snprintf(s->known + n, sizeof s->known - n, ", ...");
    size_t len = strnlen(s->name, SUGGEST_NAME), near = (len + 2) / 3, d = distance(s->name, known);
    if (d > near && len >= 3 && strncmp(s->name, known, len) == 0)
        d = near; /* "memory" for memory_mb */
    if (d <= near && d < len && (s->nearest == NULL || d < s->distance)) {
        s->nearest = known;
        s->distance = d;
    }
}

const char *suggest_advice(struct suggest *s)
{
    if (s->nearest != NULL)
        snprintf(s->advice, sizeof s->advice, "did you mean %.100s? (known: %s)", s->nearest, s->known);
    else if (s->known[0] != '\0')
        snprintf(s->advice, sizeof s->advice, "use one of: %s", s->known);
    else
        snprintf(s->advice, sizeof s->advice, "remove it, there are none");
    return s->advice;
}
