/* SPDX-License-Identifier: MIT
 *
 * place: renders places of a user's input in front of error texts.
 */
#include "sweep/place.h"

#include <inttypes.h>
#include <stdio.h>

const char *place_text(const struct place *p, struct arena *arena)
{
    if (p->line == 0)
        return arena_printf(arena, "%s", p->source);
    return arena_printf(arena, "%s:%" PRIu32 ":%" PRIu32, p->source, p->line, p->column);
}

int place_fail(const struct place *p, struct diag *d, const char *fmt, ...)
{
    char text[sizeof d->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (p->line == 0)
        return diag_fail(d, SHEAF_EINVAL, "%s: %s", p->source, text);
    return diag_fail(d, SHEAF_EINVAL, "%s:%" PRIu32 ":%" PRIu32 ": %s", p->source, p->line, p->column, text);
}
