/* SPDX-License-Identifier: MIT
 *
 * codec_scan: walks over a MessagePack object without allocating and without recursion. What passes here, msgpack-c
 * unpacks with memory proportional to the bytes that are really there.
 */
#include "common/codec.h"

/* What follows the type byte: a big-endian number of `length` bytes and `payload` fixed bytes. The number counts bytes,
 * or objects: `children` for each (arrays 1, maps 2). */
struct shape {
    uint8_t length, payload, children;
};

/* 0xc0 to 0xdf; all other type bytes carry their number in themselves. 0xc1 is refused before. */
static const struct shape shapes[32] = {
    [0x04] = {1, 0, 0},  [0x05] = {2, 0, 0}, [0x06] = {4, 0, 0},                     /* bin */
    [0x07] = {1, 1, 0},  [0x08] = {2, 1, 0}, [0x09] = {4, 1, 0},                     /* ext */
    [0x0a] = {0, 4, 0},  [0x0b] = {0, 8, 0},                                         /* float */
    [0x0c] = {0, 1, 0},  [0x0d] = {0, 2, 0}, [0x0e] = {0, 4, 0}, [0x0f] = {0, 8, 0}, /* uint */
    [0x10] = {0, 1, 0},  [0x11] = {0, 2, 0}, [0x12] = {0, 4, 0}, [0x13] = {0, 8, 0}, /* int */
    [0x14] = {0, 2, 0},  [0x15] = {0, 3, 0}, [0x16] = {0, 5, 0}, [0x17] = {0, 9, 0}, /* fixext */
    [0x18] = {0, 17, 0}, [0x19] = {1, 0, 0}, [0x1a] = {2, 0, 0}, [0x1b] = {4, 0, 0}, /* fixext 16, str */
    [0x1c] = {2, 0, 1},  [0x1d] = {4, 0, 1}, [0x1e] = {2, 0, 2}, [0x1f] = {4, 0, 2}, /* array, map */
};

struct scan {
    const uint8_t *at;
    size_t left;
    uint64_t open;                 /* objects announced and not yet seen */
    uint64_t pending[CODEC_DEPTH]; /* the same for each open container */
    unsigned depth;
};

/* One object's type byte and number. */
struct head {
    uint64_t payload, children;
    bool container;
};

static int read_long_head(struct scan *s, uint8_t type, struct head *h)
{
    const struct shape *shape = &shapes[type & 31];
    if (type == 0xc1 || s->left < shape->length)
        return SHEAF_EPROTO;
    uint64_t number = 0;
    for (int i = 0; i < shape->length; i++)
        number = number << 8 | s->at[i];
    s->at += shape->length;
    s->left -= shape->length;
    h->container = shape->children != 0;
    h->children = number * shape->children;
    h->payload = shape->payload + (h->container ? 0 : number);
    return 0;
}

static int read_head(struct scan *s, struct head *h)
{
    *h = (struct head){0};
    if (s->left == 0)
        return SHEAF_EPROTO;
    uint8_t type = *s->at++;
    s->left--;
    if (type >= 0xc0 && type <= 0xdf)
        return read_long_head(s, type, h);
    if (type >= 0xa0 && type <= 0xbf) {
        h->payload = type & 31;
    } else if (type >= 0x80 && type <= 0x9f) {
        h->container = true;
        h->children = (uint64_t)(type & 15) * (type < 0x90 ? 2 : 1);
    }
    return 0;
}

/* Children are at least a byte each, so all that is announced must fit into what is left: a header that lies is refused
 * at once, also when it hides behind others that claim the same bytes. */
static int enter(struct scan *s, uint64_t children)
{
    if (s->depth == CODEC_DEPTH)
        return SHEAF_ELIMIT;
    s->open += children;
    if (s->open > s->left)
        return SHEAF_EPROTO;
    s->pending[s->depth++] = children;
    return 0;
}

static int scan_object(struct scan *s)
{
    struct head h;
    int err = read_head(s, &h);
    if (err != 0)
        return err;
    if (h.payload > s->left)
        return SHEAF_EPROTO;
    s->at += h.payload;
    s->left -= h.payload;
    s->open--;
    if (s->depth > 0)
        s->pending[s->depth - 1]--;
    if (h.container)
        err = enter(s, h.children);
    while (s->depth > 0 && s->pending[s->depth - 1] == 0)
        s->depth--;
    return err;
}

int codec_scan(const void *bytes, size_t len)
{
    struct scan s = {.at = bytes, .left = len, .open = 1};
    uint32_t nodes = 0;
    while (s.open > 0) {
        if (nodes++ == CODEC_NODES)
            return SHEAF_ELIMIT;
        int err = scan_object(&s);
        if (err != 0)
            return err;
    }
    return s.left == 0 ? 0 : SHEAF_EPROTO;
}
