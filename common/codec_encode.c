/* SPDX-License-Identifier: MIT
 *
 * codec_encode: structs to MessagePack. What codec_encode accepts, codec_decode with the same table accepts.
 */
#include "common/codec.h"

#include "common/text.h"

#include <msgpack.h>
#include <string.h>

struct writer {
    msgpack_packer packer;
    struct buf *out;
    int err; /* the first failure; later writes do nothing */
};

static void write_struct(struct writer *w, const struct codec *c, const void *obj);

/* msgpack-c's output: memory is the only thing that can fail. */
static int append(void *data, const char *bytes, size_t n)
{
    struct writer *w = data;
    if (w->err == 0)
        w->err = buf_append(w->out, bytes, n);
    return w->err == 0 ? 0 : -1;
}

static bool over(struct writer *w, uint64_t value, uint64_t max)
{
    if (max == 0 || value <= max)
        return false;
    w->err = SHEAF_ELIMIT;
    return true;
}

/* Texts come from strangers too (a path, a plugin's last words): a byte that is not UTF-8 becomes '?', for the reader
 * would refuse the whole message. */
static void write_repaired(struct writer *w, const char *s, size_t len)
{
    while (len > 0) {
        size_t n = text_utf8_next(s, len);
        msgpack_pack_str_body(&w->packer, n == 0 ? "?" : s, n == 0 ? 1 : n);
        n += n == 0;
        s += n;
        len -= n;
    }
}

static void write_text(struct writer *w, const char *s, uint64_t max)
{
    size_t len = s == NULL ? 0 : strlen(s);
    if (over(w, len, max) || over(w, len, UINT32_MAX))
        return;
    msgpack_pack_str(&w->packer, len);
    if (text_is_utf8(s, len))
        msgpack_pack_str_body(&w->packer, s, len);
    else
        write_repaired(w, s, len);
}

static void write_u64(struct writer *w, const struct codec_field *f, const char *obj)
{
    uint64_t v;
    memcpy(&v, obj + f->offset, sizeof(v));
    if (!over(w, v, f->max))
        msgpack_pack_uint64(&w->packer, v);
}

static void write_i64(struct writer *w, const struct codec_field *f, const char *obj)
{
    int64_t v;
    memcpy(&v, obj + f->offset, sizeof(v));
    msgpack_pack_int64(&w->packer, v);
}

static void write_u32(struct writer *w, const struct codec_field *f, const char *obj)
{
    uint32_t v;
    memcpy(&v, obj + f->offset, sizeof(v));
    if (!over(w, v, f->max))
        msgpack_pack_uint32(&w->packer, v);
}

static void write_f64(struct writer *w, const struct codec_field *f, const char *obj)
{
    double v;
    memcpy(&v, obj + f->offset, sizeof(v));
    msgpack_pack_double(&w->packer, v);
}

static void write_bool(struct writer *w, const struct codec_field *f, const char *obj)
{
    bool v;
    memcpy(&v, obj + f->offset, sizeof(v));
    if (v)
        msgpack_pack_true(&w->packer);
    else
        msgpack_pack_false(&w->packer);
}

static void write_text_field(struct writer *w, const struct codec_field *f, const char *obj)
{
    const char *s;
    memcpy(&s, obj + f->offset, sizeof(s));
    write_text(w, s, f->max);
}

static void write_bin(struct writer *w, const struct codec_field *f, const char *obj)
{
    struct slice v;
    memcpy(&v, obj + f->offset, sizeof(v));
    if (over(w, v.len, f->max) || over(w, v.len, UINT32_MAX))
        return;
    msgpack_pack_bin(&w->packer, v.len);
    if (v.len > 0)
        msgpack_pack_bin_body(&w->packer, v.data, v.len);
}

static void write_inner(struct writer *w, const struct codec_field *f, const char *obj)
{
    write_struct(w, f->of, obj + f->offset);
}

/* The count and the pointer of a list; opens its array. */
static const void *begin_list(struct writer *w, const struct codec_field *f, const char *obj, uint32_t *n)
{
    const void *items;
    memcpy(&items, obj + f->offset, sizeof(items));
    memcpy(n, obj + f->count_offset, sizeof(*n));
    if (over(w, *n, f->max))
        *n = 0;
    else
        msgpack_pack_array(&w->packer, *n);
    return items;
}

static void write_list(struct writer *w, const struct codec_field *f, const char *obj)
{
    uint32_t n;
    const char *items = begin_list(w, f, obj, &n);
    for (uint32_t i = 0; i < n && w->err == 0; i++)
        write_struct(w, f->of, items + (size_t)i * f->of->size);
}

static void write_texts(struct writer *w, const struct codec_field *f, const char *obj)
{
    uint32_t n;
    const char *const *items = begin_list(w, f, obj, &n);
    for (uint32_t i = 0; i < n && w->err == 0; i++)
        write_text(w, items[i], 0);
}

static void (*const writers[])(struct writer *, const struct codec_field *, const char *) = {
    [CODEC_U64] = write_u64,    [CODEC_I64] = write_i64,         [CODEC_U32] = write_u32, [CODEC_F64] = write_f64,
    [CODEC_BOOL] = write_bool,  [CODEC_TEXT] = write_text_field, [CODEC_BIN] = write_bin, [CODEC_STRUCT] = write_inner,
    [CODEC_ARRAY] = write_list, [CODEC_TEXTS] = write_texts,
};

static void write_struct(struct writer *w, const struct codec *c, const void *obj)
{
    msgpack_pack_array(&w->packer, c->n_fields);
    for (size_t i = 0; i < c->n_fields && w->err == 0; i++)
        writers[c->fields[i].kind](w, &c->fields[i], obj);
}

int codec_encode(const struct codec *c, const void *obj, struct buf *out)
{
    struct writer w = {.out = out};
    size_t before = out->len;
    msgpack_packer_init(&w.packer, &w, append);
    write_struct(&w, c, obj);
    /* Too many objects or levels are found here and not by the peer that would refuse them. */
    if (w.err == 0)
        w.err = codec_scan(out->data + before, out->len - before);
    if (w.err != 0)
        out->len = before;
    return w.err;
}
