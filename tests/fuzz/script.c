/* SPDX-License-Identifier: MIT
 *
 * script: steps in and out of bytes.
 */
#include "tests/fuzz/script.h"

#include "common/err.h"

bool script_next(struct script *s, struct step *out)
{
    if ((size_t)(s->end - s->at) < SCRIPT_HEAD)
        return false;
    size_t left = (size_t)(s->end - s->at) - SCRIPT_HEAD, len = (size_t)s->at[2] | (size_t)s->at[3] << 8;
    len = len < left ? len : left;
    *out = (struct step){.kind = s->at[0], .arg = s->at[1], .len = (uint16_t)len, .bytes = s->at + SCRIPT_HEAD};
    s->at += SCRIPT_HEAD + len;
    return true;
}

void script_put(struct buf *out, uint8_t kind, uint8_t arg, const void *bytes, size_t len)
{
    const uint8_t head[SCRIPT_HEAD] = {kind, arg, (uint8_t)len, (uint8_t)(len >> 8)};
    SHEAF_ASSERT(len <= UINT16_MAX);
    SHEAF_ASSERT(buf_append(out, head, sizeof(head)) == 0 && buf_append(out, bytes, len) == 0);
}

uint64_t step_number(struct step *s, uint32_t bytes)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < bytes && s->len > 0; i++, s->bytes++, s->len--)
        v |= (uint64_t)*s->bytes << (8 * i);
    return v;
}
