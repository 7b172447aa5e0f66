/* SPDX-License-Identifier: MIT
 *
 * codec_decode: MessagePack to structs. The bytes are scanned first (codec_scan.c), unpacked by msgpack-c, then read
 * field by field against the table: a wrong type or a value over its cap names the field, as in "trials[3].name".
 */
#include "common/codec.h"

#include "common/text.h"

#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#define PATH_BYTES 256

/* Where in the message we are: a chain on the stack, made into text only for an error. */
struct place {
    const struct place *up;
    const char *name; /* NULL: element `index` of the list above */
    uint32_t index;
};

struct reader {
    struct arena *arena;
    struct diag *d;
    const struct codec *message;
    const struct place *place;
};

static int read_struct(struct reader *r, const struct codec *c, const msgpack_object *o, char *obj);

static size_t path_format(const struct place *p, char *out, size_t room)
{
    if (p == NULL)
        return 0;
    size_t at = path_format(p->up, out, room);
    if (at >= room)
        return at;
    int n = p->name == NULL ? snprintf(out + at, room - at, "[%u]", (unsigned)p->index)
                            : snprintf(out + at, room - at, "%s%s", at == 0 ? "" : ".", p->name);
    return n < 0 ? at : at + (size_t)n;
}

static int refuse(const struct reader *r, int err, const char *what)
{
    char path[PATH_BYTES] = "";
    path_format(r->place, path, sizeof(path));
    diag_fail(r->d, err, "malformed %s: %s%s%s", r->message->name, path, path[0] == '\0' ? "" : ": ", what);
    return err;
}

static int check_max(const struct reader *r, uint64_t value, uint64_t max)
{
    return max != 0 && value > max ? refuse(r, SHEAF_ELIMIT, "over its limit") : 0;
}

static int out_of_memory(const struct reader *r)
{
    return refuse(r, SHEAF_ENOMEM, "out of memory, or more of it than one message may take");
}

/* The field is a pointer of whatever type; only a copy of the bytes may write it (strict aliasing). */
static void store_pointer(char *field, const void *p)
{
    memcpy(field, &p, sizeof(p));
}

static int read_u64(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return refuse(r, SHEAF_EPROTO, "not an unsigned integer");
    memcpy(obj + f->offset, &o->via.u64, sizeof(uint64_t));
    return check_max(r, o->via.u64, f->max);
}

static int read_u32(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return refuse(r, SHEAF_EPROTO, "not an unsigned integer");
    uint32_t v = (uint32_t)o->via.u64;
    memcpy(obj + f->offset, &v, sizeof(v));
    return check_max(r, o->via.u64, f->max == 0 ? UINT32_MAX : f->max);
}

static int read_i64(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    /* msgpack-c gives numbers below zero in i64, all others in u64. */
    bool negative = o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    if (!negative && o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return refuse(r, SHEAF_EPROTO, "not an integer");
    if (!negative && o->via.u64 > INT64_MAX)
        return refuse(r, SHEAF_ELIMIT, "larger than a signed integer of 64 bits");
    int64_t v = negative ? o->via.i64 : (int64_t)o->via.u64;
    memcpy(obj + f->offset, &v, sizeof(v));
    return 0;
}

static int read_f64(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    if (o->type != MSGPACK_OBJECT_FLOAT64 && o->type != MSGPACK_OBJECT_FLOAT32)
        return refuse(r, SHEAF_EPROTO, "not a floating-point number");
    memcpy(obj + f->offset, &o->via.f64, sizeof(double));
    return 0;
}

static int read_bool(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    if (o->type != MSGPACK_OBJECT_BOOLEAN)
        return refuse(r, SHEAF_EPROTO, "not true or false");
    memcpy(obj + f->offset, &o->via.boolean, sizeof(bool));
    return 0;
}

static int read_text(struct reader *r, const msgpack_object *o, uint64_t max, const char **out)
{
    if (o->type != MSGPACK_OBJECT_STR)
        return refuse(r, SHEAF_EPROTO, "not a text");
    const msgpack_object_str *s = &o->via.str;
    int err = check_max(r, s->size, max);
    if (err != 0)
        return err;
    if (s->size > 0 && memchr(s->ptr, '\0', s->size) != NULL)
        return refuse(r, SHEAF_EPROTO, "a text with a NUL byte");
    if (!text_is_utf8(s->ptr, s->size))
        return refuse(r, SHEAF_EPROTO, "a text that is not UTF-8");
    *out = s->size == 0 ? "" : arena_text(r->arena, s->ptr, s->size);
    return *out == NULL ? out_of_memory(r) : 0;
}

static int read_text_field(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    const char *text = NULL;
    int err = read_text(r, o, f->max, &text);
    if (err == 0)
        store_pointer(obj + f->offset, text);
    return err;
}

static int read_bin(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    if (o->type != MSGPACK_OBJECT_BIN)
        return refuse(r, SHEAF_EPROTO, "not binary");
    const msgpack_object_bin *b = &o->via.bin;
    struct slice v = {.data = b->size == 0 ? NULL : b->ptr, .len = b->size};
    memcpy(obj + f->offset, &v, sizeof(v));
    return check_max(r, b->size, f->max);
}

static int read_inner(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    return read_struct(r, f->of, o, obj + f->offset);
}

/* Checks a list's type and count and makes its memory; an empty list is NULL and 0. */
static int begin_list(struct reader *r, const struct codec_field *f, const msgpack_object *o, size_t size, void **items)
{
    *items = NULL;
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return refuse(r, SHEAF_EPROTO, "not a list");
    uint32_t n = o->via.array.size;
    int err = check_max(r, n, f->max);
    if (err != 0 || n == 0)
        return err;
    if (size > SIZE_MAX / n || (*items = arena_alloc(r->arena, n * size)) == NULL)
        return out_of_memory(r);
    return 0;
}

static void finish_list(const struct codec_field *f, const msgpack_object *o, const void *items, char *obj)
{
    store_pointer(obj + f->offset, items);
    memcpy(obj + f->count_offset, &o->via.array.size, sizeof(uint32_t));
}

static int read_list(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    void *items;
    int err = begin_list(r, f, o, f->of->size, &items);
    struct place place = {.up = r->place};
    const size_t n = err == 0 ? o->via.array.size : 0;
    for (size_t i = 0; i < n && err == 0; i++) {
        place.index = (uint32_t)i;
        r->place = &place;
        err = read_struct(r, f->of, &o->via.array.ptr[i], (char *)items + i * f->of->size);
        r->place = place.up;
    }
    if (err == 0)
        finish_list(f, o, items, obj);
    return err;
}

static int read_texts(struct reader *r, const struct codec_field *f, const msgpack_object *o, char *obj)
{
    void *items;
    int err = begin_list(r, f, o, sizeof(char *), &items);
    const char **texts = items;
    struct place place = {.up = r->place};
    const size_t n = err == 0 ? o->via.array.size : 0;
    for (size_t i = 0; i < n && err == 0; i++) {
        place.index = (uint32_t)i;
        r->place = &place;
        err = read_text(r, &o->via.array.ptr[i], 0, &texts[i]);
        r->place = place.up;
    }
    if (err == 0)
        finish_list(f, o, items, obj);
    return err;
}

static int (*const readers[])(struct reader *, const struct codec_field *, const msgpack_object *, char *) = {
    [CODEC_U64] = read_u64,    [CODEC_I64] = read_i64,         [CODEC_U32] = read_u32, [CODEC_F64] = read_f64,
    [CODEC_BOOL] = read_bool,  [CODEC_TEXT] = read_text_field, [CODEC_BIN] = read_bin, [CODEC_STRUCT] = read_inner,
    [CODEC_ARRAY] = read_list, [CODEC_TEXTS] = read_texts,
};

/* What fields read as when the writer is too old to know them: zero, and "" for texts, so that no reader meets NULL.
 * The memory is zero already. */
static void set_defaults(const struct codec *c, size_t first, char *obj)
{
    for (size_t i = first; i < c->n_fields; i++) {
        const struct codec_field *f = &c->fields[i];
        if (f->kind == CODEC_TEXT)
            store_pointer(obj + f->offset, "");
        else if (f->kind == CODEC_STRUCT)
            set_defaults(f->of, 0, obj + f->offset);
    }
}

static int read_struct(struct reader *r, const struct codec *c, const msgpack_object *o, char *obj)
{
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return refuse(r, SHEAF_EPROTO, "not a list of fields");
    size_t known = o->via.array.size < c->n_fields ? o->via.array.size : c->n_fields;
    struct place place = {.up = r->place};
    for (size_t i = 0; i < known; i++) {
        const struct codec_field *f = &c->fields[i];
        place.name = f->name;
        r->place = &place;
        int err = readers[f->kind](r, f, &o->via.array.ptr[i], obj);
        r->place = place.up;
        if (err != 0)
            return err;
    }
    set_defaults(c, known, obj);
    return 0;
}

static int read_message(struct reader *r, const msgpack_object *o, void *obj)
{
    const struct codec *c = r->message;
    char *copy = arena_alloc(r->arena, c->size); /* *obj stays as it was when this fails half-way */
    if (copy == NULL)
        return out_of_memory(r);
    int err = read_struct(r, c, o, copy);
    if (err == 0)
        memcpy(obj, copy, c->size);
    return err;
}

int codec_decode(const struct codec *c, const void *bytes, size_t len, struct arena *arena, void *obj, struct diag *d)
{
    struct reader r = {.arena = arena, .d = d, .message = c};
    int err = codec_scan(bytes, len);
    if (err == SHEAF_ELIMIT)
        return refuse(&r, err, "nested too deep, or too many objects");
    if (err != 0)
        return refuse(&r, err, "not exactly one complete MessagePack object");
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t used = 0;
    msgpack_unpack_return got = msgpack_unpack_next(&unpacked, bytes, len, &used);
    if (got == MSGPACK_UNPACK_SUCCESS)
        err = read_message(&r, &unpacked.data, obj);
    else if (got == MSGPACK_UNPACK_NOMEM_ERROR)
        err = out_of_memory(&r);
    else
        err = refuse(&r, SHEAF_EPROTO, "not MessagePack");
    msgpack_unpacked_destroy(&unpacked);
    return err;
}
