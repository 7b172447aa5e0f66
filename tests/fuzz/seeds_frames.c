/* SPDX-License-Identifier: MIT
 *
 * seeds_frames: messages of one, two and three frames.
 */
#include "common/proto.h"
#include "tests/fuzz/seeds.h"

#include <stdio.h>

void seeds_frames(const char *dir)
{
    struct buf head = {0}, body = {0}, out = {0};
    char name[16];
    SHEAF_ASSERT(proto_encode(MSG_READ, &(struct msg_read){.sweep = 1}, &head, &body) == 0);
    for (unsigned n = 1; n <= 3; n++) {
        out.len = 0;
        for (unsigned peer = 0; peer < 2; peer++)
            for (unsigned i = 0; i < n; i++)
                script_put(&out, (uint8_t)(peer << 1 | (i + 1 < n)), 0, i == 0 ? head.data : body.data,
                           i == 0 ? head.len : body.len);
        snprintf(name, sizeof(name), "of_%u", n);
        seed_write(dir, "frames", name, &out);
    }
    buf_finish(&head);
    buf_finish(&body);
    buf_finish(&out);
}
