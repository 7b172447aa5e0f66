/* SPDX-License-Identifier: MIT
 *
 * dict: open addressing over SipHash, so that no file can be made to collide, with a fixed key: the numbers depend
 * on the texts' order alone anyway.
 */
#include "data/dict.h"

#include "common/err.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* What dict_clear keeps: few enough to be emptied often. */
#define KEPT_SLOTS 1024u
#define KEPT_BYTES 65536u

static uint64_t hash_of(const char *text, size_t len)
{
    static const uint8_t key[crypto_shorthash_KEYBYTES] = "sheaf dictionary";
    uint64_t h;

    crypto_shorthash((uint8_t *)&h, (const uint8_t *)text, len, key);
    return h;
}

const char *dict_text(const struct dict *dict, uint32_t number)
{
    return (const char *)dict->texts.data + dict->at[number];
}

/* The slot of a text, or the free one where it belongs. There is always a free one. */
static size_t find_slot(const struct dict *dict, const char *text, size_t len)
{
    size_t i = (size_t)hash_of(text, len) & (dict->n_slots - 1);

    while (dict->slots[i] != 0) {
        const char *other = dict_text(dict, dict->slots[i] - 1);
        if (strncmp(other, text, len) == 0 && other[len] == 0)
            break;
        i = (i + 1) & (dict->n_slots - 1);
    }
    return i;
}

/* Keeps the table at most half full. */
static int grow_slots(struct dict *dict)
{
    size_t n = dict->n_slots == 0 ? 64 : dict->n_slots * 2;
    uint32_t *old = dict->slots, *slots;

    if ((size_t)dict->n + 1 <= dict->n_slots / 2)
        return 0;
    slots = calloc(n, sizeof *slots);
    if (slots == NULL)
        return SHEAF_ENOMEM;
    dict->slots = slots;
    dict->n_slots = n;
    for (uint32_t i = 0; i < dict->n; i++) {
        const char *text = dict_text(dict, i);
        slots[find_slot(dict, text, strlen(text))] = i + 1;
    }
    free(old);
    return 0;
}

static int grow_at(struct dict *dict)
{
    uint32_t cap = dict->cap == 0 ? 64 : dict->cap * 2;
    size_t *at;

    if (dict->n < dict->cap)
        return 0;
    at = realloc(dict->at, cap * sizeof *at);
    if (at == NULL)
        return SHEAF_ENOMEM;
    dict->at = at;
    dict->cap = cap;
    return 0;
}

int dict_add(struct dict *dict, const char *text, size_t len, uint32_t *number)
{
    size_t slot, at;

    if (grow_slots(dict) != 0)
        return SHEAF_ENOMEM;
    slot = find_slot(dict, text, len);
    if (dict->slots[slot] != 0) {
        *number = dict->slots[slot] - 1;
        return 0;
    }
    if (dict->n == DICT_MAX)
        return SHEAF_ELIMIT;
    at = dict->texts.len;
    if (grow_at(dict) != 0 || buf_reserve(&dict->texts, len + 1) != 0)
        return SHEAF_ENOMEM;
    buf_append(&dict->texts, text, len); /* cannot fail: reserved */
    buf_append(&dict->texts, "", 1);
    dict->at[dict->n] = at;
    dict->slots[slot] = ++dict->n;
    *number = dict->n - 1;
    return 0;
}

/* Merge sort of numbers by their texts: qsort has no argument for the dictionary. */
static void sort_numbers(const struct dict *dict, uint32_t *v, uint32_t *spare, size_t n)
{
    size_t half = n / 2, i = 0, j = half, k = 0;

    if (n < 2)
        return;
    sort_numbers(dict, v, spare, half);
    sort_numbers(dict, v + half, spare, n - half);
    memcpy(spare, v, half * sizeof *v);
    while (i < half && j < n)
        v[k++] = strcmp(dict_text(dict, spare[i]), dict_text(dict, v[j])) <= 0 ? spare[i++] : v[j++];
    while (i < half)
        v[k++] = spare[i++];
}

/* Lays the texts out in the given order and indexes them anew; `texts` has room for them. */
static void rebuild(struct dict *dict, const uint32_t *order, uint32_t *rank, struct buf *texts)
{
    for (uint32_t i = 0; i < dict->n; i++) {
        const char *text = dict_text(dict, order[i]);
        buf_append(texts, text, strlen(text) + 1);
        rank[order[i]] = i;
    }
    buf_finish(&dict->texts);
    dict->texts = *texts;
    memset(dict->slots, 0, dict->n_slots * sizeof *dict->slots);
    for (size_t at = 0, i = 0; i < dict->n; i++) {
        const char *text = (const char *)texts->data + at;
        dict->at[i] = at;
        dict->slots[find_slot(dict, text, strlen(text))] = (uint32_t)i + 1;
        at += strlen(text) + 1;
    }
}

int dict_sort(struct dict *dict, uint32_t *rank)
{
    uint32_t *order;
    struct buf texts = {0};

    if (dict->n == 0)
        return 0;
    order = malloc(2 * (size_t)dict->n * sizeof *order);
    if (order == NULL || buf_reserve(&texts, dict->texts.len) != 0) {
        free(order);
        return SHEAF_ENOMEM;
    }
    for (uint32_t i = 0; i < dict->n; i++)
        order[i] = i;
    sort_numbers(dict, order, order + dict->n, dict->n);
    rebuild(dict, order, rank, &texts);
    free(order);
    return 0;
}

void dict_clear(struct dict *dict)
{
    if (dict->n_slots > KEPT_SLOTS || dict->texts.cap > KEPT_BYTES) {
        dict_finish(dict);
        return;
    }
    if (dict->n > 0)
        memset(dict->slots, 0, dict->n_slots * sizeof *dict->slots);
    dict->texts.len = 0;
    dict->n = 0;
}

void dict_finish(struct dict *dict)
{
    buf_finish(&dict->texts);
    free(dict->at);
    free(dict->slots);
    *dict = (struct dict){0};
}
