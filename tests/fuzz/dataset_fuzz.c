/* SPDX-License-Identifier: MIT
 *
 * dataset_fuzz: any file is refused, or every view, key and row range that it offers lies within it. The first byte
 * chooses: even, the rest is the file; odd, the second byte is a number of pages and the rest a header, around which a file
 * of so many pages of zeros is built with a true digest, because no fuzzer would find one.
 */
#include "data/dataset.h"
#include "data/header.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_array(const struct dataset *ds, const struct dataset_array *a, const uint8_t *file, uint64_t size)
{
    uint64_t bytes = dtype_size(a->view.dtype), from, to, last = 0;
    const uint8_t *data = a->view.data;

    SHEAF_ASSERT(bytes > 0 && dataset_find(ds, a->name) == a);
    for (uint32_t i = 0; i < a->view.rank; i++)
        bytes *= a->view.shape[i];
    SHEAF_ASSERT(data >= file && bytes <= size && (uint64_t)(data - file) <= size - bytes);
    for (uint64_t i = 0; i < a->view.n_dictionary; i++)
        SHEAF_ASSERT(strlen(a->view.dictionary[i]) < size);
    if (!a->partitioned)
        return;
    for (uint64_t i = 0; i < dataset_keys(ds); i++) {
        dataset_key_rows(ds, a, i, &from, &to);
        SHEAF_ASSERT(from == last && from <= to);
        last = to;
    }
    SHEAF_ASSERT(last == a->view.shape[0]);
}

static void check_file(const uint8_t *file, uint64_t size)
{
    struct dataset *ds = NULL;
    struct diag d = {0};
    int err = dataset_open_memory(file, size, "x", &ds, &d);

    SHEAF_ASSERT(err == 0 || err == SHEAF_ECORRUPT || err == SHEAF_EVERSION || err == SHEAF_ENOMEM);
    SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
    if (err != 0)
        return;
    for (uint32_t i = 0; i < dataset_count(ds); i++)
        check_array(ds, dataset_at(ds, i), file, size);
    for (uint64_t i = 0; i < dataset_keys(ds); i++)
        if (dataset_key_text(ds, i) == NULL)
            SHEAF_ASSERT(i == 0 || dataset_key_int(ds, i - 1) < dataset_key_int(ds, i));
    err = dataset_verify(ds, &d);
    SHEAF_ASSERT(err == 0 || err == SHEAF_ECORRUPT);
    dataset_close(ds);
}

static void check_header(const uint8_t *header, uint64_t len, uint8_t pages)
{
    uint64_t body = header_body_at(len), size = body + (uint64_t)pages * HEADER_PAGE;
    uint8_t *file = calloc(1, (size_t)size);

    SHEAF_ASSERT(file != NULL);
    memcpy(file, HEADER_MAGIC, 8);
    memcpy(file + 8, &len, 8);
    memcpy(file + HEADER_PREFIX, header, (size_t)len);
    hash_bytes(header, (size_t)len, file + HEADER_PREFIX + len);
    check_file(file, size);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    if (data[0] % 2 == 1) {
        check_header(data + 2, size - 2, data[1]);
        return 0;
    }
    /* verify reads codes as int32, so that the file must be aligned as a mapping is. */
    uint8_t *copy = malloc(size - 1);
    SHEAF_ASSERT(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    check_file(copy, size - 1);
    free(copy);
    return 0;
}
