/* SPDX-License-Identifier: MIT
 *
 * plain_transpose: what the job "transpose" costs in one plain program. `plain_transpose OUT [sync] FILE.csv ...` reads the files, one
 * after another, puts every row under its day with the file's name in front of it, and writes one file a day into the folder OUT.
 * With `sync` everything is on the device when it ends.
 */
#define _GNU_SOURCE /* syncfs */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_BYTES 10u
#define SLOTS 65536u /* of the table of days, by the numbers of year, month and day */

struct text {
    char *bytes;
    size_t len, cap;
};

struct day {
    char name[DAY_BYTES + 1];
    struct text rows;
};

static struct day days[SLOTS];

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "plain_transpose: %s\n", what);
    exit(1);
}

static void append(struct text *t, const char *bytes, size_t n)
{
    if (!t->bytes || t->cap - t->len < n) {
        t->cap = 2 * t->cap + n + 4096;
        t->bytes = realloc(t->bytes, t->cap);
        if (!t->bytes)
            give_up("out of memory");
    }
    memcpy(t->bytes + t->len, bytes, n);
    t->len += n;
}

static struct text read_file(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        give_up(path);
    struct text t = {.bytes = malloc((size_t)st.st_size + 1), .len = (size_t)st.st_size};
    if (!t.bytes || read(fd, t.bytes, t.len) != (ssize_t)t.len)
        give_up(path);
    close(fd);
    return t;
}

/* By year, month and day: enough for a hundred years, of which none shares a place with another. */
static struct day *day_of(const char *at)
{
    unsigned number = 0;
    static const unsigned weight[DAY_BYTES] = {0, 0, 10 * 372, 372, 0, 10 * 31, 31, 0, 10, 1};
    for (unsigned i = 0; i < DAY_BYTES; i++)
        number += weight[i] * (unsigned)(at[i] - '0');
    struct day *d = &days[number % SLOTS];
    if (!d->name[0])
        memcpy(d->name, at, DAY_BYTES);
    if (memcmp(d->name, at, DAY_BYTES) != 0)
        give_up("two days share a place");
    return d;
}

static void take(const struct text *t, const char *symbol)
{
    size_t n = strlen(symbol);
    const char *end = t->bytes + t->len, *header = memchr(t->bytes, '\n', t->len);
    for (const char *line = header ? header + 1 : end; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next + 1 : end;
        if ((size_t)(next - line) <= DAY_BYTES)
            give_up("a line is too short");
        struct text *rows = &day_of(line)->rows;
        append(rows, symbol, n);
        append(rows, line + DAY_BYTES, (size_t)(next - line) - DAY_BYTES);
        line = next;
    }
}

static void write_days(const char *folder, const char *columns)
{
    char path[4096];
    for (unsigned i = 0; i < SLOTS; i++) {
        if (!days[i].name[0])
            continue;
        snprintf(path, sizeof path, "%s/%.10s.csv", folder, days[i].name);
        FILE *f = fopen(path, "w");
        if (!f || fprintf(f, "symbol%s\n", columns) < 0 ||
            fwrite(days[i].rows.bytes, 1, days[i].rows.len, f) != days[i].rows.len || fclose(f) != 0)
            give_up(path);
    }
}

static void sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) != 0)
        give_up("cannot sync");
    close(fd);
}

int main(int argc, char **argv)
{
    bool sync = argc > 2 && strcmp(argv[2], "sync") == 0;
    char columns[1024] = "";
    if (argc < 3 + sync)
        give_up("usage: plain_transpose OUT [sync] FILE.csv ...");
    for (int i = 2 + sync; i < argc; i++) {
        char symbol[256];
        const char *slash = strrchr(argv[i], '/'), *base = slash ? slash + 1 : argv[i], *dot = strrchr(base, '.');
        snprintf(symbol, sizeof symbol, "%.*s", (int)(dot ? (size_t)(dot - base) : strlen(base)), base);
        struct text t = read_file(argv[i]);
        size_t head = strcspn(t.bytes, "\n"), name = strcspn(t.bytes, ",");
        if (!columns[0] && name < head)
            snprintf(columns, sizeof columns, "%.*s", (int)(head - name), t.bytes + name);
        take(&t, symbol);
        free(t.bytes);
    }
    write_days(argv[1], columns);
    if (sync)
        sync_folder(argv[1]);
    return 0;
}
