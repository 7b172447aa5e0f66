/* SPDX-License-Identifier: MIT
 *
 * seeds DIR: writes the seeds of the targets with state into DIR/TARGET/: whole conversations that are right, for libFuzzer to
 * spoil; and those of plans. Run by hand when messages, plans or steps have changed: build/fuzz/fuzz_seeds tests/fuzz/corpus
 */
#include "tests/fuzz/seeds.h"

#include "common/fsutil.h"

#include <stdio.h>

void seed_write(const char *dir, const char *target, const char *name, const struct buf *bytes)
{
    char path[4096];
    struct diag d = {""};
    snprintf(path, sizeof(path), "%s/%s", dir, target);
    SHEAF_ASSERT(dir_make(path, 0755, &d) == 0);
    snprintf(path, sizeof(path), "%s/%s/seed_%s", dir, target, name);
    FILE *f = fopen(path, "wb");
    SHEAF_ASSERT(f && (bytes->len == 0 || fwrite(bytes->data, 1, bytes->len, f) == bytes->len) && fclose(f) == 0);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    seeds_broker(argv[1]);
    seeds_worker(argv[1]);
    seeds_descriptor(argv[1]);
    seeds_frames(argv[1]);
    seeds_journal(argv[1]);
    seeds_slot(argv[1]);
    seeds_plan(argv[1]);
    return 0;
}
