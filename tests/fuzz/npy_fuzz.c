/* SPDX-License-Identifier: MIT
 *
 * npy_fuzz: any bytes are refused, or are an array that streams out whole, the same for every block size.
 */
#include "data/dataset.h"
#include "data/npy.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define STREAM_MAX ((size_t)1 << 16)

static int collect(void *user, const void *data, size_t n, struct diag *d)
{
    (void)d;
    return buf_append(user, data, n);
}

static void check_stream(const struct npy *npy)
{
    struct buf whole = {0}, pieces = {0};
    struct npy_sink sink = {.put = collect, .user = &whole};
    int err = npy_stream(npy, 0, npy_rows(npy), &sink);
    SHEAF_ASSERT(err == 0 && whole.len == npy->data_bytes);
    sink = (struct npy_sink){.put = collect, .user = &pieces, .block = 8};
    for (uint64_t i = 0; i < npy_rows(npy) && err == 0 && npy->data_bytes > 0; i++)
        err = npy_stream(npy, i, i + 1, &sink);
    SHEAF_ASSERT(err == 0 && pieces.len == whole.len);
    SHEAF_ASSERT(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
    buf_finish(&whole);
    buf_finish(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy npy;
    struct diag d = {0};
    int err = npy_parse(data, size, size, "x.npy", &npy, &d);
    SHEAF_ASSERT(err == 0 || err == SHEAF_EINVAL);
    SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
    if (err != 0)
        return 0;
    SHEAF_ASSERT(npy.rank <= SHEAF_MAX_RANK && dtype_size(npy.dtype) > 0);
    SHEAF_ASSERT(npy.data_at + npy.data_bytes == size);
    npy.map = data;
    npy.map_bytes = size;
    if (npy.data_bytes <= STREAM_MAX)
        check_stream(&npy);
    return 0;
}
