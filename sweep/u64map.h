/* SPDX-License-Identifier: MIT
 *
 * u64map: numbers to pointers, by open addressing with linear probing. For open trials and open blocks, of which there
 * are few among very many.
 */
#ifndef SHEAF_SWEEP_U64MAP_H
#define SHEAF_SWEEP_U64MAP_H

#include <stddef.h>
#include <stdint.h>

struct u64map_entry {
    uint64_t key;
    void *value; /* NULL: free place */
};

/* All zero is an empty map. To visit all: every at[i], i < cap, whose value is not NULL, in no order. */
struct u64map {
    struct u64map_entry *at;
    size_t cap, n;
};

/* The value of a key, or NULL. */
void *u64map_get(const struct u64map *m, uint64_t key);

/* Sets the value (not NULL) of a key. 0 or SHEAF_ENOMEM, then unchanged. */
int u64map_put(struct u64map *m, uint64_t key, void *value);

/* Forgets a key; nothing when it is absent. */
void u64map_remove(struct u64map *m, uint64_t key);

/* Frees the map, not the values; it is empty and usable again. */
void u64map_finish(struct u64map *m);

#endif
