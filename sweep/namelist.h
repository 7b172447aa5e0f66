/* SPDX-License-Identifier: MIT
 *
 * namelist: a sorted list of the names of files, to find some among many.
 */
#ifndef SHEAF_SWEEP_NAMELIST_H
#define SHEAF_SWEEP_NAMELIST_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct namelist {
    struct buf text; /* each with its NUL */
    uint64_t n;
    const char **at; /* sorted, after namelist_sort */
};

/* Adds a name. 0 or SHEAF_ENOMEM. */
int namelist_add(struct namelist *l, const char *name);

/* Before anything is looked for. 0 or SHEAF_ENOMEM. */
int namelist_sort(struct namelist *l);

/* The place of the name in `at`; n when it is not there. */
uint64_t namelist_find(const struct namelist *l, const char *name);

/* A name of the list that cannot be beside this one: the same, one of its folders, or a file in it as if it were a folder. NULL = there is
 * none. The name has at most TASKFILES_NAME bytes. */
const char *namelist_clash(const struct namelist *l, const char *name);

void namelist_finish(struct namelist *l);

#endif
