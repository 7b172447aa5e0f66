/* SPDX-License-Identifier: MIT
 *
 * csv: RFC 4180 records from a file of any size, one at a time. Lines end with LF, CRLF or CR; fields may be quoted,
 * and then hold commas, line ends and doubled quotes; a UTF-8 byte order mark is skipped, and so are empty lines in a file of
 * more than one column. Everything else is refused with file:line:column: NUL bytes, bytes that are not UTF-8, quotes inside
 * or text behind quoted fields, quotes that never close, and records with more or fewer fields than the first.
 */
#ifndef SHEAF_DATA_CSV_H
#define SHEAF_DATA_CSV_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSV_MAX_FIELDS 65536u
#define CSV_MAX_RECORD ((size_t)64 << 20) /* bytes; an unclosed quote must not eat the memory */

/* One field of the current record: without its quotes, NUL-terminated, until the next csv_next. */
struct csv_field {
    const char *text;
    size_t len;
    uint64_t line, column; /* where it begins, from 1; columns count bytes */
};

struct csv;

/* Opens a file, or bytes in memory that stay until csv_close; name: for error texts. NULL with a line in d. */
struct csv *csv_open(const char *path, struct diag *d);
struct csv *csv_open_memory(const char *name, const void *bytes, size_t len, struct diag *d);
void csv_close(struct csv *c);

/* Reads one record. 1 and *fields and *n; 0 at the end of the file; SHEAF_EINVAL, SHEAF_EIO, SHEAF_ENOMEM with a line in d.
 * The first record decides how many fields all others must have. */
int csv_next(struct csv *c, const struct csv_field **fields, uint32_t *n, struct diag *d);

/* Makes each line one field, whatever it holds; empty lines are skipped. Before the first csv_next. */
void csv_set_lines(struct csv *c);

/* Begins at the first record again. 0, SHEAF_EINVAL when it is a pipe, SHEAF_EIO. */
int csv_rewind(struct csv *c, struct diag *d);

#endif
