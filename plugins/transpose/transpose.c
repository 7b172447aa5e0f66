/* SPDX-License-Identifier: MIT
 *
 * transpose: many CSV files with a row a day, to one CSV file a day. See README.md.
 *
 * The sweep's keys are the input files. They are read when the plugin is opened, in parts that slots share: each part is read by
 * the slot that comes to it first, and every slot begins at another one. A task is not the file that is its key: task k of n writes the k-th
 * n-th of the days.
 */
#define _GNU_SOURCE /* O_CLOEXEC, writev */
#include "part.h"
#include "sheaf/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define MAX_PARTS 32u /* a slot that reads holds three times the text of one */

static const struct sheaf_score values[] = {{"files", "", "written"}, {"rows", "", "in them"}};

/* The config; of this process. */
static char by[ROW_TEXT], name[ROW_TEXT] = "symbol";
static const struct part_rule rule = {by, name};

struct state {
    struct input *inputs; /* ascending by symbol */
    uint32_t n_inputs, n_parts;
    const struct part *parts[MAX_PARTS];
    char *header; /* of what is written */
    size_t header_len;
    uint32_t *days; /* all of them, ascending */
    uint32_t n_days;
};

/* ---- config ---- */

static void skip_space(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

/* A JSON text without escapes, which no column needs. */
static bool read_text(const char **at, char out[ROW_TEXT])
{
    skip_space(at);
    size_t len = **at == '"' ? strcspn(*at + 1, "\"\\") : ROW_TEXT;
    if (len == 0 || len >= ROW_TEXT || (*at)[len + 1] != '"')
        return false;
    memcpy(out, *at + 1, len);
    out[len] = '\0';
    *at += len + 2;
    skip_space(at);
    return true;
}

/* {"by": "date", "name": "symbol"}, both optional. */
static bool read_config(const char *config)
{
    char field[ROW_TEXT];
    const char *at = config;
    skip_space(&at);
    if (*at++ != '{')
        return false;
    skip_space(&at);
    for (bool first = true; *at != '}'; first = false) {
        if ((!first && *at++ != ',') || !read_text(&at, field) || *at++ != ':')
            return false;
        if ((strcmp(field, "by") != 0 && strcmp(field, "name") != 0) || !read_text(&at, field[0] == 'b' ? by : name))
            return false;
    }
    at++;
    skip_space(&at);
    return *at == '\0';
}

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    if (!read_config(config))
        return host->fail(host, "config takes {by: COLUMN, name: COLUMN} or less: the column of the days, and what the "
                                "column of the files' names is to be called");
    out->name = "transpose", out->version = "1", out->summary = "CSV files with a row a day to one file a day";
    out->group_values = values, out->n_group_values = COUNT(values);
    out->files = "YYYY-MM-DD.csv of every day";
    return SHEAF_OK_STATUS;
}

/* ---- open: reading ---- */

static bool refuse(const struct sheaf_host *host, const char *text)
{
    host->fail(host, text);
    return false;
}

static int by_symbol(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->symbol, ((const struct input *)b)->symbol);
}

static struct input input_of(const char *path)
{
    struct input in = {.path = path};
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    row_quote(in.symbol, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
    return in;
}

static bool list_inputs(const struct sheaf_host *host, struct state *s)
{
    const struct sheaf_keys *keys = host->table(host, SHEAF_KEYS_TABLE);
    struct sheaf_key key;
    char text[ROW_WHY];
    if (!keys || !keys->key(host, 0, &key) || key.kind != SHEAF_KEY_PATH)
        return refuse(host, "its input is the sweep's keys: add keys: {files: \"FOLDER/*.csv\"}");
    uint64_t n = keys->count(host);
    s->inputs = n > UINT32_MAX ? NULL : calloc((size_t)n, sizeof *s->inputs);
    if (!s->inputs)
        return refuse(host, "there is no memory for the names of the input files");
    for (s->n_inputs = 0; s->n_inputs < n && keys->key(host, s->n_inputs, &key); s->n_inputs++)
        s->inputs[s->n_inputs] = input_of(key.text);
    if (s->n_inputs == 0 || s->n_inputs < n)
        return refuse(host, "this sheaf does not tell all keys");
    qsort(s->inputs, s->n_inputs, sizeof *s->inputs, by_symbol);
    for (uint32_t i = 1; i < s->n_inputs; i++)
        if (by_symbol(&s->inputs[i - 1], &s->inputs[i]) == 0) {
            snprintf(text, sizeof text, "%.400s and %.400s are both called %.60s", s->inputs[i - 1].path,
                     s->inputs[i].path, s->inputs[i].symbol);
            return refuse(host, text);
        }
    return true;
}

/* Files [from, to) of the inputs. */
struct making {
    struct part_maker *maker;
    const struct input *inputs;
    uint32_t from, to;
};

static int32_t make_part(const struct sheaf_host *host, void *user, const void **bytes, uint64_t *size)
{
    const struct making *m = user;
    char why[ROW_WHY];
    const struct part *made = part_make(m->maker, m->inputs + m->from, m->to - m->from, why);
    if (!made)
        return host->fail(host, why);
    *bytes = made;
    *size = made->size;
    return SHEAF_OK_STATUS;
}

static uint32_t part_from(const struct state *s, uint32_t part)
{
    return (uint32_t)((uint64_t)part * s->n_inputs / s->n_parts);
}

/* Slots begin far from each other, however many there are and whatever their numbers: the fractional parts of multiples of the golden
 * ratio are spread evenly. */
static uint32_t first_part(const struct state *s)
{
    uint32_t spread = (uint32_t)getpid() * 2654435769u;
    return (uint32_t)(((uint64_t)spread * s->n_parts) >> 32);
}

static bool read_parts_with(const struct sheaf_host *host, struct state *s, struct part_maker *maker)
{
    const struct sheaf_cache *cache = host->table(host, SHEAF_CACHE_TABLE);
    if (!cache)
        return refuse(host, "this sheaf has no caches of any size");
    s->n_parts = s->n_inputs < MAX_PARTS ? s->n_inputs : MAX_PARTS;
    for (uint32_t i = 0, first = first_part(s); i < s->n_parts; i++) {
        uint32_t part = (first + i) % s->n_parts;
        struct making m = {maker, s->inputs, part_from(s, part), part_from(s, part + 1)};
        char label[64];
        uint64_t size;
        snprintf(label, sizeof label, "files %u to %u", m.from, m.to);
        s->parts[part] = cache->get(host, label, make_part, &m, &size);
        if (!s->parts[part])
            return false;
    }
    return true;
}

static bool read_parts(const struct sheaf_host *host, struct state *s)
{
    struct part_maker *maker = part_maker_create(&rule);
    bool ok = maker ? read_parts_with(host, s, maker) : refuse(host, "out of memory");
    part_maker_destroy(maker);
    return ok;
}

static bool check_headers(const struct sheaf_host *host, const struct state *s)
{
    const struct part *first = s->parts[0];
    char text[ROW_WHY];
    for (uint32_t i = 1; i < s->n_parts; i++) {
        const struct part *p = s->parts[i];
        if (p->header == first->header && memcmp(part_header(p), part_header(first), p->header) == 0)
            continue;
        snprintf(text, sizeof text, "%.400s:1: its columns are not those of %.300s (%.*s)",
                 s->inputs[part_from(s, i)].path, s->inputs[0].path, first->header < 100 ? (int)first->header : 100,
                 part_header(first));
        return refuse(host, text);
    }
    return true;
}

/* The header of what is written is one more row: the name of the files' column in place of a symbol. */
static bool make_header(struct state *s)
{
    struct row_shape shape;
    struct row row;
    const struct part *p = s->parts[0];
    char why[ROW_WHY], first[ROW_TEXT];
    row_quote(first, name, strlen(name));
    if (!row_header(&shape, part_header(p), p->header, by, name, why) ||
        !row_cut(&row, &shape, part_header(p), p->header, why))
        return false; /* it was read so */
    s->header = malloc((size_t)row_bytes(&row, &shape, strlen(first)));
    if (s->header)
        s->header_len = (size_t)(row_write(s->header, &row, &shape, first, strlen(first)) - s->header);
    return s->header != NULL;
}

/* Adds the days of a part to those in s->days; room holds as many as both have. */
static void merge_days(struct state *s, const struct part *p, uint32_t *room)
{
    uint32_t n = 0;
    for (uint32_t i = 0, k = 0; i < s->n_days || k < p->n_days; n++) {
        uint32_t a = i < s->n_days ? s->days[i] : ROW_DAYS, b = p->days[k].day; /* at its end ROW_DAYS, too */
        room[n] = a < b ? a : b;
        i += a <= b;
        k += b <= a;
    }
    memcpy(s->days, room, n * sizeof *room);
    s->n_days = n;
}

static bool list_days(struct state *s)
{
    size_t most = 1;
    for (uint32_t i = 0; i < s->n_parts; i++)
        most += s->parts[i]->n_days;
    uint32_t *room = malloc(most * sizeof *room);
    s->days = calloc(most, sizeof *s->days);
    for (uint32_t i = 0; room && s->days && i < s->n_parts; i++)
        merge_days(s, s->parts[i], room);
    bool ok = room && s->days;
    free(room);
    return ok;
}

static void close_files(const struct sheaf_host *host, void *state)
{
    struct state *s = state;
    (void)host;
    if (!s)
        return;
    free(s->inputs);
    free(s->header);
    free(s->days);
    free(s);
}

static int32_t open_files(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                          void **state)
{
    (void)config, (void)dataset;
    struct state *s = calloc(1, sizeof *s);
    if (!s)
        return host->fail(host, "out of memory");
    bool ok = list_inputs(host, s) && read_parts(host, s) && check_headers(host, s) &&
              ((make_header(s) && list_days(s)) || refuse(host, "out of memory"));
    if (ok)
        *state = s;
    else
        close_files(host, s);
    return ok ? SHEAF_OK_STATUS : SHEAF_FAILED;
}

/* ---- run: writing ---- */

/* All of it. false with errno. */
static bool write_all(int fd, struct iovec *at, int n)
{
    while (n > 0) {
        ssize_t done = writev(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        for (; n > 0 && (size_t)done >= at->iov_len; at++, n--)
            done -= (ssize_t)at->iov_len;
        if (n > 0) {
            at->iov_base = (char *)at->iov_base + done;
            at->iov_len -= (size_t)done;
        }
    }
    return true;
}

/* What the file of a day holds, from the header on. Returns how many pieces; *rows: how many rows. */
static int gather(const struct state *s, uint32_t day, struct iovec pieces[MAX_PARTS + 1], double *rows)
{
    int n = 0;
    *rows = 0;
    pieces[n++] = (struct iovec){s->header, s->header_len};
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct part_day *d = part_find(s->parts[i], day);
        if (!d)
            continue;
        void *text = (char *)(uintptr_t)s->parts[i] + d->at; /* an iovec knows no const */
        pieces[n++] = (struct iovec){text, (size_t)(d[1].at - d->at)};
        *rows += d->rows;
    }
    return n;
}

static int32_t write_day(const struct sheaf_host *host, const struct state *s, uint32_t day, double *rows)
{
    const struct sheaf_files *files = host->table(host, SHEAF_FILES_TABLE);
    struct iovec pieces[MAX_PARTS + 1];
    char file[ROW_DAY_TEXT + 8], text[256];
    row_day_text(day, file);
    memcpy(file + ROW_DAY_TEXT - 1, ".csv", 5);
    int n = gather(s, day, pieces, rows);
    const char *path = files ? files->path(host, file) : NULL;
    if (!path)
        return files ? SHEAF_FAILED : host->fail(host, "this sheaf has no output files");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = fd >= 0 && write_all(fd, pieces, n);
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok)
        return SHEAF_OK_STATUS;
    snprintf(text, sizeof text, "%s cannot be written: %s", file, strerror(error));
    return host->fail(host, text);
}

static int32_t emit_year(const struct sheaf_host *host, uint32_t day, double files, double rows)
{
    char text[ROW_DAY_TEXT];
    const double sums[] = {files, rows};
    row_day_text(day, text);
    text[4] = '\0';
    return host->emit(host, text, sums);
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *scores)
{
    const struct state *s = state;
    (void)scores;
    uint64_t from = task->key.index * s->n_days / s->n_inputs, to = (task->key.index + 1) * s->n_days / s->n_inputs;
    for (uint64_t i = from; i < to; i++) {
        double rows;
        if (host->stop_requested(host))
            return host->fail(host, "it was asked to stop");
        if (write_day(host, s, s->days[i], &rows) != SHEAF_OK_STATUS ||
            emit_year(host, s->days[i], 1, rows) != SHEAF_OK_STATUS)
            return SHEAF_FAILED;
    }
    return SHEAF_OK_STATUS;
}

const struct sheaf_plugin sheaf_plugin_entry = {
    .abi_major = SHEAF_ABI_MAJOR,
    .abi_minor = SHEAF_ABI_MINOR,
    .struct_size = sizeof(struct sheaf_plugin),
    .describe = describe,
    .open = open_files,
    .run = run,
    .close = close_files,
};
