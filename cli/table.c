/* SPDX-License-Identifier: MIT */
#include "cli/table.h"
#include "common/err.h"
#include "common/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *t, uint32_t columns)
{
    SHEAF_ASSERT(columns > 0);
    memset(t, 0, sizeof *t);
    arena_init(&t->arena, 0);
    t->columns = columns;
}

void table_finish(struct table *t)
{
    arena_finish(&t->arena);
    buf_finish(&t->cells);
}

static void add(struct table *t, char *cell)
{
    if (cell != NULL)
        text_one_line(cell);
    if (cell == NULL || buf_append(&t->cells, &cell, sizeof cell) != SHEAF_OK)
        t->failed = true;
}

void table_cell(struct table *t, const char *text)
{
    add(t, arena_text(&t->arena, text, strlen(text)));
}

void table_printf(struct table *t, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    table_cell(t, line);
}

static const char *cell_at(const struct table *t, size_t row, uint32_t column)
{
    const char *cell;
    memcpy(&cell, t->cells.data + (row * t->columns + column) * sizeof cell, sizeof cell);
    return cell;
}

/* Columns on a screen: code points; wide characters are rare in numbers and names. */
static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static bool is_number(const char *s)
{
    if (s[0] == '\0' || strcmp(s, "-") == 0)
        return true;
    char *end;
    (void)strtod(s, &end);
    /* "1,024", "56%" and "inf" are numbers for the eye. */
    return end != s && strspn(end, "0123456789,.%") == strlen(end);
}

struct column {
    size_t width;
    bool right;
};

static void measure(const struct table *t, size_t rows, struct column *columns)
{
    for (uint32_t i = 0; i < t->columns; i++) {
        columns[i].right = true;
        for (size_t row = 0; row < rows; row++) {
            size_t w = width_of(cell_at(t, row, i));
            columns[i].width = w > columns[i].width ? w : columns[i].width;
            columns[i].right &= row == 0 || is_number(cell_at(t, row, i));
        }
    }
}

int table_print(const struct table *t, FILE *out)
{
    struct column *columns = t->failed ? NULL : calloc(t->columns, sizeof *columns);
    if (columns == NULL)
        return SHEAF_ENOMEM;
    size_t rows = t->cells.len / sizeof(const char *) / t->columns;
    measure(t, rows, columns);
    for (size_t row = 0; row < rows; row++) {
        for (uint32_t i = 0; i < t->columns; i++) {
            const char *cell = cell_at(t, row, i);
            int pad = (int)(columns[i].width - width_of(cell));
            int before = columns[i].right ? pad : 0, after = columns[i].right || i + 1 == t->columns ? 0 : pad;
            (void)fprintf(out, "%s%*s%s%*s", i > 0 ? "  " : "", before, "", cell, after, "");
        }
        (void)fputc('\n', out);
    }
    free(columns);
    return SHEAF_OK;
}
