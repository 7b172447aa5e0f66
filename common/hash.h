/* SPDX-License-Identifier: MIT
 *
 * hash: BLAKE2b-256 (libsodium's generichash), and the "b2:<64 hex digits>" form in which people see it.
 */
#ifndef SHEAF_COMMON_HASH_H
#define SHEAF_COMMON_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sodium.h>

#define HASH_BYTES 32
#define HASH_TEXT 68 /* "b2:" + 64 digits + NUL */

typedef crypto_generichash_state hash_state;

/* Zeroed memory for a struct with hash_states in it, which want more than malloc's alignment. NULL when memory runs out; free with
 * free(). */
void *hash_alloc(size_t size);

void hash_begin(hash_state *h);
void hash_update(hash_state *h, const void *data, size_t len);
void hash_end(hash_state *h, uint8_t out[HASH_BYTES]);
void hash_bytes(const void *data, size_t len, uint8_t out[HASH_BYTES]);

/* Digest of a whole file's bytes. 0, SHEAF_ENOENT or SHEAF_EIO. */
int hash_file(const char *path, uint8_t out[HASH_BYTES]);

void hash_text(const uint8_t digest[HASH_BYTES], char out[HASH_TEXT]);

/* Accepts "b2:" + 64 lower-case hex digits; false on anything else. */
bool hash_parse(const char *text, uint8_t out[HASH_BYTES]);

#endif
