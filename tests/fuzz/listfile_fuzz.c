/* SPDX-License-Identifier: MIT
 *
 * listfile_fuzz: any bytes as a list of trials, CSV or JSON lines, are refused with a line, or become codes that all
 * stand in their dictionary. An input that begins with '{' is JSON lines.
 */
#include "sweep/listfile.h"
#include "sweep/sweepfile_fixture.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_axis(const struct plan_axis *a, uint64_t trials)
{
    const uint8_t *c = a->codes.data;
    SHEAF_ASSERT(a->codes.len == trials * 4);
    for (uint64_t t = 0; t < trials; t++, c += 4)
        SHEAF_ASSERT(((uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24) <
                     a->n_values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    struct place at = {"s.yaml", 1, 1};
    const char *name = data[0] == '{' ? "t.jsonl" : "t.csv";
    struct listfile_in in = {name, ".", &fixture_plugin, 0, &at};
    struct plan_axis axes[16];
    struct plan plan = {.axes = axes};
    struct arena arena;
    struct diag d = {{0}};
    arena_init(&arena, (size_t)256 << 20);
    if (file != NULL && listfile_parse(&in, file, name, &arena, &plan, &d) == 0)
        for (uint32_t i = 0; i < plan.n_axes; i++)
            check_axis(&plan.axes[i], plan.trials);
    else if (file != NULL)
        SHEAF_ASSERT(strncmp(d.text, name, strlen(name)) == 0);
    if (file != NULL)
        fclose(file);
    arena_finish(&arena);
    return 0;
}
