/* SPDX-License-Identifier: MIT
 *
 * sweepfile_fuzz: any bytes are refused with one line that names a place, or become a plan that decodes again. What
 * follows a NUL byte is the text of a --set.
 */
#include "sweep/sweepfile.h"
#include "sweep/sweepfile_fixture.h"
#include "sweep/sweepfile_impl.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY ((size_t)256 << 20)

static void check_line(const struct diag *d)
{
    SHEAF_ASSERT(strncmp(d->text, "s.yaml:", 7) == 0 || strncmp(d->text, "--set ", 6) == 0);
    SHEAF_ASSERT(strchr(d->text, '\n') == NULL);
}

static void check_plan(const struct plan *p, struct arena *arena)
{
    struct buf bytes = {0};
    struct plan back;
    struct diag d = {{0}};
    int err = plan_encode(p, &bytes);
    SHEAF_ASSERT(err == 0 || err == SHEAF_ELIMIT || err == SHEAF_ENOMEM);
    if (err == 0)
        SHEAF_ASSERT(plan_decode(bytes.data, bytes.len, arena, &back, &d) == 0 && back.trials == p->trials);
    buf_finish(&bytes);
}

static void resolve(const struct sweepfile *f)
{
    if (ynode_find(f->root, "search.file") != NULL || ynode_find(f->root, "keys.files") != NULL)
        return; /* would open or look for whatever the input names; listfile_fuzz covers what is in a list */
    struct arena arena;
    struct plan plan;
    struct diag d = {{0}};
    arena_init(&arena, MEMORY);
    int err = sweepfile_plan(f, &fixture_plugin, fixture_sources(DATA_KEYED, "/d"), &arena, &plan, &d);
    if (err == 0)
        check_plan(&plan, &arena);
    else
        check_line(&d);
    arena_finish(&arena);
}

/* Is it one that can be read? */
static bool try_file(const char *bytes, size_t len, const struct sweep_overrides *o)
{
    struct diag d = {{0}};
    struct sweepfile *f = sweepfile_parse("s.yaml", bytes, len, o, &d);
    if (f != NULL)
        resolve(f);
    else
        check_line(&d);
    sweepfile_destroy(f);
    return f != NULL;
}

/* How many stages has it? 0 as well when they are wrong. */
static uint32_t count_stages(const uint8_t *bytes, size_t len, const struct sweep_overrides *o)
{
    const struct buf text = {.data = (uint8_t *)(uintptr_t)bytes, .len = len};
    struct sweep_stages stages;
    struct arena arena;
    struct diag d = {{0}};
    arena_init(&arena, 0);
    if (sweepfile_stages("s.yaml", &text, o, &arena, &stages, &d) != 0)
        check_line(&d);
    arena_finish(&arena);
    return stages.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
    size_t len = nul != NULL ? (size_t)(nul - data) : size;
    size_t rest = nul != NULL ? size - len - 1 : 0;
    char *text = calloc(1, rest + 1);
    const char *set[] = {text};
    struct sweep_overrides o = {.set = set, .n_set = nul != NULL};
    if (text == NULL)
        return 0;
    if (rest > 0)
        memcpy(text, nul + 1, rest);
    uint32_t stages = count_stages(data, len, &o);
    bool one = try_file(size > 0 ? (const char *)data : "", len, &o);
    SHEAF_ASSERT(!one || stages == 0);
    for (o.stage = 1; o.stage <= stages; o.stage++)
        (void)try_file((const char *)data, len, &o);
    free(text);
    return 0;
}
