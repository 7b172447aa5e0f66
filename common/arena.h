/* SPDX-License-Identifier: MIT
 *
 * arena: memory that is given out piece by piece and freed at once. A decoded message, plan or descriptor
 * lives in one. Not thread-safe.
 */
#ifndef SHEAF_COMMON_ARENA_H
#define SHEAF_COMMON_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used, total;         /* bytes handed out; bytes held */
    size_t limit;               /* most bytes held; 0 = no limit */
};

/* An empty arena; cannot fail. limit in bytes, 0 = none. */
void arena_init(struct arena *a, size_t limit);

/* size zeroed bytes, aligned to 16; NULL when memory or the limit is exhausted. Never NULL for size 0. */
void *arena_alloc(struct arena *a, size_t size);

/* A NUL-terminated copy; NULL as above. */
char *arena_text(struct arena *a, const char *s, size_t len);

/* printf into the arena; NULL as above. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets everything handed out and keeps the newest block for reuse. */
void arena_reset(struct arena *a);

/* Frees everything. The arena is empty and usable again. */
void arena_finish(struct arena *a);

#endif
