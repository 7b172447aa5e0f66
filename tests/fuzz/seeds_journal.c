/* SPDX-License-Identifier: MIT
 *
 * seeds_journal: one change of each kind, in every column.
 */
#include "common/err.h"
#include "tests/fuzz/journal_script.h"
#include "tests/fuzz/seeds.h"

#include <stdio.h>
#include <string.h>

static void value(struct buf *out, uint8_t column, uint8_t row, uint8_t type, const char *bytes, size_t len)
{
    uint8_t all[64] = {row, type};
    memcpy(all + 2, bytes, len);
    script_put(out, JOURNAL_STEP_VALUE, column, all, 2 + len);
}

void seeds_journal(const char *dir)
{
    static const char *const kinds[] = {"", "\5\0\0\0\0\0\0\x80", "text", "\xff\xfe"};
    static const size_t lengths[] = {0, 8, 4, 2};
    struct buf out = {0};
    char name[32];
    seed_write(dir, "journal", "untouched", &out);
    for (uint8_t type = 0; type < 4; type++) {
        out.len = 0;
        for (size_t c = 0; c < sizeof(journal_columns) / sizeof(journal_columns[0]); c++)
            if (strncmp(journal_columns[c], "plan", 4) != 0 && strncmp(journal_columns[c], "snap", 4) != 0)
                value(&out, (uint8_t)c, 0, type, kinds[type], lengths[type]);
        snprintf(name, sizeof(name), "values_%u", type);
        seed_write(dir, "journal", name, &out);
    }
    out.len = 0;
    for (uint8_t table = 0; table < 3; table++)
        script_put(&out, JOURNAL_STEP_COPY, table, NULL, 0);
    value(&out, 12, 0, 1, "\1\0\0\0\0\0\0\0", 8);
    seed_write(dir, "journal", "copies", &out);
    out.len = 0;
    script_put(&out, JOURNAL_STEP_PATCH, 0, "\0\2\0\0\x0d\0\0\0", 8);
    script_put(&out, JOURNAL_STEP_LOG, 0, "\x37\x7f\x06\x82", 4);
    seed_write(dir, "journal", "patched", &out);
    script_put(&out, JOURNAL_STEP_CUT, 0, "\0\x10", 2);
    seed_write(dir, "journal", "cut", &out);
    buf_finish(&out);
}
