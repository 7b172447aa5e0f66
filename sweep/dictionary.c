/* SPDX-License-Identifier: MIT
 *
 * dictionary: a hash table of positions, doubled when half full.
 */
#include "sweep/dictionary.h"

#include "sheaf/plugin.h"
#include "sweep/sweepvalue.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_value(uint32_t type, const struct plan_value *v)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a, then a finisher: ints differ in their low bits only */
    if (type == SHEAF_TEXT) {
        for (const char *s = v->text; *s != '\0'; s++)
            h = (h ^ (unsigned char)*s) * 1099511628211u;
    } else if (type == SHEAF_FLOAT) {
        double f = v->f + 0.0; /* -0 and 0 compare equal, so they must meet in one slot */
        memcpy(&h, &f, sizeof h);
    } else {
        h = (uint64_t)v->i;
    }
    h = (h ^ (h >> 32)) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(h >> 32);
}

/* The slot that holds the value, or the free one where it belongs. */
static uint32_t *find_slot(const struct dictionary *dict, uint32_t type, const struct plan_value *v)
{
    uint32_t at = hash_value(type, v) & (dict->n_slots - 1);
    while (dict->slots[at] != 0 && sweepvalue_compare(type, &dict->values[dict->slots[at] - 1], v) != 0)
        at = (at + 1) & (dict->n_slots - 1);
    return &dict->slots[at];
}

static int grow(struct dictionary *dict, uint32_t type)
{
    uint32_t cap = dict->cap == 0 ? 16 : dict->cap * 2;
    struct plan_value *values = realloc(dict->values, cap * sizeof *values);
    if (values == NULL)
        return SHEAF_ENOMEM;
    dict->values = values;
    uint32_t *slots = calloc((size_t)cap * 2, sizeof *slots);
    if (slots == NULL)
        return SHEAF_ENOMEM;
    free(dict->slots);
    dict->slots = slots;
    dict->n_slots = cap * 2;
    dict->cap = cap;
    for (uint32_t i = 0; i < dict->n; i++)
        *find_slot(dict, type, &dict->values[i]) = i + 1;
    return 0;
}

int dictionary_code(struct dictionary *dict, uint32_t type, const struct plan_value *value, uint32_t *code)
{
    if (dict->n == dict->cap) {
        int err = grow(dict, type);
        if (err != 0)
            return err;
    }
    uint32_t *slot = find_slot(dict, type, value);
    if (*slot == 0) {
        if (dict->n == DICTIONARY_MAX)
            return SHEAF_ELIMIT;
        dict->values[dict->n++] = *value;
        *slot = dict->n;
    }
    *code = *slot - 1;
    return 0;
}

void dictionary_finish(struct dictionary *dict)
{
    free(dict->values);
    free(dict->slots);
    memset(dict, 0, sizeof *dict);
}
