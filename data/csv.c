/* SPDX-License-Identifier: MIT
 *
 * csv: see csv.h. A window of the file moves through `in`; the record's bytes, unquoted, gather in `text`. Plain runs are
 * copied whole; only their ends are looked at byte by byte.
 */
#include "data/csv.h"

#include "common/fsutil.h"
#include "data/field.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW ((size_t)1 << 20)
#define END (-1)    /* of the file */
#define BROKEN (-2) /* reading failed; c->error is set */

struct csv {
    char *name;
    int fd;         /* -1: memory */
    const char *in; /* the window */
    char *window;   /* the same, owned; NULL: memory */
    size_t at, end;
    uint64_t line, base, line_at; /* base: of the window in the file; line_at: where the line begins in the file */
    int error;                    /* errno of the read that failed */
    struct buf text;
    struct csv_field *fields;
    size_t *offsets; /* of the fields in text, which moves while it grows */
    uint32_t n, cap;
    uint32_t expected; /* fields of the first record; 0 before it */
    bool lines;        /* csv_set_lines */
};

static uint64_t column(const struct csv *c)
{
    return c->base + c->at - c->line_at + 1;
}

static int wrong_at(const struct csv *c, uint64_t line, uint64_t col, const char *what, struct diag *d)
{
    return diag_fail(d, SHEAF_EINVAL, "%s:%" PRIu64 ":%" PRIu64 ": %s", c->name, line, col, what);
}

static int wrong(const struct csv *c, const char *what, struct diag *d)
{
    return wrong_at(c, c->line, column(c), what, d);
}

static int no_memory(const struct csv *c, struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "%s:%" PRIu64 ": out of memory", c->name, c->line);
}

/* Moves the window on; false at the end of the file or when reading failed. */
static bool refill(struct csv *c)
{
    ssize_t n;

    if (c->window == NULL || c->error != 0)
        return false;
    c->base += c->end;
    c->at = c->end = 0;
    do {
        n = read(c->fd, c->window, WINDOW);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        c->error = errno;
    if (n > 0)
        c->end = (size_t)n;
    return n > 0;
}

/* The next byte without taking it. */
static int peek(struct csv *c)
{
    if (c->at == c->end && !refill(c))
        return c->error != 0 ? BROKEN : END;
    return (unsigned char)c->in[c->at];
}

static struct csv *create(const char *name, struct diag *d)
{
    struct csv *c = calloc(1, sizeof *c);

    if (c != NULL) {
        c->fd = -1;
        c->line = 1;
        c->name = strdup(name);
        if (c->name != NULL)
            return c;
    }
    csv_close(c);
    diag_fail(d, SHEAF_ENOMEM, "%s: out of memory", name);
    return NULL;
}

/* A byte order mark lies in the first three bytes, or nowhere. */
static void skip_mark(struct csv *c)
{
    if (peek(c) == 0xEF && c->end - c->at >= 3 && memcmp(c->in + c->at, "\xEF\xBB\xBF", 3) == 0) {
        c->at += 3;
        c->line_at = 3;
    }
}

struct csv *csv_open_memory(const char *name, const void *bytes, size_t len, struct diag *d)
{
    struct csv *c = create(name, d);

    if (c == NULL)
        return NULL;
    c->in = bytes;
    c->end = len;
    skip_mark(c);
    return c;
}

struct csv *csv_open(const char *path, struct diag *d)
{
    struct csv *c = create(path, d);
    struct stat st;

    if (c == NULL)
        return NULL;
    c->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (c->fd < 0 || fstat(c->fd, &st) != 0) {
        diag_fail(d, file_error(errno), "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        diag_fail(d, SHEAF_EINVAL, "%s: not a regular file; it is read twice, so save it to one first", path);
    } else if ((c->window = malloc(WINDOW)) == NULL) {
        no_memory(c, d);
    } else {
        c->in = c->window;
        skip_mark(c);
        return c;
    }
    csv_close(c);
    return NULL;
}

void csv_close(struct csv *c)
{
    if (c == NULL)
        return;
    if (c->fd >= 0)
        close(c->fd);
    buf_finish(&c->text);
    free(c->fields);
    free(c->offsets);
    free(c->window);
    free(c->name);
    free(c);
}

void csv_set_lines(struct csv *c)
{
    c->lines = true;
}

int csv_rewind(struct csv *c, struct diag *d)
{
    if (c->window != NULL) {
        if (lseek(c->fd, 0, SEEK_SET) != 0)
            return diag_fail(d, SHEAF_EIO, "%s: %s", c->name, strerror(errno));
        c->end = 0;
    }
    c->at = 0;
    c->base = c->line_at = 0;
    c->line = 1;
    c->expected = 0;
    skip_mark(c);
    return 0;
}

/* Appends to the record. */
static int keep(struct csv *c, const char *bytes, size_t n, struct diag *d)
{
    if (n > CSV_MAX_RECORD - c->text.len)
        return wrong(c, "the record is longer than 64 MiB; is a quote left open?", d);
    return buf_append(&c->text, bytes, n) == 0 ? 0 : no_memory(c, d);
}

/* Takes a line end (CR, LF or CRLF) and counts it; the bytes are kept when they belong to a quoted field. */
static int take_line_end(struct csv *c, bool inside, struct diag *d)
{
    int err = 0;

    if (c->in[c->at] == '\r') {
        c->at++;
        if (inside)
            err = keep(c, "\r", 1, d);
        if (peek(c) != '\n')
            goto counted;
    }
    c->at++;
    if (err == 0 && inside)
        err = keep(c, "\n", 1, d);
counted:
    c->line++;
    c->line_at = c->base + c->at;
    return err;
}

/* Takes the plain bytes up to the next one that means something in- or outside quotes. */
static int take_run(struct csv *c, bool inside, struct diag *d)
{
    size_t i = c->at;

    while (i < c->end) {
        char b = c->in[i];
        if (b == '\n' || b == '\r' || b == 0)
            break;
        if (!c->lines && (b == '"' || (b == ',' && !inside)))
            break;
        i++;
    }
    size_t from = c->at;
    c->at = i;
    return keep(c, c->in + from, i - from, d);
}

/* The rest of a quoted field, its opening quote taken; (line, col) is where that stands. */
static int take_quoted(struct csv *c, uint64_t line, uint64_t col, struct diag *d)
{
    for (;;) {
        int b = peek(c), err = 0;
        if (b == END)
            return wrong_at(c, line, col, "this quote is never closed", d);
        if (b == BROKEN)
            return 0; /* told by the caller */
        if (b == 0)
            return wrong(c, "a NUL byte: this is no text file", d);
        if (b == '\n' || b == '\r') {
            err = take_line_end(c, true, d);
        } else if (b == '"') {
            c->at++;
            if (peek(c) != '"')
                break;
            c->at++;
            err = keep(c, "\"", 1, d);
        } else {
            err = take_run(c, true, d);
        }
        if (err != 0)
            return err;
    }
    int b = peek(c);
    if (b >= 0 && b != ',' && b != '\n' && b != '\r')
        return wrong(c, "text after the closing quote; a quote inside a quoted field is written twice", d);
    return 0;
}

static int take_plain(struct csv *c, struct diag *d)
{
    for (;;) {
        int b = peek(c), err;
        if (b < 0 || (b == ',' && !c->lines) || b == '\n' || b == '\r')
            return 0;
        if (b == 0)
            return wrong(c, "a NUL byte: this is no text file", d);
        if (b == '"' && !c->lines)
            return wrong(c, "a quote inside a field; quote the whole field and write this quote twice", d);
        err = take_run(c, false, d);
        if (err != 0)
            return err;
    }
}

static int grow_fields(struct csv *c, struct diag *d)
{
    uint32_t cap = c->cap == 0 ? 32 : c->cap * 2;
    struct csv_field *fields;
    size_t *offsets;

    if (c->n < c->cap)
        return 0;
    if (c->n == CSV_MAX_FIELDS)
        return wrong(c, "more than 65,536 columns", d);
    fields = realloc(c->fields, cap * sizeof *fields);
    if (fields != NULL)
        c->fields = fields;
    offsets = realloc(c->offsets, cap * sizeof *offsets);
    if (offsets != NULL)
        c->offsets = offsets;
    if (fields == NULL || offsets == NULL)
        return no_memory(c, d);
    c->cap = cap;
    return 0;
}

/* One field, up to the comma or line end behind it. */
static int take_field(struct csv *c, struct diag *d)
{
    uint64_t line = c->line, col = column(c);
    size_t from = c->text.len, bad;
    int err = grow_fields(c, d);

    if (err != 0)
        return err;
    if (peek(c) == '"' && !c->lines) {
        c->at++;
        err = take_quoted(c, line, col, d);
    } else {
        err = take_plain(c, d);
    }
    if (err != 0)
        return err;
    if (c->error != 0)
        return diag_fail(d, SHEAF_EIO, "%s: %s", c->name, strerror(c->error));
    struct csv_field *f = &c->fields[c->n];
    *f = (struct csv_field){.len = c->text.len - from, .line = line, .column = col};
    c->offsets[c->n++] = from;
    err = keep(c, "", 1, d);
    if (err != 0)
        return err;
    bad = field_bad_utf8((const char *)c->text.data + from, f->len);
    return bad == f->len ? 0 : wrong_at(c, line, col, "not UTF-8; convert the file first, for example with iconv", d);
}

static int check_width(struct csv *c, struct diag *d)
{
    const struct csv_field *last = &c->fields[c->n - 1];

    if (c->expected == 0)
        c->expected = c->n;
    if (c->n == c->expected)
        return 0;
    return diag_fail(d, SHEAF_EINVAL,
                     "%s:%" PRIu64 ":%" PRIu64 ": %u field%s where the header has %u: every line needs the same number",
                     c->name, last->line, last->column, c->n, c->n == 1 ? "" : "s", c->expected);
}

/* Lines without a byte mean nothing, except where a record of one empty field looks just like that. */
static int skip_empty_lines(struct csv *c, struct diag *d)
{
    while ((c->expected != 1 || c->lines) && (peek(c) == '\n' || peek(c) == '\r')) {
        int err = take_line_end(c, false, d);
        if (err != 0)
            return err;
    }
    return 0;
}

int csv_next(struct csv *c, const struct csv_field **fields, uint32_t *n, struct diag *d)
{
    int err = skip_empty_lines(c, d);

    c->n = 0;
    c->text.len = 0;
    if (err != 0)
        return err;
    if (peek(c) == BROKEN)
        return diag_fail(d, SHEAF_EIO, "%s: %s", c->name, strerror(c->error));
    if (peek(c) == END)
        return 0;
    for (;;) {
        err = take_field(c, d);
        if (err != 0)
            return err;
        if (peek(c) != ',')
            break;
        c->at++;
    }
    if (peek(c) >= 0)
        take_line_end(c, false, d); /* keeps nothing, so cannot fail */
    for (uint32_t i = 0; i < c->n; i++)
        c->fields[i].text = (const char *)c->text.data + c->offsets[i];
    *fields = c->fields;
    *n = c->n;
    err = check_width(c, d);
    return err == 0 ? 1 : err;
}
