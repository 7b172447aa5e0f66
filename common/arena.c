/* SPDX-License-Identifier: MIT
 *
 * arena: blocks of doubling size, handed out from the newest.
 */
#include "common/arena.h"

#include "common/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN ((size_t)16)
#define FIRST_BLOCK ((size_t)4096)
#define LARGEST_STEP ((size_t)1 << 20) /* later blocks do not double beyond this */

struct arena_block {
    _Alignas(16) struct arena_block *next;
    size_t size, used; /* of data[] */
};
_Static_assert(sizeof(struct arena_block) % 16 == 0, "data after the header is aligned");
_Static_assert(_Alignof(max_align_t) >= 16, "malloc's alignment is ours");

static uint8_t *block_data(struct arena_block *b)
{
    return (uint8_t *)(b + 1);
}

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){.limit = limit};
}

/* Room for `size` bytes in a new block that becomes the newest. */
static struct arena_block *block_add(struct arena *a, size_t size)
{
    size_t step = a->blocks == NULL ? FIRST_BLOCK - sizeof(struct arena_block) : 2 * a->blocks->size;
    if (step > LARGEST_STEP)
        step = LARGEST_STEP;
    if (step < size)
        step = size;
    if (a->limit != 0) {
        size_t left = a->limit - a->total;
        if (left < sizeof(struct arena_block) || left - sizeof(struct arena_block) < size)
            return NULL;
        if (step > left - sizeof(struct arena_block))
            step = (left - sizeof(struct arena_block)) & ~(ALIGN - 1);
        if (step < size)
            return NULL;
    }
    struct arena_block *b = mem_realloc(NULL, sizeof(*b) + step);
    if (b == NULL)
        return NULL;
    *b = (struct arena_block){.next = a->blocks, .size = step};
    a->blocks = b;
    a->total += sizeof(*b) + step;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    size = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(ALIGN - 1);
    struct arena_block *b = a->blocks;
    if (b == NULL || b->size - b->used < size)
        b = block_add(a, size);
    if (b == NULL)
        return NULL;
    void *p = block_data(b) + b->used;
    b->used += size;
    a->used += size;
    return memset(p, 0, size);
}

char *arena_text(struct arena *a, const char *s, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(a, len + 1);
    if (copy != NULL && len > 0)
        memcpy(copy, s, len);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

static void free_from(struct arena *a, struct arena_block *b)
{
    while (b != NULL) {
        struct arena_block *next = b->next;
        a->total -= sizeof(*b) + b->size;
        free(b);
        b = next;
    }
}

void arena_reset(struct arena *a)
{
    a->used = 0;
    if (a->blocks == NULL)
        return;
    free_from(a, a->blocks->next);
    a->blocks->next = NULL;
    a->blocks->used = 0;
}

void arena_finish(struct arena *a)
{
    free_from(a, a->blocks);
    *a = (struct arena){.limit = a->limit};
}
