/* SPDX-License-Identifier: MIT
 *
 * part: see part.h. Rows are first noted where they lie in the files' text, with how much each day gets of them; then every row is copied
 * to its place, once.
 */
#include "part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPARE 4096u /* a file is read until its end, wherever that is by now */

struct text {
    char *bytes;
    size_t len, cap;
};

/* A row and the day in `days` that it belongs to. */
struct note {
    struct row row;
    uint32_t day, file;
};

/* A day on its way. */
struct sum {
    uint64_t bytes;
    uint32_t day, rows;
    uint32_t file; /* the last one that had it, from 1 on */
    uint32_t line; /* and where */
};

/* Of each day number: its place in the maker's `sums`, from 1 on; 0 = none yet, as between parts. Pages of years that no file has are
 * never touched. */
static uint32_t place[ROW_DAYS];

struct part_maker {
    const struct part_rule *rule;
    const struct input *files;
    uint32_t n_files;
    struct row_shape shape;
    struct text *texts; /* one a file; */
    uint32_t n_texts;   /* as many as a part has had files */
    const char *header; /* the first file's */
    uint32_t header_len;
    struct sum *sums;
    uint32_t n_sums, cap_sums;
    struct note *notes;
    size_t n_notes, cap_notes;
    struct part *part;
    size_t cap_part;
    uint32_t file, line; /* at hand */
    char *why;
};

/* ---- words ---- */

static bool refuse(const struct part_maker *m, const char *what)
{
    char line[ROW_WHY], number[16] = "";
    if (m->line)
        snprintf(number, sizeof number, ":%u", m->line);
    snprintf(line, sizeof line, "%.600s%s: %.380s", m->files[m->file].path, number, what);
    memcpy(m->why, line, sizeof line); /* which `what` may stand in */
    return false;
}

static bool no_memory(const struct part_maker *m)
{
    return refuse(m, "there is no memory for it");
}

/* Room for one more of `n` things. */
static bool grow(void **things, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 1024;
    void *grown = more > SIZE_MAX / 2 / size ? NULL : realloc(*things, more * size);
    if (!grown)
        return false;
    *things = grown;
    *cap = more;
    return true;
}

/* ---- reading ---- */

/* Everything that is left of a file. false with errno. */
static bool read_all(int fd, struct text *t)
{
    for (;;) {
        if (t->len == t->cap) {
            char *grown = t->cap > SIZE_MAX / 2 ? NULL : realloc(t->bytes, t->cap * 2 + SPARE);
            if (!grown) {
                errno = ENOMEM;
                return false;
            }
            t->bytes = grown;
            t->cap = t->cap * 2 + SPARE;
        }
        ssize_t n = read(fd, t->bytes + t->len, t->cap - t->len);
        if (n > 0)
            t->len += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return n == 0;
    }
}

/* Room for so many bytes. */
static bool reserve(struct text *t, uint64_t bytes)
{
    if (bytes <= t->cap)
        return true;
    char *grown = bytes > SIZE_MAX / 2 ? NULL : calloc(1, (size_t)bytes);
    if (!grown)
        return false;
    free(t->bytes);
    t->bytes = grown;
    t->cap = (size_t)bytes;
    return true;
}

static bool read_file(struct part_maker *m)
{
    struct text *t = &m->texts[m->file];
    struct stat st;
    int fd = open(m->files[m->file].path, O_RDONLY | O_CLOEXEC);
    t->len = 0;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && reserve(t, (uint64_t)st.st_size + SPARE) && read_all(fd, t);
    int error = errno;
    if (fd >= 0)
        close(fd);
    return ok || refuse(m, strerror(error));
}

/* The next line of the file at hand, without its end. false: there is none. */
static bool next_line(const struct text *t, size_t *at, const char **line, size_t *len)
{
    if (*at >= t->len)
        return false;
    *line = t->bytes + *at;
    const char *end = memchr(*line, '\n', t->len - *at);
    *len = end ? (size_t)(end - *line) : t->len - *at;
    *at += *len + 1;
    if (*len > 0 && (*line)[*len - 1] == '\r')
        --*len;
    return true;
}

static bool is_too_long(const struct part_maker *m, size_t len)
{
    return len >= UINT32_MAX / 2 && !refuse(m, "it is longer than 2 GiB");
}

/* ---- what a file says ---- */

static bool read_header(struct part_maker *m, size_t *at)
{
    static const char mark[] = "\xef\xbb\xbf";
    const char *line;
    size_t len;
    m->line = 1;
    if (!next_line(&m->texts[m->file], at, &line, &len) || len == 0)
        return refuse(m, "its first line has to name the columns, and is empty");
    if (len >= 3 && memcmp(line, mark, 3) == 0)
        line += 3, len -= 3;
    if (is_too_long(m, len))
        return false;
    if (m->file > 0) {
        char text[ROW_WHY];
        if (len == m->header_len && memcmp(line, m->header, len) == 0)
            return true;
        snprintf(text, sizeof text, "its columns are not those of %.200s (%.*s)", m->files[0].path,
                 m->header_len < 150 ? (int)m->header_len : 150, m->header);
        return refuse(m, text);
    }
    m->header = line;
    m->header_len = (uint32_t)len;
    return row_header(&m->shape, line, m->header_len, m->rule->by, m->rule->name, m->why) || refuse(m, m->why);
}

/* The sum of a day, a new one when it is its first row. NULL when memory is short. */
static struct sum *sum_of(struct part_maker *m, uint32_t day)
{
    if (place[day] == 0) {
        size_t cap = m->cap_sums;
        void *sums = m->sums;
        if (!grow(&sums, m->n_sums, &cap, sizeof *m->sums))
            return NULL;
        m->sums = sums;
        m->cap_sums = (uint32_t)cap;
        m->sums[m->n_sums] = (struct sum){.day = day};
        place[day] = ++m->n_sums;
    }
    return &m->sums[place[day] - 1];
}

static bool take_row(struct part_maker *m, const char *line, uint32_t len)
{
    struct note note = {.file = m->file};
    uint32_t day;
    if (!row_cut(&note.row, &m->shape, line, len, m->why) || !row_day(&note.row, &day, m->why))
        return refuse(m, m->why);
    struct sum *sum = sum_of(m, day);
    void *notes = m->notes;
    if (!sum || !grow(&notes, m->n_notes, &m->cap_notes, sizeof *m->notes))
        return no_memory(m);
    m->notes = notes;
    if (sum->file == m->file + 1) {
        snprintf(m->why, ROW_WHY, "it has the day %.*s again, which line %u has", (int)(note.row.to - note.row.from),
                 line + note.row.from, sum->line);
        return refuse(m, m->why);
    }
    sum->file = m->file + 1;
    sum->line = m->line;
    sum->rows++;
    sum->bytes += row_bytes(&note.row, &m->shape, strlen(m->files[m->file].symbol));
    note.day = place[day] - 1;
    m->notes[m->n_notes++] = note;
    return true;
}

static bool take_file(struct part_maker *m)
{
    const char *line;
    size_t at = 0, len;
    m->line = 0;
    if (!read_file(m) || !read_header(m, &at))
        return false;
    while (next_line(&m->texts[m->file], &at, &line, &len)) {
        m->line++;
        if (len > 0 && (is_too_long(m, len) || !take_row(m, line, (uint32_t)len)))
            return false;
    }
    return true;
}

/* ---- putting it together ---- */

static int by_day(const void *a, const void *b)
{
    const struct part_day *x = a, *y = b;
    return (x->day > y->day) - (x->day < y->day);
}

/* The days in their order, with the place of each one's text. */
static void place_days(const struct part_maker *m, struct part *p)
{
    for (uint32_t i = 0; i < m->n_sums; i++)
        p->days[i] = (struct part_day){.day = m->sums[i].day, .rows = m->sums[i].rows};
    qsort(p->days, p->n_days, sizeof p->days[0], by_day);
    uint64_t at = sizeof *p + (p->n_days + (uint64_t)1) * sizeof p->days[0] + p->header;
    for (uint32_t i = 0; i < p->n_days; i++) {
        struct sum *sum = &m->sums[place[p->days[i].day] - 1];
        p->days[i].at = at;
        at += sum->bytes;
        sum->bytes = p->days[i].at; /* from here on: where its next row goes */
    }
    p->days[p->n_days] = (struct part_day){.at = at, .day = ROW_DAYS};
}

static bool reserve_part(struct part_maker *m, uint64_t size)
{
    if (size <= m->cap_part)
        return true;
    free(m->part);
    m->part = size > SIZE_MAX / 2 ? NULL : malloc((size_t)size);
    m->cap_part = m->part ? (size_t)size : 0;
    return m->part || no_memory(m);
}

static bool put_together(struct part_maker *m)
{
    uint64_t size = sizeof(struct part) + (m->n_sums + (uint64_t)1) * sizeof(struct part_day) + m->header_len;
    for (uint32_t i = 0; i < m->n_sums; i++)
        size += m->sums[i].bytes;
    if (!reserve_part(m, size))
        return false;
    struct part *p = m->part;
    *p = (struct part){.size = size, .rows = m->n_notes, .n_days = m->n_sums, .header = m->header_len};
    if (m->header)
        memcpy(&p->days[p->n_days + 1], m->header, m->header_len);
    place_days(m, p);
    for (size_t i = 0; i < m->n_notes; i++) {
        const struct note *n = &m->notes[i];
        const char *symbol = m->files[n->file].symbol;
        char *to = (char *)p + m->sums[n->day].bytes;
        m->sums[n->day].bytes += (uint64_t)(row_write(to, &n->row, &m->shape, symbol, strlen(symbol)) - to);
    }
    return true;
}

/* ---- making ---- */

struct part_maker *part_maker_create(const struct part_rule *rule)
{
    struct part_maker *m = calloc(1, sizeof *m);
    if (m)
        m->rule = rule;
    return m;
}

void part_maker_destroy(struct part_maker *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; i < m->n_texts; i++)
        free(m->texts[i].bytes);
    free(m->texts);
    free(m->sums);
    free(m->notes);
    free(m->part);
    free(m);
}

static bool more_texts(struct part_maker *m, uint32_t n)
{
    if (n <= m->n_texts)
        return true;
    struct text *grown = realloc(m->texts, n * sizeof *grown);
    if (!grown)
        return no_memory(m);
    memset(grown + m->n_texts, 0, (n - m->n_texts) * sizeof *grown);
    m->texts = grown;
    m->n_texts = n;
    return true;
}

const struct part *part_make(struct part_maker *m, const struct input *files, uint32_t n, char why[ROW_WHY])
{
    m->files = files;
    m->n_files = n;
    m->why = why;
    m->n_sums = m->file = m->line = 0;
    m->n_notes = 0;
    bool ok = more_texts(m, n);
    for (; ok && m->file < n; m->file++)
        ok = take_file(m);
    if (ok) {
        m->file = m->line = 0;
        ok = put_together(m);
    }
    for (uint32_t i = 0; i < m->n_sums; i++)
        place[m->sums[i].day] = 0;
    return ok ? m->part : NULL;
}

/* ---- asking ---- */

const char *part_header(const struct part *p)
{
    return (const char *)&p->days[p->n_days + 1];
}

const struct part_day *part_find(const struct part *p, uint32_t day)
{
    uint32_t low = 0, high = p->n_days;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->days[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    return p->days[low].day == day ? &p->days[low] : NULL;
}
