/* SPDX-License-Identifier: MIT
 *
 * table: aligned columns for people. Cells are copied; numbers stand right, text left.
 */
#ifndef SHEAF_CLI_TABLE_H
#define SHEAF_CLI_TABLE_H

#include "common/arena.h"
#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table {
    struct arena arena;
    struct buf cells; /* const char *, row by row; the first row is the heading */
    uint32_t columns;
    bool failed; /* memory ran out somewhere; table_print says so */
};

/* An empty table of that many columns (at least 1). */
void table_init(struct table *t, uint32_t columns);
void table_finish(struct table *t);

/* The next cell, row by row; control characters become spaces. */
void table_cell(struct table *t, const char *text);
void table_printf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes all rows; a column stands right when each of its cells below the heading is a number, "-" or empty. 0, SHEAF_ENOMEM. */
int table_print(const struct table *t, FILE *out);

#endif
