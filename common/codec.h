/* SPDX-License-Identifier: MIT
 *
 * codec: C structs to MessagePack and back, driven by a table of fields. A struct is a fixed-position array,
 * so that a reader of another language needs only the table in docs/protocol.md. A newer writer may append
 * fields, a reader ignores what it does not know; a missing trailing field reads as zero.
 *
 * Input is hostile: before anything is allocated a pre-scan checks that the bytes are one complete object
 * without trailing bytes, no deeper than CODEC_DEPTH, with no count larger than the bytes that are left, and
 * with at most CODEC_NODES objects (msgpack-c itself trusts a 5-byte header and allocates gigabytes).
 */
#ifndef SHEAF_COMMON_CODEC_H
#define SHEAF_COMMON_CODEC_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODEC_DEPTH 16
#define CODEC_NODES (1u << 22)

enum codec_kind {
    CODEC_U64,    /* uint64_t */
    CODEC_I64,    /* int64_t */
    CODEC_U32,    /* uint32_t; larger is refused */
    CODEC_F64,    /* double */
    CODEC_BOOL,   /* bool */
    CODEC_TEXT,   /* const char *: UTF-8 without NUL, NUL-terminated; NULL encodes as "", decodes as "" */
    CODEC_BIN,    /* struct slice: points into the decoded bytes, which must outlive the struct */
    CODEC_STRUCT, /* a struct inside this one; `of` describes it */
    CODEC_ARRAY,  /* pointer to elements at `offset`, uint32_t count at `count_offset`; `of` describes one element */
    CODEC_TEXTS,  /* const char ** at `offset`, uint32_t count at `count_offset` */
};

struct codec;

struct codec_field {
    enum codec_kind kind;
    size_t offset;
    size_t count_offset;    /* CODEC_ARRAY, CODEC_TEXTS */
    const struct codec *of; /* CODEC_STRUCT, CODEC_ARRAY */
    uint64_t
        max; /* largest value (U32, U64), bytes (TEXT, BIN) or count (ARRAY, TEXTS); 0 = no cap but the message's */
    const char *name; /* for error texts */
};

struct codec {
    const char *name;
    size_t size; /* of the struct */
    const struct codec_field *fields;
    size_t n_fields;
};

#define CODEC_F(kind_, type, field, max_)                                                                              \
    {                                                                                                                  \
        .kind = (kind_), .offset = offsetof(type, field), .max = (max_), .name = #field                                \
    }
#define CODEC_SUB(type, field, of_)                                                                                    \
    {                                                                                                                  \
        .kind = CODEC_STRUCT, .offset = offsetof(type, field), .of = (of_), .name = #field                             \
    }
#define CODEC_LIST(type, field, n_field, of_, max_)                                                                    \
    {                                                                                                                  \
        .kind = CODEC_ARRAY, .offset = offsetof(type, field), .count_offset = offsetof(type, n_field), .of = (of_),    \
        .max = (max_), .name = #field                                                                                  \
    }
#define CODEC_STRINGS(type, field, n_field, max_)                                                                      \
    {                                                                                                                  \
        .kind = CODEC_TEXTS, .offset = offsetof(type, field), .count_offset = offsetof(type, n_field), .max = (max_),  \
        .name = #field                                                                                                 \
    }
#define CODEC_OF(type, fields_)                                                                                        \
    {                                                                                                                  \
        .name = #type, .size = sizeof(type), .fields = (fields_), .n_fields = sizeof(fields_) / sizeof((fields_)[0])   \
    }

/* Appends obj as one MessagePack array to out. In texts, bytes that are not UTF-8 become '?'. 0, SHEAF_ENOMEM, or
 * SHEAF_ELIMIT for a field over its cap or more objects than a reader takes; then out is unchanged. */
int codec_encode(const struct codec *c, const void *obj, struct buf *out);

/* Reads one array from bytes into *obj (fully written on success only). Texts, arrays and element structs live
 * in `arena`; BIN fields point into `bytes`. 0, SHEAF_ENOMEM, SHEAF_EPROTO or SHEAF_ELIMIT with a line in d. */
int codec_decode(const struct codec *c, const void *bytes, size_t len, struct arena *arena, void *obj, struct diag *d);

/* The pre-scan alone: 0, or SHEAF_EPROTO / SHEAF_ELIMIT. */
int codec_scan(const void *bytes, size_t len);

#endif
