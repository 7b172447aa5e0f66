/* SPDX-License-Identifier: MIT
 *
 * codec_sample: for tests and fuzzing: a message with a field of every kind.
 */
#ifndef SHEAF_COMMON_CODEC_SAMPLE_H
#define SHEAF_COMMON_CODEC_SAMPLE_H

#include "common/codec.h"

struct sample_item {
    uint64_t id;
    const char *name;
    const char **tags;
    uint32_t n_tags;
};

struct sample {
    uint64_t u64;
    int64_t i64;
    uint32_t u32;
    double f64;
    bool flag;
    const char *text;
    struct slice bin;
    struct sample_item one;
    struct sample_item *items;
    uint32_t n_items;
    const char **texts;
    uint32_t n_texts;
};

static const struct codec_field sample_item_fields[] = {
    CODEC_F(CODEC_U64, struct sample_item, id, 1000),
    CODEC_F(CODEC_TEXT, struct sample_item, name, 8),
    CODEC_STRINGS(struct sample_item, tags, n_tags, 3),
};
static const struct codec sample_item_codec = CODEC_OF(struct sample_item, sample_item_fields);

static const struct codec_field sample_fields[] = {
    CODEC_F(CODEC_U64, struct sample, u64, 0),
    CODEC_F(CODEC_I64, struct sample, i64, 0),
    CODEC_F(CODEC_U32, struct sample, u32, 0),
    CODEC_F(CODEC_F64, struct sample, f64, 0),
    CODEC_F(CODEC_BOOL, struct sample, flag, 0),
    CODEC_F(CODEC_TEXT, struct sample, text, 0),
    CODEC_F(CODEC_BIN, struct sample, bin, 70000),
    CODEC_SUB(struct sample, one, &sample_item_codec),
    CODEC_LIST(struct sample, items, n_items, &sample_item_codec, 4),
    CODEC_STRINGS(struct sample, texts, n_texts, 0),
};
static const struct codec sample_codec = CODEC_OF(struct sample, sample_fields);

#endif
