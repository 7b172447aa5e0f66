/* SPDX-License-Identifier: MIT
 *
 * descriptor_fuzz: what a describing child says that its plugin is (the child runs foreign code: any bytes), and a sweep file that
 * is checked against it. A script of two kinds of steps: 0, the descriptor; 1, the sweep file; the last of each kind
 * counts. Either is refused with a line, or a plan comes out that decodes.
 */
#include "sweep/sweepfile.h"
#include "sweep/sweepfile_fixture.h"
#include "sweep/sweepfile_impl.h"
#include "tests/fuzz/descriptor_sweep.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/script.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY ((size_t)64 << 20)

static void check_plan(const struct plan *p, struct arena *arena)
{
    struct buf bytes = {0};
    struct plan back;
    struct diag d = {""};
    int err = plan_encode(p, &bytes);
    SHEAF_ASSERT(err == 0 || err == SHEAF_ELIMIT || err == SHEAF_ENOMEM);
    if (err == 0) { /* a descriptor that cannot be is found out here at the latest, as the broker does */
        err = plan_decode(bytes.data, bytes.len, arena, &back, &d);
        SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
    }
    buf_finish(&bytes);
}

static void resolve(const struct sweepfile *f, const struct plan_plugin *plugin, struct arena *arena)
{
    struct plan plan;
    struct diag d = {""};
    if (ynode_find(f->root, "search.file") != NULL)
        return; /* would open whatever the input names */
    int err = sweepfile_plan(f, plugin, fixture_sources(DATA_GOOD, "/d"), arena, &plan, &d);
    SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
    if (err == 0)
        check_plan(&plan, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {data, data + size};
    struct step s, descriptor = {.kind = 0};
    const char *text = DESCRIPTOR_SWEEP;
    size_t len = sizeof(DESCRIPTOR_SWEEP) - 1;
    while (script_next(&script, &s)) {
        if (s.kind == 0)
            descriptor = s;
        if (s.kind == 1) {
            text = (const char *)s.bytes;
            len = s.len;
        }
    }
    uint8_t *bytes = malloc(descriptor.len ? descriptor.len : 1); /* exactly so many, for the address sanitizer */
    SHEAF_ASSERT(bytes);
    if (descriptor.len > 0)
        memcpy(bytes, descriptor.bytes, descriptor.len);
    struct plan_plugin plugin;
    struct sweep_overrides none = {.set = NULL};
    struct diag d = {""};
    struct arena arena;
    arena_init(&arena, MEMORY);
    struct sweepfile *f = sweepfile_parse("s.yaml", text, len, &none, &d);
    if (f != NULL && codec_decode(&plan_plugin_codec, bytes, descriptor.len, &arena, &plugin, &d) == 0)
        resolve(f, &plugin, &arena);
    sweepfile_destroy(f);
    arena_finish(&arena);
    free(bytes);
    return 0;
}
