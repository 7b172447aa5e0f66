/* SPDX-License-Identifier: MIT
 *
 * slotscratch: memory that a task gets piece by piece and that is gone when it returns. After a task that needed several
 * blocks there is one of their size, so that in the long run a piece costs an addition.
 */
#include "worker/slothost.h"

#include <stdlib.h>

#define ALIGN 64u
#define MIN_BLOCK ((size_t)64 << 10)

struct scratch_block {
    struct scratch_block *older;
    size_t used, cap; /* of the bytes at data */
    uint8_t *data;
};

static bool add_block(struct slotscratch *s, size_t cap)
{
    struct scratch_block *b = malloc(sizeof *b);
    uint8_t *data = b ? aligned_alloc(ALIGN, cap) : NULL;
    if (!data) {
        free(b);
        return false;
    }
    *b = (struct scratch_block){.older = s->blocks, .cap = cap, .data = data};
    s->blocks = b;
    s->total += cap;
    return true;
}

void *slotscratch_get(struct slotscratch *s, uint64_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    size_t need = ((size_t)size + ALIGN - 1) / ALIGN * ALIGN;
    if (need == 0)
        need = ALIGN;
    if (!s->blocks || s->blocks->cap - s->blocks->used < need) {
        size_t cap = need > MIN_BLOCK ? need : MIN_BLOCK;
        if (!add_block(s, cap))
            return NULL;
    }
    void *p = s->blocks->data + s->blocks->used;
    s->blocks->used += need;
    return p;
}

static void free_blocks(struct slotscratch *s)
{
    while (s->blocks) {
        struct scratch_block *b = s->blocks;
        s->blocks = b->older;
        free(b->data);
        free(b);
    }
    s->total = 0;
}

void slotscratch_reset(struct slotscratch *s)
{
    if (!s->blocks)
        return;
    s->blocks->used = 0;
    if (!s->blocks->older)
        return;
    size_t total = s->total;
    free_blocks(s);
    add_block(s, total); /* none is as good, only slower */
}
