/* SPDX-License-Identifier: MIT */
#include "sweep/keynames.h"

#include "sheaf/plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRIDE 16u

int keynames_init(struct keynames *k, const struct plan *p)
{
    *k = (struct keynames){.plan = p};
    if (p->key_axis.names.len == 0)
        return 0;
    k->marks = calloc((size_t)(p->keys / STRIDE) + 1, sizeof *k->marks);
    if (k->marks == NULL)
        return SHEAF_ENOMEM;
    const char *first = p->key_axis.names.data, *at = first;
    for (uint64_t i = 0; i < p->keys; i++) {
        if (i % STRIDE == 0)
            k->marks[i / STRIDE] = (uint32_t)(at - first);
        at += strlen(at) + 1;
    }
    return 0;
}

void keynames_finish(struct keynames *k)
{
    free(k->marks);
    *k = (struct keynames){0};
}

const char *keynames_text(const struct keynames *k, uint64_t key, char space[KEYNAMES_NUMBER])
{
    const struct plan_key_axis *axis = &k->plan->key_axis;
    if (axis->kind == KEYS_NONE)
        return "0";
    if (axis->kind == KEYS_RANGE) {
        snprintf(space, KEYNAMES_NUMBER, "%" PRId64, (int64_t)((uint64_t)axis->from + key));
        return space;
    }
    const char *at = (const char *)axis->names.data + k->marks[key / STRIDE];
    for (uint64_t i = key % STRIDE; i > 0; i--)
        at += strlen(at) + 1;
    return at;
}

bool keynames_are_numbers(const struct plan *p)
{
    const struct plan_key_axis *axis = &p->key_axis;
    return axis->kind == KEYS_NONE || axis->kind == KEYS_RANGE ||
           (axis->kind == KEYS_COLUMN && axis->dtype == SHEAF_DT_I64);
}
