/* SPDX-License-Identifier: MIT
 *
 * overrides: "--set params.top_n=3" is a path and a YAML value; missing maps on the way are made, and names that nobody
 * knows are left to the check of the whole tree.
 */
#include "sweep/overrides.h"

#include "sweep/suggest.h"

#include <stdio.h>
#include <string.h>

#define SET_NAMES 8u

static int no_memory(struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "out of memory while reading the options");
}

/* The stage of that name. */
static int descend_stage(struct ynode **list, const char *name, size_t len, const struct place *at, struct diag *d)
{
    struct suggest near;
    char wanted[80];
    snprintf(wanted, sizeof wanted, "%.*s", (int)(len < sizeof wanted ? len : sizeof wanted - 1), name);
    suggest_begin(&near, wanted);
    for (struct ynode *s = (*list)->first; s != NULL; s = s->next) {
        const struct ynode *is = ynode_get(s, "name");
        if (is == NULL || is->kind != YNODE_SCALAR)
            continue;
        suggest_offer(&near, is->value.text);
        if (strcmp(is->value.text, wanted) == 0) {
            *list = s;
            return 0;
        }
    }
    return place_fail(at, d, "there is no stage %s; %s", wanted, suggest_advice(&near));
}

/* The map below `map` that name stands for, made when missing. */
static int descend(struct ynode **map, const char *name, size_t len, const struct place *at, struct arena *arena,
                   struct diag *d)
{
    struct ynode *key = ynode_text(at, name, len, arena);
    if (key == NULL)
        return no_memory(d);
    struct ynode *next = ynode_get(*map, key->value.text);
    if (next == NULL) {
        next = ynode_map(at, arena);
        if (next == NULL)
            return no_memory(d);
        ynode_put(*map, key, next);
    }
    char shown[SCALAR_SHOWN];
    if (next->kind != YNODE_MAP && (next->kind != YNODE_LIST || strcmp(key->value.text, "stages") != 0))
        return place_fail(at, d, "%.80s is %s, not a map; set it as a whole", key->value.text, ynode_show(next, shown));
    *map = next;
    return 0;
}

static int parse_value(const char *text, const struct place *at, struct arena *arena, struct ynode **out,
                       struct diag *d)
{
    int err = yamltree_parse(at->source, false, text, strlen(text), arena, out, d);
    if (err != 0 || *out != NULL)
        return err;
    *out = ynode_text(at, "", 0, arena);
    if (*out == NULL)
        return no_memory(d);
    (*out)->value = scalar_parse((*out)->value.text, 0, false);
    return 0;
}

/* text: PATH=VALUE; at: "--set PATH=VALUE". */
static int set(struct ynode *map, const char *text, const struct place *at, struct arena *arena, struct diag *d)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return place_fail(at, d, "not FIELD=VALUE; write it like --set params.top_n=3");
    struct ynode *value;
    int err = parse_value(equals + 1, at, arena, &value, d);
    unsigned depth = 0;
    while (err == 0) {
        size_t n = strcspn(text, ".=");
        if (n == 0 || ++depth > SET_NAMES)
            return place_fail(at, d, "not a path of fields; write it like --set params.top_n=3");
        if (map->kind == YNODE_LIST) {
            if (text[n] == '=')
                return place_fail(at, d, "not a field of a stage; write it like --set stages.NAME.params.top_n=3");
            err = descend_stage(&map, text, n, at, d);
            text += n + 1;
            continue;
        }
        if (text[n] == '=') {
            struct ynode *key = ynode_text(at, text, n, arena);
            if (key == NULL)
                return no_memory(d);
            ynode_put(map, key, value);
            return 0;
        }
        err = descend(&map, text, n, at, arena, d);
        text += n + 1;
    }
    return err;
}

int overrides_apply(struct ynode *root, const struct sweep_overrides *o, struct arena *arena, struct diag *d)
{
    int err = 0;
    struct place at = {0};
    for (uint32_t i = 0; o != NULL && i < o->n_set && err == 0; i++) {
        at.source = arena_printf(arena, "--set %s", o->set[i]);
        err = at.source != NULL ? set(root, o->set[i], &at, arena, d) : no_memory(d);
    }
    return err;
}

int overrides_seed(struct ynode *sweep, const struct sweep_overrides *o, struct arena *arena, struct diag *d)
{
    struct place at = {0};
    if (o == NULL || o->seed == NULL)
        return 0;
    at.source = arena_printf(arena, "--seed %s", o->seed);
    const char *text = arena_printf(arena, "search.seed=%s", o->seed);
    return at.source != NULL && text != NULL ? set(sweep, text, &at, arena, d) : no_memory(d);
}

int overrides_limit(const char *text, uint64_t *out, struct diag *d)
{
    *out = 0;
    if (text == NULL)
        return 0;
    struct scalar s = scalar_parse(text, strlen(text), false);
    if (s.kind != SCALAR_INT || s.i < 1)
        return diag_fail(d, SHEAF_EINVAL, "--limit %.80s: not a number of trials; give a whole number of at least 1",
                         text);
    *out = (uint64_t)s.i;
    return 0;
}

int overrides_verify(const char *text, uint64_t *out, struct diag *d)
{
    *out = 0;
    if (text == NULL)
        return 0;
    char number[32] = "";
    size_t len = strlen(text);
    if (len > 1 && len <= sizeof number && text[len - 1] == '%')
        snprintf(number, sizeof number, "%.*s", (int)(len - 1), text);
    struct scalar s = scalar_parse(number, strlen(number), false);
    bool given = s.kind == SCALAR_INT || s.kind == SCALAR_FLOAT;
    if (!given || s.f < 0 || s.f > 100)
        return diag_fail(d, SHEAF_EINVAL,
                         "--verify %.80s: not a share of the tasks; give 0%% to 100%%, like --verify 1%%", text);
    *out = (uint64_t)(s.f * 1e4 + 0.5);
    return 0;
}
