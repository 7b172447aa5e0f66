/* SPDX-License-Identifier: MIT
 *
 * proto_fuzz: the first byte is a message type, the rest its body, and the same bytes are a head besides. Anything is
 * refused or read; what was read can be sent on, and reads the same again.
 */
#include "common/proto.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define MEMORY ((size_t)64 << 20)

union body {
    uint64_t align;
    unsigned char bytes[PROTO_MAX_STRUCT];
};

/* Encodes again; false when what old bytes left out makes the new ones too many. */
static bool encode(uint32_t type, const union body *b, struct buf *frame)
{
    struct buf head = {0};
    int err = proto_encode(type, b, &head, frame);
    SHEAF_ASSERT(err == 0 || err == SHEAF_ELIMIT || err == SHEAF_ENOMEM);
    buf_finish(&head);
    return err == 0;
}

static void check_round_trip(uint32_t type, const union body *b)
{
    struct buf first = {0}, second = {0};
    struct arena arena;
    union body again;
    arena_init(&arena, MEMORY);
    if (encode(type, b, &first) && proto_body(type, first.data, first.len, &arena, &again, NULL) == 0) {
        bool encoded = encode(type, &again, &second);
        SHEAF_ASSERT(encoded && second.len == first.len);
        SHEAF_ASSERT(first.len == 0 || memcmp(first.data, second.data, first.len) == 0);
    }
    arena_finish(&arena);
    buf_finish(&first);
    buf_finish(&second);
}

static void check_head(const uint8_t *data, size_t size)
{
    struct msg_head head = {0};
    struct diag d = {0};
    int err = proto_head(data, size, &head, &d);
    SHEAF_ASSERT(err == 0 || err == SHEAF_EPROTO || err == SHEAF_EVERSION || err == SHEAF_ELIMIT ||
                 err == SHEAF_ENOMEM);
    SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
    SHEAF_ASSERT(err != 0 || head.major == PROTO_MAJOR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_head(data, size);
    if (size == 0)
        return 0;
    struct arena arena;
    struct diag d = {0};
    union body b;
    arena_init(&arena, MEMORY);
    int err = proto_body(data[0], data + 1, size - 1, &arena, &b, &d);
    SHEAF_ASSERT(err == 0 || err == SHEAF_EPROTO || err == SHEAF_ELIMIT || err == SHEAF_ENOMEM);
    SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
    if (err == 0)
        check_round_trip(data[0], &b);
    arena_finish(&arena);
    return 0;
}
