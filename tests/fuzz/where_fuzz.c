/* SPDX-License-Identifier: MIT
 *
 * where_fuzz: any text is refused with a column, or becomes a constraint that holds or does not, each time the same.
 */
#include "sweep/where.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const char *choices[] = {"equal", "ic"};
static struct plan_param params[] = {
    {.name = "a", .type = SHEAF_INT},  {.name = "b", .type = SHEAF_FLOAT},
    {.name = "c", .type = SHEAF_TEXT}, {.name = "d", .type = SHEAF_CHOICE, .choices = choices, .n_choices = 2},
    {.name = "e", .type = SHEAF_BOOL},
};
static const struct plan_plugin plugin = {.params = params, .n_params = 5};
static const struct sheaf_value values[] = {
    {.i = INT64_MIN, .f = -9223372036854775808.0}, {.f = 0.5}, {.text = "x"}, {.i = 1, .text = "ic"}, {.i = 1}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    struct diag d = {""};
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    struct where *w = where_compile(text, &plugin, &d);
    SHEAF_ASSERT((w == NULL) == (strncmp(d.text, "column ", 7) == 0));
    if (w)
        SHEAF_ASSERT(where_holds(w, values) == where_holds(w, values));
    where_destroy(w);
    free(text);
    return 0;
}
