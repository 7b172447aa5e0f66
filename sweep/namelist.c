/* SPDX-License-Identifier: MIT
 *
 * namelist: see namelist.h.
 */
#include "sweep/namelist.h"

#include "common/err.h"
#include "sweep/taskfiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int namelist_add(struct namelist *l, const char *name)
{
    int err = buf_append(&l->text, name, strlen(name) + 1);
    l->n += err == 0;
    return err;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int namelist_sort(struct namelist *l)
{
    const char *name = (const char *)l->text.data;
    l->at = calloc((size_t)l->n + 1, sizeof *l->at);
    if (l->at == NULL)
        return SHEAF_ENOMEM;
    for (uint64_t i = 0; i < l->n; i++, name += strlen(name) + 1)
        l->at[i] = name;
    qsort(l->at, (size_t)l->n, sizeof *l->at, by_text);
    return 0;
}

/* The first that is not below the n bytes at `key`. */
static uint64_t lower(const struct namelist *l, const char *key, size_t n)
{
    uint64_t from = 0, to = l->n;
    while (from < to) {
        uint64_t middle = from + (to - from) / 2;
        if (strncmp(l->at[middle], key, n) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool is(const char *name, const char *key, size_t n)
{
    return strncmp(name, key, n) == 0 && name[n] == '\0';
}

uint64_t namelist_find(const struct namelist *l, const char *name)
{
    uint64_t i = lower(l, name, strlen(name) + 1);
    return i < l->n && strcmp(l->at[i], name) == 0 ? i : l->n;
}

const char *namelist_clash(const struct namelist *l, const char *name)
{
    size_t len = strlen(name);
    for (size_t n = strcspn(name, "/");; n += 1 + strcspn(name + n + 1, "/")) {
        uint64_t i = lower(l, name, n); /* the shortest with these bytes comes first */
        if (i < l->n && is(l->at[i], name, n))
            return l->at[i];
        if (n == len)
            break;
    }
    char folder[TASKFILES_NAME + 2];
    int n = snprintf(folder, sizeof folder, "%s/", name);
    uint64_t i = lower(l, folder, (size_t)n);
    return i < l->n && strncmp(l->at[i], folder, (size_t)n) == 0 ? l->at[i] : NULL;
}

void namelist_finish(struct namelist *l)
{
    buf_finish(&l->text);
    free(l->at);
    *l = (struct namelist){.n = 0};
}
