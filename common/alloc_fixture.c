/* SPDX-License-Identifier: MIT
 *
 * alloc_fixture: the linker sends allocations here (-Wl,--wrap).
 */
#include "common/alloc_fixture.h"

#include <stddef.h>

static unsigned left;
static bool failed, counting;

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker wants these names */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void alloc_fail_at(unsigned n)
{
    left = n;
    failed = false;
}

bool alloc_has_failed(void)
{
    return failed;
}

void alloc_inside(bool inside)
{
    counting = inside;
}

bool alloc_fails(void)
{
    if (!counting || !left || --left)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return alloc_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return alloc_fails() ? NULL : __real_realloc(p, size);
}
/* NOLINTEND(bugprone-reserved-identifier) */
