/* SPDX-License-Identifier: MIT
 *
 * u64map: capacity is a power of two and at most half full; removal shifts entries back instead of leaving marks, so
 * that a map that lives as long as a sweep never fills with them.
 */
#include "sweep/u64map.h"

#include "common/err.h"

#include <stdlib.h>

#define FIRST_CAP 16u

static size_t home(const struct u64map *m, uint64_t key)
{
    uint64_t x = key * 0x9E3779B97F4A7C15u;
    return (size_t)(x ^ (x >> 32)) & (m->cap - 1);
}

/* The place of a key, or the free place where it would go. */
static size_t find(const struct u64map *m, uint64_t key)
{
    size_t i = home(m, key);
    while (m->at[i].value && m->at[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static int grow(struct u64map *m)
{
    struct u64map bigger = {.cap = m->cap ? 2 * m->cap : FIRST_CAP, .n = m->n};
    if (bigger.cap > SIZE_MAX / 2 / sizeof(*bigger.at))
        return SHEAF_ENOMEM;
    bigger.at = calloc(bigger.cap, sizeof(*bigger.at));
    if (!bigger.at)
        return SHEAF_ENOMEM;
    for (size_t i = 0; i < m->cap; i++)
        if (m->at[i].value)
            bigger.at[find(&bigger, m->at[i].key)] = m->at[i];
    free(m->at);
    *m = bigger;
    return SHEAF_OK;
}

void *u64map_get(const struct u64map *m, uint64_t key)
{
    return m->n > 0 ? m->at[find(m, key)].value : NULL;
}

int u64map_put(struct u64map *m, uint64_t key, void *value)
{
    SHEAF_ASSERT(value);
    if (2 * (m->n + 1) > m->cap && grow(m) != SHEAF_OK)
        return SHEAF_ENOMEM;
    size_t i = find(m, key);
    m->n += m->at[i].value == NULL;
    m->at[i] = (struct u64map_entry){key, value};
    return SHEAF_OK;
}

void u64map_remove(struct u64map *m, uint64_t key)
{
    if (m->n == 0)
        return;
    size_t mask = m->cap - 1, hole = find(m, key);
    if (!m->at[hole].value)
        return;
    m->n--;
    for (size_t i = (hole + 1) & mask; m->at[i].value; i = (i + 1) & mask) {
        /* An entry may move back to the hole unless its home lies between the two. */
        if (((i - home(m, m->at[i].key)) & mask) >= ((i - hole) & mask)) {
            m->at[hole] = m->at[i];
            hole = i;
        }
    }
    m->at[hole].value = NULL;
}

void u64map_finish(struct u64map *m)
{
    free(m->at);
    *m = (struct u64map){0};
}
