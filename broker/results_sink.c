/* SPDX-License-Identifier: MIT
 *
 * results_sink: a buffer in front of a FILE, and how numbers and texts look in it. JSON strings are jansson's.
 */
#include "broker/results_sink.h"

#include "common/err.h"
#include "sweep/lebytes.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define FLUSH_BYTES ((size_t)1 << 16)

int sink_flush(struct sink *s)
{
    if (s->err == 0 && s->b.len > 0 && fwrite(s->b.data, 1, s->b.len, s->out) != s->b.len) {
        s->errnum = errno;
        s->err = SHEAF_EIO;
    }
    s->b.len = 0;
    return s->err;
}

void sink_finish(struct sink *s)
{
    buf_finish(&s->b);
}

void sink_bytes(struct sink *s, const void *bytes, size_t n)
{
    if (s->err == 0 && n > 0 && buf_append(&s->b, bytes, n) != 0)
        s->err = SHEAF_ENOMEM;
    if (s->b.len >= FLUSH_BYTES)
        sink_flush(s);
}

void sink_text(struct sink *s, const char *text)
{
    sink_bytes(s, text, strlen(text));
}

void sink_u64(struct sink *s, uint64_t v)
{
    char text[32];
    sink_bytes(s, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, v));
}

void sink_i64(struct sink *s, int64_t v)
{
    char text[32];
    sink_bytes(s, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, v));
}

void sink_number(struct sink *s, double v, const char *absent)
{
    char text[40];
    if (!isfinite(v))
        sink_text(s, absent);
    else
        sink_bytes(s, text, (size_t)snprintf(text, sizeof(text), "%.17g", v));
}

void sink_csv(struct sink *s, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        sink_text(s, text);
        return;
    }
    sink_text(s, "\"");
    for (; *text; text++) {
        if (*text == '"')
            sink_text(s, "\"");
        sink_bytes(s, text, 1);
    }
    sink_text(s, "\"");
}

static int dump(const char *bytes, size_t n, void *sink)
{
    sink_bytes(sink, bytes, n);
    return 0;
}

void sink_json(struct sink *s, const char *text)
{
    json_t *value = json_string(text);
    if (!value || json_dump_callback(value, dump, s, JSON_ENCODE_ANY) != 0)
        s->err = s->err ? s->err : SHEAF_ENOMEM; /* it is UTF-8: the codec has seen to that */
    json_decref(value);
}

int sink_settle(struct sink *s, struct diag *d)
{
    int err = sink_flush(s);
    if (err == 0 && fflush(s->out) != 0) {
        s->errnum = errno;
        s->err = err = SHEAF_EIO;
    }
    return err != 0 && s->errnum ? diag_fail(d, err, "cannot write the results: %s", strerror(s->errnum)) : err;
}

void sink_f64(struct sink *s, double v)
{
    uint8_t at[8];
    le_store_double(at, v);
    sink_bytes(s, at, sizeof(at));
}

void sink_nans(struct sink *s, uint64_t n)
{
    uint8_t at[8];
    le_store(at, LE_NAN);
    for (uint64_t i = 0; i < n && s->err == 0; i++)
        sink_bytes(s, at, sizeof(at));
}
