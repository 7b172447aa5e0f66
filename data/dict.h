/* SPDX-License-Identifier: MIT
 *
 * dict: a set of texts that are numbered as they come, and can be numbered anew in bytewise order. It makes the dictionaries
 * of text columns and the list of text keys. Lives in memory: one entry a different text, not a row.
 */
#ifndef SHEAF_DATA_DICT_H
#define SHEAF_DATA_DICT_H

#include "common/buf.h"

#include <stddef.h>
#include <stdint.h>

#define DICT_MAX INT32_MAX /* texts; codes are int32 */

struct dict {
    struct buf texts; /* each with its NUL */
    size_t *at;       /* n positions in texts */
    uint32_t *slots;  /* hash table of numbers + 1, 0 = free */
    size_t n_slots;   /* a power of two, or 0 */
    uint32_t n, cap;
};

/* The number of a text without NUL, which is added if it is new. 0, SHEAF_ENOMEM or SHEAF_ELIMIT. */
int dict_add(struct dict *dict, const char *text, size_t len, uint32_t *number);

/* The text with a number < n; until the next dict_add. */
const char *dict_text(const struct dict *dict, uint32_t number);

/* Renumbers the texts in bytewise order: rank[old number] = new number, for n numbers in the caller's array. 0 or
 * SHEAF_ENOMEM, then unchanged. */
int dict_sort(struct dict *dict, uint32_t *rank);

/* Empties it; its memory is kept for the next texts unless it is much. */
void dict_clear(struct dict *dict);

/* Frees it; it is empty and usable again. */
void dict_finish(struct dict *dict);

#endif
