/* SPDX-License-Identifier: MIT
 *
 * replay: runs every file of a directory through a fuzz target, where there is no libFuzzer. A crash is the failure; so
 * is a directory without files, because then nothing was tested.
 */
#include "common/fsutil.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)16 << 20)

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay(const char *dir, const char *name)
{
    struct arena arena;
    struct buf bytes = {0};
    struct diag d = {0};
    arena_init(&arena, 0);
    const char *path = path_absolute(&arena, dir, name);
    int err = path == NULL ? diag_fail(&d, SHEAF_ENOMEM, "out of memory") : file_read(path, FILE_MAX, &bytes, &d);
    if (err == 0) {
        /* A copy of the exact size, on the heap: the address sanitizer sees a read beyond its end. */
        uint8_t *exact = malloc(bytes.len == 0 ? 1 : bytes.len);
        SHEAF_ASSERT(exact != NULL);
        if (bytes.len > 0)
            memcpy(exact, bytes.data, bytes.len);
        LLVMFuzzerTestOneInput(exact, bytes.len);
        free(exact);
    } else {
        fprintf(stderr, "%s\n", d.text);
    }
    buf_finish(&bytes);
    arena_finish(&arena);
    return err;
}

int main(int argc, char **argv)
{
    struct dirent **names;
    int n = argc == 2 ? scandir(argv[1], &names, not_hidden, alphasort) : -1;
    if (n < 0) {
        fprintf(stderr, "usage: %s DIRECTORY (of inputs; it must be readable)\n", argv[0]);
        return 2;
    }
    int failed = 0;
    for (int i = 0; i < n; i++) {
        printf("%s\n", names[i]->d_name); /* the last line before a crash is the guilty file */
        fflush(stdout);
        failed |= replay(argv[1], names[i]->d_name) != 0;
        free(names[i]);
    }
    free(names);
    if (n == 0)
        fprintf(stderr, "%s holds no inputs\n", argv[1]);
    return failed || n == 0;
}
