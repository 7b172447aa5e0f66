/* SPDX-License-Identifier: MIT
 *
 * codec_fuzz: any bytes are refused or decoded; what was decoded encodes to bytes that decode to the same.
 */
#include "common/codec.h"
#include "common/codec_sample.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define MEMORY ((size_t)64 << 20)

/* Encodes s into out; false when what old bytes left out makes the new ones too many. */
static bool encode(const struct sample *s, struct buf *out)
{
    int err = codec_encode(&sample_codec, s, out);
    SHEAF_ASSERT(err == 0 || err == SHEAF_ELIMIT || err == SHEAF_ENOMEM);
    return err == 0;
}

static void check_round_trip(const struct sample *s)
{
    struct buf first = {0}, second = {0};
    struct arena arena;
    arena_init(&arena, MEMORY);
    struct sample again;
    if (encode(s, &first) && codec_decode(&sample_codec, first.data, first.len, &arena, &again, NULL) == 0) {
        bool encoded = encode(&again, &second);
        SHEAF_ASSERT(encoded && second.len == first.len && memcmp(first.data, second.data, first.len) == 0);
    }
    arena_finish(&arena);
    buf_finish(&first);
    buf_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diag d = {0};
    struct sample s;
    arena_init(&arena, MEMORY);
    int scanned = codec_scan(data, size);
    int err = codec_decode(&sample_codec, data, size, &arena, &s, &d);
    SHEAF_ASSERT(err == 0 || err == SHEAF_EPROTO || err == SHEAF_ELIMIT || err == SHEAF_ENOMEM);
    SHEAF_ASSERT(scanned == 0 || err == scanned);
    SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
    if (err == 0)
        check_round_trip(&s);
    arena_finish(&arena);
    return 0;
}
