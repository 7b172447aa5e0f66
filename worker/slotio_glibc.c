/* SPDX-License-Identifier: MIT
 *
 * slotio with glibc, whose stdout and stderr are variables: streams of our own that write lines into the side ring.
 */
#define _GNU_SOURCE
#include "worker/slotio.h"

#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

#define LINE_BYTES 4096u

struct stream {
    struct slothost *host;
    FILE *file; /* NULL once the plugin has closed it */
    uint32_t level;
    bool keep_end; /* stderr: its end has to survive the process */
    size_t len;
    char line[LINE_BYTES];
};

static struct stream out = {.level = SHEAF_LOG_INFO}, err = {.level = SHEAF_LOG_WARN, .keep_end = true};

static void end_line(struct stream *s)
{
    slothost_line(s->host, s->level, s->line, s->len);
    s->len = 0;
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t n)
{
    struct stream *s = cookie;
    s->host->dirty = true;
    if (s->keep_end)
        page_err_write(s->host->link->page, bytes, n);
    for (size_t at = 0; at < n;) {
        const char *newline = memchr(bytes + at, '\n', n - at);
        size_t piece = newline ? (size_t)(newline - bytes) - at : n - at;
        if (piece > LINE_BYTES - s->len)
            piece = LINE_BYTES - s->len;
        memcpy(s->line + s->len, bytes + at, piece);
        s->len += piece;
        at += piece;
        bool line_ends = at < n && bytes[at] == '\n';
        at += line_ends;
        if (line_ends || s->len == LINE_BYTES)
            end_line(s);
    }
    return (ssize_t)n;
}

static int stream_close(void *cookie)
{
    struct stream *s = cookie;
    s->file = NULL;
    return 0;
}

static FILE *stream_open(struct stream *s, struct slothost *h, int mode)
{
    s->host = h;
    s->file = fopencookie(s, "w", (cookie_io_functions_t){.write = stream_write, .close = stream_close});
    if (s->file)
        setvbuf(s->file, NULL, mode, mode == _IONBF ? 0 : BUFSIZ);
    return s->file;
}

void slotio_init(struct slothost *h)
{
    FILE *file = stream_open(&out, h, _IOLBF);
    stdout = file ? file : stdout; /* out of memory: the pipes do */
    file = stream_open(&err, h, _IONBF);
    stderr = file ? file : stderr;
}

bool slotio_pending(void)
{
    return (out.file && __fpending(out.file) > 0) || out.len > 0 || err.len > 0;
}

void slotio_flush(void)
{
    if (out.file)
        fflush(out.file);
    if (out.len > 0)
        end_line(&out);
    if (err.len > 0)
        end_line(&err);
}
