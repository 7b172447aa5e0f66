/* SPDX-License-Identifier: MIT
 *
 * docs/protocol.md is what other languages are written from: each message and each struct must stand there with all its
 * fields, in order, with their types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/proto.h"

#include <stdio.h>
#include <string.h>

static struct buf page;

static const char *type_name(enum codec_kind kind)
{
    static const char *const names[] = {
        [CODEC_U64] = "u64",   [CODEC_I64] = "i64",   [CODEC_U32] = "u32",   [CODEC_F64] = "f64",
        [CODEC_BOOL] = "bool", [CODEC_TEXT] = "text", [CODEC_BIN] = "bytes", [CODEC_ARRAY] = "list of ",
    };
    return names[kind];
}

static void check_table(const char *heading, const struct codec *c);

/* The row of field i, and the struct that its list is made of. */
static const char *check_row(const char *at, const char *heading, size_t i, const struct codec_field *f)
{
    char row[256];
    const char *element = f->kind == CODEC_ARRAY ? f->of->name + strlen("struct msg_") : "";
    snprintf(row, sizeof(row), "\n| %u | `%s` | %s%s ", (unsigned)i, f->name, type_name(f->kind), element);
    const char *found = strstr(at, row), *next = strstr(at, "\n### ");
    if (!found || (next && found > next)) {
        fail_msg("docs/protocol.md, %s: no row like \"%s...\"", heading, row + 1);
        return at;
    }
    if (f->kind == CODEC_ARRAY)
        check_table(element, f->of);
    return found + 1;
}

static void check_table(const char *heading, const struct codec *c)
{
    char line[256];
    snprintf(line, sizeof(line), "\n### %s\n", heading);
    const char *at = strstr((const char *)page.data, line);
    if (!at) {
        fail_msg("docs/protocol.md has no heading \"%s\"", heading);
        return;
    }
    at += strlen(line);
    for (size_t i = 0; i < c->n_fields; i++)
        at = check_row(at, heading, i, &c->fields[i]);
    snprintf(line, sizeof(line), "\n| %u | `", (unsigned)c->n_fields);
    const char *more = strstr(at, line), *next = strstr(at, "\n### ");
    if (more && (!next || more < next))
        fail_msg("docs/protocol.md, %s has more fields than the message", heading);
}

static void every_message_is_documented_field_by_field(void **state)
{
    (void)state;
    FILE *f = fopen(SHEAF_SOURCE_DIR "/docs/protocol.md", "rb");
    assert_non_null(f);
    char bytes[4096];
    for (size_t n; (n = fread(bytes, 1, sizeof(bytes), f)) > 0;)
        assert_int_equal(buf_append(&page, bytes, n), 0);
    fclose(f);
    assert_int_equal(buf_append(&page, "", 1), 0);
    for (uint32_t type = 0; type < 200; type++) {
        char heading[64];
        snprintf(heading, sizeof(heading), "%s %u", proto_name(type), (unsigned)type);
        if (proto_codec(type))
            check_table(heading, proto_codec(type));
    }
    buf_finish(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_documented_field_by_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
