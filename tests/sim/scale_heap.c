/* SPDX-License-Identifier: MIT
 *
 * scale_heap: the linker sends allocations here. Sizes are those that the allocator really gives.
 */
#include "tests/sim/scale_heap.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static bool inside;
static size_t now, peak;

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker wants these names */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);

bool heap_inside(bool is)
{
    bool was = inside;
    inside = is;
    return was;
}

size_t heap_now(void)
{
    return now;
}

size_t heap_peak(void)
{
    return peak;
}

static void *came(void *p)
{
    if (inside && p)
        now += malloc_usable_size(p);
    if (now > peak)
        peak = now;
    return p;
}

static void goes(void *p)
{
    if (inside && p)
        now -= malloc_usable_size(p);
}

void *__wrap_malloc(size_t size)
{
    return came(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return came(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    goes(p);
    return came(__real_realloc(p, size));
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return came(__real_aligned_alloc(align, size));
}

void __wrap_free(void *p)
{
    goes(p);
    __real_free(p);
}

char *__wrap_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = __wrap_malloc(n);
    return copy ? memcpy(copy, s, n) : NULL;
}
/* NOLINTEND(bugprone-reserved-identifier) */
