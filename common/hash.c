/* SPDX-License-Identifier: MIT
 *
 * hash: BLAKE2b-256 through libsodium.
 */
#include "common/hash.h"

#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;

static void sodium_start(void)
{
    int failed = sodium_init(); /* fails only when the system has no randomness at all */
    SHEAF_ASSERT(failed >= 0);
}

void *hash_alloc(size_t size)
{
    size_t align = _Alignof(hash_state), whole = (size + align - 1) / align * align;
    void *p = aligned_alloc(align, whole);
    return p ? memset(p, 0, whole) : NULL;
}

void hash_begin(hash_state *h)
{
    pthread_once(&sodium_once, sodium_start);
    int failed = crypto_generichash_init(h, NULL, 0, HASH_BYTES);
    SHEAF_ASSERT(failed == 0);
}

void hash_update(hash_state *h, const void *data, size_t len)
{
    if (len > 0)
        crypto_generichash_update(h, data, len);
}

void hash_end(hash_state *h, uint8_t out[HASH_BYTES])
{
    int failed = crypto_generichash_final(h, out, HASH_BYTES);
    SHEAF_ASSERT(failed == 0);
}

void hash_bytes(const void *data, size_t len, uint8_t out[HASH_BYTES])
{
    hash_state h;
    hash_begin(&h);
    hash_update(&h, data, len);
    hash_end(&h, out);
}

static int hash_fd(int fd, uint8_t out[HASH_BYTES])
{
    uint8_t bytes[READ_BYTES];
    hash_state h;
    hash_begin(&h);
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return SHEAF_EIO;
        if (n == 0)
            break;
        hash_update(&h, bytes, (size_t)n);
    }
    hash_end(&h, out);
    return 0;
}

int hash_file(const char *path, uint8_t out[HASH_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? SHEAF_ENOENT : SHEAF_EIO;
    int err = hash_fd(fd, out);
    close(fd);
    return err;
}

void hash_text(const uint8_t digest[HASH_BYTES], char out[HASH_TEXT])
{
    memcpy(out, "b2:", 3);
    sodium_bin2hex(out + 3, HASH_TEXT - 3, digest, HASH_BYTES);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hash_parse(const char *text, uint8_t out[HASH_BYTES])
{
    /* Not sodium_hex2bin: it takes upper case too, and one digest must have one text. */
    uint8_t digest[HASH_BYTES];
    if (strlen(text) != HASH_TEXT - 1 || memcmp(text, "b2:", 3) != 0)
        return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = hex_digit(text[3 + 2 * i]), low = hex_digit(text[4 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(out, digest, HASH_BYTES);
    return true;
}
