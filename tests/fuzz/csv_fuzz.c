/* SPDX-License-Identifier: MIT
 *
 * csv_fuzz: any bytes are refused with a place, or are records of equally many fields, the same when read twice. What a
 * field can be does not contradict itself.
 */
#include "common/hash.h"
#include "data/csv.h"
#include "data/field.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <string.h>

static void check_field(const struct csv_field *f)
{
    unsigned all = FIELD_INT | FIELD_FLOAT | FIELD_DATE;
    unsigned kinds = field_kinds(f->text, f->len, all);
    char date[24];
    int64_t i;
    int32_t day;
    double v;

    SHEAF_ASSERT(strlen(f->text) == f->len && f->line > 0 && f->column > 0);
    SHEAF_ASSERT(field_bad_utf8(f->text, f->len) == f->len);
    SHEAF_ASSERT(field_kinds(f->text, f->len, FIELD_FLOAT) == (kinds & FIELD_FLOAT));
    SHEAF_ASSERT(field_int(f->text, f->len, &i) == ((kinds & FIELD_INT) != 0));
    SHEAF_ASSERT(field_float(f->text, f->len, &v) == ((kinds & FIELD_FLOAT) != 0));
    if ((kinds & FIELD_INT) != 0)
        SHEAF_ASSERT((kinds & FIELD_FLOAT) != 0 && v == (double)i);
    if ((kinds & FIELD_DATE) != 0 && field_date(f->text, f->len, &day)) {
        field_date_text(day, date);
        SHEAF_ASSERT(strstr(f->text, date) != NULL);
    }
}

/* Reads to the end; returns how it ended and the digest of what came. */
static int read_all(struct csv *c, uint8_t digest[HASH_BYTES])
{
    const struct csv_field *fields;
    struct diag d = {0};
    uint32_t n, width = 0;
    hash_state h;
    int more;

    hash_begin(&h);
    while ((more = csv_next(c, &fields, &n, &d)) == 1) {
        SHEAF_ASSERT(n > 0 && (width == 0 || n == width));
        width = n;
        for (uint32_t i = 0; i < n; i++) {
            check_field(&fields[i]);
            hash_update(&h, fields[i].text, fields[i].len + 1);
        }
    }
    SHEAF_ASSERT(more == 0 || more == SHEAF_EINVAL);
    SHEAF_ASSERT((more == 0) == (d.text[0] == '\0'));
    SHEAF_ASSERT(more == 0 || strncmp(d.text, "t.csv:", 6) == 0);
    hash_end(&h, digest);
    return more;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int lines = 0; lines < 2; lines++) {
        uint8_t first[HASH_BYTES], second[HASH_BYTES];
        struct csv *c = csv_open_memory("t.csv", data, size, NULL);
        if (c == NULL)
            return 0;
        if (lines == 1)
            csv_set_lines(c);
        int one = read_all(c, first);
        SHEAF_ASSERT(csv_rewind(c, NULL) == 0);
        int two = read_all(c, second);
        SHEAF_ASSERT(one == two && memcmp(first, second, HASH_BYTES) == 0);
        csv_close(c);
    }
    return 0;
}
